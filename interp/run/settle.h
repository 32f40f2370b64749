/*
 * Settling what was under way when a run stopped: by looking at the site, and where nothing can be
 * seen there, by what a person has found out.
 */
#ifndef BSC_RUN_SETTLE_H
#define BSC_RUN_SETTLE_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/journal.h"
#include "run/past.h"
#include "run/session.h"

/* What a person says of a change that nothing shows. */
struct bsc_run_word {
    enum bsc_run_made made; /* MAYBE: nothing was said */
    const char *by;         /* borrowed: login name */
};

/* Settles the change that is open in the past, if any, and records what it has become. *ret_text,
 * owned, NULL when nothing was open, says what was found. Errors: UNKNOWN when neither a look nor a
 * word tells, with what to look for and the ways on as the hint; then nothing is recorded. */
bool bsc_run_settle(struct bsc_run_session *session, struct bsc_journal *journal,
                    struct bsc_run_past *past, const struct bsc_run_word *said, char **ret_text,
                    struct bsc_err *err);

#endif
