/*
 * What can be said about a mirror and its principal.
 */
#ifndef BSC_MIRRORS_STATE_H
#define BSC_MIRRORS_STATE_H

#include <stdint.h>

#include "base/err.h"
#include "mirrors/engine.h"
#include "os/sys.h"
#include "value/value.h"

/* The facts of a mirror, an owned map: state (none, following, stalled, broken), principal, lsn,
 * lag, agent. Waits for at most `wait_ms`, 0 being the usual five seconds, to see whether a mirror
 * that is behind moves. NULL on failure. */
struct bsc_value *bsc_mirrors_state(const struct bsc_sys *sys,
                                    const struct bsc_mirrors_engine *engine, const char *principal,
                                    const char *mirror, int64_t wait_ms, struct bsc_err *err);

#endif
