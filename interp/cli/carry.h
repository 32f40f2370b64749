/*
 * Carrying out what was planned, and telling what came of it: the same for a new run, one that is
 * resumed and a rollback.
 */
#ifndef BSC_CLI_CARRY_H
#define BSC_CLI_CARRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/where.h"
#include "journal/folder.h"
#include "journal/journal.h"
#include "journal/lease.h"
#include "journal/lock.h"
#include "run/machine.h"
#include "run/past.h"
#include "run/session.h"
#include "value/value.h"

struct bsc_cli_carry {
    struct bsc_cli *cli;                     /* borrowed */
    struct bsc_run_session *session;         /* borrowed */
    const struct bsc_journal_lock *lock;     /* borrowed: outlives the session */
    const struct bsc_journal_folder *folder; /* borrowed */
    struct bsc_value *plan;        /* borrowed: what the run was begun with, for its report */
    const struct bsc_value *ahead; /* borrowed: what is carried out now: the same or what is left */
    const struct bsc_value *items; /* borrowed: of a rollback, or NULL */
    struct bsc_run_start start;    /* where to begin */
    const struct bsc_run_past *past;       /* borrowed: of a run that is gone on with, or NULL */
    const struct bsc_journal_claim *claim; /* borrowed: for the leases of what is changed */
    const struct bsc_value *stays;   /* borrowed: sentences about what a rollback leaves, or NULL */
    const struct bsc_value *since;   /* borrowed: facts that became others while it was parked */
    const struct bsc_value *caveats; /* borrowed: lines about what a rollback costs, or NULL */
    const struct bsc_value *drift;   /* borrowed: what is different since the plan, or NULL */
    struct bsc_value *facts;         /* owned: as just observed; taken when it begins */
    struct bsc_journal *journal;     /* owned: with its run_begin record; taken when it begins */
    const struct bsc_cli_where *where; /* borrowed: how the run is found again */
    bool yes;                          /* gates are answered */
    struct bsc_run_end end;            /* what came of it */
    struct bsc_value *parked;          /* owned: what it waits for when it was parked, or NULL */
    size_t changes;
};

/* Carries it out. Returns the exit code after telling everything, or -1 with *err. */
int bsc_cli_carry_out(struct bsc_cli_carry *carry, struct bsc_err *err);

/* Gives back what was not taken. */
void bsc_cli_carry_release(struct bsc_cli_carry *carry);

#endif
