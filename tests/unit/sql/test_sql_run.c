#include "sql_fixture.h"

#include "fault_odbc.h"

static void a_refused_statement_tells_what_the_database_said(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_sql_run(sql, "SELECT a FROM nowhere", NULL, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_SQL);
    assert_string_equal(err.sqlstate, "HY000");
    assert_int_equal(err.native, 1);
    assert_string_equal(err.message, "a statement on server \"sql1\" failed");
    assert_non_null(strstr(err.cause, "no such table: nowhere"));
    assert_null(strchr(err.cause, '['));
    assert_true(bsc_sql_reusable(sql));
    bsc_sql_close(sql);
    free(path);
}

static void changes_are_counted_and_other_statements_are_not(void **state)
{
    static const struct {
        const char *text;
        int64_t affected;
    } cases[] = {
        {"CREATE TABLE t (a INTEGER)", 0},
        {"INSERT INTO t VALUES (1), (2), (3)", 3},
        {"CREATE TABLE u (a INTEGER)", 0},
        {"UPDATE t SET a = a + 1 WHERE a > 1", 2},
        {"UPDATE t SET a = 0 WHERE a = 77", 0},
        {"DELETE FROM t", 3},
        {"DROP TABLE u", 0},
    };
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_sql_result result = run_good(sql, cases[i].text, NULL);
        assert_int_equal(result.affected, cases[i].affected);
        assert_int_equal(bsc_value_count(result.sets), 0);
        bsc_sql_result_release(&result);
    }
    bsc_sql_close(sql);
    free(path);
}

static void a_failed_write_closes_what_it_may_have_left_open(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    run_plain(sql, "CREATE TABLE t (a INTEGER UNIQUE)");
    assert_false(bsc_sql_run(sql,
                             "BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); "
                             "COMMIT",
                             NULL, NULL, &result, &err));
    assert_false(bsc_sql_reusable(sql));
    assert_false(bsc_sql_run(sql, "SELECT 1", NULL, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_UNREACHABLE);
    bsc_sql_close(sql);
    sql = open_good(path, true);
    assert_int_equal(number_of(sql, "SELECT count(*) FROM t"), 0);
    bsc_sql_close(sql);
    free(path);
}

/* The driver here knows no second result. These calls pretend one, as servers give for a batch:
 * each step closes the statement and runs the next text on it. */
struct batch {
    const char *const *texts; /* NULL-terminated; the next to run */
};

static SQLRETURN next_of_batch(void *self, SQLHSTMT stmt)
{
    struct batch *batch = self;
    const char *text = *batch->texts;
    if (text == NULL)
        return SQL_NO_DATA;
    batch->texts++;
    SQLFreeStmt(stmt, SQL_CLOSE);
    return bsc_sql_calls_real()->exec_direct(NULL, stmt, text, (SQLINTEGER)strlen(text));
}

static bool run_batch(const char *path, const char *const *texts, struct bsc_sql_result *result,
                      struct bsc_err *err)
{
    static const char *const nothing[] = {NULL};
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct batch batch = {nothing};
    calls.self = &batch;
    calls.more_results = next_of_batch;
    struct bsc_sql *sql = try_open(path, false, &calls, err);
    assert_non_null(sql);
    batch.texts = texts + 1;
    bool good = bsc_sql_run(sql, texts[0], NULL, NULL, result, err);
    bsc_sql_close(sql);
    return good;
}

static void every_result_of_a_batch_is_kept(void **state)
{
    static const char *const texts[] = {"CREATE TABLE t (a INTEGER)",
                                        "INSERT INTO t VALUES (1), (2)", "SELECT a FROM t",
                                        "SELECT a + 10 AS b FROM t WHERE a = 2", NULL};
    char *path = database_make(state, "a.db");
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(run_batch(path, texts, &result, &err));
    assert_int_equal(bsc_value_count(result.sets), 2);
    assert_int_equal(bsc_value_count(rows_of(&result, 0)), 2);
    assert_int_equal(bsc_value_count(rows_of(&result, 1)), 1);
    assert_int_equal(bsc_value_number(bsc_value_at(bsc_value_at(rows_of(&result, 1), 0), 0), 0),
                     12);
    bsc_sql_result_release(&result);
    free(path);
}

static void an_error_in_a_later_result_fails_but_the_rest_is_drained(void **state)
{
    static const char *const texts[] = {"CREATE TABLE t (a INTEGER)", "SELECT a FROM nowhere",
                                        "SELECT b FROM nowhere_else", "INSERT INTO t VALUES (5)",
                                        NULL};
    char *path = database_make(state, "a.db");
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(run_batch(path, texts, &result, &err));
    assert_non_null(strstr(err.cause, "no such table: nowhere "));
    assert_null(result.sets);
    struct bsc_sql *sql = open_good(path, true);
    assert_int_equal(number_of(sql, "SELECT a FROM t"), 5);
    bsc_sql_close(sql);
    free(path);
}

/* A server that talks while it works: warnings come with success, and with the end. */
struct talk {
    int asked;
};

static SQLRETURN exec_with_info(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    (void)self;
    SQLRETURN rc = bsc_sql_calls_real()->exec_direct(NULL, stmt, text, length);
    return rc == SQL_SUCCESS ? SQL_SUCCESS_WITH_INFO : rc;
}

static SQLRETURN many_records(void *self, SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT record,
                              char sqlstate[6], SQLINTEGER *native, char *text, SQLSMALLINT size,
                              SQLSMALLINT *ret_length)
{
    struct talk *talk = self;
    (void)type;
    (void)handle;
    talk->asked++;
    memcpy(sqlstate, "01000", 6);
    *native = 3211;
    int length = snprintf(text, (size_t)size, "%05d percent %04998d", record, 0);
    *ret_length = (SQLSMALLINT)length;
    return length < size ? SQL_SUCCESS : SQL_SUCCESS_WITH_INFO;
}

static void messages_are_kept_whole_and_a_driver_that_never_ends_is_stopped(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct talk talk = {0};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    calls.self = &talk;
    calls.exec_direct = exec_with_info;
    calls.get_diag_rec = many_records;
    struct bsc_sql *sql = try_open(path, true, &calls, &err);
    assert_non_null(sql);
    assert_true(bsc_sql_run(sql, "SELECT 4", NULL, NULL, &result, &err));
    assert_int_equal(bsc_value_count(result.messages), 200);
    const struct bsc_value *message = bsc_value_at(result.messages, 1);
    assert_string_equal(bsc_value_get_string(message, "sqlstate"), "01000");
    assert_int_equal(bsc_value_get_number(message, "native", 0), 3211);
    assert_int_equal(bsc_value_string_length(bsc_value_get(message, "text")), 5012);
    assert_int_equal(bsc_value_number(cell(&result, 0, 0), 0), 4);
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    free(path);
}

/* A driver may hand out pieces of a value without saying how long it is. */
static SQLRETURN get_without_total(void *self, SQLHSTMT stmt, SQLUSMALLINT column,
                                   SQLSMALLINT c_type, SQLPOINTER value, SQLLEN size,
                                   SQLLEN *indicator)
{
    (void)self;
    SQLRETURN rc =
        bsc_sql_calls_real()->get_data(NULL, stmt, column, c_type, value, size, indicator);
    if (rc == SQL_SUCCESS_WITH_INFO)
        *indicator = SQL_NO_TOTAL;
    return rc;
}

static void a_value_of_unknown_length_is_whole(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    calls.get_data = get_without_total;
    struct bsc_sql *sql = try_open(path, true, &calls, &err);
    assert_non_null(sql);
    assert_true(bsc_sql_run(sql, "SELECT hex(zeroblob(50000)) || 'z'", NULL, NULL, &result, &err));
    assert_int_equal(bsc_value_string_length(cell(&result, 0, 0)), 100001);
    assert_int_equal(bsc_value_string(cell(&result, 0, 0))[100000], 'z');
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    free(path);
}

static void a_statement_that_is_too_long_is_refused(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *text = malloc((2 << 20) + 1);
    assert_non_null(text);
    memset(text, ' ', 2 << 20);
    text[2 << 20] = '\0';
    assert_false(bsc_sql_run(sql, text, NULL, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    free(text);
    bsc_sql_close(sql);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_refused_statement_tells_what_the_database_said),
        UNIT_IN_FOLDER(changes_are_counted_and_other_statements_are_not),
        UNIT_IN_FOLDER(a_failed_write_closes_what_it_may_have_left_open),
        UNIT_IN_FOLDER(every_result_of_a_batch_is_kept),
        UNIT_IN_FOLDER(an_error_in_a_later_result_fails_but_the_rest_is_drained),
        UNIT_IN_FOLDER(messages_are_kept_whole_and_a_driver_that_never_ends_is_stopped),
        UNIT_IN_FOLDER(a_value_of_unknown_length_is_whole),
        UNIT_IN_FOLDER(a_statement_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
