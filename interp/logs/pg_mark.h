/*
 * What is left beside the log files of a standby when the tail of a dead server was salvaged.
 *
 * The last log file of a tail holds zeros behind its last record. Where the server comes back after
 * all, it goes on in that file and ships it under the same name: a mark beside it,
 * `.<name>.salvaged`, tells that what is there is its beginning only, and how much of it.
 * May include base and os.
 */
#ifndef BSC_LOGS_PG_MARK_H
#define BSC_LOGS_PG_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

/* Makes a file anew and opens it for reading and writing; the folder's owner can read it, also when
 * root has made it. What has that name is of a run that was killed, or a trap, and is removed. The
 * descriptor, or -1 with *err. */
int bsc_logs_pg_mark_open(const struct bsc_sys *sys, const char *folder, const char *path,
                          struct bsc_err *err);

/* Writes a text to a file of the folder, all at once and durably. */
bool bsc_logs_pg_mark_put(const struct bsc_sys *sys, const char *folder, const char *name,
                          const char *text, struct bsc_err *err);

/* Marks a log file as salvaged up to an LSN. */
bool bsc_logs_pg_mark_write(const struct bsc_sys *sys, const char *folder, const char *name,
                            uint64_t last_lsn, struct bsc_err *err);

/* Whether it is marked, and up to where it was salvaged. */
bool bsc_logs_pg_mark_read(const struct bsc_sys *sys, const char *folder, const char *name,
                           uint64_t *ret_last_lsn);

/* Removes the mark, if there is one. One that stays makes others copy the file again. */
void bsc_logs_pg_mark_remove(const struct bsc_sys *sys, const char *folder, const char *name);

#endif
