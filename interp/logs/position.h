/*
 * Where in its write-ahead log a database stands: the LSN of the last commit on disk.
 *
 * The sidecar knows the LSN of one place in the log; every committed frame after it counts one.
 * When the log was reset since, frames may have come and gone uncounted, unless it can be proven
 * that none did.
 */
#ifndef BSC_LOGS_POSITION_H
#define BSC_LOGS_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/state.h"
#include "logs/wal.h"
#include "os/sys.h"

/* Whether the log was reset right at the sidecar's place, so that what is in it now follows. Either
 * the database file has not been written to since all frames up to there were in it. Or the log
 * began anew exactly once, which makes its first salt one more, and what stood on both sides of
 * that place is still standing there: then no frame was ever written behind it, nor was the log cut
 * off and with it what had been. */
bool bsc_logs_position_continues(const struct bsc_sys *sys, const char *db,
                                 const struct bsc_logs_state *state, struct bsc_logs_wal *wal);

/* Finds the place in the open log whose LSN is state->place_lsn. `db` is the database's path.
 * CONFLICT when the sidecar has no such place, or when commits may have been lost since: the log
 * was reset, or is no longer there. */
bool bsc_logs_position_base(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, struct bsc_logs_wal *wal,
                            struct bsc_logs_wal_place *ret_place, struct bsc_err *err);

struct bsc_logs_position {
    int64_t lsn;
    int64_t time_ms;
    struct bsc_logs_wal_place place; /* of that LSN; all zero when there is no log */
    bool placed;
};

/* Counts the commits on disk. The log must not be reset meanwhile (hold a transaction), or the
 * answer may be CONFLICT. */
bool bsc_logs_position_read(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, struct bsc_logs_position *ret,
                            struct bsc_err *err);

#endif
