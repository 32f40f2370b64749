/*
 * The agent that keeps a mirror up to date: a process of its own, started as `bascule agent mirror
 * PRINCIPAL MIRROR`.
 *
 * `<mirror>.agent` holds its pid, and the agent writes it itself: as soon as it has the principal's
 * log in its hands, and not before. Until then a client that leaves the principal as the last one
 * takes the log along, and with it commits that the mirror lacks. A pid counts only while the
 * process that has it was started with these very words, so that one given away again is never
 * taken for the agent. May include base and os.
 */
#ifndef BSC_MIRRORS_AGENT_H
#define BSC_MIRRORS_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_mirrors_agent {
    pid_t pid;       /* 0 when there is none alive */
    char *principal; /* owned: what it follows; NULL when there is none */
};

/* Finds the living agent of a mirror; release it afterwards. */
bool bsc_mirrors_agent_find(const struct bsc_sys *sys, const char *mirror,
                            struct bsc_mirrors_agent *ret, struct bsc_err *err);
void bsc_mirrors_agent_release(struct bsc_mirrors_agent *agent);

/* Whether this agent has said that it holds the log. */
bool bsc_mirrors_agent_holds(const struct bsc_sys *sys, const char *mirror, pid_t pid);

/* By the agent itself: says so. */
bool bsc_mirrors_agent_announce(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err);

/* Starts one. Its output goes to `<mirror>.agent.log`. */
bool bsc_mirrors_agent_start(const struct bsc_sys *sys, const char *program, const char *principal,
                             const char *mirror, pid_t *ret_pid, struct bsc_err *err);

/* Ends the mirror's agent; none is fine. */
bool bsc_mirrors_agent_end(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err);

#endif
