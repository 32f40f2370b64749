#include "run/observer.h"

#include <string.h>

#include "base/mem.h"
#include "run/errors.h"
#include "value/digest.h"

/* A question that is asked once. */
struct shared {
    struct shared *next;           /* owned */
    struct bsc_run_survey *survey; /* borrowed: it is of */
    char *key;                     /* owned */
    struct bsc_value *answer;      /* owned; NULL while it is under way */
    struct observation *waiting;   /* borrowed: who waits for it */
};

struct bsc_run_survey {
    struct bsc_vm *vm;           /* borrowed */
    struct bsc_run_hands *hands; /* borrowed */
    struct shared *first;        /* owned */
};

struct observation {
    struct bsc_run_hands *hands;      /* borrowed */
    struct bsc_run_survey *survey;    /* borrowed; NULL for one that shares nothing */
    struct observation *next_waiting; /* borrowed: for the same question */
    struct bsc_vm_task *task;         /* owned */
    struct bsc_value *effect;         /* owned: the call under way */
    char *resource;                   /* owned, for messages */
    const char *lane;                 /* borrowed; NULL: the common one */
    bsc_run_observed done;
    void *arg;
};

struct bsc_run_survey *bsc_run_survey_new(struct bsc_vm *vm, struct bsc_run_hands *hands)
{
    struct bsc_run_survey *survey = bsc_mem_new(1, sizeof *survey);
    survey->vm = vm;
    survey->hands = hands;
    return survey;
}

static void shared_free(struct shared *shared)
{
    bsc_mem_free(shared->key);
    bsc_value_free(shared->answer);
    bsc_mem_free(shared);
}

void bsc_run_survey_free(struct bsc_run_survey *survey)
{
    if (survey == NULL)
        return;
    for (struct shared *next = NULL, *each = survey->first; each != NULL; each = next) {
        next = each->next;
        shared_free(each);
    }
    bsc_mem_free(survey);
}

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

/* Takes `value`. */
static bool give_answer(struct observation *o, struct bsc_value *value, const struct bsc_err *why,
                        struct bsc_err *err)
{
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_bool(answer, "ok", value != NULL);
    if (value != NULL)
        bsc_value_set(answer, "value", value);
    else
        bsc_value_set(answer, "error", bsc_run_error_value(why));
    bool taken = bsc_vm_task_answer(o->task, answer, err);
    bsc_value_free(answer);
    return taken;
}

static void observation_go_on(struct observation *o);

/* What was cut short by the operator says nothing about the world: the platform's code would take
 * it for a server that does not answer. */
static void row_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct observation *o = arg;
    struct bsc_err failure = BSC_ERR_INIT;
    if (value == NULL && err->code == BSC_ERR_CANCELLED) {
        failure = *err;
        observation_end(o, NULL, &failure);
    } else if (give_answer(o, value, err, &failure)) {
        observation_go_on(o);
    } else {
        observation_end(o, NULL, &failure);
    }
}

static void forget(struct shared *shared)
{
    struct shared **at = &shared->survey->first;
    while (*at != shared)
        at = &(*at)->next;
    *at = shared->next;
    shared_free(shared);
}

/* The survey may be freed with the last of those who waited: nothing of it is touched after that.
 */
static void shared_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct shared *shared = arg;
    struct observation *waiting = shared->waiting;
    shared->waiting = NULL;
    shared->answer = value;
    if (value == NULL)
        forget(shared);
    for (struct observation *next = NULL; waiting != NULL; waiting = next) {
        next = waiting->next_waiting;
        row_done(waiting, value != NULL ? bsc_value_copy(value) : NULL, err);
    }
}

static struct shared *shared_of(struct bsc_run_survey *survey, const char *row,
                                const struct bsc_value *args)
{
    char hex[BSC_DIGEST_HEX];
    bsc_digest_value(args, hex);
    char *key = bsc_mem_format("%s %s", row, hex);
    struct shared *each = survey->first;
    while (each != NULL && strcmp(each->key, key) != 0)
        each = each->next;
    if (each != NULL) {
        bsc_mem_free(key);
        return each;
    }
    each = bsc_mem_new(1, sizeof *each);
    each->survey = survey;
    each->key = key;
    each->next = survey->first;
    survey->first = each;
    return each;
}

static void call(const struct observation *o, const struct bsc_lib_row *row, bsc_run_done done,
                 void *arg)
{
    const struct bsc_run_errand errand = {.row = row,
                                          .args = bsc_value_get(o->effect, "args"),
                                          .lane = o->lane,
                                          .timeout_ms =
                                              bsc_value_get_number(o->effect, "timeout_ms", 0)};
    bsc_run_hands_perform(o->hands, &errand, done, arg);
}

/* Who comes first asks; returns the answer, borrowed, where it is there already. */
static const struct bsc_value *share_call(struct observation *o, const struct bsc_lib_row *row)
{
    struct shared *shared = shared_of(o->survey, row->name, bsc_value_get(o->effect, "args"));
    if (shared->answer != NULL)
        return shared->answer;
    bool first = shared->waiting == NULL;
    struct observation **last = &shared->waiting;
    while (*last != NULL)
        last = &(*last)->next_waiting;
    *last = o;
    o->next_waiting = NULL;
    if (first)
        call(o, row, shared_done, shared);
    return NULL;
}

/* Only looking is allowed here, whatever the platform's code asks for. */
static const struct bsc_lib_row *row_of(const struct observation *o, struct bsc_err *err)
{
    const char *op = bsc_value_get_string(o->effect, "op");
    const char *name = bsc_value_get_string(o->effect, "row");
    if (op == NULL || strcmp(op, "call") != 0 || name == NULL) {
        bsc_err_set(err, BSC_ERR_SCRIPT, "an observation may only call rows");
        return NULL;
    }
    const struct bsc_lib_row *row = bsc_lib_find(name);
    if (row != NULL && row->effect == BSC_LIB_READ)
        return row;
    bsc_err_set(err, BSC_ERR_SCRIPT, "\"%s\" is not a row that only looks", name);
    return NULL;
}

/* False where the answer must be waited for, and where the observation is over. */
static bool step(struct observation *o)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    enum bsc_vm_status status = bsc_vm_task_resume(o->task, NULL, &value, &err);
    if (status != BSC_VM_YIELDED) {
        observation_end(o, status == BSC_VM_DONE ? value : NULL, &err);
        return false;
    }
    bsc_value_free(o->effect);
    o->effect = value;
    const struct bsc_lib_row *row = row_of(o, &err);
    if (row == NULL) {
        observation_end(o, NULL, &err);
        return false;
    }
    if (o->survey == NULL || !bsc_value_get_truth(o->effect, "shared")) {
        call(o, row, row_done, o);
        return false;
    }
    const struct bsc_value *known = share_call(o, row);
    if (known == NULL)
        return false;
    if (give_answer(o, bsc_value_copy(known), NULL, &err))
        return true;
    observation_end(o, NULL, &err);
    return false;
}

static void observation_go_on(struct observation *o)
{
    while (step(o))
        continue;
}

/* What an observation is made with, and for whom. */
struct order {
    struct bsc_vm *vm;
    struct bsc_run_hands *hands;
    struct bsc_run_survey *survey;
    const char *resource, *lane;
    bsc_run_observed done;
    void *arg;
};

static void observation_begin(const struct order *order)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct observation *o = bsc_mem_new(1, sizeof *o);
    o->hands = order->hands;
    o->survey = order->survey;
    o->resource = bsc_mem_text(order->resource);
    o->lane = order->lane;
    o->done = order->done;
    o->arg = order->arg;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "resource", order->resource);
    o->task = bsc_vm_task_new(order->vm, "observe", args, &err);
    bsc_value_free(args);
    if (o->task == NULL)
        observation_end(o, NULL, &err);
    else
        observation_go_on(o);
}

void bsc_run_survey_observe(struct bsc_run_survey *survey, const char *resource, const char *lane,
                            bsc_run_observed done, void *arg)
{
    const struct order order = {.vm = survey->vm,
                                .hands = survey->hands,
                                .survey = survey,
                                .resource = resource,
                                .lane = lane,
                                .done = done,
                                .arg = arg};
    observation_begin(&order);
}

void bsc_run_observe(struct bsc_vm *vm, struct bsc_run_hands *hands, const char *resource,
                     bsc_run_observed done, void *arg)
{
    const struct order order = {
        .vm = vm, .hands = hands, .resource = resource, .done = done, .arg = arg};
    observation_begin(&order);
}
