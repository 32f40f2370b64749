#include "logs/pg_log.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "logs/crc32c.h"
#include "logs/pg_log_int.h"

enum {
    SMALLEST_SEGMENT = 1024 * 1024,
    LARGEST_SEGMENT = 1024 * 1024 * 1024,
    /* No server writes or reads a longer record. */
    LARGEST_RECORD = 0x3fffffff,
    CHECKSUM_AT = 20, /* within a record; all before it and all behind the header is covered */
    CHECK_EVERY = 8192,
    USUAL_BLOCK = 8192,
    /* Resource managers of the versions known here, and of extensions. */
    LAST_MANAGER = 24,
    FIRST_CUSTOM_MANAGER = 128
};

/* What is never the LSN of a page. */
static const uint64_t no_lsn = UINT64_MAX;

/* A record that is being put together. */
struct assembly {
    unsigned char head[PG_RECORD_HEADER];
    uint64_t lsn;
    uint32_t length;
    uint32_t done;
    uint32_t crc; /* of what follows the header, so far */
    bool keeps;   /* the body is kept */
};

const char *bsc_logs_pg_end_name(enum bsc_logs_pg_end end)
{
    static const char *const names[] = {"",      "missing", "zeros",   "recycled",   "torn",
                                        "short", "foreign", "version", "unreadable", "cancelled"};
    return names[end];
}

bool bsc_logs_pg_open(struct bsc_logs_pg_reader *reader, const struct bsc_logs_pg_order *order,
                      struct bsc_err *err)
{
    const uint32_t segment = order->segment;
    *reader = (struct bsc_logs_pg_reader){
        .order = *order, .fd = -1, .page_lsn = no_lsn, .lsn = order->first_lsn};
    bsc_buf_init(&reader->body);
    if (segment < SMALLEST_SEGMENT || segment > LARGEST_SEGMENT || (segment & (segment - 1)) != 0)
        return bsc_err_set(err, BSC_ERR_INVALID, "log files cannot have %" PRIu32 " bytes",
                           segment);
    if (order->timeline == 0)
        return bsc_err_set(err, BSC_ERR_INVALID, "there is no timeline 0");
    if (order->first_lsn > INT64_MAX - LARGEST_SEGMENT ||
        (!order->find && order->first_lsn % PG_ALIGN != 0))
        return bsc_err_set(err, BSC_ERR_INVALID, "no log record begins at LSN %" PRIu64,
                           order->first_lsn);
    return true;
}

void bsc_logs_pg_release(struct bsc_logs_pg_reader *reader)
{
    if (reader->fd >= 0)
        reader->order.sys->close(reader->order.sys->self, reader->fd);
    reader->fd = -1;
    bsc_mem_free(reader->path);
    bsc_mem_free(reader->chunk);
    reader->path = NULL;
    reader->chunk = NULL;
    bsc_buf_release(&reader->body);
}

static uint64_t aligned(uint64_t lsn)
{
    return (lsn + PG_ALIGN - 1) & ~(uint64_t)(PG_ALIGN - 1);
}

/* Moves from any place to where the next record begins: behind what is left of one that began
 * before. */
static bool find_first(struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    struct pg_page page;
    if (lsn % reader->block != 0)
        lsn += reader->block - lsn % reader->block;
    for (;; lsn += reader->block) {
        if (!bsc_logs_pg_page_at(reader, lsn, &page))
            return false;
        uint64_t rest = page.info & PG_PAGE_CONTINUES ? aligned(page.rest) : 0;
        if (rest < reader->block - page.header) {
            reader->lsn = lsn + page.header + rest;
            return true;
        }
    }
}

static bool torn(struct bsc_logs_pg_reader *reader, uint64_t lsn, const char *what)
{
    return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_TORN, lsn, "the record at LSN %" PRIu64 " %s",
                            lsn, what);
}

/* Once the whole header is there: what follows is not read for a length that nobody has vouched
 * for. */
static bool check_head(struct bsc_logs_pg_reader *reader, const struct assembly *assembly)
{
    const unsigned char *head = assembly->head;
    const uint64_t previous = pg_64(head + 8);
    const uint8_t manager = head[17];
    if (reader->previous != 0 ? previous != reader->previous : previous >= assembly->lsn)
        return torn(reader, assembly->lsn, "does not follow the one before it");
    if (manager > LAST_MANAGER && manager < FIRST_CUSTOM_MANAGER)
        return torn(reader, assembly->lsn, "is of no kind that there is");
    return true;
}

/* Takes a piece of the record that lies on one page. */
static bool take(struct bsc_logs_pg_reader *reader, struct assembly *assembly,
                 const unsigned char *at, uint32_t length)
{
    if (assembly->done < PG_RECORD_HEADER) {
        uint32_t part = PG_RECORD_HEADER - assembly->done;
        part = part < length ? part : length;
        memcpy(assembly->head + assembly->done, at, part);
        assembly->done += part;
        at += part;
        length -= part;
        if (assembly->done == PG_RECORD_HEADER && !check_head(reader, assembly))
            return false;
        assembly->keeps = assembly->head[17] == PG_MANAGER_TRANSACTION;
    }
    assembly->crc = bsc_logs_crc32c(assembly->crc, at, length);
    assembly->done += length;
    if (assembly->keeps && reader->body.length + length <= PG_BODY_MAX)
        bsc_buf_add(&reader->body, at, length);
    return true;
}

/* The rest of a record, from the top of the page at `lsn`. *ret_anew is set where a server has
 * begun anew in place of a record that was never finished. */
static bool take_rest(struct bsc_logs_pg_reader *reader, struct assembly *assembly, uint64_t lsn,
                      uint64_t *ret_end, uint64_t *ret_anew)
{
    while (assembly->done < assembly->length) {
        const uint32_t rest = assembly->length - assembly->done;
        struct pg_page page;
        if (!bsc_logs_pg_page_at(reader, lsn, &page))
            return false;
        if (page.info & PG_PAGE_OVERWRITES) {
            *ret_anew = lsn + page.header;
            return true;
        }
        if (!(page.info & PG_PAGE_CONTINUES) || page.rest != rest)
            return torn(reader, assembly->lsn, "does not go on where its page ends");
        uint32_t room = reader->block - page.header;
        if (!take(reader, assembly, page.bytes + page.header, rest < room ? rest : room))
            return false;
        *ret_end = aligned(lsn + page.header + (rest < room ? rest : room));
        lsn += reader->block;
    }
    return true;
}

static bool is_right(const struct assembly *assembly)
{
    uint32_t crc = bsc_logs_crc32c(assembly->crc, assembly->head, CHECKSUM_AT);
    return crc == pg_32(assembly->head + CHECKSUM_AT);
}

static void tell(struct bsc_logs_pg_reader *reader, const struct assembly *assembly, uint64_t end)
{
    const unsigned char *head = assembly->head;
    const uint64_t segment = reader->order.segment;
    struct bsc_logs_pg_record *record = &reader->record;
    *record = (struct bsc_logs_pg_record){.lsn = assembly->lsn,
                                          .end_lsn = end,
                                          .previous = pg_64(head + 8),
                                          .length = assembly->length,
                                          .xid = pg_32(head + 4),
                                          .manager = head[17],
                                          .info = head[16]};
    if (record->manager == PG_MANAGER_LOG && (record->info & PG_LOG_MASK) == PG_LOG_SWITCH) {
        record->kind = BSC_LOGS_PG_SWITCH;
        record->end_lsn = (end + segment - 1) / segment * segment;
    } else if (record->manager == PG_MANAGER_TRANSACTION) {
        bsc_logs_pg_look_into(reader);
    }
    reader->previous = record->lsn;
    reader->lsn = record->end_lsn;
}

/* Where the record at or after `lsn` begins on its page, and how much of it is there. */
static bool enter(struct bsc_logs_pg_reader *reader, uint64_t lsn, struct assembly *assembly,
                  const unsigned char **ret_at, uint32_t *ret_room)
{
    const uint64_t page_lsn = lsn - lsn % reader->block;
    struct pg_page page;
    if (!bsc_logs_pg_page_at(reader, page_lsn, &page))
        return false;
    uint32_t offset = (uint32_t)(lsn - page_lsn);
    if (offset == 0) {
        if (page.info & PG_PAGE_CONTINUES)
            return torn(reader, page_lsn, "begins where another one should go on");
        offset = page.header;
    } else if (offset < page.header) {
        return torn(reader, lsn, "begins within the header of a page");
    }
    assembly->lsn = page_lsn + offset;
    *ret_at = page.bytes + offset;
    *ret_room = reader->block - offset;
    return true;
}

static bool check_length(struct bsc_logs_pg_reader *reader, const struct assembly *assembly)
{
    if (assembly->length == 0)
        return bsc_logs_pg_stop(reader, BSC_LOGS_PG_END_ZEROS, assembly->lsn,
                                "nothing was written from LSN %" PRIu64 " on", assembly->lsn);
    if (assembly->length < PG_RECORD_HEADER || assembly->length > LARGEST_RECORD)
        return torn(reader, assembly->lsn, "has a length that cannot be");
    return true;
}

/* One attempt at the record at `lsn`. */
static bool read_record(struct bsc_logs_pg_reader *reader, uint64_t lsn, uint64_t *ret_anew)
{
    struct assembly assembly = {0};
    const unsigned char *at = NULL;
    uint32_t room = 0;
    if (!enter(reader, lsn, &assembly, &at, &room))
        return false;
    assembly.length = pg_32(at);
    if (!check_length(reader, &assembly))
        return false;
    bsc_buf_clear(&reader->body);
    const uint64_t page_end = assembly.lsn + room;
    uint64_t end = aligned(assembly.lsn + assembly.length);
    if (!take(reader, &assembly, at, assembly.length < room ? assembly.length : room) ||
        !take_rest(reader, &assembly, page_end, &end, ret_anew))
        return false;
    if (*ret_anew != no_lsn)
        return true;
    if (!is_right(&assembly))
        return torn(reader, assembly.lsn, "does not match its checksum");
    tell(reader, &assembly, end);
    return true;
}

bool bsc_logs_pg_next(struct bsc_logs_pg_reader *reader)
{
    if (reader->end != BSC_LOGS_PG_END_NONE)
        return false;
    if (reader->block == 0 &&
        (!bsc_logs_pg_begin(reader) || (reader->order.find && !find_first(reader, reader->lsn))))
        return false;
    /* Each attempt begins on a later page than the one before it. */
    for (uint64_t lsn = reader->lsn; lsn != no_lsn;) {
        uint64_t anew = no_lsn;
        if (!read_record(reader, lsn, &anew))
            return false;
        lsn = anew;
    }
    return true;
}

/* Whether what follows a page that does not count may still be of this log. */
static bool is_hole(enum bsc_logs_pg_end end)
{
    return end == BSC_LOGS_PG_END_ZEROS || end == BSC_LOGS_PG_END_RECYCLED ||
           end == BSC_LOGS_PG_END_TORN || end == BSC_LOGS_PG_END_UNREADABLE;
}

/* Looks for a whole record in the rest of the page of a bad one. What names a record before the bad
 * one is of an older log. */
static bool resume_in_page(struct bsc_logs_pg_reader *reader, uint64_t bad_lsn)
{
    const uint64_t page_end = bad_lsn - bad_lsn % reader->block + reader->block;
    for (uint64_t lsn = aligned(bad_lsn + 1); lsn < page_end; lsn += PG_ALIGN) {
        uint64_t anew = no_lsn;
        reader->end = BSC_LOGS_PG_END_NONE;
        reader->previous = 0;
        if (read_record(reader, lsn, &anew) && anew == no_lsn && reader->record.previous >= bad_lsn)
            return true;
        if (reader->end == BSC_LOGS_PG_END_CANCELLED)
            return false;
    }
    return false;
}

bool bsc_logs_pg_resume(struct bsc_logs_pg_reader *reader)
{
    if (!is_hole(reader->end) || (reader->block == 0 && reader->end == BSC_LOGS_PG_END_RECYCLED))
        return false;
    if (reader->block == 0)
        reader->block = USUAL_BLOCK; /* the page that tells it is the bad one */
    const bool is_torn = reader->end == BSC_LOGS_PG_END_TORN;
    uint64_t lsn = reader->bad_lsn - reader->bad_lsn % reader->block + reader->block;
    if (is_torn && resume_in_page(reader, reader->bad_lsn))
        return true;
    if (reader->end == BSC_LOGS_PG_END_CANCELLED)
        return false;
    for (;; lsn += reader->block) {
        uint64_t anew = no_lsn;
        struct pg_page page;
        reader->end = BSC_LOGS_PG_END_NONE;
        reader->previous = 0;
        if (bsc_logs_pg_page_at(reader, lsn, &page)) {
            if (find_first(reader, lsn) && read_record(reader, reader->lsn, &anew) &&
                anew == no_lsn)
                return true;
        } else if (lsn % reader->order.segment == 0 || !is_hole(reader->end)) {
            return false; /* a file is used from its first page on */
        }
        if (reader->end == BSC_LOGS_PG_END_CANCELLED)
            return false;
    }
}
