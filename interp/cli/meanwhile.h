/*
 * What has happened while a run was parked: what has become different on the site, and who else was
 * at work on the same.
 */
#ifndef BSC_CLI_MEANWHILE_H
#define BSC_CLI_MEANWHILE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/old_run.h"
#include "value/value.h"

/* Both owned lists, which are empty of a run that was not parked in the end. */
struct bsc_cli_meanwhile {
    struct bsc_value *facts; /* that have become others (run/drift.h) */
    struct bsc_value *runs;  /* sentences: other runs that have had its leases */
};

/* Finds it out, of a run that has been looked at, and shows it. False when its journal or a lease
 * cannot be read. *ret is released by the caller in any case. */
bool bsc_cli_meanwhile_look(const struct bsc_cli_old_run *run, struct bsc_cli_meanwhile *ret,
                            struct bsc_err *err);

/* Notes it in the journal of the run, which has been taken in hand: whoever reads that sees on what
 * the run went on. */
bool bsc_cli_meanwhile_record(const struct bsc_cli_old_run *run,
                              const struct bsc_cli_meanwhile *meanwhile, struct bsc_err *err);

/* Accepts a zeroed one. */
void bsc_cli_meanwhile_release(struct bsc_cli_meanwhile *meanwhile);

#endif
