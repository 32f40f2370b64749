#include "cli/lab.h"

#include <string.h>

#include "base/mem.h"
#include "logs/copy_state.h"

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

static bool restart(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_end(lab, true, err) && bsc_lab_staff_start(lab, err);
}

static bool end(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_end(lab, true, err);
}

const struct bsc_lab_kind bsc_lab_embedded = {
    .platform = "sqlite",
    .faults = bsc_lab_embedded_faults,
    .make = bsc_lab_new,
    .work = bsc_lab_work,
    .failed_over = failed_over,
    .restart = restart,
    .end = end,
    .gather = gather,
};
