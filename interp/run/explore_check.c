#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"

struct bsc_value *bsc_run_explore_world(const struct bsc_run_explorer *explorer,
                                        const struct bsc_run_state *state)
{
    struct bsc_value *world = bsc_value_map();
    for (uint32_t i = 0; i < state->room; i++) {
        const struct bsc_value *facts = bsc_run_atoms_get(explorer->atoms, state->facts.world[i]);
        if (facts != NULL)
            bsc_value_set(world, bsc_run_reactor_id(explorer->reactor, i), bsc_value_copy(facts));
    }
    return world;
}

/* Ids of what a change has made another. */
static struct bsc_value *changed_between(const struct bsc_run_explorer *explorer,
                                         const struct bsc_run_state *before,
                                         const struct bsc_run_state *after)
{
    struct bsc_value *ids = bsc_value_list();
    for (uint32_t i = 0; i < after->room; i++) {
        uint32_t was = i < before->room ? before->facts.world[i] : 0;
        if (was != after->facts.world[i])
            bsc_value_append(ids, bsc_value_text(bsc_run_reactor_id(explorer->reactor, i)));
    }
    return ids;
}

/* Facts that an invariant asks for: {when = "before"|"after", resource}. Borrowed; an empty map
 * where nothing is known. */
static const struct bsc_value *asked_for(struct bsc_run_explorer *explorer,
                                         const struct bsc_value *question,
                                         const struct bsc_run_state *before,
                                         const struct bsc_run_state *after)
{
    const char *when = bsc_value_get_string(question, "when");
    const char *id = bsc_value_get_string(question, "resource");
    const struct bsc_run_state *state =
        when != NULL && strcmp(when, "before") == 0 ? before : after;
    uint32_t resource = bsc_run_reactor_resource(explorer->reactor, id != NULL ? id : "");
    uint32_t facts = resource < state->room && state->facts.world[resource] != 0
                         ? state->facts.world[resource]
                         : bsc_run_reactor_first(explorer->reactor, resource);
    return bsc_run_atoms_get(explorer->atoms, facts != 0 ? facts : explorer->nothing);
}

/* Asks the library what is broken; returns the owned list, NULL on failure. */
static struct bsc_value *broken_between(struct bsc_run_explorer *explorer,
                                        const struct bsc_run_state *before,
                                        const struct bsc_run_state *after, struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map(), *said = NULL;
    enum bsc_vm_status status = BSC_VM_FAILED;
    bsc_value_set(args, "changed", changed_between(explorer, before, after));
    struct bsc_vm_task *task =
        bsc_vm_task_new(explorer->order->session->vm, "invariants", args, err);
    bsc_value_free(args);
    if (task == NULL)
        return NULL;
    status = bsc_vm_task_resume(task, NULL, &said, err);
    while (status == BSC_VM_YIELDED) {
        const struct bsc_value *facts = asked_for(explorer, said, before, after);
        bsc_value_free(said);
        said = NULL;
        status = bsc_vm_task_resume(task, facts, &said, err);
    }
    bsc_vm_task_free(task);
    return status == BSC_VM_DONE ? said : NULL;
}

bool bsc_run_explore_check(struct bsc_run_explorer *explorer, uint32_t number,
                           const struct bsc_run_state *before, const struct bsc_run_state *after,
                           enum bsc_run_fault fault, struct bsc_err *err)
{
    if (!bsc_run_state_pair_is_new(explorer, before, after))
        return true;
    struct bsc_value *broken = broken_between(explorer, before, after, err);
    const struct bsc_run_spot *spot = bsc_run_script_spot(explorer->script, before->spot);
    for (size_t i = 0; i < bsc_value_count(broken); i++)
        bsc_run_explore_violated(explorer, number, spot, fault,
                                 bsc_value_copy(bsc_value_at(broken, i)));
    bsc_value_free(broken);
    return broken != NULL;
}

static bool is_known(const struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot,
                     const char *title)
{
    for (size_t i = 0; i < explorer->violation_count; i++) {
        const struct bsc_run_violation *known = &explorer->violations[i];
        if (known->spot->item == spot->item && known->spot->action == spot->action &&
            strcmp(bsc_value_get_string(known->about, "title"), title) == 0)
            return true;
    }
    return false;
}

void bsc_run_explore_violated(struct bsc_run_explorer *explorer, uint32_t number,
                              const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                              struct bsc_value *about)
{
    if (is_known(explorer, spot, bsc_value_get_string(about, "title"))) {
        bsc_value_free(about);
        return;
    }
    explorer->violations = bsc_mem_resize(explorer->violations, explorer->violation_count + 1,
                                          sizeof *explorer->violations);
    explorer->violations[explorer->violation_count++] =
        (struct bsc_run_violation){number, fault, spot, about};
}

const struct bsc_value *bsc_run_explore_moves(struct bsc_run_explorer *explorer, uint32_t resource,
                                              uint32_t facts, struct bsc_err *err)
{
    bool is_new = false;
    const uint32_t key[] = {resource, facts};
    uint32_t number = bsc_run_words_add(explorer->outlooks, key, 2, &is_new);
    if (is_new) {
        struct bsc_value *args = bsc_value_map();
        bsc_value_set_text(args, "resource", bsc_run_reactor_id(explorer->reactor, resource));
        bsc_value_set(args, "facts", bsc_value_copy(bsc_run_atoms_get(explorer->atoms, facts)));
        struct bsc_value *moves = bsc_vm_call(explorer->order->session->vm, "moves", args, err);
        bsc_value_free(args);
        if (moves == NULL)
            return NULL;
        bsc_value_append(explorer->moves, moves);
    }
    return bsc_value_at(explorer->moves, number);
}
