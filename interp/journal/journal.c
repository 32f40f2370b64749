#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "journal/journal_int.h"
#include "value/scrub.h"

int64_t bsc_journal_seq(const struct bsc_journal *journal)
{
    return journal->seq;
}

const char *bsc_journal_hash(const struct bsc_journal *journal)
{
    return journal->hash;
}

const char *bsc_journal_path(const struct bsc_journal *journal)
{
    return journal->path;
}

int64_t bsc_journal_bytes(const struct bsc_journal *journal)
{
    return journal->offset;
}

/* From now on nothing can be promised about this file. Returns false. */
static bool poison(struct bsc_journal *journal, const struct bsc_err *why)
{
    journal->poisoned = true;
    journal->poison = *why;
    return false;
}

static bool poisoned_err(const struct bsc_journal *journal, struct bsc_err *err)
{
    *err = journal->poison;
    bsc_err_wrap(err, "journal '%s' takes no further record since a write to it failed",
                 journal->path);
    return bsc_err_hint(err, "Mend the disk, then go on from the journal in a new process.");
}

bool bsc_journal_room(struct bsc_journal *journal, int64_t bytes, struct bsc_err *err)
{
    int64_t wanted = journal->offset + bytes + BSC_JOURNAL_RESERVE;
    int64_t more = BSC_JOURNAL_CHUNK;
    while (journal->allocates && journal->allocated < wanted) {
        int64_t missing = wanted - journal->allocated;
        if (more < missing)
            more = missing;
        if (journal->sys->fallocate(journal->sys->self, journal->fd, FALLOC_FL_KEEP_SIZE,
                                    (off_t)journal->allocated, (off_t)more) == 0)
            journal->allocated += more;
        else if (errno == EOPNOTSUPP || errno == ENOSYS)
            journal->allocates = false;
        else if (errno == ENOSPC && more > missing)
            more = missing; /* nearly full: ask for no more than is needed */
        else if (errno != EINTR)
            return bsc_err_sys(err, errno, "could not reserve room for journal '%s'",
                               journal->path);
    }
    return true;
}

/* Takes away what a failed write may have left behind the last good record. */
static bool tail_cut(struct bsc_journal *journal)
{
    int result = 0;
    do {
        result = journal->sys->ftruncate(journal->sys->self, journal->fd, journal->offset);
    } while (result != 0 && errno == EINTR);
    if (journal->allocated > journal->offset)
        journal->allocated = journal->offset;
    return result == 0;
}

/* Room that runs out is the one failure after which the file is known to be as it was. */
static bool write_failed(struct bsc_journal *journal, int code, struct bsc_err *err)
{
    bsc_err_sys(err, code, "could not write to journal '%s'", journal->path);
    bool cut = tail_cut(journal);
    bool full = code == ENOSPC || code == EDQUOT;
    return full && cut ? false : poison(journal, err);
}

static bool line_append(struct bsc_journal *journal, struct bsc_err *err)
{
    const char *at = journal->line.data;
    size_t left = journal->line.length;
    while (left > 0) {
        ssize_t done = journal->sys->write(journal->sys->self, journal->fd, at, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return write_failed(journal, done < 0 ? errno : EIO, err);
        at += done;
        left -= (size_t)done;
    }
    return true;
}

/* Records that go into a removed or shortened file are durable and yet lost. */
static bool is_still_whole(const struct bsc_journal *journal, struct bsc_err *err)
{
    struct stat found = {0};
    if (journal->sys->fstat(journal->sys->self, journal->fd, &found) != 0)
        return bsc_err_sys(err, errno, "could not look at journal '%s'", journal->path);
    if (found.st_nlink > 0 && (int64_t)found.st_size == journal->offset)
        return true;
    return bsc_err_set(err, BSC_ERR_DAMAGED, "journal '%s' was %s by somebody else", journal->path,
                       found.st_nlink > 0 ? "changed" : "removed");
}

bool bsc_journal_sync(struct bsc_journal *journal, struct bsc_err *err)
{
    if (journal->poisoned)
        return poisoned_err(journal, err);
    if (!journal->dirty)
        return true;
    int64_t began_us = journal->clock->mono_us(journal->clock->self);
    bool durable = journal->sys->fdatasync(journal->sys->self, journal->fd) == 0;
    int error = errno;
    journal->syncing_us += journal->clock->mono_us(journal->clock->self) - began_us;
    if (!durable) {
        bsc_err_sys(err, error, "could not make journal '%s' durable", journal->path);
        return poison(journal, err);
    }
    if (!is_still_whole(journal, err))
        return poison(journal, err);
    journal->dirty = false;
    return true;
}

int64_t bsc_journal_syncing_us(const struct bsc_journal *journal)
{
    return journal->syncing_us;
}

int64_t bsc_journal_latest_ms(const struct bsc_journal *journal)
{
    return journal->latest_ms;
}

/* Makes the line in journal->line. What is written must pass the reader, so the reader's own eye
 * looks at it first. */
static bool line_make(struct bsc_journal *journal, enum bsc_journal_kind kind,
                      const struct bsc_value *payload, char ret_hash[BSC_DIGEST_HEX],
                      struct bsc_err *err)
{
    struct bsc_journal_line line = {0};
    char time[BSC_CLOCK_TEXT];
    if (!bsc_journal_payload_check(kind, payload, err))
        return false;
    int64_t now_ms = journal->clock->wall_ms(journal->clock->self);
    journal->latest_ms = now_ms > journal->latest_ms ? now_ms : journal->latest_ms;
    bsc_clock_format(now_ms, time);
    bsc_buf_clear(&journal->payload);
    bsc_scrub_canonical(journal->redactor, payload, &journal->payload);
    bsc_buf_clear(&journal->line);
    bsc_journal_line_write(&journal->line, bsc_journal_kind_name(kind), &journal->payload,
                           journal->hash, journal->seq + 1, time, ret_hash);
    if (journal->line.length > BSC_JOURNAL_LINE_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "journal record '%s' is longer than %d bytes",
                           bsc_journal_kind_name(kind), BSC_JOURNAL_LINE_MAX);
    if (!bsc_journal_line_parse(journal->line.data, journal->line.length - 1, &line))
        return bsc_err_set(err, BSC_ERR_INVALID, "journal record '%s' is nested too deeply",
                           bsc_journal_kind_name(kind));
    return true;
}

/* From where a record may take its room. */
enum room { ROOM_ORDINARY, ROOM_SETTLED, ROOM_FINAL };

static bool is_room_for(struct bsc_journal *journal, int64_t bytes, enum room room,
                        struct bsc_err *err)
{
    struct bsc_err full = BSC_ERR_INIT;
    if (room == ROOM_FINAL || bsc_journal_room(journal, bytes, &full))
        return true;
    int64_t needed = journal->offset + bytes + BSC_JOURNAL_RESERVE_END;
    if (room == ROOM_SETTLED && full.code == BSC_ERR_NO_SPACE && needed <= journal->allocated)
        return true;
    *err = full;
    return false;
}

static bool record_append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                          const struct bsc_value *payload, enum room room, struct bsc_err *err)
{
    char hash[BSC_DIGEST_HEX];
    if (journal->poisoned)
        return poisoned_err(journal, err);
    if (!line_make(journal, kind, payload, hash, err))
        return false;
    int64_t bytes = (int64_t)journal->line.length;
    if (!is_room_for(journal, bytes, room, err))
        return false;
    if (!line_append(journal, err))
        return false;
    journal->offset += bytes;
    journal->seq++;
    journal->dirty = true;
    memcpy(journal->hash, hash, sizeof hash);
    return true;
}

bool bsc_journal_append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                        const struct bsc_value *payload, bool durable, struct bsc_err *err)
{
    return record_append(journal, kind, payload, ROOM_ORDINARY, err) &&
           (!durable || bsc_journal_sync(journal, err));
}

bool bsc_journal_append_settled(struct bsc_journal *journal, enum bsc_journal_kind kind,
                                const struct bsc_value *payload, bool durable, struct bsc_err *err)
{
    return record_append(journal, kind, payload, ROOM_SETTLED, err) &&
           (!durable || bsc_journal_sync(journal, err));
}

bool bsc_journal_append_final(struct bsc_journal *journal, enum bsc_journal_kind kind,
                              const struct bsc_value *payload, struct bsc_err *err)
{
    return record_append(journal, kind, payload, ROOM_FINAL, err) && bsc_journal_sync(journal, err);
}

bool bsc_journal_close(struct bsc_journal *journal, struct bsc_err *err)
{
    if (journal == NULL)
        return true;
    bool done = journal->poisoned || bsc_journal_sync(journal, err);
    /* Cutting the file at its own end gives back the room behind it; it matters to nobody else. */
    if (done && !journal->poisoned)
        (void)journal->sys->ftruncate(journal->sys->self, journal->fd, journal->offset);
    /* Linux has closed a descriptor even when a signal came in between. */
    bool closed = journal->sys->close(journal->sys->self, journal->fd) == 0 || errno == EINTR;
    if (!closed && done)
        done = bsc_err_sys(err, errno, "could not close journal '%s'", journal->path);
    journal->fd = -1;
    bsc_journal_free(journal);
    return done;
}
