/*
 * Drift: what has become different since a plan was made.
 *
 * The runbook is planned anew with what is there now, and the two plans are compared. The result
 * is a value:
 *   holds   whether the old plan may still be carried out
 *   inputs  [{what, name, then, now}]: digests, or the values of a parameter
 *   facts   [{resource, key, then, now, identity, blocks}], and {noun, more, fewer, changed} where
 *           the entries of a list were counted
 *   steps   [{index, kind, title, then, now, reason, blocks, changes}]: items whose outcome,
 *           statements, questions, or facts before and after are different. `then` and `now` are
 *           outcomes, null where one plan does not have the item. Of `changes` each has a sign,
 *           "-" or "+", and a statement with the resources it is about, or the line of a question;
 *           "=" and {facts} for a statement that is the same with other facts
 *
 * What blocks: any input; the identity of a resource; any item that is not the same, unless all
 * that happened is that a volatile change has nothing left to do. A fact that is different without
 * making an item different does not: no step depends on it.
 */
#ifndef BSC_RUN_DRIFT_H
#define BSC_RUN_DRIFT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

/* Compares two plans; all borrowed. Returns owned. */
struct bsc_value *bsc_run_drift_between(const struct bsc_value *then, const struct bsc_value *now,
                                        const struct bsc_value *schema);

/* Whether the plan was made of the very files and parameters that the session has. Then it would be
 * made of them again, and nothing need be planned to know that. */
bool bsc_run_drift_same_inputs(const struct bsc_value *plan, const struct bsc_run_session *session);

/* Plans the session's runbook anew with these facts (borrowed), and compares. Returns owned, NULL
 * when it cannot be planned. */
struct bsc_value *bsc_run_drift_since(struct bsc_run_session *session, const struct bsc_value *plan,
                                      const struct bsc_value *facts, struct bsc_err *err);

/* Whether the plan may still be carried out; false says why not (BSC_ERR_REFUSED). */
bool bsc_run_drift_holds(const struct bsc_value *drift, struct bsc_err *err);

/* Whether anything at all is different. */
bool bsc_run_drift_any(const struct bsc_value *drift);

/* Appends in one sentence what blocks: "3 more log backups: steps 6 and 7 differ." */
void bsc_run_drift_words(const struct bsc_value *drift, struct bsc_buf *out);

/* What has become different on a site since a run last looked at it or changed it: the list `facts`
 * of a drift, by the facts {id={key=value}} that it was planned from, those that its journal has
 * since then, and those that were observed now. Owned; NULL when the journal cannot be read. */
struct bsc_value *bsc_run_drift_last_seen(const struct bsc_sys *sys, const char *journal,
                                          const struct bsc_value *planned,
                                          const struct bsc_value *observed,
                                          const struct bsc_value *schema, struct bsc_err *err);

/* Appends that list in one sentence. */
void bsc_run_drift_since_words(const struct bsc_value *facts, struct bsc_buf *out);

/* Appends how a counted fact has changed: "3 more log backups, 1 fewer" of a list, and of a number
 * "100,000 -> 99,874, 126 fewer users". */
void bsc_run_drift_count_words(const struct bsc_value *fact, struct bsc_buf *out);

#endif
