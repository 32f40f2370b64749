/*
 * The outcome words, the same in Lua, JSON, the journal and on screen.
 */
#ifndef BSC_RUN_OUTCOME_H
#define BSC_RUN_OUTCOME_H

#include <stdbool.h>

#define BSC_OUTCOMES(X)                                                                            \
    X(KEPT, "kept", "it was already true")                                                         \
    X(CHANGED, "changed", "it was made true and observed to be so")                                \
    X(SKIPPED, "skipped", "it did not apply here")                                                 \
    X(REFUSED, "refused", "a condition does not hold; nothing was changed")                        \
    X(FAILED, "failed", "the change reported an error and has not taken effect")                   \
    X(DIVERGED, "diverged", "the world is not as predicted")                                       \
    X(TIMEOUT, "timeout", "it did not become true in time")                                        \
    X(INTERRUPTED, "interrupted", "the operator stopped it")                                       \
    X(PARKED, "parked", "it waits for its time or for an answer; no process waits with it")        \
    X(UNKNOWN, "unknown", "it cannot be told whether it took effect")

enum bsc_outcome {
#define BSC_OUTCOME_ENUM(id, name, text) BSC_OUTCOME_##id,
    BSC_OUTCOMES(BSC_OUTCOME_ENUM)
#undef BSC_OUTCOME_ENUM
};

const char *bsc_run_outcome_name(enum bsc_outcome outcome);

/* False when the text is none of the words (NULL included). */
bool bsc_run_outcome_parse(const char *name, enum bsc_outcome *ret_outcome);

/* Whether a run may go on to its next item after this one; an optional item may also be refused
 * or fail. */
bool bsc_run_outcome_goes_on(enum bsc_outcome outcome, bool optional);

/* The process's exit code for a run that ended so. */
int bsc_run_outcome_exit(enum bsc_outcome outcome);

#endif
