/*
 * The files that SQLite keeps beside a database: `-wal`, `-shm`, `-journal`.
 *
 * What an earlier life of the database left there is poison for a copy that is restored under it:
 * SQLite reads page 1 from a `-wal` before it looks at the file itself, and plays a hot `-journal`
 * back into it. They are renamed, never deleted, since they may hold the only trace of a commit.
 */
#ifndef BSC_LOGS_LEFTOVER_H
#define BSC_LOGS_LEFTOVER_H

#include <stdbool.h>

#include "base/err.h"
#include "os/sys.h"

/* Renames them to `<name>.before-<UTC time>` and makes that durable. None at all is fine. The
 * caller holds the database exclusively. */
bool bsc_logs_leftover_set_aside(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

/* Whether a `-wal` or `-journal` with content stands beside the database: commits that the file
 * itself may not hold yet. */
bool bsc_logs_leftover_found(const struct bsc_sys *sys, const char *path);

/* The name under which `path` is put aside now: an owned text, free of collisions. `word` says why:
 * "before" of what an earlier life left. */
char *bsc_logs_leftover_name(const struct bsc_sys *sys, const char *path);
char *bsc_logs_leftover_name_as(const struct bsc_sys *sys, const char *path, const char *word);

#endif
