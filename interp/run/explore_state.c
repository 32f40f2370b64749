#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"

enum { AT_SPOT, AT_MODE, AT_LEFT, AT_TIME_LOW, AT_TIME_HIGH, AT_LEDGER, AT_HALT, HEADER };

static void make_room(struct bsc_run_state *state, size_t room)
{
    if (room <= state->room)
        return;
    uint32_t *const world = bsc_mem_resize(state->facts.world, room, sizeof *world);
    uint32_t *const belief = bsc_mem_resize(state->facts.belief, room, sizeof *belief);
    memset(world + state->room, 0, (room - state->room) * sizeof *world);
    memset(belief + state->room, 0, (room - state->room) * sizeof *belief);
    state->facts = (struct bsc_run_facts){world, belief};
    state->room = room;
}

void bsc_run_state_fit(const struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    make_room(state, bsc_run_reactor_resources(explorer->reactor));
}

void bsc_run_state_release(struct bsc_run_state *state)
{
    bsc_mem_free(state->facts.world);
    bsc_mem_free(state->facts.belief);
    *state = (struct bsc_run_state){0};
}

void bsc_run_state_copy(struct bsc_run_state *to, const struct bsc_run_state *from)
{
    make_room(to, from->room);
    struct bsc_run_facts facts = to->facts;
    size_t room = to->room;
    memset(facts.world, 0, room * sizeof *facts.world);
    memset(facts.belief, 0, room * sizeof *facts.belief);
    if (from->room > 0) {
        memcpy(facts.world, from->facts.world, from->room * sizeof *facts.world);
        memcpy(facts.belief, from->facts.belief, from->room * sizeof *facts.belief);
    }
    *to = *from;
    to->facts = facts;
    to->room = room;
}

void bsc_run_state_load(const struct bsc_run_explorer *explorer, uint32_t number,
                        struct bsc_run_state *state)
{
    size_t length = 0;
    const uint32_t *words = bsc_run_words_get(explorer->states, number, &length);
    bsc_run_state_fit(explorer, state);
    state->spot = words[AT_SPOT];
    state->mode = (enum bsc_run_mode)words[AT_MODE];
    state->left = words[AT_LEFT];
    state->time_ms = (int64_t)((uint64_t)words[AT_TIME_HIGH] << 32 | words[AT_TIME_LOW]);
    state->ledger = words[AT_LEDGER];
    state->halt = words[AT_HALT];
    memset(state->facts.world, 0, state->room * sizeof *state->facts.world);
    memset(state->facts.belief, 0, state->room * sizeof *state->facts.belief);
    for (size_t i = 0; HEADER + 2 * i < length; i++) {
        state->facts.world[i] = words[HEADER + 2 * i];
        state->facts.belief[i] = words[HEADER + 2 * i + 1];
    }
}

/* The state as a sequence in explorer->key; resources of which nothing is known at the end are left
 * out, so that it does not matter how many have been heard of. */
static size_t put_together(struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    size_t length = state->room;
    while (length > 0 && state->facts.world[length - 1] == 0 &&
           state->facts.belief[length - 1] == 0)
        length--;
    if (explorer->key_room < HEADER + 2 * length) {
        explorer->key_room = HEADER + 2 * state->room;
        explorer->key = bsc_mem_resize(explorer->key, explorer->key_room, sizeof *explorer->key);
    }
    uint32_t *words = explorer->key;
    words[AT_SPOT] = state->spot;
    words[AT_MODE] = state->mode;
    words[AT_LEFT] = state->left;
    words[AT_TIME_LOW] = (uint32_t)state->time_ms;
    words[AT_TIME_HIGH] = (uint32_t)((uint64_t)state->time_ms >> 32);
    words[AT_LEDGER] = state->ledger;
    words[AT_HALT] = state->halt;
    for (size_t i = 0; i < length; i++) {
        words[HEADER + 2 * i] = state->facts.world[i];
        words[HEADER + 2 * i + 1] = state->facts.belief[i];
    }
    return HEADER + 2 * length;
}

uint32_t bsc_run_state_arrive(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                              struct bsc_run_edge edge)
{
    bool is_new = false;
    size_t length = put_together(explorer, state);
    uint32_t number = bsc_run_words_add(explorer->states, explorer->key, length, &is_new);
    if (!is_new)
        return number;
    if (number >= explorer->edge_room) {
        explorer->edge_room = explorer->edge_room == 0 ? 1024 : explorer->edge_room * 2;
        explorer->edges =
            bsc_mem_resize(explorer->edges, explorer->edge_room, sizeof *explorer->edges);
        explorer->next =
            bsc_mem_resize(explorer->next, explorer->edge_room, sizeof *explorer->next);
    }
    explorer->edges[number] = edge;
    explorer->next[number] = BSC_RUN_NOWHERE;
    return number;
}
