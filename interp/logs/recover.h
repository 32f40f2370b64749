/*
 * Bringing a restoring copy online: the point of no return.
 *
 * The order makes a kill at any moment harmless. First the structure is checked. Then the sidecar
 * says durably that the copy is a primary on a new recovery fork, while its header still closes it
 * to everybody: that pair is what an interrupted recovery looks like, and running it again goes on
 * from there with the same fork. Last the header is opened.
 */
#ifndef BSC_LOGS_RECOVER_H
#define BSC_LOGS_RECOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/format.h"
#include "os/sys.h"

struct bsc_logs_recovered {
    char fork[BSC_LOGS_ID_HEX]; /* the new one */
    int64_t lsn;                /* where it begins */
};

/* Errors: REFUSED when a killed apply has not been completed, when the copy is a mirror or online
 * already; CONFLICT naming the processes that have it open; DAMAGED; CANCELLED (only before the
 * fork is recorded). *cancel may be NULL. Files of an earlier life beside the copy are renamed. */
bool bsc_logs_recover(const struct bsc_sys *sys, const char *path, const atomic_bool *cancel,
                      struct bsc_logs_recovered *ret, struct bsc_err *err);

#endif
