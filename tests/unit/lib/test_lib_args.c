#include "unit.h"

#include "lib/args.h"
#include "lib/env.h"

/* A map with one wrong thing of each sort. */
static struct bsc_value *sample(void)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "text", "hello");
    bsc_value_set_text(args, "empty", "");
    bsc_value_set(args, "nul", bsc_value_bytes("a\0b", 3));
    bsc_value_set(args, "null", bsc_value_null());
    bsc_value_set_text(args, "path", "/a/b");
    bsc_value_set_text(args, "dots", "..");
    bsc_value_set_int(args, "number", 7);
    bsc_value_set_int(args, "below", -1);
    bsc_value_set_bool(args, "yes", true);
    bsc_value_set(args, "list", bsc_value_list());
    bsc_value_set(args, "map", bsc_value_map());
    bsc_value_set_text(bsc_value_get(args, "map"), "x", "y");
    bsc_value_set(args, "nothing", bsc_value_map());
    return args;
}

static void a_wrong_text_is_named(void **state)
{
    static const struct {
        const char *key, *says;
    } cases[] = {
        {"gone", "argument \"gone\" is missing"},
        {"null", "argument \"null\" is missing"},
        {"empty", "argument \"empty\" must not be empty"},
        {"nul", "argument \"nul\" must not hold a NUL byte"},
        {"number", "argument \"number\" must be text, not int"},
    };
    struct bsc_value *args = sample();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        const char *text = "untouched";
        assert_false(bsc_lib_args_text(args, cases[i].key, &text, &err));
        assert_int_equal(err.code, BSC_ERR_USAGE);
        assert_string_equal(err.message, cases[i].says);
        assert_string_equal(text, "untouched");
    }
    bsc_value_free(args);
}

static void texts_paths_and_names_are_read(void **state)
{
    struct bsc_value *args = sample();
    struct bsc_err err = BSC_ERR_INIT;
    const char *text = NULL;
    (void)state;
    assert_true(bsc_lib_args_text(args, "text", &text, &err));
    assert_string_equal(text, "hello");
    assert_true(bsc_lib_args_text_or(args, "null", "else", &text, &err));
    assert_string_equal(text, "else");
    assert_true(bsc_lib_args_path(args, "path", &text, &err));
    assert_string_equal(text, "/a/b");
    assert_true(bsc_lib_args_path_or(args, "gone", NULL, &text, &err));
    assert_null(text);
    assert_false(bsc_lib_args_path(args, "text", &text, &err));
    assert_string_equal(err.message, "argument \"text\" must be an absolute path, not \"hello\"");
    assert_true(bsc_lib_args_file_name(args, "text", &text, &err));
    assert_false(bsc_lib_args_file_name(args, "path", &text, &err));
    assert_false(bsc_lib_args_file_name(args, "dots", &text, &err));
    assert_false(bsc_lib_args_sha256(args, "text", &text, &err));
    bsc_value_free(args);
}

static void counts_truths_and_lists_are_read(void **state)
{
    struct bsc_value *args = sample();
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_value *list = NULL;
    int64_t count = 0;
    bool truth = false;
    (void)state;
    assert_true(bsc_lib_args_count(args, "number", &count, &err));
    assert_int_equal(count, 7);
    assert_true(bsc_lib_args_count_or(args, "gone", 9, &count, &err));
    assert_int_equal(count, 9);
    assert_false(bsc_lib_args_count(args, "below", &count, &err));
    assert_string_equal(err.message, "argument \"below\" must not be negative, but is -1");
    assert_false(bsc_lib_args_count_or(args, "text", 9, &count, &err));
    assert_true(bsc_lib_args_bool_or(args, "yes", false, &truth, &err));
    assert_true(truth);
    assert_false(bsc_lib_args_bool_or(args, "number", false, &truth, &err));
    assert_true(bsc_lib_args_list(args, "list", &list, &err));
    assert_true(bsc_lib_args_list(args, "nothing", &list, &err));
    assert_int_equal(bsc_value_count(list), 0);
    assert_false(bsc_lib_args_list(args, "map", &list, &err));
    assert_false(bsc_lib_args_list(args, "gone", &list, &err));
    assert_true(bsc_lib_args_list_or(args, "gone", &list, &err));
    assert_null(list);
    bsc_value_free(args);
}

static void an_unknown_argument_is_refused(void **state)
{
    struct bsc_value *args = bsc_value_map();
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    bsc_value_set_int(args, "path", 1);
    bsc_value_set_int(args, "files", 1);
    assert_true(bsc_lib_args_known(args, "path: text, files: list of {file: text, at: int}", &err));
    bsc_value_set_int(args, "at", 1);
    assert_false(
        bsc_lib_args_known(args, "path: text, files: list of {file: text, at: int}", &err));
    assert_string_equal(err.message, "unknown argument \"at\"");
    bsc_value_free(args);
}

static int64_t clock_of(void *self)
{
    return *(int64_t *)self;
}

static void a_call_ends_by_its_deadline_or_by_the_operator(void **state)
{
    int64_t now = 1000000;
    struct bsc_clock clock = {.self = &now, .wall_ms = clock_of, .mono_us = clock_of};
    struct bsc_lib_env env = {.clock = &clock};
    atomic_bool cancel = false;
    struct bsc_lib_call call = {.env = &env, .cancel = &cancel};
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    assert_int_equal(bsc_lib_call_left_ms(&call), 0);
    assert_true(bsc_lib_call_continue(&call, &err));
    call.deadline_us = 3500000;
    assert_int_equal(bsc_lib_call_left_ms(&call), 2500);
    assert_true(bsc_lib_call_continue(&call, &err));
    now = 3500000;
    assert_int_equal(bsc_lib_call_left_ms(&call), 1);
    assert_false(bsc_lib_call_continue(&call, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    atomic_store(&cancel, true);
    assert_false(bsc_lib_call_continue(&call, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_text_is_named),
        cmocka_unit_test(texts_paths_and_names_are_read),
        cmocka_unit_test(counts_truths_and_lists_are_read),
        cmocka_unit_test(an_unknown_argument_is_refused),
        cmocka_unit_test(a_call_ends_by_its_deadline_or_by_the_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
