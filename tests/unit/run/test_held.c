/*
 * Records that are kept until it is known whether they count: of an item that goes on and on, no
 * more than a bounded number, and none of them is lost.
 */
#include "run/held.h"

#include "past_unit.h"

enum { TEXT = 40000, FITTING = BSC_RUN_HELD_MAX / TEXT, CHANGES = FITTING + 3 };

/* What the records that were kept say, one behind the other. */
static bool join(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    (void)err;
    bsc_buf_printf(arg, "%d%.*s;", record->kind == BSC_JOURNAL_INTENT, (int)record->payload_length,
                   record->payload);
    return true;
}

static void what_is_kept_is_given_in_order_and_has_an_end(void **state)
{
    (void)state;
    struct bsc_run_held held;
    struct bsc_buf said;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_record record = {
        .kind = BSC_JOURNAL_ITEM_BEGIN, .payload = "one", .payload_length = 3};
    bsc_buf_init(&said);
    bsc_run_held_init(&held);
    assert_true(bsc_run_held_is_empty(&held));
    bsc_run_held_add(&held, &record);
    assert_false(held.has_change);
    record.kind = BSC_JOURNAL_INTENT;
    bsc_run_held_add(&held, &record);
    assert_true(held.has_change);
    assert_true(bsc_run_held_each(&held, join, &said, &err));
    assert_string_equal(said.data, "0one;1one;");
    while (!bsc_run_held_is_full(&held))
        bsc_run_held_add(&held, &record);
    UNIT_IN_RANGE(held.bytes.length, BSC_RUN_HELD_MAX, BSC_RUN_HELD_MAX + 100);
    bsc_run_held_clear(&held);
    assert_true(bsc_run_held_is_empty(&held) && !held.has_change);
    bsc_run_held_release(&held);
    bsc_buf_release(&said);
}

/* A change with a long statement. */
static void intend_at_length(struct story *story, int effect)
{
    char statement[TEXT];
    memset(statement, 'x', sizeof statement);
    statement[sizeof statement - 1] = '\0';
    struct bsc_value *payload = from_json(
        "{'effect':%d,'item':1,'action':1,'resource':'pool:chat','row':'r','args':{}," ONCE_FLIP
        "}",
        effect);
    bsc_value_set_text(payload, "statement", statement);
    put(story, BSC_JOURNAL_INTENT, payload);
}

/* Wherever the records of an item are parted, it is known what became of its changes. */
static void an_item_of_many_changes_is_read_as_any_other(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    for (int i = 1; i <= CHANGES; i++) {
        intend_at_length(&story, i);
        if (i >= FITTING)
            read_past(&story);
        notes_outcome(&story.notes, i, "changed");
        after(&story, i, i % 3 == 0 ? A : B);
    }
    read_past(&story);
    notes_item_end(&story.notes, 1, "changed");
    assert_null(read_past(&story)->open);
    notes_item(&story.notes, 2);
    assert_int_equal(read_past(&story)->at.item, 2);
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_given_in_order_and_has_an_end),
        UNIT_IN_FOLDER(an_item_of_many_changes_is_read_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
