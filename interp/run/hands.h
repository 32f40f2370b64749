/*
 * The hands of the live world: rows performed on worker threads.
 *
 * Each lane (a server's name, or the common lane) is one thread, so that a connection is only ever
 * used by the thread that opened it. Answers come back on the loop.
 */
#ifndef BSC_RUN_HANDS_H
#define BSC_RUN_HANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "lib/env.h"
#include "lib/row.h"
#include "os/loop.h"
#include "value/value.h"

struct bsc_run_hands;

/* How far the row under way is; read on the loop's thread. A row is quiet while it reports nothing,
 * be it that it has much to do or that a server or a file system has stopped answering. */
struct bsc_run_progress {
    int64_t done;
    int64_t total;          /* 0: nothing reported yet */
    char unit[96];          /* "bytes", "files", "users (2 failed)"… */
    const char *quiet_row;  /* static: the row that has been quiet longest; NULL: none at work */
    const char *quiet_lane; /* borrowed until the hands are freed: its lane; "" is the common one */
    bool quiet_changes;     /* it is a change */
    int64_t quiet_ms;       /* for how long */
    int64_t stopping_ms;    /* how long it has been quiet since it was asked to stop; 0: was not */
};

/* How long rows were at work so far. */
struct bsc_run_labour {
    int64_t changing_us;
    int64_t looking_us;
};

/* Borrows loop and env. Returns owned. Free it before the loop, when no row is under way. */
struct bsc_run_hands *bsc_run_hands_new(struct bsc_loop *loop, struct bsc_lib_env *env);
void bsc_run_hands_free(struct bsc_run_hands *hands);

/* `value` is taken by the callback; NULL means that `err` (borrowed) holds. */
typedef void (*bsc_run_done)(void *arg, struct bsc_value *value, const struct bsc_err *err);

/* What is borrowed here is so until `done`, but for the lane. */
struct bsc_run_errand {
    const struct bsc_lib_row *row;
    const struct bsc_value *args;
    const struct bsc_lib_log *log; /* for a change, which may add to the journal; or NULL */
    const char *lane;              /* of a row that has none of its own; NULL is the common one */
    int64_t timeout_ms;            /* 0: no limit */
};

/* Performs a row. One that is still at work when its time is over is asked to stop and ends with
 * BSC_ERR_TIMEOUT. Rows of one lane are performed in turn. */
void bsc_run_hands_perform(struct bsc_run_hands *hands, const struct bsc_run_errand *errand,
                           bsc_run_done done, void *arg);

/* Asks every row under way to stop, and lets no WRITE row begin any more. */
void bsc_run_hands_cancel(struct bsc_run_hands *hands);
bool bsc_run_hands_cancelled(const struct bsc_run_hands *hands);
/* After a cancel the world must still be observed: lets READ rows run again. */
void bsc_run_hands_settle(struct bsc_run_hands *hands);

struct bsc_run_labour bsc_run_hands_labour(const struct bsc_run_hands *hands);

/* To be asked every now and then: while nobody asks, as when the process is stopped, no more than
 * ten seconds of quiet are counted. */
struct bsc_run_progress bsc_run_hands_progress(struct bsc_run_hands *hands);

#endif
