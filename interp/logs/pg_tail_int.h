/*
 * What looking at a tail (pg_tail.c) and handing it over (pg_salvage.c) share.
 */
#ifndef BSC_LOGS_PG_TAIL_INT_H
#define BSC_LOGS_PG_TAIL_INT_H

#include "logs/pg_survey.h"
#include "logs/pg_tail.h"

enum pg_tail_kind {
    PG_TAIL_UNAVAILABLE,
    PG_TAIL_EMPTY,
    PG_TAIL_AVAILABLE,
    PG_TAIL_DAMAGED,
    PG_TAIL_SALVAGED,
    PG_TAIL_TOO_LATE
};

/* What was salvaged before. */
struct pg_note {
    uint64_t first_lsn;
    uint64_t last_lsn;
    int64_t commits;
    int64_t time_ms;
    uint32_t timeline;
};

struct pg_tail {
    const struct bsc_logs_pg_tail_order *order;
    const char *disk; /* borrowed: the folder that was looked at */
    bool unlisted;    /* which files there are is not known */
    bool went_on;     /* on a later timeline */
    bool is_mirror;   /* it may have fallen behind, so its log proves no end of the primary's */
    enum pg_tail_kind kind;
    char reason[BSC_LOGS_PG_REASON];
    char *wal; /* owned: the folder of the dead server's log files */
    struct bsc_logs_pg_survey survey;
    struct pg_note note;
    bool has_note;
};

/* Looks at the tail. Release it in any case. False where nothing can be told: BSC_ERR_CANCELLED,
 * and INVALID as bsc_logs_pg_open. */
bool bsc_logs_pg_tail_find(struct pg_tail *tail, const struct bsc_logs_pg_tail_order *order,
                           struct bsc_err *err);
/* The same where it is known what would be found. */
void bsc_logs_pg_tail_recall(struct pg_tail *tail, const struct bsc_logs_pg_tail_order *order);
void bsc_logs_pg_tail_release(struct pg_tail *tail);

enum { PG_TAIL_FOLDERS = 3 };

/* Where the tail's files are looked for, in this order; returns how many. */
size_t bsc_logs_pg_tail_folders(const struct pg_tail *tail,
                                struct bsc_logs_pg_folder ret[PG_TAIL_FOLDERS]);

/* Reads the tail from folders, with its commits one by one where that is asked for, and what lies
 * behind a hole if it is to look beyond. */
bool bsc_logs_pg_tail_survey(const struct bsc_logs_pg_tail_order *order,
                             const struct bsc_logs_pg_folder *folders, size_t count,
                             bool look_beyond, struct bsc_logs_pg_survey *ret, struct bsc_err *err);

/* The note beside the standby's log files. */
bool bsc_logs_pg_note_read(const struct bsc_logs_pg_tail_order *order, struct pg_note *ret);
bool bsc_logs_pg_note_write(const struct bsc_logs_pg_tail_order *order, const struct pg_note *note,
                            struct bsc_err *err);

#endif
