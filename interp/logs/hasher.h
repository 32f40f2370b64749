/*
 * SHA-256 on threads of its own, so that validating log backups costs little time beside writing
 * them.
 *
 * The threads only compute: they make no system call of the table, hence what a run does to files
 * stays one sequence. May include base and value.
 */
#ifndef BSC_LOGS_HASHER_H
#define BSC_LOGS_HASHER_H

#include <stdbool.h>
#include <stddef.h>

#include "value/digest.h"

struct bsc_logs_hasher;

/* One run of bytes to digest; stays where it is until it has been waited for. */
struct bsc_logs_hash {
    const void *bytes; /* borrowed */
    size_t length;
    unsigned char hash[BSC_DIGEST_BYTES];
    bool done;
    struct bsc_logs_hash *next; /* private */
};

/* Returns owned; uses up to `threads` threads, no more than the machine has processors. Without any
 * adding computes at once. */
struct bsc_logs_hasher *bsc_logs_hasher_new(int threads);
/* Everything added must have been waited for. Accepts NULL. */
void bsc_logs_hasher_free(struct bsc_logs_hasher *hasher);

void bsc_logs_hasher_add(struct bsc_logs_hasher *hasher, struct bsc_logs_hash *hash);
void bsc_logs_hasher_wait(struct bsc_logs_hasher *hasher, const struct bsc_logs_hash *hash);

#endif
