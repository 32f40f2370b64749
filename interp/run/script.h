/*
 * What a runbook does next, learnt once: each item as a tree of effects.
 *
 * An item is a function of the answers it gets. Where it stands after some answers is a *spot*: the
 * effect that it asks for there, or its end. Spots that were reached before are found again without
 * running any Lua, so that a search can go over the same runbook thousands of times.
 */
#ifndef BSC_RUN_SCRIPT_H
#define BSC_RUN_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "run/atoms.h"
#include "value/value.h"
#include "vm/vm.h"

enum bsc_run_op {
    BSC_RUN_OP_END, /* of the item */
    BSC_RUN_OP_BEGIN,
    BSC_RUN_OP_OBSERVE,
    BSC_RUN_OP_CHANGE,
    BSC_RUN_OP_SLEEP,
    BSC_RUN_OP_NOW,
    BSC_RUN_OP_ASK,
    BSC_RUN_OP_NOTE,
    BSC_RUN_OP_UNDECIDED,
    BSC_RUN_OP_REACHED
};

struct bsc_run_spot {
    enum bsc_run_op op;
    size_t item;                       /* its place in the list of items, from 0 */
    size_t number;                     /* among all spots, from 0, in the order of discovery */
    size_t depth;                      /* effects of the item before this one */
    size_t action;                     /* of the item, from 1; 0 before the first */
    const struct bsc_value *value;     /* the effect, or at the end the item's result */
    const struct bsc_run_spot *anchor; /* where the action under way began, or the item's first */
};

struct bsc_run_script;

/* Borrows all for its life; `items` is the list from loading. Returns owned. */
struct bsc_run_script *bsc_run_script_new(struct bsc_vm *vm, const struct bsc_value *items,
                                          struct bsc_run_atoms *atoms);
void bsc_run_script_free(struct bsc_run_script *script);

/* Items of the runbook. */
size_t bsc_run_script_length(const struct bsc_run_script *script);
/* Adds an item that takes one of the runbook's back (run/back.h); it is taken. Returns its place,
 * behind those of the runbook. */
size_t bsc_run_script_add(struct bsc_run_script *script, struct bsc_value *item);
const struct bsc_value *bsc_run_script_item(const struct bsc_run_script *script, size_t index);
size_t bsc_run_script_spots(const struct bsc_run_script *script);
const struct bsc_run_spot *bsc_run_script_spot(const struct bsc_run_script *script, size_t number);

/* Where the item stands before any answer. Borrowed from the script, like all spots; NULL when the
 * Lua state cannot go on at all. An error in the runbook's own code is an end with "failed". */
const struct bsc_run_spot *bsc_run_script_first(struct bsc_run_script *script, size_t item,
                                                struct bsc_err *err);

/* Where it stands once the effect of `spot` was answered. */
const struct bsc_run_spot *bsc_run_script_next(struct bsc_run_script *script,
                                               const struct bsc_run_spot *spot, uint32_t answer,
                                               struct bsc_err *err);

/* How often the action under way has made the very change of the spot already, with success. */
size_t bsc_run_script_repeats(const struct bsc_run_script *script, const struct bsc_run_spot *spot);

/* Whether the item has asked for a change on the way to the spot. */
bool bsc_run_script_has_changed(const struct bsc_run_script *script,
                                const struct bsc_run_spot *spot);

/* Whether the action under way has looked at the resource of this id already, on the way to the
 * spot. */
bool bsc_run_script_has_looked(const struct bsc_run_script *script, const struct bsc_run_spot *spot,
                               const char *resource);

#endif
