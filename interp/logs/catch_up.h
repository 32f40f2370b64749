/*
 * Bringing a restoring copy up to where another copy of the same database stands.
 */
#ifndef BSC_LOGS_CATCH_UP_H
#define BSC_LOGS_CATCH_UP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/clock.h"
#include "os/sys.h"

struct bsc_logs_catch_up_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_clock *clock;
    const char *from;          /* online, or restoring where it was handed over */
    const char *to;            /* the restoring copy */
    const char *share;         /* where the log backups of `from` are */
    const char *folder;        /* into which they are copied first; NULL: they stay on the share */
    const atomic_bool *cancel; /* NULL, or looked at between files */
};

struct bsc_logs_caught_up {
    int64_t copied;
    int64_t applied;
    int64_t lsn; /* of the copy afterwards */
};

/* Takes a log backup of `from` first when it is online, then applies what `to` has not got. Errors:
 * REFUSED with the reason when the log backups do not lead there; those of taking, copying and
 * applying them. */
bool bsc_logs_catch_up(const struct bsc_logs_catch_up_order *order, struct bsc_logs_caught_up *ret,
                       struct bsc_err *err);

#endif
