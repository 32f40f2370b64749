#include "mirrors/follow.h"

#include <string.h>

#include "mirrors/agent.h"
#include "mirrors/wait_int.h"
#include "os/process.h"

enum { FOLLOW_WAIT_MS = 10000 };

static bool start_or_keep(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                          struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    bool ok = bsc_mirrors_agent_find(order->sys, order->mirror, &agent, err);

    if (ok && agent.pid != 0 && strcmp(agent.principal, order->principal) == 0)
        *ret_pid = agent.pid;
    else
        ok = ok && bsc_mirrors_agent_end(order->sys, order->mirror, err) &&
             bsc_mirrors_agent_start(order->sys, order->program, order->principal, order->mirror,
                                     ret_pid, err);
    bsc_mirrors_agent_release(&agent);
    return ok;
}

static bool too_late(const struct bsc_mirrors_follow_order *order, int64_t waited_ms, int64_t lsn,
                     int64_t target, struct bsc_err *err)
{
    if (lsn >= target)
        return bsc_err_set(err, BSC_ERR_TIMEOUT,
                           "the agent of the mirror '%s' does not hold the log of '%s' after "
                           "%lld ms",
                           order->mirror, order->principal, (long long)waited_ms);
    return bsc_err_set(err, BSC_ERR_TIMEOUT,
                       "the mirror '%s' has stayed at LSN %lld for %lld ms, its principal was at "
                       "LSN %lld",
                       order->mirror, (long long)lsn, (long long)waited_ms, (long long)target);
}

static bool gives_up(const struct bsc_mirrors_follow_order *order, pid_t pid, int64_t lsn,
                     struct bsc_err *err)
{
    if (order->cancel != NULL && atomic_load(order->cancel)) {
        bsc_err_set(err, BSC_ERR_CANCELLED, "waiting for '%s' was cancelled", order->mirror);
        return true;
    }
    if (bsc_process_alive(pid))
        return false;
    bsc_err_set(err, BSC_ERR_IO, "the agent of the mirror '%s' ended at LSN %lld", order->mirror,
                (long long)lsn);
    bsc_err_hint(err, "'%s.agent.log' says why.", order->mirror);
    return true;
}

/* A mirror that was cloned just now has caught up before its agent has begun. How much there is to
 * catch up with nobody knows, so that it may take as long as it moves. */
static bool await_agent(const struct bsc_mirrors_follow_order *order, pid_t pid, int64_t target,
                        struct bsc_err *err)
{
    const int64_t wait_ms = order->wait_ms > 0 ? order->wait_ms : FOLLOW_WAIT_MS;
    int64_t until_ms = 0, seen = INT64_MIN, lsn;

    while ((lsn = bsc_mirrors_lsn_of(order->engine, order->mirror)) < target ||
           !bsc_mirrors_agent_holds(order->sys, order->mirror, pid)) {
        if (gives_up(order, pid, lsn, err))
            return false;
        if (lsn > seen)
            until_ms = bsc_mirrors_now_ms() + wait_ms;
        else if (bsc_mirrors_now_ms() >= until_ms)
            return too_late(order, wait_ms, lsn, target, err);
        seen = lsn;
        bsc_mirrors_pause();
    }
    return true;
}

bool bsc_mirrors_follow(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                        struct bsc_err *err)
{
    int64_t target = bsc_mirrors_lsn_of(order->engine, order->principal);
    pid_t pid = 0;

    if (target < 0)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "the principal '%s' does not say its LSN",
                           order->principal);
    if (!start_or_keep(order, &pid, err) || !await_agent(order, pid, target, err))
        return false;
    *ret_pid = pid;
    return true;
}
