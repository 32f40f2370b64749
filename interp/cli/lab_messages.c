#include "cli/lab.h"

#define SERIES "WITH RECURSIVE n(id) AS (SELECT ? UNION ALL SELECT id + 1 FROM n WHERE id < ?) "

bool bsc_lab_sql_range(struct bsc_sql *sql, const char *statement, int64_t first, int64_t last,
                       struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_int(first));
    bsc_value_append(params, bsc_value_int(last));
    bool ok = bsc_sql_run(sql, statement, params, &limits, &result, err);
    bsc_value_free(params);
    bsc_sql_result_release(&result);
    return ok;
}

bool bsc_lab_acknowledge(struct bsc_sql *ledger, int64_t first, int64_t last, struct bsc_err *err)
{
    return bsc_lab_sql_range(ledger, SERIES "INSERT INTO acknowledged SELECT id FROM n", first,
                             last, err);
}

/* Numbers are never given twice, not even those of messages that were lost. */
static bool last_number(struct bsc_sql *database, struct bsc_sql *ledger, int64_t *ret_last,
                        struct bsc_err *err)
{
    int64_t known = 0;
    if (!bsc_lab_sql_number(database, "SELECT max(id) FROM tblChatMessage", ret_last, err) ||
        !bsc_lab_sql_number(ledger, "SELECT max(id) FROM acknowledged", &known, err))
        return false;
    if (known > *ret_last)
        *ret_last = known;
    return true;
}

/* The ledger is what the clients know: they are told only after the commit. */
bool bsc_lab_add_messages(struct bsc_sql *primary, struct bsc_sql *ledger, int64_t count,
                          struct bsc_err *err)
{
    int64_t last = 0;
    return last_number(primary, ledger, &last, err) &&
           bsc_lab_sql_range(primary,
                             SERIES
                             "INSERT INTO tblChatMessage (id, room, author, sent, body) SELECT id,"
                             " 1 + id % 40, 1 + id % 500, strftime('%Y-%m-%dT%H:%M:%fZ'),"
                             " 'Line ' || id FROM n",
                             last + 1, last + count, err) &&
           bsc_lab_acknowledge(ledger, last + 1, last + count, err);
}
