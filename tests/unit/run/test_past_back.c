#include "past_unit.h"

/* ---------------------------------------------------------------- the trail */

static void each_action_is_taken_back_once_by_its_earliest_undo(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, FLIP UNDO("A"));
    change(&story, 2, 1, FLIP UNDO("M"));
    intend_this(&story, 3, (struct bsc_run_place){1, 2}, "flip", FLIP UNDO("C"));
    notes_outcome(&story.notes, 3, "changed");
    after(&story, 3, B);
    notes_item_end(&story.notes, 1, "changed");
    notes_item(&story.notes, 2);
    change(&story, 4, 2, FLIP);
    notes_item_end(&story.notes, 2, "changed");
    notes_item(&story.notes, 4);
    change(&story, 5, 4, FLIP DECLARED);
    intend_this(&story, 6, (struct bsc_run_place){4, 2}, "flip", FLIP DECLARED);
    notes_outcome(&story.notes, 6, "changed");
    after(&story, 6, B);
    assert_trail(read_past(&story), "1.1 A, 1.2 C, 4.0 -");
    story_end(&story);
}

static void a_change_that_was_tried_again_leaves_the_trail_when_it_was_made(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    intend(&story, 1, 1, FLIP UNDO("A"));
    notes_outcome(&story.notes, 1, "failed");
    after(&story, 1, A);
    assert_trail(read_past(&story), "");
    intend(&story, 2, 1, FLIP UNDO("A"));
    notes_outcome(&story.notes, 2, "changed");
    after(&story, 2, B);
    assert_trail(read_past(&story), "1.1 A");
    notes_item_end(&story.notes, 1, "failed");
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 1);
    change(&story, 3, 1, FLIP UNDO("M"));
    assert_trail(read_past(&story), "1.1 A");
    story_end(&story);
}

/* ---------------------------------------------------------------- the point of no return */

static void the_point_of_no_return_is_passed_when_it_may_have_taken_effect(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 3);
    assert_int_equal(read_past(&story)->beyond, 0);
    intend(&story, 1, 3, FLIP);
    assert_int_equal(read_past(&story)->beyond, 0);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_MAYBE);
    assert_int_equal(story.past.beyond, 3);
    notes_outcome(&story.notes, 1, "failed");
    after(&story, 1, A);
    assert_int_equal(read_past(&story)->beyond, 0);
    story_end(&story);
}

static void the_point_of_no_return_is_passed_when_it_was_true_already(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 3);
    notes_item_end(&story.notes, 3, "kept");
    assert_int_equal(read_past(&story)->beyond, 3);
    story_end(&story);
}

static void a_point_of_no_return_that_was_refused_is_not_passed(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 3);
    notes_item_end(&story.notes, 3, "refused");
    assert_int_equal(read_past(&story)->beyond, 0);
    story_end(&story);
}

/* ---------------------------------------------------------------- what was optional */

static void what_was_optional_and_skipped_is_remembered_until_it_is_done(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "skipped");
    notes_item(&story.notes, 3);
    notes_item_end(&story.notes, 3, "failed");
    assert_int_equal(read_past(&story)->skipped, 2);
    assert_at(&story.past, 2, 3, 0);
    assert_false(story.past.tried);
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 2);
    assert_at(read_past(&story), 1, 2, 0);
    notes_item_end(&story.notes, 2, "changed");
    assert_int_equal(read_past(&story)->skipped, 0);
    assert_at(&story.past, 2, 3, 0);
    story_end(&story);
}

static void a_guard_that_was_waived_is_not_tried_again(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    notes_item_end(&story.notes, 1, "skipped");
    assert_int_equal(read_past(&story)->skipped, 0);
    story_end(&story);
}

static void what_was_optional_before_the_point_of_no_return_comes_too_late_after_it(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "skipped");
    notes_item(&story.notes, 3);
    change(&story, 1, 3, FLIP);
    assert_int_equal(read_past(&story)->skipped, 0);
    story_end(&story);
}

static void a_step_that_was_carried_out_behind_it_is_not_one_that_was_begun(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "skipped");
    notes_change(&story.notes, 1, 4);
    assert_int_equal(read_past(&story)->skipped, 2);
    assert_false(story.past.tried);
    story_end(&story);
}

static void a_step_that_was_begun_behind_it_is_known(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "skipped");
    notes_item(&story.notes, 3);
    intend(&story, 1, 3, FLIP);
    notes_outcome(&story.notes, 1, "failed");
    after(&story, 1, A);
    notes_item_end(&story.notes, 3, "failed");
    assert_int_equal(read_past(&story)->skipped, 2);
    assert_true(story.past.tried);
    story_end(&story);
}

/* ---------------------------------------------------------------- the way back */

/* Two steps done, the third begun. */
static void go_forward(struct story *story)
{
    notes_item(&story->notes, 1);
    change(story, 1, 1, FLIP UNDO("A"));
    notes_item_end(&story->notes, 1, "changed");
    notes_item(&story->notes, 2);
    change(story, 2, 2, FLIP UNDO("M"));
    notes_item_end(&story->notes, 2, "changed");
    notes_item(&story->notes, 4);
    intend(story, 3, 4, FLIP UNDO("Z"));
}

static void a_rollback_begins_with_all_that_was_made_or_may_have_been(void **state)
{
    struct story story;
    story_begin(&story, state);
    go_forward(&story);
    read_past(&story);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_MAYBE);
    assert_trail(&story.past, "1.1 A, 2.1 M, 4.1 Z");
    assert_false(story.past.goes_back);
    story_end(&story);
}

/* What was under way is settled in the records of the rollback, and is one of the way forward. */
static void what_was_settled_by_a_rollback_is_taken_back_by_the_next_one_too(void **state)
{
    struct story story;
    story_begin(&story, state);
    go_forward(&story);
    notes_run(&story.notes, "rollback");
    read_past(&story);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE);
    assert_trail(&story.past, "1.1 A, 2.1 M, 4.1 Z");
    settled(&story, 3, "changed", "observing");
    assert_trail(read_past(&story), "1.1 A, 2.1 M, 4.1 Z");
    notes_item(&story.notes, 4);
    change(&story, 4, 4, FLIP);
    notes_item_end(&story.notes, 4, "changed");
    assert_trail(read_past(&story), "1.1 A, 2.1 M");
    assert_true(story.past.goes_back);
    story_end(&story);
}

static void what_was_taken_back_leaves_the_trail_the_last_first(void **state)
{
    struct story story;
    story_begin(&story, state);
    go_forward(&story);
    notes_run(&story.notes, "rollback");
    settled(&story, 3, "failed", "observing");
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "kept");
    assert_trail(read_past(&story), "1.1 A");
    notes_run(&story.notes, "rollback");
    notes_item(&story.notes, 1);
    intend(&story, 4, 1, FLIP);
    assert_trail(read_past(&story), "1.1 A");
    assert_non_null(story.past.open);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE);
    assert_trail(&story.past, "1.1 A");
    settled(&story, 4, "changed", "observing");
    notes_item_end(&story.notes, 1, "changed");
    assert_trail(read_past(&story), "");
    story_end(&story);
}

static void an_undo_that_failed_is_tried_again_and_that_of_an_optional_step_too(void **state)
{
    struct story story;
    story_begin(&story, state);
    go_forward(&story);
    notes_outcome(&story.notes, 3, "failed");
    after(&story, 3, A);
    notes_run(&story.notes, "rollback");
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "refused");
    assert_trail(read_past(&story), "1.1 A, 2.1 M");
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "failed");
    assert_trail(read_past(&story), "1.1 A, 2.1 M");
    story_end(&story);
}

static void an_undo_that_was_begun_is_known_until_it_is_over(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, FLIP UNDO("A"));
    notes_run(&story.notes, "rollback");
    notes_item(&story.notes, 1);
    assert_false(bsc_run_past_has_changed(read_past(&story), -1));
    change(&story, 2, 1, BLIND);
    assert_true(bsc_run_past_has_changed(read_past(&story), -1));
    notes_item_end(&story.notes, 1, "changed");
    assert_false(bsc_run_past_has_changed(read_past(&story), -1));
    story_end(&story);
}

static void what_has_no_undo_is_remembered_once(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, FLIP UNDO("A"));
    change(&story, 2, 1, FLIP);
    const struct bsc_run_place second = {1, 2};
    intend_this(&story, 3, second, "flip", BLIND);
    notes_outcome(&story.notes, 3, "changed");
    intend_this(&story, 4, second, "flip", BLIND);
    notes_outcome(&story.notes, 4, "changed");
    intend_this(&story, 5, (struct bsc_run_place){1, 3}, "flip", BLIND);
    notes_outcome(&story.notes, 5, "failed");
    const struct bsc_run_past *past = read_past(&story);
    assert_trail(past, "1.1 A");
    assert_json(past->stays, "[{'item':1,'action':2}]");
    story_end(&story);
}

/* What a killed process left half done need not show in the facts. */
static void what_is_to_be_put_right_is_on_the_trail_of_what_was_not_made_too(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    intend(&story, 1, 1, FLIP MENDS("M"));
    read_past(&story);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_NOT);
    assert_trail(&story.past, "1.1 M");
    assert_json(story.past.stays, "[]");
    notes_outcome(&story.notes, 1, "failed");
    after(&story, 1, A);
    const struct bsc_run_past *past = read_past(&story);
    assert_trail(past, "1.1 M");
    assert_json(past->stays, "[]");
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 1);
    change(&story, 2, 1, FLIP MENDS("M"));
    past = read_past(&story);
    assert_trail(past, "1.1 M");
    assert_json(past->stays, "[{'item':1,'action':1}]");
    story_end(&story);
}

static void order_again(struct story *story, int effect, const char *outcome)
{
    notes_run(&story->notes, "resume");
    notes_item(&story->notes, 3);
    intend(story, effect, 3, ORDER);
    if (outcome != NULL)
        notes_outcome(&story->notes, effect, outcome);
    if (outcome != NULL)
        after(story, effect, A);
}

static int64_t open_change(struct story *story)
{
    return bsc_value_get_number(read_past(story)->open, "effect", 0);
}

/* Whether it is past the point of no return is for whoever settles it to say, at any time. */
static void what_may_still_happen_is_open_until_somebody_has_found_out(void **state)
{
    struct story story;
    story_begin(&story, state);
    order_again(&story, 1, "unknown");
    notes_item_end(&story.notes, 3, "unknown");
    assert_int_equal(open_change(&story), 1);
    assert_int_equal(story.past.beyond, 0);
    notes_run(&story.notes, "resume");
    settled(&story, 1, "unknown", "observing");
    assert_int_equal(open_change(&story), 1);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_MAYBE);
    assert_int_equal(story.past.beyond, 3);
    notes_run(&story.notes, "rollback");
    settled(&story, 1, "failed", "observing");
    assert_int_equal(open_change(&story), 0);
    assert_int_equal(story.past.beyond, 0);
    story_end(&story);
}

/* Whoever went back has taken it for one that may have been made, and has taken that back. */
static void what_may_still_happen_is_taken_back_once(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, FLIP UNDO("A"));
    notes_item_end(&story.notes, 1, "changed");
    notes_item(&story.notes, 4);
    intend(&story, 2, 4, ORDER UNDO("Z"));
    notes_run(&story.notes, "rollback");
    settled(&story, 2, "unknown", "observing");
    assert_int_equal(open_change(&story), 2);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_MAYBE);
    assert_trail(&story.past, "1.1 A, 4.1 Z");
    notes_item(&story.notes, 4);
    notes_item_end(&story.notes, 4, "kept");
    assert_trail(read_past(&story), "1.1 A");
    assert_null(story.past.open);
    story_end(&story);
}

static void what_comes_after_it_in_its_item_tells_nothing_of_it(void **state)
{
    struct story story;
    story_begin(&story, state);
    order_again(&story, 1, NULL);
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 3);
    change(&story, 2, 3, FLIP UNDO("A") ",'returns':true");
    assert_int_equal(open_change(&story), 1);
    order_again(&story, 3, "failed");
    assert_int_equal(open_change(&story), 1);
    assert_int_equal(story.past.beyond, 0);
    order_again(&story, 4, "unknown");
    assert_int_equal(open_change(&story), 4);
    notes_item_end(&story.notes, 3, "kept");
    assert_int_equal(open_change(&story), 0);
    assert_int_equal(story.past.beyond, 3);
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(each_action_is_taken_back_once_by_its_earliest_undo),
        UNIT_IN_FOLDER(an_undo_that_was_begun_is_known_until_it_is_over),
        UNIT_IN_FOLDER(what_has_no_undo_is_remembered_once),
        UNIT_IN_FOLDER(what_is_to_be_put_right_is_on_the_trail_of_what_was_not_made_too),
        UNIT_IN_FOLDER(a_change_that_was_tried_again_leaves_the_trail_when_it_was_made),
        UNIT_IN_FOLDER(the_point_of_no_return_is_passed_when_it_may_have_taken_effect),
        UNIT_IN_FOLDER(the_point_of_no_return_is_passed_when_it_was_true_already),
        UNIT_IN_FOLDER(a_point_of_no_return_that_was_refused_is_not_passed),
        UNIT_IN_FOLDER(what_was_optional_and_skipped_is_remembered_until_it_is_done),
        UNIT_IN_FOLDER(a_guard_that_was_waived_is_not_tried_again),
        UNIT_IN_FOLDER(what_was_optional_before_the_point_of_no_return_comes_too_late_after_it),
        UNIT_IN_FOLDER(a_step_that_was_carried_out_behind_it_is_not_one_that_was_begun),
        UNIT_IN_FOLDER(a_step_that_was_begun_behind_it_is_known),
        UNIT_IN_FOLDER(a_rollback_begins_with_all_that_was_made_or_may_have_been),
        UNIT_IN_FOLDER(what_was_settled_by_a_rollback_is_taken_back_by_the_next_one_too),
        UNIT_IN_FOLDER(what_was_taken_back_leaves_the_trail_the_last_first),
        UNIT_IN_FOLDER(an_undo_that_failed_is_tried_again_and_that_of_an_optional_step_too),
        UNIT_IN_FOLDER(what_may_still_happen_is_open_until_somebody_has_found_out),
        UNIT_IN_FOLDER(what_may_still_happen_is_taken_back_once),
        UNIT_IN_FOLDER(what_comes_after_it_in_its_item_tells_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
