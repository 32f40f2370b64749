#include "run/twin.h"

#include <string.h>

#include "base/mem.h"
#include "run/again.h"
#include "run/effect.h"
#include "run/wait.h"

struct bsc_run_twin {
    struct bsc_run_world world;
    struct bsc_run_model *model;            /* borrowed */
    const struct bsc_run_twin_hooks *hooks; /* borrowed */
    int64_t wall_ms;                        /* the twin's own time */
    struct bsc_run_again again;             /* what is not made again */
};

static struct bsc_value *facts_or_unknown(const struct bsc_run_twin *twin, const char *resource)
{
    const struct bsc_value *facts = bsc_run_model_facts(twin->model, resource);
    if (facts != NULL)
        return bsc_value_copy(facts);
    struct bsc_value *unknown = bsc_value_map();
    bsc_value_set_text(unknown, "state", "unknown");
    return unknown;
}

static void tell(const struct bsc_run_twin *twin, const struct bsc_value *note)
{
    if (twin->hooks->note != NULL)
        twin->hooks->note(twin->hooks->self, note);
}

/* What was made before shows in the facts already, as far as anything shows it. */
static void leave_out(const struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    struct bsc_value *note = bsc_run_again_note(effect);
    tell(twin, note);
    bsc_value_free(note);
}

static void make(const struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    const struct bsc_value *becomes = bsc_value_get(effect, "becomes");
    struct bsc_value *before = bsc_run_model_present(twin->model, becomes);
    if (twin->hooks->change != NULL)
        twin->hooks->change(twin->hooks->self, effect, before);
    bsc_value_free(before);
    bsc_run_model_apply(twin->model, becomes);
}

/* Refuses what the live world would refuse: a rehearsal that gets through must not break there. */
static struct bsc_value *answer_change(struct bsc_run_twin *twin, const struct bsc_value *effect,
                                       struct bsc_err *err)
{
    if (bsc_run_effect_row(effect, err) == NULL)
        return NULL;
    if (bsc_run_again_leaves_out(&twin->again, effect))
        leave_out(twin, effect);
    else
        make(twin, effect);
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_text(answer, "outcome", "changed");
    bsc_value_set(answer, "result", bsc_value_map());
    bsc_value_set(answer, "facts",
                  facts_or_unknown(twin, bsc_value_get_string(effect, "resource")));
    return answer;
}

static void jump(struct bsc_run_twin *twin, int64_t ms)
{
    if (ms > 0)
        twin->wall_ms = ms > INT64_MAX - twin->wall_ms ? INT64_MAX : twin->wall_ms + ms;
}

static struct bsc_value *answer_sleep(struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    jump(twin, bsc_value_get_number(effect, "ms", 0));
    return bsc_value_bool(true);
}

/* Nobody waits in a rehearsal: what is not waived has passed when it is asked for. */
static struct bsc_value *answer_reached(struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    int64_t after_ms = bsc_value_get_number(effect, "after_ms", 0);
    const struct bsc_run_wait wait = {.since_ms = twin->wall_ms, .after_ms = after_ms};
    if (!bsc_value_get_truth(effect, "waived"))
        jump(twin, after_ms);
    return bsc_run_wait_value(&wait, twin->wall_ms);
}

static struct bsc_value *answer_ask(struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    if (twin->hooks->ask != NULL)
        twin->hooks->ask(twin->hooks->self, effect);
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_text(answer, "answer", "yes");
    bsc_value_set_text(answer, "by", "rehearsal");
    return answer;
}

static struct bsc_value *answer_to(struct bsc_run_twin *twin, const struct bsc_value *effect,
                                   struct bsc_err *err)
{
    const char *op = bsc_value_get_string(effect, "op");
    if (op == NULL)
        op = "";
    if (strcmp(op, "begin") == 0) {
        bsc_run_again_begin(&twin->again, bsc_value_get_number(effect, "action", 0));
        return bsc_value_bool(true);
    }
    if (strcmp(op, "undecided") == 0)
        return bsc_value_bool(bsc_value_get_truth(effect, "likely"));
    if (strcmp(op, "observe") == 0)
        return facts_or_unknown(twin, bsc_value_get_string(effect, "resource"));
    if (strcmp(op, "change") == 0)
        return answer_change(twin, effect, err);
    if (strcmp(op, "sleep") == 0)
        return answer_sleep(twin, effect);
    if (strcmp(op, "now") == 0)
        return bsc_value_int(twin->wall_ms);
    if (strcmp(op, "reached") == 0)
        return answer_reached(twin, effect);
    if (strcmp(op, "ask") == 0)
        return answer_ask(twin, effect);
    if (strcmp(op, "note") == 0) {
        tell(twin, effect);
        return bsc_value_bool(true);
    }
    bsc_err_set(err, BSC_ERR_SCRIPT, "the twin has no answer to the effect \"%s\"", op);
    return NULL;
}

static void perform(void *self, const struct bsc_value *effect, bsc_run_reply reply, void *arg)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *answer = answer_to(self, effect, &err);
    reply(arg, answer, &err);
}

struct bsc_run_twin *bsc_run_twin_new(struct bsc_run_model *model, int64_t wall_ms,
                                      const struct bsc_run_twin_hooks *hooks)
{
    struct bsc_run_twin *twin = bsc_mem_new(1, sizeof *twin);
    twin->world.self = twin;
    twin->world.perform = perform;
    twin->model = model;
    twin->wall_ms = wall_ms;
    twin->hooks = hooks;
    bsc_run_again_init(&twin->again, NULL);
    return twin;
}

void bsc_run_twin_remember(struct bsc_run_twin *twin, const struct bsc_run_past *past)
{
    twin->again.past = past;
}

void bsc_run_twin_enter(struct bsc_run_twin *twin, int64_t item_index)
{
    bsc_run_again_enter(&twin->again, item_index);
}

void bsc_run_twin_free(struct bsc_run_twin *twin)
{
    if (twin == NULL)
        return;
    bsc_run_again_release(&twin->again);
    bsc_mem_free(twin);
}

const struct bsc_run_world *bsc_run_twin_world(const struct bsc_run_twin *twin)
{
    return &twin->world;
}
