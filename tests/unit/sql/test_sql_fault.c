#include "sql_fixture.h"

#include "fault_odbc.h"

enum { CALLS_MAX = 500 };

/* How far a scenario came. */
struct outcome {
    bool opened;
    bool written;
    bool read;
    struct bsc_err err;
};

static bool write_rows(struct bsc_sql *sql, struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_int(1));
    bsc_value_append(params, bsc_value_text("two"));
    bsc_value_append(params, bsc_value_null());
    bool good = bsc_sql_run(sql, "INSERT INTO t VALUES (?), (?), (?)", params, NULL, &result, err);
    assert_true(good || result.sets == NULL);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return good;
}

static bool read_rows(struct bsc_sql *sql, struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    bool good = bsc_sql_run(sql, "SELECT a, 'x', x'00ff', NULL FROM t", NULL, NULL, &result, err);
    assert_true(!good || bsc_value_count(rows_of(&result, 0)) == 3);
    assert_true(good || result.sets == NULL);
    bsc_sql_result_release(&result);
    return good;
}

/* Connects, writes three rows, reads them back, disconnects. */
static struct outcome play(const char *path, struct fault_odbc *fault)
{
    struct outcome outcome = {.err = BSC_ERR_INIT};
    struct bsc_sql *sql = try_open(path, false, &fault->calls, &outcome.err);
    outcome.opened = sql != NULL;
    if (outcome.opened)
        outcome.written = write_rows(sql, &outcome.err);
    if (outcome.written)
        outcome.read = read_rows(sql, &outcome.err);
    bsc_sql_close(sql);
    return outcome;
}

static void assert_clear(const struct outcome *outcome, const struct fault_odbc *fault)
{
    const struct bsc_err *err = &outcome->err;
    if (err->code == BSC_ERR_NONE)
        fail_msg("a failed %s gave no error", fault->failed);
    assert_non_null(strstr(err->message, "server \"sql1\""));
    assert_int_equal(outcome->opened, strstr(err->message, "cannot connect") == NULL);
    /* A connection that an unnoticed failure wore out says so without a cause. */
    assert_true(err->cause[0] != '\0' || strstr(err->message, "is broken") != NULL);
}

/* Fails one call after another until the scenario gets through; after each failure the database is
 * looked at through calls that work. */
static int fail_each(void **state, bool sticky, const char *sqlstate)
{
    char *path = database_make(state, sqlstate);
    int n = 0;
    struct bsc_sql *judge = open_good(path, false);
    run_plain(judge, "CREATE TABLE t (a)");
    for (n = 1; n < CALLS_MAX; n++) {
        struct fault_odbc fault;
        fault_odbc_init(&fault);
        memcpy(fault.sqlstate, sqlstate, 6);
        fault_odbc_arm(&fault, n, sticky);
        int fds = unit_fd_count();
        run_plain(judge, "DELETE FROM t");
        struct outcome outcome = play(path, &fault);
        int64_t rows = number_of(judge, "SELECT count(*) FROM t");
        assert_true(rows == 3 || (rows == 0 && !outcome.written));
        assert_int_equal(unit_fd_count(), fds);
        if (!outcome.read)
            assert_clear(&outcome, &fault);
        if (!fault.hit)
            break;
    }
    assert_true(n < CALLS_MAX);
    bsc_sql_close(judge);
    free(path);
    return n - 1;
}

static void every_call_may_fail_once(void **state)
{
    assert_true(fail_each(state, false, "HY000") > 40);
    assert_true(fail_each(state, false, "08S01") > 40);
}

static void every_call_may_fail_for_good(void **state)
{
    assert_true(fail_each(state, true, "HY000") > 40);
    assert_true(fail_each(state, true, "08S01") > 40);
}

/* Which calls a failure of may go unnoticed: those that only tidy up or look for more to say. */
static void only_harmless_failures_go_unnoticed(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *judge = open_good(path, false);
    run_plain(judge, "CREATE TABLE t (a)");
    for (int n = 1; n < CALLS_MAX; n++) {
        struct fault_odbc fault;
        fault_odbc_init(&fault);
        fault_odbc_arm(&fault, n, false);
        run_plain(judge, "DELETE FROM t");
        struct outcome outcome = play(path, &fault);
        if (!fault.hit)
            break;
        if (outcome.read && strcmp(fault.failed, "SQLFreeHandle") != 0 &&
            strcmp(fault.failed, "SQLDisconnect") != 0 &&
            strcmp(fault.failed, "SQLGetDiagRec") != 0)
            fail_msg("a failed %s went unnoticed", fault.failed);
    }
    bsc_sql_close(judge);
    free(path);
}

static void a_lost_connection_is_not_used_again(void **state)
{
    char *path = database_make(state, "a.db");
    struct fault_odbc fault;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    fault_odbc_init(&fault);
    memcpy(fault.sqlstate, "08S01", 6);
    struct bsc_sql *sql = try_open(path, true, &fault.calls, &err);
    assert_non_null(sql);
    fault_odbc_arm(&fault, 2, false);
    assert_false(bsc_sql_run(sql, "SELECT 1", NULL, NULL, &result, &err));
    assert_string_equal(fault.failed, "SQLExecDirect");
    assert_int_equal(err.code, BSC_ERR_UNREACHABLE);
    assert_int_equal(err.retryable, BSC_RETRY_YES);
    assert_false(bsc_sql_reusable(sql));
    bsc_sql_close(sql);
    free(path);
}

/* What a driver says that is asked, by the number to which `self` points. */
static SQLRETURN says(void *self, SQLHDBC dbc, SQLINTEGER name, SQLUINTEGER *ret)
{
    (void)dbc;
    if (name == SQL_ATTR_CONNECTION_DEAD)
        *ret = *(const SQLUINTEGER *)self;
    else
        *ret = SQL_AUTOCOMMIT_ON;
    return SQL_SUCCESS;
}

static void a_driver_that_is_asked_owns_up_that_its_connection_is_gone(void **state)
{
    static const SQLUINTEGER answers[] = {SQL_CD_FALSE, SQL_CD_TRUE};
    char *path = database_make(state, "a.db");
    for (size_t i = 0; i < 2; i++) {
        struct bsc_sql_calls calls = *bsc_sql_calls_real();
        SQLUINTEGER answer = answers[i];
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_sql_result result = {0};
        calls.self = &answer;
        calls.get_connect_attr = says;
        struct bsc_sql *sql = try_open(path, true, &calls, &err);
        assert_non_null(sql);
        assert_false(bsc_sql_run(sql, "SELECT a FROM nowhere", NULL, NULL, &result, &err));
        bool dead = answer == SQL_CD_TRUE;
        assert_int_equal(err.code, dead ? BSC_ERR_UNREACHABLE : BSC_ERR_SQL);
        assert_int_equal(bsc_sql_lost(&err), dead);
        assert_int_equal(bsc_sql_reusable(sql), !dead);
        bsc_sql_close(sql);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(every_call_may_fail_once),
        UNIT_IN_FOLDER(every_call_may_fail_for_good),
        UNIT_IN_FOLDER(only_harmless_failures_go_unnoticed),
        UNIT_IN_FOLDER(a_lost_connection_is_not_used_again),
        UNIT_IN_FOLDER(a_driver_that_is_asked_owns_up_that_its_connection_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
