#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/journal_int.h"
#include "journal/place.h"
#include "os/files.h"

struct bsc_journal *bsc_journal_new(const struct bsc_journal_options *options)
{
    struct bsc_journal *journal = bsc_mem_new(1, sizeof *journal);
    journal->sys = options->sys;
    journal->clock = options->clock;
    journal->redactor = options->redactor;
    journal->path = bsc_mem_text(options->path);
    journal->fd = -1;
    journal->allocates = true;
    memcpy(journal->hash, BSC_JOURNAL_ZEROS, sizeof BSC_JOURNAL_ZEROS);
    bsc_buf_init(&journal->payload);
    bsc_buf_init(&journal->line);
    return journal;
}

void bsc_journal_free(struct bsc_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->fd >= 0)
        journal->sys->close(journal->sys->self, journal->fd);
    bsc_mem_free(journal->path);
    bsc_buf_release(&journal->payload);
    bsc_buf_release(&journal->line);
    bsc_mem_free(journal);
}

bool bsc_journal_file_open(struct bsc_journal *journal, int extra, struct bsc_err *err)
{
    int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | extra;
    journal->fd =
        (int)TEMP_FAILURE_RETRY(journal->sys->open(journal->sys->self, journal->path, flags, 0600));
    if (journal->fd < 0)
        return bsc_err_sys(err, errno, "could not open journal '%s'", journal->path);
    /* Whatever is printed on a standard stream must never land in the journal. */
    if (journal->fd <= 2)
        return bsc_err_set(err, BSC_ERR_IO, "journal '%s' came up as standard stream %d",
                           journal->path, journal->fd);
    return true;
}

static bool place_is_fit(const struct bsc_journal_options *options, struct bsc_err *err)
{
    if (options->force)
        return true;
    char *folder = bsc_files_folder_of(options->path);
    bool fit = bsc_journal_place_check(options->sys, folder, err);
    bsc_mem_free(folder);
    return fit;
}

struct bsc_journal *bsc_journal_create(const struct bsc_journal_options *options,
                                       struct bsc_err *err)
{
    if (!place_is_fit(options, err))
        return NULL;
    struct bsc_journal *journal = bsc_journal_new(options);
    if (!bsc_journal_file_open(journal, O_CREAT | O_EXCL, err))
        goto failed;
    if (bsc_journal_room(journal, 0, err) &&
        bsc_files_sync_parent(journal->sys, journal->path, err))
        return journal;
    (void)journal->sys->unlink(journal->sys->self, journal->path);
failed:
    bsc_journal_free(journal);
    return NULL;
}

/* Puts a torn tail aside and says so in the journal itself. */
static bool tail_mend(struct bsc_journal *journal, const struct bsc_journal_report *report,
                      struct bsc_err *err)
{
    struct bsc_value *data = bsc_journal_quarantine(journal, report, err);
    if (data == NULL)
        return false;
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "journal");
    bsc_value_set_text(note, "text",
                       "the last record was not written to its end and was put aside");
    bsc_value_set(note, "data", data);
    bool done = bsc_journal_append(journal, BSC_JOURNAL_NOTE, note, true, err);
    bsc_value_free(note);
    return done;
}

static bool journal_continue(struct bsc_journal *journal, struct bsc_journal_report *report,
                             struct bsc_err *err)
{
    if (!bsc_journal_file_open(journal, 0, err) ||
        !bsc_journal_read_on(journal->sys, journal->path, NULL, NULL, report, err))
        return false;
    if (report->state == BSC_JOURNAL_DAMAGED)
        return bsc_journal_report_err(journal->path, report, err);
    journal->seq = report->records;
    journal->offset = report->good_bytes;
    bsc_clock_parse(report->latest_time, &journal->latest_ms);
    journal->allocated = report->good_bytes;
    memcpy(journal->hash, report->hash, sizeof report->hash);
    if (report->state == BSC_JOURNAL_TORN)
        return tail_mend(journal, report, err);
    return bsc_journal_room(journal, 0, err);
}

struct bsc_journal *bsc_journal_open(const struct bsc_journal_options *options,
                                     const struct bsc_journal_report *known, struct bsc_err *err)
{
    struct bsc_journal_report report;
    if (!place_is_fit(options, err))
        return NULL;
    bsc_journal_report_init(&report);
    if (known != NULL)
        report = *known;
    struct bsc_journal *journal = bsc_journal_new(options);
    if (journal_continue(journal, &report, err))
        return journal;
    bsc_journal_free(journal);
    return NULL;
}
