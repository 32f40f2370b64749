#include "run/observer.h"

#include <string.h>

#include "base/mem.h"
#include "run/errors.h"

struct observation {
    struct bsc_run_hands *hands; /* borrowed */
    struct bsc_vm_task *task;    /* owned */
    struct bsc_value *effect;    /* owned: the call under way */
    char *resource;              /* owned, for messages */
    bsc_run_observed done;
    void *arg;
};

/* The long lists of a resource go from hand to hand, from model to plan: they are held once. */
static void share_lists(struct bsc_value *facts)
{
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        struct bsc_value *fact = bsc_value_item_at(facts, i);
        if (bsc_value_kind(fact) == BSC_VALUE_LIST)
            bsc_value_share(fact);
    }
}

static void observation_end(struct observation *o, struct bsc_value *facts, struct bsc_err *err)
{
    if (facts != NULL && bsc_value_kind(facts) != BSC_VALUE_MAP) {
        bsc_err_set(err, BSC_ERR_SCRIPT, "the facts are %s, not a map",
                    bsc_value_kind_name(bsc_value_kind(facts)));
        bsc_value_free(facts);
        facts = NULL;
    }
    if (facts == NULL)
        bsc_err_wrap(err, "cannot observe %s", o->resource);
    else
        share_lists(facts);
    bsc_vm_task_free(o->task);
    bsc_value_free(o->effect);
    bsc_mem_free(o->resource);
    o->done(o->arg, facts, err);
    bsc_mem_free(o);
}

static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err);

/* Only looking is allowed here, whatever the platform's code asks for. */
static bool start_call(struct observation *o, struct bsc_err *err)
{
    const char *op = bsc_value_get_string(o->effect, "op");
    const char *name = bsc_value_get_string(o->effect, "row");
    if (op == NULL || strcmp(op, "call") != 0 || name == NULL)
        return bsc_err_set(err, BSC_ERR_SCRIPT, "an observation may only call rows");
    const struct bsc_lib_row *row = bsc_lib_find(name);
    if (row == NULL || row->effect != BSC_LIB_READ)
        return bsc_err_set(err, BSC_ERR_SCRIPT, "\"%s\" is not a row that only looks", name);
    bsc_run_hands_perform(o->hands, row, bsc_value_get(o->effect, "args"),
                          bsc_value_get_number(o->effect, "timeout_ms", 0), row_done, o);
    return true;
}

static void observation_go_on(struct observation *o)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    enum bsc_vm_status status = bsc_vm_task_resume(o->task, NULL, &value, &err);
    if (status != BSC_VM_YIELDED) {
        observation_end(o, status == BSC_VM_DONE ? value : NULL, &err);
        return;
    }
    bsc_value_free(o->effect);
    o->effect = value;
    if (!start_call(o, &err))
        observation_end(o, NULL, &err);
}

/* What was cut short by the operator says nothing about the world: the platform's code would take
 * it for a server that does not answer. */
static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    if (value == NULL && err->code == BSC_ERR_CANCELLED) {
        struct bsc_err cancelled = *err;
        observation_end(arg, NULL, &cancelled);
        return;
    }
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_bool(answer, "ok", value != NULL);
    if (value != NULL)
        bsc_value_set(answer, "value", value);
    else
        bsc_value_set(answer, "error", bsc_run_error_value(err));
    struct observation *o = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    bool taken = bsc_vm_task_answer(o->task, answer, &failure);
    bsc_value_free(answer);
    if (taken)
        observation_go_on(o);
    else
        observation_end(o, NULL, &failure);
}

void bsc_run_observe(struct bsc_vm *vm, struct bsc_run_hands *hands, const char *resource,
                     enum bsc_run_survey survey, bsc_run_observed done, void *arg)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct observation *o = bsc_mem_new(1, sizeof *o);
    o->hands = hands;
    o->resource = bsc_mem_text(resource);
    o->done = done;
    o->arg = arg;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "resource", resource);
    if (survey != BSC_RUN_SURVEY_NONE)
        bsc_value_set_text(args, "survey", survey == BSC_RUN_SURVEY_FIRST ? "first" : "next");
    o->task = bsc_vm_task_new(vm, "observe", args, &err);
    bsc_value_free(args);
    if (o->task == NULL)
        observation_end(o, NULL, &err);
    else
        observation_go_on(o);
}

struct survey {
    struct bsc_vm *vm;                 /* borrowed */
    struct bsc_run_hands *hands;       /* borrowed */
    const struct bsc_value *resources; /* borrowed */
    size_t index;
    struct bsc_value *facts; /* owned */
    bool inside;             /* survey_go_on() is on the stack */
    bool waiting;            /* an observation is under way */
    bool over;               /* one failed, as `err` says */
    struct bsc_err err;
    bsc_run_observed done;
    void *arg;
};

static void survey_go_on(struct survey *s);

static void survey_observed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct survey *s = arg;
    if (facts == NULL) {
        s->over = true;
        s->err = *err;
    } else {
        bsc_value_set(s->facts, bsc_value_string(bsc_value_at(s->resources, s->index)), facts);
        s->index++;
    }
    s->waiting = false;
    if (!s->inside)
        survey_go_on(s);
}

static void survey_end(struct survey *s)
{
    if (s->over) {
        bsc_value_free(s->facts);
        s->facts = NULL;
    }
    s->done(s->arg, s->facts, &s->err);
    bsc_mem_free(s);
}

/* Observations that need no row end at once; they are taken up in this loop, so that a long list
 * of them does not grow the stack. */
static void survey_go_on(struct survey *s)
{
    s->inside = true;
    while (!s->over && !s->waiting && s->index < bsc_value_count(s->resources)) {
        s->waiting = true;
        bsc_run_observe(s->vm, s->hands, bsc_value_string(bsc_value_at(s->resources, s->index)),
                        s->index == 0 ? BSC_RUN_SURVEY_FIRST : BSC_RUN_SURVEY_NEXT, survey_observed,
                        s);
    }
    s->inside = false;
    if (!s->waiting)
        survey_end(s);
}

void bsc_run_observe_all(struct bsc_vm *vm, struct bsc_run_hands *hands,
                         const struct bsc_value *resources, bsc_run_observed done, void *arg)
{
    struct survey *s = bsc_mem_new(1, sizeof *s);
    s->vm = vm;
    s->hands = hands;
    s->resources = resources;
    s->facts = bsc_value_map();
    s->done = done;
    s->arg = arg;
    survey_go_on(s);
}
