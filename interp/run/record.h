/*
 * What a run writes into its journal, record by record.
 *
 * Each function appends one record; those that say "durable" have it on disk before they return.
 * All arguments are borrowed. See journal/records.h for the payloads.
 */
#ifndef BSC_RUN_RECORD_H
#define BSC_RUN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/journal.h"
#include "value/value.h"

/* Durable: nothing has been started. `about` is the whole payload. */
bool bsc_run_record_begin(struct bsc_journal *journal, const struct bsc_value *about,
                          struct bsc_err *err);

bool bsc_run_record_item_begin(struct bsc_journal *journal, const struct bsc_value *item,
                               struct bsc_err *err);
/* Durable: the next item may start. */
bool bsc_run_record_item_end(struct bsc_journal *journal, const struct bsc_value *item,
                             const struct bsc_value *result, struct bsc_err *err);

/* Long lists are recorded as their count and digest: they are read again, never replayed. */
bool bsc_run_record_observed(struct bsc_journal *journal, int64_t item, const char *resource,
                             const struct bsc_value *facts, struct bsc_err *err);
bool bsc_run_record_now(struct bsc_journal *journal, int64_t item, int64_t wall_ms,
                        struct bsc_err *err);

/* Where a run is. */
struct bsc_run_place {
    int64_t item;   /* index of the item under way, from 1 */
    int64_t action; /* of the item, from 1; 0 before the first */
};

/* Where the run was at a recorded intent (its payload). */
struct bsc_run_place bsc_run_record_place(const struct bsc_value *intent);

/* One change of a run. */
struct bsc_run_record_change {
    int64_t number; /* of the run's changes, from 1 */
    struct bsc_run_place at;
    const struct bsc_value *effect; /* as yielded */
    const struct bsc_value *before; /* present values of the keys that it sets */
};

/* An action of a step starts. */
bool bsc_run_record_action_begin(struct bsc_journal *journal, struct bsc_run_place at,
                                 struct bsc_err *err);
/* Durable: the change may start. */
bool bsc_run_record_intent(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                           struct bsc_err *err);
/* A part of a change that its row does one by one, or the end of one: what has become of it is
 * written even when the disk is full. */
bool bsc_run_record_part(struct bsc_journal *journal, enum bsc_journal_kind kind,
                         const struct bsc_value *payload, bool durable, struct bsc_err *err);

/* What the row answered; durable with the next bsc_journal_sync, and written even when the disk is
 * full. `error` is NULL when it succeeded. */
bool bsc_run_record_outcome(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                            const char *outcome, const struct bsc_value *result,
                            const struct bsc_err *error, int64_t duration_us, struct bsc_err *err);
/* What has become of a change that was under way when the run stopped: outcome changed, failed or
 * unknown. `by` is "observing" or who said so. Durable. */
bool bsc_run_record_settled(struct bsc_journal *journal, int64_t number, const char *outcome,
                            const char *by, struct bsc_err *err);

/* A fact as it is recorded: of a long list, how long it is and its digest. Returns owned. */
struct bsc_value *bsc_run_record_short(const struct bsc_value *fact);

/* What one resource is like afterwards, in the keys that the change set. */
bool bsc_run_record_after(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                          const char *resource, const struct bsc_value *facts, struct bsc_err *err);

/* A lease that was taken, with its text (journal/lease.h). Durable with what comes next. */
bool bsc_run_record_lease(struct bsc_journal *journal, const char *path,
                          const struct bsc_value *text, struct bsc_err *err);

bool bsc_run_record_note(struct bsc_journal *journal, int64_t item, const struct bsc_value *effect,
                         struct bsc_err *err);
/* The question, and what was answered; the answer is durable: it is evidence. */
bool bsc_run_record_ask(struct bsc_journal *journal, int64_t item, const struct bsc_value *effect,
                        struct bsc_err *err);
bool bsc_run_record_answer(struct bsc_journal *journal, int64_t item,
                           const struct bsc_value *answer, struct bsc_err *err);

/* Durable, and written even when the disk is full. `summary` is a map. */
bool bsc_run_record_end(struct bsc_journal *journal, const char *outcome, int exit_code,
                        const struct bsc_value *summary, struct bsc_err *err);

#endif
