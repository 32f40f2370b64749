/*
 * Carrying out a plan: the runbook performed on the live world, under a journal.
 */
#ifndef BSC_RUN_EXECUTE_H
#define BSC_RUN_EXECUTE_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/journal.h"
#include "journal/lease.h"
#include "run/live.h"
#include "run/machine.h"
#include "run/session.h"
#include "value/value.h"

/* What a signal, or a time that is over, does to a run. */
enum bsc_run_stopping {
    BSC_RUN_STOPPING_SETTLES,    /* Ctrl-C, SIGTERM: what is under way is ended, and looked at */
    BSC_RUN_STOPPING_AT_ONCE,    /* a second one soon after: the process ends now */
    BSC_RUN_STOPPING_AFTER_ITEM, /* SIGHUP: the terminal is gone; the item under way is the last */
    BSC_RUN_STOPPING_IN_VAIN,    /* what was told to end has not: the process ends now */
};

/* How soon after the first a second signal ends the process. */
enum { BSC_RUN_STOPPING_MS = 2000 };

/* How long a row may give no sign of life after it was told to end. Tidying up may take a minute
 * and a half without one, such as removing a half-made mirror whose server does not stop. */
enum { BSC_RUN_VAIN_MS = 180000 };

struct bsc_run_order {
    struct bsc_run_session *session;       /* all borrowed until the end */
    const struct bsc_value *items;         /* of a rollback; NULL: those of the runbook */
    struct bsc_run_start start;            /* where to begin; zeroed: at the beginning */
    const struct bsc_value *targets;       /* ids of all whose leases are taken first */
    const struct bsc_journal_claim *claim; /* for them; NULL: none are kept */
    const struct bsc_run_past *past;       /* of a run that is gone on with; NULL: a new one */
    struct bsc_run_cursor *cursor;         /* at the beginning of the plan; taken */
    struct bsc_value *facts;               /* as observed just now; taken */
    struct bsc_journal *journal;           /* holds its run_begin record already */
    const struct bsc_run_hooks *hooks;     /* shows items */
    const struct bsc_run_live_hooks *live; /* shows changes, answers questions */
    void (*progress)(void *self,
                     const struct bsc_run_progress *progress); /* each 200 ms; or NULL */
    void (*stopping)(void *self, enum bsc_run_stopping how);   /* tells of it; or NULL */
    void *progress_self;                                       /* for both */
    struct bsc_value *parked; /* owned by the caller afterwards: what a parked run waits for
                                 (run/wait.h), or NULL */
};

/* Performs the runbook to its end or to where it stops, and writes the run_end record. Ctrl-C and
 * SIGTERM stop it after the change under way has been settled; a second one within
 * BSC_RUN_STOPPING_MS ends the process as it is, with the exit code of an unknown outcome, and so
 * does a row that is late or told to end and has given no sign of life for BSC_RUN_VAIN_MS (only
 * with `progress`). SIGHUP stops it after the item under way. *ret_end is always filled; false when
 * the journal could not be written, or when signals cannot be watched: then nothing was begun. */
bool bsc_run_execute(struct bsc_run_order *order, struct bsc_run_end *ret_end, struct bsc_err *err);

#endif
