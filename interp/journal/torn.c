#include "journal/journal_int.h"

#include <errno.h>

#include "base/mem.h"
#include "os/files.h"

/* Files of torn tails that may stand side by side at one offset. */
enum { NAMES_MAX = 100 };

static bool tail_read(struct bsc_journal *journal, size_t length, struct bsc_buf *out,
                      struct bsc_err *err)
{
    while (out->length < length) {
        ssize_t got = journal->sys->pread(
            journal->sys->self, journal->fd, bsc_buf_room(out, length - out->length),
            length - out->length, (off_t)(journal->offset + (int64_t)out->length));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return bsc_err_sys(err, got < 0 ? errno : EIO,
                               "could not read the torn tail of journal '%s'", journal->path);
        bsc_buf_grown(out, (size_t)got);
    }
    return true;
}

/* A name that is not taken: an earlier tail at the same place is evidence too. Returns owned, NULL
 * when there are too many. */
static char *name_choose(const struct bsc_journal *journal, struct bsc_err *err)
{
    long long offset = (long long)journal->offset;
    char *name = bsc_mem_format("%s.torn-%lld", journal->path, offset);
    for (int i = 2; i <= NAMES_MAX && bsc_files_exists(journal->sys, name); i++) {
        bsc_mem_free(name);
        name = bsc_mem_format("%s.torn-%lld-%d", journal->path, offset, i);
    }
    if (!bsc_files_exists(journal->sys, name))
        return name;
    bsc_err_set(err, BSC_ERR_LIMIT, "journal '%s' has too many torn tails put aside",
                journal->path);
    bsc_mem_free(name);
    return NULL;
}

static bool tail_drop(struct bsc_journal *journal, struct bsc_err *err)
{
    if (journal->sys->ftruncate(journal->sys->self, journal->fd, (off_t)journal->offset) != 0)
        return bsc_err_sys(err, errno, "could not cut the torn tail off journal '%s'",
                           journal->path);
    if (journal->sys->fdatasync(journal->sys->self, journal->fd) != 0)
        return bsc_err_sys(err, errno, "could not make journal '%s' durable", journal->path);
    return true;
}

struct bsc_value *bsc_journal_quarantine(struct bsc_journal *journal,
                                         const struct bsc_journal_report *report,
                                         struct bsc_err *err)
{
    struct bsc_value *data = NULL;
    struct bsc_buf tail;
    bsc_buf_init(&tail);
    char *name = name_choose(journal, err);
    size_t length = (size_t)(report->file_bytes - report->good_bytes);
    if (name == NULL || !tail_read(journal, length, &tail, err) ||
        !bsc_files_write(journal->sys, name, tail.data, tail.length, 0600, err) ||
        !tail_drop(journal, err))
        goto done;
    char hex[BSC_DIGEST_HEX];
    bsc_digest_text(tail.data, tail.length, hex);
    data = bsc_value_map();
    bsc_value_set_text(data, "file", bsc_files_name_of(name));
    bsc_value_set_int(data, "offset", journal->offset);
    bsc_value_set_int(data, "bytes", (int64_t)length);
    bsc_value_set_text(data, "sha256", hex);
done:
    bsc_mem_free(name);
    bsc_buf_release(&tail);
    return data;
}
