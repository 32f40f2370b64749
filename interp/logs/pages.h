/*
 * Writing page images into a copy that nobody may open meanwhile.
 *
 * Page 1 of a log backup carries the header of the primary, which says that anyone may open the
 * database. It is changed on the way, so that no byte of the copy ever says so.
 */
#ifndef BSC_LOGS_PAGES_H
#define BSC_LOGS_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

/* Gathers neighbouring pages into one write. */
struct bsc_logs_pages {
    const struct bsc_sys *sys; /* borrowed */
    const char *path;          /* borrowed: the copy, for messages */
    int fd;                    /* borrowed: the copy, held exclusively */
    uint32_t page_size;        /* bytes */
    unsigned char *block;      /* owned: pages first, first + 1, … */
    uint32_t room;             /* pages that fit into it */
    uint32_t first;
    uint32_t count;
};

void bsc_logs_pages_init(struct bsc_logs_pages *pages, const struct bsc_sys *sys, int fd,
                         const char *path, uint32_t page_size);
void bsc_logs_pages_release(struct bsc_logs_pages *pages);

/* Takes one page; what it displaces is written. */
bool bsc_logs_pages_put(struct bsc_logs_pages *pages, uint32_t page, const unsigned char *bytes,
                        struct bsc_err *err);

/* Writes what is gathered, gives the file the size of `db_pages` pages and makes both durable. */
bool bsc_logs_pages_settle(struct bsc_logs_pages *pages, uint32_t db_pages, struct bsc_err *err);

#endif
