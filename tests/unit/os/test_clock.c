#include "unit.h"

#include "os/clock.h"

static void times_are_written_in_utc_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1795215901042), "2026-11-20T23:05:01.042Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[BSC_CLOCK_TEXT];
        bsc_clock_format(rows[i].wall_ms, text);
        assert_string_equal(text, rows[i].text);
        int64_t again = 0;
        assert_true(bsc_clock_parse(text, &again));
        bsc_clock_format(again, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026-11-20",
        "2026-11-20T23:05:01.042",
        "2026-11-20T23:05:01.042Z ",
        "2026-11-20T23:05:01,042Z",
        "2026-11-20 23:05:01.042Z",
        "2026-13-20T23:05:01.042Z",
        "2026-02-30T23:05:01.042Z",
        "2026-11-20T24:05:01.042Z",
        "2026-11-20T23:05:61.042Z",
        "+026-11-20T23:05:01.042Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 7;
        if (bsc_clock_parse(texts[i], &ms) || ms != 7)
            fail_msg("\"%s\" was taken for %lld", texts[i], (long long)ms);
    }
    int64_t ms = 0;
    setenv("TZ", "Asia/Kathmandu", 1);
    assert_true(bsc_clock_parse("2026-11-20T23:05:01.042Z", &ms));
    unsetenv("TZ");
    assert_int_equal(ms, 1795215901042);
}

static void the_local_time_zone_does_not_matter(void **state)
{
    (void)state;
    char text[BSC_CLOCK_TEXT];
    setenv("TZ", "Asia/Kathmandu", 1);
    bsc_clock_format(0, text);
    unsetenv("TZ");
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void the_real_clocks_go_forward(void **state)
{
    (void)state;
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t before = clock->mono_us(clock->self);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock->mono_us(clock->self);
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock->wall_ms(clock->self) > INT64_C(1700000000000));
}

static void a_pause_lasts_its_time(void **state)
{
    (void)state;
    const struct bsc_clock *clock = bsc_clock_real();
    atomic_bool cancel = false;
    int64_t before = clock->mono_us(clock->self);
    assert_true(bsc_clock_pause(3, NULL));
    assert_true(clock->mono_us(clock->self) - before >= 3000);
    assert_true(bsc_clock_pause(25, &cancel));
    assert_true(clock->mono_us(clock->self) - before >= 28000);
    assert_true(bsc_clock_pause(0, NULL));
    assert_true(bsc_clock_pause(-5, NULL));
}

static void a_cancelled_pause_ends_early(void **state)
{
    (void)state;
    atomic_bool cancel = true;
    assert_false(bsc_clock_pause(INT64_MAX, &cancel));
    assert_false(bsc_clock_pause(3600000, &cancel));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(the_local_time_zone_does_not_matter),
        cmocka_unit_test(the_real_clocks_go_forward),
        cmocka_unit_test(a_pause_lasts_its_time),
        cmocka_unit_test(a_cancelled_pause_ends_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
