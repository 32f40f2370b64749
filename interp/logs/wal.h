/*
 * Reads a SQLite write-ahead log as it lies on disk, without the engine.
 *
 * Only frames count whose salts are the header's, whose running checksum is right and which a
 * commit frame follows; reading stops at the first that is not so. What stands behind may be the
 * rest of an older log or a torn write and is never trusted. The file may grow while it is read;
 * what was found stays valid as long as nobody resets the log (hold a read or write transaction).
 * May include base and os.
 */
#ifndef BSC_LOGS_WAL_H
#define BSC_LOGS_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

enum { BSC_LOGS_WAL_HEADER = 32, BSC_LOGS_WAL_FRAME_HEADER = 24 };

/* A point right after a frame. The salts name the log's generation, the checksum proves that the
 * frames up to here are the very ones seen before. */
struct bsc_logs_wal_place {
    uint32_t salt1;
    uint32_t salt2;
    int64_t frame;   /* frames before this point, 0 is the log's beginning */
    uint32_t check1; /* running checksum after that frame (after the header when frame is 0) */
    uint32_t check2;
};

struct bsc_logs_wal {
    const struct bsc_sys *sys;       /* borrowed */
    char *path;                      /* owned */
    int fd;                          /* -1 when closed */
    bool empty;                      /* no file, no bytes, or no valid header: no frames */
    bool big_endian;                 /* byte order of the checksummed words */
    uint32_t page_size;              /* 0 when empty */
    struct bsc_logs_wal_place start; /* frame 0 */
    int64_t mtime_ms;                /* of the file when it was opened */
    int64_t vouched; /* set by the caller: frames that a living engine itself counts as committed.
                        Among these a frame with zeros for salts and checksum is taken too: SQLite
                        before 3.44 leaves such ones behind when a transaction that outgrew its
                        cache is rolled back to a savepoint and then commits. */
};

#define BSC_LOGS_WAL_INIT                                                                          \
    {                                                                                              \
        .fd = -1, .empty = true                                                                    \
    }

/* Opens `path` (a "-wal" file) for reading. An absent, empty or torn header makes an empty log,
 * as it does for SQLite. Errors: BSC_ERR_IO, BSC_ERR_DENIED, BSC_ERR_UNSUPPORTED (format). */
bool bsc_logs_wal_open(struct bsc_logs_wal *wal, const struct bsc_sys *sys, const char *path,
                       struct bsc_err *err);
void bsc_logs_wal_release(struct bsc_logs_wal *wal);

/* One page's last image within a range. */
struct bsc_logs_wal_page {
    uint32_t page;
    int64_t frame; /* the frame that holds it, counted from 1 */
};

/* What the committed frames of (after, end] amount to. */
struct bsc_logs_wal_range {
    struct bsc_logs_wal_page *pages; /* owned, ascending, none beyond db_pages */
    size_t page_count;
    struct bsc_logs_wal_place
        end;           /* after the last commit frame; the beginning when there is none */
    int64_t frames;    /* committed frames in the range */
    int64_t commits;   /* transactions in the range */
    uint32_t db_pages; /* size after the last commit; 0 when the range is empty */
};

#define BSC_LOGS_WAL_RANGE_INIT                                                                    \
    {                                                                                              \
        0                                                                                          \
    }

void bsc_logs_wal_range_release(struct bsc_logs_wal_range *range);

/* Collects the committed frames after frame number `after` and, when `until` is not 0, up to that
 * one. Checking starts at *from (NULL: at the log's beginning), whose salts must be the log's and
 * whose checksum must be that of the frame there; otherwise BSC_ERR_CONFLICT. When the committed
 * frames end before `after`, that is BSC_ERR_CONFLICT too; before `until`, BSC_ERR_NOT_FOUND; and
 * `until` must be a commit frame. */
bool bsc_logs_wal_scan(struct bsc_logs_wal *wal, const struct bsc_logs_wal_place *from,
                       int64_t after, int64_t until, struct bsc_logs_wal_range *range,
                       struct bsc_err *err);

/* The 24 bytes that stand where a frame's header goes, in hexadecimal, whether they belong to this
 * log, an older one or none; empty beyond the end of the file. */
enum { BSC_LOGS_WAL_SLOT_HEX = 2 * BSC_LOGS_WAL_FRAME_HEADER + 1 };
bool bsc_logs_wal_slot(struct bsc_logs_wal *wal, int64_t frame, uint32_t page_size,
                       char ret_hex[BSC_LOGS_WAL_SLOT_HEX], struct bsc_err *err);

/* Reads the page image of a frame into page_size bytes. */
bool bsc_logs_wal_read(struct bsc_logs_wal *wal, int64_t frame, void *ret_bytes,
                       struct bsc_err *err);

#endif
