#include "explore_unit.h"
#include "run/fault.h"

#define SOUND                                                                                      \
    "step 'Empty it' { sql.change { server = 'db', file = 'q.db', statement = 'DELETE',\n"         \
    "  becomes = { [queue] = { rows = 0 } } }, harmless = 'a test' }\n"
#define BLIND                                                                                      \
    "step 'Empty it' { harmless = 'a test',\n"                                                     \
    "  sql.change { server = 'db', file = 'q.db', statement = 'DELETE' } }\n"

static void a_sound_step_survives_every_fault(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK(SOUND));
    for (unsigned faults = 0; faults <= BSC_RUN_FAULTS_MAX; faults++) {
        struct bsc_value *verdict = explore(&stage, faults);
        assert_int_equal(violations(verdict), 0);
        assert_word(bsc_value_get(verdict, "undisturbed"), "outcome", "done");
        assert_true(bsc_value_get_truth(verdict, "complete"));
        assert_int_equal(bsc_value_get_number(verdict, "tried", -1) > 0, faults > 0);
        bsc_value_free(verdict);
    }
    stage_strike(&stage);
}

/* Which value it will be is not known beforehand, so that each later look is tried both ways. */
static void a_bound_is_kept_whatever_the_value(void **state)
{
    struct stage stage;
    begin(
        &stage, state,
        BOOK("step 'Shrink it' { sql.change { server = 'db', file = 'q.db', statement = 'DELETE',\n"
             "  becomes = { [queue] = { rows = at_most(1) } } }, harmless = 'a test' }\n" SOUND));
    struct bsc_value *verdict = explore(&stage, 2);
    assert_int_equal(violations(verdict), 0);
    assert_word(bsc_value_get(verdict, "undisturbed"), "outcome", "done");
    assert_int_equal(bsc_value_count(bsc_value_get(verdict, "changes")), 2);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

static void what_nothing_shows_is_found_to_be_done_twice(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK(BLIND));
    struct bsc_value *verdict = explore(&stage, 1);
    assert_int_equal(violations(verdict), 1);
    const struct bsc_value *found = violation(verdict, 0);
    assert_word(found, "title", "nothing is done twice");
    assert_word(found, "step", "Empty it");
    assert_int_equal(bsc_value_get_number(found, "line", 0), 4);
    assert_true(bsc_value_count(bsc_value_get(found, "trace")) >= 2);
    assert_int_equal(bsc_value_get_number(bsc_value_get(verdict, "coverage"), "assumed", 0), 1);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

static void a_violation_can_be_replayed_alone(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK(BLIND));
    struct bsc_value *verdict = explore(&stage, 1);
    const char *replay = bsc_value_get_string(violation(verdict, 0), "replay");
    struct bsc_value *alone = explore_only(&stage, 1, replay);
    assert_int_equal(violations(alone), 1);
    assert_true(bsc_value_equal(violation(alone, 0), violation(verdict, 0)));
    assert_int_equal(bsc_value_get_number(alone, "tried", 0), 1);
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = from_json("{'sql:queue':{'reachable':true,'rows':3}}");
    const struct bsc_run_explore_order order = {
        .session = &stage.session, .facts = facts, .faults = 1, .only = "1.99:fails"};
    assert_null(bsc_run_explore(&order, &err));
    assert_int_equal(err.code, BSC_ERR_USAGE);
    bsc_value_free(facts);
    bsc_value_free(alone);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

static void the_same_inputs_give_the_same_verdict(void **state)
{
    struct stage stage;
    begin(&stage, state,
          BOOK(SOUND "step 'Again' { harmless = 'a test',\n"
                     "  sql.change { server = 'db', file = 'q.db', statement = 'VACUUM' } }\n"));
    struct bsc_value *one = explore(&stage, 2);
    stage_open(&stage);
    struct bsc_value *two = explore(&stage, 2);
    assert_true(bsc_value_equal(one, two));
    bsc_value_free(one);
    bsc_value_free(two);
    stage_strike(&stage);
}

static void an_invariant_of_the_author_is_checked(void **state)
{
    struct stage stage;
    begin(&stage, state,
          BOOK("invariant 'It stays' { queue:has { rows = at_least(1) }, mend = 'Leave it.' "
               "}\n" SOUND));
    struct bsc_value *verdict = explore(&stage, 0);
    assert_int_equal(violations(verdict), 1);
    assert_word(violation(verdict, 0), "title", "It stays");
    assert_word(violation(verdict, 0), "mend", "Leave it.");
    assert_word(violation(verdict, 0), "replay", "");
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* Looks for an empty queue, empties it half, then refuses to go on with what it has left. */
static const char hasty[] = "return primitive {\n"
                            "  args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
                            "  requires = function(a, facts)\n"
                            "    return facts.rows ~= 3 and 'somebody was here' or nil\n"
                            "  end,\n"
                            "  wants = function() return { rows = 0 } end,\n"
                            "  changes = function()\n"
                            "    local row = { row = 'sql.execute', args = { sql = 'x' } }\n"
                            "    return { { statement = 'HALF', row = row.row, args = row.args,\n"
                            "      becomes = { rows = 1 } },\n"
                            "      { statement = 'REST', row = row.row, args = row.args } }\n"
                            "  end,\n"
                            "}\n";

static void a_refusal_that_the_run_has_brought_about_is_charged(void **state)
{
    struct stage stage;
    begin_with(&stage, state, hasty, BOOK("local own = require 'own'\nstep 's' { own(queue) }\n"));
    struct bsc_value *verdict = explore(&stage, 1);
    assert_int_equal(violations(verdict), 1);
    assert_word(violation(verdict, 0), "title", "a halted run can be resumed to its end");
    assert_non_null(strstr(bsc_value_get_string(violation(verdict, 0), "text"), "somebody"));
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* Twice the same statement, of which nothing shows whether it was made. */
static const char doubled[] = "return primitive {\n"
                              "  args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
                              "  changes = function()\n"
                              "    local function once()\n"
                              "      return { statement = 'x', row = 'sql.execute', args = {} }\n"
                              "    end\n"
                              "    return { once(), once() }\n"
                              "  end,\n"
                              "}\n";

static void the_same_change_meant_twice_is_not_done_twice(void **state)
{
    struct stage stage;
    begin_with(&stage, state, doubled,
               BOOK("local own = require 'own'\nstep 's' { own(queue) }\n"));
    struct bsc_value *verdict = explore(&stage, 0);
    assert_int_equal(violations(verdict), 0);
    bsc_value_free(verdict);
    verdict = explore_only(&stage, 1, "1.3:killed-after-effect");
    assert_int_equal(violations(verdict), 0);
    assert_int_equal(bsc_value_get_number(bsc_value_get(verdict, "ends"), "done", 0), 2);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* The action looks whether it is wanted, but not whether its first change was made. */
static void a_change_that_says_nothing_is_charged_in_an_action_that_looks_too(void **state)
{
    static const char raw[] = "local function change(statement)\n"
                              "  return { statement = statement, row = 'sql.execute', args = {} }\n"
                              "end\n"
                              "return primitive { args = { { 'queue', 'facts' } },\n"
                              "  harmless = 'a test', wants = function() return { rows = 0 } end,\n"
                              "  changes = function() return { change 'UPDATE', change 'DELETE' } "
                              "end }\n";
    struct stage stage;
    begin_with(&stage, state, raw, BOOK("local own = require 'own'\nstep 's' { own(queue) }\n"));
    struct bsc_value *verdict = explore(&stage, 1);
    assert_int_equal(violations(verdict), 1);
    assert_word(violation(verdict, 0), "title", "nothing is done twice");
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* It says what it makes true, but its action does not look whether it is: a resumed run leaves it
 * out because a look at what was under way has shown that it was made. */
static void what_a_look_shows_to_be_done_is_not_done_again(void **state)
{
    static const char unlooked[] =
        "return primitive {\n"
        "  args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
        "  changes = function()\n"
        "    return { { statement = 'x', row = 'sql.execute', args = {},\n"
        "      becomes = { rows = 4 } } }\n"
        "  end,\n"
        "}\n";
    struct stage stage;
    begin_with(&stage, state, unlooked,
               BOOK("local own = require 'own'\nstep 's' { own(queue) }\n"));
    struct bsc_value *verdict = explore(&stage, 2);
    assert_int_equal(violations(verdict), 0);
    assert_int_equal(bsc_value_get_number(bsc_value_get(verdict, "ends"), "halted", 0) > 0, 1);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* Whoever resumes a run of which nothing shows whether it made its change has found out. */
static void what_is_unknown_is_settled_and_the_run_goes_on(void **state)
{
    static const char *const ways[] = {"1.2:killed-after-intent", "1.2:killed-after-effect",
                                       "1.2:lost", "1.2:lost-after", "1.2:unseen-after"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct stage stage;
        begin(&stage, state, BOOK(BLIND));
        struct bsc_value *verdict = explore_only(&stage, 1, ways[i]);
        const struct bsc_value *ends = bsc_value_get(verdict, "ends");
        assert_int_equal(violations(verdict), 0);
        assert_int_equal(bsc_value_get_number(ends, "halted", 0), 1);
        assert_int_equal(bsc_value_get_number(ends, "done", 0), 2); /* one of them undisturbed */
        bsc_value_free(verdict);
        stage_strike(&stage);
    }
}

static void a_refusal_is_a_stated_end(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK("guard 'It is empty' { queue:has { rows = 0 } }\n" SOUND));
    struct bsc_value *verdict = explore(&stage, 1);
    assert_int_equal(violations(verdict), 0);
    assert_word(bsc_value_get(verdict, "undisturbed"), "outcome", "refused");
    assert_int_equal(bsc_value_get_number(bsc_value_get(verdict, "ends"), "done", -1), 0);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* Each resumption waits anew, which must not make a new state of the site. */
static void waiting_in_vain_comes_to_an_end(void **state)
{
    struct stage stage;
    begin(&stage, state,
          BOOK(SOUND "step 'Wait' { wait_until { queue:has { rows = 5 }, timeout = '1m' } }\n"));
    struct bsc_value *verdict = explore(&stage, 1);
    assert_true(bsc_value_get_truth(verdict, "complete"));
    assert_int_equal(violations(verdict), 0);
    assert_word(bsc_value_get(verdict, "undisturbed"), "outcome", "timeout");
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* A primitive whose changes depend on how often it was asked. */
static const char fickle[] = "local count = 0\n"
                             "return primitive {\n"
                             "  args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
                             "  changes = function()\n"
                             "    count = count + 1\n"
                             "    return { { row = 'sql.execute', statement = 'DELETE ' .. count,\n"
                             "      args = { server = 'db', file = 'q.db', sql = 'DELETE' } } }\n"
                             "  end,\n"
                             "}\n";

/* One that asks for what the program cannot do. */
static const char impossible[] = "return primitive {\n"
                                 "  args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
                                 "  changes = function() return { { row = 'no.row', args = {},\n"
                                 "    statement = 'DELETE' } } end,\n"
                                 "}\n";

/* Explores a runbook with this primitive in it, which is no good. */
static void expect_told(void **state, const char *primitive, const char *message)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    begin_with(&stage, state, primitive,
               BOOK("local own = require 'own'\n"
                    "step 'Do it' { retry = { times = 2 }, own(queue) }\n"));
    struct bsc_value *facts = from_json("{'sql:queue':{'reachable':true,'rows':3}}");
    const struct bsc_run_explore_order order = {
        .session = &stage.session, .facts = facts, .faults = 1};
    assert_null(bsc_run_explore(&order, &err));
    assert_non_null(strstr(err.message, message));
    bsc_value_free(facts);
    stage_strike(&stage);
}

static void code_that_remembers_the_last_time_is_told(void **state)
{
    expect_told(state, fickle, "does not do the same again");
}

static void what_could_not_be_carried_out_is_told(void **state)
{
    expect_told(state, impossible, "is no row of this program");
}

static void every_fault_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < BSC_RUN_FAULT_COUNT; i++) {
        enum bsc_run_fault fault = BSC_RUN_FAULT_NONE;
        assert_true(bsc_run_fault_parse(bsc_run_fault_kind((enum bsc_run_fault)i)->name, &fault));
        assert_int_equal(fault, i);
    }
    enum bsc_run_fault fault = BSC_RUN_FAULT_NONE;
    assert_false(bsc_run_fault_parse("nonsense", &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_sound_step_survives_every_fault),
        UNIT_IN_FOLDER(a_bound_is_kept_whatever_the_value),
        UNIT_IN_FOLDER(what_nothing_shows_is_found_to_be_done_twice),
        UNIT_IN_FOLDER(a_violation_can_be_replayed_alone),
        UNIT_IN_FOLDER(the_same_inputs_give_the_same_verdict),
        UNIT_IN_FOLDER(an_invariant_of_the_author_is_checked),
        UNIT_IN_FOLDER(a_refusal_is_a_stated_end),
        UNIT_IN_FOLDER(a_refusal_that_the_run_has_brought_about_is_charged),
        UNIT_IN_FOLDER(the_same_change_meant_twice_is_not_done_twice),
        UNIT_IN_FOLDER(a_change_that_says_nothing_is_charged_in_an_action_that_looks_too),
        UNIT_IN_FOLDER(what_a_look_shows_to_be_done_is_not_done_again),
        UNIT_IN_FOLDER(what_is_unknown_is_settled_and_the_run_goes_on),
        UNIT_IN_FOLDER(waiting_in_vain_comes_to_an_end),
        UNIT_IN_FOLDER(what_could_not_be_carried_out_is_told),
        UNIT_IN_FOLDER(code_that_remembers_the_last_time_is_told),
        cmocka_unit_test(every_fault_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
