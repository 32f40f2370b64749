#include "run/react.h"

#include <string.h>

#include "base/mem.h"
#include "run/effect.h"
#include "run/errors.h"
#include "run/words.h"

/* The resources that a change is about or foretells something of. */
struct involved {
    bool known;
    size_t count;
    uint32_t *resources; /* owned; its own first */
    uint32_t essence;
};

struct outcome {
    struct bsc_run_reaction reaction;
    uint32_t *world;  /* owned: the facts of what is involved afterwards */
    uint32_t *belief; /* owned */
};

struct bsc_run_reactor {
    const struct bsc_value *schema; /* borrowed */
    const struct bsc_value *facts;  /* borrowed */
    struct bsc_run_atoms *atoms;    /* borrowed */
    uint32_t *firsts;               /* owned: facts in the beginning, by the resource's number */
    size_t first_room;
    struct bsc_run_words *names; /* owned: atoms of ids, by the number of the resource */
    struct bsc_run_words *keys;  /* owned */
    struct outcome *outcomes;    /* owned: by the number of the key */
    size_t outcome_room;
    struct involved *involved; /* owned: by the number of the spot */
    size_t involved_room;
    uint32_t *key; /* owned: room to make one */
};

struct bsc_run_reactor *bsc_run_reactor_new(const struct bsc_value *schema,
                                            const struct bsc_value *facts,
                                            struct bsc_run_atoms *atoms)
{
    struct bsc_run_reactor *reactor = bsc_mem_new(1, sizeof *reactor);
    reactor->schema = schema;
    reactor->facts = facts;
    reactor->atoms = atoms;
    reactor->names = bsc_run_words_new();
    reactor->keys = bsc_run_words_new();
    return reactor;
}

void bsc_run_reactor_free(struct bsc_run_reactor *reactor)
{
    if (reactor == NULL)
        return;
    for (size_t i = 0; i < reactor->outcome_room; i++) {
        bsc_mem_free(reactor->outcomes[i].world);
        bsc_mem_free(reactor->outcomes[i].belief);
    }
    for (size_t i = 0; i < reactor->involved_room; i++)
        bsc_mem_free(reactor->involved[i].resources);
    bsc_run_words_free(reactor->names);
    bsc_run_words_free(reactor->keys);
    bsc_mem_free(reactor->outcomes);
    bsc_mem_free(reactor->involved);
    bsc_mem_free(reactor->key);
    bsc_mem_free(reactor->firsts);
    bsc_mem_free(reactor);
}

/* Room for `index` in an array of zeroed elements. */
static void *room_for(void *array, size_t *room, size_t index, size_t size)
{
    size_t wanted = *room == 0 ? 64 : *room;
    while (wanted <= index)
        wanted *= 2;
    if (wanted == *room)
        return array;
    char *more = bsc_mem_resize(array, wanted, size);
    memset(more + *room * size, 0, (wanted - *room) * size);
    *room = wanted;
    return more;
}

uint32_t bsc_run_reactor_resource(struct bsc_run_reactor *reactor, const char *id)
{
    bool is_new = false;
    uint32_t atom = bsc_run_atoms_add_text(reactor->atoms, id);
    uint32_t number = bsc_run_words_add(reactor->names, &atom, 1, &is_new);
    const struct bsc_value *facts = is_new ? bsc_value_get(reactor->facts, id) : NULL;
    reactor->firsts =
        room_for(reactor->firsts, &reactor->first_room, number, sizeof *reactor->firsts);
    if (facts != NULL)
        reactor->firsts[number] = bsc_run_atoms_add(reactor->atoms, bsc_value_copy(facts));
    return number;
}

uint32_t bsc_run_reactor_first(const struct bsc_run_reactor *reactor, uint32_t resource)
{
    return reactor->firsts[resource];
}

size_t bsc_run_reactor_resources(const struct bsc_run_reactor *reactor)
{
    return bsc_run_words_count(reactor->names);
}

const char *bsc_run_reactor_id(const struct bsc_run_reactor *reactor, uint32_t resource)
{
    size_t length = 0;
    const uint32_t *atom = bsc_run_words_get(reactor->names, resource, &length);
    return bsc_value_string(bsc_run_atoms_get(reactor->atoms, *atom));
}

static void involve(struct involved *involved, uint32_t resource)
{
    for (size_t i = 0; i < involved->count; i++) {
        if (involved->resources[i] == resource)
            return;
    }
    involved->resources =
        bsc_mem_resize(involved->resources, involved->count + 1, sizeof *involved->resources);
    involved->resources[involved->count++] = resource;
}

static const struct involved *involved_of(struct bsc_run_reactor *reactor,
                                          const struct bsc_run_spot *spot)
{
    reactor->involved = room_for(reactor->involved, &reactor->involved_room, spot->number,
                                 sizeof *reactor->involved);
    struct involved *involved = &reactor->involved[spot->number];
    if (involved->known)
        return involved;
    const struct bsc_value *becomes = bsc_value_get(spot->value, "becomes");
    const char *own = bsc_value_get_string(spot->value, "resource");
    involved->known = true;
    involve(involved, bsc_run_reactor_resource(reactor, own != NULL ? own : ""));
    for (size_t i = 0; i < bsc_value_count(becomes); i++)
        involve(involved, bsc_run_reactor_resource(reactor, bsc_value_key_at(becomes, i)));
    if (spot->op == BSC_RUN_OP_CHANGE)
        involved->essence = bsc_run_atoms_add(reactor->atoms, bsc_run_effect_essence(spot->value));
    return involved;
}

uint32_t bsc_run_reactor_about(struct bsc_run_reactor *reactor, const struct bsc_run_spot *spot)
{
    return involved_of(reactor, spot)->resources[0];
}

/* {id=facts} of the resources involved. */
static struct bsc_value *facts_of(const struct bsc_run_reactor *reactor,
                                  const struct involved *involved, const uint32_t *facts)
{
    struct bsc_value *map = bsc_value_map();
    for (size_t i = 0; i < involved->count; i++) {
        const struct bsc_value *known =
            bsc_run_atoms_get(reactor->atoms, facts[involved->resources[i]]);
        if (known != NULL)
            bsc_value_set(map, bsc_run_reactor_id(reactor, involved->resources[i]),
                          bsc_value_copy(known));
    }
    return map;
}

static struct bsc_value *ids_of(const struct bsc_run_reactor *reactor,
                                const struct involved *involved)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < involved->count; i++)
        bsc_value_append(list, bsc_value_text(bsc_run_reactor_id(reactor, involved->resources[i])));
    return list;
}

static struct bsc_value *answer_of(const struct bsc_value *effect, enum bsc_outcome outcome,
                                   const struct bsc_buf *reason, const struct bsc_err *row_err,
                                   const struct bsc_run_model *world)
{
    const struct bsc_value *facts =
        world != NULL ? bsc_run_model_facts(world, bsc_value_get_string(effect, "resource")) : NULL;
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_text(answer, "outcome", bsc_run_outcome_name(outcome));
    if (reason->length > 0)
        bsc_value_set_text(answer, "reason", reason->data);
    if (row_err != NULL)
        bsc_value_set(answer, "error", bsc_run_error_value(row_err));
    bsc_value_set(answer, "result", bsc_value_map());
    if (facts != NULL)
        bsc_value_set(answer, "facts", bsc_value_copy(facts));
    return answer;
}

/* Returns owned. */
static uint32_t *atoms_of(const struct bsc_run_reactor *reactor, const struct involved *involved,
                          const struct bsc_run_model *model)
{
    uint32_t *ret = bsc_mem_new(involved->count, sizeof *ret);
    for (size_t i = 0; i < involved->count; i++) {
        const struct bsc_value *facts =
            bsc_run_model_facts(model, bsc_run_reactor_id(reactor, involved->resources[i]));
        ret[i] = facts != NULL ? bsc_run_atoms_add(reactor->atoms, bsc_value_copy(facts)) : 0;
    }
    return ret;
}

static void row_err_of(enum bsc_run_fault fault, struct bsc_err *err)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    bsc_err_set(err, kind->code, "%s", kind->words);
}

/* Performs the change on the model of what it is about. */
static void work_out(struct bsc_run_reactor *reactor, const struct involved *involved,
                     const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                     const struct bsc_run_facts *facts, struct outcome *ret)
{
    const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
    const struct bsc_value *becomes = bsc_value_get(spot->value, "becomes");
    struct bsc_err row_err = BSC_ERR_INIT;
    struct bsc_buf reason;
    struct bsc_run_model *world =
        bsc_run_model_new(reactor->schema, facts_of(reactor, involved, facts->world));
    struct bsc_run_model *belief =
        bsc_run_model_new(reactor->schema, facts_of(reactor, involved, facts->belief));
    struct bsc_value *before = bsc_run_model_present(belief, becomes);
    struct bsc_value *ids = ids_of(reactor, involved);
    if (kind->takes_effect)
        bsc_run_model_act(world, spot->value);
    bool assumed = bsc_value_get_truth(spot->value, "assumed");
    const struct bsc_lib_row *row = bsc_run_effect_row(spot->value, &(struct bsc_err)BSC_ERR_INIT);
    if (kind->code != BSC_ERR_NONE)
        row_err_of(fault, &row_err);
    const struct bsc_run_judgement of = {.becomes = becomes,
                                         .resources = ids,
                                         .before = before,
                                         .seen = bsc_run_model_all(world),
                                         .resumes = row != NULL && row->resumes,
                                         .row_err = kind->code != BSC_ERR_NONE ? &row_err : NULL};
    bsc_buf_init(&reason);
    enum bsc_run_trace trace = bsc_run_judge_trace(belief, &of);
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    /* Of an assumed change the run expects nothing that it could miss. */
    if (!kind->has_intent && assumed)
        bsc_run_model_act(belief, spot->value);
    if (kind->blinds)
        bsc_buf_add_text(&reason, kind->words);
    else if (!kind->has_intent)
        outcome = bsc_run_judge(belief, &of, &reason);
    /* Whoever is killed with a change under way learns nothing of it. */
    if (!kind->has_intent)
        ret->reaction.answer =
            bsc_run_atoms_add(reactor->atoms, answer_of(spot->value, outcome, &reason, of.row_err,
                                                        kind->blinds ? NULL : world));
    ret->reaction.succeeded = outcome == BSC_OUTCOME_CHANGED;
    ret->reaction.may_be_done = outcome == BSC_OUTCOME_CHANGED || outcome == BSC_OUTCOME_UNKNOWN ||
                                trace == BSC_RUN_TRACE_ALL || trace == BSC_RUN_TRACE_PART;
    ret->world = atoms_of(reactor, involved, world);
    ret->belief = atoms_of(reactor, involved, belief);
    ret->reaction.acts = kind->takes_effect && trace == BSC_RUN_TRACE_UNTOLD;
    bsc_buf_release(&reason);
    bsc_value_free(ids);
    bsc_value_free(before);
    bsc_run_model_free(belief);
    bsc_run_model_free(world);
}

/* The outcome for the facts as they are, worked out now or before. */
static const struct outcome *outcome_of(struct bsc_run_reactor *reactor,
                                        const struct involved *involved,
                                        const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                                        const struct bsc_run_facts *facts)
{
    size_t length = 0;
    bool is_new = false;
    reactor->key = bsc_mem_resize(reactor->key, 2 + 2 * involved->count, sizeof *reactor->key);
    reactor->key[length++] = (uint32_t)spot->number;
    reactor->key[length++] = fault;
    for (size_t i = 0; i < involved->count; i++) {
        reactor->key[length++] = facts->world[involved->resources[i]];
        reactor->key[length++] = facts->belief[involved->resources[i]];
    }
    uint32_t number = bsc_run_words_add(reactor->keys, reactor->key, length, &is_new);
    reactor->outcomes =
        room_for(reactor->outcomes, &reactor->outcome_room, number, sizeof *reactor->outcomes);
    if (is_new)
        work_out(reactor, involved, spot, fault, facts, &reactor->outcomes[number]);
    return &reactor->outcomes[number];
}

struct bsc_run_reaction bsc_run_react(struct bsc_run_reactor *reactor,
                                      const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                                      struct bsc_run_facts *facts)
{
    const struct involved *involved = involved_of(reactor, spot);
    const struct outcome *outcome = outcome_of(reactor, involved, spot, fault, facts);
    struct bsc_run_reaction reaction = outcome->reaction;
    for (size_t i = 0; i < involved->count; i++) {
        uint32_t resource = involved->resources[i];
        reaction.acts = reaction.acts || facts->world[resource] != outcome->world[i];
        facts->world[resource] = outcome->world[i];
        facts->belief[resource] = outcome->belief[i];
    }
    return reaction;
}

uint32_t bsc_run_reactor_essence(struct bsc_run_reactor *reactor, const struct bsc_run_spot *spot)
{
    return involved_of(reactor, spot)->essence;
}
