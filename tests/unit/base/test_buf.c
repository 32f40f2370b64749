#include "unit.h"

#include "base/buf.h"

static void a_new_buffer_is_an_empty_text(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf.data, "");
    bsc_buf_release(&buf);
    assert_null(buf.data);
    bsc_buf_release(&buf);
}

static void everything_added_is_there_in_order_and_ends_with_a_nul(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_add(&buf, "a\0b", 3);
    bsc_buf_add_text(&buf, "text");
    bsc_buf_add_char(&buf, '!');
    bsc_buf_printf(&buf, "%d-%s", 42, "x");
    bsc_buf_add(&buf, NULL, 0);
    assert_int_equal(buf.length, 12);
    assert_memory_equal(buf.data, "a\0btext!42-x", 13);
    bsc_buf_release(&buf);
}

static void growing_byte_by_byte_loses_nothing(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    for (int i = 0; i < 100000; i++) {
        bsc_buf_add_char(&buf, (char)('a' + i % 26));
        assert_true(buf.capacity > buf.length);
    }
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
    assert_int_equal(buf.data[100000], 0);
    bsc_buf_release(&buf);
}

static void a_long_formatted_text_is_not_cut(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_printf(&buf, "%5000d", 7);
    assert_int_equal(buf.length, 5000);
    assert_int_equal(buf.data[4999], '7');
    bsc_buf_release(&buf);
}

static void room_may_be_filled_in_place(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_add_text(&buf, "a");
    memcpy(bsc_buf_room(&buf, 1000), "bc", 2);
    bsc_buf_grown(&buf, 2);
    assert_string_equal(buf.data, "abc");
    bsc_buf_release(&buf);
}

static void clearing_forgets_the_content_and_keeps_the_memory(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_add_text(&buf, "something");
    const char *memory = buf.data;
    bsc_buf_clear(&buf);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf.data, "");
    assert_ptr_equal(buf.data, memory);
    bsc_buf_release(&buf);
}

static void taking_hands_over_the_bytes_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_add_text(&buf, "mine");
    char *taken = bsc_buf_take(&buf);
    assert_string_equal(taken, "mine");
    assert_string_equal(buf.data, "");
    free(taken);
    bsc_buf_release(&buf);
}

static void a_zeroed_buffer_may_be_cleared_filled_and_released(void **state)
{
    (void)state;
    struct bsc_buf buf = {0};
    bsc_buf_clear(&buf);
    bsc_buf_add_text(&buf, "x");
    assert_string_equal(buf.data, "x");
    bsc_buf_release(&buf);
    bsc_buf_release(&(struct bsc_buf){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_is_an_empty_text),
        cmocka_unit_test(everything_added_is_there_in_order_and_ends_with_a_nul),
        cmocka_unit_test(growing_byte_by_byte_loses_nothing),
        cmocka_unit_test(a_long_formatted_text_is_not_cut),
        cmocka_unit_test(room_may_be_filled_in_place),
        cmocka_unit_test(clearing_forgets_the_content_and_keeps_the_memory),
        cmocka_unit_test(taking_hands_over_the_bytes_and_leaves_an_empty_buffer),
        cmocka_unit_test(a_zeroed_buffer_may_be_cleared_filled_and_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
