/*
 * Pool driver `haproxy`: a conversation with the runtime socket of one HAProxy.
 *
 * All of it is over one connection. May include base, os and value.
 */
#ifndef BSC_POOLS_HAPROXY_TALK_H
#define BSC_POOLS_HAPROXY_TALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/value.h"

struct bsc_dial;

struct bsc_pools_haproxy_talk {
    const char *address;   /* borrowed: a path or HOST:PORT */
    struct bsc_dial *dial; /* owned; NULL while nobody is connected */
    int64_t deadline_us;   /* set before it begins: monotonic, when to give up; 0 is never */
    const char *master;    /* set before it begins: borrowed path of the socket of its master, over
                              which the processes are reached that a reload left; or NULL */
    int64_t timeout_ms;    /* for each answer */
    const atomic_bool *cancel; /* borrowed; may be NULL */
};

/* Connects. Each question is answered within `timeout_ms`, or fails with BSC_ERR_TIMEOUT; `cancel`
 * (borrowed) may be NULL. */
bool bsc_pools_haproxy_talk_begin(struct bsc_pools_haproxy_talk *talk, const char *address,
                                  int64_t timeout_ms, const atomic_bool *cancel,
                                  struct bsc_err *err);
/* Accepts a zeroed conversation. */
void bsc_pools_haproxy_talk_end(struct bsc_pools_haproxy_talk *talk);

/* Appends the answer to a command, which is one line without its end. */
bool bsc_pools_haproxy_talk_ask(struct bsc_pools_haproxy_talk *talk, const char *command,
                                struct bsc_buf *answer, struct bsc_err *err);

/* Every server as bsc_pools_haproxy_servers gives it, with its `sessions`; where it is not ready,
 * less those that are `closed`. With a `master` those of old processes are among them, and servers
 * that only these have, with the state "gone". Returns owned. */
struct bsc_value *bsc_pools_haproxy_talk_servers(struct bsc_pools_haproxy_talk *talk,
                                                 struct bsc_err *err);

/* Whether this socket may be used for changes: BSC_ERR_DENIED when not. */
bool bsc_pools_haproxy_talk_may_change(struct bsc_pools_haproxy_talk *talk, struct bsc_err *err);

/* Makes the server `name`, "BACKEND/SERVER", "ready", "drain" or "maint". */
bool bsc_pools_haproxy_talk_set(struct bsc_pools_haproxy_talk *talk, const char *name,
                                const char *state, struct bsc_err *err);

/* Asks for an end of every session on the server, which comes a little later. */
bool bsc_pools_haproxy_talk_shut(struct bsc_pools_haproxy_talk *talk, const char *name,
                                 struct bsc_err *err);

#endif
