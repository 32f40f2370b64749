/*
 * The live world: effects performed on the real site, each change between its intent and its
 * outcome in the journal, observed afterwards and compared with what was predicted.
 */
#ifndef BSC_RUN_LIVE_H
#define BSC_RUN_LIVE_H

#include <stdint.h>

#include "journal/journal.h"
#include "os/clock.h"
#include "os/loop.h"
#include "run/cursor.h"
#include "run/hands.h"
#include "run/leases.h"
#include "run/model.h"
#include "run/past.h"
#include "run/world.h"
#include "vm/vm.h"

/* Shows what happens and answers questions; any member but `ask` may be NULL. */
struct bsc_run_live_hooks {
    void *self; /* borrowed */
    void (*change_begin)(void *self, const struct bsc_value *effect);
    void (*change_end)(void *self, const struct bsc_value *effect, const char *outcome,
                       const char *reason);
    void (*note)(void *self, const struct bsc_value *effect);
    void (*sleeping)(void *self, const struct bsc_value *effect);
    /* Returns owned {answer="yes"|"no"|"later"|"stopped", by, reason}; later, where the effect has
     * parks=true: nobody answers now; stopped: a signal ended the waiting, and the run with it. The
     * effect has unplanned=true when it does not show what the plan showed: nobody has approved
     * that yet; and `denied` when somebody has said no to it before (run/denied.h). */
    struct bsc_value *(*ask)(void *self, const struct bsc_value *effect);
};

struct bsc_run_live_options {
    struct bsc_vm *vm; /* all borrowed for the world's life */
    struct bsc_run_hands *hands;
    struct bsc_run_model *model;   /* what is known and predicted */
    struct bsc_run_cursor *cursor; /* what was planned */
    struct bsc_journal *journal;
    struct bsc_loop *loop;
    const struct bsc_clock *clock;
    const struct bsc_run_live_hooks *hooks;
    struct bsc_run_leases *leases;   /* of what is changed; NULL: none are kept */
    const struct bsc_run_past *past; /* of a run that is gone on with; NULL for a new one */
};

struct bsc_run_live;

/* Returns owned. */
struct bsc_run_live *bsc_run_live_new(const struct bsc_run_live_options *options);
void bsc_run_live_free(struct bsc_run_live *live);

/* The item that the next effects belong to (its index in the runbook, from 1). */
void bsc_run_live_enter(struct bsc_run_live *live, int64_t item_index);

/* The operator wants an end: asks the row under way to stop and waits no longer. Observations go on
 * until the item under way has ended, so that it is known what was done; nothing is changed, waited
 * for or asked any more. */
void bsc_run_live_cancel(struct bsc_run_live *live);

/* How long it has waited so far: for an answer, or because the runbook says so. */
int64_t bsc_run_live_waited_us(const struct bsc_run_live *live);

const struct bsc_run_world *bsc_run_live_world(const struct bsc_run_live *live);

#endif
