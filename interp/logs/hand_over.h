/*
 * The planned end of a primary: its last log backup, after which nobody can write to it any more.
 *
 * What was committed is on the share, durably, before the copy is closed, and the copy is closed
 * before it calls itself restoring. A kill at any moment leaves a copy that is open as before, or
 * one that is closed and says so: handing over again completes it, and opening again takes it
 * back. As long as no other copy was brought online both are without loss.
 */
#ifndef BSC_LOGS_HAND_OVER_H
#define BSC_LOGS_HAND_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/backup.h"
#include "os/clock.h"
#include "os/sys.h"

struct bsc_logs_handed_over {
    int64_t lsn; /* its last */
};

/* `order` is as for taking a log backup; no guard may be given. The copy is restoring afterwards,
 * and was that of a hand-over before: a success too. Errors: those of bsc_logs_backup_take;
 * CONFLICT naming the processes that have it open, or when somebody keeps writing to it; REFUSED
 * when it is not a primary. */
bool bsc_logs_hand_over(const struct bsc_logs_backup_order *order, struct bsc_logs_handed_over *ret,
                        struct bsc_err *err);

/* Opens a copy again that was handed over and has taken nothing since: the primary that it was, on
 * the fork that it had. The caller knows that no other copy was brought online. One that is open is
 * left alone. Killed in the middle it may be open with its commits uncounted, and begins a fork of
 * its own when it is shipped from. Errors: REFUSED when it was not handed over; CONFLICT as above.
 */
bool bsc_logs_reopen(const struct bsc_sys *sys, const char *db, int64_t *ret_lsn,
                     struct bsc_err *err);

#endif
