/*
 * The facts of one copy of a database, from its file, its header and its sidecar.
 */
#ifndef BSC_LOGS_COPY_STATE_H
#define BSC_LOGS_COPY_STATE_H

#include "os/sys.h"
#include "value/value.h"

/* Returns an owned map: state, writable, database_id, fork, lsn, time, log_shipping,
 * log_shipping_job, page_size, reason; of a copy that was brought online here recovered_lsn and
 * recovered_time, where the fork it left ended; and incomplete_lsn where an apply was cut short,
 * what it was to reach. Never fails: what cannot be looked at is "unreachable", what makes no sense
 * "damaged", both with a reason. Keys that are not known are left out. A primary's LSN includes the
 * commits in its write-ahead log. */
struct bsc_value *bsc_logs_copy_state(const struct bsc_sys *sys, const char *path);

#endif
