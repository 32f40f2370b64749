/*
 * What answers the effects of a runbook: live, or its twin.
 *
 * A world is given one effect at a time and replies exactly once, at once or later on the loop. A
 * reply with an error instead of an answer means that the run cannot go on at all (the journal
 * could not be written, say); failures of the world itself are ordinary answers. The one error
 * that is no breakdown is BSC_ERR_CANCELLED: the operator stopped the run, and the item under way
 * ends as interrupted.
 */
#ifndef BSC_RUN_WORLD_H
#define BSC_RUN_WORLD_H

#include "base/err.h"
#include "value/value.h"

/* Takes `answer`; when it is NULL, `err` (borrowed) says why. */
typedef void (*bsc_run_reply)(void *arg, struct bsc_value *answer, const struct bsc_err *err);

struct bsc_run_world {
    void *self; /* borrowed */
    /* `effect` is borrowed and stays until the reply. */
    void (*perform)(void *self, const struct bsc_value *effect, bsc_run_reply reply, void *arg);
};

#endif
