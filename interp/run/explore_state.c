#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"

enum { AT_SPOT, AT_MODE, AT_LEFT, AT_TIME_LOW, AT_TIME_HIGH, AT_LEDGER, AT_HALT, HEADER };

/* Resources whose facts are kept together. Most changes touch one resource, so that of a state with
 * a thousand of them all blocks but one are shared with the state before. */
enum { BLOCK = 16 };

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

enum bsc_run_mode bsc_run_state_mode(const struct bsc_run_explorer *explorer, uint32_t number)
{
    size_t length = 0;
    return (enum bsc_run_mode)bsc_run_words_get(explorer->states, number, &length)[AT_MODE];
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
    for (size_t i = 0; HEADER + i < length; i++) {
        size_t count = 0;
        const uint32_t *block = bsc_run_words_get(explorer->blocks, words[HEADER + i], &count);
        for (size_t k = 0; k < count / 2; k++) {
            state->facts.world[i * BLOCK + k] = block[2 * k];
            state->facts.belief[i * BLOCK + k] = block[2 * k + 1];
        }
    }
}

/* The number of one block; resources of which nothing is known at its end are left out, so that it
 * does not matter how many have been heard of. */
static uint32_t block_of(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                         size_t first)
{
    uint32_t block[2 * BLOCK];
    size_t length = 0;
    bool is_new = false;
    for (size_t i = 0; i < BLOCK && first + i < state->room; i++) {
        block[2 * i] = state->facts.world[first + i];
        block[2 * i + 1] = state->facts.belief[first + i];
        if (block[2 * i] != 0 || block[2 * i + 1] != 0)
            length = 2 * (i + 1);
    }
    return bsc_run_words_add(explorer->blocks, block, length, &is_new);
}

/* Puts the blocks of a state behind the first `at` words of explorer->key; returns how many words
 * there are then. */
static size_t put_blocks(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                         size_t at)
{
    size_t room = at + state->room / BLOCK + 1;
    if (explorer->key_room < room) {
        explorer->key_room = room;
        explorer->key = bsc_mem_resize(explorer->key, room, sizeof *explorer->key);
    }
    for (size_t first = 0; first < state->room; first += BLOCK)
        explorer->key[at++] = block_of(explorer, state, first);
    return at;
}

/* The state as a sequence in explorer->key. */
static size_t put_together(struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    size_t length = put_blocks(explorer, state, HEADER);
    uint32_t *words = explorer->key;
    words[AT_SPOT] = state->spot;
    words[AT_MODE] = state->mode;
    words[AT_LEFT] = state->left;
    words[AT_TIME_LOW] = (uint32_t)state->time_ms;
    words[AT_TIME_HIGH] = (uint32_t)((uint64_t)state->time_ms >> 32);
    words[AT_LEDGER] = state->ledger;
    words[AT_HALT] = state->halt;
    return length;
}

bool bsc_run_state_pair_is_new(struct bsc_run_explorer *explorer,
                               const struct bsc_run_state *before,
                               const struct bsc_run_state *after)
{
    bool is_new = false;
    size_t length = put_blocks(explorer, before, 0);
    length = put_blocks(explorer, after, length);
    bsc_run_words_add(explorer->checks, explorer->key, length, &is_new);
    return is_new;
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
    explorer->edges[number].moved =
        edge.move != 0 || (edge.from != BSC_RUN_NOWHERE && explorer->edges[edge.from].moved);
    explorer->next[number] = BSC_RUN_NOWHERE;
    return number;
}
