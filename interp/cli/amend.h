/*
 * Going on with a run whose files were changed after it had begun (run/amend.h): finding out what
 * is different, refusing or accepting it, and keeping what was accepted.
 *
 * What is accepted is bound to the digest of what is ahead, which the run_begin record has beside
 * it: whoever has to approve a run approves that.
 */
#ifndef BSC_CLI_AMEND_H
#define BSC_CLI_AMEND_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/old_run.h"
#include "run/session.h"
#include "value/value.h"

/* Sets the parameters of the session on the present files: as they were, unless they followed a
 * default that the runbook has changed, or are set anew. */
bool bsc_cli_amend_params(struct bsc_cli_old_run *run, struct bsc_run_session_options *options,
                          struct bsc_err *err);

/* Compares the present files with those that the run was planned with, and shows what is different.
 * REFUSED where it may not be, or where nobody has accepted it. */
bool bsc_cli_amend_look(struct bsc_cli_old_run *run, struct bsc_err *err);

/* Writes what was accepted into the run's folder, durable, as a new set of inputs. It does not
 * count before a record names it. Does nothing where nothing is different. */
bool bsc_cli_amend_keep(struct bsc_cli_old_run *run, const struct bsc_value *ahead,
                        struct bsc_err *err);

/* Adds to the payload of run_begin which inputs count from now on, and what was accepted. */
void bsc_cli_amend_tell(const struct bsc_cli_old_run *run, struct bsc_value *about);

/* Tells the refusal of what is different; under --json with all of it. Returns the exit code. */
int bsc_cli_amend_fail(struct bsc_cli_old_run *run, const struct bsc_err *err);

void bsc_cli_amend_release(struct bsc_cli_amend *amend);

#endif
