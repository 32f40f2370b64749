#include "session_unit.h"

#include "run/walk.h"

#define BOOK                                                                                       \
    "runbook 'x' { summary = 'Own' }\n"                                                            \
    "local queue = sql.facts 'queue' { server = 'db', file = 'q.db', query = 'SELECT 1' }\n"       \
    "local function set(rows)\n"                                                                   \
    "  return sql.change { server = 'db', file = 'q.db', statement = 'SET ' .. rows,\n"            \
    "    becomes = { [queue] = { rows = rows } } }\n"                                              \
    "end\n"                                                                                        \
    "guard 'It answers' { queue:has { reachable = true } }\n"                                      \
    "step 'Empty it' { set(0), harmless = 'a test' }\n"                                            \
    "step 'Tell' { warn 'It is empty.' }\n"                                                        \
    "step 'Fill it' { set(1), set(2), harmless = 'a test' }\n"
#define BLIND                                                                                      \
    "runbook 'x' { summary = 'Own' }\n"                                                            \
    "step 'Call' { harmless = 'a test',\n"                                                         \
    "  sql.change { server = 'db', file = 'q.db', statement = 'CALL' } }\n"

/* The account of a walk with these faults, which are JSON. */
static struct bsc_value *walk(struct stage *stage, const char *faults, bool resume)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = from_json("{'sql:queue':{'reachable':true,'rows':3}}");
    struct bsc_value *list = from_json("%s", faults);
    const struct bsc_run_walk_order order = {
        .session = &stage->session, .facts = facts, .faults = list, .resume = resume};
    struct bsc_value *account = bsc_run_walk(&order, &err);
    if (account == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    bsc_value_free(list);
    bsc_value_free(facts);
    return account;
}

static void begin(struct stage *stage, void **state, const char *book)
{
    stage_set(stage, state, book);
    stage->options.look_only = true;
    stage_open(stage);
}

static void assert_statements(const struct bsc_value *account, const char *expected)
{
    assert_json(bsc_value_get(account, "statements"), expected);
}

static const char *step_outcome(const struct bsc_value *account, size_t index)
{
    return bsc_value_get_string(bsc_value_at(bsc_value_get(account, "steps"), index), "outcome");
}

static void without_a_fault_everything_is_done_and_told(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account = walk(&stage, "[]", false);
    assert_word(account, "outcome", "done");
    assert_statements(account, "['SET 0','SET 1','SET 2']");
    assert_json(bsc_value_get(account, "says"), "['It is empty.']");
    assert_json(bsc_value_get(account, "facts"), "{'sql:queue':{'reachable':true,'rows':2}}");
    assert_string_equal(step_outcome(account, 0), "kept");
    assert_string_equal(step_outcome(account, 1), "changed");
    assert_null(bsc_value_get(account, "missed"));
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_fault_happens_at_the_change_that_it_names(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account = walk(&stage, "[{'item':4,'fault':'fails','nth':2}]", false);
    assert_word(account, "outcome", "failed");
    assert_word(account, "item", "Fill it");
    assert_statements(account, "['SET 0','SET 1']");
    assert_string_equal(step_outcome(account, 3), "failed");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void what_took_effect_is_not_done_again_by_resuming(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account =
        walk(&stage,
             "[{'item':2,'fault':'killed-after-effect'},{'item':2,'fault':'killed'},"
             "{'item':4,'fault':'fails'}]",
             true);
    assert_word(account, "outcome", "done");
    assert_int_equal(bsc_value_get_number(account, "resumed", 0), 3);
    assert_statements(account, "['SET 0','SET 1','SET 2']");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_killed_run_that_is_not_resumed_stays_killed(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account = walk(&stage, "[{'item':2,'fault':'killed-before-intent'}]", false);
    assert_word(account, "outcome", "killed");
    assert_word(account, "item", "Empty it");
    assert_contains(bsc_value_get_string(account, "reason"), "before the intent");
    assert_string_equal(step_outcome(account, 1), "killed");
    assert_string_equal(step_outcome(account, 2), "not reached");
    assert_statements(account, "[]");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void what_nobody_can_know_is_left_to_somebody(void **state)
{
    struct stage stage;
    begin(&stage, state, BLIND);
    struct bsc_value *account = walk(&stage, "[{'item':1,'fault':'killed-after-intent'}]", true);
    assert_word(account, "outcome", "unknown");
    assert_int_equal(bsc_value_get_number(account, "resumed", 0), 1);
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_run_that_halts_each_time_ends(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account =
        walk(&stage, "[{'item':1,'facts':{'sql:queue':{'reachable':false}}}]", true);
    assert_word(account, "outcome", "refused");
    assert_int_equal(bsc_value_get_number(account, "resumed", 0), 1);
    bsc_value_free(account);
    stage_strike(&stage);
}

static void waiting_for_what_never_comes_ends(void **state)
{
    struct stage stage;
    begin(&stage, state,
          BOOK "step 'Wait' { wait_until { queue:has { rows = 9 }, timeout = '3s', every = '1s' }, "
               "harmless = 'a test' }\n");
    struct bsc_value *account = walk(&stage, "[]", true);
    assert_word(account, "outcome", "timeout");
    assert_word(account, "item", "Wait");
    assert_int_equal(bsc_value_get_number(account, "resumed", 0), 1);
    bsc_value_free(account);
    stage_strike(&stage);
}

static void facts_become_otherwise_before_a_step(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account =
        walk(&stage, "[{'item':2,'facts':{'sql:queue':{'rows':0}}}]", false);
    assert_string_equal(step_outcome(account, 1), "kept");
    assert_statements(account, "['SET 1','SET 2']");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_fault_that_cannot_happen_is_told(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *none = walk(&stage, "[{'item':3,'fault':'fails'}]", false);
    assert_contains(bsc_value_get_string(none, "missed"), "\"fails\" never came about in \"Tell\"");
    struct bsc_value *late = walk(&stage, "[{'item':4,'fault':'fails','nth':3}]", false);
    assert_contains(bsc_value_get_string(late, "missed"), "there were 2 effects");
    struct bsc_value *move = walk(&stage, "[{'item':2,'move':'it rains'}]", false);
    assert_contains(bsc_value_get_string(move, "missed"),
                    "\"it rains\" cannot happen before \"Empty it\"; what can: nothing");
    struct bsc_value *never =
        walk(&stage, "[{'item':2,'fault':'fails'},{'item':4,'facts':{}}]", false);
    assert_contains(bsc_value_get_string(never, "missed"), "the run never came to \"Fill it\"");
    bsc_value_free(never);
    bsc_value_free(move);
    bsc_value_free(late);
    bsc_value_free(none);
    stage_strike(&stage);
}

static void a_look_is_counted_apart_from_other_effects(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK);
    struct bsc_value *account =
        walk(&stage, "[{'item':4,'fault':'killed','nth':2,'looks':true}]", false);
    assert_word(account, "outcome", "killed");
    assert_statements(account, "['SET 0','SET 1']");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_broken_invariant_is_in_the_account(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK "invariant 'It holds one' { queue:has { rows = at_least(1) } }\n");
    struct bsc_value *account = walk(&stage, "[]", false);
    const struct bsc_value *violations = bsc_value_get(account, "violations");
    assert_int_equal(bsc_value_count(violations), 1);
    assert_word(bsc_value_at(violations, 0), "title", "It holds one");
    assert_word(bsc_value_at(violations, 0), "step", "Empty it");
    bsc_value_free(account);
    stage_strike(&stage);
}

static void a_gate_parks_the_run_where_the_test_says_so(void **state)
{
    struct stage stage;
    begin(&stage, state,
          "runbook 'x' { summary = 'Own' }\n"
          "gate 'Go?' { after = '14d', parks = true }\n"
          "step 'Tell' { warn 'It goes on.' }\n");
    struct bsc_value *account = walk(&stage, "[]", false);
    assert_word(account, "outcome", "done");
    bsc_value_free(account);
    account = walk(&stage, "[{'item':1,'fault':'parked'}]", false);
    assert_word(account, "outcome", "parked");
    assert_word(account, "item", "Go?");
    assert_contains(bsc_value_get_string(account, "reason"), "it waits until 2020-01-15 00:00:00");
    bsc_value_free(account);
    account =
        walk(&stage, "[{'item':1,'fault':'parked'},{'item':1,'fault':'parked','nth':2}]", true);
    assert_word(account, "outcome", "done");
    assert_int_equal(bsc_value_get_number(account, "resumed", 0), 2);
    bsc_value_free(account);
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(without_a_fault_everything_is_done_and_told),
        UNIT_IN_FOLDER(a_fault_happens_at_the_change_that_it_names),
        UNIT_IN_FOLDER(what_took_effect_is_not_done_again_by_resuming),
        UNIT_IN_FOLDER(a_killed_run_that_is_not_resumed_stays_killed),
        UNIT_IN_FOLDER(what_nobody_can_know_is_left_to_somebody),
        UNIT_IN_FOLDER(a_run_that_halts_each_time_ends),
        UNIT_IN_FOLDER(waiting_for_what_never_comes_ends),
        UNIT_IN_FOLDER(facts_become_otherwise_before_a_step),
        UNIT_IN_FOLDER(a_fault_that_cannot_happen_is_told),
        UNIT_IN_FOLDER(a_look_is_counted_apart_from_other_effects),
        UNIT_IN_FOLDER(a_broken_invariant_is_in_the_account),
        UNIT_IN_FOLDER(a_gate_parks_the_run_where_the_test_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
