/*
 * Log backups on their way into a copy.
 *
 * A batch holds whole backups in memory as they were read. Their checksums are computed on another
 * thread while the batch is being filled or another one written; only what is proven is written.
 * Where several backups changed the same page only the newest image is. Its memory is fixed.
 */
#ifndef BSC_LOGS_BATCH_H
#define BSC_LOGS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logs/format.h"
#include "logs/hasher.h"
#include "logs/pages.h"

enum { BSC_LOGS_BATCH_FILES = 256 };

struct bsc_logs_batch_page {
    uint32_t page;
    uint32_t order;             /* counts upwards: of two images of a page the later one holds */
    const unsigned char *bytes; /* in the batch */
};

struct bsc_logs_batch_file {
    struct bsc_logs_header header;
    const char *name;          /* borrowed */
    uint32_t pages_end;        /* pages of the batch up to and with this file */
    struct bsc_logs_hash hash; /* of its body */
};

struct bsc_logs_batch {
    struct bsc_logs_hasher *hasher; /* borrowed */
    unsigned char *bytes;           /* owned: the bodies, one after another */
    size_t used;
    struct bsc_logs_batch_page *pages; /* owned: `count` of as many as the bytes can hold */
    uint32_t count;
    struct bsc_logs_batch_file *files; /* owned: `file_count` of BSC_LOGS_BATCH_FILES */
    size_t file_count;
};

void bsc_logs_batch_init(struct bsc_logs_batch *batch, struct bsc_logs_hasher *hasher,
                         uint32_t page_size);
void bsc_logs_batch_release(struct bsc_logs_batch *batch);
/* Forgets the backups held. */
void bsc_logs_batch_clear(struct bsc_logs_batch *batch);

/* Whether a backup ever fits, and whether it fits now. */
bool bsc_logs_batch_could_hold(const struct bsc_logs_header *header);
bool bsc_logs_batch_can_hold(const struct bsc_logs_batch *batch,
                             const struct bsc_logs_header *header);

/* Reads the open backup's body and has it digested; there must be room. DAMAGED when it is cut off
 * or its page numbers make no sense, and then nothing of it is kept. `name` is borrowed until the
 * batch is cleared. */
bool bsc_logs_batch_add(struct bsc_logs_batch *batch, const struct bsc_logs_reader *reader,
                        const char *name, struct bsc_err *err);

/* Waits for all checksums. DAMAGED names the first backup whose pages do not match; the batch then
 * holds only those before it. */
bool bsc_logs_batch_prove(struct bsc_logs_batch *batch, struct bsc_err *err);

/* Writes the newest image of every page within the newest size, in order of page number. The batch
 * must be proven. */
bool bsc_logs_batch_write(struct bsc_logs_batch *batch, struct bsc_logs_pages *pages,
                          struct bsc_err *err);

#endif
