/*
 * Log shipping into a secondary: its job, and ending it.
 *
 * The job is the file `<db>.shipping`. A round of copying and applying holds a lock on it; whoever
 * ends the job takes the same lock first, so that no round is under way afterwards.
 */
#ifndef BSC_LOGS_SHIPPING_H
#define BSC_LOGS_SHIPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/state.h"
#include "os/sys.h"

enum { BSC_LOGS_UNSHIP_WAIT_MS = 10000 };

/* Opens and locks the job's file without waiting: *ret_fd is owned, closing it unlocks; *job is
 * filled. Errors: NOT_FOUND when there is no job (any more), CONFLICT when somebody holds it. */
bool bsc_logs_shipping_hold(const struct bsc_sys *sys, const char *db, struct bsc_logs_job *job,
                            int *ret_fd, struct bsc_err *err);

/* Ends log shipping into the copy: waits up to `wait_ms` for a running round (TIMEOUT), removes the
 * job durably. That there was none is fine. */
bool bsc_logs_unship(const struct bsc_sys *sys, const char *db, int64_t wait_ms,
                     struct bsc_err *err);

/* Begins log shipping from `principal`, which was brought online at the very LSN at which `db`
 * ends: its log backups begin, the copy follows it onto its recovery fork, and the job is as for
 * bsc_logs_ship. Nothing is copied. What was done before a kill is kept. Errors: REFUSED when the
 * copy ends elsewhere or clients have written what no log backup holds any more. */
bool bsc_logs_ship_from(const struct bsc_sys *sys, const char *principal, const char *db,
                        const struct bsc_logs_job *job, struct bsc_err *err);

/* Begins it, or changes its job. The copy must take log backups (REFUSED otherwise). */
bool bsc_logs_ship(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                   struct bsc_err *err);

#endif
