/*
 * Reading PostgreSQL's write-ahead log (versions 13 to 18), record by record, from its files.
 *
 * A log is a row of files of one length, the segment size, each named by timeline and number. It
 * holds records one after the other, through pages and files. A record counts when every page that
 * it lies on is the right one of the right log, when it names the record before it, and when its
 * checksum is right. Where one does not count the log ends, and it is said why: behind a log that
 * was cut off by a crash there are zeros, or what an older file held that was used again.
 *
 * Nothing that stands in a file is trusted; whatever it is, reading ends. Memory does not grow with
 * the log. LSNs are numbers of bytes, as PostgreSQL counts them.
 * May include base and os.
 */
#ifndef BSC_LOGS_PG_LOG_H
#define BSC_LOGS_PG_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logs/crc32c.h"
#include "os/sys.h"

/* A folder in which files of the log may be. */
struct bsc_logs_pg_folder {
    const char *path;           /* borrowed */
    bool staged;                /* the files have names of their own until they are proven */
    const char *const *without; /* borrowed, NULL-terminated: names of files that are not taken from
                                   it; NULL for none */
};

struct bsc_logs_pg_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    /* A file is taken from the first that has it whole, with a first page that counts. */
    const struct bsc_logs_pg_folder *folders;
    size_t folder_count;
    uint32_t timeline;         /* of the names of the files */
    uint32_t segment;          /* bytes of a file: a power of two from 1 MiB to 1 GiB */
    uint64_t system;           /* identifier of the servers; 0 takes that of the first file */
    uint64_t first_lsn;        /* where to begin */
    bool find;                 /* first_lsn is any place: begin at the first record after it */
    const atomic_bool *cancel; /* NULL, or looked at now and then */
};

/* Why a log ends. */
enum bsc_logs_pg_end {
    BSC_LOGS_PG_END_NONE,       /* it has not ended */
    BSC_LOGS_PG_END_MISSING,    /* there is no next file */
    BSC_LOGS_PG_END_ZEROS,      /* nothing was written there */
    BSC_LOGS_PG_END_RECYCLED,   /* an older file that was to be written to again */
    BSC_LOGS_PG_END_TORN,       /* a record or page is not whole */
    BSC_LOGS_PG_END_SHORT,      /* the file is shorter than it has to be */
    BSC_LOGS_PG_END_FOREIGN,    /* of another system, timeline, or segment size */
    BSC_LOGS_PG_END_VERSION,    /* of a version that is not known here */
    BSC_LOGS_PG_END_UNREADABLE, /* the system cannot read it */
    BSC_LOGS_PG_END_CANCELLED   /* the operator does not want more */
};

/* "missing", "zeros", "recycled", …; "" of NONE. */
const char *bsc_logs_pg_end_name(enum bsc_logs_pg_end end);

enum bsc_logs_pg_kind {
    BSC_LOGS_PG_OTHER,
    BSC_LOGS_PG_COMMIT,  /* a transaction has become durable, also one that was prepared before */
    BSC_LOGS_PG_PREPARE, /* one was prepared: it survives a crash, and may be committed later */
    BSC_LOGS_PG_FORGET,  /* one that was prepared is rolled back */
    BSC_LOGS_PG_SWITCH   /* the rest of the file is left empty */
};

struct bsc_logs_pg_record {
    uint64_t lsn;     /* where it begins */
    uint64_t end_lsn; /* where the next one begins at the earliest: what a standby calls replayed */
    uint64_t previous;          /* where the record before it begins */
    uint32_t length;            /* bytes, without the headers of pages in between */
    uint32_t xid;               /* of the transaction; of one that was prepared that one */
    uint8_t manager;            /* resource manager, as PostgreSQL numbers them */
    uint8_t info;               /* what the record is to its resource manager */
    enum bsc_logs_pg_kind kind; /* what it is to us */
    int64_t time_us; /* of a commit, prepare or abort: microseconds since 1970; 0: none */
};

enum { BSC_LOGS_PG_REASON = 512 };

struct bsc_logs_pg_reader {
    struct bsc_logs_pg_order order;
    /* Where the next record is looked for. Not beside `previous`: what the compiler stores together
     * with its neighbour takes the processor longer to read again, and every record waits for it.
     */
    uint64_t lsn;
    int fd;                    /* of the file that is open, or -1 */
    char *path;                /* owned: of that file */
    uint64_t number;           /* of that file's segment */
    unsigned char *chunk;      /* owned: a piece of it */
    uint64_t chunk_lsn;        /* where that piece begins */
    size_t chunk_bytes;        /* of it that were read */
    uint32_t block;            /* bytes of a page, as the first file says; 0 before */
    uint16_t magic;            /* of the pages, the same in all of them; 0 before the first */
    uint64_t page_lsn;         /* of the page that was checked last */
    const unsigned char *page; /* borrowed: it; NULL where the chunk does not hold it any more */
    uint32_t page_header;      /* bytes of its header */
    uint32_t page_timeline;    /* of it */
    uint64_t previous;         /* where the last record begins; 0 when it is not known */
    struct bsc_buf body;       /* of a record that has several pages and has to be looked into */
    struct bsc_logs_crc32c_way crc32c; /* how this processor makes checksums best */
    struct bsc_logs_pg_record record;
    enum bsc_logs_pg_end end;
    uint64_t end_lsn;                /* where the log ends: behind the last record that counts */
    uint64_t bad_lsn;                /* what ended it */
    char reason[BSC_LOGS_PG_REASON]; /* the same for people */
};

/* Makes the reader; false (BSC_ERR_INVALID) when the order cannot be carried out whatever the files
 * hold. Release it in any case. */
bool bsc_logs_pg_open(struct bsc_logs_pg_reader *reader, const struct bsc_logs_pg_order *order,
                      struct bsc_err *err);
void bsc_logs_pg_release(struct bsc_logs_pg_reader *reader);

/* Goes on to the next record; false at the end, when `end` and what follows it are set. */
bool bsc_logs_pg_next(struct bsc_logs_pg_reader *reader);

/* The same, but records that begin before `upto` and are of no transaction may be passed over: they
 * are checked, and not told. */
bool bsc_logs_pg_skim(struct bsc_logs_pg_reader *reader, uint64_t upto);

/* After the end: looks for a whole record behind the bad one, and goes on with it. True
 * means that the log was longer than what could be read of it; everything between is lost. */
bool bsc_logs_pg_resume(struct bsc_logs_pg_reader *reader);

/* 24 hexadecimal digits and a NUL. */
enum { BSC_LOGS_PG_NAME = 25 };
void bsc_logs_pg_name(uint32_t timeline, uint64_t lsn, uint32_t segment,
                      char ret_name[BSC_LOGS_PG_NAME]);

/* Returns owned: where the file of that name is, or would be, in a folder. */
char *bsc_logs_pg_path(const struct bsc_logs_pg_folder *folder, const char *name);

#endif
