#include "unit.h"

#include "site/names.h"

static void one_slip_costs_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},
        {"abc", "abc", 0},
        {"ABC", "abc", 0},
        {"abc", "", 3},
        {"", "abc", 3},
        {"abc", "abd", 1},
        {"abc", "abcd", 1},
        {"abcd", "abc", 1},
        {"abcd", "acbd", 1},
        {"ca", "abc", 3},
        {"seconday_mirror", "secondary_mirror", 1},
        {"kitten", "sitting", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(bsc_site_name_distance(rows[i].a, rows[i].b), rows[i].distance);
}

static void long_texts_count_as_far_apart(void **state)
{
    (void)state;
    char name[66] = {0};
    memset(name, 'a', 64);
    assert_int_equal(bsc_site_name_distance(name, name), 0);
    name[64] = 'a';
    assert_true(bsc_site_name_distance(name, name) > 64);
}

static void only_a_near_name_is_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"primary", "mirror", "secondary", "secondary_mirror", "x"};
    static const struct {
        const char *name, *nearest;
    } rows[] = {
        {"seconday_mirror", "secondary_mirror"},
        {"secondry", "secondary"},
        {"Primary", "primary"},
        {"mirorr", "mirror"},
        {"tertiary_copy", NULL},
        {"zebra", NULL},
        {"y", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *nearest = bsc_site_nearest_name(rows[i].name, names, 5);
        if (rows[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest, rows[i].nearest);
    }
    assert_null(bsc_site_nearest_name("primary", names, 0));
}

static void names_are_small_letters_digits_underscore_and_dash(void **state)
{
    (void)state;
    char name[65] = {0};
    memset(name, 'a', 63);
    assert_true(bsc_site_name_valid(name));
    name[63] = 'a';
    assert_false(bsc_site_name_valid(name));
    static const char *const good[] = {"a", "sql1", "a-b_c", "z9-"};
    static const char *const bad[] = {"",    "A",   "1a",  "_a",       "-a",
                                      "a b", "a.b", "a/b", "\xC3\xA9", "aB"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(bsc_site_name_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bsc_site_name_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_slip_costs_one),
        cmocka_unit_test(long_texts_count_as_far_apart),
        cmocka_unit_test(only_a_near_name_is_suggested),
        cmocka_unit_test(names_are_small_letters_digits_underscore_and_dash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
