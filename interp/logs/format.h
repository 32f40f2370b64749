/*
 * The log backup: a file that holds what a range of commits made of a database's pages.
 *
 * Layout: a header of 4096 bytes, little-endian, then `page_count` entries in ascending order of
 * page number, each a u32 page number followed by that page's last image within the range. The
 * range is (first_lsn, last_lsn]; an LSN counts committed WAL frames. The header carries the
 * SHA-256 of the body and, at its end, its own, so that the header's digest stands for the whole
 * file: nothing in it can change without changing that digest.
 *
 *   0 magic "BSCLOG01"     8 u32 version        12 u32 header bytes      16 database id (16)
 *  32 fork (16)           48 previous fork (16) 64 i64 first_lsn         72 i64 last_lsn
 *  80 u32 page_size       84 u32 page_count     88 u32 db_pages          92 u32 zero
 *  96 i64 commits        104 i64 time_ms       112 SHA-256 of the body  144 zeros
 * 4064 SHA-256 of bytes 0 to 4063
 *
 * May include base, os and value.
 */
#ifndef BSC_LOGS_FORMAT_H
#define BSC_LOGS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"
#include "value/digest.h"

enum {
    BSC_LOGS_ID_HEX = 33,          /* 32 hexadecimal digits and the NUL */
    BSC_LOGS_FORMAT_HEADER = 4096, /* bytes before the first page */
    BSC_LOGS_FORMAT_VERSION = 1,
    BSC_LOGS_FORMAT_LSN_DIGITS = 20
};

#define BSC_LOGS_FORMAT_SUFFIX ".blog"

struct bsc_logs_header {
    char database_id[BSC_LOGS_ID_HEX];
    char fork[BSC_LOGS_ID_HEX];
    char previous_fork[BSC_LOGS_ID_HEX]; /* empty unless this is the fork's first backup */
    int64_t first_lsn;                   /* the LSN the copy must be at */
    int64_t last_lsn;                    /* the LSN the copy is at afterwards; > first_lsn */
    uint32_t page_size;                  /* bytes, a power of two from 512 to 65536 */
    uint32_t page_count;                 /* entries in the body */
    uint32_t db_pages;                   /* size of the database after the last commit, in pages */
    int64_t commits;                     /* transactions within the range */
    int64_t time_ms;                     /* wall time of the last commit */
    unsigned char body_hash[BSC_DIGEST_BYTES];
    unsigned char digest[BSC_DIGEST_BYTES]; /* SHA-256 of the header; stands for the whole file */
};

/* Bytes that a file with this header has. */
int64_t bsc_logs_format_bytes(const struct bsc_logs_header *header);

/* Bytes of one entry of the body. */
size_t bsc_logs_format_entry(const struct bsc_logs_header *header);

/* Returns owned: "<database>_<20-digit last_lsn>.blog". */
char *bsc_logs_format_name(const char *database, int64_t last_lsn);

/* Whether `name` is the name of a finished log backup; fills the LSN in it. */
bool bsc_logs_format_is_name(const char *name, int64_t *ret_last_lsn);
/* Whether `name` is that of a log backup still being written (".<name>.partial"). */
bool bsc_logs_format_is_partial(const char *name);

/* Between the struct and its 4096 bytes. Encoding also fills header->digest. Decoding checks
 * magic, version, digest and that every field makes sense; `name` is for the message. Errors:
 * BSC_ERR_DAMAGED. */
void bsc_logs_format_encode(struct bsc_logs_header *header,
                            unsigned char ret_bytes[BSC_LOGS_FORMAT_HEADER]);
bool bsc_logs_format_decode(const char *name, const unsigned char bytes[BSC_LOGS_FORMAT_HEADER],
                            struct bsc_logs_header *ret_header, struct bsc_err *err);

/* Reads and checks the header alone, and that the file's size agrees with it. ret_bytes may be
 * NULL. Errors: BSC_ERR_NOT_FOUND, BSC_ERR_DAMAGED, BSC_ERR_IO. */
bool bsc_logs_format_peek(const struct bsc_sys *sys, const char *path,
                          struct bsc_logs_header *ret_header, struct bsc_err *err);

/* Reads a log backup page by page. */
struct bsc_logs_reader {
    const struct bsc_sys *sys; /* borrowed */
    char *path;                /* owned */
    int fd;                    /* -1 when closed */
    struct bsc_logs_header header;
    struct bsc_digest digest;
    bool proven;          /* the body has been found right: it is not digested again */
    uint32_t done;        /* entries handed out */
    uint32_t page_before; /* number of the last one */
    unsigned char *block; /* owned: several entries read at once */
    size_t block_at;      /* bytes of it handed out */
    size_t block_length;  /* bytes of it filled */
};

#define BSC_LOGS_READER_INIT                                                                       \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* Opens and checks the header, as peek does. */
bool bsc_logs_reader_open(struct bsc_logs_reader *reader, const struct bsc_sys *sys,
                          const char *path, struct bsc_err *err);
/* Gives the next entry: *ret_bytes is borrowed until the next call, NULL at the end, where the
 * body's SHA-256 has been found right. A page number of 0, beyond db_pages or not ascending, a
 * short file or a wrong hash is BSC_ERR_DAMAGED. What was handed out before the end is not yet
 * proven: run bsc_logs_reader_verify first where it must be. */
bool bsc_logs_reader_next(struct bsc_logs_reader *reader, uint32_t *ret_page,
                          const unsigned char **ret_bytes, struct bsc_err *err);
/* Goes back before the first entry. */
bool bsc_logs_reader_rewind(struct bsc_logs_reader *reader, struct bsc_err *err);
/* Reads the whole body and checks it, then rewinds. */
bool bsc_logs_reader_verify(struct bsc_logs_reader *reader, struct bsc_err *err);
void bsc_logs_reader_release(struct bsc_logs_reader *reader);

/* Writes a log backup under ".<name>.partial" and gives it its name when it is complete. */
struct bsc_logs_writer {
    const struct bsc_sys *sys; /* borrowed */
    char *folder;              /* owned */
    char *path;                /* owned: the final path */
    char *partial;             /* owned: the path while it is being written */
    int fd;                    /* -1 when closed */
    uint32_t page_size;
    uint32_t page_count;
    uint32_t page_before;
    struct bsc_digest digest;
    unsigned char *block; /* owned: entries gathered for one write */
    size_t block_length;
};

#define BSC_LOGS_WRITER_INIT                                                                       \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* An unfinished file of the same name is replaced. */
bool bsc_logs_writer_open(struct bsc_logs_writer *writer, const struct bsc_sys *sys,
                          const char *folder, const char *name, uint32_t page_size,
                          struct bsc_err *err);
/* Pages must come in ascending order of number. */
bool bsc_logs_writer_page(struct bsc_logs_writer *writer, uint32_t page, const void *bytes,
                          struct bsc_err *err);
/* Fills page_size, page_count, body_hash and digest of *header from what was written, then makes
 * everything durable: fsync, rename, fsync of the folder. */
bool bsc_logs_writer_finish(struct bsc_logs_writer *writer, struct bsc_logs_header *header,
                            struct bsc_err *err);
/* Removes the unfinished file, if there is one. */
void bsc_logs_writer_release(struct bsc_logs_writer *writer);

#endif
