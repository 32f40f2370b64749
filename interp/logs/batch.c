#include "logs/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    BATCH_BYTES = 4 * 1024 * 1024,
    /* The sidecar lists the files of a batch; this keeps it small. */
    FILES_MAX = 500
};

void bsc_logs_batch_init(struct bsc_logs_batch *batch, uint32_t page_size)
{
    *batch =
        (struct bsc_logs_batch){.page_size = page_size, .room = (uint32_t)BATCH_BYTES / page_size};
    batch->bytes = bsc_mem_resize(NULL, batch->room, page_size);
    batch->pages = bsc_mem_new(batch->room, sizeof *batch->pages);
    batch->idle = bsc_mem_new(batch->room, sizeof *batch->idle);
    bsc_logs_batch_clear(batch);
}

void bsc_logs_batch_release(struct bsc_logs_batch *batch)
{
    bsc_mem_free(batch->bytes);
    bsc_mem_free(batch->pages);
    bsc_mem_free(batch->idle);
    bsc_value_free(batch->names);
    *batch = (struct bsc_logs_batch){0};
}

void bsc_logs_batch_clear(struct bsc_logs_batch *batch)
{
    for (uint32_t i = 0; i < batch->room; i++)
        batch->idle[i] = batch->room - 1 - i;
    batch->count = 0;
    batch->order = 0;
    batch->files = 0;
    batch->body_bytes = 0;
    bsc_value_free(batch->names);
    batch->names = bsc_value_list();
}

static int by_page(const void *left, const void *right)
{
    const struct bsc_logs_batch_page *a = left, *b = right;

    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Sorts, and keeps the newest image of each page. */
static void compact(struct bsc_logs_batch *batch)
{
    uint32_t kept = 0, idle = batch->room - batch->count;

    if (batch->count > 1)
        qsort(batch->pages, batch->count, sizeof batch->pages[0], by_page);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (i + 1 < batch->count && batch->pages[i + 1].page == batch->pages[i].page)
            batch->idle[idle++] = batch->pages[i].slot;
        else
            batch->pages[kept++] = batch->pages[i];
    }
    batch->count = kept;
}

bool bsc_logs_batch_could_hold(const struct bsc_logs_batch *batch, uint32_t page_count)
{
    return page_count <= batch->room;
}

bool bsc_logs_batch_can_hold(struct bsc_logs_batch *batch, uint32_t page_count)
{
    if (batch->files == FILES_MAX)
        return false;
    if (page_count > batch->room - batch->count)
        compact(batch);
    return page_count <= batch->room - batch->count;
}

static void give_back(struct bsc_logs_batch *batch, uint32_t count)
{
    while (batch->count > count) {
        batch->count--;
        batch->idle[batch->room - batch->count - 1] = batch->pages[batch->count].slot;
    }
}

static void keep(struct bsc_logs_batch *batch, uint32_t page, const unsigned char *bytes)
{
    uint32_t slot = batch->idle[batch->room - batch->count - 1];

    memcpy(batch->bytes + (size_t)slot * batch->page_size, bytes, batch->page_size);
    batch->pages[batch->count++] =
        (struct bsc_logs_batch_page){.page = page, .order = batch->order++, .slot = slot};
}

bool bsc_logs_batch_add(struct bsc_logs_batch *batch, struct bsc_logs_reader *reader,
                        const char *name, struct bsc_err *err)
{
    const uint32_t before = batch->count;
    const unsigned char *bytes = NULL;
    uint32_t page = 0;

    BSC_BUG_ON(reader->header.page_count > batch->room - batch->count);
    do {
        if (!bsc_logs_reader_next(reader, &page, &bytes, err)) {
            give_back(batch, before);
            return false;
        }
        if (bytes != NULL)
            keep(batch, page, bytes);
    } while (bytes != NULL);
    batch->files++;
    batch->last = reader->header;
    batch->body_bytes += bsc_logs_format_bytes(&reader->header);
    bsc_value_append(batch->names, bsc_value_text(name));
    return true;
}

bool bsc_logs_batch_write(struct bsc_logs_batch *batch, struct bsc_logs_pages *pages,
                          struct bsc_err *err)
{
    compact(batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct bsc_logs_batch_page *at = &batch->pages[i];

        if (at->page > batch->last.db_pages)
            break;
        if (!bsc_logs_pages_put(pages, at->page, batch->bytes + (size_t)at->slot * batch->page_size,
                                err))
            return false;
    }
    return true;
}
