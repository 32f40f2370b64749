/*
 * The tail of a dead primary's log: commits that no log backup contains, read from its disk.
 *
 * The disk is only ever read, so it may be mounted read-only. Frames count under the same rules as
 * for SQLite itself: right salts, right running checksum, a commit after them; a torn end is left
 * out and said. The tail becomes an ordinary log backup, which is applied like any other.
 */
#ifndef BSC_LOGS_TAIL_H
#define BSC_LOGS_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_logs_tail_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *path;          /* the primary's own path; NULL when it is not known */
    const char *salvage;       /* where its disk can be read; NULL when it cannot */
    const char *destination;   /* folder that the tail goes to */
    const char *copy;          /* the secondary that is to take it */
    int64_t after_lsn;         /* newest LSN that a log backup contains */
};

/* Returns the facts, an owned map: state (unavailable, empty, available, damaged, salvaged,
 * too_late), first_lsn, last_lsn, time, commits, reason. Too late is what a copy that was brought
 * online does not have and cannot take any more. Never fails; keys that are not known are left out.
 */
struct bsc_value *bsc_logs_tail(const struct bsc_logs_tail_order *order);

struct bsc_logs_salvaged {
    char *file; /* owned: name within the destination */
    int64_t first_lsn;
    int64_t last_lsn;
    int64_t commits;
};

void bsc_logs_salvaged_release(struct bsc_logs_salvaged *salvaged);

/* Writes the tail into the destination. One that is there already is a success. Beside the copy
 * `<copy>.salvaged` names it, so that it can be told from what the primary shipped. REFUSED with
 * the reason when there is nothing to salvage or it must not be trusted; NO_SPACE. */
bool bsc_logs_salvage(const struct bsc_logs_tail_order *order, struct bsc_logs_salvaged *ret,
                      struct bsc_err *err);

#endif
