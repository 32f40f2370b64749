/*
 * What a run rests on, as it is kept in the run's folder: plan, runbook, modules and site file.
 *
 * Those that it was begun with lie in the folder itself, and those that were accepted when it was
 * resumed in folders of their own, inputs/1, inputs/2 and so on. Nothing is ever replaced. Files
 * count from the run_begin record on that names their number under `inputs`: what no record names
 * was left by a process that was gone before it could write one. May include every room to its
 * left.
 */
#ifndef BSC_RUN_INPUTS_H
#define BSC_RUN_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/folder.h"
#include "os/sys.h"
#include "run/session.h"
#include "value/value.h"

/* Name of a file of these inputs in the run's folder: "site.yaml", "inputs/2/site.yaml". Returns
 * owned. */
char *bsc_run_inputs_file(int64_t number, const char *name);

/* The number that the payload of a run_begin record names; 0: those that the run was begun with. */
int64_t bsc_run_inputs_of(const struct bsc_value *begin);

/* The number of the inputs that count, which is that of the last run_begin record. Reads the
 * journal only where there are several. */
bool bsc_run_inputs_newest(const struct bsc_journal_folder *folder, int64_t *ret_number,
                           struct bsc_err *err);

/* A number that nothing in the folder has. */
int64_t bsc_run_inputs_next(const struct bsc_journal_folder *folder);

/* Writes everything that the session and its plan rest on, durable. */
bool bsc_run_inputs_keep(const struct bsc_run_session *session,
                         const struct bsc_journal_folder *folder, int64_t number,
                         const struct bsc_value *plan, struct bsc_err *err);

#endif
