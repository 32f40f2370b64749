/*
 * Reads a journal from its beginning, checking every record on the way.
 *
 * Memory stays flat: one block of the file is held at a time, and at most one record. The shape of
 * a line is checked strictly, byte by byte, so that two different files never pass as the same.
 * May include base, os and value.
 */
#ifndef BSC_JOURNAL_READER_H
#define BSC_JOURNAL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "journal/records.h"
#include "os/sys.h"
#include "value/digest.h"
#include "value/value.h"

enum bsc_journal_state {
    BSC_JOURNAL_ENDED,  /* every record is good and the last one is run_end */
    BSC_JOURNAL_OPEN,   /* every record is good, but the end is missing: still being written, or
                           cut short */
    BSC_JOURNAL_TORN,   /* the last record was not written to its end, or a loss of power took pages
                           out of the last ones, of which nobody had waited for any but the last */
    BSC_JOURNAL_DAMAGED /* a record is bad although more follows it: changed, lost or put in */
};

/* What is wrong with the first bad record. */
#define BSC_JOURNAL_FAULTS(X)                                                                      \
    X(NONE, "none", "nothing is wrong")                                                            \
    X(CUT, "cut", "the line does not end")                                                         \
    X(LONG, "long", "the line is longer than any record")                                          \
    X(JSON, "json", "the line is not JSON")                                                        \
    X(SHAPE, "shape", "the line is not a record in canonical form")                                \
    X(HASH, "hash", "the hash does not match the record")                                          \
    X(SEQ, "seq", "the sequence number is not the next one")                                       \
    X(PREV, "prev", "the previous hash is not that of the record before")

enum bsc_journal_fault {
#define BSC_JOURNAL_FAULT_ENUM(id, name, text) BSC_JOURNAL_FAULT_##id,
    BSC_JOURNAL_FAULTS(BSC_JOURNAL_FAULT_ENUM)
#undef BSC_JOURNAL_FAULT_ENUM
};

struct bsc_journal_report {
    enum bsc_journal_state state;
    int64_t records;                           /* good ones, from the beginning */
    int64_t counts[BSC_JOURNAL_KIND_MAX_ + 1]; /* of each kind; last: kinds unknown to us */
    int64_t good_bytes;                        /* where the good records end */
    int64_t file_bytes;                        /* what was read; all of it unless damaged */
    char hash[BSC_DIGEST_HEX];                 /* of the last good record; zeros before the first */
    char first_time[25];                       /* of the first and last good record, or empty */
    char last_time[25];
    char latest_time[25]; /* the latest of all good ones, which a clock set back may not be */
    enum bsc_journal_fault fault;
    int64_t bad_line;                /* of the first bad record, from 1; 0 when none */
    int64_t bad_seq;                 /* the number it should have had */
    int64_t found_seq;               /* the number it has, when fault is SEQ or PREV */
    enum bsc_journal_kind last_kind; /* of the last good record */
    int64_t times_backwards;         /* records with a time before their predecessor's */
    int64_t backwards_line;          /* the first of them, or 0 */
};

/* Of a journal of which nothing has been read. */
void bsc_journal_report_init(struct bsc_journal_report *report);

struct bsc_journal_record {
    int64_t line;               /* from 1 */
    int64_t seq;                /* from 1; the same as line in a journal that is whole */
    int64_t offset;             /* of the line in the file, in bytes */
    enum bsc_journal_kind kind; /* BSC_JOURNAL_KIND_MAX_ when written by a later release */
    const char *payload;        /* canonical JSON, borrowed during the call, not NUL-terminated */
    size_t payload_length;
    char time[25]; /* RFC 3339, UTC */
    char hash[BSC_DIGEST_HEX];
};

/* Called for each good record in order. False, with *err filled, ends the reading. */
typedef bool (*bsc_journal_seen_fn)(void *arg, const struct bsc_journal_record *record,
                                    struct bsc_err *err);

/* Reads the file and fills *report. `seen` may be NULL. False only when the file cannot be read or
 * `seen` failed; a bad record is told by the report. */
bool bsc_journal_read(const struct bsc_sys *sys, const char *path, bsc_journal_seen_fn seen,
                      void *arg, struct bsc_journal_report *report, struct bsc_err *err);

/* Goes on where an earlier reading, that of *report, came to the end of the good records: for a
 * journal that is still being written. What was read then is not read again. A file that has become
 * shorter than that is told as damaged. */
bool bsc_journal_read_on(const struct bsc_sys *sys, const char *path, bsc_journal_seen_fn seen,
                         void *arg, struct bsc_journal_report *report, struct bsc_err *err);

/* Gives the one record whose line begins at `offset`, as an earlier reading has told, to `seen`;
 * its own hash must be right. BSC_ERR_DAMAGED when it is not there any more. */
bool bsc_journal_read_at(const struct bsc_sys *sys, const char *path, int64_t offset,
                         bsc_journal_seen_fn seen, void *arg, struct bsc_err *err);

/* The same as bsc_journal_read without looking at the records. */
bool bsc_journal_verify(const struct bsc_sys *sys, const char *path,
                        struct bsc_journal_report *report, struct bsc_err *err);

/* Returns the record's payload as an owned value, NULL on failure. */
struct bsc_value *bsc_journal_record_payload(const struct bsc_journal_record *record,
                                             struct bsc_err *err);

/* Stable names and sentences; never NULL. */
const char *bsc_journal_state_name(enum bsc_journal_state state);
const char *bsc_journal_fault_name(enum bsc_journal_fault fault);
const char *bsc_journal_fault_text(enum bsc_journal_fault fault);

/* Fills *err with BSC_ERR_DAMAGED, line and number of the bad record and what is wrong with it.
 * Returns false. */
bool bsc_journal_report_err(const char *path, const struct bsc_journal_report *report,
                            struct bsc_err *err);

/* The report as an owned map for machines. */
struct bsc_value *bsc_journal_report_value(const struct bsc_journal_report *report);

#endif
