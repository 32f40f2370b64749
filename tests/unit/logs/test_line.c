#include "unit.h"

#include "logs/line.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_line_reads_back_as_it_was_written(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_line read;
    struct bsc_logs_line line = {.name = "my chat_00000000000000000020.blog",
                                 .first_lsn = 10,
                                 .last_lsn = 20,
                                 .bytes = 8712,
                                 .digest = DIGEST,
                                 .time = "2026-11-20T23:58:40.965Z",
                                 .copied = true};
    struct bsc_value *value = bsc_logs_line_value(&line);
    assert_string_equal(bsc_value_string(value),
                        "10 20 8712 " DIGEST
                        " 2026-11-20T23:58:40.965Z copied my chat_00000000000000000020.blog");
    assert_true(bsc_logs_line_read(bsc_value_string(value), &read, &err));
    assert_string_equal(read.name, line.name);
    assert_string_equal(read.digest, line.digest);
    assert_string_equal(read.time, line.time);
    assert_int_equal(read.first_lsn, 10);
    assert_int_equal(read.last_lsn, 20);
    assert_int_equal(read.bytes, 8712);
    assert_true(read.copied);
    bsc_value_free(value);
}

static void what_is_not_known_yet_stays_so(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_line read;
    assert_true(bsc_logs_line_read("10 20 - - - missing tail.blog", &read, &err));
    assert_int_equal(read.bytes, 0);
    assert_string_equal(read.digest, "");
    assert_string_equal(read.time, "");
    assert_false(read.copied);
}

static void texts_that_are_no_lines_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "10",
        "10 20 - - - copied",
        "10 20 - - - copied ",
        "10  20 - - - copied a",
        "20 10 - - - copied a",
        "10 10 - - - copied a",
        "- 20 - - - copied a",
        "-1 20 - - - copied a",
        "10 20 -5 - - copied a",
        "10 20 x - - copied a",
        "10 20 99999999999999999999 - - copied a",
        "10 20 1 0123 - copied a",
        "10 20 - - - moved a",
        "10 20 - - - copied ../a",
        "10 20 - - - copied ..",
        "10 20 - - 2026-11-20T23:58:40.965Z-and-more copied a",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_logs_line read;
        if (bsc_logs_line_read(wrong[i], &read, &err))
            fail_msg("taken: '%s'", wrong[i]);
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
}

static void a_list_names_its_wrong_entry(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_line *lines = NULL;
    struct bsc_value *list = bsc_value_list();
    bsc_value_append(list, bsc_value_text("10 20 - - - missing a"));
    bsc_value_append(list, bsc_value_int(3));
    assert_false(bsc_logs_line_read_all(list, &lines, &err));
    assert_non_null(strstr(err.message, "log backup 2"));
    assert_null(lines);
    bsc_value_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_not_known_yet_stays_so),
        cmocka_unit_test(texts_that_are_no_lines_are_refused),
        cmocka_unit_test(a_list_names_its_wrong_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
