/*
 * The insides of an open journal, shared by the files that open it and add to it. Private.
 */
#ifndef BSC_JOURNAL_JOURNAL_INT_H
#define BSC_JOURNAL_JOURNAL_INT_H

#include "journal/journal.h"

#include "base/buf.h"
#include "journal/line_int.h"

enum {
    /* Kept free for what has become of the changes under way and the record with which a run
     * stops. */
    BSC_JOURNAL_RESERVE = 64 * 1024,
    /* What the outcomes leave of it for that last record. */
    BSC_JOURNAL_RESERVE_END = 16 * 1024,
    /* How much is asked for at a time when the room runs low. */
    BSC_JOURNAL_CHUNK = 256 * 1024
};

struct bsc_journal {
    const struct bsc_sys *sys;
    const struct bsc_clock *clock;
    struct bsc_redactor *redactor;
    char *path;                /* owned */
    int fd;                    /* the one descriptor, open for appending as long as we live */
    int64_t seq;               /* of the last record */
    char hash[BSC_DIGEST_HEX]; /* of the last record */
    int64_t offset;            /* end of the last good record */
    int64_t allocated;         /* up to here the file has room on the device */
    bool allocates;            /* the file system can reserve room */
    int64_t latest_ms;         /* the latest time of a record */
    bool dirty;                /* there are records that are not durable yet */
    int64_t syncing_us;        /* what the disk has taken to make records durable */
    bool poisoned;             /* nothing may be added any more */
    struct bsc_err poison;     /* why */
    struct bsc_buf payload;    /* used again for each record */
    struct bsc_buf line;
};

/* Returns owned, with nothing opened yet. */
struct bsc_journal *bsc_journal_new(const struct bsc_journal_options *options);
void bsc_journal_free(struct bsc_journal *journal);

/* Opens the file for appending; `extra` flags are added. */
bool bsc_journal_file_open(struct bsc_journal *journal, int extra, struct bsc_err *err);

/* Makes sure that `bytes` more and the reserve fit. */
bool bsc_journal_room(struct bsc_journal *journal, int64_t bytes, struct bsc_err *err);

/* Moves what lies behind the good records into a file of its own, as report says, and makes that
 * durable. Returns the owned data of the note that tells it, NULL on failure. */
struct bsc_value *bsc_journal_quarantine(struct bsc_journal *journal,
                                         const struct bsc_journal_report *report,
                                         struct bsc_err *err);

#endif
