#include "run/explore.h"

#include <string.h>

#include "run/explore_int.h"

enum {
    /* More than a person would wait for and memory would hold. */
    STATES_MAX = 1 << 21
};

/* Whether the order leaves this fault to be tried here. */
static bool is_meant(const struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                     const char *name)
{
    const char *at = explorer->order->only;
    struct bsc_buf wanted;
    if (at == NULL)
        return true;
    for (unsigned done = explorer->order->faults - state->left; at != NULL && done > 0; done--)
        at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL;
    bsc_buf_init(&wanted);
    bsc_run_spot_name(explorer, bsc_run_state_at(explorer, state), &wanted);
    bsc_buf_printf(&wanted, ":%s", name);
    bool meant = at != NULL && strcspn(at, ",") == wanted.length &&
                 strncmp(at, wanted.data, wanted.length) == 0;
    bsc_buf_release(&wanted);
    return meant;
}

/* What `from` leads to under one fault, if the order has it. */
static bool try_fault(struct bsc_run_explorer *explorer, uint32_t number,
                      const struct bsc_run_state *from, struct bsc_run_state *work,
                      enum bsc_run_fault fault, struct bsc_err *err)
{
    if (!bsc_run_fault_fits(fault, bsc_run_state_at(explorer, from)->op) ||
        !is_meant(explorer, from, bsc_run_fault_kind(fault)->name))
        return true;
    bsc_run_state_copy(work, from);
    if (!bsc_run_explore_disturb(explorer, number, work, fault, err))
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
        bsc_run_script_has_looked(explorer->script, bsc_run_state_at(explorer, from),
                                  bsc_run_reactor_id(explorer->reactor, resource)))
        return moves != NULL;
    for (size_t i = 0; i < bsc_value_count(moves); i++) {
        const struct bsc_value *move = bsc_value_at(moves, i);
        const char *words = bsc_value_get_string(move, "words");
        if (!is_meant(explorer, from, words))
            continue;
        bsc_run_state_copy(work, from);
        work->left--;
        work->excused = work->moved = true;
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
    for (int fault = BSC_RUN_FAULT_FAILS; fault < BSC_RUN_FAULT_PARKED; fault++) {
        if (!try_fault(explorer, number, from, work, (enum bsc_run_fault)fault, err))
            return false;
    }
    return bsc_run_state_at(explorer, from)->op != BSC_RUN_OP_OBSERVE ||
           try_moves(explorer, number, from, work, err);
}

/* What cannot be known beforehand may be so or otherwise. */
static bool guess(struct bsc_run_explorer *explorer, uint32_t number,
                  const struct bsc_run_state *from, struct bsc_run_state *work, struct bsc_err *err)
{
    if (bsc_run_state_at(explorer, from)->op != BSC_RUN_OP_UNDECIDED)
        return true;
    bsc_run_state_copy(work, from);
    work->excused = true;
    bool likely = bsc_value_get_truth(bsc_run_state_at(explorer, from)->value, "likely");
    if (!bsc_run_explore_answer(explorer, work, likely ? explorer->no : explorer->yes, err))
        return false;
    bsc_run_state_arrive(explorer, work, (struct bsc_run_edge){.from = number, .guessed = true});
    return true;
}

/* A gate waits for its time, or for somebody: the run may end there at any time, with no fault. */
static bool park(struct bsc_run_explorer *explorer, uint32_t number,
                 const struct bsc_run_state *from, struct bsc_run_state *work, struct bsc_err *err)
{
    if (!bsc_run_explore_may_park(bsc_run_state_at(explorer, from)))
        return true;
    bsc_run_state_copy(work, from);
    if (!bsc_run_explore_park(explorer, work, err))
        return false;
    bsc_run_state_arrive(explorer, work, (struct bsc_run_edge){.from = number, .parked = true});
    return true;
}

static bool go_on(struct bsc_run_explorer *explorer, uint32_t number,
                  const struct bsc_run_state *from, struct bsc_run_state *work, struct bsc_err *err)
{
    struct bsc_run_edge edge = {.from = number, .resumed = from->mode != BSC_RUN_MODE_RUNNING};
    bsc_run_state_copy(work, from);
    if (from->mode == BSC_RUN_MODE_IN_FLIGHT)
        bsc_run_explore_settle(explorer, work);
    else if (from->mode != BSC_RUN_MODE_RUNNING)
        bsc_run_explore_restart(explorer, work);
    else if (!bsc_run_explore_perform(explorer, number, work, err))
        return false;
    uint32_t next = bsc_run_state_arrive(explorer, work, edge);
    explorer->next[number] = next;
    return true;
}

/* A run that has stopped is taken back instead of resumed, where it still may be. */
static bool turn_round(struct bsc_run_explorer *explorer, uint32_t number,
                       const struct bsc_run_state *from, struct bsc_run_state *work,
                       struct bsc_err *err)
{
    if (!bsc_run_explore_may_go_back(from))
        return true;
    bsc_run_state_copy(work, from);
    if (!bsc_run_explore_go_back(explorer, work, err))
        return false;
    bsc_run_state_arrive(explorer, work, (struct bsc_run_edge){.from = number, .turned = true});
    return true;
}

static bool expand(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *from,
                   struct bsc_run_state *work, struct bsc_err *err)
{
    bsc_run_state_load(explorer, number, from);
    if (from->mode == BSC_RUN_MODE_DONE)
        return turn_round(explorer, number, from, work, err);
    if (!go_on(explorer, number, from, work, err))
        return false;
    if (from->mode != BSC_RUN_MODE_RUNNING)
        return turn_round(explorer, number, from, work, err);
    return guess(explorer, number, from, work, err) && park(explorer, number, from, work, err) &&
           (from->left == 0 || bsc_run_explore_is_repeated(explorer, from) ||
            try_faults(explorer, number, from, work, err));
}

/* States are numbered in the order in which they are found, so that going through the numbers is
 * going through them breadth first. */
static bool search(struct bsc_run_explorer *explorer, struct bsc_err *err)
{
    struct bsc_run_state from = {0}, work = {0};
    bool ok = bsc_run_explorer_start(explorer, &from, err);
    if (ok)
        bsc_run_state_arrive(explorer, &from, (struct bsc_run_edge){.from = BSC_RUN_NOWHERE});
    for (uint32_t number = 0; ok && number < bsc_run_words_count(explorer->states); number++) {
        explorer->incomplete = number >= STATES_MAX;
        if (explorer->incomplete)
            break;
        ok = expand(explorer, number, &from, &work, err);
        explorer->explored = number + 1;
    }
    bsc_run_state_release(&from);
    bsc_run_state_release(&work);
    return ok;
}

/* A way that was named and does not exist any more proves nothing. */
static bool is_as_ordered(const struct bsc_run_explorer *explorer, struct bsc_err *err)
{
    const char *only = explorer->order->only;
    if (only == NULL || explorer->tried >= explorer->order->faults)
        return true;
    bsc_err_set(err, BSC_ERR_USAGE, "no run of this runbook can go wrong as in \"%s\"", only);
    return bsc_err_hint(err, "Take a way that a violation names; it changes with the runbook.");
}

struct bsc_value *bsc_run_explore(const struct bsc_run_explore_order *order, struct bsc_err *err)
{
    struct bsc_run_explorer explorer = {0};
    bsc_run_explorer_init(&explorer, order);
    struct bsc_value *verdict = NULL;
    if (search(&explorer, err) && is_as_ordered(&explorer, err))
        verdict = bsc_run_explore_verdict(&explorer);
    bsc_run_explorer_release(&explorer);
    return verdict;
}
