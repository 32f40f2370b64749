#include "run/machine.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "run/back.h"
#include "run/errors.h"

struct bsc_run_machine {
    struct bsc_vm *vm;                 /* borrowed */
    const struct bsc_value *items;     /* borrowed */
    const struct bsc_run_world *world; /* borrowed */
    const struct bsc_run_hooks *hooks; /* borrowed */
    void (*ended)(void *arg, const struct bsc_run_end *end);
    void *ended_arg;
    struct bsc_run_start start;
    size_t index;             /* item under way */
    struct bsc_vm_task *task; /* owned; NULL between items */
    struct bsc_value *effect; /* owned: waiting for the world's reply */
    struct bsc_value *answer; /* owned: replied, not yet given to the task */
    bool inside;              /* advance() is on the stack: a reply need not call it again */
    bool over;
    struct bsc_run_end end;
};

struct bsc_run_machine *bsc_run_machine_new(struct bsc_vm *vm, const struct bsc_value *items,
                                            const struct bsc_run_world *world,
                                            const struct bsc_run_hooks *hooks)
{
    struct bsc_run_machine *machine = bsc_mem_new(1, sizeof *machine);
    machine->vm = vm;
    machine->items = items;
    machine->world = world;
    machine->hooks = hooks;
    machine->end.outcome = BSC_OUTCOME_KEPT;
    return machine;
}

void bsc_run_machine_free(struct bsc_run_machine *machine)
{
    if (machine == NULL)
        return;
    bsc_vm_task_free(machine->task);
    bsc_value_free(machine->effect);
    bsc_value_free(machine->answer);
    bsc_mem_free(machine);
}

static const struct bsc_value *item_now(const struct bsc_run_machine *machine)
{
    return bsc_value_at(machine->items, machine->index);
}

static void finish(struct bsc_run_machine *machine)
{
    machine->over = true;
    machine->ended(machine->ended_arg, &machine->end);
}

/* A run that the operator stopped between two items has not broken: it ends in order. */
static void give_up(struct bsc_run_machine *machine, const struct bsc_err *err)
{
    machine->end.broke = err->code != BSC_ERR_CANCELLED;
    machine->end.err = *err;
    machine->end.outcome = machine->end.broke ? BSC_OUTCOME_FAILED : BSC_OUTCOME_INTERRUPTED;
    if (!machine->end.broke)
        snprintf(machine->end.reason, sizeof machine->end.reason, "%s", err->message);
    finish(machine);
}

static bool was_changed(const struct bsc_run_start *start, int64_t index)
{
    char key[32];
    snprintf(key, sizeof key, "%lld", (long long)index);
    return bsc_value_get_truth(start->changed, key);
}

/* Of a rollback only the first undo can have been begun; others may be of the same item. */
static struct bsc_value *arguments_back(const struct bsc_run_machine *machine,
                                        const struct bsc_value *item)
{
    struct bsc_value *args = bsc_run_back_arguments(item);
    int64_t index = bsc_value_get_number(item, "index", 0);
    bool begun = machine->index == machine->start.item && was_changed(&machine->start, -index);
    bsc_value_set_bool(args, "begun", begun);
    return args;
}

static struct bsc_value *arguments_of(const struct bsc_run_machine *machine,
                                      const struct bsc_value *item)
{
    const struct bsc_run_start *start = &machine->start;
    if (bsc_run_back_is(item))
        return arguments_back(machine, item);
    struct bsc_value *args = bsc_value_map();
    int64_t index = bsc_value_get_number(item, "index", 0);
    bsc_value_set_int(args, "index", index);
    if (machine->index == start->item && start->action > 0)
        bsc_value_set_int(args, "from", start->action);
    bsc_value_set_bool(args, "changed", was_changed(start, index));
    return args;
}

static bool begin_item(struct bsc_run_machine *machine, struct bsc_err *err)
{
    const struct bsc_value *item = item_now(machine);
    if (machine->hooks->item_begin != NULL &&
        !machine->hooks->item_begin(machine->hooks->self, item, err))
        return false;
    struct bsc_value *args = arguments_of(machine, item);
    machine->task =
        bsc_vm_task_new(machine->vm, bsc_run_back_is(item) ? "take_back" : "perform", args, err);
    bsc_value_free(args);
    return machine->task != NULL;
}

/* Takes the result. Returns whether the run goes on with another item. */
static bool end_item(struct bsc_run_machine *machine, struct bsc_value *result)
{
    const struct bsc_value *item = item_now(machine);
    struct bsc_err err = BSC_ERR_INIT;
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(result, "outcome"), &outcome);
    const char *reason = bsc_value_get_string(result, "reason");
    bool told = machine->hooks->item_end == NULL ||
                machine->hooks->item_end(machine->hooks->self, item, result, &err);
    bool on = bsc_run_outcome_goes_on(outcome, bsc_value_get_truth(item, "optional"));
    if (on && outcome == BSC_OUTCOME_CHANGED)
        machine->end.outcome = outcome;
    if (!on) {
        machine->end.outcome = outcome;
        snprintf(machine->end.reason, sizeof machine->end.reason, "%s",
                 reason != NULL ? reason : "");
    }
    bsc_value_free(result);
    bsc_vm_task_free(machine->task);
    machine->task = NULL;
    if (!told) {
        give_up(machine, &err);
        return false;
    }
    machine->index += on ? 1 : 0;
    machine->end.items_done += on ? 1 : 0;
    if (!on || machine->index == bsc_value_count(machine->items)) {
        finish(machine);
        return false;
    }
    return true;
}

static void replied(void *arg, struct bsc_value *answer, const struct bsc_err *err);

/* Runs until the world must be waited for, or the end. Replies that come at once are taken up in
 * the same loop, so that a long rehearsal does not grow the stack. */
static void advance(struct bsc_run_machine *machine)
{
    struct bsc_err err = BSC_ERR_INIT;
    machine->inside = true;
    while (!machine->over) {
        if (machine->task == NULL && !begin_item(machine, &err)) {
            give_up(machine, &err);
            break;
        }
        struct bsc_value *value = NULL;
        enum bsc_vm_status status =
            bsc_vm_task_resume(machine->task, machine->answer, &value, &err);
        bsc_value_free(machine->answer);
        machine->answer = NULL;
        if (status == BSC_VM_YIELDED) {
            machine->effect = value;
            machine->world->perform(machine->world->self, value, replied, machine);
            if (machine->answer == NULL)
                break;
        } else if (!end_item(machine, status == BSC_VM_DONE ? value : bsc_run_error_result(&err))) {
            break;
        }
    }
    machine->inside = false;
}

static void replied(void *arg, struct bsc_value *answer, const struct bsc_err *err)
{
    struct bsc_run_machine *machine = arg;
    bsc_value_free(machine->effect);
    machine->effect = NULL;
    machine->answer = answer;
    if (answer == NULL && err->code == BSC_ERR_CANCELLED)
        end_item(machine, bsc_run_error_result(err));
    else if (answer == NULL)
        give_up(machine, err);
    else if (!machine->inside)
        advance(machine);
}

void bsc_run_machine_skip_to(struct bsc_run_machine *machine, const struct bsc_run_start *start)
{
    machine->start = *start;
    machine->index = start->item;
    machine->end.items_done = start->item;
}

void bsc_run_machine_start(struct bsc_run_machine *machine,
                           void (*ended)(void *arg, const struct bsc_run_end *end), void *arg)
{
    machine->ended = ended;
    machine->ended_arg = arg;
    if (machine->index >= bsc_value_count(machine->items))
        finish(machine);
    else
        advance(machine);
}
