/*
 * Whether a folder is a fit place for a journal: on a local file system, where a lock and an
 * fdatasync mean what they say. May include base and os.
 */
#ifndef BSC_JOURNAL_PLACE_H
#define BSC_JOURNAL_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The name of a network or user-space file system by its statfs magic; NULL for any other. */
const char *bsc_journal_place_network(int64_t magic);

/* Refuses (BSC_ERR_REFUSED) a path whose folder lies on such a file system. */
bool bsc_journal_place_check(const char *path, struct bsc_err *err);

#endif
