#include "run/trail.h"

static bool is_of(const struct bsc_value *entry, struct bsc_run_place at)
{
    int64_t action = bsc_value_get_number(entry, "action", 0);
    return bsc_value_get_number(entry, "item", 0) == at.item &&
           (action == 0 || action == at.action);
}

static const struct bsc_value *last_of(const struct bsc_value *list)
{
    size_t length = bsc_value_count(list);
    return length > 0 ? bsc_value_at(list, length - 1) : NULL;
}

static struct bsc_value *entry_of(struct bsc_run_place at, const struct bsc_value *undo)
{
    struct bsc_value *entry = bsc_value_map();
    bool declared = bsc_value_get_truth(undo, "declared");
    bsc_value_set_int(entry, "item", at.item);
    bsc_value_set_int(entry, "action", declared ? 0 : at.action);
    if (undo != NULL)
        bsc_value_set(entry, "undo", bsc_value_copy(undo));
    return entry;
}

/* What is only put right where it was left half done stays all the same. */
static bool restores(const struct bsc_value *undo)
{
    return undo != NULL && !bsc_value_get_truth(undo, "mends");
}

void bsc_run_trail_leave(struct bsc_run_past *past, const struct bsc_value *intent)
{
    const struct bsc_run_place at = bsc_run_record_place(intent);
    const struct bsc_value *last = last_of(past->trail);
    bool is_there = is_of(last, at);
    const struct bsc_value *undo = bsc_value_get(is_there ? last : intent, "undo");
    if (!restores(undo) && !is_of(last_of(past->stays), at))
        bsc_value_append(past->stays, entry_of(at, NULL));
    if (!is_there && undo != NULL)
        bsc_value_append(past->trail, entry_of(at, undo));
}

void bsc_run_trail_leave_mends(struct bsc_run_past *past, const struct bsc_value *intent)
{
    const struct bsc_value *undo = bsc_value_get(intent, "undo");
    if (undo != NULL && !restores(undo) &&
        !is_of(last_of(past->trail), bsc_run_record_place(intent)))
        bsc_value_append(past->trail, entry_of(bsc_run_record_place(intent), undo));
}

void bsc_run_trail_shorten(struct bsc_run_past *past, size_t taken_back)
{
    struct bsc_value *shorter = bsc_value_list();
    size_t length = bsc_value_count(past->trail);
    for (size_t i = 0; i + taken_back < length; i++)
        bsc_value_append(shorter, bsc_value_copy(bsc_value_at(past->trail, i)));
    bsc_value_free(past->trail);
    past->trail = shorter;
}
