/*
 * The plan: what a runbook would do on a site with given facts, statement by statement.
 *
 * Made by performing the runbook on the twin. A plan is a map:
 *   format, bascule, digest,
 *   runbook {name, summary, file, sha256, modules [{name, sha256}]}, library {sha256},
 *   site {file, sha256}, params {name=value}, facts {id=facts},
 *   made {time, runbook, site}: when, and where the files were; of a plan that is kept with its
 * run, where they were when that began, items [{index, kind, title, phase, line, outcome, reason,
 * optional, point_of_no_return, labels [modelled|evaluated|declared|assumed, one for each action],
 *           changes [{resource, statement, row, args, becomes, before, volatile, timeout_ms,
 *             undo: how a rollback takes its action back, with the first one}],
 *           notes [{kind, text}], asks [{title, lines, stands}]}],
 *   outcome, reason
 * The digest is the SHA-256 of the canonical JSON of everything but `digest` and `made`, so that
 * the same inputs give the same digest.
 */
#ifndef BSC_RUN_PLAN_H
#define BSC_RUN_PLAN_H

#include <stdbool.h>

#include "base/err.h"
#include "run/machine.h"
#include "run/past.h"
#include "run/session.h"
#include "value/value.h"

/* Performs the session's runbook on a twin with these facts (taken). Returns the owned plan, NULL
 * on failure; a plan whose outcome is a refusal is a success. */
struct bsc_value *bsc_run_plan_make(struct bsc_run_session *session, struct bsc_value *facts,
                                    struct bsc_err *err);

/* What is left of a run. */
struct bsc_run_rest {
    const struct bsc_value *items;   /* borrowed: those of the runbook, or of a rollback
                                        (run/back.h) */
    struct bsc_run_start start;      /* where to begin; zeroed: at the beginning */
    const struct bsc_run_past *past; /* borrowed: what it does not make again; NULL: nothing */
};

/* The same for what is left of a run. */
struct bsc_value *bsc_run_plan_make_of(struct bsc_run_session *session,
                                       const struct bsc_run_rest *rest, struct bsc_value *facts,
                                       struct bsc_err *err);

/* Adds what another plan knows of the items behind the one that this one stops at, so that it has
 * all of them. */
void bsc_run_plan_complete(struct bsc_value *plan, const struct bsc_value *ahead);

/* Sets what a plan of the session is bound to: runbook, library, site and params. */
void bsc_run_plan_describe_inputs(struct bsc_value *plan, const struct bsc_run_session *session);

/* Notes in a plan (one with `made`) where the session's files are. They have the digests that the
 * plan tells, and yet whoever goes on with its run must not take others for them: what a site file
 * says of files and folders is beside it. */
void bsc_run_plan_place(struct bsc_value *plan, const struct bsc_run_session *session);

/* Reads a plan file; refuses (BSC_ERR_REFUSED) one whose digest does not fit. Returns owned. */
struct bsc_value *bsc_run_plan_read(const struct bsc_sys *sys, const char *path,
                                    struct bsc_err *err);

/* The same without `items`, checked all the same: of a plan with many of them that takes a fraction
 * of the time. For whoever has them by other means, or reads them later if at all. */
struct bsc_value *bsc_run_plan_read_head(const struct bsc_sys *sys, const char *path,
                                         struct bsc_err *err);

/* Writes the plan as canonical JSON, redacted. */
bool bsc_run_plan_write(const struct bsc_run_session *session, const char *path,
                        const struct bsc_value *plan, struct bsc_err *err);

/* Whether neither the plan nor the runbook, the modules and the site file that it was made of hold
 * a secret. None of them could be kept as it is: what is written without the secret is no longer
 * what the digests were taken of. False names where the secret stands (BSC_ERR_REFUSED). */
bool bsc_run_plan_can_be_kept(const struct bsc_run_session *session, const struct bsc_value *plan,
                              struct bsc_err *err);

/* Makes a plan whose cursor has been made as small as a report needs it: its changes go, the long
 * lists among its facts are put in brief, and the memory is given back. With a large backlog that
 * is most of it. What else it was made of, and its digest, stay. */
void bsc_run_plan_lighten(struct bsc_value *plan);

/* The ids of all that the plan changes, each once; an owned list. */
struct bsc_value *bsc_run_plan_targets(const struct bsc_value *plan);

/* How many changes the plan makes. */
size_t bsc_run_plan_change_count(const struct bsc_value *plan);

#endif
