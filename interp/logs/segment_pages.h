/*
 * The pages of a log file of PostgreSQL: whether each of them says that it belongs where it stands.
 */
#ifndef BSC_LOGS_SEGMENT_PAGES_H
#define BSC_LOGS_SEGMENT_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file being checked from its beginning to its end; the caller fills in the first five. */
struct bsc_logs_segment_pages {
    const char *name;      /* borrowed */
    int64_t timeline;      /* by its name */
    int64_t first_lsn;     /* by its name */
    int64_t segment_bytes; /* its length */
    uint64_t system_id;    /* that its first page must name; 0 is not compared */
    int64_t page_bytes;    /* told by the first page */
    uint16_t magic;        /* of the version of PostgreSQL; that of the first page */
    bool is_over;          /* the file was closed early, and zeros follow */
};

/* Checks the pages of a block that begins at `offset`; blocks come in order, each a multiple of 64
 * KiB long but for the last. DAMAGED names the file and the LSN. */
bool bsc_logs_segment_pages_check(struct bsc_logs_segment_pages *pages, const unsigned char *block,
                                  size_t length, int64_t offset, struct bsc_err *err);

#endif
