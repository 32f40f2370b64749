#include "logs/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "os/files.h"

enum { BLOCK_BYTES = 1024 * 1024 };

bool bsc_logs_writer_open(struct bsc_logs_writer *writer, const struct bsc_sys *sys,
                          const char *folder, const char *name, uint32_t page_size,
                          struct bsc_err *err)
{
    char *partial = bsc_mem_format(".%s.partial", name);
    writer->sys = sys;
    writer->folder = bsc_mem_text(folder);
    writer->path = bsc_files_join(folder, name);
    writer->partial = bsc_files_join(folder, partial);
    writer->page_size = page_size;
    writer->block = bsc_mem_new(BLOCK_BYTES, 1);
    bsc_digest_init(&writer->digest);
    bsc_mem_free(partial);
    writer->fd = sys->open(sys->self, writer->partial, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (writer->fd < 0)
        return bsc_err_sys(err, errno, "cannot create '%s'", writer->partial);
    return true;
}

static int64_t block_offset(const struct bsc_logs_writer *writer)
{
    int64_t written = (int64_t)writer->page_count * ((int64_t)writer->page_size + 4);
    return BSC_LOGS_FORMAT_HEADER + written - (int64_t)writer->block_length;
}

static bool flush(struct bsc_logs_writer *writer, struct bsc_err *err)
{
    bsc_digest_add(&writer->digest, writer->block, writer->block_length);
    if (!bsc_logs_io_write_at(writer->sys, writer->fd, writer->path, writer->block,
                              writer->block_length, block_offset(writer), err))
        return false;
    writer->block_length = 0;
    return true;
}

bool bsc_logs_writer_page(struct bsc_logs_writer *writer, uint32_t page, const void *bytes,
                          struct bsc_err *err)
{
    BSC_BUG_ON(page <= writer->page_before);
    if (writer->block_length + writer->page_size + 4 > BLOCK_BYTES && !flush(writer, err))
        return false;
    unsigned char *at = writer->block + writer->block_length;
    for (size_t i = 0; i < sizeof page; i++)
        at[i] = (unsigned char)(page >> (8 * i));
    memcpy(at + sizeof page, bytes, writer->page_size);
    writer->block_length += sizeof page + writer->page_size;
    writer->page_before = page;
    writer->page_count++;
    return true;
}

bool bsc_logs_writer_finish(struct bsc_logs_writer *writer, struct bsc_logs_header *header,
                            struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_FORMAT_HEADER];
    const struct bsc_sys *sys = writer->sys;
    if (!flush(writer, err))
        return false;
    header->page_size = writer->page_size;
    header->page_count = writer->page_count;
    bsc_digest_end(&writer->digest, header->body_hash);
    bsc_logs_format_encode(header, bytes);
    if (!bsc_logs_io_write_at(sys, writer->fd, writer->path, bytes, sizeof bytes, 0, err) ||
        !bsc_logs_io_sync(sys, writer->fd, writer->path, err) ||
        !bsc_logs_io_close(sys, &writer->fd, writer->path, err))
        return false;
    if (sys->rename(sys->self, writer->partial, writer->path) != 0)
        return bsc_err_sys(err, errno, "cannot give '%s' its name", writer->path);
    bsc_mem_free(writer->partial);
    writer->partial = NULL;
    return bsc_files_sync_folder(sys, writer->folder, err);
}

void bsc_logs_writer_release(struct bsc_logs_writer *writer)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (writer->fd >= 0)
        bsc_logs_io_close(writer->sys, &writer->fd, writer->path, &ignored);
    if (writer->partial != NULL)
        writer->sys->unlink(writer->sys->self, writer->partial);
    bsc_mem_free(writer->folder);
    bsc_mem_free(writer->path);
    bsc_mem_free(writer->partial);
    bsc_mem_free(writer->block);
    *writer = (struct bsc_logs_writer)BSC_LOGS_WRITER_INIT;
}
