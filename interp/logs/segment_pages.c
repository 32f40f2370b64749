#include "logs/segment_pages.h"

#include <string.h>

/* Of XLogPageHeaderData and XLogLongPageHeaderData, as PostgreSQL 9.5 and later write them in the
 * machine's own byte order. */
enum {
    AT_MAGIC = 0,
    AT_INFO = 2,
    AT_TIMELINE = 4,
    AT_ADDRESS = 8,
    AT_SYSTEM_ID = 24,
    AT_SEGMENT_BYTES = 32,
    AT_PAGE_BYTES = 36,
    LONG_HEADER_BYTES = 40,
    INFO_LONG = 0x0002,
    PAGE_LEAST = 1024,
    PAGE_MOST = 65536
};

static uint16_t two_at(const unsigned char *at)
{
    uint16_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t four_at(const unsigned char *at)
{
    uint32_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t eight_at(const unsigned char *at)
{
    uint64_t value = 0;
    memcpy(&value, at, sizeof value);
    return value;
}

static bool damaged(const struct bsc_logs_segment_pages *pages, int64_t offset, const char *what,
                    struct bsc_err *err)
{
    uint64_t lsn = (uint64_t)(pages->first_lsn + offset);
    return bsc_err_set(err, BSC_ERR_DAMAGED, "the log file '%s' is damaged at LSN %X/%X: %s",
                       pages->name, (unsigned)(lsn >> 32), (unsigned)lsn, what);
}

static bool first_check(struct bsc_logs_segment_pages *pages, const unsigned char *page,
                        size_t length, struct bsc_err *err)
{
    if (length < LONG_HEADER_BYTES || (two_at(page + AT_INFO) & INFO_LONG) == 0)
        return damaged(pages, 0, "it does not begin like a log file", err);
    pages->magic = two_at(page + AT_MAGIC);
    pages->page_bytes = four_at(page + AT_PAGE_BYTES);
    if (pages->magic == 0 || pages->page_bytes < PAGE_LEAST || pages->page_bytes > PAGE_MOST ||
        (pages->page_bytes & (pages->page_bytes - 1)) != 0 ||
        four_at(page + AT_SEGMENT_BYTES) != pages->segment_bytes)
        return damaged(pages, 0, "its first page is not that of such a log file", err);
    if (pages->system_id != 0 && eight_at(page + AT_SYSTEM_ID) != pages->system_id)
        return damaged(pages, 0, "it is of another database system", err);
    return true;
}

static bool is_zero(const unsigned char *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* A timeline begins in the middle of a log file, with the pages of the one before in front. */
static bool page_check(struct bsc_logs_segment_pages *pages, const unsigned char *page,
                       int64_t offset, struct bsc_err *err)
{
    if (pages->is_over || is_zero(page, (size_t)pages->page_bytes)) {
        pages->is_over = true;
        return is_zero(page, (size_t)pages->page_bytes) ||
               damaged(pages, offset, "bytes follow behind its end", err);
    }
    if (two_at(page + AT_MAGIC) != pages->magic)
        return damaged(pages, offset, "no page begins here", err);
    if (eight_at(page + AT_ADDRESS) != (uint64_t)(pages->first_lsn + offset))
        return damaged(pages, offset, "the page here is of another place", err);
    if (four_at(page + AT_TIMELINE) == 0 || four_at(page + AT_TIMELINE) > pages->timeline)
        return damaged(pages, offset, "the page here is of another timeline", err);
    return true;
}

bool bsc_logs_segment_pages_check(struct bsc_logs_segment_pages *pages, const unsigned char *block,
                                  size_t length, int64_t offset, struct bsc_err *err)
{
    if (offset == 0 && !first_check(pages, block, length, err))
        return false;
    for (size_t at = 0; at < length; at += (size_t)pages->page_bytes) {
        if (length - at < (size_t)pages->page_bytes)
            return damaged(pages, offset + (int64_t)at, "it ends within a page", err);
        if (!page_check(pages, block + at, offset + (int64_t)at, err))
            return false;
    }
    return true;
}
