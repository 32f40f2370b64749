/*
 * What the rows that read the tail of a dead PostgreSQL server's log share.
 */
#ifndef BSC_LIB_WAL_TAIL_INT_H
#define BSC_LIB_WAL_TAIL_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/row.h"
#include "logs/pg_tail.h"

enum { BSC_LIB_TAIL_DISKS = 4 };

struct bsc_lib_tail {
    struct bsc_logs_pg_tail_order order;
    const char *disks[BSC_LIB_TAIL_DISKS]; /* what order.salvage points to */
};

/* The arguments `salvage`, `destination` and `share`. */
bool bsc_lib_tail_places(const struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                         struct bsc_err *err);

/* Which log it is; USAGE where there is none such. */
bool bsc_lib_tail_log(struct bsc_lib_tail *tail, int64_t timeline, int64_t segment,
                      const char *system, struct bsc_err *err);

#endif
