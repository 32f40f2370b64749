/*
 * Attempts to reach a host over TCP, for which nobody has to wait: an attempt goes on, and is
 * repeated by the system, while its caller does something else.
 */
#ifndef BSC_OS_ATTEMPT_H
#define BSC_OS_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct bsc_attempt;

/* Begins to connect to all addresses of a host at once. `address` is HOST:PORT; an IPv6 address
 * stands in brackets. Looking up the host's name blocks. Returns owned; NULL with
 * BSC_ERR_UNREACHABLE for a name that nobody knows, and BSC_ERR_INVALID. */
struct bsc_attempt *bsc_attempt_begin(const char *address, struct bsc_err *err);

/* Begins to connect to the same addresses anew, beside that attempt; returns owned. */
struct bsc_attempt *bsc_attempt_again(const struct bsc_attempt *attempt);

/* Whether anything was heard of the host until now, or is within that many milliseconds: a
 * connection was taken or refused. Where nothing could be sent, or it cannot be told, that counts
 * as well: waiting would tell nothing. That there is no way to the host, or no machine in its
 * place, is silence. Ends early when *cancel (borrowed, may be NULL) is set. */
bool bsc_attempt_answered(struct bsc_attempt *attempt, int64_t within_ms,
                          const atomic_bool *cancel);

/* Whether it was begun to each address that the other one was begun to. */
bool bsc_attempt_covers(const struct bsc_attempt *attempt, const struct bsc_attempt *other);

/* Accepts NULL. */
void bsc_attempt_free(struct bsc_attempt *attempt);

#endif
