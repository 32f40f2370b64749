#include "run/execute.h"

#include <signal.h>
#include <unistd.h>

#include "run/record.h"
#include "run/wait.h"

enum {
    PROGRESS_EVERY_MS = 200,
    /* Whoever started us may pass on the Ctrl-C that the terminal sent to both: nobody is so quick
     * twice. */
    SAME_SIGNAL_MS = 100
};

/* Readings of all the clocks of a run, in microseconds. */
struct spent {
    int64_t now_us;
    struct bsc_run_labour labour;
    int64_t waited_us;
    int64_t syncing_us;
};

struct execution {
    struct bsc_run_order *order;   /* borrowed */
    struct bsc_run_live *live;     /* owned */
    struct bsc_run_leases *leases; /* owned; NULL where none are kept */
    struct bsc_timer *timer;       /* shows progress; NULL when not running */
    struct spent at_begin;         /* of the item under way */
    struct bsc_value *parked;      /* owned: what the run waits for at its end, or NULL */
    struct bsc_run_end end;
    bool waiting; /* the loop runs until the end */
    bool over;
    bool hung_up;       /* the terminal is gone: nothing more is begun */
    int64_t stopped_us; /* when the operator last asked for an end; 0: never */
};

/* Whether another item may begin. */
static bool may_begin(const struct execution *execution, const char *title, struct bsc_err *err)
{
    if (bsc_run_hands_cancelled(execution->order->session->hands))
        return bsc_err_set(err, BSC_ERR_CANCELLED, "stopped by the operator before \"%s\" began",
                           title);
    if (execution->hung_up)
        return bsc_err_set(err, BSC_ERR_CANCELLED,
                           "the terminal was lost; stopped before \"%s\" began", title);
    return true;
}

static struct spent spent_now(const struct execution *execution)
{
    const struct bsc_run_session *session = execution->order->session;
    const struct bsc_clock *clock = session->with.clock;
    return (struct spent){.now_us = clock->mono_us(clock->self),
                          .labour = bsc_run_hands_labour(session->hands),
                          .waited_us = bsc_run_live_waited_us(execution->live),
                          .syncing_us = bsc_journal_syncing_us(execution->order->journal)};
}

/* Where the time of the item under way has gone so far; returns owned. */
static struct bsc_value *spent_since(const struct execution *execution)
{
    const struct spent before = execution->at_begin, now = spent_now(execution);
    struct bsc_value *spent = bsc_value_map();
    bsc_value_set_int(spent, "all_us", now.now_us - before.now_us);
    bsc_value_set_int(spent, "changing_us", now.labour.changing_us - before.labour.changing_us);
    bsc_value_set_int(spent, "looking_us", now.labour.looking_us - before.labour.looking_us);
    bsc_value_set_int(spent, "waiting_us", now.waited_us - before.waited_us);
    bsc_value_set_int(spent, "syncing_us", now.syncing_us - before.syncing_us);
    return spent;
}

static bool item_begin(void *self, const struct bsc_value *item, struct bsc_err *err)
{
    struct execution *execution = self;
    const struct bsc_run_hooks *hooks = execution->order->hooks;
    if (!may_begin(execution, bsc_value_get_string(item, "title"), err))
        return false;
    bsc_run_live_enter(execution->live, bsc_value_get_number(item, "index", 0));
    execution->at_begin = spent_now(execution);
    if (!bsc_run_record_item_begin(execution->order->journal, item, err))
        return false;
    return hooks->item_begin == NULL || hooks->item_begin(hooks->self, item, err);
}

/* By its title a gate is known again in a runbook that was mended meanwhile. */
static void keep_parked(struct execution *execution, const struct bsc_value *item,
                        struct bsc_value *result)
{
    if (bsc_value_get(result, "parked") == NULL)
        return;
    struct bsc_value *parked = bsc_run_wait_parked(bsc_value_get(result, "parked"));
    bsc_value_set(parked, "item", bsc_value_copy(bsc_value_get(item, "index")));
    bsc_value_set(parked, "title", bsc_value_copy(bsc_value_get(item, "title")));
    bsc_value_set(result, "parked", bsc_value_copy(parked));
    bsc_value_free(execution->parked);
    execution->parked = parked;
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct execution *execution = self;
    const struct bsc_run_hooks *hooks = execution->order->hooks;
    struct bsc_value *measured = bsc_value_copy(result);
    bsc_value_set(measured, "spent", spent_since(execution));
    keep_parked(execution, item, measured);
    bool recorded = bsc_run_record_item_end(execution->order->journal, item, measured, err);
    bsc_value_free(measured);
    if (!recorded)
        return false;
    return hooks->item_end == NULL || hooks->item_end(hooks->self, item, result, err);
}

static void ended(void *arg, const struct bsc_run_end *end)
{
    struct execution *execution = arg;
    execution->end = *end;
    execution->over = true;
    if (execution->waiting)
        bsc_loop_stop(execution->order->session->loop);
}

static void tell_stopping(const struct execution *execution, enum bsc_run_stopping how)
{
    if (execution->order->stopping != NULL)
        execution->order->stopping(execution->order->progress_self, how);
}

/* Whatever is under way: what the journal has is what a resumed run goes on from. */
static void end_here(const struct execution *execution, enum bsc_run_stopping how)
{
    tell_stopping(execution, how);
    _exit(bsc_run_outcome_exit(BSC_OUTCOME_UNKNOWN));
}

/* The operator wants an end; the second time soon after it is one. */
static void stop(struct execution *execution)
{
    const struct bsc_clock *clock = execution->order->session->with.clock;
    int64_t now_us = clock->mono_us(clock->self);
    int64_t since_ms = (now_us - execution->stopped_us) / 1000;
    bool again = execution->stopped_us != 0;
    if (again && since_ms < SAME_SIGNAL_MS)
        return;
    if (again && since_ms <= BSC_RUN_STOPPING_MS)
        end_here(execution, BSC_RUN_STOPPING_AT_ONCE);
    execution->stopped_us = now_us;
    tell_stopping(execution, BSC_RUN_STOPPING_SETTLES);
    bsc_run_live_cancel(execution->live);
}

static void interrupted(void *arg, int signal_number)
{
    struct execution *execution = arg;
    if (signal_number != SIGHUP) {
        stop(execution);
        return;
    }
    execution->hung_up = true;
    tell_stopping(execution, BSC_RUN_STOPPING_AFTER_ITEM);
}

/* The loop outlives the run: a signal that comes late must not find what is gone. */
static void came_late(void *arg, int signal_number)
{
    (void)arg;
    (void)signal_number;
}

static void show_progress(void *arg)
{
    struct execution *execution = arg;
    struct bsc_run_session *session = execution->order->session;
    struct bsc_run_progress progress = bsc_run_hands_progress(session->hands);
    execution->order->progress(execution->order->progress_self, &progress);
    if (progress.stopping_ms >= BSC_RUN_VAIN_MS)
        end_here(execution, BSC_RUN_STOPPING_IN_VAIN);
    execution->timer = bsc_timer_start(session->loop, PROGRESS_EVERY_MS, show_progress, execution);
}

static void perform(struct execution *execution)
{
    struct bsc_run_order *order = execution->order;
    struct bsc_run_session *session = order->session;
    struct bsc_run_hooks hooks = {execution, item_begin, item_end};
    const struct bsc_value *own = bsc_value_get(bsc_run_session_runbook(session), "items");
    struct bsc_run_machine *machine =
        bsc_run_machine_new(session->vm, order->items != NULL ? order->items : own,
                            bsc_run_live_world(execution->live), &hooks);
    bsc_run_machine_skip_to(machine, &order->start);
    if (order->progress != NULL)
        execution->timer =
            bsc_timer_start(session->loop, PROGRESS_EVERY_MS, show_progress, execution);
    bsc_run_machine_start(machine, ended, execution);
    execution->waiting = !execution->over;
    if (execution->waiting)
        bsc_loop_run(session->loop);
    BSC_BUG_ON(!execution->over);
    if (execution->timer != NULL)
        bsc_timer_cancel(execution->timer);
    bsc_run_machine_free(machine);
}

static const char *end_word(const struct execution *execution)
{
    const struct bsc_run_end *end = &execution->end;
    bool cancelled = bsc_run_hands_cancelled(execution->order->session->hands);
    /* Nobody wanted an end who has only lost the terminal. */
    bool broke = end->broke && end->outcome != BSC_OUTCOME_REFUSED;
    if (broke || (execution->hung_up && !cancelled && end->outcome == BSC_OUTCOME_INTERRUPTED))
        return "halted";
    switch (end->outcome) {
    case BSC_OUTCOME_KEPT:
    case BSC_OUTCOME_CHANGED:
    case BSC_OUTCOME_SKIPPED:
        return "done";
    case BSC_OUTCOME_REFUSED:
        return "refused";
    case BSC_OUTCOME_INTERRUPTED:
        return "cancelled";
    case BSC_OUTCOME_PARKED:
        return "parked";
    default:
        return "halted";
    }
}

static bool record_end(const struct execution *execution, struct bsc_err *err)
{
    const struct bsc_run_end *end = &execution->end;
    struct bsc_value *summary = bsc_value_map();
    bsc_value_set_text(summary, "outcome", bsc_run_outcome_name(end->outcome));
    bsc_value_set_text(summary, "text", end->broke ? end->err.message : end->reason);
    bsc_value_set_int(summary, "items_done", (int64_t)end->items_done);
    if (end->outcome == BSC_OUTCOME_PARKED && execution->parked != NULL)
        bsc_value_set(summary, "parked", bsc_value_copy(execution->parked));
    bool ok = bsc_run_record_end(execution->order->journal, end_word(execution),
                                 bsc_run_outcome_exit(end->outcome), summary, err);
    bsc_value_free(summary);
    return ok;
}

/* Whoever goes on with a parked run is told what has become different since it was parked, and not
 * what the run itself has made so: everything is looked at once more. What cannot be looked at now,
 * or finds no room in the journal, is compared with what was seen of it before. The world is there
 * still, for whoever stops the look. */
static void record_sight(const struct execution *execution)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_run_session *session = execution->order->session;
    if (execution->end.outcome != BSC_OUTCOME_PARKED || bsc_run_hands_cancelled(session->hands))
        return;
    struct bsc_value *facts = bsc_run_session_observe(session, &ignored);
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(facts); i++)
        ok = bsc_run_record_observed(execution->order->journal, 0, bsc_value_key_at(facts, i),
                                     bsc_value_item_at(facts, i), &ignored);
    bsc_value_free(facts);
}

static bool take_leases(struct execution *execution, struct bsc_err *err)
{
    const struct bsc_run_order *order = execution->order;
    struct bsc_run_leases_options options = {
        .session = order->session,
        .claim = order->claim,
        .known = order->past != NULL ? order->past->leases : NULL,
        .journal = order->journal,
        .note = order->live->note,
        .note_self = order->live->self,
    };
    if (order->claim == NULL)
        return true;
    execution->leases = bsc_run_leases_new(&options, err);
    return execution->leases != NULL && bsc_run_leases_take(execution->leases, order->targets, err);
}

/* Nothing was begun. That another one is at work is an answer; anything else is a breakdown. */
static void end_before(struct execution *execution, const struct bsc_err *err)
{
    struct bsc_run_end *end = &execution->end;
    end->broke = true;
    end->err = *err;
    end->outcome = err->code == BSC_ERR_CONFLICT ? BSC_OUTCOME_REFUSED : BSC_OUTCOME_FAILED;
    end->items_done = execution->order->start.item;
}

static void perform_leased(struct execution *execution)
{
    struct bsc_run_order *order = execution->order;
    struct bsc_run_session *session = order->session;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_model *model = bsc_run_model_new(session->schema, order->facts);
    bsc_run_model_travel_light(model);
    if (take_leases(execution, &err)) {
        struct bsc_run_live_options options = {
            session->vm,   session->hands,      model,       order->cursor,     order->journal,
            session->loop, session->with.clock, order->live, execution->leases, order->past};
        execution->live = bsc_run_live_new(&options);
        perform(execution);
        record_sight(execution);
    } else {
        end_before(execution, &err);
    }
    bsc_run_live_free(execution->live);
    bsc_run_model_free(model);
}

bool bsc_run_execute(struct bsc_run_order *order, struct bsc_run_end *ret_end, struct bsc_err *err)
{
    struct execution execution = {.order = order};
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ok = bsc_loop_watch_signals(order->session->loop, interrupted, &execution, err);
    if (ok) {
        perform_leased(&execution);
        ok = record_end(&execution, err);
    } else {
        bsc_value_free(order->facts);
        execution.end.broke = true;
        execution.end.err = *err;
    }
    *ret_end = execution.end;
    order->parked = execution.parked;
    bsc_loop_watch_signals(order->session->loop, came_late, NULL, &ignored);
    bsc_run_leases_free(execution.leases);
    bsc_run_cursor_free(order->cursor);
    return ok;
}
