#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"

static const struct {
    const char *title;
    const char *server;
} copies[] = {{"sql1 (Atlanta)", BSC_LAB_PG_PRIMARY},
              {"sql2 (Atlanta)", BSC_LAB_PG_MIRROR},
              {"sql3 (Boston)", BSC_LAB_PG_SECONDARY},
              {"sql4 (Boston)", BSC_LAB_PG_NEW_MIRROR}};

static bool is_there(const struct bsc_lab *lab, const char *server)
{
    char *name = bsc_mem_format("%s/data/PG_VERSION", server);
    char *path = bsc_lab_path(lab, name);
    char *folder = bsc_lab_path(lab, server);
    bool there = bsc_files_exists(lab->cli->sys, path) || !bsc_files_exists(lab->cli->sys, folder);
    bsc_mem_free(name);
    bsc_mem_free(path);
    bsc_mem_free(folder);
    return there;
}

/* The words of the database facts. A mirror takes the log from its principal, a standby from a
 * folder. */
static bool ask(struct bsc_sql *sql, struct bsc_value *facts, struct bsc_err *err)
{
    int64_t restoring = 0, streaming = 0, kept = 0;
    if (!bsc_lab_sql_number(sql, "SELECT pg_is_in_recovery()::int", &restoring, err) ||
        !bsc_lab_sql_number(sql, "SELECT (current_setting('primary_conninfo') <> '')::int",
                            &streaming, err) ||
        !bsc_lab_sql_number(sql, "SELECT count(*) FROM tblChatMessage", &kept, err))
        return false;
    const char *taking = streaming > 0 ? "mirror" : "standby";
    bsc_value_set_text(facts, "state", restoring == 1 ? taking : "online");
    if (restoring == 0)
        bsc_value_set_int(facts, "messages", kept);
    return true;
}

static bool add_copy(const struct bsc_lab *lab, size_t index, struct bsc_value *list,
                     struct bsc_err *err)
{
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_value *facts = bsc_value_map();
    bsc_value_set_text(facts, "title", copies[index].title);
    bsc_value_append(list, facts);
    struct bsc_sql *sql = bsc_lab_pg_open(lab, copies[index].server, "mgc", &reason);
    if (sql == NULL) {
        bool there = is_there(lab, copies[index].server);
        bsc_value_set_text(facts, "state", there ? "unreachable" : "missing");
        return true;
    }
    bool ok = ask(sql, facts, err);
    bsc_sql_close(sql);
    return ok;
}

static bool count_acknowledged(const struct bsc_lab *lab, int64_t *ret_count, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_sql_open(lab, BSC_LAB_LEDGER, false, err);
    bool ok =
        sql != NULL && bsc_lab_sql_number(sql, "SELECT count(*) FROM acknowledged", ret_count, err);
    bsc_sql_close(sql);
    return ok;
}

/* The ledger first: what comes in meanwhile is in the database and not in the count. */
bool bsc_lab_pg_gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    struct bsc_value *list = bsc_value_list();
    int64_t known = 0;
    bool ok = count_acknowledged(lab, &known, err);
    bsc_value_set(status, "copies", list);
    for (size_t i = 0; ok && i < sizeof copies / sizeof copies[0]; i++)
        ok = add_copy(lab, i, list, err);
    bsc_value_set_int(status, "acknowledged", known);
    bsc_value_set_bool(status, "writer", bsc_lab_staff_alive(lab, "writer"));
    bsc_value_set_bool(status, "haproxy", bsc_lab_staff_alive(lab, "haproxy"));
    bsc_value_set_bool(status, "copy_job", bsc_lab_staff_alive(lab, BSC_LAB_PG_COPY_JOB));
    return ok;
}
