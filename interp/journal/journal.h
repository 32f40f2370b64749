/*
 * The durable, hash-chained record of a run: one line of canonical JSON for each record.
 *
 * Rules it keeps. A record is written with one write() and is either whole in the file or not
 * there at all: what a failed write left is cut off again. A failed fdatasync is never tried again,
 * because the kernel forgets what it could not write; the journal is poisoned and refuses every
 * further record. Room for the last records of a run is reserved ahead, so that a full disk can
 * still be told what became of the changes under way and why the run stopped. Secrets are taken out
 * before the hash is.
 *
 * A journal belongs to one thread. Whoever opens one holds the lock of the runs folder (lock.h).
 * May include base, os and value.
 */
#ifndef BSC_JOURNAL_JOURNAL_H
#define BSC_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/redact.h"
#include "journal/reader.h"
#include "journal/records.h"
#include "os/clock.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_journal;

struct bsc_journal_options {
    const struct bsc_sys *sys;     /* borrowed, outlives the journal */
    const struct bsc_clock *clock; /* borrowed, outlives the journal */
    struct bsc_redactor
        *redactor;    /* borrowed, outlives the journal; NULL when there are no secrets */
    const char *path; /* borrowed during the call */
    bool force;       /* also on a network file system */
};

/* Makes a new, empty journal (mode 0600) whose name is durable. Returns owned, NULL on failure:
 * BSC_ERR_EXISTS, BSC_ERR_REFUSED on a network file system, BSC_ERR_NO_SPACE, BSC_ERR_IO. */
struct bsc_journal *bsc_journal_create(const struct bsc_journal_options *options,
                                       struct bsc_err *err);

/* Goes on with an existing journal. All of it is verified first but for what *known (may be NULL)
 * tells, the report of a reading since which the lock of its runs folder was held; a torn tail is
 * moved to `<path>.torn-<offset>`, and a note record says so. Returns owned, NULL on failure:
 * BSC_ERR_DAMAGED names line, record and what is wrong. */
struct bsc_journal *bsc_journal_open(const struct bsc_journal_options *options,
                                     const struct bsc_journal_report *known, struct bsc_err *err);

/* Adds a record; `payload` is borrowed and must be what records.h says. With `durable` it returns
 * only after the record and all before it have reached the disk. After a failure nothing of the
 * record is in the file. BSC_ERR_NO_SPACE leaves the journal usable for bsc_journal_append_final;
 * other failures of the disk poison it. */
bool bsc_journal_append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                        const struct bsc_value *payload, bool durable, struct bsc_err *err);

/* The same for what has become of a change: when there is no other room it is taken from the
 * reserve, of which enough is left for bsc_journal_append_final. BSC_ERR_NO_SPACE when that does
 * not do either: a shorter record may still fit. */
bool bsc_journal_append_settled(struct bsc_journal *journal, enum bsc_journal_kind kind,
                                const struct bsc_value *payload, bool durable, struct bsc_err *err);

/* The same, durable, out of the reserve: for the record with which a run stops. */
bool bsc_journal_append_final(struct bsc_journal *journal, enum bsc_journal_kind kind,
                              const struct bsc_value *payload, struct bsc_err *err);

/* Makes every record so far durable; does nothing when they are. */
bool bsc_journal_sync(struct bsc_journal *journal, struct bsc_err *err);

/* How long that took so far, of all records. */
int64_t bsc_journal_syncing_us(const struct bsc_journal *journal);

/* The latest time that a record of it has, in milliseconds since 1970 UTC; 0 before the first. A
 * clock that was set back is behind it. */
int64_t bsc_journal_latest_ms(const struct bsc_journal *journal);

/* Syncs what is not durable yet, gives the reserve back and frees the journal, also when it fails.
 * Accepts NULL. */
bool bsc_journal_close(struct bsc_journal *journal, struct bsc_err *err);

/* Number and hash of the last record; 0 and 64 zeros before the first. The hash is borrowed until
 * the next append. */
int64_t bsc_journal_seq(const struct bsc_journal *journal);
const char *bsc_journal_hash(const struct bsc_journal *journal);

/* Where it is; borrowed. */
const char *bsc_journal_path(const struct bsc_journal *journal);

/* Bytes in the file: where the next record begins. */
int64_t bsc_journal_bytes(const struct bsc_journal *journal);

#endif
