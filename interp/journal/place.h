/*
 * Whether a folder is a fit place for runs: on a local file system, where a lock and an fdatasync
 * mean what they say. May include base and os.
 */
#ifndef BSC_JOURNAL_PLACE_H
#define BSC_JOURNAL_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

/* The name of a network or user-space file system by its statfs magic; NULL for any other. */
const char *bsc_journal_place_network(int64_t magic);

/* Looks what the folder lies on, or will lie on when it is made: *ret_network is the name of such a
 * file system, or NULL. False when it cannot be told. */
bool bsc_journal_place_look(const struct bsc_sys *sys, const char *folder, const char **ret_network,
                            struct bsc_err *err);

/* Refuses (BSC_ERR_REFUSED) a folder that lies on such a file system. */
bool bsc_journal_place_check(const struct bsc_sys *sys, const char *folder, struct bsc_err *err);

#endif
