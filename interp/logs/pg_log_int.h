/*
 * What the files that read PostgreSQL's log share: pg_pages.c gives pages, pg_log.c makes records
 * of them, pg_commit.c looks into a record.
 */
#ifndef BSC_LOGS_PG_LOG_INT_H
#define BSC_LOGS_PG_LOG_INT_H

#include "logs/pg_log.h"

enum {
    PG_PAGE_HEADER = 24,
    PG_FILE_HEADER = 40, /* of the first page of a file */
    PG_RECORD_HEADER = 24,
    PG_ALIGN = 8,
    /* Bytes of a record that are looked into: a commit with ten thousands of subtransactions. */
    PG_BODY_MAX = 1024 * 1024
};

/* What the pages of version 18 begin with. The number grows from version to version. */
enum { PG_MAGIC_18 = 0xD118 };

/* Resource managers, and what stands in the upper half of a record's `info`. */
enum { PG_MANAGER_LOG = 0, PG_MANAGER_TRANSACTION = 1, PG_LOG_SWITCH = 0x40, PG_LOG_MASK = 0xf0 };

/* A page's header. */
struct pg_page {
    const unsigned char *bytes; /* borrowed from the reader until another page is asked for */
    uint16_t magic;
    uint16_t info;
    uint32_t timeline;
    uint64_t lsn;
    uint32_t rest;   /* bytes here of a record that began before, and on later pages */
    uint32_t header; /* bytes of this header */
};

enum {
    PG_PAGE_CONTINUES = 1,  /* it begins with the rest of a record */
    PG_PAGE_FIRST = 2,      /* it is the first of a file, and has the long header */
    PG_PAGE_OVERWRITES = 8, /* a record that went on here was never finished */
    PG_PAGE_KNOWN = 15      /* all that may be set */
};

/* Numbers as the servers of today's machines write them: the lowest byte first. */
static inline uint16_t pg_16(const unsigned char *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t pg_32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t pg_64(const unsigned char *at)
{
    return (uint64_t)pg_32(at) | (uint64_t)pg_32(at + 4) << 32;
}

static inline bool pg_is_cancelled(const struct bsc_logs_pg_order *order)
{
    return order->cancel != NULL && atomic_load(order->cancel);
}

/* Ends the log at `lsn`, for a reason in words. Returns false. */
bool bsc_logs_pg_stop(struct bsc_logs_pg_reader *reader, enum bsc_logs_pg_end end, uint64_t lsn,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Makes out the size of a page before the first one is asked for; false at the end. */
bool bsc_logs_pg_begin(struct bsc_logs_pg_reader *reader);

/* The page that begins at `lsn`, checked against all that is known; false at the end. */
bool bsc_logs_pg_page_at(struct bsc_logs_pg_reader *reader, uint64_t lsn, struct pg_page *ret_page);

/* Fills in kind, xid and time_us of a transaction's record from what follows its header, or the
 * beginning of that. `magic` is that of its pages. */
void bsc_logs_pg_look_into(struct bsc_logs_pg_record *record, uint16_t magic,
                           const unsigned char *body, size_t length);

#endif
