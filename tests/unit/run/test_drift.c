#include "run_unit.h"

#include "base/mem.h"
#include "run/drift.h"

#define SCHEMA                                                                                     \
    "{'db':{'state':{'type':'text'},'id':{'type':'text','identity':true},"                         \
    "'lsn':{'type':'int','volatile':true},'last':{'type':'int','advances':true},"                  \
    "'chain':{'type':'list','volatile':true,'noun':'log backup','named_by':2},"                    \
    "'names':{'type':'list'},'users':{'type':'int','volatile':true,'noun':'user'}}}"

/* The drift between plans with these facts and items, in short JSON; owned. */
static struct bsc_value *drift_of(const char *facts_then, const char *items_then,
                                  const char *facts_now, const char *items_now)
{
    struct bsc_value *schema = from_json(SCHEMA);
    struct bsc_value *then =
        from_json("{'facts':%s,'items':%s,'outcome':'changed'}", facts_then, items_then);
    struct bsc_value *now =
        from_json("{'facts':%s,'items':%s,'outcome':'changed'}", facts_now, items_now);
    struct bsc_value *drift = bsc_run_drift_between(then, now, schema);
    bsc_value_free(schema);
    bsc_value_free(then);
    bsc_value_free(now);
    return drift;
}

static void assert_words(const struct bsc_value *drift, const char *words)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_run_drift_words(drift, &text);
    assert_string_equal(text.data, words);
    bsc_buf_release(&text);
}

/* Takes the drift. */
static void assert_drift(struct bsc_value *drift, bool holds, const char *facts, const char *steps)
{
    assert_int_equal(bsc_value_get_truth(drift, "holds"), holds);
    assert_json(bsc_value_get(drift, "inputs"), "[]");
    assert_json(bsc_value_get(drift, "facts"), facts);
    assert_json(bsc_value_get(drift, "steps"), steps);
    bsc_value_free(drift);
}

static void the_same_plan_has_no_drift(void **state)
{
    (void)state;
    const char *facts = "{'db:a':{'state':'online','lsn':1}}";
    const char *items = "[{'index':1,'kind':'guard','title':'g','outcome':'kept'}]";
    struct bsc_value *drift = drift_of(facts, items, facts, items);
    assert_false(bsc_run_drift_any(drift));
    assert_drift(drift, true, "[]", "[]");
}

static void what_moves_by_itself_is_no_drift(void **state)
{
    (void)state;
    assert_drift(drift_of("{'db:a':{'state':'online','lsn':1,'last':3,'chain':['1 2 x']}}", "[]",
                          "{'db:a':{'state':'online','lsn':2,'last':4,'chain':[]}}", "[]"),
                 true, "[]", "[]");
}

static void a_fact_that_no_step_depends_on_is_told_and_does_not_block(void **state)
{
    (void)state;
    assert_drift(drift_of("{'db:a':{'state':'online'},'sql:n':{'count':1}}", "[]",
                          "{'db:a':{'state':'standby'},'sql:n':{'count':2}}", "[]"),
                 true,
                 "[{'resource':'db:a','key':'state','then':'online','now':'standby',"
                 "'identity':false,'blocks':false},{'resource':'sql:n','key':'count','then':1,"
                 "'now':2,'identity':false,'blocks':false}]",
                 "[]");
}

static void another_identity_blocks_whether_a_step_differs_or_not(void **state)
{
    (void)state;
    static const char *const now[] = {"{'db:a':{'id':'y'}}", "{'db:a':{}}"};
    static const char *const words[] = {"Another id of db:a: no step differs.",
                                        "Unknown id of db:a: no step differs."};
    for (size_t i = 0; i < sizeof now / sizeof now[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *drift = drift_of("{'db:a':{'id':'x'}}", "[]", now[i], "[]");
        assert_false(bsc_run_drift_holds(drift, &err));
        assert_int_equal(err.code, BSC_ERR_REFUSED);
        assert_string_equal(err.detail, words[i]);
        bsc_value_free(drift);
    }
}

static void a_resource_that_only_one_plan_speaks_of_blocks(void **state)
{
    (void)state;
    assert_drift(drift_of("{}", "[]", "{'db:b':{'state':'online','id':'x'}}", "[]"), false,
                 "[{'resource':'db:b','key':'observed','then':false,'now':true,'identity':false,"
                 "'blocks':true}]",
                 "[]");
    assert_drift(drift_of("{}", "[]", "{'sql:q':{'rows':1}}", "[]"), true,
                 "[{'resource':'sql:q','key':'observed','then':false,'now':true,'identity':false,"
                 "'blocks':false}]",
                 "[]");
}

#define ITEM(index, outcome, changes)                                                              \
    "{'index':" index ",'kind':'step','title':'s" index "','outcome':'" outcome "',"               \
    "'changes':[" changes "]}"
#define CHANGE(statement, before, after)                                                           \
    "{'row':'r','resource':'db:a','args':{},'statement':'" statement "',"                          \
    "'before':{'db:a':{" before "}},'becomes':{'db:a':{" after "}}}"

static void more_log_backups_are_counted_and_the_steps_named(void **state)
{
    (void)state;
    struct bsc_value *drift = drift_of(
        "{'db:a':{'last':2,'chain':['0 1 missing','1 2 missing']}}",
        "[" ITEM("1", "kept", "") "," ITEM("2", "changed", CHANGE("copy 2", "", "")) "," ITEM(
            "3", "changed", CHANGE("apply 2", "", "")) "]",
        "{'db:a':{'last':5,'chain':['1 2 copied','2 3 missing','3 4 missing']}}",
        "[" ITEM("1", "kept", "") "," ITEM("2", "changed", CHANGE("copy 3", "", "")) "," ITEM(
            "3", "changed", CHANGE("apply 3", "", "")) "]");
    assert_words(drift, "2 more log backups, 1 fewer log backup, 1 different log backup: steps 2 "
                        "and 3 differ.");
    const struct bsc_value *steps = bsc_value_get(drift, "steps");
    assert_int_equal(bsc_value_count(steps), 2);
    assert_json(bsc_value_get(bsc_value_at(steps, 0), "changes"),
                "[{'sign':'-','statement':'copy 2','resources':['db:a']},"
                "{'sign':'+','statement':'copy 3','resources':['db:a']}]");
    assert_int_equal(bsc_value_count(bsc_value_get(drift, "facts")), 1);
    bsc_value_free(drift);
}

static void a_statement_is_another_with_other_facts_before_or_after(void **state)
{
    (void)state;
    struct bsc_value *drift = drift_of(
        "{}",
        "[" ITEM("1", "changed", CHANGE("open", "'state':'restoring','lsn':1", "'last':1")) "]",
        "{}",
        "[" ITEM("1", "changed", CHANGE("open", "'state':'standby','lsn':2", "'last':2")) "]");
    const struct bsc_value *step = bsc_value_at(bsc_value_get(drift, "steps"), 0);
    assert_json(bsc_value_get(step, "changes"),
                "[{'sign':'=','statement':'open','facts':[{'side':'before','resource':'db:a',"
                "'key':'state','then':'restoring','now':'standby'}]}]");
    assert_false(bsc_value_get_truth(drift, "holds"));
    bsc_value_free(drift);
}

/* Nobody says whether facts of one's own move by themselves. */
static void own_facts_are_compared_after_a_statement_and_not_before(void **state)
{
    (void)state;
    static const char item[] =
        "[{'index':1,'kind':'step','title':'s','outcome':'changed','changes':"
        "[{'row':'r','resource':'sql:q','args':{},'statement':'purge',"
        "'before':{'sql:q':{'rows':%d}},'becomes':{'sql:q':{'rows':%d}}}]}]";
    static const bool holds[] = {true, false};
    for (int after = 0; after < 2; after++) {
        char *then = bsc_mem_format(item, 3, 0), *now = bsc_mem_format(item, 5, after);
        struct bsc_value *drift = drift_of("{}", then, "{}", now);
        assert_int_equal(bsc_value_get_truth(drift, "holds"), holds[after]);
        bsc_value_free(drift);
        bsc_mem_free(then);
        bsc_mem_free(now);
    }
}

#define VOLATILE(statement)                                                                        \
    "{'row':'end','resource':'db:a','volatile':true,'args':{},'statement':'" statement "'}"

static void a_volatile_change_may_differ_or_find_nothing_left_to_do(void **state)
{
    (void)state;
    assert_drift(drift_of("{}", "[" ITEM("1", "changed", VOLATILE("end 1")) "]", "{}",
                          "[" ITEM("1", "changed", VOLATILE("end 2")) "]"),
                 true, "[]", "[]");
    struct bsc_value *gone = drift_of("{}", "[" ITEM("1", "changed", VOLATILE("end 1")) "]", "{}",
                                      "[" ITEM("1", "kept", "") "]");
    assert_true(bsc_run_drift_any(gone));
    assert_true(bsc_value_get_truth(gone, "holds"));
    bsc_value_free(gone);
    struct bsc_value *added = drift_of("{}", "[" ITEM("1", "kept", "") "]", "{}",
                                       "[" ITEM("1", "changed", VOLATILE("end 1")) "]");
    assert_false(bsc_value_get_truth(added, "holds"));
    assert_words(added, "step 1 differs.");
    bsc_value_free(added);
}

static void a_statement_that_is_gone_or_another_outcome_blocks(void **state)
{
    (void)state;
    static const char *const items[][2] = {
        {"[" ITEM("1", "changed", CHANGE("a", "", "") "," CHANGE("b", "", "")) "]",
         "[" ITEM("1", "changed", CHANGE("b", "", "")) "]"},
        {"[" ITEM("1", "changed", CHANGE("a", "", "")) "]", "[" ITEM("1", "kept", "") "]"},
        {"[" ITEM("1", "kept", "") "]", "[" ITEM("1", "skipped", "") "]"},
        {"[" ITEM("1", "kept", "") "]", "[" ITEM("1", "kept", "") "," ITEM("2", "kept", "") "]"},
        {"[" ITEM("1", "kept", "") "," ITEM("2", "kept", "") "]", "[" ITEM("1", "kept", "") "]"}};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct bsc_value *drift = drift_of("{}", items[i][0], "{}", items[i][1]);
        assert_false(bsc_value_get_truth(drift, "holds"));
        assert_int_equal(bsc_value_count(bsc_value_get(drift, "steps")), 1);
        bsc_value_free(drift);
    }
}

static void new_statements_stand_behind_those_they_came_instead_of(void **state)
{
    (void)state;
    struct bsc_value *drift = drift_of(
        "{}", "[" ITEM("1", "changed", CHANGE("a", "", "") "," CHANGE("b", "", "")) "]", "{}",
        "[" ITEM("1", "changed",
                 CHANGE("x", "", "") "," CHANGE("b", "", "") "," CHANGE("c", "", "")) "]");
    assert_json(bsc_value_get(bsc_value_at(bsc_value_get(drift, "steps"), 0), "changes"),
                "[{'sign':'-','statement':'a','resources':['db:a']},"
                "{'sign':'+','statement':'x','resources':['db:a']},"
                "{'sign':'+','statement':'c','resources':['db:a']}]");
    bsc_value_free(drift);
}

#define GATE(stands, more)                                                                         \
    "[{'index':4,'kind':'gate','title':'g','outcome':'kept','asks':[{'title':'g',"                 \
    "'lines':[" more "],'stands':[" stands "]}]}]"

static void a_question_is_another_when_what_its_answer_rests_on_is(void **state)
{
    (void)state;
    assert_drift(drift_of("{}", GATE("'a'", "'a','b'"), "{}", GATE("'a'", "'a','c'")), true, "[]",
                 "[]");
    struct bsc_value *drift = drift_of("{}", GATE("'a','z'", ""), "{}", GATE("'b','z'", ""));
    assert_words(drift, "gate 4 asks anew.");
    assert_json(bsc_value_get(bsc_value_at(bsc_value_get(drift, "steps"), 0), "changes"),
                "[{'sign':'-','line':'a'},{'sign':'+','line':'b'}]");
    bsc_value_free(drift);
}

/* What would come behind the item that a plan stops at is not known, so it is no difference. */
static void a_plan_that_stops_early_differs_where_it_stops(void **state)
{
    (void)state;
    struct bsc_value *schema = from_json(SCHEMA);
    struct bsc_value *whole = from_json("{'facts':{},'outcome':'kept','items':[%s,%s]}",
                                        ITEM("1", "kept", ""), ITEM("2", "kept", ""));
    struct bsc_value *cut =
        from_json("{'facts':{},'outcome':'refused','items':[{'index':1,'kind':'step',"
                  "'title':'s1','outcome':'refused','reason':'no'}]}");
    struct bsc_value *drift = bsc_run_drift_between(whole, cut, schema);
    assert_words(drift, "step 1 would be refused.");
    assert_int_equal(bsc_value_count(bsc_value_get(drift, "steps")), 1);
    assert_word(bsc_value_at(bsc_value_get(drift, "steps"), 0), "reason", "no");
    bsc_value_free(drift);
    drift = bsc_run_drift_between(cut, whole, schema);
    assert_int_equal(bsc_value_count(bsc_value_get(drift, "steps")), 1);
    bsc_value_free(drift);
    bsc_value_free(schema);
    bsc_value_free(whole);
    bsc_value_free(cut);
}

static void long_lists_are_put_in_brief(void **state)
{
    (void)state;
    struct bsc_buf names;
    bsc_buf_init(&names);
    bsc_buf_add_text(&names, "{'db:a':{'names':['0'");
    for (int i = 1; i < 40; i++)
        bsc_buf_printf(&names, ",'%d'", i);
    bsc_buf_add_text(&names, "]}}");
    struct bsc_value *drift = drift_of("{'db:a':{'names':['1']}}", "[]", names.data, "[]");
    const struct bsc_value *fact = bsc_value_at(bsc_value_get(drift, "facts"), 0);
    assert_json(bsc_value_get(fact, "now"), "{'$entries':40}");
    assert_json(bsc_value_get(fact, "then"), "['1']");
    bsc_value_free(drift);
    bsc_buf_release(&names);
}

/* They come and go by themselves, so that it is told only where a step differs for it. */
static void a_number_that_counts_is_told_with_its_difference(void **state)
{
    (void)state;
    const char *then = "{'db:a':{'users':1200}}", *now = "{'db:a':{'users':1199}}";
    assert_drift(drift_of(then, "[]", now, "[]"), true, "[]", "[]");
    struct bsc_value *drift =
        drift_of(then, "[{'index':1,'kind':'step','title':'s','outcome':'changed'}]", now,
                 "[{'index':1,'kind':'step','title':'s','outcome':'kept'}]");
    assert_words(drift, "1,200 -> 1,199, 1 fewer user: step 1 differs.");
    bsc_value_free(drift);
    drift = drift_of("{'db:a':{'users':1}}", "[]", "{'db:a':{}}", "[]");
    assert_false(bsc_run_drift_any(drift));
    bsc_value_free(drift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_plan_has_no_drift),
        cmocka_unit_test(what_moves_by_itself_is_no_drift),
        cmocka_unit_test(a_fact_that_no_step_depends_on_is_told_and_does_not_block),
        cmocka_unit_test(another_identity_blocks_whether_a_step_differs_or_not),
        cmocka_unit_test(a_resource_that_only_one_plan_speaks_of_blocks),
        cmocka_unit_test(more_log_backups_are_counted_and_the_steps_named),
        cmocka_unit_test(a_statement_is_another_with_other_facts_before_or_after),
        cmocka_unit_test(own_facts_are_compared_after_a_statement_and_not_before),
        cmocka_unit_test(a_volatile_change_may_differ_or_find_nothing_left_to_do),
        cmocka_unit_test(a_statement_that_is_gone_or_another_outcome_blocks),
        cmocka_unit_test(new_statements_stand_behind_those_they_came_instead_of),
        cmocka_unit_test(a_question_is_another_when_what_its_answer_rests_on_is),
        cmocka_unit_test(a_plan_that_stops_early_differs_where_it_stops),
        cmocka_unit_test(long_lists_are_put_in_brief),
        cmocka_unit_test(a_number_that_counts_is_told_with_its_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
