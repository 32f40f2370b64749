#include "run/change.h"

#include <string.h>

#include "base/mem.h"
#include "run/brief.h"
#include "run/effect.h"
#include "run/errors.h"
#include "run/observer.h"
#include "run/outcome.h"
#include "run/record.h"

struct change {
    const struct bsc_run_live_options *with; /* borrowed */
    const struct bsc_lib_row *row;           /* borrowed */
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

/* What a look afterwards tells about a change whose row failed. */
enum trace {
    TRACE_UNTOLD, /* nothing: no fact tells before from after */
    TRACE_ALL,    /* its facts came true */
    TRACE_NONE,   /* its facts are as they were */
    TRACE_PART    /* neither */
};

/* Compares the facts that the change foretells; those that are volatile only when asked to, since
 * they move by themselves. */
static enum trace trace_among(const struct change *change, bool with_volatile)
{
    bool tells = false, all = true, none = true;
    const struct bsc_value *becomes = becomes_of(change);
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const char *resource = bsc_value_key_at(becomes, i);
        const struct bsc_value *keys = bsc_value_item_at(becomes, i);
        const struct bsc_value *before = bsc_value_get(change->before, resource);
        const struct bsc_value *seen = bsc_value_get(change->seen, resource);
        bool looked_at = bsc_run_model_facts(change->with->model, resource) != NULL;
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            const char *key = bsc_value_key_at(keys, k);
            const struct bsc_value *wanted = bsc_value_item_at(keys, k);
            const struct bsc_value *was = bsc_value_get(before, key);
            const struct bsc_value *now = bsc_value_get(seen, key);
            if ((!with_volatile && !bsc_run_model_steady(change->with->model, resource, key)) ||
                bsc_run_brief_is(was))
                continue;
            tells = tells || !bsc_run_model_same(wanted, was);
            all = all && bsc_run_model_same(wanted, now);
            none = none && (!looked_at || bsc_run_model_same(was, now));
        }
    }
    if (!tells)
        return TRACE_UNTOLD;
    return all ? TRACE_ALL : none ? TRACE_NONE : TRACE_PART;
}

static enum trace trace_of(const struct change *change)
{
    enum trace trace = trace_among(change, false);
    return trace != TRACE_UNTOLD ? trace : trace_among(change, true);
}

static void add_error(struct bsc_buf *text, const struct bsc_err *err)
{
    bsc_buf_printf(text, "%s%s", text->length > 0 ? "; " : "", err->message);
    if (err->cause[0] != '\0')
        bsc_buf_printf(text, ": %s", err->cause);
}

/* The row reported an error: only what is observed tells whether it took effect. */
static enum bsc_outcome judge_failure(const struct change *change, struct bsc_buf *reason)
{
    static const char *const words[] = {
        [TRACE_UNTOLD] = "nothing that can be observed tells whether it took effect",
        [TRACE_ALL] = "observed afterwards: it has taken effect all the same",
        [TRACE_NONE] = "observed afterwards: it has not taken effect",
        [TRACE_PART] = "observed afterwards: it has taken effect in part"};
    enum bsc_outcome outcome = outcome_of_error(&change->row_err);
    enum trace trace = trace_of(change);
    bool open_end = outcome == BSC_OUTCOME_TIMEOUT || change->row_err.code == BSC_ERR_UNKNOWN;
    if (trace == TRACE_ALL)
        outcome = BSC_OUTCOME_CHANGED;
    else if (trace == TRACE_UNTOLD && open_end)
        outcome = BSC_OUTCOME_UNKNOWN;
    else if (trace == TRACE_PART && change->row_err.code == BSC_ERR_UNKNOWN)
        outcome = BSC_OUTCOME_UNKNOWN;
    else if (trace == TRACE_PART &&
             (outcome == BSC_OUTCOME_REFUSED || outcome == BSC_OUTCOME_FAILED))
        outcome = change->row->resumes ? BSC_OUTCOME_FAILED : BSC_OUTCOME_DIVERGED;
    bool stopped = open_end || outcome == BSC_OUTCOME_INTERRUPTED;
    add_error(reason, &change->row_err);
    if (trace == TRACE_ALL || trace == TRACE_PART || stopped)
        bsc_buf_printf(reason, " (%s)", words[trace]);
    return outcome;
}

static void conclude_failure(struct change *change)
{
    struct bsc_buf reason;
    bsc_buf_init(&reason);
    enum bsc_outcome outcome = judge_failure(change, &reason);
    for (size_t i = 0; i < bsc_value_count(change->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(change->resources, i));
        bsc_run_model_put(change->with->model, resource,
                          bsc_value_copy(bsc_value_get(change->seen, resource)));
    }
    if (outcome == BSC_OUTCOME_FAILED)
        bsc_run_cursor_again(change->with->cursor);
    verdict(change, outcome, reason.data);
    bsc_buf_release(&reason);
}

/* Of a resource that was never looked at, the change foretold its own facts and nothing else. */
static void learn_unseen(const struct change *change)
{
    struct bsc_run_model *model = change->with->model;
    for (size_t i = 0; i < bsc_value_count(change->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(change->resources, i));
        if (bsc_run_model_facts(model, resource) == NULL)
            bsc_run_model_put(model, resource,
                              bsc_value_copy(bsc_value_get(change->seen, resource)));
    }
}

/* The row reported success: the site must now be as the model says. */
static void conclude_success(struct change *change)
{
    struct bsc_buf difference;
    bool agrees = true;
    bsc_buf_init(&difference);
    learn_unseen(change);
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

/* Whatever the row said: what cannot be looked at is not known. */
static void conclude_unseen(struct change *change, const struct bsc_err *err)
{
    struct bsc_buf reason;
    bsc_buf_init(&reason);
    if (change->row_failed)
        add_error(&reason, &change->row_err);
    add_error(&reason, err);
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
        bsc_run_observe(change->with->vm, change->with->hands,
                        bsc_value_string(bsc_value_at(change->resources, change->index)), observed,
                        change);
    else if (change->row_failed)
        conclude_failure(change);
    else
        conclude_success(change);
}

static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct change *change = arg;
    struct bsc_journal *journal = change->with->journal;
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
    /* The worker looks while the disk makes the outcome durable. Should that fail, the journal
     * takes no further record, and the next one says why. */
    (void)bsc_journal_sync(journal, &failure);
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
    change->row = bsc_run_effect_row(effect, &err);
    if (change->row == NULL) {
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
    bsc_run_hands_perform(with->hands, change->row, bsc_value_get(effect, "args"),
                          bsc_value_get_number(effect, "timeout_ms", 0), row_done, change);
}
