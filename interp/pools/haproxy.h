/*
 * Pool driver `haproxy`: what the runtime socket of a HAProxy says of its servers.
 *
 * This file reads answers; it asks nobody. May include base and value.
 */
#ifndef BSC_POOLS_HAPROXY_H
#define BSC_POOLS_HAPROXY_H

#include "base/err.h"
#include "value/value.h"

/* The question whose answer bsc_pools_haproxy_servers understands. */
#define BSC_POOLS_HAPROXY_QUESTION "show servers state\n"

/* Every server in the order of the answer, as a list of {backend, server, state}; `state` is what
 * somebody has wanted of it: "ready", "drain" or "maint". Whether it is up is another matter.
 * Returns owned; NULL with BSC_ERR_INVALID for an answer of another form. */
struct bsc_value *bsc_pools_haproxy_servers(const char *answer, struct bsc_err *err);

#endif
