#include "past_unit.h"

#define PARKED_AT(time)                                                                            \
    "{'item':1,'title':'Go?','since':'2026-11-20T" time "Z','waits_for':'answer'}"

/* Parks at the first item. */
static void park(struct story *story, const char *parked)
{
    notes_item(&story->notes, 1);
    put(story, BSC_JOURNAL_ITEM_END,
        from_json("{'item':1,'outcome':'parked','reason':'later','actions':[],'parked':%s}",
                  parked));
    put(story, BSC_JOURNAL_RUN_END,
        from_json("{'outcome':'parked','exit':7,'summary':{'parked':%s}}", parked));
}

static void a_gate_that_parks_the_run_waits_since_it_did_so_first(void **state)
{
    struct story story;
    story_begin(&story, state);
    park(&story, PARKED_AT("10:00:00.000"));
    notes_run(&story.notes, "resume");
    park(&story, PARKED_AT("11:00:00.000"));
    const struct bsc_run_past *past = read_past(&story);
    assert_json(past->waits, "{'Go?':1795168800000}");
    assert_word(past->parked, "title", "Go?");
    assert_false(past->ended);
    assert_at(past, 0, 1, 0);
    story_end(&story);
}

static void a_process_that_is_gone_before_its_end_has_parked_nothing(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    put(&story, BSC_JOURNAL_ITEM_END,
        from_json("{'item':1,'outcome':'parked','reason':'later','actions':[],'parked':%s}",
                  PARKED_AT("10:00:00.000")));
    const struct bsc_run_past *past = read_past(&story);
    assert_null(past->parked);
    assert_json(past->waits, "{'Go?':1795168800000}");
    assert_at(past, 0, 1, 0);
    story_end(&story);
}

static void whoever_works_while_it_is_parked_is_not_held_against_it(void **state)
{
    struct story story;
    story_begin(&story, state);
    put(&story, BSC_JOURNAL_LEASE,
        from_json("{'place':'/a.lease','epoch':3,'reason':null,'from':null}"));
    assert_json(read_past(&story)->leases, "{'/a.lease':3}");
    park(&story, PARKED_AT("10:00:00.000"));
    assert_json(read_past(&story)->leases, "{'/a.lease':0}");
    notes_run(&story.notes, "resume");
    put(&story, BSC_JOURNAL_LEASE,
        from_json("{'place':'/a.lease','epoch':5,'reason':null,'from':null}"));
    assert_json(read_past(&story)->leases, "{'/a.lease':5}");
    story_end(&story);
}

static void a_run_that_is_taken_in_hand_is_not_parked(void **state)
{
    struct story story;
    story_begin(&story, state);
    park(&story, PARKED_AT("10:00:00.000"));
    assert_non_null(read_past(&story)->parked);
    notes_run(&story.notes, "resume");
    assert_null(read_past(&story)->parked);
    notes_item(&story.notes, 1);
    notes_item_end(&story.notes, 1, "kept");
    const struct bsc_run_past *past = read_past(&story);
    assert_null(past->parked);
    assert_at(past, 1, 2, 0);
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_gate_that_parks_the_run_waits_since_it_did_so_first),
        UNIT_IN_FOLDER(a_process_that_is_gone_before_its_end_has_parked_nothing),
        UNIT_IN_FOLDER(whoever_works_while_it_is_parked_is_not_held_against_it),
        UNIT_IN_FOLDER(a_run_that_is_taken_in_hand_is_not_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
