/*
 * Pool driver `haproxy`: what the runtime socket of a HAProxy says.
 *
 * This file reads answers; it asks nobody. May include base and value.
 */
#ifndef BSC_POOLS_HAPROXY_H
#define BSC_POOLS_HAPROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "value/value.h"

/* The questions whose answers are understood here. */
#define BSC_POOLS_HAPROXY_SERVERS  "show servers state"
#define BSC_POOLS_HAPROXY_SESSIONS "show stat -1 4 -1"
#define BSC_POOLS_HAPROXY_STREAMS  "show sess"

/* Every server in the order of the answer, as a list of {backend, server, state, up}; `state` is
 * what somebody has wanted of it: "ready", "drain" or "maint". Whether it is up is another matter.
 * Returns owned; NULL with BSC_ERR_INVALID for an answer of another form. */
struct bsc_value *bsc_pools_haproxy_servers(const char *answer, struct bsc_err *err);

/* Sets `sessions` of those servers from an answer about sessions; a server of which it does not
 * tell has none. False with BSC_ERR_INVALID for an answer of another form. */
bool bsc_pools_haproxy_sessions(const char *answer, struct bsc_value *servers, struct bsc_err *err);

/* Takes the sessions that their client has closed, so that nothing more is sent through them, out
 * of `sessions` of those servers, into `closed`. HAProxy does not shut them down: they last until
 * the server closes them too. An answer without sessions, or of another form, takes nothing out. */
void bsc_pools_haproxy_closed(const char *answer, struct bsc_value *servers);

/* Adds the sessions that are listed to `sessions` and `closed` of those servers. A server that is
 * not among them, while its backend is, becomes one with the state "gone". */
void bsc_pools_haproxy_add_old(const char *answer, struct bsc_value *servers);

/* Whether a line of such a list is of a session on "BACKEND/SERVER". */
bool bsc_pools_haproxy_is_of(const char *line, size_t length, const char *name);

/* One of those servers by "BACKEND/SERVER", borrowed; NULL when there is no such server. */
const struct bsc_value *bsc_pools_haproxy_find(const struct bsc_value *servers, const char *name);

/* Whether a command was carried out: it then has no answer. What HAProxy says instead becomes an
 * error with what to do about it; `name` is the server it was about, `address` the HAProxy. */
bool bsc_pools_haproxy_done(const char *answer, const char *address, const char *name,
                            struct bsc_err *err);

/* Whether "BACKEND/SERVER" can be a part of a command without being more than a name. */
bool bsc_pools_haproxy_name_valid(const char *name);

#endif
