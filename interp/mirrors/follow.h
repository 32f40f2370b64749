/*
 * The agent that keeps a mirror up to date, and what can be said about the two.
 *
 * The agent is a process of its own, `bascule agent mirror PRINCIPAL MIRROR`. `<mirror>.agent`
 * holds its pid; a pid counts only while the process that has it was started with these words.
 */
#ifndef BSC_MIRRORS_FOLLOW_H
#define BSC_MIRRORS_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "mirrors/engine.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_mirrors_agent {
    pid_t pid;       /* 0 when there is none alive */
    char *principal; /* owned: what it follows; NULL when there is none */
};

/* Finds the living agent of a mirror; release it afterwards. */
bool bsc_mirrors_agent_find(const struct bsc_sys *sys, const char *mirror,
                            struct bsc_mirrors_agent *ret, struct bsc_err *err);
void bsc_mirrors_agent_release(struct bsc_mirrors_agent *agent);

/* Ends the mirror's agent; none is fine. */
bool bsc_mirrors_agent_end(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err);

struct bsc_mirrors_follow_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_mirrors_engine *engine;
    const char *program; /* path of our own program */
    const char *principal;
    const char *mirror;
    const atomic_bool *cancel; /* NULL, or set when the operator wants to stop */
    int64_t wait_ms;           /* for the mirror to catch up; 0 is the usual ten seconds */
};

/* Starts the agent, or keeps the one that is there, and waits until the mirror holds what the
 * principal had committed at that moment. An agent that follows another principal is ended first.
 * TIMEOUT when it does not catch up; the agent then goes on. */
bool bsc_mirrors_follow(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                        struct bsc_err *err);

/* The facts of a mirror, an owned map: state (none, following, stalled, broken), principal, lsn,
 * lag, agent. Waits up to a second to see whether a mirror that is behind moves. NULL on failure.
 */
struct bsc_value *bsc_mirrors_state(const struct bsc_sys *sys,
                                    const struct bsc_mirrors_engine *engine, const char *principal,
                                    const char *mirror, struct bsc_err *err);

#endif
