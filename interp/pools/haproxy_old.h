/*
 * Pool driver `haproxy`: the processes that a reload has left behind.
 *
 * After a reload the old process of HAProxy takes no new sessions, and goes on with those that it
 * has. The runtime socket is the new one's; the old ones are reached over the socket of the master,
 * where HAProxy has one. May include base, os and value.
 */
#ifndef BSC_POOLS_HAPROXY_OLD_H
#define BSC_POOLS_HAPROXY_OLD_H

#include "pools/haproxy_talk.h"

/* Adds the sessions that old processes have to `sessions` and `closed` of those servers. Where the
 * new process has the backend and not the server, the server is added, with the state "gone".
 * Nothing is added where the talk has no `master`. */
bool bsc_pools_haproxy_old_add(const struct bsc_pools_haproxy_talk *talk, struct bsc_value *servers,
                               struct bsc_err *err);

/* Asks for an end of every session that an old process has on the server "BACKEND/SERVER". */
bool bsc_pools_haproxy_old_shut(const struct bsc_pools_haproxy_talk *talk, const char *name,
                                struct bsc_err *err);

#endif
