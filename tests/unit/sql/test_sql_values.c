#include "sql_fixture.h"

static struct bsc_value *list_of(struct bsc_value *item)
{
    struct bsc_value *list = bsc_value_list();
    bsc_value_append(list, item);
    return list;
}

static void integers_come_back_whole(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a INTEGER, b BIGINT, c BOOLEAN, d SMALLINT)");
    run_plain(sql, "INSERT INTO t VALUES (9223372036854775807, -9223372036854775808, 1, -7)");
    struct bsc_sql_result result = run_good(sql, "SELECT a, b, c, d, count(*) FROM t", NULL);
    assert_int_equal(bsc_value_number(cell(&result, 0, 0), 0), INT64_MAX);
    assert_int_equal(bsc_value_number(cell(&result, 0, 1), 0), INT64_MIN);
    assert_int_equal(bsc_value_number(cell(&result, 0, 2), 0), 1);
    assert_int_equal(bsc_value_number(cell(&result, 0, 3), 0), -7);
    assert_int_equal(bsc_value_number(cell(&result, 0, 4), 0), 1);
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    free(path);
}

static void a_text_in_an_integer_column_stays_a_text(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a INTEGER)");
    run_plain(sql, "INSERT INTO t VALUES ('12 eggs'), (1e30)");
    struct bsc_sql_result result = run_good(sql, "SELECT a FROM t", NULL);
    assert_text(cell(&result, 0, 0), "12 eggs");
    assert_text(cell(&result, 1, 0), "1.0e+30");
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    free(path);
}

static void decimals_and_dates_come_back_as_texts(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a DOUBLE, b NUMERIC, c DATETIME, d DATE)");
    run_plain(sql, "INSERT INTO t VALUES (0.1, 12.50, '2026-11-20 23:05:01', '2026-11-20')");
    struct bsc_sql_result result = run_good(sql, "SELECT a, b, c, d FROM t", NULL);
    assert_text(cell(&result, 0, 0), "0.1");
    assert_text(cell(&result, 0, 1), "12.5");
    assert_text(cell(&result, 0, 2), "2026-11-20 23:05:01");
    assert_text(cell(&result, 0, 3), "2026-11-20");
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    free(path);
}

static void null_differs_from_the_empty_text(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a TEXT, b TEXT, c INTEGER)");
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_null());
    bsc_value_append(params, bsc_value_text(""));
    bsc_value_append(params, bsc_value_null());
    struct bsc_sql_result result = run_good(sql, "INSERT INTO t VALUES (?, ?, ?)", params);
    assert_int_equal(result.affected, 1);
    bsc_sql_result_release(&result);
    result = run_good(sql, "SELECT a, b, c, a IS NULL, b IS NULL, c IS NULL FROM t", NULL);
    assert_int_equal(bsc_value_kind(cell(&result, 0, 0)), BSC_VALUE_NULL);
    assert_text(cell(&result, 0, 1), "");
    assert_int_equal(bsc_value_kind(cell(&result, 0, 2)), BSC_VALUE_NULL);
    assert_int_equal(bsc_value_number(cell(&result, 0, 3), -1), 1);
    assert_int_equal(bsc_value_number(cell(&result, 0, 4), -1), 0);
    assert_int_equal(bsc_value_number(cell(&result, 0, 5), -1), 1);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    bsc_sql_close(sql);
    free(path);
}

static void parameters_keep_their_kinds(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_int(INT64_MIN));
    bsc_value_append(params, bsc_value_bool(true));
    bsc_value_append(params, bsc_value_text("it's; -- “Grüße” 😀"));
    bsc_value_append(params, bsc_value_int(7));
    struct bsc_sql_result result =
        run_good(sql, "SELECT ?, ?, ?, typeof(?), 1 AS \"ein Name\"", params);
    assert_int_equal(bsc_value_number(cell(&result, 0, 0), 0), INT64_MIN);
    assert_int_equal(bsc_value_number(cell(&result, 0, 1), 0), 1);
    assert_text(cell(&result, 0, 2), "it's; -- “Grüße” 😀");
    assert_text(cell(&result, 0, 3), "integer");
    assert_text(bsc_value_at(bsc_value_get(bsc_value_at(result.sets, 0), "columns"), 4),
                "ein Name");
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    bsc_sql_close(sql);
    free(path);
}

static void texts_of_every_length_around_a_piece_are_whole(void **state)
{
    static const size_t lengths[] = {0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 8193, 1 << 20};
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *text = calloc(lengths[i] + 1, 1);
        assert_non_null(text);
        for (size_t k = 0; k < lengths[i]; k++)
            text[k] = (char)('a' + k % 23);
        struct bsc_value *params = list_of(bsc_value_text(text));
        struct bsc_sql_result result = run_good(sql, "SELECT ?", params);
        assert_int_equal(bsc_value_string_length(cell(&result, 0, 0)), lengths[i]);
        assert_text(cell(&result, 0, 0), text);
        bsc_sql_result_release(&result);
        bsc_value_free(params);
        free(text);
    }
    bsc_sql_close(sql);
    free(path);
}

static void binary_values_of_every_length_come_back_in_hexadecimal(void **state)
{
    static const int lengths[] = {0, 1, 4095, 4096, 4097, 8192, 100000};
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a BLOB)");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *text = bsc_mem_format("INSERT INTO t VALUES (CAST(replace(hex(zeroblob(%d)), '00', "
                                    "'a') || '' AS BLOB))",
                                    lengths[i]);
        run_plain(sql, "DELETE FROM t");
        run_plain(sql, text);
        bsc_mem_free(text);
        struct bsc_sql_result result = run_good(sql, "SELECT a FROM t", NULL);
        const char *hex = bsc_value_string(cell(&result, 0, 0));
        assert_int_equal(strlen(hex), (size_t)lengths[i] * 2);
        assert_int_equal(strspn(hex, "61"), (size_t)lengths[i] * 2);
        bsc_sql_result_release(&result);
    }
    bsc_sql_close(sql);
    free(path);
}

static void a_parameter_with_a_nul_is_refused(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_value *params = list_of(bsc_value_bytes("a\0b", 3));
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_sql_run(sql, "SELECT ?", params, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_USAGE);
    assert_non_null(strstr(err.cause, "parameter 1 holds a NUL byte"));
    bsc_value_free(params);
    bsc_sql_close(sql);
    free(path);
}

static void parameters_must_match_the_question_marks(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_value *params = list_of(bsc_value_int(1));
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_sql_run(sql, "SELECT ?, ?", params, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_USAGE);
    assert_non_null(strstr(err.cause, "2 question marks but 1 parameters"));
    assert_false(bsc_sql_run(sql, "SELECT ?", NULL, NULL, &result, &err));
    assert_int_equal(err.code, BSC_ERR_SQL);
    bsc_value_append(params, bsc_value_list());
    assert_false(bsc_sql_run(sql, "SELECT ?, ?", params, NULL, &result, &err));
    assert_non_null(strstr(err.cause, "parameter 2 is a list"));
    bsc_value_free(params);
    bsc_sql_close(sql);
    free(path);
}

static void results_beyond_the_limits_are_errors(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_sql_limits limits = {.rows_max = 3};
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_sql_run(sql, "SELECT 1 UNION VALUES (2), (3)", NULL, &limits, &result, &err));
    assert_int_equal(bsc_value_count(rows_of(&result, 0)), 3);
    bsc_sql_result_release(&result);
    assert_false(
        bsc_sql_run(sql, "SELECT 1 UNION VALUES (2), (3), (4)", NULL, &limits, &result, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    assert_null(result.sets);
    limits = (struct bsc_sql_limits){.bytes_max = 10000};
    assert_true(bsc_sql_run(sql, "SELECT hex(zeroblob(5000))", NULL, &limits, &result, &err));
    bsc_sql_result_release(&result);
    assert_false(bsc_sql_run(sql, "SELECT hex(zeroblob(5000)), 1", NULL, &limits, &result, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    assert_false(bsc_sql_run(sql, "SELECT hex(zeroblob(9000000))", NULL, &limits, &result, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    assert_true(bsc_sql_reusable(sql));
    assert_int_equal(number_of(sql, "SELECT 5"), 5);
    bsc_sql_close(sql);
    free(path);
}

static void rows_beyond_a_cut_are_left_unread(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    for (int64_t most = 2; most <= 4; most++) {
        const struct bsc_sql_limits limits = {.rows_max = most, .cut = true};
        assert_true(
            bsc_sql_run(sql, "SELECT 1 UNION VALUES (2), (3)", NULL, &limits, &result, &err));
        assert_int_equal(bsc_value_count(rows_of(&result, 0)), most < 3 ? most : 3);
        bsc_sql_result_release(&result);
    }
    assert_true(bsc_sql_reusable(sql));
    assert_int_equal(number_of(sql, "SELECT 5"), 5);
    bsc_sql_close(sql);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(integers_come_back_whole),
        UNIT_IN_FOLDER(a_text_in_an_integer_column_stays_a_text),
        UNIT_IN_FOLDER(decimals_and_dates_come_back_as_texts),
        UNIT_IN_FOLDER(null_differs_from_the_empty_text),
        UNIT_IN_FOLDER(parameters_keep_their_kinds),
        UNIT_IN_FOLDER(texts_of_every_length_around_a_piece_are_whole),
        UNIT_IN_FOLDER(binary_values_of_every_length_come_back_in_hexadecimal),
        UNIT_IN_FOLDER(a_parameter_with_a_nul_is_refused),
        UNIT_IN_FOLDER(parameters_must_match_the_question_marks),
        UNIT_IN_FOLDER(results_beyond_the_limits_are_errors),
        UNIT_IN_FOLDER(rows_beyond_a_cut_are_left_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
