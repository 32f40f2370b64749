/*
 * One way through a runbook on the modelled site, with the faults that were asked for and no other.
 *
 * The faults, and what they lead to, are those of the explorer (run/explore.h), which goes all
 * ways.
 */
#ifndef BSC_RUN_WALK_H
#define BSC_RUN_WALK_H

#include <stdbool.h>

#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

struct bsc_run_walk_order {
    struct bsc_run_session *session; /* borrowed: with a runbook that has no errors */
    const struct bsc_value *facts;   /* borrowed: where it begins */
    /* Borrowed list, in the order in which they are to happen; each is {item, from 1, and
     *   fault, nth: a name of run/fault.h; at the how-manieth effect of the item that it fits,
     *     counted from 1 and from the fault before it; with looks true, at a look only,
     *   move: what the world does by itself before the item, in the words of the explorer, or
     *   facts {id={key=value}}: what is otherwise from there on}. */
    const struct bsc_value *faults;
    bool resume; /* a run that stopped is resumed as long as that helps */
};

/*
 * Walks. Returns the owned account, NULL on failure:
 *   {outcome: "done", "killed", or that of the item it stopped at, reason, item: its title,
 *    resumed: how often, steps [{title, outcome, reason}] of all items ("not reached" too),
 *    statements [text] that took effect, says [text] of notes and questions, facts {id=facts} at
 * the end, violations [{title, text, step}], missed: why a fault could not happen, or null}
 */
struct bsc_value *bsc_run_walk(const struct bsc_run_walk_order *order, struct bsc_err *err);

#endif
