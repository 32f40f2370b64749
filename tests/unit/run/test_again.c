#include "past_unit.h"

#include "run/again.h"

static struct bsc_value *flip(bool once)
{
    return from_json("{'resource':'pool:chat','statement':'flip','row':'r','args':{},'once':%s}",
                     once ? "true" : "false");
}

/* How often the action under way leaves out the change before it makes it. */
static int left_out(struct bsc_run_again *again)
{
    int count = 0;
    struct bsc_value *change = flip(true);
    while (count < 9 && bsc_run_again_leaves_out(again, change))
        count++;
    bsc_value_free(change);
    return count;
}

static void a_change_is_left_out_as_often_as_its_action_made_it(void **state)
{
    struct story story;
    struct bsc_run_again again;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, BLIND);
    change(&story, 2, 1, BLIND);
    bsc_run_again_init(&again, read_past(&story));
    bsc_run_again_enter(&again, 1);
    bsc_run_again_begin(&again, 1);
    assert_int_equal(left_out(&again), 2);
    assert_int_equal(left_out(&again), 0);
    bsc_run_again_begin(&again, 2);
    assert_int_equal(left_out(&again), 0);
    bsc_run_again_enter(&again, 2);
    bsc_run_again_begin(&again, 1);
    assert_int_equal(left_out(&again), 0);
    bsc_run_again_release(&again);
    story_end(&story);
}

static void what_its_action_would_not_make_again_is_never_left_out(void **state)
{
    struct story story;
    struct bsc_run_again again;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, BLIND);
    bsc_run_again_init(&again, read_past(&story));
    bsc_run_again_enter(&again, 1);
    bsc_run_again_begin(&again, 1);
    struct bsc_value *safe = flip(false);
    assert_false(bsc_run_again_leaves_out(&again, safe));
    bsc_value_free(safe);
    bsc_run_again_release(&again);
    story_end(&story);
}

static void of_a_rollback_only_the_undo_under_way_has_made_anything(void **state)
{
    struct story story;
    struct bsc_run_again again;
    story_begin(&story, state);
    notes_run(&story.notes, "rollback");
    notes_item(&story.notes, 1);
    change(&story, 1, 1, BLIND);
    bsc_run_again_init(&again, read_past(&story));
    bsc_run_again_enter(&again, 1);
    bsc_run_again_begin(&again, 1);
    assert_int_equal(left_out(&again), 1);
    bsc_run_again_enter(&again, 1);
    bsc_run_again_begin(&again, 1);
    assert_int_equal(left_out(&again), 0);
    bsc_run_again_release(&again);
    story_end(&story);
}

static void a_new_run_leaves_nothing_out(void **state)
{
    (void)state;
    struct bsc_run_again again;
    bsc_run_again_init(&again, NULL);
    bsc_run_again_enter(&again, 1);
    bsc_run_again_enter(&again, 2);
    assert_int_equal(left_out(&again), 0);
    bsc_run_again_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_change_is_left_out_as_often_as_its_action_made_it),
        UNIT_IN_FOLDER(what_its_action_would_not_make_again_is_never_left_out),
        UNIT_IN_FOLDER(of_a_rollback_only_the_undo_under_way_has_made_anything),
        cmocka_unit_test(a_new_run_leaves_nothing_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
