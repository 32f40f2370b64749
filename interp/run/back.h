/*
 * The items of a rollback: what a run has done, to be taken back, the last first.
 *
 * Such an item has kind "undo", the index, title and line of the item that it takes back, the
 * number of the action, or 0 for all of an item that declares how, and the `undo` that the first
 * change of the action carried.
 */
#ifndef BSC_RUN_BACK_H
#define BSC_RUN_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "value/value.h"

/* One such item; `origin` is that of the runbook or a plan. Returns owned. */
struct bsc_value *bsc_run_back_item(const struct bsc_value *origin, int64_t action,
                                    const struct bsc_value *undo);

/* Whether the item takes another back, and then the arguments of the library's `take_back`, owned.
 */
bool bsc_run_back_is(const struct bsc_value *item);
struct bsc_value *bsc_run_back_arguments(const struct bsc_value *item);

/* All of a trail (run/past.h) of a run with these items. Returns an owned list. */
struct bsc_value *bsc_run_back_items(const struct bsc_value *items, const struct bsc_value *trail);

/* What a rollback leaves as it is, although nobody has said that it is harmless: a sentence for
 * each action of these items that has no undo (`stays`, run/past.h). Returns an owned list. */
struct bsc_value *bsc_run_back_stays(const struct bsc_value *items, const struct bsc_value *stays);

#endif
