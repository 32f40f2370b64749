#include "run_unit.h"

#include "run/cursor.h"

/* Item 1 makes a and b, item 2 nothing, item 3 c (volatile), d and d again. */
static const char plan_text[] =
    "{'items':["
    "{'index':1,'changes':[{'resource':'r','row':'w','statement':'a','args':{'n':1}},"
    "{'resource':'r','row':'w','statement':'b','args':{'n':2}}]},"
    "{'index':2,'changes':[]},"
    "{'index':3,'changes':["
    "{'resource':'r','row':'end','statement':'end 7','args':{'pids':[7]},'volatile':true},"
    "{'resource':'r','row':'w','statement':'d','args':{'n':4}},"
    "{'resource':'r','row':'w','statement':'d','args':{'n':4}}]}]}";

#define A "{'resource':'r','row':'w','statement':'a','args':{'n':1}}"
#define B "{'resource':'r','row':'w','statement':'b','args':{'n':2}}"
#define D "{'resource':'r','row':'w','statement':'d','args':{'n':4}}"

static struct bsc_run_cursor *cursor_at(int64_t item)
{
    struct bsc_value *plan = from_json("%s", plan_text);
    struct bsc_run_cursor *cursor = bsc_run_cursor_new(plan);
    bsc_value_free(plan);
    bsc_run_cursor_enter(cursor, item);
    return cursor;
}

static bool matches(struct bsc_run_cursor *cursor, const char *change)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *effect = from_json("%s", change);
    bool matched = bsc_run_cursor_match(cursor, effect, &err);
    assert_int_equal(err.code, matched ? BSC_ERR_NONE : BSC_ERR_REFUSED);
    if (!matched)
        assert_contains(err.message, bsc_value_get_string(effect, "statement"));
    bsc_value_free(effect);
    return matched;
}

static void changes_may_be_made_in_the_order_of_the_plan(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_true(matches(cursor, A));
    assert_true(matches(cursor, B));
    bsc_run_cursor_free(cursor);
}

static void a_change_that_was_found_to_be_made_is_passed_over(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_true(matches(cursor, B));
    bsc_run_cursor_enter(cursor, 2);
    bsc_run_cursor_enter(cursor, 3);
    assert_true(matches(cursor, D));
    bsc_run_cursor_free(cursor);
}

static void nothing_is_made_that_the_plan_had_before(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_true(matches(cursor, B));
    assert_false(matches(cursor, A));
    assert_false(matches(cursor, B));
    bsc_run_cursor_free(cursor);
}

static void a_change_is_made_as_often_as_it_was_planned(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(3);
    assert_true(matches(cursor, D));
    assert_true(matches(cursor, D));
    assert_false(matches(cursor, D));
    bsc_run_cursor_free(cursor);
}

static void a_change_of_another_item_is_refused(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_false(matches(cursor, D));
    bsc_run_cursor_enter(cursor, 2);
    assert_false(matches(cursor, A));
    assert_false(matches(cursor, D));
    bsc_run_cursor_free(cursor);
}

static void other_arguments_another_row_statement_or_resource_are_refused(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_false(matches(cursor, "{'resource':'r','row':'w','statement':'a','args':{'n':2}}"));
    assert_false(matches(cursor, "{'resource':'r','row':'v','statement':'a','args':{'n':1}}"));
    assert_false(matches(cursor, "{'resource':'r','row':'w','statement':'A','args':{'n':1}}"));
    assert_false(matches(cursor, "{'resource':'q','row':'w','statement':'a','args':{'n':1}}"));
    assert_true(matches(cursor, A));
    bsc_run_cursor_free(cursor);
}

static bool asks(struct bsc_run_cursor *cursor, const char *question)
{
    struct bsc_value *effect = from_json("%s", question);
    bool as_planned = bsc_run_cursor_asks(cursor, effect);
    bsc_value_free(effect);
    return as_planned;
}

static void a_question_stands_while_it_says_what_the_plan_said(void **state)
{
    (void)state;
    struct bsc_value *plan = from_json("{'items':[{'index':1,'asks':[{'lines':['a']}]},"
                                       "{'index':2,'asks':[{'lines':['b','c'],'stands':['b']},"
                                       "{'lines':['d'],'stands':['d']}]},{'index':3}]}");
    struct bsc_run_cursor *cursor = bsc_run_cursor_new(plan);
    bsc_value_free(plan);
    bsc_run_cursor_enter(cursor, 1);
    assert_true(asks(cursor, "{'lines':['anything']}"));
    bsc_run_cursor_enter(cursor, 2);
    assert_true(asks(cursor, "{'lines':['b','x'],'stands':['b']}"));
    assert_false(asks(cursor, "{'lines':['d'],'stands':['e']}"));
    assert_false(asks(cursor, "{'lines':['d'],'stands':['d']}"));
    bsc_run_cursor_enter(cursor, 3);
    assert_false(asks(cursor, "{'lines':['d'],'stands':['d']}"));
    assert_true(asks(cursor, "{'lines':['f']}"));
    bsc_run_cursor_free(cursor);
}

static void a_volatile_change_is_known_by_its_row_and_resource(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(3);
    assert_false(matches(cursor, "{'resource':'q','row':'end','statement':'end 8',"
                                 "'args':{'pids':[8]},'volatile':true}"));
    assert_true(matches(cursor, "{'resource':'r','row':'end','statement':'end 8',"
                                "'args':{'pids':[8]},'volatile':true}"));
    bsc_run_cursor_free(cursor);
}

static void a_change_cannot_call_itself_volatile_when_the_plan_does_not(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_false(matches(cursor, "{'resource':'r','row':'w','statement':'z','args':{'n':9},"
                                 "'volatile':true}"));
    bsc_run_cursor_free(cursor);
    cursor = cursor_at(3);
    assert_false(matches(cursor, "{'resource':'r','row':'end','statement':'end 8',"
                                 "'args':{'pids':[8]}}"));
    bsc_run_cursor_free(cursor);
}

static void a_change_that_failed_may_be_tried_again_but_none_before_it(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    assert_true(matches(cursor, A));
    assert_true(matches(cursor, B));
    bsc_run_cursor_again(cursor);
    assert_false(matches(cursor, A));
    assert_true(matches(cursor, B));
    bsc_run_cursor_again(cursor);
    bsc_run_cursor_again(cursor);
    assert_false(matches(cursor, A));
    bsc_run_cursor_free(cursor);
}

static void trying_again_does_not_reach_into_the_item_before(void **state)
{
    (void)state;
    struct bsc_run_cursor *cursor = cursor_at(1);
    bsc_run_cursor_again(cursor);
    assert_true(matches(cursor, B));
    bsc_run_cursor_enter(cursor, 3);
    bsc_run_cursor_again(cursor);
    assert_false(matches(cursor, B));
    assert_true(matches(cursor, D));
    bsc_run_cursor_free(cursor);
}

static void a_plan_without_changes_allows_none(void **state)
{
    (void)state;
    struct bsc_value *plan = from_json("{}");
    struct bsc_run_cursor *cursor = bsc_run_cursor_new(plan);
    bsc_run_cursor_enter(cursor, 1);
    assert_false(matches(cursor, A));
    bsc_run_cursor_again(cursor);
    assert_false(matches(cursor, A));
    bsc_run_cursor_free(cursor);
    bsc_run_cursor_free(NULL);
    bsc_value_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_may_be_made_in_the_order_of_the_plan),
        cmocka_unit_test(a_change_that_was_found_to_be_made_is_passed_over),
        cmocka_unit_test(nothing_is_made_that_the_plan_had_before),
        cmocka_unit_test(a_change_is_made_as_often_as_it_was_planned),
        cmocka_unit_test(a_change_of_another_item_is_refused),
        cmocka_unit_test(other_arguments_another_row_statement_or_resource_are_refused),
        cmocka_unit_test(a_question_stands_while_it_says_what_the_plan_said),
        cmocka_unit_test(a_volatile_change_is_known_by_its_row_and_resource),
        cmocka_unit_test(a_change_cannot_call_itself_volatile_when_the_plan_does_not),
        cmocka_unit_test(a_change_that_failed_may_be_tried_again_but_none_before_it),
        cmocka_unit_test(trying_again_does_not_reach_into_the_item_before),
        cmocka_unit_test(a_plan_without_changes_allows_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
