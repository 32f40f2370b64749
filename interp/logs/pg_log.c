#include "logs/pg_log.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "logs/pg_log_int.h"

enum {
    SMALLEST_SEGMENT = 1024 * 1024,
    LARGEST_SEGMENT = 1024 * 1024 * 1024,
    /* No server writes or reads a longer record. */
    LARGEST_RECORD = 0x3fffffff,
    /* Within a record. The checksum is of all that follows the header, and of all before it. */
    XID_AT = 4,
    PREVIOUS_AT = 8,
    INFO_AT = 16,
    MANAGER_AT = 17,
    CHECKSUM_AT = 20,
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
    *reader = (struct bsc_logs_pg_reader){.order = *order,
                                          .fd = -1,
                                          .page_lsn = no_lsn,
                                          .lsn = order->first_lsn,
                                          .crc32c = bsc_logs_crc32c_quickest()};
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

/* `previous` is where the one before begins; 0 when that is not known. */
static bool follows(const unsigned char *head, uint64_t lsn, uint64_t previous)
{
    const uint64_t named = pg_64(head + PREVIOUS_AT);
    return previous != 0 ? named == previous : named < lsn;
}

static bool has_manager(const unsigned char *head)
{
    return head[MANAGER_AT] <= LAST_MANAGER || head[MANAGER_AT] >= FIRST_CUSTOM_MANAGER;
}

/* Once the whole header is there: what follows is not read for a length that nobody has vouched
 * for. */
static bool check_head(struct bsc_logs_pg_reader *reader, const struct assembly *assembly)
{
    if (!follows(assembly->head, assembly->lsn, reader->previous))
        return torn(reader, assembly->lsn, "does not follow the one before it");
    if (!has_manager(assembly->head))
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
        assembly->keeps = assembly->head[MANAGER_AT] == PG_MANAGER_TRANSACTION;
    }
    assembly->crc = reader->crc32c.add(assembly->crc, at, length);
    assembly->done += length;
    /* What is kept is the beginning: nothing goes behind a piece that was left out. */
    assembly->keeps = assembly->keeps && reader->body.length + length <= PG_BODY_MAX;
    if (assembly->keeps)
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

/* Goes on behind a record that counts. */
static inline void tell(struct bsc_logs_pg_reader *reader, const unsigned char *head, uint64_t lsn,
                        uint64_t end, const unsigned char *body, size_t body_length)
{
    const uint8_t manager = head[MANAGER_AT], info = head[INFO_AT];
    const bool is_switch = manager == PG_MANAGER_LOG && (info & PG_LOG_MASK) == PG_LOG_SWITCH;
    if (is_switch)
        end = (end + reader->order.segment - 1) / reader->order.segment * reader->order.segment;
    reader->lsn = end;
    reader->previous = lsn;
    reader->record =
        (struct bsc_logs_pg_record){.lsn = lsn,
                                    .end_lsn = end,
                                    .previous = pg_64(head + PREVIOUS_AT),
                                    .length = pg_32(head),
                                    .xid = pg_32(head + XID_AT),
                                    .manager = manager,
                                    .info = info,
                                    .kind = is_switch ? BSC_LOGS_PG_SWITCH : BSC_LOGS_PG_OTHER};
    if (manager == PG_MANAGER_TRANSACTION)
        bsc_logs_pg_look_into(&reader->record, reader->magic, body, body_length);
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
    if (reader->crc32c.add(assembly.crc, assembly.head, CHECKSUM_AT) !=
        pg_32(assembly.head + CHECKSUM_AT))
        return torn(reader, assembly.lsn, "does not match its checksum");
    tell(reader, assembly.head, assembly.lsn, end, (const unsigned char *)reader->body.data,
         reader->body.length);
    return true;
}

/* The header of the record at `lsn` if it lies whole on the page that was checked last, as nearly
 * every one does: then it is read where it is. NULL for whatever else there may be. */
static inline const unsigned char *head_here(const struct bsc_logs_pg_reader *reader, uint64_t lsn)
{
    const uint64_t offset = lsn - reader->page_lsn;
    if (reader->page == NULL || offset < reader->page_header ||
        offset > reader->block - PG_RECORD_HEADER)
        return NULL;
    const unsigned char *head = reader->page + offset;
    const uint32_t length = pg_32(head);
    return length < PG_RECORD_HEADER || length > reader->block - offset ? NULL : head;
}

/* Whether such a record counts. */
static inline bool is_right(const struct bsc_logs_pg_reader *reader, const unsigned char *head,
                            uint64_t lsn, uint64_t previous)
{
    const size_t room = reader->block - (lsn - reader->page_lsn);
    return follows(head, lsn, previous) && has_manager(head) &&
           reader->crc32c.of_record(head, pg_32(head), room) == pg_32(head + CHECKSUM_AT);
}

/* False, and nothing has changed, where it takes read_next() to tell. */
static bool read_here(struct bsc_logs_pg_reader *reader)
{
    const uint64_t lsn = reader->lsn;
    const unsigned char *head = head_here(reader, lsn);
    if (head == NULL || !is_right(reader, head, lsn, reader->previous))
        return false;
    const uint32_t length = pg_32(head);
    tell(reader, head, lsn, aligned(lsn + length), head + PG_RECORD_HEADER,
         length - PG_RECORD_HEADER);
    return true;
}

/* Wherever it lies, or why there is none. Not a part of its caller, which would have to make room
 * for it with every record. */
__attribute__((noinline)) static bool read_next(struct bsc_logs_pg_reader *reader)
{
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

bool bsc_logs_pg_next(struct bsc_logs_pg_reader *reader)
{
    return reader->end == BSC_LOGS_PG_END_NONE && (read_here(reader) || read_next(reader));
}

/* Records of these say something of a transaction, or of where the next one is. */
static inline bool is_told(const unsigned char *head)
{
    return head[MANAGER_AT] == PG_MANAGER_TRANSACTION || head[MANAGER_AT] == PG_MANAGER_LOG;
}

bool bsc_logs_pg_skim(struct bsc_logs_pg_reader *reader, uint64_t upto)
{
    uint64_t lsn = reader->lsn, previous = reader->previous;
    if (reader->end != BSC_LOGS_PG_END_NONE)
        return false;
    while (lsn < upto) {
        const unsigned char *head = head_here(reader, lsn);
        if (head == NULL || is_told(head) || !is_right(reader, head, lsn, previous))
            break;
        previous = lsn;
        lsn = aligned(lsn + pg_32(head));
    }
    reader->lsn = lsn;
    reader->previous = previous;
    return bsc_logs_pg_next(reader);
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

/* Whether a page that begins so is none of this log, but one that was never written to, or before:
 * whatever else it holds, looking for the log goes on behind it. */
static bool is_passed_by(const unsigned char *page, uint64_t lsn)
{
    return pg_16(page) == 0 || pg_64(page + 8) < lsn;
}

/* Moves the end of a log that nobody wrote on from there to the last page of that kind. A few bytes
 * of each are enough for that, and most of the last file is nothing else. */
static void pass_by(struct bsc_logs_pg_reader *reader)
{
    const struct bsc_logs_pg_order *order = &reader->order;
    const bool is_blank =
        reader->end == BSC_LOGS_PG_END_ZEROS || reader->end == BSC_LOGS_PG_END_RECYCLED;
    if (!is_blank || reader->fd < 0 || reader->bad_lsn / order->segment != reader->number)
        return;
    uint64_t lsn = reader->bad_lsn - reader->bad_lsn % reader->block + reader->block;
    for (; lsn % order->segment != 0; lsn += reader->block) {
        unsigned char page[16];
        struct bsc_err ignored = BSC_ERR_INIT;
        size_t got = 0;
        if (pg_is_cancelled(order) ||
            !bsc_logs_io_read_at(order->sys, reader->fd, reader->path, page, sizeof page,
                                 (int64_t)(lsn % order->segment), &got, &ignored) ||
            got < sizeof page || !is_passed_by(page, lsn))
            break;
    }
    reader->bad_lsn = lsn - reader->block;
}

bool bsc_logs_pg_resume(struct bsc_logs_pg_reader *reader)
{
    if (!is_hole(reader->end) || (reader->block == 0 && reader->end == BSC_LOGS_PG_END_RECYCLED))
        return false;
    if (reader->block == 0)
        reader->block = USUAL_BLOCK; /* the page that tells it is the bad one */
    else
        pass_by(reader);
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
