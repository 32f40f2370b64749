/*
 * What a change that moves many users, one by one, has come to so far, told from its parts in the
 * journal.
 *
 *   {parts, names, moved, already, gone, failed, left, failures=[[name, reason]], unlisted}
 *
 * `names` are all that were on record, of each part; those of whom no end tells are in flight.
 * `failures` are the first that failed, and `unlisted` counts the others.
 */
#ifndef BSC_RUN_MOVES_H
#define BSC_RUN_MOVES_H

#include <stdint.h>

#include "base/buf.h"
#include "value/value.h"

enum { BSC_RUN_MOVES_FAILURES = 1000 };

/* Takes in the payload of a `part` or `part_end`. */
void bsc_run_moves_part(struct bsc_value *moves, const struct bsc_value *payload);
void bsc_run_moves_end(struct bsc_value *moves, const struct bsc_value *payload);

/* How many were begun, or are about to be, of whom nothing is told yet. */
int64_t bsc_run_moves_in_flight(const struct bsc_value *moves);

/* "1200 moved, 3 gone, 2 failed, 500 in flight": what there is none of is left out. */
void bsc_run_moves_say(const struct bsc_value *moves, struct bsc_buf *out);

#endif
