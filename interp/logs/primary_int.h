/*
 * An ordinary database, open in the engine, whose WAL is being shipped.
 *
 * Three connections: `writer` holds the engine's write lock during a round, so that the log stands
 * still; `helper` checkpoints meanwhile, which a connection inside a transaction cannot; `guard`
 * keeps a read transaction between rounds when somebody wants the log guarded. None of them
 * checkpoints by itself, not even on closing. Private to the room: shows the engine's types.
 */
#ifndef BSC_LOGS_PRIMARY_INT_H
#define BSC_LOGS_PRIMARY_INT_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"
#include "logs/state.h"
#include "os/sys.h"

struct bsc_logs_primary {
    const struct bsc_sys *sys; /* borrowed */
    char *db;                  /* owned: path */
    char *wal_path;            /* owned */
    sqlite3 *writer;           /* owned, as the others */
    sqlite3 *helper;
    sqlite3 *guard;
    bool locked;
};

#define BSC_LOGS_PRIMARY_INIT                                                                      \
    {                                                                                              \
        0                                                                                          \
    }

/* Opens an existing database. Errors: NOT_FOUND, SQL with the engine's own number, REFUSED when
 * it is not in WAL mode (unless `convert`, which puts it there). */
bool bsc_logs_primary_open(struct bsc_logs_primary *primary, const struct bsc_sys *sys,
                           const char *db, bool convert, struct bsc_err *err);
void bsc_logs_primary_close(struct bsc_logs_primary *primary);

/* Takes the write lock, waiting up to five seconds (CONFLICT), and gives it back. */
bool bsc_logs_primary_lock(struct bsc_logs_primary *primary, struct bsc_err *err);
void bsc_logs_primary_unlock(struct bsc_logs_primary *primary);

/* Begins, or begins anew, a read transaction that sees the database as it is now. As long as it
 * lasts nobody resets the log before what it sees, nor removes the log. */
bool bsc_logs_primary_pin(struct bsc_logs_primary *primary, struct bsc_err *err);
void bsc_logs_primary_unpin(struct bsc_logs_primary *primary);

/* With the lock held: moves the log's frames into the database file as far as readers allow. When
 * all are moved *ret_settled says how the file looks now, otherwise it is unknown; both are
 * successes. */
bool bsc_logs_primary_settle(struct bsc_logs_primary *primary, struct bsc_logs_settled *ret_settled,
                             struct bsc_err *err);

/* How far the log goes in the eyes of the engine, which counts in its shared index. */
struct bsc_logs_engine_log {
    bool known;
    uint32_t salt1; /* of the log's generation, or of the one that the next commit begins */
    uint32_t salt2;
    int64_t frames; /* committed */
};

/* With the lock held. */
struct bsc_logs_engine_log bsc_logs_primary_log(const struct bsc_logs_primary *primary);

/* Fills *err with the engine's message and number. Returns false. */
bool bsc_logs_engine_error(sqlite3 *engine, int code, struct bsc_err *err, const char *doing,
                           const char *path);

#endif
