#include "logs/pg_log_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "os/files.h"

/* A chunk is read while the processor's cache still holds it all. */
enum { CHUNK_BYTES = 256 * 1024, SMALLEST_BLOCK = 1024, LARGEST_BLOCK = 65536 };

/* Of a file, before it has told how long a page is. */
enum { BEGINNING_BYTES = 8192 };

/* What the pages of each version begin with. */
static const uint16_t known_magics[] = {0xD106, 0xD10D, 0xD110, 0xD113, 0xD116, PG_MAGIC_18};

bool bsc_logs_pg_stop(struct bsc_logs_pg_reader *reader, enum bsc_logs_pg_end end, uint64_t lsn,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reader->reason, sizeof reader->reason, format, args);
    va_end(args);
    reader->end = end;
    reader->end_lsn = reader->lsn;
    reader->bad_lsn = lsn;
    return false;
}

void bsc_logs_pg_name(uint32_t timeline, uint64_t lsn, uint32_t segment,
                      char ret_name[BSC_LOGS_PG_NAME])
{
    (void)snprintf(ret_name, BSC_LOGS_PG_NAME, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, timeline,
                   (uint32_t)(lsn >> 32), (uint32_t)(lsn & UINT32_MAX) / segment);
}

char *bsc_logs_pg_path(const struct bsc_logs_pg_folder *folder, const char *name)
{
    if (!folder->staged)
        return bsc_files_join(folder->path, name);
    return bsc_mem_format("%s/.%s.salvage", folder->path, name);
}

static const char *file_name(const struct bsc_logs_pg_reader *reader)
{
    return reader->path == NULL ? "" : reader->path;
}

static void close_file(struct bsc_logs_pg_reader *reader)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    bsc_logs_io_close(reader->order.sys, &reader->fd, file_name(reader), &ignored);
    bsc_mem_free(reader->path);
    reader->path = NULL;
    reader->chunk_bytes = 0;
    reader->page = NULL;
}

static bool is_left_out(const struct bsc_logs_pg_folder *folder, const char *name)
{
    for (size_t i = 0; folder->without != NULL && folder->without[i] != NULL; i++)
        if (strcmp(folder->without[i], name) == 0)
            return true;
    return false;
}

/* Takes the file of a folder instead of the one that is open, if it is there and longer. */
static void take_longer(struct bsc_logs_pg_reader *reader, const struct bsc_logs_pg_folder *folder,
                        const char *name, int64_t *length, struct bsc_err *err)
{
    const struct bsc_sys *sys = reader->order.sys;
    struct bsc_err problem = BSC_ERR_INIT;
    struct stat found = {0};
    if (is_left_out(folder, name))
        return;
    char *path = bsc_logs_pg_path(folder, name);
    int fd = bsc_logs_io_open(sys, path, &problem);
    if (fd >= 0 && sys->fstat(sys->self, fd, &found) != 0)
        bsc_err_sys(&problem, errno, "cannot look at '%s'", path);
    if (problem.code != BSC_ERR_NONE && problem.code != BSC_ERR_NOT_FOUND)
        *err = problem;
    if (fd >= 0 && found.st_size > *length && problem.code == BSC_ERR_NONE) {
        close_file(reader);
        reader->fd = fd;
        reader->path = path;
        *length = found.st_size;
        return;
    }
    bsc_logs_io_close(sys, &fd, path, &problem);
    bsc_mem_free(path);
}

static bool read_here(struct bsc_logs_pg_reader *reader, uint64_t lsn, void *bytes, size_t length,
                      size_t *ret_got)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t offset = (int64_t)(lsn % reader->order.segment);
    if (bsc_logs_io_read_at(reader->order.sys, reader->fd, reader->path, bytes, length, offset,
                            ret_got, &err))
        return true;
    return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_UNREADABLE, lsn, "%s", err.message);
}

static void take_apart(const unsigned char *bytes, struct pg_page *page)
{
    *page = (struct pg_page){.bytes = bytes,
                             .magic = pg_16(bytes),
                             .info = pg_16(bytes + 2),
                             .timeline = pg_32(bytes + 4),
                             .lsn = pg_64(bytes + 8),
                             .rest = pg_32(bytes + 16)};
    page->header = page->info & PG_PAGE_FIRST ? PG_FILE_HEADER : PG_PAGE_HEADER;
}

/* Most of a log file that was closed early is zeros: each byte is held against the one before it.
 */
static bool is_zero(const unsigned char *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static bool is_known(uint16_t magic)
{
    for (size_t i = 0; i < sizeof known_magics / sizeof known_magics[0]; i++)
        if (known_magics[i] == magic)
            return true;
    return false;
}

/* In this order: only of a page that is the right one it counts what else it says. One that lost
 * its beginning is not one that was never written: `length` bytes of it are there to tell. */
static bool check_page(struct bsc_logs_pg_reader *reader, const struct pg_page *page, size_t length,
                       uint64_t lsn)
{
    const char *file = bsc_files_name_of(file_name(reader));
    if (is_zero(page->bytes, length))
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_ZEROS, lsn, "%s ends with zeros", file);
    if (!is_known(page->magic) && (page->magic & 0xff00U) == 0xd100U && page->lsn == lsn)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_VERSION, lsn,
                                "%s is of a version of PostgreSQL that this build cannot read",
                                file);
    if (!is_known(page->magic) || (reader->magic != 0 && page->magic != reader->magic))
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_TORN, lsn,
                                "%s holds no page at LSN %" PRIu64, file, lsn);
    if (page->lsn < lsn)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_RECYCLED, lsn,
                                "%s goes on with what was written at LSN %" PRIu64 " before", file,
                                page->lsn);
    if (page->lsn > lsn) /* a file is used again for what comes later, never earlier */
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_FOREIGN, lsn,
                                "%s holds the page of LSN %" PRIu64 " at LSN %" PRIu64, file,
                                page->lsn, lsn);
    if ((page->info & ~PG_PAGE_KNOWN) != 0 ||
        ((page->info & PG_PAGE_FIRST) != 0) != (lsn % reader->order.segment == 0))
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_TORN, lsn,
                                "the page of %s at LSN %" PRIu64 " is damaged", file, lsn);
    if (page->timeline == 0 || page->timeline > reader->order.timeline ||
        page->timeline < reader->page_timeline)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_FOREIGN, lsn,
                                "the page of %s at LSN %" PRIu64 " is of timeline %" PRIu32, file,
                                lsn, page->timeline);
    reader->magic = page->magic;
    reader->page_timeline = page->timeline;
    return true;
}

static bool check_sizes(struct bsc_logs_pg_reader *reader, const unsigned char *bytes, uint64_t lsn)
{
    const char *file = bsc_files_name_of(reader->path);
    uint32_t segment = pg_32(bytes + 32), block = pg_32(bytes + 36);
    bool fits = block >= SMALLEST_BLOCK && block <= LARGEST_BLOCK && (block & (block - 1)) == 0 &&
                (reader->block == 0 || reader->block == block);
    if (segment != reader->order.segment || !fits)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_FOREIGN, lsn,
                                "%s says that files have %" PRIu32 " bytes and pages %" PRIu32,
                                file, segment, block);
    reader->block = block;
    return true;
}

/* What the first page of a file says of the whole of it. */
static bool check_file(struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    unsigned char bytes[BEGINNING_BYTES] = {0};
    struct pg_page page;
    size_t got = 0;
    if (!read_here(reader, lsn, bytes, sizeof bytes, &got))
        return false;
    if (got < PG_FILE_HEADER)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_SHORT, lsn, "%s has %zu bytes only",
                                bsc_files_name_of(reader->path), got);
    take_apart(bytes, &page);
    if (!check_page(reader, &page, got, lsn))
        return false;
    uint64_t system = pg_64(bytes + 24);
    if (reader->order.system != 0 && reader->order.system != system)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_FOREIGN, lsn,
                                "%s is of another system (%" PRIu64 " instead of %" PRIu64 ")",
                                bsc_files_name_of(reader->path), system, reader->order.system);
    reader->order.system = system;
    return check_sizes(reader, bytes, lsn);
}

/* The first that has its full length, else the longest. */
static bool open_longest(struct bsc_logs_pg_reader *reader, uint64_t lsn, const char *name)
{
    const struct bsc_logs_pg_order *order = &reader->order;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t length = -1;
    close_file(reader);
    for (size_t i = 0; i < order->folder_count && length < (int64_t)order->segment; i++)
        take_longer(reader, &order->folders[i], name, &length, &err);
    if (reader->fd < 0 && err.code != BSC_ERR_NONE)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_UNREADABLE, lsn, "%s", err.message);
    if (reader->fd < 0)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_MISSING, lsn, "%s is not there", name);
    return true;
}

/* Takes another whole file of that name whose first page counts; what is open stays open, and what
 * was said of it said, where there is none. */
static bool open_another(struct bsc_logs_pg_reader *reader, uint64_t first, const char *name)
{
    const struct bsc_logs_pg_order *order = &reader->order;
    struct bsc_logs_pg_reader refused = *reader;
    bool found = false;
    reader->fd = -1;
    reader->path = NULL;
    for (size_t i = 0; !found && i < order->folder_count; i++) {
        struct bsc_err ignored = BSC_ERR_INIT;
        int64_t length = (int64_t)order->segment - 1;
        close_file(reader);
        take_longer(reader, &order->folders[i], name, &length, &ignored);
        reader->magic = refused.magic;
        reader->page_timeline = refused.page_timeline;
        found =
            reader->fd >= 0 && strcmp(reader->path, refused.path) != 0 && check_file(reader, first);
    }
    close_file(found ? &refused : reader);
    if (found)
        reader->end = BSC_LOGS_PG_END_NONE;
    else
        *reader = refused;
    return found;
}

/* Opens the file that holds `lsn`, unless it is open. */
static bool open_file(struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    const uint64_t number = lsn / reader->order.segment, first = number * reader->order.segment;
    const uint16_t magic = reader->magic;
    const uint32_t timeline = reader->page_timeline;
    char name[BSC_LOGS_PG_NAME];
    if (reader->fd >= 0 && reader->number == number)
        return true;
    reader->number = number;
    bsc_logs_pg_name(reader->order.timeline, lsn, reader->order.segment, name);
    if (!open_longest(reader, lsn, name))
        return false;
    if (check_file(reader, first))
        return true;
    reader->magic = magic;
    reader->page_timeline = timeline;
    return open_another(reader, first, name);
}

static bool read_chunk(struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    if (pg_is_cancelled(&reader->order))
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_CANCELLED, lsn,
                                "reading the log was cancelled");
    if (!open_file(reader, lsn))
        return false;
    reader->chunk_lsn = lsn - lsn % CHUNK_BYTES;
    reader->chunk_bytes = 0;
    reader->page = NULL;
    return read_here(reader, reader->chunk_lsn, reader->chunk, CHUNK_BYTES, &reader->chunk_bytes);
}

static bool holds(const struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    return lsn >= reader->chunk_lsn &&
           lsn - reader->chunk_lsn + reader->block <= reader->chunk_bytes;
}

bool bsc_logs_pg_begin(struct bsc_logs_pg_reader *reader)
{
    if (reader->chunk == NULL)
        reader->chunk = bsc_mem_new(CHUNK_BYTES, 1);
    return open_file(reader, reader->lsn);
}

bool bsc_logs_pg_page_at(struct bsc_logs_pg_reader *reader, uint64_t lsn, struct pg_page *ret_page)
{
    if (!holds(reader, lsn) && !read_chunk(reader, lsn))
        return false;
    if (!holds(reader, lsn))
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_SHORT, lsn, "%s ends before LSN %" PRIu64,
                                bsc_files_name_of(file_name(reader)), lsn + reader->block);
    take_apart(reader->chunk + (lsn - reader->chunk_lsn), ret_page);
    if (lsn != reader->page_lsn && !check_page(reader, ret_page, reader->block, lsn))
        return false;
    reader->page_lsn = lsn;
    reader->page = ret_page->bytes;
    reader->page_header = ret_page->header;
    return true;
}
