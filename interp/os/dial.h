/*
 * Questions over a stream socket, and their whole answers.
 */
#ifndef BSC_OS_DIAL_H
#define BSC_OS_DIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct bsc_dial_order {
    const char *address;       /* borrowed: a socket's path that begins with a slash, or HOST:PORT;
                                  an IPv6 address stands in brackets */
    size_t answer_max;         /* bytes; a longer answer is BSC_ERR_LIMIT */
    int64_t timeout_ms;        /* for a question and its answer; BSC_ERR_TIMEOUT when it is over */
    int64_t deadline_us;       /* monotonic: when no question has any more time; 0 is never */
    const atomic_bool *cancel; /* borrowed; NULL, or set to give up with BSC_ERR_CANCELLED */
};

/* A connection for several questions. It blocks: use it on a worker. */
struct bsc_dial;

/* Connects; returns owned, NULL on failure: BSC_ERR_UNREACHABLE when nobody listens. Looking up a
 * host's name is not under the timeout. What the order borrows must outlive the connection. */
struct bsc_dial *bsc_dial_open(const struct bsc_dial_order *order, struct bsc_err *err);

/* Sends a question, as it is, and appends what comes back to the empty *answer until that ends with
 * `end`, which is left out. BSC_ERR_UNREACHABLE when the other end closes before. After any failure
 * the connection is of no more use. */
bool bsc_dial_talk(struct bsc_dial *dial, const char *question, const char *end,
                   struct bsc_buf *answer, struct bsc_err *err);

/* Accepts NULL. */
void bsc_dial_close(struct bsc_dial *dial);

#endif
