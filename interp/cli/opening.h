/*
 * What the verbs that work with a runbook or a site have in common: opening a session from options
 * and stopping at a runbook's errors.
 */
#ifndef BSC_CLI_OPENING_H
#define BSC_CLI_OPENING_H

#include <stdbool.h>

#include "cli/cli.h"
#include "run/scenario.h"
#include "run/session.h"

/* Session options with the desk's own tables; the rest is empty. */
struct bsc_run_session_options bsc_cli_session_options(const struct bsc_cli *cli);

/* Shows the errors of the session's runbook, if any; returns whether there were some. */
bool bsc_cli_stops_at_errors(struct bsc_cli *cli, const struct bsc_run_session *session);

/* The facts that the session's runbook begins with: those that `bascule observe -o` has written to
 * `path`, which must do for the runbook, or (NULL) those observed now; the scenario's, if there is
 * one, are laid over them. Returns owned, NULL on failure. */
struct bsc_value *bsc_cli_facts(struct bsc_cli *cli, const char *path,
                                const struct bsc_run_scenario *scenario,
                                struct bsc_run_session *session, struct bsc_err *err);

#endif
