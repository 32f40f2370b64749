/*
 * The history of a timeline of PostgreSQL: which timeline it left, and at which LSN.
 *
 * The server that begins a timeline writes TTTTTTTT.history and archives it, so that whoever reads
 * its log files knows how they follow on those of the timelines before.
 */
#ifndef BSC_LOGS_HISTORY_H
#define BSC_LOGS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_logs_history {
    int64_t timeline; /* the one that the file is of */
    int64_t parent;   /* the one that it left */
    int64_t lsn;      /* and where */
};

/* Whether a file has the name of a history: eight hexadecimal digits and ".history". */
bool bsc_logs_history_named(const char *name, int64_t *ret_timeline);

/* Takes a history's text apart, of the timeline that is set in *ret. False when it is none. */
bool bsc_logs_history_take(const char *text, struct bsc_logs_history *ret);

/* Reads a history; DAMAGED when it is none, or not that of the timeline that its name says. */
bool bsc_logs_history_read(const struct bsc_sys *sys, const char *path,
                           struct bsc_logs_history *ret, struct bsc_err *err);

#endif
