#include "run/change.h"

#include <string.h>

#include "base/mem.h"
#include "run/errors.h"
#include "run/observer.h"
#include "run/outcome.h"
#include "run/record.h"

struct change {
    const struct bsc_run_live_options *with; /* borrowed */
    struct bsc_run_record_change record;     /* `before` is owned through it */
    struct bsc_value *before;                /* owned */
    struct bsc_value *resources;             /* owned list: what to observe afterwards */
    struct bsc_value *seen;                  /* owned map: facts observed afterwards */
    size_t index;                            /* of the resource being observed */
    struct bsc_value *result;                /* owned; NULL when the row failed */
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
    bsc_value_free(change->resources);
    bsc_value_free(change->seen);
    bsc_value_free(change->result);
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
    if (hooks->change_end != NULL)
        hooks->change_end(hooks->self, change->record.effect, name, reason);
    bsc_run_done done = change->done;
    void *arg = change->arg;
    change_free(change);
    done(arg, answer, NULL);
}

/* The word for a row that failed and left nothing behind. */
static enum bsc_outcome outcome_of_error(const struct bsc_err *err)
{
    switch (err->code) {
    case BSC_ERR_TIMEOUT:
        return BSC_OUTCOME_TIMEOUT;
    case BSC_ERR_CANCELLED:
        return BSC_OUTCOME_INTERRUPTED;
    case BSC_ERR_REFUSED:
        return BSC_OUTCOME_REFUSED;
    default:
        return BSC_OUTCOME_FAILED;
    }
}

/* Whether the facts seen afterwards have the values of `wanted` ({id={key=value}}). */
static bool seen_as(const struct change *change, const struct bsc_value *wanted)
{
    for (size_t i = 0; i < bsc_value_count(wanted); i++) {
        const struct bsc_value *facts = bsc_value_get(change->seen, bsc_value_key_at(wanted, i));
        const struct bsc_value *keys = bsc_value_item_at(wanted, i);
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            const struct bsc_value *value = bsc_value_item_at(keys, k);
            const struct bsc_value *now = bsc_value_get(facts, bsc_value_key_at(keys, k));
            if (bsc_value_get(value, "$unknown") == NULL && !bsc_value_equal(value, now))
                return false;
        }
    }
    return true;
}

static bool foretold(const struct bsc_value *becomes)
{
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        if (bsc_value_count(bsc_value_item_at(becomes, i)) > 0)
            return true;
    }
    return false;
}

/* The row reported an error: only what is observed tells whether it took effect. */
static void judge_failure(struct change *change)
{
    struct bsc_buf reason;
    bsc_buf_init(&reason);
    bsc_buf_add_text(&reason, change->row_err.message);
    if (change->row_err.cause[0] != '\0')
        bsc_buf_printf(&reason, ": %s", change->row_err.cause);
    enum bsc_outcome outcome = outcome_of_error(&change->row_err);
    if (!foretold(becomes_of(change))) {
        if (change->row_err.code == BSC_ERR_UNKNOWN || outcome == BSC_OUTCOME_TIMEOUT)
            outcome = BSC_OUTCOME_UNKNOWN;
    } else if (seen_as(change, becomes_of(change))) {
        outcome = BSC_OUTCOME_CHANGED;
        bsc_buf_add_text(&reason, " (observed afterwards: it has taken effect all the same)");
    } else if (!seen_as(change, change->before)) {
        bsc_buf_add_text(&reason, " (observed afterwards: it has taken effect in part)");
        if (outcome == BSC_OUTCOME_REFUSED)
            outcome = BSC_OUTCOME_FAILED;
    }
    for (size_t i = 0; i < bsc_value_count(change->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(change->resources, i));
        bsc_run_model_put(change->with->model, resource,
                          bsc_value_copy(bsc_value_get(change->seen, resource)));
    }
    verdict(change, outcome, reason.data);
    bsc_buf_release(&reason);
}

/* The row reported success: the site must now be as the model says. */
static void judge_success(struct change *change)
{
    struct bsc_buf difference;
    bool agrees = true;
    bsc_buf_init(&difference);
    bsc_run_model_apply(change->with->model, becomes_of(change));
    for (size_t i = 0; i < bsc_value_count(change->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(change->resources, i));
        const struct bsc_value *facts = bsc_value_get(change->seen, resource);
        if (!bsc_run_model_agrees(change->with->model, resource, facts,
                                  bsc_value_get(becomes_of(change), resource), &difference))
            agrees = false;
        bsc_run_model_put(change->with->model, resource, bsc_value_copy(facts));
    }
    if (agrees)
        verdict(change, BSC_OUTCOME_CHANGED, NULL);
    else
        verdict(change, BSC_OUTCOME_DIVERGED, difference.data);
    bsc_buf_release(&difference);
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

static void observed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct change *change = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    const char *resource = bsc_value_string(bsc_value_at(change->resources, change->index));
    if (facts == NULL) {
        verdict(change, BSC_OUTCOME_UNKNOWN, err->message);
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
        bsc_run_observe(change->with->vm, change->with->hands,
                        bsc_value_string(bsc_value_at(change->resources, change->index)), observed,
                        change);
    else if (change->row_failed)
        judge_failure(change);
    else
        judge_success(change);
}

static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct change *change = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    change->result = value;
    change->row_failed = value == NULL;
    if (change->row_failed)
        change->row_err = *err;
    const char *outcome =
        change->row_failed ? bsc_run_outcome_name(outcome_of_error(&change->row_err)) : "changed";
    if (!bsc_run_record_outcome(change->with->journal, &change->record, outcome, value,
                                change->row_failed ? &change->row_err : NULL,
                                now_us(change) - change->began_us, &failure)) {
        break_off(change, &failure);
        return;
    }
    bsc_run_hands_settle(change->with->hands);
    observe_next(change);
}

/* The resource itself and everything that the change says something about, each once. */
static struct bsc_value *resources_to_observe(const struct bsc_value *effect)
{
    struct bsc_value *list = bsc_value_list();
    const char *own = bsc_value_get_string(effect, "resource");
    const struct bsc_value *becomes = bsc_value_get(effect, "becomes");
    bsc_value_append(list, bsc_value_text(own));
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        if (strcmp(bsc_value_key_at(becomes, i), own) != 0)
            bsc_value_append(list, bsc_value_text(bsc_value_key_at(becomes, i)));
    }
    return list;
}

/* The row of a change, or NULL when the effect makes no sense. */
static const struct bsc_lib_row *row_of(const struct bsc_value *effect, struct bsc_err *err)
{
    const char *name = bsc_value_get_string(effect, "row");
    const struct bsc_lib_row *row = name != NULL ? bsc_lib_find(name) : NULL;
    if (row == NULL || row->effect != BSC_LIB_WRITE ||
        bsc_value_get_string(effect, "resource") == NULL ||
        bsc_value_get_string(effect, "statement") == NULL) {
        bsc_err_set(err, BSC_ERR_SCRIPT, "the change by row \"%s\" is not complete",
                    name != NULL ? name : "");
        return NULL;
    }
    return row;
}

void bsc_run_change(const struct bsc_run_live_options *with, const struct bsc_value *effect,
                    int64_t item, int64_t *change_count, bsc_run_done done, void *arg)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct change *change = bsc_mem_new(1, sizeof *change);
    change->with = with;
    change->done = done;
    change->arg = arg;
    change->before = bsc_run_model_present(with->model, bsc_value_get(effect, "becomes"));
    change->seen = bsc_value_map();
    change->record =
        (struct bsc_run_record_change){*change_count + 1, item, effect, change->before};
    const struct bsc_lib_row *row = row_of(effect, &err);
    if (row == NULL) {
        break_off(change, &err);
        return;
    }
    change->resources = resources_to_observe(effect);
    if (bsc_run_hands_cancelled(with->hands)) {
        verdict(change, BSC_OUTCOME_INTERRUPTED, "stopped by the operator before it began");
        return;
    }
    if (!bsc_run_cursor_match(with->cursor, effect, &err)) {
        verdict(change, BSC_OUTCOME_DIVERGED, err.message);
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
    bsc_run_hands_perform(with->hands, row, bsc_value_get(effect, "args"),
                          bsc_value_get_number(effect, "timeout_ms", 0), row_done, change);
}
