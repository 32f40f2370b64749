/*
 * Log files of PostgreSQL on their way from the share into the folder that a standby restores
 * from.
 *
 * A standby takes a log file as soon as it has its name. So each is copied under a name that no
 * standby asks for, checked page by page, read back, made durable and only then named; and each is
 * handed over by itself, since replaying one takes as long as copying many.
 *
 * The folder may be the server's own. There each file gets the note that the server makes of one
 * that it has fetched itself: without it the file would be archived once more after a promotion,
 * and an archive that has it already refuses that, and all that comes after it. A file without such
 * a note is an old one that the server keeps to use again, or a part of one: it is replaced.
 *
 * What the pages say is checked: that they are of this very file, up to where it was closed early,
 * and that nothing but zeros comes behind that. The records within them have checksums of their
 * own, which the standby checks.
 */
#ifndef BSC_LOGS_SEGMENTS_H
#define BSC_LOGS_SEGMENTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_logs_segments_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *share;
    const char *destination;
    const char *marks; /* where the server notes which log files in its own folder it has whole and
                          need not archive, when that folder is the destination; else NULL */
    const char *mark;  /* what ends the name of such a note: "done", or "ready" */
    const char *const *names; /* log files and histories, in the order to hand them over */
    size_t count;
    int64_t segment_bytes; /* length of each log file */
    uint64_t system_id;    /* of the standby; 0 is not compared */
    int64_t replayed_lsn;  /* of the standby */
    const atomic_bool *cancel;
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
    /* After each file, which begins at `first_lsn`, or is a history (-1); may be NULL. */
    void (*handed_over)(void *arg, int64_t first_lsn);
    void *handed_over_arg;
};

struct bsc_logs_segments_result {
    size_t copied;
    size_t kept; /* were there already, with the same bytes */
    int64_t bytes;
};

/* Copies the files in order; every one that is named is durable. A killed run leaves a file
 * `.<name>.partial`, which the next one replaces. Stops at the first failure, naming the file:
 * INVALID for a name that no standby asks for, DAMAGED, NOT_FOUND, NO_SPACE, CANCELLED, CONFLICT
 * when a whole log file of this name with other bytes is there already; one with which the log
 * cannot be followed as far as with the file of the share is replaced, and one that the standby has
 * passed is left alone. What was handed over before stays. */
bool bsc_logs_segments_copy(const struct bsc_logs_segments_order *order,
                            struct bsc_logs_segments_result *ret, struct bsc_err *err);

/* Whether the name is that of a log file: its timeline, and the LSN at which it begins. */
bool bsc_logs_segments_named(const char *name, int64_t segment_bytes, int64_t *ret_timeline,
                             int64_t *ret_lsn);

#endif
