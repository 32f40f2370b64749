/*
 * A PostgreSQL cluster that tests write real logs with, in a folder of its own: no server, no
 * socket, only statements that the program carries out alone. A cluster that is `killed` has not
 * been shut down: its log ends as after a crash.
 */
#ifndef BSC_UNIT_PG_CLUSTER_H
#define BSC_UNIT_PG_CLUSTER_H

#include "unit.h"

#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"

struct pg_cluster {
    char *folder;   /* owned */
    char *wal;      /* owned: folder of the log files */
    char *programs; /* owned: folder of the newest version's programs */
};

/* Runs a line of shell as the user who may: PostgreSQL does not work as root. */
static inline void pg_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void pg_shell(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const char *const drop[] = {
        "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", "sh", "-c", line,
        NULL};
    const struct bsc_process_order order = {
        .argv = geteuid() == 0 ? drop : drop + 5, .timeout_ms = 60000, .output_max = 4096};
    struct bsc_process_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_process_run(&order, &result, &err))
        fail_msg("%s: %s", line, err.message);
    if (result.exit_status != 0)
        fail_msg("%s\n%s", line, result.err.data);
    bsc_process_result_release(&result);
}

/* A statement that takes the log to some 300 KiB into a file of 1 MiB, how ever much of it a
 * version of PostgreSQL has written until then. */
#define PG_FILL                                                                                    \
    "SELECT pg_logical_emit_message(false, 'fill', repeat('x', ((1358954 - "                       \
    "(pg_current_wal_insert_lsn() - '0/0') % 1048576) % 1048576)::int));\n\n"

/* Carries out statements; each is a transaction of its own. With `kill` the program is killed at
 * their end. */
static inline void pg_run(const struct pg_cluster *cluster, bool kill, const char *statements)
{
    char *path = unit_path(cluster->folder, "statements");
    char *text = bsc_mem_format("%s%s", statements,
                                kill ? "COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID';\n\n" : "");
    unit_file_put(path, text, strlen(text));
    assert_int_equal(chmod(path, 0644), 0);
    pg_shell("rm -f %s/data/postmaster.pid; %s/postgres --single -j -D %s/data postgres <%s "
             ">/dev/null 2>%s/messages%s; ! grep -E 'FATAL|ERROR' %s/messages >&2",
             cluster->folder, cluster->programs, cluster->folder, path, cluster->folder,
             kill ? "" : " || exit 1", cluster->folder);
    bsc_mem_free(text);
    free(path);
}

static inline void pg_cluster_make(struct pg_cluster *cluster)
{
    glob_t found = {0};
    struct passwd *user = getpwnam("postgres");
    assert_int_equal(glob("/usr/lib/postgresql/*/bin", 0, NULL, &found), 0);
    cluster->programs = bsc_mem_text(found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    cluster->folder = unit_folder_make();
    cluster->wal = unit_path(cluster->folder, "data/pg_wal");
    if (geteuid() == 0) {
        assert_non_null(user);
        assert_int_equal(chown(cluster->folder, user->pw_uid, user->pw_gid), 0);
    }
    pg_shell("%s/initdb -D %s/data --wal-segsize=1 -A trust -N >/dev/null", cluster->programs,
             cluster->folder);
    pg_shell("printf '%%s\n' 'fsync = off' 'max_prepared_transactions = 5' 'wal_keep_size = 1GB' "
             "'max_wal_size = 2GB' 'min_wal_size = 80MB' 'wal_level = replica' 'autovacuum = off' "
             "'wal_compression = on' "
             ">>%s/data/postgresql.conf",
             cluster->folder);
}

static inline void pg_cluster_remove(struct pg_cluster *cluster)
{
    unit_folder_remove(cluster->folder);
    free(cluster->wal);
    bsc_mem_free(cluster->programs);
}

/* Where the first log file of a folder begins; 0: there is none. */
static inline uint64_t first_file(const char *folder, uint32_t segment)
{
    struct bsc_files_list list = {0};
    struct bsc_err err = BSC_ERR_INIT;
    uint64_t lsn = 0;
    assert_true(bsc_files_list(folder, &list, &err));
    for (size_t i = 0; lsn == 0 && i < list.count; i++)
        if (strlen(list.names[i]) == 24)
            lsn = strtoull(list.names[i] + 16, NULL, 16) * segment;
    bsc_files_list_release(&list);
    return lsn;
}

#endif
