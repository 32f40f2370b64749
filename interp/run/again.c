#include "run/again.h"

#include "run/cursor.h"

static void forget_left_out(struct bsc_run_again *again)
{
    bsc_value_free(again->left_out);
    again->left_out = bsc_value_map();
}

void bsc_run_again_init(struct bsc_run_again *again, const struct bsc_run_past *past)
{
    *again = (struct bsc_run_again){.past = past, .left_out = bsc_value_map()};
}

void bsc_run_again_release(struct bsc_run_again *again)
{
    bsc_value_free(again->left_out);
    *again = (struct bsc_run_again){0};
}

void bsc_run_again_enter(struct bsc_run_again *again, int64_t item)
{
    /* Of a rollback only the undo that was under way has made anything, and that is the first. The
     * others may take back the same item, and look the same. */
    if (again->past != NULL && again->past->goes_back && again->at.item != 0)
        again->past = NULL;
    again->at = (struct bsc_run_place){.item = item};
    forget_left_out(again);
}

void bsc_run_again_begin(struct bsc_run_again *again, int64_t action)
{
    again->at.action = action;
    forget_left_out(again);
}

bool bsc_run_again_leaves_out(struct bsc_run_again *again, const struct bsc_value *change)
{
    char essence[BSC_DIGEST_HEX];
    if (again->past == NULL || !bsc_value_get_truth(change, "once"))
        return false;
    bsc_run_cursor_essence(change, essence);
    int64_t left_out = bsc_value_get_number(again->left_out, essence, 0);
    if (left_out >= bsc_run_past_count(again->past, again->at, change))
        return false;
    bsc_value_set_int(again->left_out, essence, left_out + 1);
    return true;
}

struct bsc_value *bsc_run_again_note(const struct bsc_value *change)
{
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "info");
    bsc_value_set(note, "text",
                  bsc_value_format("made before, and not made again: %s",
                                   bsc_value_get_string(change, "statement")));
    return note;
}
