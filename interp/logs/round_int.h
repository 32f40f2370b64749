/*
 * One round of shipping: with the principal's log standing still, what stands in it after the
 * point where a consumer is, and afterwards as much checkpointing as is safe.
 *
 * A consumer is a sidecar with an LSN and a place in the log: the principal's own for log backups,
 * the mirror's for a mirror. Frames may leave the log only when every consumer has them; with
 * `others_done` false nothing is checkpointed. Private to the room.
 */
#ifndef BSC_LOGS_ROUND_INT_H
#define BSC_LOGS_ROUND_INT_H

#include "logs/primary_int.h"
#include "logs/state.h"
#include "logs/wal.h"

struct bsc_logs_round {
    struct bsc_logs_primary *primary; /* borrowed */
    struct bsc_logs_wal wal;
    bool counted;                    /* the engine says how many frames the log has: wal.vouched */
    struct bsc_logs_wal_range range; /* the committed frames after consumer->lsn */
};

#define BSC_LOGS_ROUND_INIT                                                                        \
    {                                                                                              \
        .wal = BSC_LOGS_WAL_INIT                                                                   \
    }

/* Opens the log and makes it durable, with the principal locked. */
bool bsc_logs_round_open(struct bsc_logs_round *round, struct bsc_logs_primary *primary,
                         uint32_t page_size, struct bsc_err *err);
/* Finds what is new to the consumer. BSC_ERR_REFUSED with the way out when frames that it has not
 * had have left the log; DAMAGED when the log cannot be read as far as the engine says it goes. */
bool bsc_logs_round_scan(struct bsc_logs_round *round, const struct bsc_logs_state *consumer,
                         struct bsc_err *err);
/* Writes the range as a log backup of that name into the folder; fills *ret_header. `from` gives
 * database, fork and the first LSN. */
bool bsc_logs_round_write(struct bsc_logs_round *round, const struct bsc_logs_state *from,
                          const char *folder, const char *name, int64_t time_ms,
                          struct bsc_logs_header *ret_header, struct bsc_err *err);
/* Puts the consumer after the range: lsn, time and place; what was settled is so no longer. */
bool bsc_logs_round_advance(struct bsc_logs_round *round, struct bsc_logs_state *consumer,
                            int64_t time_ms, struct bsc_err *err);
/* Wall time of the last commit as far as it can be known: not later than now. */
int64_t bsc_logs_round_time(const struct bsc_logs_round *round, int64_t now_ms);
void bsc_logs_round_release(struct bsc_logs_round *round);

#endif
