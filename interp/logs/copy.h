/*
 * Copying log backups from the share to the destination, each proven before it gets its name.
 */
#ifndef BSC_LOGS_COPY_H
#define BSC_LOGS_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

struct bsc_logs_copy_file {
    const char *name;   /* borrowed: file name within the share */
    const char *sha256; /* borrowed: the header's digest in hexadecimal, NULL when not planned */
    int64_t bytes;      /* for the progress; 0 when not known */
};

struct bsc_logs_copy_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const char *share;
    const char *destination; /* made when it is not there */
    const struct bsc_logs_copy_file *files;
    size_t count;
    const atomic_bool *cancel; /* NULL, or looked at between blocks */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
};

struct bsc_logs_copy_result {
    size_t copied;
    size_t kept;   /* were there already, complete and right */
    int64_t bytes; /* copied */
};

/* Copies every file under a temporary name, proves it against its own checksums, makes it durable
 * and names it; what is there already is proven and kept. Everything is durable on return. A killed
 * run leaves temporary files only, which the next one replaces. Stops at the first failure, naming
 * the file: DAMAGED, NO_SPACE, NOT_FOUND, CONFLICT when it is not the file that was planned,
 * CANCELLED; what was copied before stays. */
bool bsc_logs_copy(const struct bsc_logs_copy_order *order, struct bsc_logs_copy_result *ret,
                   struct bsc_err *err);

#endif
