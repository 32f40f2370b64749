/*
 * Facts that come out of a file instead of having just been observed.
 */
#ifndef BSC_RUN_RECORDED_H
#define BSC_RUN_RECORDED_H

#include <stdbool.h>

#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

/* Reads the facts that `bascule observe -o` has written. Returns owned, NULL on failure. */
struct bsc_value *bsc_run_recorded_read(const struct bsc_sys *sys, const char *path,
                                        struct bsc_err *err);

/* What is wrong with facts ({id={key=value}}) that nobody has just observed, by the schema alone:
 * [{resource, key, message, hint, line, column}], each only where there is one. `path` is the file
 * that the facts come from, for the places; or NULL. Returns owned, NULL on failure. */
struct bsc_value *bsc_run_recorded_complaints(struct bsc_run_session *session, const char *path,
                                              const struct bsc_value *facts, struct bsc_err *err);

/* Sees that the facts ({id=facts}) can stand for the site: they keep the schema, and none of the
 * site's resources that the session's runbook speaks of is missing. What the runbook does not speak
 * of is removed, so that they are what observing would have given. Returns the ids of the runbook's
 * own resources of which nothing is said, owned; NULL names resources and keys (BSC_ERR_INVALID).
 * `path` is where the facts come from. */
struct bsc_value *bsc_run_recorded_settle(struct bsc_run_session *session, const char *path,
                                          struct bsc_value *facts, struct bsc_err *err);

#endif
