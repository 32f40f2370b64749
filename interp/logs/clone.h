/*
 * A full copy of a live database, consistent at a known LSN.
 *
 * The engine's online backup copies from one read transaction. That transaction begins while the
 * write lock is held, and only while it is held is the log counted, so both see the same commits;
 * writers wait for that moment only, not for the copying.
 */
#ifndef BSC_LOGS_CLONE_H
#define BSC_LOGS_CLONE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/state.h"
#include "os/sys.h"

struct bsc_logs_clone_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *from;          /* the live database, under shipping */
    const char *to;            /* a temporary name; what is there is replaced */
    const atomic_bool *cancel; /* NULL, or looked at between pieces */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
};

/* Copies and makes the content durable, not the name. *ret_state becomes the sidecar that the copy
 * should get, with role MIRROR: identity, LSN, and the place in the live database's log that it
 * continues from; release it. The copy is an ordinary database until it is marked. Errors:
 * CONFLICT when writers do not let go or commits were lost from the log; SQL; NO_SPACE;
 * CANCELLED. */
bool bsc_logs_clone(const struct bsc_logs_clone_order *order, struct bsc_logs_state *ret_state,
                    int64_t *ret_bytes, struct bsc_err *err);

#endif
