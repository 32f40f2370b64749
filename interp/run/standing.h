/*
 * How a run stands: told from its journal and from the lock of its runs folder, by whoever looks.
 *
 * Nothing is opened for writing and no lock is taken, so that looking never disturbs a run. Memory
 * grows with the number of items begun, not with the length of the journal. May include every room
 * to its left.
 */
#ifndef BSC_RUN_STANDING_H
#define BSC_RUN_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/folder.h"
#include "journal/reader.h"
#include "os/sys.h"
#include "value/value.h"

#define BSC_RUN_STANDS(X)                                                                          \
    X(RUNNING, "running", "a process is at work on it")                                            \
    X(DONE, "done", "every item was carried out")                                                  \
    X(ROLLED_BACK, "rolled back", "what can be taken back of it was")                              \
    X(HALTED, "halted", "it stopped at an item that did not go as planned")                        \
    X(REFUSED, "refused", "a condition did not hold, or the answer was no")                        \
    X(CANCELLED, "cancelled", "the operator stopped it, and it ended in order")                    \
    X(PARKED, "parked", "it waits at a gate, for its time or for an answer; nothing is at work")   \
    X(INTERRUPTED, "interrupted", "its process is gone and has left no end in the journal")        \
    X(NOT_BEGUN, "not begun", "its process was gone before the first record; nothing was done")    \
    X(DAMAGED, "damaged", "the journal is bad: what the run did cannot be told from it")

enum bsc_run_stand {
#define BSC_RUN_STAND_ENUM(id, name, text) BSC_RUN_STAND_##id,
    BSC_RUN_STANDS(BSC_RUN_STAND_ENUM)
#undef BSC_RUN_STAND_ENUM
};

/* An item that has begun. */
struct bsc_run_standing_item {
    char *title;      /* owned; NULL: not begun */
    char *kind;       /* owned */
    char *outcome;    /* owned; NULL: not ended */
    char *reason;     /* owned; may be empty */
    int64_t begin_ms; /* wall time, of its last attempt */
    int64_t end_ms;
    int64_t asked_ms; /* how long it has waited for answers */
    int64_t changes;  /* made by it */
    int64_t doubts;   /* of its changes whose outcome does not say whether they were made */
    int64_t final;    /* changes, made or in doubt, that cannot be taken back alone */
};

struct bsc_run_standing {
    /* Set by the caller, or NULL: told of each record that a reading finds, after it has been taken
     * in. `payload` carries `time`. */
    void (*told)(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload);
    void *told_arg; /* borrowed */

    enum bsc_run_stand stand;
    struct bsc_journal_report report;
    struct bsc_value *holder; /* owned: who holds the lock for this run {pid, host, since, run}, and
                                 `orphans` (journal/lock.h), or NULL: nobody */
    struct bsc_value *begin;  /* owned: payload of the last run_begin with `time`, or NULL */
    size_t begins;            /* processes that took it in hand so far */
    struct bsc_value *end; /* owned: payload of the run_end with `time`; NULL after a run_begin */
    struct bsc_run_standing_item *items; /* owned, by index less 1 */
    size_t item_count;                   /* up to the last one begun */
    size_t items_all;                    /* of the plan; 0 when the journal does not say */
    int64_t item;                        /* the one under way, 0 between items */
    int64_t changes;                     /* made */
    int64_t doubts;                      /* changes of which their outcome does not say it */
    bool has_undo;                       /* a change that was begun says how it is taken back */
    size_t undone;                       /* items taken back by a rollback */
    struct bsc_value *stuck;     /* owned {item, outcome, reason}: the undo at which a rollback has
                                    stopped, or NULL */
    struct bsc_value *in_flight; /* owned {effect, item, resource, statement, returns, time}: a
                                    change that was begun and has no outcome, with `moves`
                                    (run/moves.h) where it has parts; or NULL */
    struct bsc_value *leases;    /* owned {place=epoch}: that it took, or NULL */
    struct bsc_value *asked;     /* owned {item, title, time}: a question that has no answer,
                                    or NULL */
};

/* Reads the run, or goes on reading where the last call came to the end; *standing is zeroed but
 * for `told` before the first. What cannot be told is said by `stand`; false only when the files
 * cannot be read. */
bool bsc_run_standing_read(struct bsc_run_standing *standing, const struct bsc_sys *sys,
                           const struct bsc_journal_folder *folder, struct bsc_err *err);

/* Accepts a zeroed standing. */
void bsc_run_standing_release(struct bsc_run_standing *standing);

/* The item with this index from 1, or NULL when it has not begun. */
const struct bsc_run_standing_item *bsc_run_standing_item(const struct bsc_run_standing *standing,
                                                          int64_t index);

/* Items that let the run go on. */
size_t bsc_run_standing_done(const struct bsc_run_standing *standing);

/* Whether anything was changed, or may have been, and there is something that can be taken back. */
bool bsc_run_standing_has_way_back(const struct bsc_run_standing *standing);

/* Whether the point of no return was carried out, or may have been, so that there is only the way
 * forward. */
bool bsc_run_standing_is_past_return(const struct bsc_run_standing *standing);

/* Whether its process is gone and a program that it started is still at work. */
bool bsc_run_standing_is_orphaned(const struct bsc_run_standing *standing);

/* What it waits for when it is parked (run/wait.h), borrowed; NULL otherwise. */
const struct bsc_value *bsc_run_standing_parked(const struct bsc_run_standing *standing);

/* Its mode: run, resume or rollback; never NULL. */
const char *bsc_run_standing_mode(const struct bsc_run_standing *standing);

/* The word and what it means; never NULL. */
const char *bsc_run_stand_name(enum bsc_run_stand stand);
const char *bsc_run_stand_text(enum bsc_run_stand stand);

#endif
