/*
 * Observing a resource of the real site: the platform's own Lua code runs as a task and asks for
 * READ rows; the result is the resource's facts.
 */
#ifndef BSC_RUN_OBSERVER_H
#define BSC_RUN_OBSERVER_H

#include "base/err.h"
#include "run/hands.h"
#include "value/value.h"
#include "vm/vm.h"

/* Takes `facts`; NULL means that `err` (borrowed) holds: the observation itself broke, which is
 * different from a resource that does not answer (a fact). */
typedef void (*bsc_run_observed)(void *arg, struct bsc_value *facts, const struct bsc_err *err);

/*
 * What several observations share: a question that a platform marks as `shared` is asked once, and
 * the answer is given to all, so that what is seen of one server is of one moment. A question that
 * failed is asked anew by whoever comes later.
 */
struct bsc_run_survey;

/* Borrows vm and hands. Free it when none of its observations is under way, or in the callback of
 * the last one. */
struct bsc_run_survey *bsc_run_survey_new(struct bsc_vm *vm, struct bsc_run_hands *hands);
void bsc_run_survey_free(struct bsc_run_survey *survey); /* accepts NULL */

/* Copies the name, and borrows the lane until the callback: where rows that have none of their own
 * are performed. NULL is the common one. */
void bsc_run_survey_observe(struct bsc_run_survey *survey, const char *resource, const char *lane,
                            bsc_run_observed done, void *arg);

/* An observation that shares nothing. Borrows vm and hands until the callback. */
void bsc_run_observe(struct bsc_vm *vm, struct bsc_run_hands *hands, const char *resource,
                     bsc_run_observed done, void *arg);

/* Observes every resource of the list ([id…], borrowed until the callback) in one survey and hands
 * over {id=facts}. Resources of different groups (entry function `groups`) are looked at side by
 * side, those of one group in turn. */
void bsc_run_observe_all(struct bsc_vm *vm, struct bsc_run_hands *hands,
                         const struct bsc_value *resources, bsc_run_observed done, void *arg);

#endif
