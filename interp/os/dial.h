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
    const char *question;      /* borrowed: sent as it is; of bsc_dial_ask alone */
    size_t answer_max;         /* bytes; a longer answer is BSC_ERR_LIMIT */
    int64_t timeout_ms;        /* for a question and its answer; BSC_ERR_TIMEOUT when it is over */
    const atomic_bool *cancel; /* borrowed; NULL, or set to give up with BSC_ERR_CANCELLED */
};

/* Connects, sends the question and appends what comes back, until the other end closes, to *answer.
 * BSC_ERR_UNREACHABLE when nobody listens. Looking up a host's name is not under the timeout.
 * Blocks: call it on a worker. */
bool bsc_dial_ask(const struct bsc_dial_order *order, struct bsc_buf *answer, struct bsc_err *err);

/* A connection for several questions. */
struct bsc_dial;

/* Connects; returns owned, NULL on failure. What the order borrows must outlive the connection. */
struct bsc_dial *bsc_dial_open(const struct bsc_dial_order *order, struct bsc_err *err);

/* Sends a question and appends what comes back to the empty *answer until that ends with `end`,
 * which is left out. BSC_ERR_UNREACHABLE when the other end closes before. After any failure the
 * connection is of no more use. */
bool bsc_dial_talk(struct bsc_dial *dial, const char *question, const char *end,
                   struct bsc_buf *answer, struct bsc_err *err);

/* Accepts NULL. */
void bsc_dial_close(struct bsc_dial *dial);

#endif
