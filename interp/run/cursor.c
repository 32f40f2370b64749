#include "run/cursor.h"

#include <string.h>

#include "base/mem.h"
#include "value/digest.h"

struct planned {
    int64_t item;
    char digest[BSC_DIGEST_HEX];
};

struct question {
    int64_t item;
    struct bsc_value *stands; /* owned: the lines that must not change; NULL for none */
};

struct bsc_run_cursor {
    struct planned *changes; /* owned, in the order of the plan */
    size_t count;
    size_t next;
    bool matched; /* the one before `next` was matched, not passed over */
    int64_t item;
    struct question *questions; /* owned, in the order of the plan */
    size_t question_count;
    size_t question_next;
};

void bsc_run_cursor_essence(const struct bsc_value *change, char ret_hex[BSC_DIGEST_HEX])
{
    struct bsc_value *essence = bsc_value_map();
    bool is_volatile = bsc_value_get_truth(change, "volatile");
    bsc_value_set_text(essence, "row", bsc_value_get_string(change, "row"));
    bsc_value_set_text(essence, "resource", bsc_value_get_string(change, "resource"));
    if (!is_volatile) {
        bsc_value_set_text(essence, "statement", bsc_value_get_string(change, "statement"));
        bsc_value_set(essence, "args", bsc_value_copy(bsc_value_get(change, "args")));
    }
    bsc_digest_value(essence, ret_hex);
    bsc_value_free(essence);
}

static void add_change(struct bsc_run_cursor *cursor, int64_t item, const struct bsc_value *change)
{
    if ((cursor->count & (cursor->count - 1)) == 0)
        cursor->changes = bsc_mem_resize(
            cursor->changes, cursor->count == 0 ? 1 : cursor->count * 2, sizeof *cursor->changes);
    struct planned *planned = &cursor->changes[cursor->count++];
    planned->item = item;
    bsc_run_cursor_essence(change, planned->digest);
}

static void add_question(struct bsc_run_cursor *cursor, int64_t item, const struct bsc_value *ask)
{
    const struct bsc_value *stands = bsc_value_get(ask, "stands");
    cursor->questions =
        bsc_mem_resize(cursor->questions, cursor->question_count + 1, sizeof *cursor->questions);
    struct question *question = &cursor->questions[cursor->question_count++];
    question->item = item;
    question->stands = stands != NULL ? bsc_value_copy(stands) : NULL;
}

static void add_item(struct bsc_run_cursor *cursor, const struct bsc_value *item)
{
    const struct bsc_value *changes = bsc_value_get(item, "changes");
    const struct bsc_value *asks = bsc_value_get(item, "asks");
    int64_t index = bsc_value_get_number(item, "index", 0);
    for (size_t i = 0; i < bsc_value_count(changes); i++)
        add_change(cursor, index, bsc_value_at(changes, i));
    for (size_t i = 0; i < bsc_value_count(asks); i++)
        add_question(cursor, index, bsc_value_at(asks, i));
}

struct bsc_run_cursor *bsc_run_cursor_new(const struct bsc_value *plan)
{
    struct bsc_run_cursor *cursor = bsc_mem_new(1, sizeof *cursor);
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++)
        add_item(cursor, bsc_value_at(items, i));
    return cursor;
}

void bsc_run_cursor_free(struct bsc_run_cursor *cursor)
{
    if (cursor == NULL)
        return;
    for (size_t i = 0; i < cursor->question_count; i++)
        bsc_value_free(cursor->questions[i].stands);
    bsc_mem_free(cursor->questions);
    bsc_mem_free(cursor->changes);
    bsc_mem_free(cursor);
}

void bsc_run_cursor_enter(struct bsc_run_cursor *cursor, int64_t item_index)
{
    cursor->item = item_index;
    cursor->matched = false;
    size_t change = cursor->next, question = cursor->question_next;
    while (change < cursor->count && cursor->changes[change].item != item_index)
        change++;
    while (question < cursor->question_count && cursor->questions[question].item != item_index)
        question++;
    /* Without any of its own, an item has nothing planned, and the next one must find its. */
    if (change < cursor->count)
        cursor->next = change;
    if (question < cursor->question_count)
        cursor->question_next = question;
}

bool bsc_run_cursor_match(struct bsc_run_cursor *cursor, const struct bsc_value *effect,
                          struct bsc_err *err)
{
    char digest[BSC_DIGEST_HEX];
    bsc_run_cursor_essence(effect, digest);
    for (size_t i = cursor->next; i < cursor->count && cursor->changes[i].item == cursor->item;
         i++) {
        if (strcmp(cursor->changes[i].digest, digest) == 0) {
            cursor->next = i + 1;
            cursor->matched = true;
            return true;
        }
    }
    bsc_err_set(err, BSC_ERR_REFUSED, "this was not planned: %s",
                bsc_value_get_string(effect, "statement"));
    return bsc_err_hint(err, "The site is no longer as it was when the plan was made; make a new "
                             "plan and review it.");
}

bool bsc_run_cursor_asks(struct bsc_run_cursor *cursor, const struct bsc_value *effect)
{
    const struct bsc_value *stands = bsc_value_get(effect, "stands");
    const struct question *question = NULL;
    if (cursor->question_next < cursor->question_count &&
        cursor->questions[cursor->question_next].item == cursor->item)
        question = &cursor->questions[cursor->question_next++];
    if (stands == NULL)
        return true;
    return question != NULL && question->stands != NULL &&
           bsc_value_equal(question->stands, stands);
}

void bsc_run_cursor_again(struct bsc_run_cursor *cursor)
{
    cursor->next -= cursor->matched ? 1 : 0;
    cursor->matched = false;
}
