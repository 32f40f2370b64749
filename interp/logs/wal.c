#include "logs/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"

enum { MAGIC = 0x377f0682, FORMAT = 3007000, BLOCK_BYTES = 1024 * 1024 };

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static uint32_t little_endian(const unsigned char *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | (uint32_t)at[0];
}

struct sum {
    uint32_t one;
    uint32_t two;
};

/* SQLite's running checksum over words in the byte order that the header's magic names. */
static struct sum sum_add(struct sum sum, bool big, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i + 8 <= length; i += 8) {
        sum.one += (big ? big_endian(bytes + i) : little_endian(bytes + i)) + sum.two;
        sum.two += (big ? big_endian(bytes + i + 4) : little_endian(bytes + i + 4)) + sum.one;
    }
    return sum;
}

static bool header_is_valid(const unsigned char *bytes, bool big, struct sum *ret_sum)
{
    uint32_t page_size = big_endian(bytes + 8);
    *ret_sum = sum_add((struct sum){0, 0}, big, bytes, 24);
    return ret_sum->one == big_endian(bytes + 24) && ret_sum->two == big_endian(bytes + 28) &&
           page_size >= 512 && page_size <= 65536 && (page_size & (page_size - 1)) == 0;
}

static bool take_header(struct bsc_logs_wal *wal, const unsigned char *bytes, struct bsc_err *err)
{
    struct sum sum = {0, 0};
    uint32_t magic = big_endian(bytes);
    wal->big_endian = (magic & 1U) != 0;
    if ((magic & ~1U) != MAGIC || !header_is_valid(bytes, wal->big_endian, &sum))
        return true;
    if (big_endian(bytes + 4) != FORMAT)
        return bsc_err_set(err, BSC_ERR_UNSUPPORTED, "'%s' has WAL format %u, which is unknown",
                           wal->path, big_endian(bytes + 4));
    wal->empty = false;
    wal->page_size = big_endian(bytes + 8);
    wal->start = (struct bsc_logs_wal_place){.salt1 = big_endian(bytes + 16),
                                             .salt2 = big_endian(bytes + 20),
                                             .check1 = sum.one,
                                             .check2 = sum.two};
    return true;
}

bool bsc_logs_wal_open(struct bsc_logs_wal *wal, const struct bsc_sys *sys, const char *path,
                       struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_WAL_HEADER];
    struct stat st = {0};
    size_t got = 0;
    wal->sys = sys;
    wal->path = bsc_mem_text(path);
    wal->fd = sys->open(sys->self, path, O_RDONLY, 0);
    if (wal->fd < 0 && errno == ENOENT)
        return true;
    if (wal->fd < 0)
        return bsc_err_sys(err, errno, "cannot open '%s'", path);
    if (sys->fstat(sys->self, wal->fd, &st) != 0)
        return bsc_err_sys(err, errno, "cannot look at '%s'", path);
    wal->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (!bsc_logs_io_read_at(sys, wal->fd, path, bytes, sizeof bytes, 0, &got, err))
        return false;
    return got < sizeof bytes || take_header(wal, bytes, err);
}

void bsc_logs_wal_release(struct bsc_logs_wal *wal)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (wal->fd >= 0)
        bsc_logs_io_close(wal->sys, &wal->fd, wal->path, &ignored);
    bsc_mem_free(wal->path);
    *wal = (struct bsc_logs_wal)BSC_LOGS_WAL_INIT;
}

void bsc_logs_wal_range_release(struct bsc_logs_wal_range *range)
{
    bsc_mem_free(range->pages);
    *range = (struct bsc_logs_wal_range)BSC_LOGS_WAL_RANGE_INIT;
}

static size_t frame_bytes(const struct bsc_logs_wal *wal)
{
    return BSC_LOGS_WAL_FRAME_HEADER + (size_t)wal->page_size;
}

static int64_t frame_offset(const struct bsc_logs_wal *wal, int64_t frame)
{
    return BSC_LOGS_WAL_HEADER + (frame - 1) * (int64_t)frame_bytes(wal);
}

bool bsc_logs_wal_read(struct bsc_logs_wal *wal, int64_t frame, void *ret_bytes,
                       struct bsc_err *err)
{
    size_t got = 0;
    int64_t offset = frame_offset(wal, frame) + BSC_LOGS_WAL_FRAME_HEADER;
    if (!bsc_logs_io_read_at(wal->sys, wal->fd, wal->path, ret_bytes, wal->page_size, offset, &got,
                             err))
        return false;
    if (got < wal->page_size)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' was cut off while it was read", wal->path);
    return true;
}

bool bsc_logs_wal_slot(struct bsc_logs_wal *wal, int64_t frame, uint32_t page_size,
                       char ret_hex[BSC_LOGS_WAL_SLOT_HEX], struct bsc_err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[BSC_LOGS_WAL_FRAME_HEADER];
    int64_t offset =
        BSC_LOGS_WAL_HEADER + (frame - 1) * (BSC_LOGS_WAL_FRAME_HEADER + (int64_t)page_size);
    size_t got = 0;
    if (wal->fd >= 0 &&
        !bsc_logs_io_read_at(wal->sys, wal->fd, wal->path, bytes, sizeof bytes, offset, &got, err))
        return false;
    got = got < sizeof bytes ? 0 : got;
    for (size_t i = 0; i < got; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * got] = '\0';
    return true;
}

/* What one scan knows while it goes through the frames. Pages wait in order of frames until a
 * commit makes them count. */
struct scan {
    struct bsc_logs_wal *wal;
    struct bsc_logs_wal_range *range;
    int64_t after;
    int64_t until;
    int64_t frame; /* frames checked so far */
    struct sum sum;
    bool adrift;                    /* the checksum begins anew with the next frame that has one */
    struct bsc_logs_wal_page *seen; /* owned */
    size_t seen_count;              /* with those not committed yet */
    size_t seen_room;
    size_t committed; /* of them, up to the last commit */
    unsigned char *block;
    size_t block_room; /* whole frames */
};

static void remember(struct scan *scan, uint32_t page)
{
    if (scan->frame <= scan->after)
        return;
    if (scan->seen_count == scan->seen_room) {
        scan->seen_room = scan->seen_room == 0 ? 256 : scan->seen_room * 2;
        scan->seen = bsc_mem_resize(scan->seen, scan->seen_room, sizeof scan->seen[0]);
    }
    scan->seen[scan->seen_count++] = (struct bsc_logs_wal_page){.page = page, .frame = scan->frame};
}

static void commit(struct scan *scan, uint32_t db_pages)
{
    struct bsc_logs_wal_range *range = scan->range;
    range->end.frame = scan->frame;
    range->end.check1 = scan->sum.one;
    range->end.check2 = scan->sum.two;
    scan->committed = scan->seen_count;
    if (scan->frame <= scan->after)
        return;
    range->commits++;
    range->db_pages = db_pages;
}

static bool is_blank(const unsigned char *bytes)
{
    static const unsigned char zeros[16];
    return memcmp(bytes + 8, zeros, sizeof zeros) == 0;
}

/* The frame's salts and checksum are right, or the engine vouches for it in their place. */
static bool is_valid(struct scan *scan, const unsigned char *bytes)
{
    const struct bsc_logs_wal *wal = scan->wal;
    const struct sum stored = {big_endian(bytes + 16), big_endian(bytes + 20)};
    if (scan->frame < wal->vouched && is_blank(bytes)) {
        scan->sum = stored;
        scan->adrift = true;
        return true;
    }
    if (big_endian(bytes + 8) != wal->start.salt1 || big_endian(bytes + 12) != wal->start.salt2)
        return false;
    struct sum sum = sum_add(scan->sum, wal->big_endian, bytes, 8);
    sum = sum_add(sum, wal->big_endian, bytes + BSC_LOGS_WAL_FRAME_HEADER, wal->page_size);
    bool right = sum.one == stored.one && sum.two == stored.two;
    right = right || (scan->adrift && scan->frame < wal->vouched);
    scan->adrift = false;
    scan->sum = stored;
    return right;
}

/* Takes one frame; false when it is not a frame of this log, which is where the log ends. */
static bool take_frame(struct scan *scan, const unsigned char *bytes)
{
    uint32_t page = big_endian(bytes);
    uint32_t db_pages = big_endian(bytes + 4);
    if (page == 0 || !is_valid(scan, bytes))
        return false;
    scan->frame++;
    remember(scan, page);
    if (db_pages != 0)
        commit(scan, db_pages);
    return true;
}

static bool take_frames(struct scan *scan, struct bsc_err *err)
{
    struct bsc_logs_wal *wal = scan->wal;
    size_t one = frame_bytes(wal);
    size_t got = 0;
    bool more = true;
    while (more) {
        size_t wanted = scan->block_room;
        if (scan->until != 0 && (int64_t)wanted > scan->until - scan->frame)
            wanted = (size_t)(scan->until - scan->frame);
        if (!bsc_logs_io_read_at(wal->sys, wal->fd, wal->path, scan->block, wanted * one,
                                 frame_offset(wal, scan->frame + 1), &got, err))
            return false;
        more = got == wanted * one && wanted > 0;
        for (size_t at = 0; at + one <= got; at += one)
            if (!take_frame(scan, scan->block + at))
                return true;
    }
    return true;
}

static int by_page_then_latest(const void *a, const void *b)
{
    const struct bsc_logs_wal_page *one = a;
    const struct bsc_logs_wal_page *two = b;
    if (one->page != two->page)
        return one->page < two->page ? -1 : 1;
    return one->frame > two->frame ? -1 : one->frame < two->frame;
}

/* Keeps the last image of each page that the database still has. */
static void keep_last(struct scan *scan)
{
    struct bsc_logs_wal_range *range = scan->range;
    size_t kept = 0;
    if (scan->committed == 0)
        return;
    qsort(scan->seen, scan->committed, sizeof scan->seen[0], by_page_then_latest);
    for (size_t i = 0; i < scan->committed; i++) {
        if (scan->seen[i].page > range->db_pages ||
            (kept > 0 && scan->seen[kept - 1].page == scan->seen[i].page))
            continue;
        scan->seen[kept++] = scan->seen[i];
    }
    range->pages = scan->seen;
    range->page_count = kept;
    scan->seen = NULL;
}

static bool check_bounds(const struct scan *scan, struct bsc_err *err)
{
    int64_t end = scan->range->end.frame;
    const char *path = scan->wal->path;
    if (end < scan->after)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' ends at frame %lld, frame %lld is wanted",
                           path, (long long)end, (long long)scan->after);
    if (scan->until != 0 && end != scan->until)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "'%s' has no commit at frame %lld", path,
                           (long long)scan->until);
    return true;
}

/* The place must be of this log, and the frame before it must carry its checksum. */
static bool check_from(struct bsc_logs_wal *wal, const struct bsc_logs_wal_place *from,
                       struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_WAL_FRAME_HEADER] = {0};
    size_t got = 0;
    uint32_t check1 = wal->start.check1;
    uint32_t check2 = wal->start.check2;
    if (from->frame > 0) {
        if (!bsc_logs_io_read_at(wal->sys, wal->fd, wal->path, bytes, sizeof bytes,
                                 frame_offset(wal, from->frame), &got, err))
            return false;
        check1 = big_endian(bytes + 16);
        check2 = big_endian(bytes + 20);
    }
    bool salted = from->frame == 0 ||
                  (big_endian(bytes + 8) == from->salt1 && big_endian(bytes + 12) == from->salt2);
    if (from->salt1 != wal->start.salt1 || from->salt2 != wal->start.salt2 || !salted ||
        check1 != from->check1 || check2 != from->check2)
        return bsc_err_set(err, BSC_ERR_CONFLICT,
                           "'%s' is not the log that was read up to frame %lld before", wal->path,
                           (long long)from->frame);
    return true;
}

bool bsc_logs_wal_scan(struct bsc_logs_wal *wal, const struct bsc_logs_wal_place *from,
                       int64_t after, int64_t until, struct bsc_logs_wal_range *range,
                       struct bsc_err *err)
{
    struct scan scan = {.wal = wal, .range = range, .after = after, .until = until};
    const struct bsc_logs_wal_place *begin = from == NULL ? &wal->start : from;
    bool ok = false;
    if (wal->empty && from == NULL && after == 0 && until == 0)
        return true;
    if (wal->empty)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is empty, frame %lld is wanted", wal->path,
                           (long long)(from == NULL ? after : from->frame));
    if (from != NULL && !check_from(wal, from, err))
        return false;
    scan.frame = begin->frame;
    scan.sum = (struct sum){begin->check1, begin->check2};
    scan.adrift = begin->frame > 0 && begin->check1 == 0 && begin->check2 == 0;
    scan.block_room = 1 + BLOCK_BYTES / frame_bytes(wal);
    scan.block = bsc_mem_new(scan.block_room, frame_bytes(wal));
    range->end = *begin;
    if (!take_frames(&scan, err) || !check_bounds(&scan, err))
        goto done;
    keep_last(&scan);
    range->frames = range->end.frame - after;
    ok = true;
done:
    bsc_mem_free(scan.block);
    bsc_mem_free(scan.seen);
    return ok;
}
