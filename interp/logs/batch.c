#include "logs/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "os/files.h"

enum { BATCH_BYTES = 4 * 1024 * 1024, NUMBER_BYTES = 4 };

void bsc_logs_batch_init(struct bsc_logs_batch *batch, struct bsc_logs_hasher *hasher,
                         uint32_t page_size)
{
    *batch = (struct bsc_logs_batch){.hasher = hasher};
    /* Not zeroed: memory that no backup needs is then never touched. */
    batch->bytes = bsc_mem_resize(NULL, BATCH_BYTES, 1);
    batch->pages =
        bsc_mem_resize(NULL, BATCH_BYTES / (page_size + NUMBER_BYTES), sizeof *batch->pages);
    batch->files = bsc_mem_resize(NULL, BSC_LOGS_BATCH_FILES, sizeof *batch->files);
}

void bsc_logs_batch_clear(struct bsc_logs_batch *batch)
{
    for (size_t i = 0; i < batch->file_count; i++)
        bsc_logs_hasher_wait(batch->hasher, &batch->files[i].hash);
    batch->used = 0;
    batch->count = 0;
    batch->file_count = 0;
}

void bsc_logs_batch_release(struct bsc_logs_batch *batch)
{
    bsc_logs_batch_clear(batch);
    bsc_mem_free(batch->bytes);
    bsc_mem_free(batch->pages);
    bsc_mem_free(batch->files);
    *batch = (struct bsc_logs_batch){0};
}

static size_t body_bytes(const struct bsc_logs_header *header)
{
    return (size_t)header->page_count * bsc_logs_format_entry(header);
}

bool bsc_logs_batch_could_hold(const struct bsc_logs_header *header)
{
    return body_bytes(header) <= BATCH_BYTES;
}

bool bsc_logs_batch_can_hold(const struct bsc_logs_batch *batch,
                             const struct bsc_logs_header *header)
{
    return batch->file_count < BSC_LOGS_BATCH_FILES &&
           body_bytes(header) <= BATCH_BYTES - batch->used;
}

static uint32_t number_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Enters the pages of a body; false when their numbers make no sense. */
static bool enter_pages(struct bsc_logs_batch *batch, const struct bsc_logs_header *header,
                        const unsigned char *body, const char *name, struct bsc_err *err)
{
    const size_t entry = bsc_logs_format_entry(header);
    uint32_t before = 0;

    for (uint32_t i = 0; i < header->page_count; i++) {
        const unsigned char *at = body + i * entry;
        const uint32_t page = number_at(at);

        if (page <= before || page > header->db_pages)
            return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' names page %u after page %u of %u", name,
                               page, before, header->db_pages);
        batch->pages[batch->count + i] = (struct bsc_logs_batch_page){
            .page = page, .order = batch->count + i, .bytes = at + NUMBER_BYTES};
        before = page;
    }
    return true;
}

bool bsc_logs_batch_add(struct bsc_logs_batch *batch, const struct bsc_logs_reader *reader,
                        const char *name, struct bsc_err *err)
{
    const struct bsc_logs_header *header = &reader->header;
    const size_t length = body_bytes(header);
    unsigned char *body = batch->bytes + batch->used;
    struct bsc_logs_batch_file *file = &batch->files[batch->file_count];
    size_t got = 0;

    BSC_BUG_ON(!bsc_logs_batch_can_hold(batch, header));
    if (!bsc_logs_io_read_at(reader->sys, reader->fd, reader->path, body, length,
                             BSC_LOGS_FORMAT_HEADER, &got, err))
        return false;
    if (got < length)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is cut off in its body", name);
    if (!enter_pages(batch, header, body, name, err))
        return false;
    batch->used += length;
    batch->count += header->page_count;
    batch->file_count++;
    *file = (struct bsc_logs_batch_file){.header = *header,
                                         .name = name,
                                         .pages_end = batch->count,
                                         .hash = {.bytes = body, .length = length}};
    bsc_logs_hasher_add(batch->hasher, &file->hash);
    return true;
}

bool bsc_logs_batch_prove(struct bsc_logs_batch *batch, struct bsc_err *err)
{
    size_t good = 0;

    for (; good < batch->file_count; good++) {
        const struct bsc_logs_batch_file *file = &batch->files[good];

        bsc_logs_hasher_wait(batch->hasher, &file->hash);
        if (memcmp(file->hash.hash, file->header.body_hash, BSC_DIGEST_BYTES) != 0)
            break;
    }
    if (good == batch->file_count)
        return true;
    bsc_err_set(err, BSC_ERR_DAMAGED, "the pages of '%s' do not match their checksum",
                batch->files[good].name);
    for (size_t i = good + 1; i < batch->file_count; i++)
        bsc_logs_hasher_wait(batch->hasher, &batch->files[i].hash);
    batch->file_count = good;
    batch->count = good == 0 ? 0 : batch->files[good - 1].pages_end;
    return false;
}

static int by_page(const void *left, const void *right)
{
    const struct bsc_logs_batch_page *a = left, *b = right;

    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

bool bsc_logs_batch_write(struct bsc_logs_batch *batch, struct bsc_logs_pages *pages,
                          struct bsc_err *err)
{
    const uint32_t db_pages =
        batch->file_count == 0 ? 0 : batch->files[batch->file_count - 1].header.db_pages;

    /* The pages of a single backup are in order as they are. */
    if (batch->file_count > 1)
        qsort(batch->pages, batch->count, sizeof batch->pages[0], by_page);
    for (uint32_t i = 0; i < batch->count && batch->pages[i].page <= db_pages; i++) {
        const struct bsc_logs_batch_page *at = &batch->pages[i];
        bool superseded = i + 1 < batch->count && at[1].page == at->page;

        if (!superseded && !bsc_logs_pages_put(pages, at->page, at->bytes, err))
            return false;
    }
    return true;
}
