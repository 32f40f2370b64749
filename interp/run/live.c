#include "run/live.h"

#include <string.h>

#include "base/mem.h"
#include "run/again.h"
#include "run/change.h"
#include "run/observer.h"
#include "run/record.h"
#include "run/wait.h"

/* What was seen longer ago than this is not put beside what is seen now. */
enum { MOMENT_US = 1000000 };

struct bsc_run_live {
    struct bsc_run_world world;
    struct bsc_run_live_options with;
    struct bsc_run_place at;
    int64_t change_count;           /* changes begun so far */
    struct bsc_run_again again;     /* what is not made again */
    const struct bsc_value *effect; /* borrowed: the effect being answered */
    bsc_run_reply reply;
    void *reply_arg;
    struct bsc_timer *sleep; /* the wait under way, or NULL */
    int64_t waiting_since_us;
    int64_t waited_us;             /* for an answer, or because the runbook says so */
    struct bsc_run_survey *survey; /* owned: the one under way */
    struct bsc_value *seen;        /* owned list: its resources */
    int64_t seen_since_us;
};

static void answer(struct bsc_run_live *live, struct bsc_value *value)
{
    live->reply(live->reply_arg, value, NULL);
}

static void break_off(struct bsc_run_live *live, const struct bsc_err *err)
{
    live->reply(live->reply_arg, NULL, err);
}

static void observed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct bsc_run_live *live = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    const char *resource = bsc_value_get_string(live->effect, "resource");
    if (facts == NULL) {
        break_off(live, err);
        return;
    }
    if (!bsc_run_record_observed(live->with.journal, live->at.item, resource, facts, &failure)) {
        bsc_value_free(facts);
        break_off(live, &failure);
        return;
    }
    bsc_run_model_put(live->with.model, resource, bsc_value_copy(facts));
    answer(live, facts);
}

static void stop_here(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    bsc_err_set(&err, BSC_ERR_CANCELLED, "stopped by the operator");
    break_off(live, &err);
}

static int64_t now_us(const struct bsc_run_live *live)
{
    return live->with.clock->mono_us(live->with.clock->self);
}

/* Whether the resource belongs to the survey under way: with the looks right before it, with
 * nothing done in between and none of them repeated. */
static bool is_of_survey(const struct bsc_run_live *live, const char *resource)
{
    const size_t count = bsc_value_count(live->seen);
    if (count == 0 || now_us(live) - live->seen_since_us >= MOMENT_US)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(bsc_value_string(bsc_value_at(live->seen, i)), resource) == 0)
            return false;
    }
    return true;
}

static void end_survey(struct bsc_run_live *live)
{
    bsc_run_survey_free(live->survey);
    live->survey = bsc_run_survey_new(live->with.vm, live->with.hands);
    bsc_value_free(live->seen);
    live->seen = bsc_value_list();
}

/* What a look that is to be alone has learned says nothing to those after it. */
static void perform_observe(struct bsc_run_live *live)
{
    const char *resource = bsc_value_get_string(live->effect, "resource");
    const bool alone = bsc_value_get_truth(live->effect, "alone");
    if (alone || !is_of_survey(live, resource)) {
        end_survey(live);
        live->seen_since_us = now_us(live);
    }
    if (alone) {
        bsc_run_observe(live->with.vm, live->with.hands, resource, observed, live);
        return;
    }
    bsc_value_append(live->seen, bsc_value_text(resource));
    bsc_run_survey_observe(live->survey, resource, NULL, observed, live);
}

static void slept(void *arg)
{
    struct bsc_run_live *live = arg;
    live->sleep = NULL;
    live->waited_us += now_us(live) - live->waiting_since_us;
    answer(live, bsc_value_bool(true));
}

static void perform_sleep(struct bsc_run_live *live)
{
    if (live->with.hooks->sleeping != NULL)
        live->with.hooks->sleeping(live->with.hooks->self, live->effect);
    live->waiting_since_us = now_us(live);
    live->sleep =
        bsc_timer_start(live->with.loop, bsc_value_get_number(live->effect, "ms", 0), slept, live);
}

/* ------------------------------------------------- what was made before the run was resumed */

static void looked_again(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct bsc_run_live *live = arg;
    if (facts == NULL) {
        break_off(live, err);
        return;
    }
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "outcome", "changed");
    bsc_value_set(value, "result", bsc_value_map());
    bsc_value_set(value, "facts", facts);
    answer(live, value);
}

/* Answers as it did the first time, with the facts as they are now. */
static void leave_out(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *note = bsc_run_again_note(live->effect);
    bool recorded = bsc_run_record_note(live->with.journal, live->at.item, note, &err);
    if (recorded && live->with.hooks->note != NULL)
        live->with.hooks->note(live->with.hooks->self, note);
    bsc_value_free(note);
    if (recorded)
        bsc_run_observe(live->with.vm, live->with.hands,
                        bsc_value_get_string(live->effect, "resource"), looked_again, live);
    else
        break_off(live, &err);
}

static void perform_begin(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    live->at.action = bsc_value_get_number(live->effect, "action", 0);
    bsc_run_again_begin(&live->again, live->at.action);
    if (bsc_run_record_action_begin(live->with.journal, live->at, &err))
        answer(live, bsc_value_bool(true));
    else
        break_off(live, &err);
}

static void perform_now(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t now = live->with.clock->wall_ms(live->with.clock->self);
    if (bsc_run_record_now(live->with.journal, live->at.item, now, &err))
        answer(live, bsc_value_int(now));
    else
        break_off(live, &err);
}

/* The clock may have been set back since something was recorded: what is recorded has happened. */
static int64_t since_of(const struct bsc_run_live *live, const char *title, int64_t now)
{
    const struct bsc_value *waits = live->with.past != NULL ? live->with.past->waits : NULL;
    int64_t latest = bsc_journal_latest_ms(live->with.journal);
    return bsc_value_get_number(waits, title, now > latest ? now : latest);
}

static void perform_reached(struct bsc_run_live *live)
{
    const char *title = bsc_value_get_string(live->effect, "title");
    int64_t now = live->with.clock->wall_ms(live->with.clock->self);
    const struct bsc_run_wait wait = {.since_ms = since_of(live, title != NULL ? title : "", now),
                                      .after_ms =
                                          bsc_value_get_number(live->effect, "after_ms", 0)};
    answer(live, bsc_run_wait_value(&wait, now));
}

/* The no that somebody has said to this question before, or NULL. */
static const struct bsc_value *denied(const struct bsc_run_live *live)
{
    const char *title = bsc_value_get_string(live->effect, "title");
    return live->with.past != NULL ? bsc_run_denied_by_title(&live->with.past->denied, title)
                                   : NULL;
}

/* Of what was not answered, a sentence with "by nobody" would tell of somebody all the same. */
static void leave_out_nobody(struct bsc_value *said)
{
    const char *by = bsc_value_get_string(said, "by");
    if (by != NULL && strcmp(by, "nobody") == 0)
        bsc_value_remove(said, "by");
}

static void perform_ask(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_run_record_ask(live->with.journal, live->at.item, live->effect, &err)) {
        break_off(live, &err);
        return;
    }
    const struct bsc_value *no = denied(live);
    struct bsc_value *question = bsc_value_copy(live->effect);
    if (no != NULL)
        bsc_value_set(question, "denied", bsc_value_copy(no));
    bsc_value_set_bool(question, "unplanned",
                       !bsc_run_cursor_asks(live->with.cursor, live->effect));
    int64_t asked_us = now_us(live);
    struct bsc_value *said = live->with.hooks->ask(live->with.hooks->self, question);
    live->waited_us += now_us(live) - asked_us;
    bsc_value_free(question);
    const char *word = bsc_value_get_string(said, "answer");
    bool stopped = word != NULL && strcmp(word, "stopped") == 0;
    bool recorded = bsc_run_record_answer(live->with.journal, live->at.item, said, &err);
    if (recorded && !stopped) {
        leave_out_nobody(said);
        answer(live, said);
        return;
    }
    bsc_value_free(said);
    if (recorded)
        stop_here(live);
    else
        break_off(live, &err);
}

static void perform_note(struct bsc_run_live *live)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_run_record_note(live->with.journal, live->at.item, live->effect, &err)) {
        break_off(live, &err);
        return;
    }
    if (live->with.hooks->note != NULL)
        live->with.hooks->note(live->with.hooks->self, live->effect);
    answer(live, bsc_value_bool(true));
}

static void change_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    if (value != NULL)
        answer(arg, value);
    else
        break_off(arg, err);
}

static void perform(void *self, const struct bsc_value *effect, bsc_run_reply reply, void *arg)
{
    struct bsc_run_live *live = self;
    const char *op = bsc_value_get_string(effect, "op");
    live->effect = effect;
    live->reply = reply;
    live->reply_arg = arg;
    if (op == NULL)
        op = "";
    if (strcmp(op, "observe") != 0)
        end_survey(live);
    bool waits = strcmp(op, "sleep") == 0 || strcmp(op, "ask") == 0;
    if (waits && bsc_run_hands_cancelled(live->with.hands)) {
        stop_here(live);
    } else if (strcmp(op, "begin") == 0) {
        perform_begin(live);
    } else if (strcmp(op, "undecided") == 0) {
        answer(live, bsc_value_bool(true));
    } else if (strcmp(op, "observe") == 0) {
        perform_observe(live);
    } else if (strcmp(op, "change") == 0 && bsc_run_again_leaves_out(&live->again, effect)) {
        leave_out(live);
    } else if (strcmp(op, "change") == 0) {
        bsc_run_change(&live->with, effect, live->at, &live->change_count, change_done, live);
    } else if (strcmp(op, "sleep") == 0) {
        perform_sleep(live);
    } else if (strcmp(op, "now") == 0) {
        perform_now(live);
    } else if (strcmp(op, "reached") == 0) {
        perform_reached(live);
    } else if (strcmp(op, "ask") == 0) {
        perform_ask(live);
    } else if (strcmp(op, "note") == 0) {
        perform_note(live);
    } else {
        struct bsc_err err = BSC_ERR_INIT;
        bsc_err_set(&err, BSC_ERR_SCRIPT, "there is no effect \"%s\"", op);
        break_off(live, &err);
    }
}

struct bsc_run_live *bsc_run_live_new(const struct bsc_run_live_options *options)
{
    struct bsc_run_live *live = bsc_mem_new(1, sizeof *live);
    live->world.self = live;
    live->world.perform = perform;
    live->with = *options;
    bsc_run_again_init(&live->again, options->past);
    end_survey(live);
    live->change_count = options->past != NULL ? options->past->changes : 0;
    return live;
}

void bsc_run_live_free(struct bsc_run_live *live)
{
    if (live == NULL)
        return;
    bsc_timer_cancel(live->sleep);
    bsc_run_again_release(&live->again);
    bsc_run_survey_free(live->survey);
    bsc_value_free(live->seen);
    bsc_mem_free(live);
}

void bsc_run_live_cancel(struct bsc_run_live *live)
{
    struct bsc_timer *sleep = live->sleep;
    bsc_run_hands_cancel(live->with.hands);
    live->sleep = NULL;
    bsc_timer_cancel(sleep);
    if (sleep != NULL)
        stop_here(live);
}

void bsc_run_live_enter(struct bsc_run_live *live, int64_t item_index)
{
    live->at = (struct bsc_run_place){.item = item_index};
    end_survey(live);
    bsc_run_again_enter(&live->again, item_index);
    bsc_run_cursor_enter(live->with.cursor, item_index);
}

int64_t bsc_run_live_waited_us(const struct bsc_run_live *live)
{
    return live->waited_us;
}

const struct bsc_run_world *bsc_run_live_world(const struct bsc_run_live *live)
{
    return &live->world;
}
