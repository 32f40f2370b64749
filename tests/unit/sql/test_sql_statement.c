#include "sql_fixture.h"

#include "fault_odbc.h"

static struct bsc_sql *with_homes(void **state, const char *name, int64_t users)
{
    char *path = database_make(state, name);
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE homes (sip TEXT PRIMARY KEY, pool TEXT CHECK (pool <> 'bad'))");
    char *fill = bsc_mem_format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "WHERE i < %lld) INSERT INTO homes SELECT 'u' || i, 'a' FROM n",
                                (long long)users);
    run_plain(sql, fill);
    bsc_mem_free(fill);
    free(path);
    return sql;
}

static struct bsc_sql_statement *prepare_good(struct bsc_sql *sql, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_statement *prepared = bsc_sql_statement_new(sql, text, &err);
    if (prepared == NULL)
        fail_msg("%s: %s", text, err.message);
    return prepared;
}

static bool run(struct bsc_sql_statement *prepared, const char *first, const char *second,
                struct bsc_sql_result *result, struct bsc_err *err)
{
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_text(first));
    if (second != NULL)
        bsc_value_append(params, bsc_value_text(second));
    bool good = bsc_sql_statement_run(prepared, params, NULL, result, err);
    bsc_value_free(params);
    return good;
}

/* How many rows the statement changed; -1: it failed. */
static int64_t changed(struct bsc_sql_statement *prepared, const char *first, const char *second)
{
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    bool good = run(prepared, first, second, &result, &err);
    int64_t affected = result.affected;
    bsc_sql_result_release(&result);
    return good ? affected : -1;
}

static void a_statement_is_run_again_with_other_values(void **state)
{
    struct bsc_sql *sql = with_homes(state, "a.db", 3);
    struct bsc_sql_statement *move = prepare_good(sql, "UPDATE homes SET pool = ? WHERE sip = ?");
    struct bsc_sql_statement *find = prepare_good(sql, "SELECT pool FROM homes WHERE sip = ?");
    bsc_sql_stay_awake(sql, true);
    assert_int_equal(changed(move, "b", "u1"), 1);
    assert_int_equal(changed(move, "b", "nobody"), 0);
    assert_int_equal(changed(move, "it's \"c\" ", "u3"), 1);
    static const char *const expected[][2] = {
        {"u1", "b"}, {"u2", "a"}, {"u3", "it's \"c\" "}, {"u1", "b"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct bsc_sql_result result = {0};
        struct bsc_err err = BSC_ERR_INIT;
        assert_true(run(find, expected[i][0], NULL, &result, &err));
        assert_text(cell(&result, 0, 0), expected[i][1]);
        bsc_sql_result_release(&result);
    }
    bsc_sql_stay_awake(sql, false);
    bsc_sql_statement_free(move);
    bsc_sql_statement_free(find);
    bsc_sql_close(sql);
}

static void a_failing_statement_leaves_its_transaction_as_it_is(void **state)
{
    struct bsc_sql *sql = with_homes(state, "a.db", 3);
    struct bsc_sql_statement *move = prepare_good(sql, "UPDATE homes SET pool = ? WHERE sip = ?");
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_sql_begin(sql, NULL, &err));
    assert_int_equal(changed(move, "b", "u1"), 1);
    assert_int_equal(changed(move, "bad", "u2"), -1);
    assert_true(bsc_sql_reusable(sql));
    assert_int_equal(changed(move, "b", "u3"), 1);
    assert_true(bsc_sql_commit(sql, NULL, &err));
    assert_int_equal(number_of(sql, "SELECT count(*) FROM homes WHERE pool = 'b'"), 2);
    assert_true(bsc_sql_begin(sql, NULL, &err));
    assert_int_equal(changed(move, "c", "u1"), 1);
    assert_true(bsc_sql_roll_back(sql, &err));
    assert_int_equal(number_of(sql, "SELECT count(*) FROM homes WHERE pool = 'b'"), 2);
    bsc_sql_statement_free(move);
    bsc_sql_close(sql);
}

static void a_writer_waits_for_its_lock_within_its_time(void **state)
{
    struct bsc_sql *sql = with_homes(state, "a.db", 1);
    char *path = unit_path(*state, "a.db");
    struct bsc_sql *other = open_good(path, false);
    const struct bsc_sql_limits limits = {.timeout_ms = 60};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_sql_begin(other, NULL, &err));
    assert_false(bsc_sql_begin(sql, &limits, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_false(bsc_sql_reusable(sql));
    bsc_sql_close(other);
    bsc_sql_close(sql);
    free(path);
}

static void a_wrong_statement_or_database_is_told(void **state)
{
    struct bsc_sql *sql = with_homes(state, "a.db", 1);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_statement *wrong = bsc_sql_statement_new(sql, "UPDATE nowhere SET x = ?", &err);
    /* Some drivers tell only when it is run. */
    assert_false(wrong != NULL && run(wrong, "x", NULL, &result, &err));
    assert_non_null(strstr(err.cause[0] != '\0' ? err.cause : err.detail, "nowhere"));
    bsc_sql_statement_free(wrong);
    err = (struct bsc_err)BSC_ERR_INIT;
    assert_null(bsc_sql_statement_new(sql, "SELECT load_extension('x')", &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    bsc_sql_close(sql);
}

/* Whichever call fails, the connection is closed without a leak, and what is told to have been
 * committed was. */
static void any_call_may_fail(void **state)
{
    char *path = database_make(state, "f.db");
    bsc_sql_close(with_homes(state, "f.db", 3));
    bool all = false;
    for (int n = 1; !all; n++) {
        struct fault_odbc fault;
        struct bsc_err err = BSC_ERR_INIT;
        fault_odbc_init(&fault);
        struct bsc_sql *sql = try_open(path, false, &fault.calls, &err);
        assert_non_null(sql);
        fault_odbc_arm(&fault, n, false);
        struct bsc_sql_statement *move =
            bsc_sql_statement_new(sql, "UPDATE homes SET pool = ? WHERE sip = ?", &err);
        bool good = move != NULL && bsc_sql_begin(sql, NULL, &err) &&
                    changed(move, "b", "u1") == 1 && bsc_sql_commit(sql, NULL, &err);
        all = !fault.hit;
        assert_true(good || !all);
        bsc_sql_statement_free(move);
        fault_odbc_arm(&fault, 0, false);
        bsc_sql_close(sql);
        struct bsc_sql *later = open_good(path, false);
        int64_t moved = number_of(later, "SELECT count(*) FROM homes WHERE pool = 'b'");
        assert_true(!good || moved == 1);
        run_plain(later, "UPDATE homes SET pool = 'a'");
        bsc_sql_close(later);
        assert_true(n < 100);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_statement_is_run_again_with_other_values),
        UNIT_IN_FOLDER(a_failing_statement_leaves_its_transaction_as_it_is),
        UNIT_IN_FOLDER(a_writer_waits_for_its_lock_within_its_time),
        UNIT_IN_FOLDER(a_wrong_statement_or_database_is_told),
        UNIT_IN_FOLDER(any_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
