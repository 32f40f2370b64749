/*
 * Two log files of PostgreSQL of one name that have different bytes: one on the share, and one that
 * was copied for a standby. Something was damaged on its way; which of them, their records tell.
 *
 * May include base and os.
 */
#ifndef BSC_LOGS_PG_PAIR_H
#define BSC_LOGS_PG_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_logs_pg_pair {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *share;
    const char *destination;
    uint32_t timeline;
    uint32_t segment;
    uint64_t first_lsn;        /* where the file begins */
    uint64_t from_lsn;         /* where a record begins for certain, at or before its end */
    const atomic_bool *cancel; /* NULL, or looked at now and then */
};

/* *ret_shared says whether the log can be followed farther with the file of the share: then the
 * standby must have that one. False on failure only. */
bool bsc_logs_pg_pair_judge(const struct bsc_logs_pg_pair *pair, bool *ret_shared,
                            struct bsc_err *err);

/* Whether both have the same bytes; false as well where they are not of one length. */
bool bsc_logs_pg_pair_same(const struct bsc_logs_pg_pair *pair, bool *ret_same,
                           struct bsc_err *err);

#endif
