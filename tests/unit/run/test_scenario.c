#include "session_unit.h"

#include "run/scenario.h"

/* Reads a scenario of this text; its path is `drill.yaml` in the test's folder. */
static bool read_text(const char *folder, const char *text, struct bsc_run_scenario *scenario,
                      char **ret_path, struct bsc_err *err)
{
    *ret_path = unit_path(folder, "drill.yaml");
    put_text(*ret_path, text);
    return bsc_run_scenario_read(bsc_sys_real(), *ret_path, scenario, err);
}

static void every_key_is_read(void **state)
{
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL, *facts = unit_path(*state, "recorded/facts.json");
    assert_true(read_text(*state,
                          "facts: recorded/facts.json\n"
                          "change: { file:/x: { exists: true } }\n"
                          "set: { pool: chat, times: 5, brave: true }\n"
                          "faults: pairs\n",
                          &scenario, &path, &err));
    assert_string_equal(scenario.facts, facts);
    assert_string_equal(scenario.faults, "pairs");
    assert_word(scenario.set, "pool", "chat");
    assert_word(scenario.set, "times", "5");
    assert_word(scenario.set, "brave", "true");
    bsc_run_scenario_release(&scenario);
    free(facts);
    free(path);
}

static void every_key_may_be_left_out(void **state)
{
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL;
    assert_true(read_text(*state, "{}\n", &scenario, &path, &err));
    assert_null(scenario.facts);
    assert_null(scenario.faults);
    assert_int_equal(bsc_value_count(scenario.set), 0);
    bsc_run_scenario_release(&scenario);
    free(path);
}

static void facts_may_lie_anywhere(void **state)
{
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL;
    assert_true(read_text(*state, "facts: /srv/facts.json\n", &scenario, &path, &err));
    assert_string_equal(scenario.facts, "/srv/facts.json");
    bsc_run_scenario_release(&scenario);
    free(path);
}

static void what_is_no_scenario_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *place, *message, *hint;
    } rows[] = {
        {"", ":1:1", "a scenario must be a map, not null", "facts: facts.json"},
        {"- a\n", ":1:1", "a scenario must be a map, not list", "facts: facts.json"},
        {"facts: 7\n", ":1:8", "\"facts\" must be a text, not int", "facts: facts.json"},
        {"\nchang: {}\n", ":2:1", "no key \"chang\"", "Did you mean \"change\"?"},
        {"site: site.yaml\n", ":1:1", "no key \"site\"", "facts, change, set and faults"},
        {"change: [a]\n", ":1:9", "\"change\" must be a map, not list", "pool:chat"},
        {"change:\n  pool:chat: Normal\n", ":2:14", "\"pool:chat\" must be a map", "pool:chat"},
        {"set: pool\n", ":1:6", "\"set\" must be a map, not text", "set:"},
        {"set: { pool: [a] }\n", ":1:8", "\"pool\" must be one value, not list", "Write one"},
        {"set: { pool: }\n", ":1:8", "\"pool\" must be one value, not null", "Write one"},
        {"faults: two\n", ":1:9", "\"faults\" cannot be \"two\"", "none, single or pairs"},
        {"faults: 2\n", ":1:9", "\"faults\" must be a text, not int", "faults: single"},
        {"facts: a\nfacts: b\n", ":2:1", "key \"facts\" appears twice", "keep one"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_run_scenario scenario;
        struct bsc_err err = BSC_ERR_INIT;
        char *path = NULL;
        assert_false(read_text(*state, rows[i].text, &scenario, &path, &err));
        assert_contains(err.where, "drill.yaml");
        assert_contains(err.where, rows[i].place);
        assert_contains(err.message, rows[i].message);
        assert_contains(err.hint, rows[i].hint);
        bsc_run_scenario_release(&scenario);
        free(path);
    }
}

static void a_scenario_that_is_missing_is_named(void **state)
{
    (void)state;
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_run_scenario_read(bsc_sys_real(), "/no/drill.yaml", &scenario, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_contains(err.message, "could not read the scenario \"/no/drill.yaml\"");
    bsc_run_scenario_release(&scenario);
}

/* {file:<from>={exists, bytes}, file:<to>={exists}}, as the runbook's resources are. */
static struct bsc_value *some_facts(const struct stage *stage)
{
    struct bsc_value *facts = bsc_value_map(), *from = bsc_value_map(), *to = bsc_value_map();
    char *from_id = bsc_mem_format("file:%s", stage->from);
    char *to_id = bsc_mem_format("file:%s", stage->to);
    bsc_value_set_bool(from, "exists", true);
    bsc_value_set_int(from, "bytes", 5);
    bsc_value_set_bool(to, "exists", false);
    bsc_value_set(facts, from_id, from);
    bsc_value_set(facts, to_id, to);
    bsc_mem_free(from_id);
    bsc_mem_free(to_id);
    return facts;
}

static void facts_are_laid_over_and_taken_away(void **state)
{
    struct stage stage;
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL;
    stage_set(&stage, state, COPY_BOOK);
    stage.options.look_only = true;
    stage_open(&stage);
    char *id = bsc_mem_format("file:%s", stage.from);
    char *text = bsc_mem_format("change:\n  \"%s\":\n    bytes: 7\n    exists:\n", id);
    assert_true(read_text(*state, text, &scenario, &path, &err));
    assert_true(bsc_run_scenario_suits(&scenario, &stage.session, &err));
    struct bsc_value *facts = some_facts(&stage);
    struct bsc_value *idle = bsc_run_scenario_lay(&scenario, &stage.session, facts, &err);
    assert_non_null(idle);
    assert_int_equal(bsc_value_count(idle), 0);
    assert_int_equal(bsc_value_get_number(bsc_value_get(facts, id), "bytes", 0), 7);
    assert_null(bsc_value_get(bsc_value_get(facts, id), "exists"));
    assert_int_equal(bsc_value_count(facts), 2);
    bsc_value_free(idle);
    bsc_value_free(facts);
    bsc_run_scenario_release(&scenario);
    bsc_mem_free(id);
    bsc_mem_free(text);
    free(path);
    stage_strike(&stage);
}

static void parameters_are_held_only_against_a_runbook_that_could_be_read(void **state)
{
    struct stage stage;
    struct bsc_run_scenario scenario;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL;
    assert_true(read_text(*state, "set: { time: 5 }\n", &scenario, &path, &err));
    stage_set(&stage, state, COPY_BOOK);
    stage.options.look_only = true;
    stage.options.set = scenario.set;
    assert_true(stage_try(&stage, &err));
    assert_false(bsc_run_scenario_suits(&scenario, &stage.session, &err));
    assert_contains(err.where, ":1:8");
    assert_contains(err.message, "no parameter \"time\"");
    assert_contains(err.hint, "Did you mean \"times\"?");
    stage_book(&stage, "runbook \"x\" {\n");
    assert_true(stage_try(&stage, &err));
    assert_true(bsc_run_scenario_suits(&scenario, &stage.session, &err));
    stage_strike(&stage);
    bsc_run_scenario_release(&scenario);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(every_key_is_read),
        UNIT_IN_FOLDER(every_key_may_be_left_out),
        UNIT_IN_FOLDER(facts_may_lie_anywhere),
        UNIT_IN_FOLDER(what_is_no_scenario_is_refused_with_its_place),
        UNIT_IN_FOLDER(a_scenario_that_is_missing_is_named),
        UNIT_IN_FOLDER(facts_are_laid_over_and_taken_away),
        UNIT_IN_FOLDER(parameters_are_held_only_against_a_runbook_that_could_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
