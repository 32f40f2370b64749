#include "logs/pg_log_int.h"

#include <string.h>

/* What a record of a transaction is, in the upper half of its `info`. */
enum {
    INFO_HAS_MORE = 0x80,
    INFO_MASK = 0x70,
    INFO_COMMIT = 0x00,
    INFO_PREPARE = 0x10,
    INFO_ABORT = 0x20,
    INFO_COMMIT_PREPARED = 0x30,
    INFO_ABORT_PREPARED = 0x40
};

/* What follows the time of a commit, in this order. */
enum {
    MORE_DATABASE = 1 << 0,
    MORE_SUBTRANSACTIONS = 1 << 1,
    MORE_FILES = 1 << 2,
    MORE_INVALIDATIONS = 1 << 3,
    MORE_PREPARED = 1 << 4,
    MORE_STATISTICS = 1 << 8,
    DATABASE_BYTES = 8,
    SUBTRANSACTION_BYTES = 4,
    FILE_BYTES = 12,
    STATISTICS_BYTES = 16,
    STATISTICS_BYTES_17 = 12, /* up to version 17 */
    INVALIDATION_BYTES = 16
};

/* What a record consists of behind its header: pieces with an id, then their data. */
enum {
    PIECE_DATA_SHORT = 255,
    PIECE_DATA_LONG = 254,
    PIECE_ORIGIN = 253,
    PIECE_TOP_TRANSACTION = 252
};

/* A prepared transaction's own header. */
enum { PREPARED_XID_AT = 8, PREPARED_TIME_AT = 16, PREPARED_BYTES = 24 };

/* Microseconds from 1970 to 2000, where PostgreSQL's time begins. */
static const int64_t epoch_us = 946684800LL * 1000000;

/* What has not been read yet. */
struct rest {
    const unsigned char *at;
    size_t length;
};

static const unsigned char *skip(struct rest *rest, size_t length)
{
    const unsigned char *at = rest->at;
    if (length > rest->length)
        return NULL;
    rest->at += length;
    rest->length -= length;
    return at;
}

/* Skips a number and as many things of a size; false when they are not there. */
static bool skip_counted(struct rest *rest, size_t size)
{
    const unsigned char *count = skip(rest, 4);
    return count != NULL && pg_32(count) <= rest->length / size &&
           skip(rest, pg_32(count) * size) != NULL;
}

/* The data of the record itself. Those of transactions say nothing about blocks. */
static bool find_data(struct rest rest, struct rest *ret)
{
    for (;;) {
        const unsigned char *id = skip(&rest, 1);
        if (id == NULL)
            return false;
        if (*id == PIECE_DATA_SHORT || *id == PIECE_DATA_LONG) {
            if (skip(&rest, *id == PIECE_DATA_SHORT ? 1 : 4) == NULL)
                return false;
            *ret = rest;
            return true;
        }
        if ((*id != PIECE_ORIGIN || skip(&rest, 2) == NULL) &&
            (*id != PIECE_TOP_TRANSACTION || skip(&rest, 4) == NULL))
            return false;
    }
}

/* A time that no clock shows is not taken for one. */
static int64_t time_of(const unsigned char *at)
{
    int64_t us = (int64_t)pg_64(at);
    return us > 0 && us <= INT64_MAX - epoch_us ? us + epoch_us : 0;
}

/* The prepared transaction that is ended: 0 when that cannot be told. */
static uint32_t prepared_xid(struct rest *rest, uint32_t more, uint16_t magic)
{
    const size_t statistics = magic >= PG_MAGIC_18 ? STATISTICS_BYTES : STATISTICS_BYTES_17;
    bool ok = (!(more & MORE_DATABASE) || skip(rest, DATABASE_BYTES) != NULL) &&
              (!(more & MORE_SUBTRANSACTIONS) || skip_counted(rest, SUBTRANSACTION_BYTES)) &&
              (!(more & MORE_FILES) || skip_counted(rest, FILE_BYTES)) &&
              (!(more & MORE_STATISTICS) || skip_counted(rest, statistics)) &&
              (!(more & MORE_INVALIDATIONS) || skip_counted(rest, INVALIDATION_BYTES));
    const unsigned char *xid = ok && (more & MORE_PREPARED) ? skip(rest, 4) : NULL;
    return xid == NULL ? 0 : pg_32(xid);
}

/* A transaction ends; one that is rolled back has no invalidations, all else is as in a commit. */
static void look_into_end(struct bsc_logs_pg_record *record, struct rest *rest, uint16_t magic)
{
    const uint8_t what = record->info & INFO_MASK;
    const unsigned char *time = skip(rest, 8);
    if (time != NULL)
        record->time_us = time_of(time);
    if (what == INFO_COMMIT || what == INFO_COMMIT_PREPARED)
        record->kind = BSC_LOGS_PG_COMMIT;
    else if (what == INFO_ABORT_PREPARED)
        record->kind = BSC_LOGS_PG_FORGET;
    if (what != INFO_COMMIT_PREPARED && what != INFO_ABORT_PREPARED)
        return;
    const unsigned char *more = record->info & INFO_HAS_MORE ? skip(rest, 4) : NULL;
    record->xid = more == NULL ? 0 : prepared_xid(rest, pg_32(more), magic);
}

static void look_into_prepare(struct bsc_logs_pg_record *record, struct rest *rest)
{
    record->kind = BSC_LOGS_PG_PREPARE;
    if (rest->length < PREPARED_BYTES)
        return;
    record->xid = pg_32(rest->at + PREPARED_XID_AT);
    record->time_us = time_of(rest->at + PREPARED_TIME_AT);
}

void bsc_logs_pg_look_into(struct bsc_logs_pg_record *record, uint16_t magic,
                           const unsigned char *body, size_t length)
{
    struct rest rest = {NULL, 0};
    (void)find_data((struct rest){body, length}, &rest); /* without data a commit is still one */
    switch (record->info & INFO_MASK) {
    case INFO_COMMIT:
    case INFO_COMMIT_PREPARED:
    case INFO_ABORT: /* it changes nothing, but a standby counts its time as well */
    case INFO_ABORT_PREPARED:
        look_into_end(record, &rest, magic);
        break;
    case INFO_PREPARE:
        look_into_prepare(record, &rest);
        break;
    default:
        break;
    }
}
