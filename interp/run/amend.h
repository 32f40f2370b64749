/*
 * A run whose runbook, modules, site file or library were changed after it had begun: what of that
 * comes before the place where the run goes on, and what behind it.
 *
 * Behind it everything may be different, once somebody has accepted that. Before it nothing may be:
 * what was done stays what it was, and is taken back as it would have been. Items are compared by
 * what they say (stdlib/said.lua) and by what they were planned to do, not by their text. What
 * cannot be told counts as different. May include every room to its left.
 */
#ifndef BSC_RUN_AMEND_H
#define BSC_RUN_AMEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/folder.h"
#include "run/past.h"
#include "run/session.h"
#include "value/value.h"

/* How many items, from the first on, must stay the same: those that were passed, and the one that
 * the run stopped at where a change of it was made or may have been. */
int64_t bsc_run_amend_reached(const struct bsc_run_past *past);

/* Opens a session on the inputs that the run's folder keeps under this number, to be read only.
 * `with` are the options for the present files, `plan` the plan of those that are kept. *session is
 * zeroed; close it in any case. BSC_ERR_DAMAGED names a file that is not what it was. */
bool bsc_run_amend_open(struct bsc_run_session *session, const struct bsc_run_session_options *with,
                        const struct bsc_journal_folder *folder, int64_t number,
                        const struct bsc_value *plan, struct bsc_err *err);

/* The parameters of a plan that somebody had set: the others follow the runbook that is there now.
 * `said` is what the runbook of the plan says. Returns owned {name=value}. */
struct bsc_value *bsc_run_amend_set(const struct bsc_value *said, const struct bsc_value *plan);

/* What the session's runbook says, with the parts of the site that its first items rest on, those
 * of `plan` among them. Returns owned, NULL on failure. */
struct bsc_value *bsc_run_amend_said(struct bsc_run_session *session, int64_t reached,
                                     const struct bsc_value *plan, struct bsc_err *err);

/* Compares what two runbooks say; `drift` is that between their plans (run/drift.h), and has as
 * `planned` how many items the present one has got to. Returns owned:
 * - holds: nothing is different before the place where the run goes on; `reached`: as given.
 * - items: [{index, kind, title, what, file, line, was, was_line, reached, how [{key, then,
 * now}]}], those that differ. `what` is "new", "gone" or "differs"; `index` and `line` are those of
 * now, or of then where it is gone; `was` and `was_line` those of then; `reached`: before that
 * place.
 * - site: [{key, item, then, now}], what is different of the parts that the first items rest on,
 *   with one of those items, 0: all.
 */
struct bsc_value *bsc_run_amend_compare(const struct bsc_value *then, const struct bsc_value *now,
                                        const struct bsc_value *drift, int64_t reached);

#endif
