#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"

enum {
    AT_SPOT,
    AT_MODE,
    AT_LEFT,
    AT_TIME_LOW,
    AT_TIME_HIGH,
    AT_LEDGER,
    AT_KNOWN,
    AT_TRAIL,
    AT_SKIPPED,
    AT_FLAGS,
    AT_HALT,
    HEADER
};

enum { FLAG_GOES_BACK = 1, FLAG_BEYOND = 2, FLAG_EXCUSED = 4, FLAG_MOVED = 8 };

/* Resources whose facts are kept together. Most changes touch one resource, so that of a state with
 * a thousand of them all blocks but one are shared with the state before. */
enum { BLOCK = 16 };

uint32_t bsc_run_state_empty_block(struct bsc_run_words *blocks)
{
    static const uint32_t empty[2 * BLOCK];
    bool is_new = false;
    return bsc_run_words_add(blocks, empty, (size_t)2 * BLOCK, &is_new);
}

/* The room is whole blocks; what is new of it is empty. */
static void make_room(struct bsc_run_state *state, size_t resources)
{
    size_t count = (resources + BLOCK - 1) / BLOCK, before = state->room / BLOCK;
    if (count <= before)
        return;
    size_t room = count * BLOCK;
    uint32_t *const world = bsc_mem_resize(state->facts.world, room, sizeof *world);
    uint32_t *const belief = bsc_mem_resize(state->facts.belief, room, sizeof *belief);
    memset(world + state->room, 0, (room - state->room) * sizeof *world);
    memset(belief + state->room, 0, (room - state->room) * sizeof *belief);
    state->blocks = bsc_mem_resize(state->blocks, count, sizeof *state->blocks);
    memset(state->blocks + before, 0, (count - before) * sizeof *state->blocks);
    state->facts = (struct bsc_run_facts){world, belief};
    state->room = room;
}

void bsc_run_state_fit(const struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    size_t count = bsc_run_reactor_resources(explorer->reactor);
    make_room(state, count);
    for (uint32_t i = 0; i < count; i++) {
        if (state->facts.world[i] == 0)
            state->facts.world[i] = bsc_run_reactor_first(explorer->reactor, i);
        if (state->facts.belief[i] == 0)
            state->facts.belief[i] = bsc_run_reactor_first(explorer->reactor, i);
    }
}

void bsc_run_state_release(struct bsc_run_state *state)
{
    bsc_mem_free(state->facts.world);
    bsc_mem_free(state->facts.belief);
    bsc_mem_free(state->blocks);
    *state = (struct bsc_run_state){0};
}

void bsc_run_state_copy(struct bsc_run_state *to, const struct bsc_run_state *from)
{
    make_room(to, from->room);
    struct bsc_run_state kept = *to;
    *to = *from;
    to->facts = kept.facts;
    to->blocks = kept.blocks;
    to->room = kept.room;
    if (from->room > 0) {
        memcpy(to->facts.world, from->facts.world, from->room * sizeof *to->facts.world);
        memcpy(to->facts.belief, from->facts.belief, from->room * sizeof *to->facts.belief);
        memcpy(to->blocks, from->blocks, from->room / BLOCK * sizeof *to->blocks);
    }
    for (size_t i = from->room; i < to->room; i++)
        to->facts.world[i] = to->facts.belief[i] = 0;
}

enum bsc_run_mode bsc_run_state_mode(const struct bsc_run_explorer *explorer, uint32_t number)
{
    size_t length = 0;
    return (enum bsc_run_mode)bsc_run_words_get(explorer->states, number, &length)[AT_MODE];
}

const struct bsc_run_spot *bsc_run_state_spot(const struct bsc_run_explorer *explorer,
                                              uint32_t number)
{
    size_t length = 0;
    return bsc_run_script_spot(explorer->script,
                               bsc_run_words_get(explorer->states, number, &length)[AT_SPOT]);
}

const struct bsc_run_spot *bsc_run_state_at(const struct bsc_run_explorer *explorer,
                                            const struct bsc_run_state *state)
{
    return bsc_run_script_spot(explorer->script, state->spot);
}

void bsc_run_spot_name(const struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot,
                       struct bsc_buf *text)
{
    const struct bsc_value *item = bsc_run_script_item(explorer->script, spot->item);
    int64_t action = bsc_value_get_number(item, "action", 0);
    bsc_buf_printf(text, "%lld", (long long)bsc_value_get_number(item, "index", 0));
    if (spot->item >= bsc_run_script_length(explorer->script)) {
        bsc_buf_add_char(text, 'u');
        if (action > 0)
            bsc_buf_printf(text, "%lld", (long long)action);
    }
    bsc_buf_printf(text, ".%zu", spot->depth);
}

static void load_block(const struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                       size_t index, uint32_t number)
{
    size_t length = 0;
    const uint32_t *block = bsc_run_words_get(explorer->blocks, number, &length);
    memcpy(state->facts.world + index * BLOCK, block, BLOCK * sizeof *block);
    memcpy(state->facts.belief + index * BLOCK, block + BLOCK, BLOCK * sizeof *block);
    state->blocks[index] = number;
}

void bsc_run_state_load(const struct bsc_run_explorer *explorer, uint32_t number,
                        struct bsc_run_state *state)
{
    size_t length = 0;
    const uint32_t *words = bsc_run_words_get(explorer->states, number, &length);
    make_room(state, bsc_run_reactor_resources(explorer->reactor));
    state->spot = words[AT_SPOT];
    state->mode = (enum bsc_run_mode)words[AT_MODE];
    state->left = words[AT_LEFT];
    state->time_ms = (int64_t)((uint64_t)words[AT_TIME_HIGH] << 32 | words[AT_TIME_LOW]);
    state->ledger = words[AT_LEDGER];
    state->known = words[AT_KNOWN];
    state->trail = words[AT_TRAIL];
    state->skipped = words[AT_SKIPPED];
    state->goes_back = (words[AT_FLAGS] & FLAG_GOES_BACK) != 0;
    state->beyond = (words[AT_FLAGS] & FLAG_BEYOND) != 0;
    state->excused = (words[AT_FLAGS] & FLAG_EXCUSED) != 0;
    state->moved = (words[AT_FLAGS] & FLAG_MOVED) != 0;
    state->halt = words[AT_HALT];
    for (size_t i = 0; i * BLOCK < state->room; i++)
        load_block(explorer, state, i, HEADER + i < length ? words[HEADER + i] : explorer->empty);
    bsc_run_state_fit(explorer, state);
}

/* The number of one block, which most often is the one that it was when the state was loaded. */
static uint32_t block_of(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                         size_t index)
{
    uint32_t block[2 * BLOCK];
    size_t length = 0;
    bool is_new = false;
    const uint32_t *known = bsc_run_words_get(explorer->blocks, state->blocks[index], &length);
    memcpy(block, state->facts.world + index * BLOCK, BLOCK * sizeof *block);
    memcpy(block + BLOCK, state->facts.belief + index * BLOCK, BLOCK * sizeof *block);
    if (memcmp(block, known, sizeof block) == 0)
        return state->blocks[index];
    return bsc_run_words_add(explorer->blocks, block, (size_t)2 * BLOCK, &is_new);
}

/* Puts the blocks of a state behind the first `at` words of explorer->key; returns how many words
 * there are then. Empty ones at the end are left out, so that it does not matter how many resources
 * have been heard of. */
static size_t put_blocks(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                         size_t at)
{
    size_t room = at + state->room / BLOCK + 1;
    if (explorer->key_room < room) {
        explorer->key_room = room;
        explorer->key = bsc_mem_resize(explorer->key, room, sizeof *explorer->key);
    }
    size_t first = at;
    for (size_t i = 0; i * BLOCK < state->room; i++)
        explorer->key[at++] = block_of(explorer, state, i);
    while (at > first && explorer->key[at - 1] == explorer->empty)
        at--;
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
    words[AT_KNOWN] = state->known;
    words[AT_TRAIL] = state->trail;
    words[AT_SKIPPED] = state->skipped;
    words[AT_FLAGS] = (state->goes_back ? FLAG_GOES_BACK : 0U) |
                      (state->beyond ? FLAG_BEYOND : 0U) | (state->excused ? FLAG_EXCUSED : 0U) |
                      (state->moved ? FLAG_MOVED : 0U);
    words[AT_HALT] = state->halt;
    return length;
}

bool bsc_run_state_pair_is_new(struct bsc_run_explorer *explorer,
                               const struct bsc_run_state *before,
                               const struct bsc_run_state *after)
{
    bool is_new = false;
    size_t first = put_blocks(explorer, before, 1);
    size_t length = put_blocks(explorer, after, first);
    explorer->key[0] = (uint32_t)first;
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
    explorer->next[number] = BSC_RUN_NOWHERE;
    return number;
}

bool bsc_run_explorer_start(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                            struct bsc_err *err)
{
    bool is_new = false;
    const struct bsc_value *spoken_of =
        bsc_value_get(explorer->order->session->listing, "resources");
    const struct bsc_run_spot *first = bsc_run_script_first(explorer->script, 0, err);
    if (first == NULL)
        return false;
    for (size_t i = 0; i < bsc_value_count(spoken_of); i++)
        bsc_run_reactor_resource(explorer->reactor, bsc_value_string(bsc_value_at(spoken_of, i)));
    bsc_run_state_fit(explorer, state);
    state->spot = (uint32_t)first->number;
    state->left = explorer->order->faults;
    state->ledger = state->known = bsc_run_words_add(explorer->ledgers, NULL, 0, &is_new);
    state->trail = bsc_run_words_add(explorer->trails, NULL, 0, &is_new);
    return true;
}

void bsc_run_explorer_init(struct bsc_run_explorer *explorer,
                           const struct bsc_run_explore_order *order)
{
    struct bsc_run_session *session = order->session;
    struct bsc_value *unknown = bsc_value_map();
    bsc_value_set_text(unknown, "state", "unknown");
    explorer->order = order;
    explorer->atoms = bsc_run_atoms_new();
    explorer->script = bsc_run_script_new(
        session->vm, bsc_value_get(bsc_run_session_runbook(session), "items"), explorer->atoms);
    explorer->reactor = bsc_run_reactor_new(session->schema, order->facts, explorer->atoms);
    explorer->states = bsc_run_words_new();
    explorer->blocks = bsc_run_words_new();
    explorer->empty = bsc_run_state_empty_block(explorer->blocks);
    explorer->ledgers = bsc_run_words_new();
    explorer->doings = bsc_run_words_new();
    explorer->trails = bsc_run_words_new();
    explorer->undos = bsc_run_words_new();
    explorer->checks = bsc_run_words_new();
    explorer->outlooks = bsc_run_words_new();
    explorer->moves = bsc_value_list();
    explorer->yes = bsc_run_atoms_add(explorer->atoms, bsc_value_bool(true));
    explorer->no = bsc_run_atoms_add(explorer->atoms, bsc_value_bool(false));
    explorer->unknown = bsc_run_atoms_add(explorer->atoms, unknown);
    explorer->nothing = bsc_run_atoms_add(explorer->atoms, bsc_value_map());
}

void bsc_run_explorer_release(struct bsc_run_explorer *explorer)
{
    for (size_t i = 0; i < explorer->violation_count; i++)
        bsc_value_free(explorer->violations[i].about);
    bsc_mem_free(explorer->violations);
    bsc_mem_free(explorer->edges);
    bsc_mem_free(explorer->next);
    bsc_mem_free(explorer->key);
    bsc_value_free(explorer->moves);
    bsc_run_words_free(explorer->outlooks);
    bsc_run_words_free(explorer->checks);
    bsc_run_words_free(explorer->undos);
    bsc_run_words_free(explorer->trails);
    bsc_run_words_free(explorer->doings);
    bsc_run_words_free(explorer->ledgers);
    bsc_run_words_free(explorer->blocks);
    bsc_run_words_free(explorer->states);
    bsc_run_reactor_free(explorer->reactor);
    bsc_run_script_free(explorer->script);
    bsc_run_atoms_free(explorer->atoms);
}
