/*
 * Moving the users of a directory, or whatever else has a name and a home there, from one pool to
 * another: many, in parts, over several connections at once.
 *
 * How one is moved and looked up is a driver's business. What is kept here: a part is on record
 * before any of its users is touched; what has become of each is told when all of it is known; of
 * whom it is not known is looked up; and after so many failures nothing new is begun. May include
 * base, os and value.
 */
#ifndef BSC_POOLS_USERS_H
#define BSC_POOLS_USERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/clock.h"
#include "value/value.h"

#define BSC_POOLS_USER_OUTCOMES(X)                                                                 \
    X(LEFT, "left")           /* where it was: nothing was begun, or all of it taken back */       \
    X(MOVED, "moved")         /* by this very call */                                              \
    X(ALREADY, "already")     /* was there before */                                               \
    X(GONE, "gone")           /* is in no pool any more */                                         \
    X(FAILED, "failed")       /* and why */                                                        \
    X(UNTOUCHED, "untouched") /* the statement met nobody: to be looked up */                      \
    X(UNSETTLED, "unsettled") /* nobody knows yet: to be looked up */

enum bsc_pools_user_outcome {
#define BSC_POOLS_USER_ENUM(id, name) BSC_POOLS_USER_##id,
    BSC_POOLS_USER_OUTCOMES(BSC_POOLS_USER_ENUM)
#undef BSC_POOLS_USER_ENUM
};

struct bsc_pools_user {
    const char *name; /* borrowed */
    enum bsc_pools_user_outcome outcome;
    char *reason; /* owned; NULL: there is none */
};

/* What a driver is asked to do in one go. */
struct bsc_pools_users_stroke {
    struct bsc_pools_user *users; /* borrowed; all are LEFT */
    size_t count;
    size_t failures_max;        /* after so many the rest is left */
    bool (*goes_on)(void *arg); /* false: the rest is left */
    void *arg;                  /* borrowed */
};

struct bsc_pools_users_driver {
    void *self; /* borrowed */
    /* What one thread works with, made and used on that thread; NULL on failure. */
    void *(*open)(void *self, struct bsc_err *err);
    void (*close)(void *self, void *seat);
    /* Moves the users and says of each what became of it. False when the seat is worn out; then
     * those of whom it is not known are UNSETTLED, and where none was begun *err says why. */
    bool (*move)(void *self, void *seat, const struct bsc_pools_users_stroke *stroke,
                 struct bsc_err *err);
    /* In which pools a user is: an owned list of texts. */
    bool (*find)(void *self, void *seat, const char *name, struct bsc_value **ret_pools,
                 struct bsc_err *err);
    /* Waits until nothing is at work any more that a worn out seat or a process that was killed has
     * begun before: what is found then stays. NULL where both end with whoever began them. */
    bool (*outlast)(void *self, void *seat, struct bsc_err *err);
    bool as_one; /* there can be one writer only, who does well to take many at once */
};

/* How many came to what. */
struct bsc_pools_users_tally {
    int64_t moved;
    int64_t already;
    int64_t gone;
    int64_t failed;
    int64_t parts; /* that were begun */
};

struct bsc_pools_users_order {
    const struct bsc_pools_users_driver *driver; /* all borrowed */
    const struct bsc_clock *clock;
    const atomic_bool *cancel; /* or NULL */
    const char *from;          /* pools, as the directory writes them */
    const char *to;
    const char *noun; /* what one of them is called: "user" */
    size_t parallel;  /* how many are moved at once, at the most */
    size_t stop_after;
    int64_t rate;        /* a second; 0: as many as can be */
    int64_t patience_ms; /* how long a seat is asked for again in the place of one that was lost */
    void *arg; /* of the functions below, which run on the caller's thread but for progress */
    /* The names of the next part: an owned list, whose texts are all different; NULL in
     * *ret_names at the end. */
    bool (*next)(void *arg, struct bsc_value **ret_names, struct bsc_err *err);
    /* Puts the part on record, durably. Parts count from 1. Who of them is at `to` already may be
     * told as an owned list in *ret_there: they are not taken for moved. */
    bool (*begin)(void *arg, int64_t part, const struct bsc_value *names,
                  struct bsc_value **ret_there, struct bsc_err *err);
    /* Puts on record what became of it, as bsc_pools_users_told has it. */
    bool (*end)(void *arg, int64_t part, const struct bsc_value *told, struct bsc_err *err);
    /* Any thread, one at a time; or NULL. */
    void (*progress)(void *arg, const struct bsc_pools_users_tally *so_far);
};

enum { BSC_POOLS_USERS_PARALLEL_MAX = 64 };

/* Moves them all. Whoever is where he was after his seat was lost is tried once more, over another.
 * False, when any failed or it came to an end before its time, with the reason of
 * the first and how many there were. *tally goes on from what it holds, zeros at first, in any
 * case. */
bool bsc_pools_users_move(const struct bsc_pools_users_order *order,
                          struct bsc_pools_users_tally *tally, struct bsc_err *err);

/* Looks the names up of a part that was under way when somebody was killed, and gives what can be
 * told of it, owned; NULL on failure. `from` and `to` of the order are those of that part; those
 * that are listed in `there` (or NULL) were at `to` before it began. */
struct bsc_value *bsc_pools_users_look(const struct bsc_pools_users_order *order,
                                       const struct bsc_value *names, const struct bsc_value *there,
                                       struct bsc_err *err);

/* What is told of users that were looked up, in no pool or those listed. */
void bsc_pools_user_settle(struct bsc_pools_user *user, const struct bsc_value *pools,
                           const char *from, const char *to);

/* {moved=how many, others={name=[outcome, reason]}}, and `left`, how many at the end of it were not
 * begun; owned. NULL when of one it is not known yet. */
struct bsc_value *bsc_pools_users_told(const struct bsc_pools_user *users, size_t count);

const char *bsc_pools_user_outcome_name(enum bsc_pools_user_outcome outcome);

#endif
