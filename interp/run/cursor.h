/*
 * Where a live run stands in its plan: nothing may be executed that was not planned.
 *
 * The plan's changes are kept as digests, item by item. A change of the run must be one of the
 * item's changes that are still ahead; those before it were found to be true already. A change
 * that the plan calls volatile is matched by its row and resource alone.
 */
#ifndef BSC_RUN_CURSOR_H
#define BSC_RUN_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "value/digest.h"
#include "value/value.h"

struct bsc_run_cursor;

/* A digest of what must be equal for two changes to be the same: all of the change, or, for a
 * volatile one, what kind of thing it does. */
void bsc_run_cursor_essence(const struct bsc_value *change, char ret_hex[BSC_DIGEST_HEX]);

/* From a plan; copies what it needs. Returns owned. */
struct bsc_run_cursor *bsc_run_cursor_new(const struct bsc_value *plan);
void bsc_run_cursor_free(struct bsc_run_cursor *cursor);

/* The run begins the item with this index of the runbook (counted from 1). */
void bsc_run_cursor_enter(struct bsc_run_cursor *cursor, int64_t item_index);

/* Whether this change may be executed now; moves behind it when it may. False fills *err with
 * BSC_ERR_REFUSED and what the plan has instead. */
bool bsc_run_cursor_match(struct bsc_run_cursor *cursor, const struct bsc_value *effect,
                          struct bsc_err *err);

/* Whether this question is the item's next one in the plan, as far as it says what must not have
 * changed: an answer that was given to the plan holds for no other. */
bool bsc_run_cursor_asks(struct bsc_run_cursor *cursor, const struct bsc_value *effect);

/* The change that was matched last has failed: it may be tried once more. */
void bsc_run_cursor_again(struct bsc_run_cursor *cursor);

#endif
