/*
 * The step machine: performs a runbook's items one after another, whatever the world.
 *
 * Each item is a task of the Lua state. The machine carries its effects to the world and the
 * answers back, hears the outcome, and stops at the first item whose outcome does not let the run
 * go on. There is one machine for rehearsal and execution.
 */
#ifndef BSC_RUN_MACHINE_H
#define BSC_RUN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "run/outcome.h"
#include "run/world.h"
#include "value/value.h"
#include "vm/vm.h"

/* Told about the progress of the run; any member may be NULL. False stops the run with *err, which
 * is a breakdown unless its code is BSC_ERR_CANCELLED. */
struct bsc_run_hooks {
    void *self; /* borrowed */
    bool (*item_begin)(void *self, const struct bsc_value *item, struct bsc_err *err);
    /* `result` is {outcome, reason, actions}. */
    bool (*item_end)(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err);
};

struct bsc_run_end {
    bool broke; /* the run could not go on at all: `err` says why */
    struct bsc_err err;
    enum bsc_outcome outcome; /* kept or changed: every item was performed; else that of the item
                                 the run stopped at */
    size_t items_done;        /* items whose outcome let the run go on */
    char reason[512];         /* the reason of the item the run stopped at, or empty */
};

/* Where a run goes on that has been at work before. */
struct bsc_run_start {
    size_t item;                     /* in the list of items, from 0 */
    int64_t action;                  /* of it, from 1; 0: the item from its beginning */
    const struct bsc_value *changed; /* borrowed {item=true}: those from here on of which
                                        something was changed before, undos by their
                                        numbers less than 0; NULL: none */
};

struct bsc_run_machine;

/* All arguments are borrowed for the machine's life; `items` is the list from loading, or one of
 * items that take others back (kind "undo", see run/back.h). */
struct bsc_run_machine *bsc_run_machine_new(struct bsc_vm *vm, const struct bsc_value *items,
                                            const struct bsc_run_world *world,
                                            const struct bsc_run_hooks *hooks);
void bsc_run_machine_free(struct bsc_run_machine *machine);

/* Begins there, and takes what lies before it for done. To be called before the start. */
void bsc_run_machine_skip_to(struct bsc_run_machine *machine, const struct bsc_run_start *start);

/* Starts with the first item, or where it was told to begin. `ended` is called once, possibly
 * before this returns. */
void bsc_run_machine_start(struct bsc_run_machine *machine,
                           void (*ended)(void *arg, const struct bsc_run_end *end), void *arg);

#endif
