/*
 * What a stretch of PostgreSQL's log holds: how far it reaches, what was committed in it and when.
 * May include base, os and value.
 */
#ifndef BSC_LOGS_PG_SURVEY_H
#define BSC_LOGS_PG_SURVEY_H

#include "logs/pg_log.h"
#include "value/value.h"

struct bsc_logs_pg_survey {
    uint64_t first_lsn; /* what is counted begins here */
    uint64_t previous;  /* where the record begins that ends at first_lsn; 0: none was found */
    uint64_t last_lsn;  /* behind the last record that counts */
    int64_t records;
    int64_t commits;
    int64_t prepared;     /* transactions that were prepared here, and not ended here either */
    int64_t last_time_us; /* when a transaction ended last, microseconds since 1970: what a standby
                             that has replayed all of it tells; 0: none has */
    struct bsc_buf waiting; /* the numbers of those, in the order in which they were prepared */
    struct bsc_value *list; /* owned: "TIME XID LSN" of each commit, as many as were asked for */
    enum bsc_logs_pg_end end;
    uint64_t bad_lsn;    /* what ended it */
    uint64_t beyond_lsn; /* of a log with a hole: how far it goes on behind that; 0 otherwise */
    char reason[BSC_LOGS_PG_REASON]; /* why it ends, for people */
};

struct bsc_logs_pg_survey_order {
    struct bsc_logs_pg_order log; /* a record begins at its first_lsn, unless it has `find` */
    /* Where the record that ends at first_lsn is looked for first; may be none. */
    const struct bsc_logs_pg_folder *before;
    size_t before_count;
    int64_t list_from; /* commits before the first in the list */
    size_t list_max;   /* commits in the list; 0 makes none */
    bool look_beyond;  /* look for what follows a hole */
};

/* Reads the log from its first_lsn to its end. The record that ends at first_lsn is looked for in
 * the file that holds it: the log is another one if its first record names another one before it
 * (TORN), or if one lies across first_lsn (FOREIGN). Release the survey in any case. Errors:
 * BSC_ERR_INVALID as bsc_logs_pg_open, CANCELLED. */
bool bsc_logs_pg_survey_make(const struct bsc_logs_pg_survey_order *order,
                             struct bsc_logs_pg_survey *ret, struct bsc_err *err);
void bsc_logs_pg_survey_release(struct bsc_logs_pg_survey *survey);

/* Whether these folders alone show that the log has come to first_lsn: by the record that ends
 * there, which begins at `previous` unless that is 0, or by one that begins there and names it. */
bool bsc_logs_pg_survey_reaches(const struct bsc_logs_pg_order *log, uint64_t previous);

/* Whether a survey has found anything that somebody was told is durable. */
bool bsc_logs_pg_survey_matters(const struct bsc_logs_pg_survey *survey);

#endif
