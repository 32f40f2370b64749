/*
 * What a run that is gone on with does not make again: changes that their actions would make each
 * time, and of which its journal says that they were made. The same for the real run and for the
 * plan of what is left.
 */
#ifndef BSC_RUN_AGAIN_H
#define BSC_RUN_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "run/past.h"
#include "run/record.h"
#include "value/value.h"

struct bsc_run_again {
    const struct bsc_run_past *past; /* borrowed; NULL: nothing was made before */
    struct bsc_run_place at;         /* the item and the action under way */
    struct bsc_value *left_out;      /* owned {essence=count}: by that action so far */
};

/* `past` is that of a run that is gone on with, NULL of a new one. Release it in any case. */
void bsc_run_again_init(struct bsc_run_again *again, const struct bsc_run_past *past);
void bsc_run_again_release(struct bsc_run_again *again);

/* The item with this index begins; an action of it does. */
void bsc_run_again_enter(struct bsc_run_again *again, int64_t item);
void bsc_run_again_begin(struct bsc_run_again *again, int64_t action);

/* Whether the action under way made this very change before and would make it again; if so, it is
 * counted as left out. */
bool bsc_run_again_leaves_out(struct bsc_run_again *again, const struct bsc_value *change);

/* What is told of a change that is left out: {kind, text}. Returns owned. */
struct bsc_value *bsc_run_again_note(const struct bsc_value *change);

#endif
