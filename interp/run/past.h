/*
 * What a journal says to whoever goes on with its run, forwards or back: where it stopped, what was
 * under way, what must not be made again, and what a rollback has to take back.
 *
 * May include every room to its left.
 */
#ifndef BSC_RUN_PAST_H
#define BSC_RUN_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/reader.h"
#include "os/sys.h"
#include "run/denied.h"
#include "run/record.h"
#include "value/value.h"

/* What became of a change. */
enum bsc_run_made {
    BSC_RUN_MADE_NOT,
    BSC_RUN_MADE_MAYBE, /* in part, or nothing tells */
    BSC_RUN_MADE
};

struct bsc_run_past {
    const struct bsc_value *schema;   /* borrowed */
    const struct bsc_value *items;    /* borrowed: what was to be carried out, of its plan or of the
                                         runbook that this was made of */
    bool with_trail;                  /* for a rollback; else the records of items that were passed
                                         are not looked into, and trail and stays are not whole */
    struct bsc_journal_report report; /* of the journal */
    size_t items_done;                /* from the first one on, those that let the run go on */
    struct bsc_run_place at;          /* the item to go on with, and its action under way; action 0:
                                         from its beginning */
    struct bsc_value *changed; /* owned {item=true}: those not carried out yet of which something
                                  was changed already */
    bool tried;                /* a change of that item was begun, the last time */
    int64_t skipped;           /* the first optional item before it, and behind the point of
                                  no return if that is passed, that was passed over; or 0 */
    int64_t changes;           /* begun so far: the number of the last one */
    /* Owned: the intent of the last change when it has no outcome, or when nobody can tell whether
     * it was made and its action would make it again, or a row settles it later; one of the latter
     * kind stays while others of its item come after it. NULL when there is none. */
    struct bsc_value *open;
    char *folder;             /* owned: where the run was kept when it was last taken in hand, or
                                 NULL */
    char *working_folder;     /* owned: where it starts its programs, or NULL */
    bool begun;               /* the journal has a first record */
    int64_t reached;          /* the last item of which a change was made, or may have been */
    int64_t inputs;           /* the number of those that the last process had (run/inputs.h) */
    bool ended;               /* done, all of it */
    struct bsc_value *parked; /* owned: what it waits for (run/wait.h) when it was parked in the
                                 end; NULL otherwise */
    struct bsc_value *waits;  /* owned {title=ms}: when the gates that have parked it were first
                                 reached */
    struct bsc_run_denied denied; /* questions to which somebody has said no */
    bool goes_back;               /* a rollback has begun */
    int64_t beyond;               /* the item of a point of no return that may have taken effect,
                                     or 0 */
    struct bsc_value *made;   /* owned {item={action={essence=count}}}: changes that were made and
                                 that their actions would make again */
    struct bsc_value *leases; /* owned {path=epoch}: with which it had them last; 0 where that no
                                 longer matters */
    struct bsc_value *trail;  /* owned list of {item, action, undo}: what a rollback has to take
                                 back, in the order in which it was done */
    struct bsc_value *stays;  /* owned list of {item, action}: what was changed, or may have been,
                                 and has no undo */
};

/* Reads the journal. *past is zeroed but for its schema, items and with_trail; release it in any
 * case. Errors: those of reading, and DAMAGED when a record is bad. */
bool bsc_run_past_read(struct bsc_run_past *past, const struct bsc_sys *sys, const char *journal,
                       struct bsc_err *err);
void bsc_run_past_release(struct bsc_run_past *past);

/* What the facts {id={key=value}} seen after a change (its intent) tell of it. *ret_told is false
 * when they tell nothing at all. */
enum bsc_run_made bsc_run_past_look(const struct bsc_value *schema, const struct bsc_value *intent,
                                    const struct bsc_value *seen, bool *ret_told);

/* Whoever calls has found out what became of the change that is open. */
void bsc_run_past_settle(struct bsc_run_past *past, enum bsc_run_made made);

/* Whether something of the item was changed already, which has not been carried out yet. The undo
 * of an item has its number, less than 0. */
bool bsc_run_past_has_changed(const struct bsc_run_past *past, int64_t item);

/* How often a change was made by the action of the place that would make it again. */
int64_t bsc_run_past_count(const struct bsc_run_past *past, struct bsc_run_place at,
                           const struct bsc_value *change);

#endif
