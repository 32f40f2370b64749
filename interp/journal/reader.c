#include "journal/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/line_int.h"
#include "value/json.h"

enum {
    BLOCK_BYTES = 256 * 1024,
    SECTOR_BYTES = 512 /* no file system loses less */
};

struct reader {
    const struct bsc_sys *sys;
    const char *path;
    int fd;
    bool ended;         /* the file has no more bytes */
    struct bsc_buf buf; /* bytes read; those before `start` are done with */
    size_t start;
    bsc_journal_seen_fn seen;
    void *arg;
    struct bsc_journal_report *report;
};

/* Moves what is left to the front and reads one more block. */
static bool block_read(struct reader *reader, struct bsc_err *err)
{
    size_t left = reader->buf.length - reader->start;
    memmove(reader->buf.data, reader->buf.data + reader->start, left);
    reader->buf.length = left;
    reader->start = 0;
    char *room = bsc_buf_room(&reader->buf, BLOCK_BYTES);
    ssize_t got = 0;
    do {
        got = reader->sys->pread(reader->sys->self, reader->fd, room, BLOCK_BYTES,
                                 (off_t)reader->report->file_bytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return bsc_err_sys(err, errno, "could not read journal '%s'", reader->path);
    bsc_buf_grown(&reader->buf, (size_t)got);
    reader->report->file_bytes += got;
    reader->ended = got == 0;
    return true;
}

/* Makes the next line complete in the buffer. Its length comes without the line end; *ret_whole
 * says whether it has one. A length of 0 without a line end is the end of the file. */
static bool line_next(struct reader *reader, size_t *ret_length, bool *ret_whole,
                      struct bsc_err *err)
{
    size_t looked = 0;
    for (;;) {
        const char *line = reader->buf.data + reader->start;
        size_t left = reader->buf.length - reader->start;
        const char *end = memchr(line + looked, '\n', left - looked);
        *ret_whole = end != NULL;
        *ret_length = end != NULL ? (size_t)(end - line) : left;
        if (end != NULL || reader->ended || left >= BSC_JOURNAL_LINE_MAX)
            return true;
        looked = left;
        if (!block_read(reader, err))
            return false;
    }
}

/* Why a line that is not of the journal's shape is not. */
static enum bsc_journal_fault shape_fault(const char *line, size_t length)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *value = bsc_json_parse("journal", line, length, &ignored);
    enum bsc_journal_fault fault = value != NULL ? BSC_JOURNAL_FAULT_SHAPE : BSC_JOURNAL_FAULT_JSON;
    bsc_value_free(value);
    return fault;
}

static enum bsc_journal_fault line_check(struct reader *reader, char *bytes, size_t length,
                                         struct bsc_journal_line *ret_line)
{
    struct bsc_journal_report *report = reader->report;
    char hash[BSC_DIGEST_HEX];
    if (!bsc_journal_line_parse(bytes, length, ret_line))
        return shape_fault(bytes, length);
    bsc_journal_line_hash(bytes, length, hash);
    if (memcmp(hash, ret_line->hash, BSC_JOURNAL_HEX) != 0)
        return BSC_JOURNAL_FAULT_HASH;
    bool next = ret_line->seq == report->records + 1;
    if (next && memcmp(ret_line->prev, report->hash, BSC_JOURNAL_HEX) == 0)
        return BSC_JOURNAL_FAULT_NONE;
    report->found_seq = ret_line->seq;
    return next ? BSC_JOURNAL_FAULT_PREV : BSC_JOURNAL_FAULT_SEQ;
}

/* Counts a good record and shows it. */
static bool line_seen(struct reader *reader, const struct bsc_journal_line *line, size_t length,
                      struct bsc_err *err)
{
    struct bsc_journal_report *report = reader->report;
    struct bsc_journal_record record = {
        .line = report->records + 1,
        .seq = line->seq,
        .offset = report->good_bytes,
        .kind = bsc_journal_kind_of(line->kind, line->kind_length),
        .payload = line->payload,
        .payload_length = line->payload_length,
    };
    if (report->records > 0 && memcmp(line->time, report->last_time, BSC_JOURNAL_TIME) < 0 &&
        report->times_backwards++ == 0)
        report->backwards_line = record.line;
    memcpy(report->last_time, line->time, BSC_JOURNAL_TIME);
    if (memcmp(line->time, report->latest_time, BSC_JOURNAL_TIME) > 0)
        memcpy(report->latest_time, line->time, BSC_JOURNAL_TIME);
    if (report->records == 0)
        memcpy(report->first_time, line->time, BSC_JOURNAL_TIME);
    memcpy(report->hash, line->hash, BSC_JOURNAL_HEX);
    report->records++;
    report->counts[record.kind]++;
    report->good_bytes += (int64_t)length + 1;
    report->last_kind = record.kind;
    if (reader->seen == NULL)
        return true;
    memcpy(record.time, report->last_time, sizeof record.time);
    memcpy(record.hash, report->hash, sizeof record.hash);
    return reader->seen(reader->arg, &record, err);
}

/* Records of these kinds are on the disk before anything more is written. */
static bool is_waited_for(enum bsc_journal_kind kind)
{
    return kind == BSC_JOURNAL_RUN_BEGIN || kind == BSC_JOURNAL_INTENT ||
           kind == BSC_JOURNAL_ANSWER || kind == BSC_JOURNAL_ITEM_END || kind == BSC_JOURNAL_PART;
}

/* Reads on to the end: *ret_waited says whether anything stands behind a record that was waited
 * for. */
static bool rest_read(struct reader *reader, bool *ret_waited, struct bsc_err *err)
{
    bool behind = false;
    *ret_waited = false;
    for (;;) {
        struct bsc_journal_line line = {0};
        char hash[BSC_DIGEST_HEX];
        size_t length = 0;
        bool whole = false;
        if (!line_next(reader, &length, &whole, err))
            return false;
        if (length == 0 && !whole)
            return true;
        *ret_waited = *ret_waited || behind;
        char *bytes = reader->buf.data + reader->start;
        reader->start += length + whole;
        if (!whole || !bsc_journal_line_parse(bytes, length, &line))
            continue;
        bsc_journal_line_hash(bytes, length, hash);
        behind = behind || (memcmp(hash, line.hash, BSC_JOURNAL_HEX) == 0 &&
                            is_waited_for(bsc_journal_kind_of(line.kind, line.kind_length)));
    }
}

/* The end of the zeros in a line where they are what a loss of power leaves, which ends with a
 * sector; else NULL. Of a long line more zeros may follow than were read. */
static const char *hole_end(const struct reader *reader, const char *line, size_t length)
{
    const char *last = memrchr(line, '\0', length);
    if (last == NULL)
        return NULL;
    size_t zeros_end = (size_t)(last - line) + 1;
    int64_t offset = reader->report->good_bytes + (int64_t)zeros_end;
    bool may_go_on = zeros_end == length && length >= BSC_JOURNAL_LINE_MAX;
    return may_go_on || offset % SECTOR_BYTES == 0 ? line + zeros_end : NULL;
}

/* Decides between a write that did not finish and a record that was changed. A line whose own hash
 * is right was written to its end. Of several records on their way to the disk a loss of power may
 * take those in the middle: their pages then read as zeros, and what stands behind them has not
 * been waited for either. */
static bool fault_found(struct reader *reader, enum bsc_journal_fault fault, size_t length,
                        struct bsc_err *err)
{
    struct bsc_journal_report *report = reader->report;
    bool misplaced = fault == BSC_JOURNAL_FAULT_SEQ || fault == BSC_JOURNAL_FAULT_PREV;
    const char *line = reader->buf.data + reader->start;
    const char *hole = hole_end(reader, line, length);
    bool waited = false;
    report->fault = fault;
    report->bad_line = report->records + 1;
    report->bad_seq = report->records + 1;
    if (hole != NULL) {
        reader->start += (size_t)(hole - line);
        if (!rest_read(reader, &waited, err))
            return false;
        report->state = waited ? BSC_JOURNAL_DAMAGED : BSC_JOURNAL_TORN;
        return true;
    }
    reader->start += length < reader->buf.length - reader->start ? length + 1 : length;
    if (reader->start == reader->buf.length && !reader->ended && !block_read(reader, err))
        return false;
    bool torn = !misplaced && reader->start == reader->buf.length;
    report->state = torn ? BSC_JOURNAL_TORN : BSC_JOURNAL_DAMAGED;
    return true;
}

static bool lines_read(struct reader *reader, struct bsc_err *err)
{
    for (;;) {
        struct bsc_journal_line line = {0};
        size_t length = 0;
        bool whole = false;
        if (!line_next(reader, &length, &whole, err))
            return false;
        if (length == 0 && !whole)
            break;
        char *bytes = reader->buf.data + reader->start;
        enum bsc_journal_fault fault = BSC_JOURNAL_FAULT_CUT;
        if (length >= BSC_JOURNAL_LINE_MAX)
            fault = BSC_JOURNAL_FAULT_LONG;
        else if (whole)
            fault = line_check(reader, bytes, length, &line);
        if (fault != BSC_JOURNAL_FAULT_NONE)
            return fault_found(reader, fault, length, err);
        if (!line_seen(reader, &line, length, err))
            return false;
        reader->start += length + 1;
    }
    struct bsc_journal_report *report = reader->report;
    bool ended = report->records > 0 && report->last_kind == BSC_JOURNAL_RUN_END;
    report->state = ended ? BSC_JOURNAL_ENDED : BSC_JOURNAL_OPEN;
    return true;
}

/* A pipe must not make us wait for ever for somebody to write to it. */
static bool file_open(struct reader *reader, int64_t *ret_bytes, struct bsc_err *err)
{
    struct stat found = {0};
    const struct bsc_sys *sys = reader->sys;
    reader->fd = (int)TEMP_FAILURE_RETRY(
        sys->open(sys->self, reader->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0));
    if (reader->fd < 0)
        return bsc_err_sys(err, errno, "could not open journal '%s'", reader->path);
    bool good = sys->fstat(sys->self, reader->fd, &found) == 0;
    if (!good)
        bsc_err_sys(err, errno, "could not look at journal '%s'", reader->path);
    else if (!S_ISREG(found.st_mode))
        good =
            bsc_err_set(err, BSC_ERR_INVALID, "journal '%s' is not an ordinary file", reader->path);
    if (!good)
        sys->close(sys->self, reader->fd);
    *ret_bytes = (int64_t)found.st_size;
    return good;
}

/* What was good once is gone: its end, at the least. */
static void shortened(struct bsc_journal_report *report)
{
    report->state = BSC_JOURNAL_DAMAGED;
    report->fault = BSC_JOURNAL_FAULT_CUT;
    report->bad_line = report->records;
    report->bad_seq = report->records;
}

bool bsc_journal_read_on(const struct bsc_sys *sys, const char *path, bsc_journal_seen_fn seen,
                         void *arg, struct bsc_journal_report *report, struct bsc_err *err)
{
    struct reader reader = {.sys = sys, .path = path, .seen = seen, .arg = arg, .report = report};
    int64_t bytes = 0;
    report->file_bytes = report->good_bytes;
    report->fault = BSC_JOURNAL_FAULT_NONE;
    report->bad_line = report->bad_seq = report->found_seq = 0;
    if (!file_open(&reader, &bytes, err))
        return false;
    bool done = true;
    bsc_buf_init(&reader.buf);
    if (bytes < report->good_bytes)
        shortened(report);
    else
        done = lines_read(&reader, err);
    bsc_buf_release(&reader.buf);
    sys->close(sys->self, reader.fd);
    return done;
}

void bsc_journal_report_init(struct bsc_journal_report *report)
{
    *report = (struct bsc_journal_report){.state = BSC_JOURNAL_OPEN};
    memcpy(report->hash, BSC_JOURNAL_ZEROS, sizeof BSC_JOURNAL_ZEROS);
}

bool bsc_journal_read(const struct bsc_sys *sys, const char *path, bsc_journal_seen_fn seen,
                      void *arg, struct bsc_journal_report *report, struct bsc_err *err)
{
    bsc_journal_report_init(report);
    return bsc_journal_read_on(sys, path, seen, arg, report, err);
}

/* The line in the buffer, by its own hash alone. */
static bool line_give(struct reader *reader, char *bytes, size_t length, int64_t offset,
                      struct bsc_err *err)
{
    struct bsc_journal_line line = {0};
    char hash[BSC_DIGEST_HEX];
    if (!bsc_journal_line_parse(bytes, length, &line))
        return bsc_err_set(err, BSC_ERR_DAMAGED, "journal '%s' has no record at byte %lld",
                           reader->path, (long long)offset);
    bsc_journal_line_hash(bytes, length, hash);
    if (memcmp(hash, line.hash, BSC_JOURNAL_HEX) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "record %lld of journal '%s' was changed",
                           (long long)line.seq, reader->path);
    struct bsc_journal_record record = {
        .line = line.seq,
        .seq = line.seq,
        .offset = offset,
        .kind = bsc_journal_kind_of(line.kind, line.kind_length),
        .payload = line.payload,
        .payload_length = line.payload_length,
    };
    memcpy(record.time, line.time, BSC_JOURNAL_TIME);
    memcpy(record.hash, line.hash, BSC_JOURNAL_HEX);
    return reader->seen(reader->arg, &record, err);
}

bool bsc_journal_read_at(const struct bsc_sys *sys, const char *path, int64_t offset,
                         bsc_journal_seen_fn seen, void *arg, struct bsc_err *err)
{
    struct bsc_journal_report report;
    struct reader reader = {.sys = sys, .path = path, .seen = seen, .arg = arg, .report = &report};
    int64_t bytes = 0;
    size_t length = 0;
    bool whole = false;
    bsc_journal_report_init(&report);
    report.file_bytes = offset;
    if (!file_open(&reader, &bytes, err))
        return false;
    bsc_buf_init(&reader.buf);
    bool good = line_next(&reader, &length, &whole, err) &&
                line_give(&reader, reader.buf.data, whole ? length : 0, offset, err);
    bsc_buf_release(&reader.buf);
    sys->close(sys->self, reader.fd);
    return good;
}

bool bsc_journal_verify(const struct bsc_sys *sys, const char *path,
                        struct bsc_journal_report *report, struct bsc_err *err)
{
    return bsc_journal_read(sys, path, NULL, NULL, report, err);
}

struct bsc_value *bsc_journal_record_payload(const struct bsc_journal_record *record,
                                             struct bsc_err *err)
{
    return bsc_json_parse("journal", record->payload, record->payload_length, err);
}
