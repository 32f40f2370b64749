#include "run/explore_int.h"

#include <string.h>

#include "run/back.h"
#include "run/model.h"
#include "run/schema.h"

/* A trail is made of steps, each with the number of the one before it. A step either says how an
 * action, or a whole item, is taken back, or what one of its changes has made another. */
enum { AT_BEFORE, AT_UNDO, UNDO_STEP };
enum { AT_RESOURCE = 1, AT_KEY, AT_WAS, FACT_STEP };

/* Undos by number: of which item and action, action 0 for all of the item, and the change's `undo`.
 */
enum { AT_ITEM, AT_ACTION, AT_HOW, UNDO };

static const uint32_t *undo_get(const struct bsc_run_explorer *explorer, uint32_t number)
{
    size_t length = 0;
    return bsc_run_words_get(explorer->undos, number, &length);
}

/* The step of a trail that says how, from the latest one on; *ret_undo is the number of the undo.
 */
static uint32_t latest_undo(const struct bsc_run_explorer *explorer, uint32_t trail,
                            uint32_t *ret_undo)
{
    size_t length = 0;
    const uint32_t *step = bsc_run_words_get(explorer->trails, trail, &length);
    while (length == FACT_STEP) {
        trail = step[AT_BEFORE];
        step = bsc_run_words_get(explorer->trails, trail, &length);
    }
    *ret_undo = step[AT_UNDO];
    return trail;
}

/* ------------------------------------------------------------- on the way forward */

/* Whether the latest undos of the trail take back the action of the spot. */
static bool is_on_trail(const struct bsc_run_explorer *explorer, uint32_t trail,
                        const struct bsc_run_spot *spot)
{
    size_t length = 0;
    while (trail != 0) {
        uint32_t number = 0;
        trail = latest_undo(explorer, trail, &number);
        const uint32_t *undo = undo_get(explorer, number);
        if (undo[AT_ITEM] != spot->item)
            return false;
        if (undo[AT_ACTION] == 0 || undo[AT_ACTION] == spot->action)
            return true;
        trail = bsc_run_words_get(explorer->trails, trail, &length)[AT_BEFORE];
    }
    return false;
}

/* Undos are numbered as the items that the script has besides those of the runbook. */
static uint32_t undo_add(struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot,
                         const struct bsc_value *undo)
{
    bool is_new = false;
    bool whole = bsc_value_get_truth(undo, "declared");
    const uint32_t words[UNDO] = {[AT_ITEM] = (uint32_t)spot->item,
                                  [AT_ACTION] = whole ? 0 : (uint32_t)spot->action,
                                  [AT_HOW] =
                                      bsc_run_atoms_add(explorer->atoms, bsc_value_copy(undo))};
    uint32_t number = bsc_run_words_add(explorer->undos, words, UNDO, &is_new);
    if (is_new)
        bsc_run_script_add(explorer->script,
                           bsc_run_back_item(bsc_run_script_item(explorer->script, spot->item),
                                             (int64_t)spot->action, undo));
    return number;
}

static void add_undo(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                     uint32_t number)
{
    bool is_new = false;
    const uint32_t step[UNDO_STEP] = {[AT_BEFORE] = state->trail, [AT_UNDO] = number};
    state->trail = bsc_run_words_add(explorer->trails, step, UNDO_STEP, &is_new);
}

static void add_fact(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                     uint32_t resource, const char *key, const struct bsc_value *was)
{
    bool is_new = false;
    const uint32_t step[FACT_STEP] = {
        [AT_BEFORE] = state->trail,
        [AT_RESOURCE] = resource,
        [AT_KEY] = bsc_run_atoms_add_text(explorer->atoms, key),
        [AT_WAS] = bsc_run_atoms_add(explorer->atoms,
                                     was != NULL ? bsc_value_copy(was) : bsc_value_null())};
    state->trail = bsc_run_words_add(explorer->trails, step, FACT_STEP, &is_new);
}

static bool counts(const struct bsc_run_explorer *explorer, const char *resource, const char *key)
{
    const struct bsc_value *schema = explorer->order->session->schema;
    return bsc_value_get_truth(bsc_run_schema_fact(schema, resource, key), "counts");
}

/* Whether a fact stays as it is unless somebody changes it. */
static bool is_steady(const struct bsc_run_explorer *explorer, const char *resource,
                      const char *key)
{
    const struct bsc_value *schema = explorer->order->session->schema;
    const struct bsc_value *fact = bsc_run_schema_fact(schema, resource, key);
    return fact != NULL ? !bsc_value_get_truth(fact, "volatile")
                        : bsc_run_schema_kind(schema, resource) == NULL;
}

static void add_facts_of(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                         uint32_t resource, uint32_t before)
{
    const char *id = bsc_run_reactor_id(explorer->reactor, resource);
    const struct bsc_value *was = bsc_run_atoms_get(explorer->atoms, before);
    const struct bsc_value *now = bsc_run_atoms_get(explorer->atoms, state->facts.world[resource]);
    /* Of what nobody knew anything before, nobody can say how to put it back. */
    if (was == NULL)
        return;
    for (size_t i = 0; i < bsc_value_count(was); i++) {
        const char *key = bsc_value_key_at(was, i);
        if (is_steady(explorer, id, key) &&
            !bsc_value_equal(bsc_value_item_at(was, i), bsc_value_get(now, key)))
            add_fact(explorer, state, resource, key, bsc_value_item_at(was, i));
    }
    for (size_t i = 0; i < bsc_value_count(now); i++) {
        const char *key = bsc_value_key_at(now, i);
        if (is_steady(explorer, id, key) && bsc_value_get(was, key) == NULL)
            add_fact(explorer, state, resource, key, NULL);
    }
}

void bsc_run_explore_trail(struct bsc_run_explorer *explorer, const struct bsc_run_state *before,
                           struct bsc_run_state *state, const struct bsc_run_spot *spot,
                           bool may_be_done)
{
    const struct bsc_value *undo = bsc_value_get(spot->value, "undo");
    /* What only puts right what was left half done restores nothing, and in the model nothing is
     * ever left so. */
    if (state->beyond || !may_be_done || bsc_value_get_truth(undo, "mends"))
        return;
    bool is_there = state->goes_back || is_on_trail(explorer, state->trail, spot);
    if (!is_there && undo == NULL)
        return;
    if (!is_there)
        add_undo(explorer, state, undo_add(explorer, spot, undo));
    if (bsc_value_get_truth(spot->value, "harmless") && !state->goes_back)
        return;
    for (uint32_t i = 0; i < before->room && i < state->room; i++) {
        if (before->facts.world[i] != state->facts.world[i])
            add_facts_of(explorer, state, i, before->facts.world[i]);
    }
}

/* ------------------------------------------------------------------- and back again */

bool bsc_run_explore_may_go_back(const struct bsc_run_state *state)
{
    return !state->goes_back && !state->beyond && state->trail != 0;
}

static bool begin_next(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                       struct bsc_err *err)
{
    uint32_t undo = 0;
    (void)latest_undo(explorer, state->trail, &undo);
    const struct bsc_run_spot *first =
        bsc_run_script_first(explorer->script, bsc_run_script_length(explorer->script) + undo, err);
    state->time_ms = 0;
    if (first != NULL)
        state->spot = (uint32_t)first->number;
    return first != NULL;
}

bool bsc_run_explore_go_back(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                             struct bsc_err *err)
{
    state->mode = BSC_RUN_MODE_RUNNING;
    state->halt = 0;
    state->goes_back = true;
    return begin_next(explorer, state, err);
}

static void tell(struct bsc_run_explorer *explorer, uint32_t number,
                 const struct bsc_run_spot *spot, const char *resource, const char *key)
{
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "title", "a rollback restores what was there before");
    bsc_value_set(
        about, "text",
        bsc_value_format("after the rollback %s of %s is not as it was before", key, resource));
    bsc_value_set_text(about, "mend", "Let the undo put back the facts that it is given.");
    bsc_run_explore_violated(explorer, number, spot, BSC_RUN_FAULT_NONE, about);
}

/* Whether a fact was made another before that, within what is taken back: then that counts. */
static bool was_another_before(const struct bsc_run_explorer *explorer, const uint32_t *fact)
{
    size_t length = 0;
    const uint32_t *step = bsc_run_words_get(explorer->trails, fact[AT_BEFORE], &length);
    for (; length == FACT_STEP;
         step = bsc_run_words_get(explorer->trails, step[AT_BEFORE], &length)) {
        if (step[AT_RESOURCE] == fact[AT_RESOURCE] && step[AT_KEY] == fact[AT_KEY])
            return true;
    }
    return false;
}

static const char *key_of(const struct bsc_run_explorer *explorer, const uint32_t *fact)
{
    return bsc_value_string(bsc_run_atoms_get(explorer->atoms, fact[AT_KEY]));
}

static void compare(struct bsc_run_explorer *explorer, uint32_t number,
                    const struct bsc_run_state *state, const uint32_t *fact)
{
    const struct bsc_value *facts =
        bsc_run_atoms_get(explorer->atoms, state->facts.world[fact[AT_RESOURCE]]);
    const struct bsc_value *was = bsc_run_atoms_get(explorer->atoms, fact[AT_WAS]);
    const char *id = bsc_run_reactor_id(explorer->reactor, fact[AT_RESOURCE]);
    const struct bsc_value *now = bsc_value_get(facts, key_of(explorer, fact));
    if (!bsc_run_model_same(now, was) && !bsc_run_model_same(was, now))
        tell(explorer, number, bsc_run_state_at(explorer, state), id, key_of(explorer, fact));
}

static uint32_t with_fact(struct bsc_run_explorer *explorer, uint32_t facts, const uint32_t *fact)
{
    struct bsc_value *changed = bsc_value_copy(bsc_run_atoms_get(explorer->atoms, facts));
    bsc_value_set(changed, key_of(explorer, fact),
                  bsc_value_copy(bsc_run_atoms_get(explorer->atoms, fact[AT_WAS])));
    return bsc_run_atoms_add(explorer->atoms, changed);
}

/* What only ever goes up is taken to be as it was before. Nobody would mind, and else the way back
 * would be another one from each step that it can begin at. */
static void count_back(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                       const uint32_t *fact)
{
    uint32_t resource = fact[AT_RESOURCE];
    state->facts.world[resource] = with_fact(explorer, state->facts.world[resource], fact);
    state->facts.belief[resource] = with_fact(explorer, state->facts.belief[resource], fact);
}

/* Goes over what the action that was taken back had made others, as it was before all of it. */
static void look_back(struct bsc_run_explorer *explorer, uint32_t number,
                      struct bsc_run_state *state, bool compares)
{
    size_t length = 0;
    const uint32_t *fact = bsc_run_words_get(explorer->trails, state->trail, &length);
    for (; length == FACT_STEP;
         fact = bsc_run_words_get(explorer->trails, fact[AT_BEFORE], &length)) {
        const char *id = bsc_run_reactor_id(explorer->reactor, fact[AT_RESOURCE]);
        if (was_another_before(explorer, fact))
            continue;
        if (counts(explorer, id, key_of(explorer, fact)))
            count_back(explorer, state, fact);
        else if (compares)
            compare(explorer, number, state, fact);
    }
}

/* Whether the undo has said that there is nothing to put back. */
static bool is_waived(const struct bsc_run_explorer *explorer, const struct bsc_run_state *state)
{
    const struct bsc_value *result = bsc_run_state_at(explorer, state)->value;
    const char *outcome = bsc_value_get_string(result, "outcome");
    return outcome != NULL && strcmp(outcome, "skipped") == 0;
}

bool bsc_run_explore_taken_back(struct bsc_run_explorer *explorer, uint32_t number,
                                struct bsc_run_state *state, struct bsc_err *err)
{
    size_t length = 0;
    uint32_t undo = 0;
    look_back(explorer, number, state, !state->moved && !is_waived(explorer, state));
    uint32_t step = latest_undo(explorer, state->trail, &undo);
    state->trail = bsc_run_words_get(explorer->trails, step, &length)[AT_BEFORE];
    if (state->trail != 0)
        return begin_next(explorer, state, err);
    state->mode = BSC_RUN_MODE_DONE;
    return true;
}
