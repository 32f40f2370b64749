#include "run/outcome.h"

#include <stddef.h>
#include <string.h>

const char *bsc_run_outcome_name(enum bsc_outcome outcome)
{
    switch (outcome) {
#define BSC_OUTCOME_NAME(id, name, text)                                                           \
    case BSC_OUTCOME_##id:                                                                         \
        return name;
        BSC_OUTCOMES(BSC_OUTCOME_NAME)
#undef BSC_OUTCOME_NAME
    }
    return "unknown";
}

bool bsc_run_outcome_parse(const char *name, enum bsc_outcome *ret_outcome)
{
    if (name == NULL)
        return false;
#define BSC_OUTCOME_MATCH(id, word, text)                                                          \
    if (strcmp(name, word) == 0) {                                                                 \
        *ret_outcome = BSC_OUTCOME_##id;                                                           \
        return true;                                                                               \
    }
    BSC_OUTCOMES(BSC_OUTCOME_MATCH)
#undef BSC_OUTCOME_MATCH
    return false;
}

bool bsc_run_outcome_goes_on(enum bsc_outcome outcome, bool optional)
{
    switch (outcome) {
    case BSC_OUTCOME_KEPT:
    case BSC_OUTCOME_CHANGED:
    case BSC_OUTCOME_SKIPPED:
        return true;
    case BSC_OUTCOME_REFUSED:
    case BSC_OUTCOME_FAILED:
        return optional;
    default:
        return false;
    }
}

int bsc_run_outcome_exit(enum bsc_outcome outcome)
{
    switch (outcome) {
    case BSC_OUTCOME_KEPT:
    case BSC_OUTCOME_CHANGED:
    case BSC_OUTCOME_SKIPPED:
        return 0;
    case BSC_OUTCOME_REFUSED:
        return 3;
    case BSC_OUTCOME_UNKNOWN:
        return 6;
    case BSC_OUTCOME_PARKED:
        return 7;
    default:
        return 1;
    }
}
