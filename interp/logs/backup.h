/*
 * Taking log backups of a live database in WAL mode.
 *
 * The job owns the checkpoints: it writes what was committed since the last backup into one file
 * on the share, makes that durable, records it in the sidecar, and only then moves the frames into
 * the database file. Clients of the database are to set wal_autocheckpoint to 0 and never to be
 * the last to close it; a guard, kept open between rounds, makes either harmless. Where frames
 * have left the log without a backup the next one is refused, since the chain is broken.
 */
#ifndef BSC_LOGS_BACKUP_H
#define BSC_LOGS_BACKUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/state.h"
#include "os/clock.h"
#include "os/sys.h"

/* A database held so that nobody resets or removes its log behind our back. One process may hold
 * one at a time for a database; two processes may, but the log then shrinks only when both have
 * caught up. */
struct bsc_logs_guard;

/* Returns owned, NULL on failure. */
struct bsc_logs_guard *bsc_logs_guard_open(const struct bsc_sys *sys, const char *db,
                                           struct bsc_err *err);
void bsc_logs_guard_close(struct bsc_logs_guard *guard);

/* Puts an ordinary database under shipping: WAL mode, an identity, LSN 0. One that has been
 * shipped or recovered before keeps its identity, and its fork too while its chain is whole;
 * otherwise a new fork begins, which no copy made before fits. One that is being shipped and whose
 * chain is whole is left alone. Errors: REFUSED for a copy that is restoring. */
bool bsc_logs_shipping_begin(const struct bsc_sys *sys, const char *db, struct bsc_err *err);

struct bsc_logs_backup_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_clock *clock;
    const char *db;               /* the live database */
    const char *share;            /* folder the backup goes to */
    const char *name;             /* the database's name within file names; NULL: the file's own
                                     without its extension */
    struct bsc_logs_guard *guard; /* NULL opens the database for this one round */
};

struct bsc_logs_backup {
    bool taken; /* false: nothing was committed since the last one */
    char *file; /* owned: name within the share; NULL when not taken */
    int64_t first_lsn;
    int64_t last_lsn; /* what is shipped now */
    int64_t commits;
    int64_t bytes;
    bool log_settled; /* all frames are in the database file; the log will be reused */
};

#define BSC_LOGS_BACKUP_INIT                                                                       \
    {                                                                                              \
        0                                                                                          \
    }

void bsc_logs_backup_release(struct bsc_logs_backup *backup);

/* Takes one log backup. A run that was killed after the file and before the sidecar is recognised:
 * the file counts. Errors: REFUSED when the log chain is broken or the share holds another history
 * after our LSN; NO_SPACE; CONFLICT when a writer does not let go. */
bool bsc_logs_backup_take(const struct bsc_logs_backup_order *order, struct bsc_logs_backup *ret,
                          struct bsc_err *err);

struct bsc_logs_seed_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_clock *clock;
    const char *db;    /* the live database, put under shipping when it is not yet */
    const char *share; /* where its log backups go, as for bsc_logs_backup_take */
    const char *name;
    const char *copy;          /* the file to make; must not exist */
    const atomic_bool *cancel; /* NULL, or looked at between pieces */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
};

/* Makes a restoring copy of a live database that takes the log backups from here on. One is taken
 * first where others take them already, so that the copy stands between two of them. Copied under a
 * temporary name, marked, given its sidecar, and only then its own name; all durable. Errors as
 * above, EXISTS and CANCELLED. */
bool bsc_logs_seed(const struct bsc_logs_seed_order *order, int64_t *ret_lsn, int64_t *ret_bytes,
                   struct bsc_err *err);

#endif
