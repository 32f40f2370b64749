/*
 * Noticing, by its size and time alone, that nobody wrote to a database file.
 *
 * May include base and os.
 */
#ifndef BSC_LOGS_SETTLED_H
#define BSC_LOGS_SETTLED_H

#include <stdbool.h>

#include "base/err.h"
#include "logs/state.h"
#include "os/sys.h"

/* Notes how the file looks now and waits, a few milliseconds at most, until a later write is sure
 * to look different. The caller keeps others from writing meanwhile. */
bool bsc_logs_settled_note(const struct bsc_sys *sys, const char *db, struct bsc_logs_settled *ret,
                           struct bsc_err *err);

/* Whether the file still looks as it did when that was noted. */
bool bsc_logs_settled_holds(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_settled *settled);

#endif
