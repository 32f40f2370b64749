#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/process.h"

#define VERSIONS "/usr/lib/postgresql"

enum { OLDEST_VERSION = 13, OUTPUT_MAX = 4096, TIMEOUT_MS = 120000 };

void bsc_lab_pg_argv_make(struct bsc_lab_pg_argv *argv, const char *const *words)
{
    static const char *const drop[] = {"setpriv", "--reuid=postgres", "--regid=postgres",
                                       "--init-groups", "--"};
    size_t count = 0;
    memset(argv, 0, sizeof *argv);
    if (geteuid() == 0) {
        memcpy(argv->words, drop, sizeof drop);
        count = sizeof drop / sizeof drop[0];
    }
    for (; *words != NULL; words++) {
        BSC_BUG_ON(count + 1 >= BSC_LAB_PG_ARGV);
        argv->words[count++] = *words;
    }
}

bool bsc_lab_pg_run(const char *const *words, bool without_root, struct bsc_err *err)
{
    struct bsc_lab_pg_argv argv;
    struct bsc_process_result result = {0};
    bsc_lab_pg_argv_make(&argv, words);
    struct bsc_process_order order = {.argv = without_root ? argv.words : words,
                                      .timeout_ms = TIMEOUT_MS,
                                      .output_max = OUTPUT_MAX};
    if (!bsc_process_run(&order, &result, err))
        return false;
    bool ok = result.exit_status == 0;
    if (!ok) {
        bsc_err_set(err, BSC_ERR_IO, "%s did not get through", bsc_files_name_of(words[0]));
        bsc_err_detail(err, "%s", result.err.data);
    }
    bsc_process_result_release(&result);
    return ok;
}

bool bsc_lab_pg_give(const struct bsc_lab *lab, struct bsc_err *err)
{
    const char *const words[] = {"chown", "-R", "postgres:", lab->folder, NULL};
    return geteuid() != 0 || bsc_lab_pg_run(words, false, err);
}

/* Returns owned; NULL when the program is not in the folder. */
static char *program_in(const char *folder, const char *name)
{
    char *path = bsc_files_join(folder, name);
    if (access(path, X_OK) == 0)
        return path;
    bsc_mem_free(path);
    return NULL;
}

/* The newest of Debian's versions that has a server; returns owned. */
static char *newest_programs(void)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    char *newest = NULL;
    int64_t best = OLDEST_VERSION - 1;
    bool there = bsc_files_list(VERSIONS, &list, &ignored);
    for (size_t i = 0; there && i < list.count; i++) {
        int64_t version = 0;
        char *folder = bsc_mem_format(VERSIONS "/%s/bin", list.names[i]);
        char *server = program_in(folder, "postgres");
        bool better = bsc_num_parse(list.names[i], strlen(list.names[i]), &version) &&
                      version > best && server != NULL;
        bsc_mem_free(server);
        if (better) {
            bsc_mem_free(newest);
            newest = folder;
            best = version;
        } else {
            bsc_mem_free(folder);
        }
    }
    bsc_files_list_release(&list);
    return newest;
}

/* Whoever dials in vain has a driver to dial with: a driver that is missing is told otherwise. */
static bool has_driver(const struct bsc_lab *lab)
{
    struct bsc_err failure = BSC_ERR_INIT;
    struct bsc_sql *sql = bsc_lab_pg_open(lab, ".lab", "none", &failure);
    bool there = sql != NULL || strncmp(failure.sqlstate, "08", 2) == 0;
    bsc_sql_close(sql);
    return there;
}

static bool say_missing(const char *what, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_NOT_FOUND, "a practice site on PostgreSQL needs %s", what);
    return bsc_err_hint(err, "As root: apt-get install --no-install-recommends postgresql "
                             "odbc-postgresql haproxy");
}

bool bsc_lab_pg_programs_find(const struct bsc_lab *lab, struct bsc_lab_pg_programs *ret,
                              struct bsc_err *err)
{
    struct bsc_lab_pg_programs found = {0};
    char *folder = newest_programs();
    if (folder != NULL) {
        found.server = program_in(folder, "postgres");
        found.initdb = program_in(folder, "initdb");
    }
    bsc_mem_free(folder);
    found.haproxy = program_in("/usr/sbin", "haproxy");
    bool ok = false;
    if (found.server == NULL || found.initdb == NULL)
        say_missing("a PostgreSQL server, version 13 or newer, in " VERSIONS, err);
    else if (found.haproxy == NULL && lab->kind == &bsc_lab_postgresql)
        say_missing("HAProxy", err);
    else if (!has_driver(lab))
        say_missing("the ODBC driver \"PostgreSQL Unicode\"", err);
    else
        ok = true;
    if (ok)
        *ret = found;
    else
        bsc_lab_pg_programs_release(&found);
    return ok;
}

void bsc_lab_pg_programs_release(struct bsc_lab_pg_programs *programs)
{
    bsc_mem_free(programs->server);
    bsc_mem_free(programs->initdb);
    bsc_mem_free(programs->haproxy);
    memset(programs, 0, sizeof *programs);
}
