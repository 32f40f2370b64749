#include "run/fault.h"

#include <string.h>

static const struct bsc_run_fault_kind kinds[BSC_RUN_FAULT_COUNT] = {
    [BSC_RUN_FAULT_NONE] = {.name = "none", .words = "nothing goes wrong", .takes_effect = true},
    [BSC_RUN_FAULT_FAILS] = {.name = "fails",
                             .words = "it fails and has no effect",
                             .code = BSC_ERR_IO},
    [BSC_RUN_FAULT_FAILS_AFTER] = {.name = "fails-after",
                                   .words = "it takes effect but reports failure",
                                   .takes_effect = true,
                                   .code = BSC_ERR_IO},
    [BSC_RUN_FAULT_LIES] = {.name = "lies", .words = "it reports success but has no effect"},
    [BSC_RUN_FAULT_LOST_BEFORE] = {.name = "lost",
                                   .words = "the connection drops before it takes effect",
                                   .code = BSC_ERR_UNKNOWN},
    [BSC_RUN_FAULT_LOST_AFTER] = {.name = "lost-after",
                                  .words = "it takes effect, and the connection drops before the "
                                           "answer comes",
                                  .takes_effect = true,
                                  .code = BSC_ERR_UNKNOWN},
    [BSC_RUN_FAULT_HANGS_BEFORE] = {.name = "hangs",
                                    .words = "it hangs past its timeout and never takes effect",
                                    .code = BSC_ERR_TIMEOUT},
    [BSC_RUN_FAULT_HANGS_AFTER] = {.name = "hangs-after",
                                   .words = "it takes effect but hangs past its timeout",
                                   .takes_effect = true,
                                   .code = BSC_ERR_TIMEOUT},
    [BSC_RUN_FAULT_DISK_FULL] = {.name = "disk-full",
                                 .words = "the disk is full, so it fails and has no effect",
                                 .code = BSC_ERR_NO_SPACE},
    [BSC_RUN_FAULT_UNSEEN_AFTER] = {.name = "unseen-after",
                                    .words = "it takes effect, but cannot be observed afterwards",
                                    .takes_effect = true,
                                    .blinds = true},
    [BSC_RUN_FAULT_KILLED_BEFORE_INTENT] = {.name = "killed-before-intent",
                                            .words = "bascule is killed before the intent is "
                                                     "recorded",
                                            .kills = true},
    [BSC_RUN_FAULT_KILLED_AFTER_INTENT] = {.name = "killed-after-intent",
                                           .words = "bascule is killed when the intent is recorded "
                                                    "and the effect has not begun",
                                           .kills = true,
                                           .has_intent = true},
    [BSC_RUN_FAULT_KILLED_AFTER_EFFECT] = {.name = "killed-after-effect",
                                           .words = "bascule is killed after the effect, before "
                                                    "the outcome is recorded",
                                           .takes_effect = true,
                                           .kills = true,
                                           .has_intent = true},
    [BSC_RUN_FAULT_KILLED_AFTER_OUTCOME] = {.name = "killed-after-outcome",
                                            .words = "bascule is killed when the outcome is "
                                                     "recorded",
                                            .takes_effect = true,
                                            .kills = true},
    [BSC_RUN_FAULT_UNSEEN] = {.name = "unseen",
                              .words = "it cannot be observed",
                              .stops = true,
                              .code = BSC_ERR_UNREACHABLE},
    [BSC_RUN_FAULT_UNSEEN_IN_TIME] = {.name = "unseen-in-time",
                                      .words = "observing it hangs past the timeout",
                                      .stops = true,
                                      .code = BSC_ERR_TIMEOUT},
    [BSC_RUN_FAULT_SAYS_NO] = {.name = "no", .words = "the operator says no"},
    [BSC_RUN_FAULT_KILLED] = {.name = "killed", .words = "bascule is killed here", .kills = true},
    [BSC_RUN_FAULT_PARKED] = {.name = "parked",
                              .words =
                                  "it is too early, or nobody answers: the run is parked, where "
                                  "its gate may"},
};

const struct bsc_run_fault_kind *bsc_run_fault_kind(enum bsc_run_fault fault)
{
    return &kinds[fault];
}

bool bsc_run_fault_fits(enum bsc_run_fault fault, enum bsc_run_op op)
{
    switch (op) {
    case BSC_RUN_OP_CHANGE:
        return fault >= BSC_RUN_FAULT_FAILS && fault <= BSC_RUN_FAULT_KILLED_AFTER_OUTCOME;
    case BSC_RUN_OP_OBSERVE:
        return fault == BSC_RUN_FAULT_UNSEEN || fault == BSC_RUN_FAULT_UNSEEN_IN_TIME ||
               fault == BSC_RUN_FAULT_KILLED;
    case BSC_RUN_OP_ASK:
        return fault == BSC_RUN_FAULT_SAYS_NO || fault == BSC_RUN_FAULT_KILLED ||
               fault == BSC_RUN_FAULT_PARKED;
    case BSC_RUN_OP_REACHED:
        return fault == BSC_RUN_FAULT_KILLED || fault == BSC_RUN_FAULT_PARKED;
    case BSC_RUN_OP_SLEEP:
    case BSC_RUN_OP_NOW:
    case BSC_RUN_OP_NOTE:
        return fault == BSC_RUN_FAULT_KILLED;
    default:
        return false;
    }
}

bool bsc_run_fault_parse(const char *name, enum bsc_run_fault *ret_fault)
{
    for (int i = 0; i < BSC_RUN_FAULT_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_fault = (enum bsc_run_fault)i;
            return true;
        }
    }
    return false;
}
