#include "unit.h"

#include <malloc.h>

#include "value/value.h"

static void each_kind_answers_only_for_itself(void **state)
{
    (void)state;
    struct bsc_value *text = bsc_value_text("5");
    struct bsc_value *number = bsc_value_int(5);
    assert_int_equal(bsc_value_number(text, -1), -1);
    assert_int_equal(bsc_value_number(number, -1), 5);
    assert_null(bsc_value_string(number));
    assert_int_equal(bsc_value_string_length(number), 0);
    assert_false(bsc_value_truth(number));
    assert_int_equal(bsc_value_count(text), 0);
    assert_null(bsc_value_at(text, 0));
    assert_null(bsc_value_get(number, "a"));
    assert_null(bsc_value_key_at(number, 0));
    assert_null(bsc_value_take(text, "a"));
    assert_int_equal(bsc_value_kind(NULL), BSC_VALUE_NULL);
    bsc_value_free(text);
    bsc_value_free(number);
    bsc_value_free(NULL);
}

static void a_text_may_hold_any_byte(void **state)
{
    (void)state;
    struct bsc_value *text = bsc_value_bytes("a\0b", 3);
    assert_int_equal(bsc_value_string_length(text), 3);
    assert_memory_equal(bsc_value_string(text), "a\0b", 4);
    struct bsc_value *shorter = bsc_value_text("a");
    assert_false(bsc_value_equal(text, shorter));
    struct bsc_value *none = bsc_value_text(NULL);
    assert_int_equal(bsc_value_kind(none), BSC_VALUE_NULL);
    bsc_value_free(none);
    bsc_value_free(shorter);
    bsc_value_free(text);
}

static void a_formatted_text_is_as_long_as_it_needs(void **state)
{
    (void)state;
    struct bsc_value *text = bsc_value_format("%0300d|%s", 7, "end");
    assert_int_equal(bsc_value_string_length(text), 304);
    assert_string_equal(bsc_value_string(text) + 299, "7|end");
    bsc_value_free(text);
}

static void a_list_keeps_its_items_where_they_are(void **state)
{
    (void)state;
    struct bsc_value *list = bsc_value_list();
    struct bsc_value *first = bsc_value_int(0);
    bsc_value_append(list, first);
    for (int i = 1; i < 1000; i++)
        bsc_value_append(list, bsc_value_int(i));
    bsc_value_append(list, NULL);
    assert_ptr_equal(bsc_value_at(list, 0), first);
    assert_int_equal(bsc_value_count(list), 1001);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(bsc_value_number(bsc_value_at(list, (size_t)i), -1), i);
    assert_int_equal(bsc_value_kind(bsc_value_at(list, 1000)), BSC_VALUE_NULL);
    assert_null(bsc_value_at(list, 1001));
    bsc_value_free(list);
}

static void a_map_keeps_the_order_in_which_keys_came(void **state)
{
    (void)state;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "b", 1);
    bsc_value_set_text(map, "a", "two");
    bsc_value_set_bool(map, "c", true);
    bsc_value_set_int(map, "b", 4);
    assert_int_equal(bsc_value_count(map), 3);
    assert_string_equal(bsc_value_key_at(map, 0), "b");
    assert_string_equal(bsc_value_key_at(map, 1), "a");
    assert_string_equal(bsc_value_key_at(map, 2), "c");
    assert_null(bsc_value_key_at(map, 3));
    assert_int_equal(bsc_value_get_number(map, "b", 0), 4);
    assert_string_equal(bsc_value_get_string(map, "a"), "two");
    assert_true(bsc_value_get_truth(map, "c"));
    assert_null(bsc_value_get(map, "d"));
    bsc_value_free(map);
}

static void setting_an_item_to_itself_changes_nothing(void **state)
{
    (void)state;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "a", "x");
    bsc_value_set(map, "a", bsc_value_get(map, "a"));
    assert_string_equal(bsc_value_get_string(map, "a"), "x");
    bsc_value_free(map);
}

static void a_taken_entry_belongs_to_the_taker(void **state)
{
    (void)state;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "first", 1);
    bsc_value_set_int(map, "second", 2);
    bsc_value_set_int(map, "third", 3);
    struct bsc_value *taken = bsc_value_take(map, "second");
    assert_int_equal(bsc_value_number(taken, 0), 2);
    assert_null(bsc_value_take(map, "second"));
    assert_string_equal(bsc_value_key_at(map, 1), "third");
    assert_int_equal(bsc_value_get_number(map, "third", 0), 3);
    assert_true(bsc_value_remove(map, "first"));
    assert_false(bsc_value_remove(map, "first"));
    assert_int_equal(bsc_value_count(map), 1);
    bsc_value_free(taken);
    bsc_value_free(map);
}

/* A plain array of flags is the model that a large map is compared with, through additions,
 * replacements and removals in a scattered but fixed order. */
static void a_large_map_agrees_with_a_plain_model(void **state)
{
    (void)state;
    enum { KEYS = 500, STEPS = 20000 };
    int64_t model[KEYS];
    memset(model, -1, sizeof model);
    struct bsc_value *map = bsc_value_map();
    uint32_t random = 12345;
    size_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        size_t key = (random >> 8) % KEYS;
        char name[16];
        snprintf(name, sizeof name, "k%zu", key);
        assert_int_equal(bsc_value_get_number(map, name, -1), model[key]);
        if ((random >> 28) < 6) {
            assert_int_equal(bsc_value_remove(map, name), model[key] != -1);
            count -= model[key] != -1;
            model[key] = -1;
        } else {
            count += model[key] == -1;
            model[key] = step;
            bsc_value_set_int(map, name, step);
        }
        assert_int_equal(bsc_value_count(map), count);
    }
    for (size_t i = 0; i < count; i++) {
        size_t key = strtoul(bsc_value_key_at(map, i) + 1, NULL, 10);
        assert_int_equal(bsc_value_number(bsc_value_item_at(map, i), -2), model[key]);
    }
    bsc_value_free(map);
}

static struct bsc_value *sample(bool swapped)
{
    struct bsc_value *map = bsc_value_map();
    struct bsc_value *list = bsc_value_list();
    bsc_value_append(list, bsc_value_int(INT64_MIN));
    bsc_value_append(list, bsc_value_bool(false));
    bsc_value_append(list, bsc_value_null());
    if (swapped)
        bsc_value_set_text(map, "text", "x");
    bsc_value_set(map, "list", list);
    if (!swapped)
        bsc_value_set_text(map, "text", "x");
    return map;
}

static void equality_does_not_look_at_the_order_of_keys(void **state)
{
    (void)state;
    struct bsc_value *a = sample(false);
    struct bsc_value *b = sample(true);
    assert_true(bsc_value_equal(a, b));
    bsc_value_append(bsc_value_get(b, "list"), bsc_value_null());
    assert_false(bsc_value_equal(a, b));
    bsc_value_free(b);
    b = sample(true);
    bsc_value_remove(b, "text");
    bsc_value_set_text(b, "texts", "x");
    assert_false(bsc_value_equal(a, b));
    bsc_value_free(a);
    bsc_value_free(b);
}

static void a_copy_is_equal_keeps_places_and_stands_alone(void **state)
{
    (void)state;
    struct bsc_value *a = sample(false);
    bsc_value_place_set(a, (struct bsc_value_place){3, 4});
    bsc_value_key_place_set(a, 1, (struct bsc_value_place){5, 6});
    struct bsc_value *b = bsc_value_copy(a);
    assert_true(bsc_value_equal(a, b));
    bsc_value_free(a);
    assert_int_equal(bsc_value_place(b).line, 3);
    assert_int_equal(bsc_value_place(b).column, 4);
    assert_int_equal(bsc_value_key_place(b, 0).line, 0);
    assert_int_equal(bsc_value_key_place(b, 1).column, 6);
    assert_int_equal(bsc_value_key_place(b, 2).line, 0);
    assert_string_equal(bsc_value_get_string(b, "text"), "x");
    bsc_value_free(b);
}

static void the_place_of_a_key_follows_it_through_growth_and_removal(void **state)
{
    (void)state;
    struct bsc_value *map = bsc_value_map();
    for (uint32_t i = 0; i < 20; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%u", i);
        bsc_value_set_int(map, name, i);
        if (i % 2 == 0)
            bsc_value_key_place_set(map, i, (struct bsc_value_place){i + 1, 1});
    }
    bsc_value_remove(map, "k0");
    for (uint32_t i = 1; i < 20; i++)
        assert_int_equal(bsc_value_key_place(map, i - 1).line, i % 2 == 0 ? i + 1 : 0);
    bsc_value_free(map);
}

static struct bsc_value *backup(int number)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set(map, "file", bsc_value_format("mgc_%020d.blog", number));
    bsc_value_set_int(map, "first_lsn", number);
    bsc_value_set_int(map, "last_lsn", number + 1);
    bsc_value_set_int(map, "bytes", 1048576);
    bsc_value_set_text(map, "time", "2026-11-20T23:05:01.042Z");
    bsc_value_set(map, "sha256", bsc_value_format("%064d", number));
    bsc_value_set_bool(map, "copied", false);
    return map;
}

static void ten_thousand_log_backups_take_less_than_eight_megabytes(void **state)
{
    (void)state;
    struct bsc_value *list = bsc_value_list();
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 10000; i++)
        bsc_value_append(list, backup(i));
    size_t after = mallinfo2().uordblks;
    /* The allocator of the sanitizers does not count, and answers 0 both times. */
    assert_true(after - before < 8u * 1024 * 1024);
    assert_int_equal(bsc_value_count(list), 10000);
    bsc_value_free(list);
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    static const char *const names[] = {"null", "bool", "int", "text", "list", "map"};
    for (int kind = BSC_VALUE_NULL; kind <= BSC_VALUE_MAP; kind++)
        assert_string_equal(bsc_value_kind_name((enum bsc_value_kind)kind), names[kind]);
}

static void a_shared_value_is_copied_by_counting_owners(void **state)
{
    (void)state;
    struct bsc_value *list = bsc_value_list();
    bsc_value_append(list, bsc_value_text("a"));
    bsc_value_share(list);
    struct bsc_value *second = bsc_value_copy(list);
    struct bsc_value *third = bsc_value_copy(second);
    assert_ptr_equal(second, list);
    bsc_value_free(list);
    bsc_value_free(second);
    assert_string_equal(bsc_value_string(bsc_value_at(third, 0)), "a");
    bsc_value_free(third);
}

static void a_copy_around_a_shared_value_can_still_change(void **state)
{
    (void)state;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set(map, "chain", bsc_value_list());
    bsc_value_share(bsc_value_get(map, "chain"));
    struct bsc_value *copy = bsc_value_copy(map);
    bsc_value_set(copy, "chain", bsc_value_int(1));
    assert_int_equal(bsc_value_kind(bsc_value_get(map, "chain")), BSC_VALUE_LIST);
    assert_int_equal(bsc_value_get_number(copy, "chain", 0), 1);
    bsc_value_free(copy);
    bsc_value_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_answers_only_for_itself),
        cmocka_unit_test(a_text_may_hold_any_byte),
        cmocka_unit_test(a_formatted_text_is_as_long_as_it_needs),
        cmocka_unit_test(a_list_keeps_its_items_where_they_are),
        cmocka_unit_test(a_map_keeps_the_order_in_which_keys_came),
        cmocka_unit_test(setting_an_item_to_itself_changes_nothing),
        cmocka_unit_test(a_taken_entry_belongs_to_the_taker),
        cmocka_unit_test(a_large_map_agrees_with_a_plain_model),
        cmocka_unit_test(equality_does_not_look_at_the_order_of_keys),
        cmocka_unit_test(a_copy_is_equal_keeps_places_and_stands_alone),
        cmocka_unit_test(the_place_of_a_key_follows_it_through_growth_and_removal),
        cmocka_unit_test(ten_thousand_log_backups_take_less_than_eight_megabytes),
        cmocka_unit_test(every_kind_has_a_name),
        cmocka_unit_test(a_shared_value_is_copied_by_counting_owners),
        cmocka_unit_test(a_copy_around_a_shared_value_can_still_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
