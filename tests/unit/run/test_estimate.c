#include "standing_unit.h"

#include "run/estimate.h"

#define OLD "20261120-230000-failover-0000"
#define NEW "20261120-231501-failover-a3f2"

static void plan_put(const struct notes *notes, const char *third)
{
    char hex[BSC_DIGEST_HEX];
    char *json = bsc_mem_format("{\"format\":1,\"items\":[{\"outcome\":\"changed\"},"
                                "{\"outcome\":\"changed\"},{\"outcome\":\"%s\"}]}",
                                third);
    fixture_plan(notes->folder.path, json, hex);
    bsc_mem_free(json);
}

/* Its items took 3 s, 6 s and 3 s, of which the second waited 1 s for an answer. */
static void old_run(struct notes *notes, const char *runs, const char *end)
{
    notes_begin(notes, runs, OLD);
    notes_run(notes, "run");
    notes_change(notes, 1, 1);
    notes_item(notes, 2);
    fixture_append(notes->journal, BSC_JOURNAL_ASK, "{\"item\":2,\"title\":\"?\",\"lines\":[]}");
    fixture_append(notes->journal, BSC_JOURNAL_ANSWER,
                   "{\"item\":2,\"answer\":\"yes\",\"by\":\"anna\",\"reason\":null}");
    notes_intent(notes, 2, 2);
    notes_outcome(notes, 2, "changed");
    notes_intent(notes, 3, 2);
    notes_item_end(notes, 2, "changed");
    notes_change(notes, 3, 3);
    notes_run_end(notes, end, 0);
}

struct now {
    struct notes notes;
    struct bsc_journal_lock *lock;
    struct bsc_run_standing standing;
};

static void new_run(struct now *now, const char *runs, const char *third)
{
    memset(now, 0, sizeof *now);
    notes_begin(&now->notes, runs, NEW);
    plan_put(&now->notes, third);
    now->lock = lock_for(&now->notes, NEW);
    notes_run(&now->notes, "run");
    notes_change(&now->notes, 1, 1);
    notes_item(&now->notes, 2);
    read_on(&now->standing, &now->notes);
}

static void new_run_end(struct now *now)
{
    bsc_run_standing_release(&now->standing);
    bsc_journal_lock_free(now->lock);
    notes_end(&now->notes);
}

/* The estimate when the item under way has taken so long; -1 when there is none. */
static int64_t left_after(const struct now *now, int64_t spent_ms)
{
    int64_t left = 0;
    char *like = NULL;
    int64_t begin = bsc_run_standing_item(&now->standing, 2)->begin_ms;
    if (!bsc_run_estimate(bsc_sys_real(), &now->notes.folder, &now->standing, begin + spent_ms,
                          &left, &like))
        return -1;
    assert_string_equal(like, OLD);
    bsc_mem_free(like);
    return left;
}

static void what_is_left_is_what_it_took_then_without_the_waiting(void **state)
{
    struct notes old;
    struct now now;
    old_run(&old, *state, "done");
    new_run(&now, *state, "changed");
    assert_int_equal(left_after(&now, 0), 5000 + 3000);
    assert_int_equal(left_after(&now, 4000), 1000 + 3000);
    new_run_end(&now);
    notes_end(&old);
}

static void an_item_that_takes_longer_than_then_has_no_estimate(void **state)
{
    struct notes old;
    struct now now;
    old_run(&old, *state, "done");
    new_run(&now, *state, "changed");
    assert_int_equal(left_after(&now, 5001), -1);
    new_run_end(&now);
    notes_end(&old);
}

static void there_is_no_estimate_while_a_question_waits(void **state)
{
    struct notes old;
    struct now now;
    old_run(&old, *state, "done");
    new_run(&now, *state, "changed");
    fixture_append(now.notes.journal, BSC_JOURNAL_ASK, "{\"item\":2,\"title\":\"?\",\"lines\":[]}");
    read_on(&now.standing, &now.notes);
    assert_int_equal(left_after(&now, 1000), -1);
    new_run_end(&now);
    notes_end(&old);
}

static void only_a_run_that_did_the_same_to_its_end_is_compared_with(void **state)
{
    struct notes old;
    struct now now;
    new_run(&now, *state, "kept");
    assert_int_equal(left_after(&now, 0), -1);
    old_run(&old, *state, "done");
    assert_int_equal(left_after(&now, 0), -1); /* the plan keeps what was changed then */
    plan_put(&now.notes, "changed");
    assert_int_equal(left_after(&now, 0), 8000);
    bsc_value_set_text(now.standing.begin, "site_digest", "another");
    assert_int_equal(left_after(&now, 0), -1);
    bsc_value_set_text(now.standing.begin, "site_digest", "s");
    notes_run(&old, "resume");
    notes_run_end(&old, "done", 0);
    assert_int_equal(left_after(&now, 0), -1); /* in two goes */
    new_run_end(&now);
    notes_end(&old);
}

static void a_run_that_did_not_get_through_says_nothing(void **state)
{
    struct notes old;
    struct now now;
    old_run(&old, *state, "halted");
    new_run(&now, *state, "changed");
    assert_int_equal(left_after(&now, 0), -1);
    new_run_end(&now);
    notes_end(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_is_left_is_what_it_took_then_without_the_waiting),
        UNIT_IN_FOLDER(an_item_that_takes_longer_than_then_has_no_estimate),
        UNIT_IN_FOLDER(there_is_no_estimate_while_a_question_waits),
        UNIT_IN_FOLDER(only_a_run_that_did_the_same_to_its_end_is_compared_with),
        UNIT_IN_FOLDER(a_run_that_did_not_get_through_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
