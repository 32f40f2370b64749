/*
 * Pages of several log backups on their way into a copy with one sync.
 *
 * A batch holds the pages of whole, validated backups in memory. Where several of them changed the
 * same page only the newest image is written. Its memory is fixed.
 */
#ifndef BSC_LOGS_BATCH_H
#define BSC_LOGS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logs/format.h"
#include "logs/pages.h"
#include "value/value.h"

struct bsc_logs_batch_page {
    uint32_t page;
    uint32_t order; /* counts upwards: of two images of a page the later one holds */
    uint32_t slot;  /* where its bytes are */
};

struct bsc_logs_batch {
    uint32_t page_size;
    uint32_t room;                     /* slots */
    unsigned char *bytes;              /* owned: the slots */
    struct bsc_logs_batch_page *pages; /* owned: `count` of `room` */
    uint32_t count;
    uint32_t *idle; /* owned: numbers of the slots not in use, `room - count` of them */
    uint32_t order;
    size_t files;                /* backups held */
    struct bsc_value *names;     /* owned list of their names */
    struct bsc_logs_header last; /* header of the newest backup held */
    int64_t body_bytes;          /* of the backups held */
};

void bsc_logs_batch_init(struct bsc_logs_batch *batch, uint32_t page_size);
void bsc_logs_batch_release(struct bsc_logs_batch *batch);
/* Forgets the backups held. */
void bsc_logs_batch_clear(struct bsc_logs_batch *batch);

/* Whether a backup with so many pages ever fits. */
bool bsc_logs_batch_could_hold(const struct bsc_logs_batch *batch, uint32_t page_count);
/* Whether it fits now; drops superseded images to make room. */
bool bsc_logs_batch_can_hold(struct bsc_logs_batch *batch, uint32_t page_count);

/* Reads the whole backup from its start and keeps it, or, when it is damaged, nothing of it. There
 * must be room. */
bool bsc_logs_batch_add(struct bsc_logs_batch *batch, struct bsc_logs_reader *reader,
                        const char *name, struct bsc_err *err);

/* Writes the newest image of every page within the newest size, in order of page number. */
bool bsc_logs_batch_write(struct bsc_logs_batch *batch, struct bsc_logs_pages *pages,
                          struct bsc_err *err);

#endif
