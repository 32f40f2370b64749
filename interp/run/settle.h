/*
 * Settling what was under way when a run stopped: by looking at the site, and where nothing can be
 * seen there, by what a person has found out.
 */
#ifndef BSC_RUN_SETTLE_H
#define BSC_RUN_SETTLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "journal/journal.h"
#include "run/past.h"
#include "run/session.h"

/* What a person says of a change that nothing shows. */
struct bsc_run_word {
    enum bsc_run_made made; /* MAYBE: nothing was said */
    const char *by;         /* borrowed: who said so, or "observing" */
};

/* Finds out what has become of the change that is open in the past, and changes nothing. Where a
 * row settles it, what that says of it is appended to *why. Errors: UNKNOWN when neither a look nor
 * a word tells, with what to look for and the ways on as the hint. */
bool bsc_run_settle_look(struct bsc_run_session *session, const struct bsc_run_past *past,
                         const struct bsc_run_word *said, struct bsc_run_word *ret_found,
                         struct bsc_buf *why, struct bsc_err *err);

/* Records what was found of the change with this number. Durable. */
bool bsc_run_settle_record(struct bsc_journal *journal, int64_t number,
                           const struct bsc_run_word *found, struct bsc_err *err);

/* "it was made"; never NULL. */
const char *bsc_run_settle_words(enum bsc_run_made made);

#endif
