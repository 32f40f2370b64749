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

/* What is seen of one server is of one moment for a first resource and those that follow it, as far
 * as its platform can do that. */
enum bsc_run_survey { BSC_RUN_SURVEY_NONE, BSC_RUN_SURVEY_FIRST, BSC_RUN_SURVEY_NEXT };

/* Borrows vm and hands until the callback, copies the name. */
void bsc_run_observe(struct bsc_vm *vm, struct bsc_run_hands *hands, const char *resource,
                     enum bsc_run_survey survey, bsc_run_observed done, void *arg);

/* Observes every resource of the list ([id…], borrowed) in one survey and hands over {id=facts}. */
void bsc_run_observe_all(struct bsc_vm *vm, struct bsc_run_hands *hands,
                         const struct bsc_value *resources, bsc_run_observed done, void *arg);

#endif
