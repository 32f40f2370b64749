/*
 * Pool driver `haproxy`: one change of servers in every HAProxy of a pool.
 *
 * HAProxy cannot count its changes, so a change is guarded by what was seen: right before it, over
 * the same connection, every HAProxy must still say of each server what it said when the change was
 * decided on, or already what it shall be. All are asked before the first is changed. May include
 * base, os and value.
 */
#ifndef BSC_POOLS_HAPROXY_CHANGE_H
#define BSC_POOLS_HAPROXY_CHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_pools_haproxy_change {
    const struct bsc_value *instances; /* borrowed list of {socket or address, state_file?,
                                        * master_socket?} */
    /* Borrowed maps from "BACKEND/SERVER" to a list of states: one for all instances, or one for
     * each. `to` has the servers to be changed, `from` those that must be as they were. Where an
     * instance lacks a server its state is "none", and stays so. */
    const struct bsc_value *from;
    const struct bsc_value *to;
    /* What is closed is closed, and the sessions of all that shall not be open are over, before
     * others open. Those that their client has closed keep nobody waiting. */
    bool exclusive;
    const struct bsc_sys *sys;
    const atomic_bool *cancel; /* borrowed; may be NULL */
    int64_t answer_ms;         /* for each answer */
    /* Monotonic times: until when sessions may go on, and when to give up; 0 is never. */
    int64_t drain_until_us;
    int64_t deadline_us;
};

/* Changes what differs, proves it and writes the state files, which have to be writable before.
 * Done again after a part was done, it does the rest. *ret_left is how many sessions go on at
 * servers that were closed. BSC_ERR_CONFLICT when a server is no longer as it was: then nothing was
 * changed. */
bool bsc_pools_haproxy_change(const struct bsc_pools_haproxy_change *order, int64_t *ret_left,
                              struct bsc_err *err);

/* Writes what a HAProxy says of all its servers to the file that it reads when it starts. */
bool bsc_pools_haproxy_save(const struct bsc_sys *sys, const char *address, const char *state_file,
                            int64_t answer_ms, struct bsc_err *err);

#endif
