/*
 * The agents' work, one round at a time: what a program calls again and again to keep copies up to
 * date. When to call, how often, and when to stop is the caller's business.
 */
#ifndef BSC_LOGS_AGENT_H
#define BSC_LOGS_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/backup.h"
#include "os/clock.h"
#include "os/sys.h"

/* Takes a log backup: bsc_logs_backup_take under the name that goes with the others. */
bool bsc_logs_agent_log_backup(const struct bsc_logs_backup_order *order,
                               struct bsc_logs_backup *ret, struct bsc_err *err);

struct bsc_logs_agent_round {
    size_t copied;
    size_t applied;
    int64_t lsn;       /* of the copy afterwards */
    char problem[512]; /* what stands in the way of more, or empty */
};

/* Copies what is new on the share and applies it, as the copy's `<db>.shipping` says, which is
 * locked meanwhile. Work goes as far as the chain is whole; that it is not is no failure. Errors:
 * NOT_FOUND when there is no job; CONFLICT when a round is under way or the job is being ended;
 * those of copying and applying. */
bool bsc_logs_agent_copy_apply(const struct bsc_sys *sys, const char *db, const atomic_bool *cancel,
                               struct bsc_logs_agent_round *ret, struct bsc_err *err);

/* The same as a job would do that nobody set up; the caller sees to it that there is no other.
 * Where share and destination are one folder nothing is copied. */
bool bsc_logs_agent_bring(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                          const atomic_bool *cancel, struct bsc_logs_agent_round *ret,
                          struct bsc_err *err);

/* A mirror and its principal, held between rounds. */
struct bsc_logs_follower;

/* Holds the principal's log. Returns owned, NULL on failure. */
struct bsc_logs_follower *bsc_logs_follower_open(const struct bsc_sys *sys,
                                                 const struct bsc_clock *clock,
                                                 const char *principal, const char *mirror,
                                                 struct bsc_err *err);
void bsc_logs_follower_close(struct bsc_logs_follower *follower);

/* Brings what was committed on the principal since the last round into the mirror. The principal's
 * frames are checkpointed here as soon as log backups, where they are taken, have them too. Writers
 * to the principal wait meanwhile; an idle round costs them nothing. Errors: REFUSED when the
 * mirror belongs to another fork or has missed frames: it must be installed anew. */
bool bsc_logs_agent_mirror(struct bsc_logs_follower *follower, struct bsc_logs_agent_round *ret,
                           struct bsc_err *err);

#endif
