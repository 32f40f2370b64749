#include "run/cursor.h"

#include <string.h>

#include "base/mem.h"
#include "value/digest.h"

struct planned {
    int64_t item;
    char digest[BSC_DIGEST_HEX];
};

struct bsc_run_cursor {
    struct planned *changes; /* owned, in the order of the plan */
    size_t count;
    size_t next;
    bool matched; /* the one before `next` was matched, not passed over */
    int64_t item;
};

/* What must be equal: all of the change, or, for a volatile one, what kind of thing it does. */
static void digest_change(const struct bsc_value *change, char ret_hex[BSC_DIGEST_HEX])
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
    digest_change(change, planned->digest);
}

struct bsc_run_cursor *bsc_run_cursor_new(const struct bsc_value *plan)
{
    struct bsc_run_cursor *cursor = bsc_mem_new(1, sizeof *cursor);
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        const struct bsc_value *changes = bsc_value_get(item, "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++)
            add_change(cursor, bsc_value_get_number(item, "index", 0), bsc_value_at(changes, k));
    }
    return cursor;
}

void bsc_run_cursor_free(struct bsc_run_cursor *cursor)
{
    if (cursor == NULL)
        return;
    bsc_mem_free(cursor->changes);
    bsc_mem_free(cursor);
}

void bsc_run_cursor_enter(struct bsc_run_cursor *cursor, int64_t item_index)
{
    cursor->item = item_index;
    cursor->matched = false;
    while (cursor->next < cursor->count && cursor->changes[cursor->next].item < item_index)
        cursor->next++;
}

bool bsc_run_cursor_match(struct bsc_run_cursor *cursor, const struct bsc_value *effect,
                          struct bsc_err *err)
{
    char digest[BSC_DIGEST_HEX];
    digest_change(effect, digest);
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

void bsc_run_cursor_again(struct bsc_run_cursor *cursor)
{
    cursor->next -= cursor->matched ? 1 : 0;
    cursor->matched = false;
}
