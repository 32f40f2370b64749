#include "run/script.h"

#include <string.h>

#include "base/mem.h"
#include "run/back.h"
#include "run/effect.h"
#include "run/errors.h"

struct branch {
    uint32_t answer;
    struct node *to;
};

struct node {
    struct bsc_run_spot spot; /* first, so that a spot is its node */
    struct node *parent;      /* NULL for the first spot of an item */
    uint32_t answer;          /* the one that leads here from the parent */
    struct bsc_value *value;  /* owned */
    struct branch *branches;  /* owned */
    size_t branch_count;
};

struct bsc_run_script {
    struct bsc_vm *vm;             /* borrowed */
    const struct bsc_value *items; /* borrowed */
    struct bsc_run_atoms *atoms;   /* borrowed */
    struct bsc_value *added;       /* owned list: further items */
    struct node **firsts;          /* owned, one for each item, NULL before it was begun */
    struct node **nodes;           /* owned: all of them */
    size_t count;
    struct bsc_vm_task *task; /* owned: waits for the answer to `waiting`, or NULL */
    struct node *waiting;
};

struct bsc_run_script *bsc_run_script_new(struct bsc_vm *vm, const struct bsc_value *items,
                                          struct bsc_run_atoms *atoms)
{
    struct bsc_run_script *script = bsc_mem_new(1, sizeof *script);
    script->vm = vm;
    script->items = items;
    script->atoms = atoms;
    script->added = bsc_value_list();
    script->firsts = bsc_mem_new(bsc_value_count(items), sizeof(struct node *));
    return script;
}

void bsc_run_script_free(struct bsc_run_script *script)
{
    if (script == NULL)
        return;
    bsc_vm_task_free(script->task);
    for (size_t i = 0; i < script->count; i++) {
        bsc_value_free(script->nodes[i]->value);
        bsc_mem_free(script->nodes[i]->branches);
        bsc_mem_free(script->nodes[i]);
    }
    bsc_mem_free(script->nodes);
    bsc_mem_free(script->firsts);
    bsc_value_free(script->added);
    bsc_mem_free(script);
}

size_t bsc_run_script_length(const struct bsc_run_script *script)
{
    return bsc_value_count(script->items);
}

const struct bsc_value *bsc_run_script_item(const struct bsc_run_script *script, size_t index)
{
    size_t count = bsc_value_count(script->items);
    return index < count ? bsc_value_at(script->items, index)
                         : bsc_value_at(script->added, index - count);
}

size_t bsc_run_script_add(struct bsc_run_script *script, struct bsc_value *item)
{
    size_t place = bsc_value_count(script->items) + bsc_value_count(script->added);
    script->firsts = bsc_mem_resize(script->firsts, place + 1, sizeof(struct node *));
    script->firsts[place] = NULL;
    bsc_value_append(script->added, item);
    return place;
}

size_t bsc_run_script_spots(const struct bsc_run_script *script)
{
    return script->count;
}

const struct bsc_run_spot *bsc_run_script_spot(const struct bsc_run_script *script, size_t number)
{
    return &script->nodes[number]->spot;
}

static enum bsc_run_op op_of(const struct bsc_value *effect)
{
    static const char *const names[] = {
        [BSC_RUN_OP_BEGIN] = "begin",    [BSC_RUN_OP_OBSERVE] = "observe",
        [BSC_RUN_OP_CHANGE] = "change",  [BSC_RUN_OP_SLEEP] = "sleep",
        [BSC_RUN_OP_NOW] = "now",        [BSC_RUN_OP_ASK] = "ask",
        [BSC_RUN_OP_NOTE] = "note",      [BSC_RUN_OP_UNDECIDED] = "undecided",
        [BSC_RUN_OP_REACHED] = "reached"};
    const char *op = bsc_value_get_string(effect, "op");
    for (size_t i = BSC_RUN_OP_BEGIN; op != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], op) == 0)
            return (enum bsc_run_op)i;
    }
    return BSC_RUN_OP_END;
}

/* Takes the value. */
static struct node *node_add(struct bsc_run_script *script, struct node *parent, size_t item,
                             enum bsc_run_op op, struct bsc_value *value)
{
    struct node *node = bsc_mem_new(1, sizeof *node);
    if ((script->count & (script->count - 1)) == 0)
        script->nodes = bsc_mem_resize(script->nodes, script->count == 0 ? 1 : script->count * 2,
                                       sizeof(struct node *));
    node->spot = (struct bsc_run_spot){
        .op = op, .item = item, .number = script->count, .value = value, .anchor = &node->spot};
    node->parent = parent;
    node->value = value;
    if (parent != NULL) {
        node->spot.depth = parent->spot.depth + 1;
        node->spot.action = parent->spot.action;
        node->spot.anchor = parent->spot.anchor;
    }
    if (op == BSC_RUN_OP_BEGIN) {
        node->spot.action = (size_t)bsc_value_get_number(value, "action", 0);
        node->spot.anchor = &node->spot;
    }
    script->nodes[script->count++] = node;
    return node;
}

/* What the task said becomes a spot; at an end the task is done with. */
static struct node *hear(struct bsc_run_script *script, struct node *parent, size_t item,
                         enum bsc_vm_status status, struct bsc_value *value,
                         const struct bsc_err *err)
{
    struct bsc_value *said = status == BSC_VM_FAILED ? bsc_run_error_result(err) : value;
    enum bsc_run_op op = status == BSC_VM_YIELDED ? op_of(value) : BSC_RUN_OP_END;
    struct node *node = node_add(script, parent, item, op, said);
    script->waiting = node;
    if (op == BSC_RUN_OP_END) {
        bsc_vm_task_free(script->task);
        script->task = NULL;
    }
    return node;
}

/* A new task for the item; false when the Lua state cannot go on. */
static bool begin(struct bsc_run_script *script, size_t item, struct bsc_err *err)
{
    const struct bsc_value *about = bsc_run_script_item(script, item);
    bool goes_back = bsc_run_back_is(about);
    struct bsc_value *args = goes_back ? bsc_run_back_arguments(about) : bsc_value_map();
    if (!goes_back)
        bsc_value_set_int(args, "index", (int64_t)item + 1);
    bsc_vm_task_free(script->task);
    script->task = bsc_vm_task_new(script->vm, goes_back ? "take_back" : "perform", args, err);
    bsc_value_free(args);
    return script->task != NULL;
}

const struct bsc_run_spot *bsc_run_script_first(struct bsc_run_script *script, size_t item,
                                                struct bsc_err *err)
{
    if (script->firsts[item] == NULL) {
        struct bsc_value *value = NULL;
        struct bsc_err failure = BSC_ERR_INIT;
        if (!begin(script, item, err))
            return NULL;
        enum bsc_vm_status status = bsc_vm_task_resume(script->task, NULL, &value, &failure);
        script->firsts[item] = hear(script, NULL, item, status, value, &failure);
    }
    return &script->firsts[item]->spot;
}

/* Gives the waiting task an answer, which must lead to the node where it led before: else the
 * runbook's code keeps something from one time to the next, and nothing can be foretold of it. */
static bool repeat(struct bsc_run_script *script, const struct node *to, struct bsc_err *err)
{
    struct bsc_value *value = NULL;
    const struct bsc_value *said = bsc_run_atoms_get(script->atoms, to->answer);
    enum bsc_vm_status status = bsc_vm_task_resume(script->task, said, &value, err);
    bool same = status == BSC_VM_YIELDED && bsc_value_equal(value, to->value);
    bsc_value_free(value);
    if (same || status == BSC_VM_FAILED)
        return same;
    const struct bsc_value *item = bsc_run_script_item(script, to->spot.item);
    bsc_err_set(err, BSC_ERR_SCRIPT,
                "item %lld, \"%s\", does not do the same again when it gets the same answers",
                (long long)bsc_value_get_number(item, "index", 0),
                bsc_value_get_string(item, "title"));
    return bsc_err_hint(err, "Let the functions of a primitive use nothing but their arguments.");
}

/* Brings a task to the spot, by giving it all answers that lead there. */
static bool catch_up(struct bsc_run_script *script, struct node *node, struct bsc_err *err)
{
    if (script->task != NULL && script->waiting == node)
        return true;
    size_t depth = node->spot.depth;
    const struct node **way = bsc_mem_new(depth + 1, sizeof(struct node *));
    for (const struct node *at = node; at != NULL; at = at->parent)
        way[at->spot.depth] = at;
    bool ok = begin(script, node->spot.item, err);
    for (size_t i = 0; ok && i <= depth; i++)
        ok = repeat(script, way[i], err);
    script->waiting = node;
    bsc_mem_free((void *)way);
    return ok;
}

static struct node *learn(struct bsc_run_script *script, struct node *node, uint32_t answer,
                          struct bsc_err *err)
{
    struct bsc_value *value = NULL;
    struct bsc_err failure = BSC_ERR_INIT;
    if (!catch_up(script, node, err))
        return NULL;
    enum bsc_vm_status status = bsc_vm_task_resume(
        script->task, bsc_run_atoms_get(script->atoms, answer), &value, &failure);
    struct node *to = hear(script, node, node->spot.item, status, value, &failure);
    to->answer = answer;
    if ((node->branch_count & (node->branch_count - 1)) == 0)
        node->branches =
            bsc_mem_resize(node->branches, node->branch_count == 0 ? 1 : node->branch_count * 2,
                           sizeof *node->branches);
    node->branches[node->branch_count++] = (struct branch){answer, to};
    return to;
}

const struct bsc_run_spot *bsc_run_script_next(struct bsc_run_script *script,
                                               const struct bsc_run_spot *spot, uint32_t answer,
                                               struct bsc_err *err)
{
    struct node *node = script->nodes[spot->number];
    for (size_t i = 0; i < node->branch_count; i++) {
        if (node->branches[i].answer == answer)
            return &node->branches[i].to->spot;
    }
    struct node *to = learn(script, node, answer, err);
    return to != NULL ? &to->spot : NULL;
}

size_t bsc_run_script_repeats(const struct bsc_run_script *script, const struct bsc_run_spot *spot)
{
    size_t count = 0;
    struct bsc_value *essence = bsc_run_effect_essence(spot->value);
    const struct node *after = script->nodes[spot->number];
    for (const struct node *at = after->parent; at != NULL && at->spot.anchor == spot->anchor;
         after = at, at = at->parent) {
        const struct bsc_value *said = bsc_run_atoms_get(script->atoms, after->answer);
        const char *outcome = bsc_value_get_string(said, "outcome");
        if (at->spot.op != BSC_RUN_OP_CHANGE || outcome == NULL || strcmp(outcome, "changed") != 0)
            continue;
        struct bsc_value *other = bsc_run_effect_essence(at->value);
        count += bsc_value_equal(essence, other);
        bsc_value_free(other);
    }
    bsc_value_free(essence);
    return count;
}

bool bsc_run_script_has_looked(const struct bsc_run_script *script, const struct bsc_run_spot *spot,
                               const char *resource)
{
    for (const struct node *at = script->nodes[spot->number]->parent;
         at != NULL && at->spot.anchor == spot->anchor; at = at->parent) {
        const char *looked_at = bsc_value_get_string(at->value, "resource");
        if (at->spot.op == BSC_RUN_OP_OBSERVE && looked_at != NULL &&
            strcmp(looked_at, resource) == 0)
            return true;
    }
    return false;
}

bool bsc_run_script_has_changed(const struct bsc_run_script *script,
                                const struct bsc_run_spot *spot)
{
    for (const struct node *at = script->nodes[spot->number]; at != NULL; at = at->parent) {
        if (at->spot.op == BSC_RUN_OP_CHANGE)
            return true;
    }
    return false;
}
