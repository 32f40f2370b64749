#include "past_unit.h"

#include "run/record.h"

/* ---------------------------------------------------------------- where it goes on */

static void a_run_that_did_nothing_goes_on_with_its_first_item(void **state)
{
    struct story story;
    story_begin(&story, state);
    const struct bsc_run_past *past = read_past(&story);
    assert_at(past, 0, 1, 0);
    assert_false(past->tried || past->ended || past->goes_back);
    assert_int_equal(bsc_value_count(past->changed), 0);
    assert_null(past->open);
    assert_int_equal(past->changes, 0);
    assert_trail(past, "");
    story_end(&story);
}

static void it_goes_on_at_the_action_that_was_under_way(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    notes_item_end(&story.notes, 1, "kept");
    assert_at(read_past(&story), 1, 2, 0);
    notes_item(&story.notes, 2);
    action_begins(&story, 2, 1);
    change(&story, 1, 2, FLIP);
    action_begins(&story, 2, 2);
    const struct bsc_run_past *past = read_past(&story);
    assert_at(past, 1, 2, 2);
    assert_true(bsc_run_past_has_changed(past, 2));
    assert_true(past->tried);
    assert_int_equal(past->changes, 1);
    story_end(&story);
}

static void an_item_that_failed_is_gone_on_with_and_one_that_went_well_is_not(void **state)
{
    static const struct {
        const char *outcome;
        bool on;
    } cases[] = {{"kept", true},      {"changed", true},  {"skipped", true},
                 {"failed", false},   {"refused", false}, {"diverged", false},
                 {"timeout", false},  {"unknown", false}, {"interrupted", false},
                 {"gibberish", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story story;
        char *folder = unit_path(*state, cases[i].outcome);
        void *here = folder;
        story_begin(&story, &here);
        notes_item(&story.notes, 1);
        action_begins(&story, 1, 1);
        notes_item_end(&story.notes, 1, cases[i].outcome);
        const struct bsc_run_past *past = read_past(&story);
        assert_at(past, cases[i].on ? 1 : 0, cases[i].on ? 2 : 1, cases[i].on ? 0 : 1);
        story_end(&story);
        free(folder);
    }
}

static void what_was_changed_in_an_item_is_known_over_several_resumptions(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    action_begins(&story, 1, 1);
    change(&story, 1, 1, FLIP);
    notes_item_end(&story.notes, 1, "failed");
    notes_run_end(&story.notes, "halted", 1);
    for (int round = 0; round < 3; round++) {
        notes_run(&story.notes, "resume");
        notes_item(&story.notes, 1);
        action_begins(&story, 1, 2);
    }
    const struct bsc_run_past *past = read_past(&story);
    assert_at(past, 0, 1, 2);
    assert_true(bsc_run_past_has_changed(past, 1));
    assert_false(past->tried);
    notes_item_end(&story.notes, 1, "changed");
    notes_item(&story.notes, 2);
    past = read_past(&story);
    assert_at(past, 1, 2, 0);
    assert_int_equal(bsc_value_count(past->changed), 0);
    story_end(&story);
}

static void what_was_changed_of_an_item_is_known_when_an_earlier_one_was_tried_again(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    notes_item_end(&story.notes, 2, "skipped");
    notes_item(&story.notes, 4);
    action_begins(&story, 4, 1);
    change(&story, 1, 4, FLIP);
    notes_item_end(&story.notes, 4, "failed");
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 4);
    notes_item_end(&story.notes, 4, "refused");
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 2);
    const struct bsc_run_past *past = read_past(&story);
    assert_int_equal(past->skipped, 2);
    assert_at(past, 1, 2, 0);
    assert_true(bsc_run_past_has_changed(past, 4));
    assert_false(bsc_run_past_has_changed(past, 2));
    story_end(&story);
}

static void only_a_run_that_is_done_has_ended(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_run_end(&story.notes, "halted", 1);
    assert_false(read_past(&story)->ended);
    notes_run(&story.notes, "resume");
    notes_run_end(&story.notes, "done", 0);
    assert_true(read_past(&story)->ended);
    notes_run(&story.notes, "rollback");
    assert_false(read_past(&story)->ended);
    assert_true(read_past(&story)->goes_back);
    notes_run_end(&story.notes, "done", 0);
    assert_true(read_past(&story)->ended);
    story_end(&story);
}

/* ---------------------------------------------------------------- how the last change ended */

/* What the journal has of the change after its intent; a NULL is left out. */
struct ending {
    const char *says;
    const char *outcome;
    const char *facts;
    const char *settled;
    bool open;       /* somebody has to find out */
    bool changed;    /* it was made, or may have been */
    int64_t counted; /* as made, and not to be made again */
};

static void tell(struct story *story, const struct ending *ending)
{
    notes_item(&story->notes, 3);
    action_begins(story, 3, 1);
    intend(story, 1, 3, ending->says);
    if (ending->outcome != NULL)
        notes_outcome(&story->notes, 1, ending->outcome);
    if (ending->facts != NULL)
        after(story, 1, ending->facts);
    if (ending->settled != NULL) {
        notes_run(&story->notes, "resume");
        settled(story, 1, ending->settled, "observing");
    }
}

static void assert_ending(void **state, const struct ending *ending, size_t number)
{
    struct story story;
    char *folder = bsc_mem_format("%s/%zu", (const char *)*state, number);
    void *here = folder;
    story_begin(&story, &here);
    tell(&story, ending);
    const struct bsc_run_past *past = read_past(&story);
    print_message("  %zu: %s, %s, %s, %s\n", number, ending->says,
                  ending->outcome != NULL ? ending->outcome : "no outcome",
                  ending->facts != NULL ? ending->facts : "not looked at",
                  ending->settled != NULL ? ending->settled : "not settled");
    assert_int_equal(past->open != NULL, ending->open);
    assert_int_equal(bsc_run_past_has_changed(past, 3), ending->changed);
    assert_int_equal(times(&story, 3), ending->counted);
    assert_int_equal(past->beyond, ending->changed ? 3 : 0);
    assert_trail(past, ending->changed ? "3.1 A" : "");
    story_end(&story);
    bsc_mem_free(folder);
}

static void assert_endings(void **state, const struct ending *endings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_ending(state, &endings[i], i);
}

/* A look counts more than what was reported; what was not looked at may have been made. */
static void a_change_that_shows_became_what_was_seen_afterwards(void **state)
{
    static const struct ending endings[] = {
        {FLIP UNDO("A"), "changed", B, NULL, false, true, 0},
        {FLIP UNDO("A"), "changed", A, NULL, false, false, 0},
        {FLIP UNDO("A"), "failed", B, NULL, false, true, 0},
        {FLIP UNDO("A"), "failed", A, NULL, false, false, 0},
        {FLIP UNDO("A"), "timeout", A, NULL, false, false, 0},
        {FLIP UNDO("A"), "unknown", B, NULL, false, true, 0},
        {FLIP UNDO("A"), "unknown", A, NULL, false, true, 0},
        {FLIP UNDO("A"), "changed", NULL, NULL, false, true, 0},
        {FLIP UNDO("A"), "failed", NULL, NULL, false, true, 0},
        {FLIP UNDO("A"), NULL, NULL, NULL, true, false, 0},
        {TWO_FLIP UNDO("A"), "failed", "{'state':'B','servers':[]}", NULL, false, true, 0},
        {TWO_FLIP UNDO("A"), "failed", "{'state':'A','servers':[]}", NULL, false, false, 0},
    };
    assert_endings(state, endings, sizeof endings / sizeof endings[0]);
}

/* Of the item that is the point of no return: what it changes before what is final. */
static void what_can_be_taken_back_alone_passes_no_point_of_no_return(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 3);
    action_begins(&story, 3, 1);
    intend(&story, 1, 3, FLIP UNDO("A") ",'returns':true");
    notes_outcome(&story.notes, 1, "changed");
    after(&story, 1, B);
    const struct bsc_run_past *past = read_past(&story);
    assert_true(bsc_run_past_has_changed(past, 3));
    assert_int_equal(past->beyond, 0);
    assert_trail(past, "3.1 A");
    intend(&story, 2, 3, FLIP);
    notes_outcome(&story.notes, 2, "changed");
    assert_int_equal(read_past(&story)->beyond, 3);
    story_end(&story);
}

/* Where nothing can be seen, the report counts; where there is none, only somebody can tell. */
static void a_change_that_nothing_shows_became_what_was_reported(void **state)
{
    static const struct ending endings[] = {
        {BLIND UNDO("A"), "changed", NULL, NULL, false, true, 1},
        {BLIND UNDO("A"), "changed", "{}", NULL, false, true, 1},
        {BLIND UNDO("A"), "failed", NULL, NULL, false, false, 0},
        {BLIND UNDO("A"), "refused", NULL, NULL, false, false, 0},
        {BLIND UNDO("A"), "timeout", NULL, NULL, true, false, 0},
        {BLIND UNDO("A"), "interrupted", NULL, NULL, true, false, 0},
        {BLIND UNDO("A"), "unknown", NULL, NULL, true, false, 0},
        {BLIND UNDO("A"), NULL, NULL, NULL, true, false, 0},
    };
    assert_endings(state, endings, sizeof endings / sizeof endings[0]);
}

static void a_change_that_would_be_made_again_is_counted_when_it_was_seen(void **state)
{
    static const struct ending endings[] = {
        {ONCE_FLIP UNDO("A"), "changed", B, NULL, false, true, 1},
        {ONCE_FLIP UNDO("A"), "failed", B, NULL, false, true, 1},
        {ONCE_FLIP UNDO("A"), "failed", A, NULL, false, false, 0},
        {ONCE_FLIP UNDO("A"), "failed", "{'state':'C'}", NULL, true, false, 0},
        {ONCE_FLIP UNDO("A"), "changed", NULL, NULL, true, false, 0},
        {NEW_FLIP UNDO("A"), "failed", "{'state':'B','servers':['y']}", NULL, false, true, 1},
        {NEW_FLIP UNDO("A"), "failed", "{'state':'B','servers':['x']}", NULL, true, false, 0},
        {NEW_FLIP UNDO("A"), "failed", "{'state':'A','servers':['x']}", NULL, false, false, 0},
    };
    assert_endings(state, endings, sizeof endings / sizeof endings[0]);
}

static void what_somebody_found_out_counts_more_than_all_else(void **state)
{
    static const struct ending endings[] = {
        {BLIND UNDO("A"), NULL, NULL, "changed", false, true, 1},
        {BLIND UNDO("A"), NULL, NULL, "failed", false, false, 0},
        {BLIND UNDO("A"), "timeout", NULL, "changed", false, true, 1},
        {BLIND UNDO("A"), "timeout", NULL, "failed", false, false, 0},
        {FLIP UNDO("A"), NULL, NULL, "changed", false, true, 0},
        {FLIP UNDO("A"), NULL, NULL, "failed", false, false, 0},
        {FLIP UNDO("A"), NULL, NULL, "unknown", false, true, 0},
    };
    assert_endings(state, endings, sizeof endings / sizeof endings[0]);
}

static void the_open_change_is_given_as_it_was_intended_until_it_is_settled(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    action_begins(&story, 1, 1);
    intend(&story, 7, 1, BLIND UNDO("A"));
    notes_run(&story.notes, "resume");
    read_past(&story);
    assert_word(story.past.open, "statement", "flip");
    assert_int_equal(bsc_value_get_number(story.past.open, "effect", 0), 7);
    assert_int_equal(story.past.changes, 7);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE);
    assert_null(story.past.open);
    assert_int_equal(times(&story, 1), 1);
    assert_true(bsc_run_past_has_changed(&story.past, 1));
    assert_trail(&story.past, "1.1 A");
    story_end(&story);
}

static void what_is_settled_as_not_made_leaves_nothing_behind(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 3);
    intend(&story, 1, 3, BLIND UNDO("A"));
    read_past(&story);
    bsc_run_past_settle(&story.past, BSC_RUN_MADE_NOT);
    assert_null(story.past.open);
    assert_int_equal(times(&story, 3), 0);
    assert_int_equal(story.past.beyond, 0);
    assert_trail(&story.past, "");
    story_end(&story);
}

/* An optional step may fail without anybody knowing how much of it was done. */
static void what_the_run_went_past_without_finding_out_may_have_been_made(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 2);
    intend(&story, 1, 2, ONCE_FLIP UNDO("A"));
    notes_outcome(&story.notes, 1, "failed");
    after(&story, 1, "{'state':'C'}");
    notes_item_end(&story.notes, 2, "skipped");
    notes_item(&story.notes, 3);
    action_begins(&story, 3, 1);
    intend(&story, 2, 3, FLIP);
    notes_outcome(&story.notes, 2, "failed");
    after(&story, 2, "{'state':'A'}");
    const struct bsc_run_past *past = read_past(&story);
    assert_null(past->open);
    assert_trail(past, "2.1 A");
    assert_int_equal(bsc_value_count(past->changed), 0);
    assert_at(past, 2, 3, 1);
    story_end(&story);
}

static void a_long_list_that_was_recorded_in_short_is_the_list_that_was_foretold(void **state)
{
    struct story story;
    struct bsc_value *list = bsc_value_list(), *facts = bsc_value_map();
    for (int i = 0; i < 100; i++)
        bsc_value_append(list, bsc_value_int(i));
    struct bsc_value *says =
        from_json("{'effect':1,'item':1,'action':1,'resource':'pool:chat','statement':'flip',"
                  "'row':'r','args':{},'becomes':{'pool:chat':{}},"
                  "'before':{'pool:chat':{'servers':[]}}" UNDO("A") "}");
    bsc_value_set(facts, "servers", bsc_run_record_short(list));
    bsc_value_set(bsc_value_get(bsc_value_get(says, "becomes"), "pool:chat"), "servers", list);
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    put(&story, BSC_JOURNAL_INTENT, says);
    notes_outcome(&story.notes, 1, "failed");
    struct bsc_value *payload = from_json("{'effect':1,'resource':'pool:chat'}");
    bsc_value_set(payload, "facts", bsc_value_copy(facts));
    put(&story, BSC_JOURNAL_AFTER, payload);
    assert_trail(read_past(&story), "1.1 A");
    after(&story, 1, "{'servers':[]}");
    assert_trail(read_past(&story), "");
    bsc_value_free(facts);
    story_end(&story);
}

/* ---------------------------------------------------------------- counting */

static void equal_changes_of_one_action_are_counted(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    for (int i = 1; i <= 3; i++)
        change(&story, i, 1, BLIND);
    intend_this(&story, 4, (struct bsc_run_place){1, 1}, "flop", BLIND);
    notes_outcome(&story.notes, 4, "changed");
    notes_item_end(&story.notes, 1, "failed");
    notes_run(&story.notes, "resume");
    notes_item(&story.notes, 1);
    change(&story, 5, 1, BLIND);
    read_past(&story);
    assert_int_equal(times(&story, 1), 4);
    assert_int_equal(times(&story, 2), 0);
    assert_int_equal(story.past.changes, 5);
    story_end(&story);
}

static void a_change_that_its_action_looks_for_is_not_counted(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, FLIP);
    read_past(&story);
    assert_int_equal(times(&story, 1), 0);
    story_end(&story);
}

static void a_change_of_the_way_back_is_not_one_of_the_way_forward(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    change(&story, 1, 1, BLIND UNDO("A"));
    notes_item_end(&story.notes, 1, "changed");
    notes_run(&story.notes, "rollback");
    read_past(&story);
    assert_int_equal(times(&story, 1), 0);
    notes_item(&story.notes, 1);
    change(&story, 2, 1, BLIND);
    read_past(&story);
    assert_int_equal(times(&story, 1), 1);
    assert_int_equal(story.past.changes, 2);
    notes_item_end(&story.notes, 1, "changed");
    read_past(&story);
    assert_int_equal(times(&story, 1), 0);
    story_end(&story);
}

/* ---------------------------------------------------------------- bad journals */

static void a_torn_tail_does_not_count(void **state)
{
    struct story story;
    size_t length = 0;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    intend(&story, 1, 1, BLIND);
    fixture_close(story.notes.journal);
    story.notes.journal = NULL;
    char *bytes = unit_file_get(story.notes.folder.journal, &length);
    unit_file_put(story.notes.folder.journal, bytes, length - 1);
    const struct bsc_run_past *past = read_past(&story);
    assert_null(past->open);
    assert_int_equal(past->changes, 0);
    assert_at(past, 0, 1, 0);
    free(bytes);
    story_end(&story);
}

static void nothing_is_gone_on_with_from_a_damaged_journal(void **state)
{
    struct story story;
    struct bsc_err err = BSC_ERR_INIT;
    size_t length = 0;
    story_begin(&story, state);
    notes_change(&story.notes, 1, 1);
    fixture_close(story.notes.journal);
    story.notes.journal = NULL;
    char *bytes = unit_file_get(story.notes.folder.journal, &length);
    bytes[length / 2] ^= 1;
    unit_file_put(story.notes.folder.journal, bytes, length);
    story.past.schema = story.schema;
    story.past.items = bsc_value_get(story.plan, "items");
    assert_false(bsc_run_past_read(&story.past, bsc_sys_real(), story.notes.folder.journal, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    free(bytes);
    story_end(&story);
}

static void a_run_without_a_record_has_not_begun(void **state)
{
    struct story story;
    story_begin(&story, state);
    assert_true(read_past(&story)->begun);
    fixture_close(story.notes.journal);
    story.notes.journal = NULL;
    unit_file_put(story.notes.folder.journal, "", 0);
    assert_false(read_past(&story)->begun);
    story_end(&story);
}

static void a_journal_that_is_not_there_is_told(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_past past = {0};
    char *path = unit_path(*state, "none.jsonl");
    assert_false(bsc_run_past_read(&past, bsc_sys_real(), path, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    bsc_run_past_release(&past);
    free(path);
}

/* How an item counts of which one change has become this: whether it was reached. */
static void an_item_was_reached_unless_a_look_shows_that_nothing_of_it_was_made(void **state)
{
    static const struct {
        const char *says, *outcome, *seen, *settled;
        bool reached;
    } cases[] = {
        {FLIP, "changed", B, NULL, true},    {FLIP, "failed", A, NULL, false},
        {FLIP, "failed", B, NULL, true},     {FLIP, "failed", NULL, NULL, true},
        {BLIND, "failed", NULL, NULL, true}, {BLIND, "changed", NULL, NULL, true},
        {FLIP, NULL, NULL, NULL, true},      {FLIP, NULL, NULL, "failed", false},
        {FLIP, NULL, NULL, "changed", true}, {BLIND, NULL, NULL, "unknown", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct story story;
        char name[32];
        snprintf(name, sizeof name, "case%zu", i);
        char *folder = unit_path(*state, name);
        void *here = folder;
        story_begin(&story, &here);
        notes_item(&story.notes, 1);
        action_begins(&story, 1, 1);
        intend(&story, 1, 1, cases[i].says);
        if (cases[i].outcome != NULL)
            notes_outcome(&story.notes, 1, cases[i].outcome);
        if (cases[i].seen != NULL)
            after(&story, 1, cases[i].seen);
        if (cases[i].settled != NULL)
            settled(&story, 1, cases[i].settled, "observing");
        assert_int_equal(read_past(&story)->reached, cases[i].reached ? 1 : 0);
        story_end(&story);
        free(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_run_that_did_nothing_goes_on_with_its_first_item),
        UNIT_IN_FOLDER(it_goes_on_at_the_action_that_was_under_way),
        UNIT_IN_FOLDER(an_item_was_reached_unless_a_look_shows_that_nothing_of_it_was_made),
        UNIT_IN_FOLDER(an_item_that_failed_is_gone_on_with_and_one_that_went_well_is_not),
        UNIT_IN_FOLDER(what_was_changed_in_an_item_is_known_over_several_resumptions),
        UNIT_IN_FOLDER(what_was_changed_of_an_item_is_known_when_an_earlier_one_was_tried_again),
        UNIT_IN_FOLDER(only_a_run_that_is_done_has_ended),
        UNIT_IN_FOLDER(a_change_that_shows_became_what_was_seen_afterwards),
        UNIT_IN_FOLDER(what_can_be_taken_back_alone_passes_no_point_of_no_return),
        UNIT_IN_FOLDER(a_change_that_nothing_shows_became_what_was_reported),
        UNIT_IN_FOLDER(a_change_that_would_be_made_again_is_counted_when_it_was_seen),
        UNIT_IN_FOLDER(what_somebody_found_out_counts_more_than_all_else),
        UNIT_IN_FOLDER(the_open_change_is_given_as_it_was_intended_until_it_is_settled),
        UNIT_IN_FOLDER(what_is_settled_as_not_made_leaves_nothing_behind),
        UNIT_IN_FOLDER(what_the_run_went_past_without_finding_out_may_have_been_made),
        UNIT_IN_FOLDER(a_long_list_that_was_recorded_in_short_is_the_list_that_was_foretold),
        UNIT_IN_FOLDER(equal_changes_of_one_action_are_counted),
        UNIT_IN_FOLDER(a_change_that_its_action_looks_for_is_not_counted),
        UNIT_IN_FOLDER(a_change_of_the_way_back_is_not_one_of_the_way_forward),
        UNIT_IN_FOLDER(a_torn_tail_does_not_count),
        UNIT_IN_FOLDER(nothing_is_gone_on_with_from_a_damaged_journal),
        UNIT_IN_FOLDER(a_run_without_a_record_has_not_begun),
        UNIT_IN_FOLDER(a_journal_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
