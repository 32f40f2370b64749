/*
 * Asks SQLite whether a copy's structure is sound while nobody may open it.
 *
 * SQLite refuses a copy that is marked 3,3, and marking it otherwise for the time of the check
 * would open it to everyone. So it is read through a file layer of our own which shows SQLite
 * 1,1 in place of the two bytes, leaves `-wal` and `-journal` alone, takes no locks and cannot
 * write. The file on disk stays closed to everybody throughout.
 */
#ifndef BSC_LOGS_CHECK_H
#define BSC_LOGS_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

enum bsc_logs_check_depth {
    BSC_LOGS_CHECK_QUICK, /* structure of all pages */
    BSC_LOGS_CHECK_FULL   /* and that indexes agree with their tables */
};

/* DAMAGED with the first things found; CANCELLED when *cancel (which may be NULL) is set. */
bool bsc_logs_check(const char *path, enum bsc_logs_check_depth depth, const atomic_bool *cancel,
                    struct bsc_err *err);

#endif
