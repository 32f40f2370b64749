#include "logs/format.h"

#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "os/files.h"

/* Large enough that a read's own cost does not show, small enough for any machine. */
enum { BLOCK_BYTES = 1024 * 1024 };

static size_t block_capacity(const struct bsc_logs_header *header)
{
    size_t entry = bsc_logs_format_entry(header);
    size_t entries = BLOCK_BYTES / entry;
    if (entries > header->page_count)
        entries = header->page_count;
    return entry * (entries == 0 ? 1 : entries);
}

bool bsc_logs_reader_rewind(struct bsc_logs_reader *reader, struct bsc_err *err)
{
    (void)err;
    bsc_digest_init(&reader->digest);
    reader->done = 0;
    reader->page_before = 0;
    reader->block_at = 0;
    reader->block_length = 0;
    return true;
}

bool bsc_logs_reader_open(struct bsc_logs_reader *reader, const struct bsc_sys *sys,
                          const char *path, struct bsc_err *err)
{
    reader->sys = sys;
    if (!bsc_logs_format_peek(sys, path, &reader->header, err))
        return false;
    reader->path = bsc_mem_text(path);
    reader->fd = bsc_logs_io_open(sys, path, err);
    if (reader->fd < 0)
        return false;
    reader->block = bsc_mem_resize(NULL, block_capacity(&reader->header), 1);
    return bsc_logs_reader_rewind(reader, err);
}

static bool fill_block(struct bsc_logs_reader *reader, struct bsc_err *err)
{
    size_t entry = bsc_logs_format_entry(&reader->header);
    size_t left = (size_t)(reader->header.page_count - reader->done) * entry;
    size_t wanted = block_capacity(&reader->header);
    int64_t offset = BSC_LOGS_FORMAT_HEADER + (int64_t)reader->done * (int64_t)entry;
    size_t got = 0;
    if (wanted > left)
        wanted = left;
    if (!bsc_logs_io_read_at(reader->sys, reader->fd, reader->path, reader->block, wanted, offset,
                             &got, err))
        return false;
    if (got < wanted)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is cut off in its body",
                           bsc_files_name_of(reader->path));
    if (!reader->proven)
        bsc_digest_add(&reader->digest, reader->block, got);
    reader->block_at = 0;
    reader->block_length = got;
    return true;
}

static bool end_of_body(struct bsc_logs_reader *reader, struct bsc_err *err)
{
    unsigned char hash[BSC_DIGEST_BYTES] = {0};
    struct bsc_digest digest = reader->digest;
    if (reader->proven)
        return true;
    bsc_digest_end(&digest, hash);
    if (memcmp(hash, reader->header.body_hash, sizeof hash) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "the pages of '%s' do not match their checksum",
                           bsc_files_name_of(reader->path));
    return true;
}

bool bsc_logs_reader_next(struct bsc_logs_reader *reader, uint32_t *ret_page,
                          const unsigned char **ret_bytes, struct bsc_err *err)
{
    *ret_bytes = NULL;
    if (reader->done == reader->header.page_count)
        return end_of_body(reader, err);
    if (reader->block_at == reader->block_length && !fill_block(reader, err))
        return false;
    const unsigned char *at = reader->block + reader->block_at;
    uint32_t page =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    if (page <= reader->page_before || page > reader->header.db_pages)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' names page %u after page %u of %u",
                           bsc_files_name_of(reader->path), page, reader->page_before,
                           reader->header.db_pages);
    reader->page_before = page;
    reader->block_at += bsc_logs_format_entry(&reader->header);
    reader->done++;
    *ret_page = page;
    *ret_bytes = at + sizeof(uint32_t);
    return true;
}

bool bsc_logs_reader_verify(struct bsc_logs_reader *reader, struct bsc_err *err)
{
    const unsigned char *bytes = NULL;
    uint32_t page = 0;
    if (!bsc_logs_reader_rewind(reader, err))
        return false;
    do {
        if (!bsc_logs_reader_next(reader, &page, &bytes, err))
            return false;
    } while (bytes != NULL);
    reader->proven = true;
    return bsc_logs_reader_rewind(reader, err);
}

void bsc_logs_reader_release(struct bsc_logs_reader *reader)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (reader->fd >= 0)
        bsc_logs_io_close(reader->sys, &reader->fd, reader->path, &ignored);
    bsc_mem_free(reader->path);
    bsc_mem_free(reader->block);
    *reader = (struct bsc_logs_reader)BSC_LOGS_READER_INIT;
}
