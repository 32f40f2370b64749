/*
 * The leases of a run: taken in what it is going to change, held over each change, given back at
 * its end.
 *
 * Which file holds the lease of a resource the platform says (stdlib/platforms); a resource whose
 * target has no place for one has none. All leases of the run are held over every change, so that
 * a run of which one target was taken over changes nothing any more.
 *
 * May include every room to its left.
 */
#ifndef BSC_RUN_LEASES_H
#define BSC_RUN_LEASES_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/journal.h"
#include "journal/lease.h"
#include "run/session.h"
#include "value/value.h"

/* Where the leases of all resources are kept, of the site and of the session's runbook: an owned
 * map {id=path}, NULL on failure. */
struct bsc_value *bsc_run_leases_places(struct bsc_run_session *session, struct bsc_err *err);

/* Whether the claim may have, as they stand, the leases of these resources (a list of ids), and
 * those that its run had before: `known` is {path=epoch}, or NULL. Takes none. Errors: as
 * bsc_journal_lease_allows. */
bool bsc_run_leases_allow(struct bsc_run_session *session, const struct bsc_value *targets,
                          const struct bsc_journal_claim *claim, const struct bsc_value *known,
                          struct bsc_err *err);

struct bsc_run_leases;

struct bsc_run_leases_options {
    struct bsc_run_session *session; /* all borrowed for the life of the leases */
    const struct bsc_journal_claim *claim;
    const struct bsc_value *known;                          /* {path=epoch}, or NULL */
    struct bsc_journal *journal;                            /* where it is recorded */
    void (*note)(void *self, const struct bsc_value *note); /* tells of a take-over; or NULL */
    void *note_self;
};

/* Returns owned, with no lease yet; NULL on failure. */
struct bsc_run_leases *bsc_run_leases_new(const struct bsc_run_leases_options *options,
                                          struct bsc_err *err);
/* Gives all back. Accepts NULL. */
void bsc_run_leases_free(struct bsc_run_leases *leases);

/* Takes and records those of these resources (a list of ids), and those known before. Errors:
 * CONFLICT, and what keeps a lease or its record from being written. */
bool bsc_run_leases_take(struct bsc_run_leases *leases, const struct bsc_value *targets,
                         struct bsc_err *err);

/* Before a change of these resources (a list of ids): takes what is not there yet and holds all.
 * BSC_ERR_REFUSED when somebody has taken over. */
bool bsc_run_leases_hold(struct bsc_run_leases *leases, const struct bsc_value *resources,
                         struct bsc_err *err);
void bsc_run_leases_rest(struct bsc_run_leases *leases);

#endif
