#include "unit.h"

#include "base/num.h"

struct row {
    const char *text;
    bool ok;
    int64_t number;
};

static void check(bool (*parse)(const char *text, size_t length, int64_t *ret),
                  const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = -77;
        bool ok = parse(rows[i].text, strlen(rows[i].text), &number);
        if (ok != rows[i].ok || number != (rows[i].ok ? rows[i].number : -77))
            fail_msg("'%s' gave %s, %lld", rows[i].text, ok ? "true" : "false", (long long)number);
    }
}

static void whole_integers_are_read_and_anything_else_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"42", true, 42},
        {"007", true, 7},
        {"-17", true, -17},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
        {"12a", false, 0},
    };
    check(bsc_num_parse, rows, sizeof rows / sizeof rows[0]);
}

static void durations_need_a_unit_and_become_milliseconds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0s", true, 0},
        {"250ms", true, 250},
        {"30s", true, 30000},
        {"5m", true, 300000},
        {"2h", true, 7200000},
        {"1d", true, 86400000},
        {"106751991167d", true, INT64_C(9223372036828800000)},
        {"106751991168d", false, 0},
        {"30", false, 0},
        {"s", false, 0},
        {"-1s", false, 0},
        {"1.5s", false, 0},
        {"1S", false, 0},
        {"1 s", false, 0},
        {"1s2", false, 0},
        {"1h30m", false, 0},
        {"1mss", false, 0},
        {"", false, 0},
    };
    check(bsc_num_parse_duration, rows, sizeof rows / sizeof rows[0]);
}

static void sizes_become_bytes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"512", true, 512},
        {"64KiB", true, 65536},
        {"10MiB", true, 10485760},
        {"2GiB", true, INT64_C(2147483648)},
        {"1TiB", true, INT64_C(1099511627776)},
        {"8388607TiB", true, INT64_C(9223370937343148032)},
        {"8388608TiB", false, 0},
        {"1KB", false, 0},
        {"1kib", false, 0},
        {"1 KiB", false, 0},
        {"-1", false, 0},
        {"KiB", false, 0},
        {"", false, 0},
    };
    check(bsc_num_parse_size, rows, sizeof rows / sizeof rows[0]);
}

static void a_text_is_read_up_to_its_length_only(void **state)
{
    (void)state;
    int64_t number = 0;
    assert_true(bsc_num_parse("12345", 3, &number));
    assert_int_equal(number, 123);
    assert_true(bsc_num_parse_duration("10msx", 4, &number));
    assert_int_equal(number, 10);
}

static void arithmetic_that_does_not_fit_writes_nothing(void **state)
{
    (void)state;
    int64_t result = 5;
    assert_true(bsc_num_add(INT64_MAX - 1, 1, &result));
    assert_true(result == INT64_MAX);
    assert_false(bsc_num_add(INT64_MAX, 1, &result));
    assert_false(bsc_num_add(INT64_MIN, -1, &result));
    assert_false(bsc_num_multiply(INT64_MAX, 2, &result));
    assert_false(bsc_num_multiply(INT64_MIN, -1, &result));
    assert_true(result == INT64_MAX);
    assert_true(bsc_num_multiply(-3, 7, &result));
    assert_int_equal(result, -21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_integers_are_read_and_anything_else_refused),
        cmocka_unit_test(durations_need_a_unit_and_become_milliseconds),
        cmocka_unit_test(sizes_become_bytes),
        cmocka_unit_test(a_text_is_read_up_to_its_length_only),
        cmocka_unit_test(arithmetic_that_does_not_fit_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
