#include "run/change.h"

#include "base/mem.h"
#include "run/effect.h"
#include "run/errors.h"
#include "run/judge.h"
#include "run/observer.h"
#include "run/outcome.h"
#include "run/record.h"

struct change {
    const struct bsc_run_live_options *with; /* borrowed */
    const struct bsc_lib_row *row;           /* borrowed */
    struct bsc_run_record_change record;     /* `before` is owned through it */
    struct bsc_value *before;                /* owned */
    struct bsc_value *args;                  /* owned: of the row */
    struct bsc_value *resources;             /* owned list: what to observe afterwards */
    struct bsc_run_survey *survey;           /* owned: of them */
    struct bsc_value *seen;                  /* owned map: facts observed afterwards */
    size_t index;                            /* of the resource being observed */
    struct bsc_value *result;                /* owned; NULL when the row failed */
    struct bsc_lib_log log;                  /* for the row */
    bool row_failed;
    struct bsc_err row_err;
    int64_t began_us;
    bsc_run_done done;
    void *arg;
};

static int64_t now_us(const struct change *change)
{
    const struct bsc_clock *clock = change->with->clock;
    return clock->mono_us(clock->self);
}

static const struct bsc_value *becomes_of(const struct change *change)
{
    return bsc_value_get(change->record.effect, "becomes");
}

static const char *resource_of(const struct change *change)
{
    return bsc_value_get_string(change->record.effect, "resource");
}

static void change_free(struct change *change)
{
    bsc_value_free(change->before);
    bsc_value_free(change->args);
    bsc_value_free(change->resources);
    bsc_value_free(change->seen);
    bsc_value_free(change->result);
    bsc_run_survey_free(change->survey);
    bsc_mem_free(change);
}

static void break_off(struct change *change, const struct bsc_err *err)
{
    struct bsc_err kept = *err;
    bsc_run_done done = change->done;
    void *arg = change->arg;
    change_free(change);
    done(arg, NULL, &kept);
}

static void verdict(struct change *change, enum bsc_outcome outcome, const char *reason)
{
    const struct bsc_run_live_hooks *hooks = change->with->hooks;
    const char *name = bsc_run_outcome_name(outcome);
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_text(answer, "outcome", name);
    if (reason != NULL)
        bsc_value_set_text(answer, "reason", reason);
    if (change->row_failed)
        bsc_value_set(answer, "error", bsc_run_error_value(&change->row_err));
    bsc_value_set(answer, "result", change->result != NULL ? change->result : bsc_value_map());
    change->result = NULL;
    struct bsc_value *facts = bsc_value_take(change->seen, resource_of(change));
    if (facts != NULL)
        bsc_value_set(answer, "facts", facts);
    bsc_value_set(answer, "others", change->seen);
    change->seen = NULL;
    if (hooks->change_end != NULL)
        hooks->change_end(hooks->self, change->record.effect, name, reason);
    bsc_run_done done = change->done;
    void *arg = change->arg;
    change_free(change);
    done(arg, answer, NULL);
}

static const char *reason_of(const struct bsc_buf *text)
{
    return text->length > 0 ? text->data : NULL;
}

/* Everything was looked at: compares it with what was foretold. */
static void conclude(struct change *change)
{
    struct bsc_buf reason;
    const struct bsc_run_judgement case_of = {.becomes = becomes_of(change),
                                              .resources = change->resources,
                                              .before = change->before,
                                              .seen = change->seen,
                                              .resumes = change->row->resumes,
                                              .row_err =
                                                  change->row_failed ? &change->row_err : NULL};
    bsc_buf_init(&reason);
    enum bsc_outcome outcome = bsc_run_judge(change->with->model, &case_of, &reason);
    if (outcome == BSC_OUTCOME_FAILED)
        bsc_run_cursor_again(change->with->cursor);
    verdict(change, outcome, reason_of(&reason));
    bsc_buf_release(&reason);
}

static void observe_next(struct change *change);

static bool record_after(const struct change *change, const char *resource,
                         const struct bsc_value *facts, struct bsc_err *err)
{
    const struct bsc_value *keys = bsc_value_get(becomes_of(change), resource);
    struct bsc_value *set = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(keys); i++) {
        const char *key = bsc_value_key_at(keys, i);
        const struct bsc_value *fact = bsc_value_get(facts, key);
        bsc_value_set(set, key, fact != NULL ? bsc_value_copy(fact) : bsc_value_null());
    }
    bool ok = bsc_run_record_after(change->with->journal, &change->record, resource, set, err);
    bsc_value_free(set);
    return ok;
}

/* Whatever the row said: what cannot be looked at is not known. */
static void conclude_unseen(struct change *change, const struct bsc_err *err)
{
    struct bsc_buf reason;
    bsc_buf_init(&reason);
    if (change->row_failed)
        bsc_run_judge_tell(&reason, &change->row_err);
    bsc_run_judge_tell(&reason, err);
    verdict(change, BSC_OUTCOME_UNKNOWN, reason.data);
    bsc_buf_release(&reason);
}

static void observed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct change *change = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    const char *resource = bsc_value_string(bsc_value_at(change->resources, change->index));
    /* Nothing is said of a change before its outcome is durable, however soon the look ends. */
    if (change->index == 0 && !bsc_journal_sync(change->with->journal, &failure)) {
        bsc_value_free(facts);
        break_off(change, &failure);
        return;
    }
    if (facts == NULL) {
        conclude_unseen(change, err);
        return;
    }
    bsc_value_set(change->seen, resource, facts);
    if (!record_after(change, resource, facts, &failure)) {
        break_off(change, &failure);
        return;
    }
    change->index++;
    observe_next(change);
}

static void observe_next(struct change *change)
{
    if (change->index < bsc_value_count(change->resources))
        bsc_run_survey_observe(change->survey,
                               bsc_value_string(bsc_value_at(change->resources, change->index)),
                               NULL, observed, change);
    else
        conclude(change);
}

/* On the row's thread. Between the intent and the outcome nobody else writes to the journal. */
static bool row_record(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload,
                       bool durable, struct bsc_err *err)
{
    const struct change *change = arg;
    return bsc_run_record_part(change->with->journal, kind, payload, durable, err);
}

static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct change *change = arg;
    if (change->with->leases != NULL)
        bsc_run_leases_rest(change->with->leases);
    struct bsc_journal *journal = change->with->journal;
    struct bsc_err failure = BSC_ERR_INIT;
    change->result = value;
    change->row_failed = value == NULL;
    if (change->row_failed)
        change->row_err = *err;
    const char *outcome = change->row_failed
                              ? bsc_run_outcome_name(bsc_run_judge_error(&change->row_err))
                              : "changed";
    if (!bsc_run_record_outcome(change->with->journal, &change->record, outcome, value,
                                change->row_failed ? &change->row_err : NULL,
                                now_us(change) - change->began_us, &failure)) {
        break_off(change, &failure);
        return;
    }
    bsc_run_hands_settle(change->with->hands);
    observe_next(change);
    /* The worker looks while the disk makes the outcome durable. Should that fail, the journal
     * takes no further record, and the next one says why. */
    (void)bsc_journal_sync(journal, &failure);
}

void bsc_run_change(const struct bsc_run_live_options *with, const struct bsc_value *effect,
                    struct bsc_run_place at, int64_t *change_count, bsc_run_done done, void *arg)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct change *change = bsc_mem_new(1, sizeof *change);
    change->with = with;
    change->done = done;
    change->arg = arg;
    change->before = bsc_run_model_present(with->model, bsc_value_get(effect, "becomes"));
    change->seen = bsc_value_map();
    change->record = (struct bsc_run_record_change){*change_count + 1, at, effect, change->before};
    change->row = bsc_run_effect_row(effect, &err);
    if (change->row == NULL) {
        break_off(change, &err);
        return;
    }
    change->resources = bsc_run_effect_resources(effect);
    change->survey = bsc_run_survey_new(with->vm, with->hands);
    if (bsc_run_hands_cancelled(with->hands)) {
        verdict(change, BSC_OUTCOME_INTERRUPTED, "stopped by the operator before it began");
        return;
    }
    if (!bsc_run_cursor_match(with->cursor, effect, &err)) {
        verdict(change, BSC_OUTCOME_DIVERGED, err.message);
        return;
    }
    if (with->leases != NULL && !bsc_run_leases_hold(with->leases, change->resources, &err)) {
        bool another = err.code == BSC_ERR_CONFLICT;
        verdict(change, another ? BSC_OUTCOME_REFUSED : bsc_run_judge_error(&err), err.message);
        return;
    }
    if (!bsc_run_record_intent(with->journal, &change->record, &err)) {
        break_off(change, &err);
        return;
    }
    *change_count = change->record.number;
    if (with->hooks->change_begin != NULL)
        with->hooks->change_begin(with->hooks->self, effect);
    change->began_us = now_us(change);
    change->args = bsc_run_effect_args(effect);
    change->log = (struct bsc_lib_log){.record = row_record,
                                       .arg = change,
                                       .path = bsc_journal_path(with->journal),
                                       .effect = change->record.number,
                                       .item = at.item,
                                       .action = at.action};
    const struct bsc_run_errand errand = {.row = change->row,
                                          .args = change->args,
                                          .log = &change->log,
                                          .timeout_ms =
                                              bsc_value_get_number(effect, "timeout_ms", 0)};
    bsc_run_hands_perform(with->hands, &errand, row_done, change);
}
