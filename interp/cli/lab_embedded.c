#include "cli/lab.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/copy_state.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "os/files.h"

struct copy {
    const char *title;
    const char *path;
};

static const struct copy copies[] = {{"sql1 (Atlanta)", BSC_LAB_PRIMARY},
                                     {"sql2 (Atlanta)", BSC_LAB_MIRROR},
                                     {"sql3 (Boston)", BSC_LAB_SECONDARY},
                                     {"sql4 (Boston)", BSC_LAB_NEW_MIRROR}};

enum { COPY_COUNT = sizeof copies / sizeof copies[0] };

static struct bsc_value *state_of(const struct bsc_lab *lab, const char *name)
{
    char *path = bsc_lab_path(lab, name);
    struct bsc_value *facts = bsc_logs_copy_state(lab->cli->sys, path);
    bsc_mem_free(path);
    return facts;
}

static bool is_online(const struct bsc_value *facts)
{
    const char *state = bsc_value_get_string(facts, "state");
    return state != NULL && strcmp(state, "online") == 0;
}

static bool count_messages(const struct bsc_lab *lab, const char *database, const char *statement,
                           int64_t *ret_count, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_sql_open(lab, database, false, err);
    bool ok = sql != NULL && bsc_lab_sql_number(sql, statement, ret_count, err);
    bsc_sql_close(sql);
    return ok;
}

/* Every copy, and where the users' messages are: the online copy is the one that clients use. */
static bool gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    struct bsc_value *list = bsc_value_list();
    int64_t known = 0;
    bool ok = count_messages(lab, BSC_LAB_LEDGER, "SELECT count(*) FROM acknowledged", &known, err);
    bsc_value_set(status, "copies", list);
    for (size_t i = 0; ok && i < COPY_COUNT; i++) {
        struct bsc_value *facts = state_of(lab, copies[i].path);
        int64_t kept = 0;
        bsc_value_set_text(facts, "title", copies[i].title);
        if (is_online(facts)) {
            ok = count_messages(lab, copies[i].path, "SELECT count(*) FROM tblChatMessage", &kept,
                                err);
            bsc_value_set_int(facts, "messages", kept);
        }
        bsc_value_append(list, facts);
    }
    bsc_value_set_int(status, "acknowledged", known);
    bsc_value_set_bool(status, "writer", bsc_lab_staff_alive(lab, "writer"));
    return ok;
}

static bool failed_over(const struct bsc_lab *lab, bool *ret, struct bsc_err *err)
{
    int64_t count = 0;
    struct bsc_sql *sql = bsc_lab_sql_open(lab, BSC_LAB_POOL, false, err);
    bool ok =
        sql != NULL &&
        bsc_lab_sql_number(sql, "SELECT count(*) FROM pool WHERE state <> 'Normal'", &count, err);
    bsc_sql_close(sql);
    *ret = count > 0;
    return ok;
}

static bool rename_with(const struct bsc_lab *lab, const char *from, const char *to,
                        const char *ending, struct bsc_err *err)
{
    const struct bsc_sys *sys = lab->cli->sys;
    char *old = bsc_mem_format("%s%s", from, ending);
    char *new = bsc_mem_format("%s%s", to, ending);
    bool ok = !bsc_files_exists(sys, old) || sys->rename(sys->self, old, new) == 0 ||
              bsc_err_sys(err, errno, "cannot rename \"%s\"", old);
    bsc_mem_free(old);
    bsc_mem_free(new);
    return ok;
}

/* It keeps its log and its sidecar, under names that still belong together: whoever wants to know
 * what it had committed can look. The file itself goes first, so that nobody opens it any more. */
static bool fence_file(const struct bsc_lab *lab, const char *db, struct bsc_err *err)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".state"};
    char *aside = bsc_logs_leftover_name(lab->cli->sys, db);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof endings / sizeof endings[0]; i++)
        ok = rename_with(lab, db, aside, endings[i], err);
    ok = ok && bsc_files_sync_parent(lab->cli->sys, db, err);
    if (ok)
        bsc_cli_say(lab->cli, "the old primary is fenced: its database is kept as %s\n",
                    bsc_files_name_of(aside));
    bsc_mem_free(aside);
    return ok;
}

/* A copy that was handed over is closed already. */
static bool can_be_opened(const struct bsc_lab *lab, const char *db)
{
    struct bsc_logs_db_header header = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    return bsc_logs_db_header_read(lab->cli->sys, db, &header, &ignored) &&
           header.mark != BSC_LOGS_MARK_RESTORING;
}

/* Wherever its disk is: at home, lost with its data centre, or rescued. */
static bool fence(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const places[] = {BSC_LAB_PRIMARY, BSC_LAB_LOST "/" BSC_LAB_PRIMARY,
                                         "rescued/sql1/mgc.db"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof places / sizeof places[0]; i++) {
        char *db = bsc_lab_path(lab, places[i]);
        ok = !can_be_opened(lab, db) || fence_file(lab, db, err);
        bsc_mem_free(db);
    }
    return ok;
}

static bool restart(const struct bsc_lab *lab, struct bsc_err *err)
{
    bool over = false;
    if (!failed_over(lab, &over, err) || !bsc_lab_staff_end(lab, true, err))
        return false;
    return over ? bsc_lab_staff_return(lab, err) : bsc_lab_staff_start(lab, err);
}

static bool end(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_end(lab, true, err);
}

const struct bsc_lab_kind bsc_lab_embedded = {
    .scenario = BSC_LAB_FAILOVER,
    .platform = "sqlite",
    .mark = "sqlite",
    .faults = bsc_lab_embedded_faults,
    .make = bsc_lab_new,
    .work = bsc_lab_work,
    .failed_over = failed_over,
    .fence = fence,
    .restart = restart,
    .end = end,
    .gather = gather,
    .show = bsc_lab_copies_show,
};
