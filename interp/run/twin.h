/*
 * The twin: a world made of facts. It holds no connection and no handle, so that whatever runs on
 * it is a rehearsal by construction.
 */
#ifndef BSC_RUN_TWIN_H
#define BSC_RUN_TWIN_H

#include <stdint.h>

#include "run/model.h"
#include "run/past.h"
#include "run/world.h"

/* Told what the twin was asked to do; any member may be NULL. Values are borrowed. */
struct bsc_run_twin_hooks {
    void *self; /* borrowed */
    /* `before` holds the present values of the keys that the change sets. */
    void (*change)(void *self, const struct bsc_value *effect, const struct bsc_value *before);
    void (*note)(void *self, const struct bsc_value *effect);
    void (*ask)(void *self, const struct bsc_value *effect);
};

struct bsc_run_twin;

/* Borrows the model, which the changes act on, and the hooks. The twin's clock starts at
 * `wall_ms`. Returns owned. */
struct bsc_run_twin *bsc_run_twin_new(struct bsc_run_model *model, int64_t wall_ms,
                                      const struct bsc_run_twin_hooks *hooks);
void bsc_run_twin_free(struct bsc_run_twin *twin);

/* Leaves out what a run that is gone on with (borrowed) would leave out. To be called before the
 * start, and from then on told of each item that begins, by its index in the runbook from 1. */
void bsc_run_twin_remember(struct bsc_run_twin *twin, const struct bsc_run_past *past);
void bsc_run_twin_enter(struct bsc_run_twin *twin, int64_t item_index);

/* The world to hand to a machine; borrowed from the twin. */
const struct bsc_run_world *bsc_run_twin_world(const struct bsc_run_twin *twin);

#endif
