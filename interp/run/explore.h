/*
 * The fault explorer: a runbook rehearsed with everything going wrong that can, everywhere.
 *
 * It searches the states that a run can get into, breadth first, so that the first way found into
 * a state is a shortest one. At each effect it goes on without a fault and, while faults are left,
 * with each one that fits; the world may also move by itself. A run that was killed or has halted
 * is resumed: what was under way is settled by looking, and the action begins anew. A state that
 * was reached before is not explored again. The runbook's code is run only where it has not been
 * yet.
 *
 * What an action has looked at does not move by itself before the action is over: no program could
 * know that it has.
 */
#ifndef BSC_RUN_EXPLORE_H
#define BSC_RUN_EXPLORE_H

#include <stdbool.h>

#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

enum { BSC_RUN_FAULTS_MAX = 2 };

struct bsc_run_explore_order {
    struct bsc_run_session *session; /* borrowed: with a runbook that has no errors */
    const struct bsc_value *facts;   /* borrowed: where it all begins */
    unsigned faults;                 /* how many may happen in one run: 0 to BSC_RUN_FAULTS_MAX */
    const char *only;                /* the one way to go, as a violation's `replay`, or NULL */
};

/*
 * Explores. Returns the owned verdict, NULL on failure:
 *   {format, faults, tried, states, effects, complete,
 *    ends {done, refused, halted, parked, rolled_back}: in how many ways a run came to an end, or
 * was parked for a while, and how many of the others were taken back, undisturbed {outcome, reason,
 * item}: what happens when nothing goes wrong, coverage {modelled, evaluated, declared, assumed}:
 * actions by label, changes [{at, statement}]: those of the undisturbed run, with their place in a
 * replay, left {id=facts}: with `only`, how the site is right after the last fault, violations
 * [{title, text, mend, item, step, line, replay, trace [text]}]}
 */
struct bsc_value *bsc_run_explore(const struct bsc_run_explore_order *order, struct bsc_err *err);

#endif
