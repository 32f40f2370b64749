/*
 * Where in its write-ahead log a database stands: the LSN of the last commit on disk.
 *
 * The sidecar knows the LSN of one place in the log; every committed frame after it counts one.
 * When the log was reset since, frames may have come and gone uncounted. That is ruled out only
 * while the database file still looks as it did when all frames up to that place were in it.
 */
#ifndef BSC_LOGS_POSITION_H
#define BSC_LOGS_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/state.h"
#include "logs/wal.h"
#include "os/sys.h"

/* Finds the place in the open log whose LSN is state->place_lsn. `db` is the database's path.
 * CONFLICT when the sidecar has no such place, or when commits may have been lost since: the log
 * was reset, or is no longer there. */
bool bsc_logs_position_base(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, const struct bsc_logs_wal *wal,
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
