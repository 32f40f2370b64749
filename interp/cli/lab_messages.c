#include "cli/lab.h"

static bool run_with(struct bsc_sql *sql, const char *statement, int64_t id, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_int(id));
    bool ok = bsc_sql_run(sql, statement, params, &limits, &result, err);
    bsc_value_free(params);
    bsc_sql_result_release(&result);
    return ok;
}

bool bsc_lab_add_messages(struct bsc_sql *primary, struct bsc_sql *ledger, int64_t count,
                          struct bsc_err *err)
{
    int64_t last = 0;
    if (!bsc_lab_sql_number(primary, "SELECT max(id) FROM tblChatMessage", &last, err))
        return false;
    for (int64_t id = last + 1; id <= last + count; id++) {
        /* The ledger is what a client knows: it is told only after the commit. */
        if (!run_with(
                primary,
                "INSERT INTO tblChatMessage (id, room, author, sent, body) SELECT id, 1 + id % 40,"
                " 1 + id % 500, strftime('%Y-%m-%dT%H:%M:%fZ'), 'Line ' || id"
                " FROM (SELECT ? AS id)",
                id, err) ||
            !run_with(ledger, "INSERT INTO acknowledged VALUES (?)", id, err))
            return false;
    }
    return true;
}
