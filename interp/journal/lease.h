/*
 * A lease: who may change one target, kept in the target itself.
 *
 * A target that lives in a file has its lease in a file beside it. Each time somebody takes it, its
 * epoch rises by one. Whoever changes the target holds the lease meanwhile: it is locked (an
 * open-file-description lock) and must still say what its owner wrote. So a process that was paused
 * and wakes up finds that somebody else has taken over, and nobody can take over in the midst of a
 * change.
 *
 * A lease whose owner is known to be gone is taken without ceremony. Whether it is gone is told by
 * the lock of its runs folder (journal/lock.h), in which the programs that it started share. May
 * include base, os and value.
 */
#ifndef BSC_JOURNAL_LEASE_H
#define BSC_JOURNAL_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/clock.h"
#include "os/sys.h"
#include "value/value.h"

/* Who asks for a lease; all borrowed. */
struct bsc_journal_claim {
    const char *run;    /* the id of its run; NULL: of one that is yet to begin */
    const char *lock;   /* absolute path of the lock of its runs folder, which it holds */
    const char *user;   /* login name */
    const char *reason; /* why it takes over from whoever may still be at work; NULL: it does not */
};

/* How a lease stands. */
enum bsc_journal_lease_stand {
    BSC_JOURNAL_LEASE_FREE,       /* never taken, or given back */
    BSC_JOURNAL_LEASE_HELD,       /* its owner, or a program that it started, is at work */
    BSC_JOURNAL_LEASE_LEFT,       /* its owner is gone and did not give it back */
    BSC_JOURNAL_LEASE_UNTOLD,     /* its owner is on another host, or its lock cannot be read */
    BSC_JOURNAL_LEASE_UNREADABLE, /* it says nothing that we wrote */
};

const char *bsc_journal_lease_stand_word(enum bsc_journal_lease_stand stand);

struct bsc_journal_lease_view {
    enum bsc_journal_lease_stand stand;
    /* Owned map {epoch, state, run, lock, host, user, pid, since, reason?, from?}; NULL when it was
     * never taken or cannot be read. `from` is {epoch, run, host, user, since} of whom it was taken
     * from while that may have been at work. */
    struct bsc_value *text;
};

/* Looks how the lease in the file `path` stands, taking no lock. */
bool bsc_journal_lease_look(const struct bsc_sys *sys, const char *path,
                            struct bsc_journal_lease_view *ret, struct bsc_err *err);
/* Accepts a zeroed view. */
void bsc_journal_lease_view_release(struct bsc_journal_lease_view *view);

/* Whether the claim may have a lease that stands so. `known` is the epoch with which its run had
 * the lease last, 0 when it never had. False (BSC_ERR_CONFLICT) says who has it since when, or who
 * has had it since, and how to take over. */
bool bsc_journal_lease_allows(const struct bsc_journal_lease_view *view, const char *path,
                              const struct bsc_journal_claim *claim, int64_t known,
                              struct bsc_err *err);

struct bsc_journal_lease;

/* Takes the lease, durably. *ret is owned; NULL, with true, where the folder of the file is not
 * there, so that nothing can be kept in it. Errors: those of _allows, CONFLICT while somebody is
 * in the midst of a change, and what keeps the file from being written. */
bool bsc_journal_lease_take(const struct bsc_sys *sys, const struct bsc_clock *clock,
                            const char *path, const struct bsc_journal_claim *claim, int64_t known,
                            struct bsc_journal_lease **ret, struct bsc_err *err);

/* What was written when it was taken, as in a view; borrowed. */
const struct bsc_value *bsc_journal_lease_text(const struct bsc_journal_lease *lease);
const char *bsc_journal_lease_path(const struct bsc_journal_lease *lease);

/* Before a change: keeps others from taking over until _rest. BSC_ERR_REFUSED when somebody has
 * taken over already, and says who and why. */
bool bsc_journal_lease_hold(struct bsc_journal_lease *lease, struct bsc_err *err);
void bsc_journal_lease_rest(struct bsc_journal_lease *lease);

/* Gives the lease back, unless somebody has taken over. Accepts NULL. */
void bsc_journal_lease_free(struct bsc_journal_lease *lease);

#endif
