/*
 * The two version bytes in an SQLite database's header that say who may open it.
 *
 * Bytes 18 and 19 hold the write and the read version. An SQLite client refuses a database whose
 * read version is above 2 and will not write to one whose write version is: 3,3 makes a copy that
 * nobody opens (restoring, mirror), 3,1 one that all may read and none may write (standby).
 *
 * Everything here is about the main file. A `-wal` left beside it can carry a first page of its
 * own which SQLite reads instead; see logs/leftover.h.
 */
#ifndef BSC_LOGS_DB_HEADER_H
#define BSC_LOGS_DB_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

enum {
    BSC_LOGS_DB_HEADER_BYTES = 100,
    BSC_LOGS_DB_HEADER_VERSIONS = 18 /* where the two bytes are */
};

enum bsc_logs_mark {
    BSC_LOGS_MARK_ROLLBACK,  /* 1,1: normal, rollback journal */
    BSC_LOGS_MARK_WAL,       /* 2,2: normal, write-ahead log */
    BSC_LOGS_MARK_RESTORING, /* 3,3: opened by nobody */
    BSC_LOGS_MARK_STANDBY,   /* 3,1: read by all, written by none */
    BSC_LOGS_MARK_OTHER      /* anything else: not ours to judge */
};

struct bsc_logs_db_header {
    enum bsc_logs_mark mark;
    unsigned write_version; /* byte 18 */
    unsigned read_version;  /* byte 19 */
    uint32_t page_size;     /* bytes */
    uint32_t page_count;    /* as the header says, 0 when it does not */
};

/* The two bytes of a mark; `mark` must not be OTHER. */
void bsc_logs_mark_bytes(enum bsc_logs_mark mark, unsigned char ret_bytes[2]);
/* "rollback", "wal", "restoring", "standby", "other". */
const char *bsc_logs_mark_name(enum bsc_logs_mark mark);

/* Takes the first bytes of a file apart; `path` is for messages. BSC_ERR_DAMAGED when the magic or
 * the page size is not SQLite's. */
bool bsc_logs_db_header_parse(const unsigned char *bytes, size_t length, const char *path,
                              struct bsc_logs_db_header *ret_header, struct bsc_err *err);

/* Reads the header of the file at `path` in a way that leaves the locks of this process' own SQLite
 * connections to it alone. Errors: NOT_FOUND, DENIED, IO, DAMAGED. */
bool bsc_logs_db_header_read(const struct bsc_sys *sys, const char *path,
                             struct bsc_logs_db_header *ret_header, struct bsc_err *err);

/* The same from a file that the caller holds open. */
bool bsc_logs_db_header_at(const struct bsc_sys *sys, int fd, const char *path,
                           struct bsc_logs_db_header *ret_header, struct bsc_err *err);

/* Writes the two bytes of `mark` into the open file and makes them durable. The caller holds the
 * file exclusively (logs/exclusive.h). */
bool bsc_logs_db_header_write(const struct bsc_sys *sys, int fd, const char *path,
                              enum bsc_logs_mark mark, struct bsc_err *err);

/* Opens the database, takes it exclusively, writes the mark durably. CONFLICT, naming the
 * processes, when somebody has it open; REFUSED when it is to become unreadable while commits in a
 * `-wal` or `-journal` beside it are not yet in the file. */
bool bsc_logs_db_header_set(const struct bsc_sys *sys, const char *path, enum bsc_logs_mark mark,
                            struct bsc_err *err);

#endif
