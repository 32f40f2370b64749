/*
 * Having a mirror kept up to date.
 */
#ifndef BSC_MIRRORS_FOLLOW_H
#define BSC_MIRRORS_FOLLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "mirrors/engine.h"
#include "os/sys.h"

struct bsc_mirrors_follow_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_mirrors_engine *engine;
    const char *program; /* path of our own program */
    const char *principal;
    const char *mirror;
    const atomic_bool *cancel; /* NULL, or set when the operator wants to stop */
    int64_t wait_ms;           /* while nothing moves; 0 is the usual ten seconds */
};

/* Starts the agent, or keeps the one that is there, and waits until it holds the principal's log
 * and the mirror holds what the principal had committed at that moment. An agent that follows
 * another principal is ended first. TIMEOUT when the mirror does not move any more before that; the
 * agent then goes on. */
bool bsc_mirrors_follow(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                        struct bsc_err *err);

#endif
