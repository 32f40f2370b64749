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
    uint64_t last_lsn;  /* behind the last record that counts */
    int64_t records;
    int64_t commits;
    int64_t prepared;     /* transactions that were prepared for a commit in two phases */
    int64_t last_time_us; /* when a transaction ended last, microseconds since 1970: what a standby
                             that has replayed all of it tells; 0: none has */
    struct bsc_value *list; /* owned: "TIME XID LSN" of each commit, as many as were asked for */
    enum bsc_logs_pg_end end;
    uint64_t bad_lsn;    /* what ended it */
    uint64_t beyond_lsn; /* of a log with a hole: how far it goes on behind that; 0 otherwise */
    char reason[BSC_LOGS_PG_REASON]; /* why it ends, for people */
};

struct bsc_logs_pg_survey_order {
    struct bsc_logs_pg_order log; /* a record begins at its first_lsn, unless it has `find` */
    size_t list_max;              /* commits in the list; 0 makes none */
    bool look_beyond;             /* look for what follows a hole */
};

/* Reads the log from its first_lsn to its end. Where the file that holds first_lsn is there from
 * its beginning, it is proven that a record ends at first_lsn: if one lies across it the log is
 * another one (FOREIGN). Release the survey in any case. Errors: BSC_ERR_INVALID as
 * bsc_logs_pg_open, CANCELLED. */
bool bsc_logs_pg_survey_make(const struct bsc_logs_pg_survey_order *order,
                             struct bsc_logs_pg_survey *ret, struct bsc_err *err);
void bsc_logs_pg_survey_release(struct bsc_logs_pg_survey *survey);

/* Whether a survey has found anything that somebody was told is durable. */
bool bsc_logs_pg_survey_matters(const struct bsc_logs_pg_survey *survey);

#endif
