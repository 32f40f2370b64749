/*
 * How it looks what has become different since a plan was made (run/drift.h). Nothing is shown
 * under --json.
 */
#ifndef BSC_CLI_SHOW_DRIFT_H
#define BSC_CLI_SHOW_DRIFT_H

#include "base/err.h"
#include "cli/cli.h"
#include "value/value.h"

/* Inputs, facts by resource, steps with the statements that are gone (-) and new (+); nothing
 * where nothing is different. */
void bsc_cli_show_drift(struct bsc_cli *cli, const struct bsc_value *drift);

/* Facts by resource that have become others since a run was parked (bsc_run_drift_last_seen). */
void bsc_cli_show_since(struct bsc_cli *cli, const struct bsc_value *facts);

/* Which items differ, before and behind the place where a run goes on: the `amendment` of the drift
 * (run/amend.h). */
void bsc_cli_show_amendment(struct bsc_cli *cli, const struct bsc_value *drift);

/* Tells the refusal of a plan that no longer holds; under --json with the whole drift. Returns the
 * exit code. */
int bsc_cli_fail_drifted(struct bsc_cli *cli, const struct bsc_err *err,
                         const struct bsc_value *drift);

#endif
