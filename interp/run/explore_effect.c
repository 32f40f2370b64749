#include "run/explore_int.h"

#include <string.h>

#include "run/effect.h"
#include "run/outcome.h"
#include "run/wait.h"

/* Any time will do as long as it is the same one: a rehearsal gives the same verdict each time. */
#define BEGINNING_MS INT64_C(1577836800000)

static void halt(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                 const char *outcome, const char *reason)
{
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "outcome", outcome);
    bsc_value_set_text(about, "reason", reason != NULL ? reason : "");
    state->mode = BSC_RUN_MODE_HALTED;
    state->halt = bsc_run_atoms_add(explorer->atoms, about);
}

/* Where a run that has stopped here goes on: where the action under way began. When it has not
 * tried to change anything yet, what was passed over on the way here may work now. */
static uint32_t way_on(const struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    if (state->skipped > 0 && !state->goes_back &&
        !bsc_run_script_has_changed(explorer->script, spot))
        return state->skipped - 1;
    return (uint32_t)spot->anchor->number;
}

/* Whoever looks what has become of the run finds nothing under way. */
static void stop_dead(const struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    state->mode = BSC_RUN_MODE_KILLED;
    state->time_ms = 0;
    state->spot = way_on(explorer, state);
    if (state->spot + 1 == state->skipped)
        state->skipped = 0;
}

void bsc_run_explore_restart(struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    if (state->mode == BSC_RUN_MODE_HALTED && bsc_run_explore_is_stuck(explorer, state))
        bsc_run_ledger_find_out(explorer, state);
    if (state->mode != BSC_RUN_MODE_KILLED)
        stop_dead(explorer, state);
    state->mode = BSC_RUN_MODE_RUNNING;
    state->halt = 0;
}

bool bsc_run_explore_answer(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                            uint32_t atom, struct bsc_err *err)
{
    const struct bsc_run_spot *next =
        bsc_run_script_next(explorer->script, bsc_run_state_at(explorer, state), atom, err);
    if (next != NULL)
        state->spot = (uint32_t)next->number;
    return next != NULL;
}

static bool is_point_of_no_return(const struct bsc_run_explorer *explorer,
                                  const struct bsc_run_spot *spot)
{
    return bsc_value_get_truth(bsc_run_script_item(explorer->script, spot->item),
                               "point_of_no_return");
}

/* From here on nothing is taken back. */
static void pass_return(struct bsc_run_state *state)
{
    state->beyond = true;
    state->trail = 0;
    state->skipped = 0;
}

/* The number of the first spot of its item. */
static uint32_t first_of(struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_run_spot *first = bsc_run_script_first(explorer->script, spot->item, &err);
    return (uint32_t)first->number; /* it is known, for this spot was reached from it */
}

/* After its end an item gives way to the next one, or the run is over. */
static bool end_item(struct bsc_run_explorer *explorer, uint32_t number,
                     struct bsc_run_state *state, struct bsc_err *err)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    const struct bsc_value *item = bsc_run_script_item(explorer->script, spot->item);
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(spot->value, "outcome"), &outcome);
    if (!bsc_run_outcome_goes_on(outcome, bsc_value_get_truth(item, "optional"))) {
        halt(explorer, state, bsc_run_outcome_name(outcome),
             bsc_value_get_string(spot->value, "reason"));
        return true;
    }
    if (state->goes_back)
        return bsc_run_explore_taken_back(explorer, number, state, err);
    /* What was found to be done already lies behind it as well. */
    if (outcome != BSC_OUTCOME_SKIPPED && is_point_of_no_return(explorer, spot))
        pass_return(state);
    if (outcome == BSC_OUTCOME_SKIPPED && state->skipped == 0 &&
        bsc_value_get_truth(item, "optional"))
        state->skipped = first_of(explorer, spot) + 1;
    if (spot->item + 1 == bsc_run_script_length(explorer->script)) {
        state->mode = BSC_RUN_MODE_DONE;
        return true;
    }
    const struct bsc_run_spot *first = bsc_run_script_first(explorer->script, spot->item + 1, err);
    state->time_ms = 0;
    if (first != NULL)
        state->spot = (uint32_t)first->number;
    return first != NULL;
}

static bool observe(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                    struct bsc_err *err)
{
    uint32_t resource = bsc_run_reactor_about(explorer->reactor, bsc_run_state_at(explorer, state));
    bsc_run_state_fit(explorer, state);
    uint32_t facts = state->facts.world[resource];
    state->facts.belief[resource] = facts;
    return bsc_run_explore_answer(explorer, state, facts != 0 ? facts : explorer->unknown, err);
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

/* What follows of a change for a run that is taken back: behind the point of no return, nothing. A
 * change that nobody can look for is on its way back only if it was made: whoever takes the run
 * back has found out. */
static void leave_trail(struct bsc_run_explorer *explorer, const struct bsc_run_state *before,
                        struct bsc_run_state *state, const struct bsc_run_spot *spot,
                        enum bsc_run_fault fault, bool may_be_done)
{
    if (bsc_value_get_truth(spot->value, "assumed"))
        may_be_done = bsc_run_fault_kind(fault)->takes_effect;
    if (may_be_done && !state->goes_back && is_point_of_no_return(explorer, spot) &&
        !bsc_value_get_truth(spot->value, "returns"))
        pass_return(state);
    bsc_run_explore_trail(explorer, before, state, spot, may_be_done);
}

/* What follows for one that its action would make again: only the record, a look or a person tells
 * that it was made. */
static void keep_ledger(struct bsc_run_explorer *explorer, uint32_t number,
                        struct bsc_run_state *state, const struct bsc_run_spot *spot,
                        enum bsc_run_fault fault, bool succeeded)
{
    uint32_t essence = bsc_run_reactor_essence(explorer->reactor, spot);
    if (bsc_run_fault_kind(fault)->takes_effect &&
        !bsc_run_ledger_enter(explorer, state, spot, essence))
        tell_twice(explorer, number, spot, fault);
    if (succeeded)
        bsc_run_ledger_learn(explorer, state, spot, essence);
}

/* A change that is known to be done is answered as it was the first time. */
bool bsc_run_explore_is_repeated(struct bsc_run_explorer *explorer,
                                 const struct bsc_run_state *state)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    return spot->op == BSC_RUN_OP_CHANGE && bsc_value_get_truth(spot->value, "once") &&
           bsc_run_ledger_knows(explorer, state, spot,
                                bsc_run_reactor_essence(explorer->reactor, spot));
}

static bool change(struct bsc_run_explorer *explorer, uint32_t number, struct bsc_run_state *state,
                   enum bsc_run_fault fault, struct bsc_err *err)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    struct bsc_run_state before = {0};
    /* What the live world would not carry out must not pass here. */
    if (bsc_run_effect_row(spot->value, err) == NULL)
        return false;
    (void)bsc_run_reactor_about(explorer->reactor, spot);
    bsc_run_state_fit(explorer, state);
    bsc_run_state_copy(&before, state);
    bool repeated = bsc_run_explore_is_repeated(explorer, state);
    struct bsc_run_reaction reaction = bsc_run_react(explorer->reactor, spot, fault, &state->facts);
    leave_trail(explorer, &before, state, spot, fault, reaction.may_be_done);
    if (bsc_value_get_truth(spot->value, "once") && !repeated)
        keep_ledger(explorer, number, state, spot, fault, reaction.succeeded && !kind->has_intent);
    bool ok = !reaction.acts || bsc_run_explore_check(explorer, number, &before, state, fault, err);
    if (kind->has_intent)
        state->mode = BSC_RUN_MODE_IN_FLIGHT;
    else if (kind->kills)
        stop_dead(explorer, state);
    else
        ok = ok && bsc_run_explore_answer(explorer, state, reaction.answer, err);
    bsc_run_state_release(&before);
    return ok;
}

static bool sleep_on(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                     struct bsc_err *err)
{
    int64_t ms = bsc_value_get_number(bsc_run_state_at(explorer, state)->value, "ms", 0);
    if (ms > 0 && ms < INT64_MAX - state->time_ms)
        state->time_ms += ms;
    return bsc_run_explore_answer(explorer, state, explorer->yes, err);
}

static uint32_t answer_to_ask(struct bsc_run_explorer *explorer, const char *word)
{
    struct bsc_value *said = bsc_value_map();
    bsc_value_set_text(said, "answer", word);
    bsc_value_set_text(said, "by", "rehearsal");
    return bsc_run_atoms_add(explorer->atoms, said);
}

/* How a gate stands whose time has come, or has not. */
static uint32_t answer_to_reached(struct bsc_run_explorer *explorer,
                                  const struct bsc_run_spot *spot, bool early)
{
    const struct bsc_run_wait wait = {.since_ms = BEGINNING_MS,
                                      .after_ms = bsc_value_get_number(spot->value, "after_ms", 0)};
    int64_t now_ms = early ? BEGINNING_MS : bsc_run_wait_until(&wait);
    return bsc_run_atoms_add(explorer->atoms, bsc_run_wait_value(&wait, now_ms));
}

/* What is waived is not waited for, and yet it is told as what it is. */
static bool reached(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                    struct bsc_err *err)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    bool waived = bsc_value_get_truth(spot->value, "waived");
    return bsc_run_explore_answer(explorer, state, answer_to_reached(explorer, spot, waived), err);
}

bool bsc_run_explore_may_park(const struct bsc_run_spot *spot)
{
    if (spot->op == BSC_RUN_OP_REACHED)
        return bsc_value_get_number(spot->value, "after_ms", 0) > 0 &&
               !bsc_value_get_truth(spot->value, "waived");
    return spot->op == BSC_RUN_OP_ASK && bsc_value_get_truth(spot->value, "parks");
}

bool bsc_run_explore_park(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          struct bsc_err *err)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, state);
    uint32_t answer = spot->op == BSC_RUN_OP_ASK ? answer_to_ask(explorer, "later")
                                                 : answer_to_reached(explorer, spot, true);
    return bsc_run_explore_answer(explorer, state, answer, err);
}

static uint32_t now(struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    return bsc_run_atoms_add(explorer->atoms, bsc_value_int(BEGINNING_MS + state->time_ms));
}

/* What the undisturbed run takes to be so, as its plan does. */
static uint32_t likely_answer(const struct bsc_run_explorer *explorer,
                              const struct bsc_run_state *state)
{
    const struct bsc_value *effect = bsc_run_state_at(explorer, state)->value;
    return bsc_value_get_truth(effect, "likely") ? explorer->yes : explorer->no;
}

/* One effect without a fault. */
bool bsc_run_explore_perform(struct bsc_run_explorer *explorer, uint32_t number,
                             struct bsc_run_state *state, struct bsc_err *err)
{
    switch (bsc_run_state_at(explorer, state)->op) {
    case BSC_RUN_OP_END:
        return end_item(explorer, number, state, err);
    case BSC_RUN_OP_OBSERVE:
        return observe(explorer, state, err);
    case BSC_RUN_OP_CHANGE:
        return change(explorer, number, state, BSC_RUN_FAULT_NONE, err);
    case BSC_RUN_OP_SLEEP:
        return sleep_on(explorer, state, err);
    case BSC_RUN_OP_NOW:
        return bsc_run_explore_answer(explorer, state, now(explorer, state), err);
    case BSC_RUN_OP_ASK:
        return bsc_run_explore_answer(explorer, state, answer_to_ask(explorer, "yes"), err);
    case BSC_RUN_OP_REACHED:
        return reached(explorer, state, err);
    case BSC_RUN_OP_UNDECIDED:
        return bsc_run_explore_answer(explorer, state, likely_answer(explorer, state), err);
    default:
        return bsc_run_explore_answer(explorer, state, explorer->yes, err);
    }
}

/* One effect with a fault. */
bool bsc_run_explore_disturb(struct bsc_run_explorer *explorer, uint32_t number,
                             struct bsc_run_state *state, enum bsc_run_fault fault,
                             struct bsc_err *err)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    state->left--;
    explorer->tried++;
    if (fault == BSC_RUN_FAULT_SAYS_NO) {
        state->excused = true;
        return bsc_run_explore_answer(explorer, state, answer_to_ask(explorer, "no"), err);
    }
    if (fault == BSC_RUN_FAULT_PARKED)
        return bsc_run_explore_park(explorer, state, err);
    if (fault == BSC_RUN_FAULT_KILLED || fault == BSC_RUN_FAULT_KILLED_BEFORE_INTENT) {
        stop_dead(explorer, state);
        return true;
    }
    if (kind->stops) {
        halt(explorer, state, "failed", kind->words);
        return true;
    }
    return change(explorer, number, state, fault, err);
}

void bsc_run_explore_settle(struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    if (bsc_value_get_truth(bsc_run_state_at(explorer, state)->value, "assumed"))
        halt(explorer, state, "unknown", "nothing that can be observed tells whether it was done");
    else
        bsc_run_ledger_find_out(explorer, state);
    if (state->mode != BSC_RUN_MODE_HALTED)
        bsc_run_explore_restart(explorer, state);
}

bool bsc_run_explore_is_stuck(const struct bsc_run_explorer *explorer,
                              const struct bsc_run_state *state)
{
    const struct bsc_value *about = bsc_run_atoms_get(explorer->atoms, state->halt);
    const char *outcome = bsc_value_get_string(about, "outcome");
    return outcome != NULL && strcmp(outcome, "unknown") == 0;
}
