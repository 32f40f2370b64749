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

/* Whether these two worlds, one after the other, have been looked at before. */
static bool is_checked(struct bsc_run_explorer *explorer, const struct bsc_run_state *before,
                       const struct bsc_run_state *after)
{
    bool is_new = false;
    size_t length = before->room + after->room;
    uint32_t *key = bsc_mem_new(length, sizeof *key);
    memcpy(key, before->facts.world, before->room * sizeof *key);
    memcpy(key + before->room, after->facts.world, after->room * sizeof *key);
    bsc_run_words_add(explorer->checks, key, length, &is_new);
    bsc_mem_free(key);
    return !is_new;
}

bool bsc_run_explore_check(struct bsc_run_explorer *explorer, uint32_t number,
                           const struct bsc_run_state *before, const struct bsc_run_state *after,
                           enum bsc_run_fault fault, struct bsc_err *err)
{
    if (is_checked(explorer, before, after))
        return true;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set(args, "before", bsc_run_explore_world(explorer, before));
    bsc_value_set(args, "after", bsc_run_explore_world(explorer, after));
    struct bsc_value *broken = bsc_vm_call(explorer->order->session->vm, "invariants", args, err);
    bsc_value_free(args);
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
