/*
 * How long a gate waits, counted from when it was first reached.
 *
 * A clock that is set back makes the wait longer, never shorter: what was written later than the
 * clock says now counts as the time at which the gate was reached.
 */
#ifndef BSC_RUN_WAIT_H
#define BSC_RUN_WAIT_H

#include <stdint.h>

#include "value/value.h"

struct bsc_run_wait {
    int64_t since_ms; /* wall time at which it was first reached */
    int64_t after_ms; /* how long it waits */
};

/* The end of it, without ever overflowing. */
int64_t bsc_run_wait_until(const struct bsc_run_wait *wait);

/* The answer to a `reached` effect: {since, until, remaining_ms}, the times as texts. Returns
 * owned. */
struct bsc_value *bsc_run_wait_value(const struct bsc_run_wait *wait, int64_t now_ms);

/* The time that a map has under this key as a text, or `fallback`. */
int64_t bsc_run_wait_time(const struct bsc_value *map, const char *key, int64_t fallback);

/* What a journal says of a gate that has parked its run, {item, title, since, until?, waits_for}: a
 * copy of these keys of the map; owned. */
struct bsc_value *bsc_run_wait_parked(const struct bsc_value *map);

/* Keeps in {title=ms} since when such a gate waits: the first time counts, however often its run
 * was parked there. `parked` may be NULL. */
void bsc_run_wait_keep(struct bsc_value *waits, const struct bsc_value *parked);

#endif
