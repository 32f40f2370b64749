#include "run/walk.h"

#include <string.h>

#include "run/explore_int.h"
#include "run/outcome.h"

enum {
    /* No runbook that comes to an end has so many: a loop may wait an hour with a look each second.
     */
    EFFECTS_MAX = 1 << 20,
    /* A person would have given up: it halts for another reason each time. */
    RESUMED_MAX = 50
};

struct walk {
    const struct bsc_run_walk_order *order; /* borrowed */
    struct bsc_run_explorer explorer;
    struct bsc_run_state at;
    size_t due;       /* the first fault that has not happened */
    int64_t fitting;  /* effects that it could have happened at so far */
    bool killed;      /* just now */
    size_t last_item; /* where it halted before, and why */
    uint32_t last_halt;
    size_t last_due;
    int64_t resumed;
    struct bsc_value *account; /* owned; it owns those below */
    struct bsc_value *steps;
    struct bsc_value *statements;
    struct bsc_value *says;
};

static const struct bsc_run_spot *spot_of(const struct walk *walk)
{
    return bsc_run_script_spot(walk->explorer.script, walk->at.spot);
}

/* -------------------------------------------------------------------- the account */

static struct bsc_value *add_list(struct bsc_value *map, const char *key)
{
    bsc_value_set(map, key, bsc_value_list());
    return bsc_value_get(map, key);
}

static void end_step(struct walk *walk, size_t item, const char *outcome, const char *reason)
{
    struct bsc_value *step = bsc_value_at(walk->steps, item);
    bsc_value_set_text(step, "outcome", outcome);
    bsc_value_set_text(step, "reason", reason != NULL ? reason : "");
}

static void begin_account(struct walk *walk)
{
    walk->account = bsc_value_map();
    walk->steps = add_list(walk->account, "steps");
    walk->statements = add_list(walk->account, "statements");
    walk->says = add_list(walk->account, "says");
    for (size_t i = 0; i < bsc_run_script_length(walk->explorer.script); i++) {
        const struct bsc_value *item = bsc_run_script_item(walk->explorer.script, i);
        struct bsc_value *step = bsc_value_map();
        bsc_value_set_text(step, "title", bsc_value_get_string(item, "title"));
        bsc_value_append(walk->steps, step);
        end_step(walk, i, "not reached", NULL);
    }
}

static void say(struct walk *walk, const char *text)
{
    if (text != NULL)
        bsc_value_append(walk->says, bsc_value_text(text));
}

/* What the operator sees of an effect, or the journal of an item's end. */
static void tell(struct walk *walk, const struct bsc_run_spot *spot)
{
    if (spot->op == BSC_RUN_OP_END)
        end_step(walk, spot->item, bsc_value_get_string(spot->value, "outcome"),
                 bsc_value_get_string(spot->value, "reason"));
    if (spot->op == BSC_RUN_OP_NOTE)
        say(walk, bsc_value_get_string(spot->value, "text"));
    if (spot->op != BSC_RUN_OP_ASK)
        return;
    const struct bsc_value *lines = bsc_value_get(spot->value, "lines");
    say(walk, bsc_value_get_string(spot->value, "title"));
    for (size_t i = 0; i < bsc_value_count(lines); i++)
        say(walk, bsc_value_string(bsc_value_at(lines, i)));
}

static struct bsc_value *violations_of(const struct bsc_run_explorer *explorer)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < explorer->violation_count; i++) {
        const struct bsc_run_violation *violation = &explorer->violations[i];
        const struct bsc_value *item = bsc_run_script_item(explorer->script, violation->spot->item);
        struct bsc_value *entry = bsc_value_map();
        bsc_value_set_text(entry, "title", bsc_value_get_string(violation->about, "title"));
        bsc_value_set_text(entry, "text", bsc_value_get_string(violation->about, "text"));
        bsc_value_set_text(entry, "step", bsc_value_get_string(item, "title"));
        bsc_value_append(list, entry);
    }
    return list;
}

static const struct bsc_value *halt_of(const struct walk *walk)
{
    return bsc_run_atoms_get(walk->explorer.atoms, walk->at.halt);
}

static const char *title_of(const struct walk *walk, size_t item)
{
    return bsc_value_get_string(bsc_run_script_item(walk->explorer.script, item), "title");
}

static void end_account(struct walk *walk)
{
    struct bsc_value *account = walk->account;
    const struct bsc_value *halted = halt_of(walk);
    const char *outcome = bsc_value_get_string(halted, "outcome");
    const char *reason = bsc_value_get_string(halted, "reason");
    const struct bsc_value *step = bsc_value_at(walk->steps, spot_of(walk)->item);
    if (walk->killed) {
        outcome = "killed";
        reason = bsc_value_get_string(step, "reason");
    } else if (walk->at.mode == BSC_RUN_MODE_DONE) {
        outcome = "done";
    } else {
        end_step(walk, spot_of(walk)->item, outcome, reason);
    }
    bsc_value_set_text(account, "outcome", outcome);
    bsc_value_set_text(account, "reason", reason != NULL ? reason : "");
    bsc_value_set_text(account, "item", title_of(walk, spot_of(walk)->item));
    bsc_value_set_int(account, "resumed", walk->resumed);
    bsc_value_set(account, "facts", bsc_run_explore_world(&walk->explorer, &walk->at));
    bsc_value_set(account, "violations", violations_of(&walk->explorer));
}

/* -------------------------------------------------------------------- the faults */

static const struct bsc_value *fault_due(const struct walk *walk)
{
    return walk->due < bsc_value_count(walk->order->faults)
               ? bsc_value_at(walk->order->faults, walk->due)
               : NULL;
}

static bool is_about(const struct bsc_value *fault, const struct bsc_run_spot *spot)
{
    return bsc_value_get_number(fault, "item", 0) == (int64_t)spot->item + 1;
}

static void happened(struct walk *walk)
{
    walk->due++;
    walk->fitting = 0;
}

static void miss(struct walk *walk, struct bsc_value *why)
{
    if (bsc_value_get(walk->account, "missed") == NULL)
        bsc_value_set(walk->account, "missed", why);
    else
        bsc_value_free(why);
}

/* What goes wrong at this effect. */
static enum bsc_run_fault fault_here(struct walk *walk, const struct bsc_run_spot *spot)
{
    enum bsc_run_fault kind = BSC_RUN_FAULT_NONE;
    const struct bsc_value *fault = fault_due(walk);
    const char *name = bsc_value_get_string(fault, "fault");
    if (name == NULL || !is_about(fault, spot) || !bsc_run_fault_parse(name, &kind) ||
        !bsc_run_fault_fits(kind, spot->op) ||
        (kind == BSC_RUN_FAULT_PARKED && !bsc_run_explore_may_park(spot)) ||
        (bsc_value_get_truth(fault, "looks") && spot->op != BSC_RUN_OP_OBSERVE) ||
        ++walk->fitting < bsc_value_get_number(fault, "nth", 1))
        return BSC_RUN_FAULT_NONE;
    happened(walk);
    return kind;
}

static void put_facts(struct walk *walk, uint32_t resource, struct bsc_value *facts)
{
    bsc_run_state_fit(&walk->explorer, &walk->at);
    walk->at.facts.world[resource] = bsc_run_atoms_add(walk->explorer.atoms, facts);
}

/* The facts by hand, over those that are known. */
static void alter(struct walk *walk, const struct bsc_value *facts)
{
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const struct bsc_value *keys = bsc_value_item_at(facts, i);
        uint32_t resource =
            bsc_run_reactor_resource(walk->explorer.reactor, bsc_value_key_at(facts, i));
        bsc_run_state_fit(&walk->explorer, &walk->at);
        const struct bsc_value *known =
            bsc_run_atoms_get(walk->explorer.atoms, walk->at.facts.world[resource]);
        struct bsc_value *now = known != NULL ? bsc_value_copy(known) : bsc_value_map();
        for (size_t k = 0; k < bsc_value_count(keys); k++)
            bsc_value_set(now, bsc_value_key_at(keys, k),
                          bsc_value_copy(bsc_value_item_at(keys, k)));
        put_facts(walk, resource, now);
    }
}

/* Lets the world do what `words` say to one resource, if it can; else adds what it could. */
static bool try_move(struct walk *walk, uint32_t resource, const char *words,
                     struct bsc_buf *others, bool *ret_moved, struct bsc_err *err)
{
    const struct bsc_value *moves =
        bsc_run_explore_moves(&walk->explorer, resource, walk->at.facts.world[resource], err);
    for (size_t i = 0; i < bsc_value_count(moves); i++) {
        const struct bsc_value *move = bsc_value_at(moves, i);
        const char *name = bsc_value_get_string(move, "words");
        if (strcmp(name, words) == 0) {
            put_facts(walk, resource, bsc_value_copy(bsc_value_get(move, "facts")));
            *ret_moved = true;
            break;
        }
        bsc_buf_printf(others, "%s\"%s\"", others->length > 0 ? ", " : "", name);
    }
    return moves != NULL;
}

static bool move(struct walk *walk, const char *words, const char *title, struct bsc_err *err)
{
    bool ok = true, moved = false;
    struct bsc_buf others;
    bsc_buf_init(&others);
    for (uint32_t i = 0; ok && !moved && i < walk->at.room; i++) {
        if (walk->at.facts.world[i] != 0)
            ok = try_move(walk, i, words, &others, &moved, err);
    }
    if (ok && !moved)
        miss(walk, bsc_value_format("\"%s\" cannot happen before \"%s\"; what can: %s", words,
                                    title, others.length > 0 ? others.data : "nothing"));
    bsc_buf_release(&others);
    return ok;
}

/* Whatever the world is to do by itself before the item that begins here. */
static bool let_world_move(struct walk *walk, const struct bsc_run_spot *spot, struct bsc_err *err)
{
    bool ok = true;
    for (const struct bsc_value *fault = fault_due(walk);
         ok && spot->depth == 0 && fault != NULL && is_about(fault, spot) &&
         bsc_value_get(fault, "fault") == NULL;
         fault = fault_due(walk)) {
        const char *words = bsc_value_get_string(fault, "move");
        if (words != NULL)
            ok = move(walk, words, title_of(walk, spot->item), err);
        alter(walk, bsc_value_get(fault, "facts"));
        happened(walk);
    }
    return ok;
}

static void miss_the_rest(struct walk *walk)
{
    const struct bsc_value *fault = fault_due(walk);
    if (fault == NULL)
        return;
    const char *name = bsc_value_get_string(fault, "fault");
    const char *title = title_of(walk, (size_t)bsc_value_get_number(fault, "item", 1) - 1);
    if (name != NULL)
        miss(walk, bsc_value_format("\"%s\" never came about in \"%s\": there were %lld effects "
                                    "that it could have happened at",
                                    name, title, (long long)walk->fitting));
    else
        miss(walk, bsc_value_format("the run never came to \"%s\"", title));
}

/* -------------------------------------------------------------------- the way */

/* One effect, with the fault that is due at it. */
static bool go_on(struct walk *walk, struct bsc_err *err)
{
    const struct bsc_run_spot *spot = spot_of(walk);
    if (!let_world_move(walk, spot, err))
        return false;
    enum bsc_run_fault fault = fault_here(walk, spot);
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    tell(walk, spot);
    if (spot->op == BSC_RUN_OP_CHANGE && kind->takes_effect)
        bsc_value_append(walk->statements,
                         bsc_value_text(bsc_value_get_string(spot->value, "statement")));
    if (fault == BSC_RUN_FAULT_NONE)
        return bsc_run_explore_perform(&walk->explorer, 0, &walk->at, err);
    walk->killed = kind->kills;
    if (kind->kills)
        end_step(walk, spot->item, "killed", kind->words);
    return bsc_run_explore_disturb(&walk->explorer, 0, &walk->at, fault, err);
}

/* Whether it halted for the same reason when it was resumed before, with nothing in between. */
static bool halts_again(struct walk *walk)
{
    bool again = walk->last_halt == walk->at.halt && walk->last_item == spot_of(walk)->item &&
                 walk->last_due == walk->due;
    walk->last_halt = walk->at.halt;
    walk->last_item = spot_of(walk)->item;
    walk->last_due = walk->due;
    return again || walk->resumed == RESUMED_MAX;
}

/* Whether a run that has stopped is over. */
static bool is_over(struct walk *walk)
{
    if (walk->at.mode == BSC_RUN_MODE_DONE)
        return true;
    if (walk->killed)
        return !walk->order->resume;
    return walk->at.mode == BSC_RUN_MODE_HALTED &&
           (!walk->order->resume || bsc_run_explore_is_stuck(&walk->explorer, &walk->at) ||
            halts_again(walk));
}

static bool step(struct walk *walk, struct bsc_err *err)
{
    if (walk->killed || walk->at.mode == BSC_RUN_MODE_HALTED)
        walk->resumed++;
    walk->killed = false;
    if (walk->at.mode == BSC_RUN_MODE_IN_FLIGHT)
        bsc_run_explore_settle(&walk->explorer, &walk->at);
    else if (walk->at.mode != BSC_RUN_MODE_RUNNING)
        bsc_run_explore_restart(&walk->explorer, &walk->at);
    else
        return go_on(walk, err);
    return true;
}

static bool walk_to_end(struct walk *walk, struct bsc_err *err)
{
    if (!bsc_run_explorer_start(&walk->explorer, &walk->at, err))
        return false;
    for (int effects = 0; !is_over(walk); effects++) {
        if (effects == EFFECTS_MAX)
            return bsc_err_set(err, BSC_ERR_LIMIT, "the runbook does not come to an end");
        if (!step(walk, err))
            return false;
    }
    miss_the_rest(walk);
    end_account(walk);
    return true;
}

struct bsc_value *bsc_run_walk(const struct bsc_run_walk_order *order, struct bsc_err *err)
{
    const struct bsc_run_explore_order exploring = {.session = order->session,
                                                    .facts = order->facts,
                                                    .faults =
                                                        (unsigned)bsc_value_count(order->faults)};
    struct walk walk = {.order = order};
    bsc_run_explorer_init(&walk.explorer, &exploring);
    begin_account(&walk);
    if (!walk_to_end(&walk, err)) {
        bsc_value_free(walk.account);
        walk.account = NULL;
    }
    bsc_run_state_release(&walk.at);
    bsc_run_explorer_release(&walk.explorer);
    return walk.account;
}
