/*
 * Carrying out a plan: the runbook performed on the live world, under a journal.
 */
#ifndef BSC_RUN_EXECUTE_H
#define BSC_RUN_EXECUTE_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/journal.h"
#include "run/live.h"
#include "run/machine.h"
#include "run/session.h"
#include "value/value.h"

struct bsc_run_order {
    struct bsc_run_session *session;       /* all borrowed until the end */
    struct bsc_run_cursor *cursor;         /* at the beginning of the plan; taken */
    struct bsc_value *facts;               /* as observed just now; taken */
    struct bsc_journal *journal;           /* holds its run_begin record already */
    const struct bsc_run_hooks *hooks;     /* shows items */
    const struct bsc_run_live_hooks *live; /* shows changes, answers questions */
    void (*progress)(void *self,
                     const struct bsc_run_progress *progress); /* each 200 ms; or NULL */
    void *progress_self;
};

/* Performs the runbook to its end or to where it stops, with Ctrl-C and SIGTERM stopping it after
 * the change under way has been settled, and writes the run_end record. *ret_end is always filled;
 * false when the journal could not be written, or when signals cannot be watched: then nothing was
 * begun. */
bool bsc_run_execute(struct bsc_run_order *order, struct bsc_run_end *ret_end, struct bsc_err *err);

#endif
