#include "run/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/explore_int.h"
#include "run/outcome.h"

enum {
    /* More than a person would wait for and memory would hold. */
    STATES_MAX = 1 << 21
};

/* Any time will do as long as it is the same one: a rehearsal gives the same verdict each time. */
#define BEGINNING_MS INT64_C(1577836800000)

static const struct bsc_run_spot *spot_of(const struct bsc_run_explorer *explorer,
                                          const struct bsc_run_state *state)
{
    return bsc_run_script_spot(explorer->script, state->spot);
}

static void halt(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                 const char *outcome, const char *reason)
{
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "outcome", outcome);
    bsc_value_set_text(about, "reason", reason != NULL ? reason : "");
    state->mode = BSC_RUN_MODE_HALTED;
    state->halt = bsc_run_atoms_add(explorer->atoms, about);
}

/* Goes on where the action under way begins. */
static void restart(const struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    state->mode = BSC_RUN_MODE_RUNNING;
    state->halt = 0;
    state->spot = (uint32_t)spot_of(explorer, state)->anchor->number;
}

static bool answer(struct bsc_run_explorer *explorer, struct bsc_run_state *state, uint32_t atom,
                   struct bsc_err *err)
{
    const struct bsc_run_spot *next =
        bsc_run_script_next(explorer->script, spot_of(explorer, state), atom, err);
    if (next != NULL)
        state->spot = (uint32_t)next->number;
    return next != NULL;
}

/* After its end an item gives way to the next one, or the run is over. */
static bool end_item(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                     struct bsc_err *err)
{
    const struct bsc_run_spot *spot = spot_of(explorer, state);
    const struct bsc_value *item = bsc_run_script_item(explorer->script, spot->item);
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(spot->value, "outcome"), &outcome);
    if (!bsc_run_outcome_goes_on(outcome, bsc_value_get_truth(item, "optional"))) {
        halt(explorer, state, bsc_run_outcome_name(outcome),
             bsc_value_get_string(spot->value, "reason"));
        return true;
    }
    if (spot->item + 1 == bsc_run_script_length(explorer->script)) {
        state->mode = BSC_RUN_MODE_DONE;
        return true;
    }
    const struct bsc_run_spot *first = bsc_run_script_first(explorer->script, spot->item + 1, err);
    if (first != NULL)
        state->spot = (uint32_t)first->number;
    return first != NULL;
}

static bool observe(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                    struct bsc_err *err)
{
    uint32_t resource = bsc_run_reactor_about(explorer->reactor, spot_of(explorer, state));
    bsc_run_state_fit(explorer, state);
    uint32_t facts = state->facts.world[resource];
    state->facts.belief[resource] = facts;
    return answer(explorer, state, facts != 0 ? facts : explorer->unknown, err);
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Adds a change that nothing shows to the ledger; false when it stands there already. */
static bool enter(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                  const struct bsc_run_spot *spot, uint32_t essence)
{
    bool is_new = false;
    size_t length = 0;
    const uint32_t doing[] = {(uint32_t)spot->item, (uint32_t)spot->action, essence};
    uint32_t number = bsc_run_words_add(explorer->doings, doing, 3, &is_new);
    const uint32_t *known = bsc_run_words_get(explorer->ledgers, state->ledger, &length);
    uint32_t *set = bsc_mem_new(length + 1, sizeof *set);
    memcpy(set, known, length * sizeof *set);
    bool is_there = bsearch(&number, set, length, sizeof *set, by_number) != NULL;
    if (!is_there) {
        set[length] = number;
        qsort(set, length + 1, sizeof *set, by_number);
        state->ledger = bsc_run_words_add(explorer->ledgers, set, length + 1, &is_new);
    }
    bsc_mem_free(set);
    return !is_there;
}

static void tell_twice(struct bsc_run_explorer *explorer, uint32_t number,
                       const struct bsc_run_spot *spot, enum bsc_run_fault fault)
{
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "title", "nothing is done twice");
    bsc_value_set(about, "text",
                  bsc_value_format("%s: it has taken effect before, and nothing shows that it has",
                                   bsc_value_get_string(spot->value, "statement")));
    bsc_value_set_text(about, "mend",
                       "Say what it makes true (becomes, or wants), so that it can be looked for.");
    bsc_run_explore_violated(explorer, number, spot, fault, about);
}

/* One change. A run that is killed once the outcome is recorded does not repeat it: where nothing
 * shows that it was done, the record does. */
static bool change(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *state,
                   enum bsc_run_fault fault, struct bsc_err *err)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    const struct bsc_run_spot *spot = spot_of(explorer, state);
    struct bsc_run_state before = {0};
    (void)bsc_run_reactor_about(explorer->reactor, spot);
    bsc_run_state_fit(explorer, state);
    bsc_run_state_copy(&before, state);
    struct bsc_run_reaction reaction = bsc_run_react(explorer->reactor, spot, fault, &state->facts);
    bool foretells = bsc_value_count(bsc_value_get(spot->value, "becomes")) > 0;
    if (kind->takes_effect && !foretells && !enter(explorer, state, spot, reaction.essence))
        tell_twice(explorer, number, spot, fault);
    bool ok = !reaction.acts || bsc_run_explore_check(explorer, number, &before, state, fault, err);
    if (kind->has_intent)
        state->mode = BSC_RUN_MODE_IN_FLIGHT;
    else if (kind->kills && foretells)
        restart(explorer, state);
    else
        ok = ok && answer(explorer, state, reaction.answer, err);
    bsc_run_state_release(&before);
    return ok;
}

static bool sleep_on(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                     struct bsc_err *err)
{
    int64_t ms = bsc_value_get_number(spot_of(explorer, state)->value, "ms", 0);
    if (ms > 0 && ms < INT64_MAX - state->time_ms)
        state->time_ms += ms;
    return answer(explorer, state, explorer->yes, err);
}

static uint32_t answer_to_ask(struct bsc_run_explorer *explorer, const char *word)
{
    struct bsc_value *said = bsc_value_map();
    bsc_value_set_text(said, "answer", word);
    bsc_value_set_text(said, "by", "rehearsal");
    return bsc_run_atoms_add(explorer->atoms, said);
}

static uint32_t now(struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    return bsc_run_atoms_add(explorer->atoms, bsc_value_int(BEGINNING_MS + state->time_ms));
}

/* One effect without a fault. */
static bool perform(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *state,
                    struct bsc_err *err)
{
    switch (spot_of(explorer, state)->op) {
    case BSC_RUN_OP_END:
        return end_item(explorer, state, err);
    case BSC_RUN_OP_OBSERVE:
        return observe(explorer, state, err);
    case BSC_RUN_OP_CHANGE:
        return change(explorer, number, state, BSC_RUN_FAULT_NONE, err);
    case BSC_RUN_OP_SLEEP:
        return sleep_on(explorer, state, err);
    case BSC_RUN_OP_NOW:
        return answer(explorer, state, now(explorer, state), err);
    case BSC_RUN_OP_ASK:
        return answer(explorer, state, answer_to_ask(explorer, "yes"), err);
    default:
        return answer(explorer, state, explorer->yes, err);
    }
}

/* One effect with a fault. */
static bool disturb(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *state,
                    enum bsc_run_fault fault, struct bsc_err *err)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    state->left--;
    explorer->tried++;
    if (fault == BSC_RUN_FAULT_SAYS_NO)
        return answer(explorer, state, answer_to_ask(explorer, "no"), err);
    if (fault == BSC_RUN_FAULT_KILLED || fault == BSC_RUN_FAULT_KILLED_BEFORE_INTENT) {
        restart(explorer, state);
        return true;
    }
    if (kind->stops) {
        halt(explorer, state, "failed", kind->words);
        return true;
    }
    return change(explorer, number, state, fault, err);
}

/* A run that was killed with a change under way looks whether it took place. */
static void settle(struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    const struct bsc_run_spot *spot = spot_of(explorer, state);
    struct bsc_run_reaction seen =
        bsc_run_react(explorer->reactor, spot, BSC_RUN_FAULT_KILLED_AFTER_INTENT, &state->facts);
    if (seen.trace == BSC_RUN_TRACE_ALL || seen.trace == BSC_RUN_TRACE_NONE)
        restart(explorer, state);
    else
        halt(explorer, state, "unknown", "nothing that can be observed tells whether it was done");
}

/* Whether the order leaves this fault to be tried here. */
static bool is_meant(const struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                     const char *name)
{
    const char *at = explorer->order->only;
    char wanted[128];
    if (at == NULL)
        return true;
    for (unsigned done = explorer->order->faults - state->left; at != NULL && done > 0; done--)
        at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL;
    const struct bsc_run_spot *spot = spot_of(explorer, state);
    int length = snprintf(wanted, sizeof wanted, "%zu.%zu:%s", spot->item + 1, spot->depth, name);
    return at != NULL && length > 0 && strcspn(at, ",") == (size_t)length &&
           strncmp(at, wanted, (size_t)length) == 0;
}

/* What `from` leads to under one fault, if the order has it. */
static bool try_fault(struct bsc_run_explorer *explorer, uint32_t number,
                      const struct bsc_run_state *from, struct bsc_run_state *work,
                      enum bsc_run_fault fault, struct bsc_err *err)
{
    if (!bsc_run_fault_fits(fault, spot_of(explorer, from)->op) ||
        !is_meant(explorer, from, bsc_run_fault_kind(fault)->name))
        return true;
    bsc_run_state_copy(work, from);
    if (!disturb(explorer, number, work, fault, err))
        return false;
    bsc_run_state_arrive(explorer, work,
                         (struct bsc_run_edge){.from = number, .fault = (uint16_t)fault});
    return true;
}

/* What the world may do to one resource, but not where the action under way has had its look at it:
 * nobody could know. */
static bool try_moves_of(struct bsc_run_explorer *explorer, uint32_t number,
                         const struct bsc_run_state *from, struct bsc_run_state *work,
                         uint32_t resource, struct bsc_err *err)
{
    const struct bsc_value *moves =
        bsc_run_explore_moves(explorer, resource, from->facts.world[resource], err);
    if (bsc_value_count(moves) == 0 ||
        bsc_run_script_has_looked(explorer->script, spot_of(explorer, from),
                                  bsc_run_reactor_id(explorer->reactor, resource)))
        return moves != NULL;
    for (size_t i = 0; i < bsc_value_count(moves); i++) {
        const struct bsc_value *move = bsc_value_at(moves, i);
        const char *words = bsc_value_get_string(move, "words");
        if (!is_meant(explorer, from, words))
            continue;
        bsc_run_state_copy(work, from);
        work->left--;
        explorer->tried++;
        work->facts.world[resource] =
            bsc_run_atoms_add(explorer->atoms, bsc_value_copy(bsc_value_get(move, "facts")));
        bsc_run_state_arrive(
            explorer, work,
            (struct bsc_run_edge){.from = number,
                                  .move = bsc_run_atoms_add_text(explorer->atoms, words)});
    }
    return moves != NULL;
}

/* The world moves just before something is looked at. */
static bool try_moves(struct bsc_run_explorer *explorer, uint32_t number,
                      const struct bsc_run_state *from, struct bsc_run_state *work,
                      struct bsc_err *err)
{
    for (uint32_t resource = 0; resource < from->room; resource++) {
        if (from->facts.world[resource] != 0 &&
            !try_moves_of(explorer, number, from, work, resource, err))
            return false;
    }
    return true;
}

static bool try_faults(struct bsc_run_explorer *explorer, uint32_t number,
                       const struct bsc_run_state *from, struct bsc_run_state *work,
                       struct bsc_err *err)
{
    for (int fault = BSC_RUN_FAULT_FAILS; fault < BSC_RUN_FAULT_COUNT; fault++) {
        if (!try_fault(explorer, number, from, work, (enum bsc_run_fault)fault, err))
            return false;
    }
    return spot_of(explorer, from)->op != BSC_RUN_OP_OBSERVE ||
           try_moves(explorer, number, from, work, err);
}

/* What cannot be known beforehand may be so or otherwise. */
static bool guess(struct bsc_run_explorer *explorer, uint32_t number,
                  const struct bsc_run_state *from, struct bsc_run_state *work, struct bsc_err *err)
{
    if (spot_of(explorer, from)->op != BSC_RUN_OP_UNDECIDED)
        return true;
    bsc_run_state_copy(work, from);
    if (!answer(explorer, work, explorer->no, err))
        return false;
    bsc_run_state_arrive(explorer, work, (struct bsc_run_edge){.from = number, .guessed = true});
    return true;
}

static bool go_on(struct bsc_run_explorer *explorer, uint32_t number,
                  const struct bsc_run_state *from, struct bsc_run_state *work, struct bsc_err *err)
{
    struct bsc_run_edge edge = {.from = number, .resumed = from->mode != BSC_RUN_MODE_RUNNING};
    bsc_run_state_copy(work, from);
    if (from->mode == BSC_RUN_MODE_IN_FLIGHT)
        settle(explorer, work);
    else if (from->mode == BSC_RUN_MODE_HALTED)
        restart(explorer, work);
    else if (!perform(explorer, number, work, err))
        return false;
    uint32_t next = bsc_run_state_arrive(explorer, work, edge);
    explorer->next[number] = next;
    return true;
}

/* Whether somebody has to decide something before the run can be resumed. */
static bool is_stuck(const struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    const struct bsc_value *about = bsc_run_atoms_get(explorer->atoms, state->halt);
    const char *outcome = bsc_value_get_string(about, "outcome");
    return outcome != NULL && strcmp(outcome, "unknown") == 0;
}

static bool expand(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *from,
                   struct bsc_run_state *work, struct bsc_err *err)
{
    bsc_run_state_load(explorer, number, from);
    if (from->mode == BSC_RUN_MODE_DONE ||
        (from->mode == BSC_RUN_MODE_HALTED && is_stuck(explorer, from)))
        return true;
    if (!go_on(explorer, number, from, work, err))
        return false;
    if (from->mode != BSC_RUN_MODE_RUNNING)
        return true;
    return guess(explorer, number, from, work, err) &&
           (from->left == 0 || try_faults(explorer, number, from, work, err));
}

static bool arrive_first(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                         struct bsc_err *err)
{
    bool is_new = false;
    const struct bsc_value *facts = explorer->order->facts;
    const struct bsc_run_spot *first = bsc_run_script_first(explorer->script, 0, err);
    if (first == NULL)
        return false;
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        uint32_t resource = bsc_run_reactor_resource(explorer->reactor, bsc_value_key_at(facts, i));
        bsc_run_state_fit(explorer, state);
        state->facts.world[resource] =
            bsc_run_atoms_add(explorer->atoms, bsc_value_copy(bsc_value_item_at(facts, i)));
        state->facts.belief[resource] = state->facts.world[resource];
    }
    state->spot = (uint32_t)first->number;
    state->left = explorer->order->faults;
    state->ledger = bsc_run_words_add(explorer->ledgers, NULL, 0, &is_new);
    bsc_run_state_arrive(explorer, state, (struct bsc_run_edge){.from = BSC_RUN_NOWHERE});
    return true;
}

/* States are numbered in the order in which they are found, so that going through the numbers is
 * going through them breadth first. */
static bool search(struct bsc_run_explorer *explorer, struct bsc_err *err)
{
    struct bsc_run_state from = {0}, work = {0};
    bool ok = arrive_first(explorer, &from, err);
    for (uint32_t number = 0; ok && number < bsc_run_words_count(explorer->states); number++) {
        explorer->incomplete = number >= STATES_MAX;
        if (explorer->incomplete)
            break;
        ok = expand(explorer, number, &from, &work, err);
    }
    bsc_run_state_release(&from);
    bsc_run_state_release(&work);
    return ok;
}

static void explorer_init(struct bsc_run_explorer *explorer,
                          const struct bsc_run_explore_order *order)
{
    struct bsc_run_session *session = order->session;
    struct bsc_value *unknown = bsc_value_map();
    bsc_value_set_text(unknown, "state", "unknown");
    explorer->order = order;
    explorer->atoms = bsc_run_atoms_new();
    explorer->script = bsc_run_script_new(
        session->vm, bsc_value_get(bsc_run_session_runbook(session), "items"), explorer->atoms);
    explorer->reactor = bsc_run_reactor_new(session->schema, explorer->atoms);
    explorer->states = bsc_run_words_new();
    explorer->blocks = bsc_run_words_new();
    explorer->empty = bsc_run_state_empty_block(explorer->blocks);
    explorer->ledgers = bsc_run_words_new();
    explorer->doings = bsc_run_words_new();
    explorer->checks = bsc_run_words_new();
    explorer->outlooks = bsc_run_words_new();
    explorer->moves = bsc_value_list();
    explorer->yes = bsc_run_atoms_add(explorer->atoms, bsc_value_bool(true));
    explorer->no = bsc_run_atoms_add(explorer->atoms, bsc_value_bool(false));
    explorer->unknown = bsc_run_atoms_add(explorer->atoms, unknown);
    explorer->nothing = bsc_run_atoms_add(explorer->atoms, bsc_value_map());
}

static void explorer_release(struct bsc_run_explorer *explorer)
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
    bsc_run_words_free(explorer->doings);
    bsc_run_words_free(explorer->ledgers);
    bsc_run_words_free(explorer->blocks);
    bsc_run_words_free(explorer->states);
    bsc_run_reactor_free(explorer->reactor);
    bsc_run_script_free(explorer->script);
    bsc_run_atoms_free(explorer->atoms);
}

struct bsc_value *bsc_run_explore(const struct bsc_run_explore_order *order, struct bsc_err *err)
{
    struct bsc_run_explorer explorer = {0};
    explorer_init(&explorer, order);
    struct bsc_value *verdict = search(&explorer, err) ? bsc_run_explore_verdict(&explorer) : NULL;
    explorer_release(&explorer);
    return verdict;
}
