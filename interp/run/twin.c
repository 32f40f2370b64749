#include "run/twin.h"

#include <string.h>

#include "base/mem.h"
#include "run/effect.h"

struct bsc_run_twin {
    struct bsc_run_world world;
    struct bsc_run_model *model;            /* borrowed */
    const struct bsc_run_twin_hooks *hooks; /* borrowed */
    int64_t wall_ms;                        /* the twin's own time */
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

/* Refuses what the live world would refuse: a rehearsal that gets through must not break there. */
static struct bsc_value *answer_change(struct bsc_run_twin *twin, const struct bsc_value *effect,
                                       struct bsc_err *err)
{
    if (bsc_run_effect_row(effect, err) == NULL)
        return NULL;
    const struct bsc_value *becomes = bsc_value_get(effect, "becomes");
    struct bsc_value *before = bsc_run_model_present(twin->model, becomes);
    if (twin->hooks->change != NULL)
        twin->hooks->change(twin->hooks->self, effect, before);
    bsc_value_free(before);
    bsc_run_model_apply(twin->model, becomes);
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_text(answer, "outcome", "changed");
    bsc_value_set(answer, "result", bsc_value_map());
    bsc_value_set(answer, "facts",
                  facts_or_unknown(twin, bsc_value_get_string(effect, "resource")));
    return answer;
}

static struct bsc_value *answer_sleep(struct bsc_run_twin *twin, const struct bsc_value *effect)
{
    int64_t ms = bsc_value_get_number(effect, "ms", 0);
    if (ms > 0)
        twin->wall_ms = ms > INT64_MAX - twin->wall_ms ? INT64_MAX : twin->wall_ms + ms;
    return bsc_value_bool(true);
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
    if (strcmp(op, "begin") == 0)
        return bsc_value_bool(true);
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
    if (strcmp(op, "ask") == 0)
        return answer_ask(twin, effect);
    if (strcmp(op, "note") == 0) {
        if (twin->hooks->note != NULL)
            twin->hooks->note(twin->hooks->self, effect);
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
    return twin;
}

void bsc_run_twin_free(struct bsc_run_twin *twin)
{
    bsc_mem_free(twin);
}

const struct bsc_run_world *bsc_run_twin_world(const struct bsc_run_twin *twin)
{
    return &twin->world;
}
