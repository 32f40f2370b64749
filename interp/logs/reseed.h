/*
 * Making a restoring copy where an old one may be, and taking that back.
 *
 * What was there may hold the only trace of a commit: it is renamed with everything that belongs
 * to it, never overwritten and never removed.
 */
#ifndef BSC_LOGS_RESEED_H
#define BSC_LOGS_RESEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/backup.h"
#include "os/sys.h"

/* bsc_logs_seed, after what is at order->copy was renamed to `<copy>.before-<UTC time>`, with its
 * sidecar `….state`. Errors: also REFUSED when clients could write to what is there, CONFLICT
 * naming the processes that have it open. */
bool bsc_logs_reseed(const struct bsc_logs_seed_order *order, int64_t *ret_lsn, int64_t *ret_bytes,
                     struct bsc_err *err);

/* Takes it back: the copy is renamed to `<copy>.seeded-<UTC time>`, what was set aside last gets
 * its name again if `restore` says so, and the log of the live database is kept no longer for the
 * copy. */
bool bsc_logs_unseed(const struct bsc_sys *sys, const char *db, const char *copy, bool restore,
                     struct bsc_err *err);

#endif
