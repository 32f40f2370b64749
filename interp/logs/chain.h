/*
 * The log chain: which backups a restoring copy still needs, in order, and what stands in the way.
 */
#ifndef BSC_LOGS_CHAIN_H
#define BSC_LOGS_CHAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_logs_chain_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *share;
    const char *destination;
    const char *path;          /* the restoring copy, whose sidecar says where it is */
    int64_t destination_limit; /* bytes the destination may hold; 0 is no limit */
    bool verify;               /* read the pages of every backup needed too, not the headers only */
    bool brief;                /* leave out the list of backups itself */
    const atomic_bool *cancel; /* NULL, or looked at between files while verifying */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes verified; may be NULL */
    void *progress_arg;
};

/*
 * Returns an owned map, NULL on failure: share_readable, free_bytes, chain (list of lines, see
 * logs/line.h), applied_lsn, applied_time, copied_lsn, last_lsn, last_time, pending_bytes, problem,
 * problem_text, ignored.
 *
 * The chain ends before the first problem in order of LSN; problem_text names it first and the
 * others after it. Of a copy that was brought online all this is told as it was then: a chain that
 * is not empty came too late. A backup of another recovery fork is a problem even where it begins
 * exactly at the end of ours: somebody has recovered another copy, and two would be writable; of a
 * copy that was brought online it is named first. Backups of forks of its own are ignored. The
 * digest of a line is that of the backup's header, which covers the digest of its pages. Errors:
 * those of reading the copy's sidecar; CANCELLED.
 */
struct bsc_value *bsc_logs_chain(const struct bsc_logs_chain_order *order, struct bsc_err *err);

#endif
