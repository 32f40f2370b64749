/*
 * What can go wrong at one effect of a runbook, and the words for it.
 */
#ifndef BSC_RUN_FAULT_H
#define BSC_RUN_FAULT_H

#include <stdbool.h>

#include "base/err.h"
#include "run/script.h"

enum bsc_run_fault {
    BSC_RUN_FAULT_NONE,
    BSC_RUN_FAULT_FAILS,
    BSC_RUN_FAULT_FAILS_AFTER,
    BSC_RUN_FAULT_LIES,
    BSC_RUN_FAULT_LOST_BEFORE,
    BSC_RUN_FAULT_LOST_AFTER,
    BSC_RUN_FAULT_HANGS_BEFORE,
    BSC_RUN_FAULT_HANGS_AFTER,
    BSC_RUN_FAULT_DISK_FULL,
    BSC_RUN_FAULT_UNSEEN_AFTER,
    BSC_RUN_FAULT_KILLED_BEFORE_INTENT,
    BSC_RUN_FAULT_KILLED_AFTER_INTENT,
    BSC_RUN_FAULT_KILLED_AFTER_EFFECT,
    BSC_RUN_FAULT_KILLED_AFTER_OUTCOME,
    BSC_RUN_FAULT_UNSEEN,
    BSC_RUN_FAULT_UNSEEN_IN_TIME,
    BSC_RUN_FAULT_SAYS_NO,
    BSC_RUN_FAULT_KILLED,
    BSC_RUN_FAULT_PARKED,
    BSC_RUN_FAULT_COUNT
};

struct bsc_run_fault_kind {
    const char *name;       /* in a replay: "lost-after" */
    const char *words;      /* "it takes effect, but the answer is lost" */
    bool takes_effect;      /* the change acts on the world all the same */
    bool kills;             /* the interpreter ends here */
    bool has_intent;        /* a kill that leaves a change under way */
    bool stops;             /* the run cannot go on: it halts at once */
    bool blinds;            /* nothing can be observed afterwards */
    enum bsc_err_code code; /* what the row reports; NONE is success */
};

const struct bsc_run_fault_kind *bsc_run_fault_kind(enum bsc_run_fault fault);

/* Whether it can happen at an effect of this kind. */
bool bsc_run_fault_fits(enum bsc_run_fault fault, enum bsc_run_op op);

/* False when no fault has the name. */
bool bsc_run_fault_parse(const char *name, enum bsc_run_fault *ret_fault);

#endif
