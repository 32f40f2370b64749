#include "session_unit.h"

#include "run/testing.h"

#define BOOK                                                                                       \
    "runbook 'x' { summary = 'Own', params = { rows = param.integer { default = 0, min = 0 } } "   \
    "}\n"                                                                                          \
    "local queue = sql.facts 'queue' { server = 'db', file = 'q.db', query = 'SELECT 1' }\n"       \
    "step 'Set it' { harmless = 'a test',\n"                                                       \
    "  sql.change { server = 'db', file = 'q.db', statement = 'SET ' .. params.rows,\n"            \
    "    becomes = { [queue] = { rows = params.rows } } } }\n"
#define HEAD                                                                                       \
    "tests 'book.lua' { site = 'site.yaml',\n"                                                     \
    "  facts = { ['sql:queue'] = { reachable = true, rows = 3 } } }\n"

/* What came of a file of tests beside the runbook; NULL when it cannot be read. */
static struct bsc_value *try_tests(struct stage *stage, const char *tests, struct bsc_err *err)
{
    char *path = unit_path(stage->folder, "book_test.lua");
    struct bsc_run_session_options with = stage->options;
    put_text(path, tests);
    with.site_path = NULL;
    with.runbook_path = NULL;
    with.set = NULL;
    struct bsc_value *result = bsc_run_test_file(&with, path, err);
    free(path);
    return result;
}

static struct bsc_value *try_right(struct stage *stage, const char *tests)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *result = try_tests(stage, tests, &err);
    if (result == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    return result;
}

static void assert_tally(const struct bsc_value *result, int64_t passed, int64_t failed)
{
    assert_int_equal(bsc_value_get_number(result, "passed", -1), passed);
    assert_int_equal(bsc_value_get_number(result, "failed", -1), failed);
}

static const struct bsc_value *test_at(const struct bsc_value *result, size_t index)
{
    return bsc_value_at(bsc_value_get(result, "tests"), index);
}

static void tests_pass_and_fail_each_on_its_own(void **state)
{
    struct stage stage;
    stage_set(&stage, state, BOOK);
    struct bsc_value *result =
        try_right(&stage, HEAD "test 'a' { expect = { statements = { 'SET 0' } } }\n"
                               "test 'b' { expect = { statements = { 'SET 1' } } }\n"
                               "test 'c' { set = { rows = 1 }, expect = { statements = { 'SET 1' "
                               "} } }\n"
                               "test 'd' { given = { ['sql:queue'] = { rows = 0 } },\n"
                               "  expect = { changes = 0 } }\n");
    assert_tally(result, 3, 1);
    assert_json(bsc_value_get(test_at(result, 1), "differences"),
                "[{'about':'statements','lines':['- SET 1','+ SET 0']}]");
    assert_int_equal(bsc_value_get_number(test_at(result, 1), "line", 0), 4);
    assert_word(test_at(result, 1), "outcome", "done");
    bsc_value_free(result);
    stage_strike(&stage);
}

static void a_setting_that_the_runbook_does_not_take_fails_the_test(void **state)
{
    struct stage stage;
    stage_set(&stage, state, BOOK);
    struct bsc_value *result =
        try_right(&stage, HEAD "test 'a' { set = { rows = -1 }, expect = { outcome = 'done' } }\n");
    assert_tally(result, 0, 1);
    const struct bsc_value *difference =
        bsc_value_at(bsc_value_get(test_at(result, 0), "differences"), 0);
    assert_word(difference, "about", "errors of the runbook");
    bsc_value_free(result);
    stage_strike(&stage);
}

static void recorded_facts_against_the_schema_are_told_with_their_place(void **state)
{
    struct stage stage;
    stage_set(&stage, state, BOOK);
    char *facts = unit_path(stage.folder, "facts.json");
    put_text(facts, "{\n  \"sql:queue\": {\n    \"rows\": [1]\n  },\n  \"sq:queue\": {}\n}\n");
    struct bsc_value *result =
        try_right(&stage, "tests 'book.lua' { site = 'site.yaml', facts = 'facts.json' }\n"
                          "test 'a' { expect = { changes = 1 } }\n");
    const struct bsc_value *errors = bsc_value_get(result, "errors");
    assert_tally(result, 0, 1);
    assert_int_equal(bsc_value_count(errors), 2);
    assert_word(bsc_value_at(errors, 0), "file", facts);
    assert_int_equal(bsc_value_get_number(bsc_value_at(errors, 0), "line", 0), 5);
    assert_contains(bsc_value_get_string(bsc_value_at(errors, 0), "message"), "of no kind");
    assert_int_equal(bsc_value_get_number(bsc_value_at(errors, 1), "line", 0), 3);
    bsc_value_free(result);
    free(facts);
    stage_strike(&stage);
}

static void mistakes_in_the_file_or_the_runbook_are_told_before_any_test(void **state)
{
    struct stage stage;
    stage_set(&stage, state, BOOK "step 'Wrong' {}\n");
    struct bsc_value *runbook = try_right(&stage, HEAD "test 'a' { expect = { changes = 0 } }\n");
    assert_tally(runbook, 0, 1);
    const struct bsc_value *error = bsc_value_at(bsc_value_get(runbook, "errors"), 0);
    assert_contains(bsc_value_get_string(error, "file"), "book.lua");
    assert_int_equal(bsc_value_count(bsc_value_get(runbook, "tests")), 0);
    struct bsc_value *file = try_right(&stage, HEAD "test 'a' { expct = {} }\n");
    error = bsc_value_at(bsc_value_get(file, "errors"), 0);
    assert_contains(bsc_value_get_string(error, "file"), "book_test.lua");
    assert_tally(file, 0, 1);
    bsc_value_free(file);
    bsc_value_free(runbook);
    stage_strike(&stage);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    static const char *const heads[] = {
        "tests 'none.lua' { site = 'site.yaml', facts = {} }\n",
        "tests 'book.lua' { site = 'none.yaml', facts = {} }\n",
        "tests 'book.lua' { site = 'site.yaml', facts = 'none.json' }\n"};
    static const char *const names[] = {"none.lua", "none.yaml", "none.json"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct stage stage;
        struct bsc_err err = BSC_ERR_INIT;
        stage_set(&stage, state, BOOK);
        char *text = bsc_mem_format("%stest 'a' { expect = { changes = 0 } }\n", heads[i]);
        assert_null(try_tests(&stage, text, &err));
        assert_contains(err.message, names[i]);
        bsc_mem_free(text);
        stage_strike(&stage);
    }
}

static void facts_are_a_map(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, BOOK);
    char *path = unit_path(stage.folder, "list.json");
    put_text(path, "[]");
    assert_null(try_tests(&stage,
                          "tests 'book.lua' { site = 'site.yaml', facts = 'list.json' }\n"
                          "test 'a' { expect = { changes = 0 } }\n",
                          &err));
    assert_contains(err.message, "does not hold facts");
    free(path);
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(tests_pass_and_fail_each_on_its_own),
        UNIT_IN_FOLDER(a_setting_that_the_runbook_does_not_take_fails_the_test),
        UNIT_IN_FOLDER(recorded_facts_against_the_schema_are_told_with_their_place),
        UNIT_IN_FOLDER(mistakes_in_the_file_or_the_runbook_are_told_before_any_test),
        UNIT_IN_FOLDER(a_file_that_is_not_there_is_named),
        UNIT_IN_FOLDER(facts_are_a_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
