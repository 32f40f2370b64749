/*
 * A restore_command that says sooner that a file is not there.
 *
 * A standby asks its restore_command for each log file before it looks into its own pg_wal. Where
 * log files are put there, `cp` takes some milliseconds each time to say that it has none, so the
 * standby has another command for as long as many files are left to be replayed. Only what stands
 * in a configuration file is replaced, by ALTER SYSTEM, so that giving up what that has written is
 * all that it takes to put it back, whoever does it and whatever the file says by then. Private to
 * the files of this room.
 */
#ifndef BSC_LIB_STANDBY_HASTE_INT_H
#define BSC_LIB_STANDBY_HASTE_INT_H

#include "lib/env.h"
#include "lib/row.h"

struct bsc_lib_haste {
    const char *plain; /* borrowed: what may be replaced; NULL for no change */
    const char *quick; /* borrowed: what it has meanwhile */
    int64_t until_lsn; /* where the last file begins: nobody waits when it is put back there */
    bool is_on;        /* it may have it */
};

/* Changes the restore_command of a standby that has come to `lsn` and is to come to `wanted`, where
 * it is the plain one, can be changed, and the way is long enough; and takes over what somebody was
 * killed at. To be ended in any case. */
void bsc_lib_haste_begin(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         int64_t lsn, int64_t wanted, struct bsc_lib_haste *haste);

/* Puts back what was changed, whether or not anybody wants to stop. Where that fails it is to be
 * tried again. */
bool bsc_lib_haste_end(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                       struct bsc_lib_haste *haste, struct bsc_err *err);

#endif
