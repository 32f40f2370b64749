#include "cli_unit.h"

#include "cli/options.h"

/* A verb with one option of each sort. */
struct form {
    struct desk desk;
    bool yes;
    const char *site, *output;
    struct bsc_value *set;
    size_t operands;
    bool help;
    struct bsc_err err;
    char *argv[DESK_WORDS];
};

static bool parse_words(struct form *form, int argc)
{
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "the site", NULL, &form->site, NULL},
        {"--set", NULL, "NAME=VALUE", "a parameter", NULL, NULL, form->set},
        {"--output", "-o", "FILE", "where to", NULL, &form->output, NULL},
        {"--yes", NULL, NULL, "answer yes", &form->yes, NULL, NULL},
        {0}};
    const struct bsc_cli_usage usage = {"verb BOOK [--site SITE]", "Does it.", options, 1, 2};
    return bsc_cli_parse(&form->desk.cli, &usage, argc, form->argv, &form->operands, &form->help,
                         &form->err);
}

/* The words end with NULL. */
static bool parse(struct form *form, ...) __attribute__((sentinel));

static bool parse(struct form *form, ...)
{
    va_list words;
    int argc = 1;
    memset(form, 0, sizeof *form);
    desk_set(&form->desk);
    form->set = bsc_value_map();
    form->argv[0] = (char *)"verb";
    va_start(words, form);
    for (char *word; (word = va_arg(words, char *)) != NULL;)
        form->argv[argc++] = word;
    va_end(words);
    bool parsed = parse_words(form, argc);
    if (!parsed)
        assert_int_equal(form->err.code, BSC_ERR_USAGE);
    return parsed;
}

static void drop(struct form *form)
{
    bsc_value_free(form->set);
    desk_clear(&form->desk);
}

static void options_and_operands_may_stand_in_any_order(void **state)
{
    (void)state;
    struct form form;
    assert_true(parse(&form, "a.lua", "--site", "s.yaml", "--yes", "b.lua", "-o", "x", NULL));
    assert_int_equal(form.operands, 2);
    assert_string_equal(form.argv[1], "a.lua");
    assert_string_equal(form.argv[2], "b.lua");
    assert_string_equal(form.site, "s.yaml");
    assert_string_equal(form.output, "x");
    assert_true(form.yes);
    drop(&form);
}

static void a_value_may_follow_an_equals_sign(void **state)
{
    (void)state;
    struct form form;
    assert_true(parse(&form, "a", "--site=x=y", "--set=k=v=w", "--output=", NULL));
    assert_string_equal(form.site, "x=y");
    assert_string_equal(bsc_value_get_string(form.set, "k"), "v=w");
    assert_string_equal(form.output, "");
    drop(&form);
}

static void after_two_dashes_everything_is_an_operand(void **state)
{
    (void)state;
    struct form form;
    assert_true(parse(&form, "--", "--json", "--", NULL));
    assert_int_equal(form.operands, 2);
    assert_string_equal(form.argv[1], "--json");
    assert_string_equal(form.argv[2], "--");
    assert_false(form.desk.cli.json);
    drop(&form);
    assert_true(parse(&form, "-", NULL));
    assert_int_equal(form.operands, 1);
    drop(&form);
}

static void refuse(struct form *form, bool parsed, const char *message, const char *hint)
{
    assert_false(parsed);
    assert_string_equal(form->err.message, message);
    assert_contains(form->err.hint, hint);
    drop(form);
}

static void an_unknown_option_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    struct form form;
    refuse(&form, parse(&form, "a", "--siet", "x", NULL), "unknown option \"--siet\"",
           "Did you mean \"--site\"?");
    refuse(&form, parse(&form, "a", "--siet=a-long-value", NULL), "unknown option \"--siet\"",
           "Did you mean \"--site\"?");
    refuse(&form, parse(&form, "a", "--jsn", NULL), "unknown option \"--jsn\"",
           "Did you mean \"--json\"?");
    refuse(&form, parse(&form, "a", "--zzzzzzzzzz", NULL), "unknown option \"--zzzzzzzzzz\"",
           "usage: bascule verb BOOK");
    refuse(&form, parse(&form, "a", "-x", NULL), "unknown option \"-x\"", "");
}

static void an_option_without_its_value_says_what_is_missing(void **state)
{
    (void)state;
    struct form form;
    refuse(&form, parse(&form, "a", "--site", NULL), "--site needs a value: FILE", "");
    refuse(&form, parse(&form, "a", "-o", NULL), "--output needs a value: FILE", "");
}

static void a_switch_takes_no_value(void **state)
{
    (void)state;
    struct form form;
    refuse(&form, parse(&form, "a", "--yes=no", NULL), "--yes takes no value", "");
    assert_false(form.yes);
}

static void pairs_have_a_name_and_each_name_once(void **state)
{
    (void)state;
    struct form form;
    assert_true(parse(&form, "a", "--set", "k=", "--set", "l=2", NULL));
    assert_string_equal(bsc_value_get_string(form.set, "k"), "");
    assert_string_equal(bsc_value_get_string(form.set, "l"), "2");
    drop(&form);
    refuse(&form, parse(&form, "a", "--set", "k=1", "--set", "k=2", NULL), "\"k\" is set twice",
           "");
    refuse(&form, parse(&form, "a", "--set", "k", NULL), "\"k\" is not of the form name=value",
           "--set pool=chat");
    refuse(&form, parse(&form, "a", "--set", "=v", NULL), "\"=v\" is not of the form name=value",
           "--set pool=chat");
}

static void operands_are_counted(void **state)
{
    (void)state;
    struct form form;
    refuse(&form, parse(&form, "--yes", NULL), "something is missing", "usage: bascule verb");
    refuse(&form, parse(&form, "a", "b", "c", NULL), "there are too many arguments",
           "usage: bascule verb");
}

static void help_lists_every_option_and_asks_for_nothing_else(void **state)
{
    (void)state;
    struct form form;
    assert_true(parse(&form, "--help", NULL));
    assert_true(form.help);
    desk_read(&form.desk);
    assert_contains(form.desk.out, "usage: bascule verb BOOK [--site SITE]");
    assert_contains(form.desk.out, "-o, --output FILE");
    assert_contains(form.desk.out, "--json");
    drop(&form);
    assert_true(parse(&form, "-h", NULL));
    assert_true(form.help);
    drop(&form);
}

static void json_is_known_even_when_something_before_it_is_wrong(void **state)
{
    (void)state;
    struct form form;
    assert_false(parse(&form, "a", "--bogus", "--json", NULL));
    assert_true(form.desk.cli.json);
    drop(&form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_may_stand_in_any_order),
        cmocka_unit_test(a_value_may_follow_an_equals_sign),
        cmocka_unit_test(after_two_dashes_everything_is_an_operand),
        cmocka_unit_test(an_unknown_option_is_named_with_the_nearest_one),
        cmocka_unit_test(an_option_without_its_value_says_what_is_missing),
        cmocka_unit_test(a_switch_takes_no_value),
        cmocka_unit_test(pairs_have_a_name_and_each_name_once),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(help_lists_every_option_and_asks_for_nothing_else),
        cmocka_unit_test(json_is_known_even_when_something_before_it_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
