#include "logs/pages.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/header.h"
#include "logs/io.h"

enum { BLOCK_BYTES = 256 * 1024 };

void bsc_logs_pages_init(struct bsc_logs_pages *pages, const struct bsc_sys *sys, int fd,
                         const char *path, uint32_t page_size)
{
    *pages = (struct bsc_logs_pages){.sys = sys,
                                     .path = path,
                                     .fd = fd,
                                     .page_size = page_size,
                                     .room = BLOCK_BYTES / page_size};
    pages->block = bsc_mem_resize(NULL, pages->room, page_size);
}

void bsc_logs_pages_release(struct bsc_logs_pages *pages)
{
    bsc_mem_free(pages->block);
    *pages = (struct bsc_logs_pages){.fd = -1};
}

static bool flush(struct bsc_logs_pages *pages, struct bsc_err *err)
{
    int64_t offset = (int64_t)(pages->first - 1) * pages->page_size;
    size_t length = (size_t)pages->count * pages->page_size;

    if (pages->count == 0)
        return true;
    pages->count = 0;
    return bsc_logs_io_write_at(pages->sys, pages->fd, pages->path, pages->block, length, offset,
                                err);
}

bool bsc_logs_pages_put(struct bsc_logs_pages *pages, uint32_t page, const unsigned char *bytes,
                        struct bsc_err *err)
{
    bool follows = pages->count > 0 && page == pages->first + pages->count;
    unsigned char *to;

    BSC_BUG_ON(page == 0);
    if ((!follows || pages->count == pages->room) && !flush(pages, err))
        return false;
    if (pages->count == 0)
        pages->first = page;
    to = pages->block + (size_t)pages->count * pages->page_size;
    memcpy(to, bytes, pages->page_size);
    if (page == 1)
        bsc_logs_mark_bytes(BSC_LOGS_MARK_RESTORING, to + BSC_LOGS_DB_HEADER_VERSIONS);
    pages->count++;
    return true;
}

bool bsc_logs_pages_settle(struct bsc_logs_pages *pages, uint32_t db_pages, struct bsc_err *err)
{
    const struct bsc_sys *sys = pages->sys;
    off_t bytes = (off_t)db_pages * pages->page_size;
    struct stat status = {0};

    if (!flush(pages, err))
        return false;
    if (sys->fstat(sys->self, pages->fd, &status) != 0)
        return bsc_err_sys(err, errno, "could not look at '%s'", pages->path);
    if (status.st_size != bytes && sys->ftruncate(sys->self, pages->fd, bytes) != 0)
        return bsc_err_sys(err, errno, "could not give '%s' its size", pages->path);
    if (sys->fdatasync(sys->self, pages->fd) != 0)
        return bsc_err_sys(err, errno, "could not make the pages of '%s' durable", pages->path);
    return true;
}
