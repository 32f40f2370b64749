/*
 * Applying log backups to a copy, in order of LSN.
 *
 * All or nothing per file, by redo: the sidecar says durably which range is `applying` before the
 * first page of it is written, and gets the new LSN only when the pages are durable. A run that
 * was killed leaves `applying` behind; applying the same files again completes it, and until then
 * the copy cannot be recovered. Each file is validated completely before a page of it is written.
 */
#ifndef BSC_LOGS_APPLY_H
#define BSC_LOGS_APPLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_logs_apply_file {
    const char *name;  /* borrowed: file name within the folder */
    int64_t first_lsn; /* as the plan has them */
    int64_t last_lsn;
    const char *sha256; /* borrowed: the header's digest in hexadecimal, NULL when not planned */
};

struct bsc_logs_apply_order {
    const struct bsc_sys *sys;               /* borrowed */
    const char *path;                        /* borrowed: the copy */
    const char *folder;                      /* borrowed: where the backups are */
    const struct bsc_logs_apply_file *files; /* borrowed, in order of LSN */
    size_t count;
    int64_t sync_bytes;        /* of backups between two syncs; 0 is the usual number */
    const atomic_bool *cancel; /* borrowed; NULL, or looked at between files */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
};

struct bsc_logs_apply_result {
    size_t applied;
    size_t kept; /* contained in the copy already */
    int64_t lsn; /* of the copy afterwards */
    int64_t time_ms;
};

/* Errors: CONFLICT naming the processes when the copy is open anywhere; REFUSED naming file and
 * LSNs for a gap, an overlap, a foreign fork or database, or when the files end before those of a
 * killed run did; DAMAGED naming the file; CANCELLED. What
 * comes before the file that is to blame is applied. *ret is filled on failure too. */
bool bsc_logs_apply(const struct bsc_logs_apply_order *order, struct bsc_logs_apply_result *ret,
                    struct bsc_err *err);

#endif
