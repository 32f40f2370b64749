#include <string.h>

#include "base/mem.h"
#include "run/observer.h"

/* Observing a list of resources: each group of them in its order and in a lane of its own, all
 * groups side by side. */
struct round {
    struct bsc_run_survey *survey;     /* owned */
    const struct bsc_value *resources; /* borrowed */
    struct bsc_value *groups;          /* owned list of texts, one for each resource */
    struct bsc_value **facts;          /* owned array of owned values */
    size_t under_way;                  /* groups that have not ended, and whoever begins them */
    size_t broken_at;                  /* the first resource that failed, as `err` says */
    struct bsc_err err;
    bsc_run_observed done;
    void *arg;
};

struct group {
    struct round *round; /* borrowed */
    size_t index;        /* the resource that is being looked at */
    bool inside;         /* group_go_on() is on the stack */
    bool waiting;        /* an observation is under way */
};

static size_t count_of(const struct round *round)
{
    return bsc_value_count(round->resources);
}

static bool is_broken(const struct round *round)
{
    return round->broken_at < count_of(round);
}

static const char *group_at(const struct round *round, size_t index)
{
    const char *name = bsc_value_string(bsc_value_at(round->groups, index));
    return name != NULL ? name : "";
}

/* In the order of the resources, whichever was seen first. */
static struct bsc_value *facts_of(struct round *round)
{
    struct bsc_value *facts = bsc_value_map();
    for (size_t i = 0; i < count_of(round); i++) {
        bsc_value_set(facts, bsc_value_string(bsc_value_at(round->resources, i)), round->facts[i]);
        round->facts[i] = NULL;
    }
    return facts;
}

static void round_leave(struct round *round)
{
    if (--round->under_way > 0)
        return;
    struct bsc_value *facts = is_broken(round) ? NULL : facts_of(round);
    round->done(round->arg, facts, &round->err);
    for (size_t i = 0; i < count_of(round); i++)
        bsc_value_free(round->facts[i]);
    bsc_run_survey_free(round->survey);
    bsc_value_free(round->groups);
    bsc_mem_free(round->facts);
    bsc_mem_free(round);
}

/* The next resource of the same group, or how many there are. */
static size_t next_of(const struct round *round, size_t index)
{
    const char *name = group_at(round, index);
    do {
        index++;
    } while (index < count_of(round) && strcmp(group_at(round, index), name) != 0);
    return index;
}

static void group_go_on(struct group *group);

static void group_observed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct group *group = arg;
    struct round *round = group->round;
    round->facts[group->index] = facts;
    if (facts == NULL && group->index < round->broken_at) {
        round->broken_at = group->index;
        round->err = *err;
    }
    group->index = next_of(round, group->index);
    group->waiting = false;
    if (!group->inside)
        group_go_on(group);
}

/* Observations that need no row end at once; they are taken up in this loop, so that a long list
 * of them does not grow the stack. */
static void group_go_on(struct group *group)
{
    struct round *round = group->round;
    group->inside = true;
    while (!group->waiting && !is_broken(round) && group->index < count_of(round)) {
        group->waiting = true;
        bsc_run_survey_observe(round->survey,
                               bsc_value_string(bsc_value_at(round->resources, group->index)),
                               group_at(round, group->index), group_observed, group);
    }
    group->inside = false;
    if (group->waiting)
        return;
    bsc_mem_free(group);
    round_leave(round);
}

static bool begins_group(const struct round *round, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(group_at(round, i), group_at(round, index)) == 0)
            return false;
    }
    return true;
}

static void group_begin(struct round *round, size_t index)
{
    struct group *group = bsc_mem_new(1, sizeof *group);
    group->round = round;
    group->index = index;
    round->under_way++;
    group_go_on(group);
}

static struct bsc_value *ask_groups(struct bsc_vm *vm, const struct bsc_value *resources,
                                    struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set(args, "resources", bsc_value_copy(resources));
    struct bsc_value *groups = bsc_vm_call(vm, "groups", args, err);
    bsc_value_free(args);
    return groups;
}

void bsc_run_observe_all(struct bsc_vm *vm, struct bsc_run_hands *hands,
                         const struct bsc_value *resources, bsc_run_observed done, void *arg)
{
    struct round *round = bsc_mem_new(1, sizeof *round);
    round->survey = bsc_run_survey_new(vm, hands);
    round->resources = resources;
    round->facts = bsc_mem_new(count_of(round) + 1, sizeof(struct bsc_value *));
    round->done = done;
    round->arg = arg;
    round->groups = ask_groups(vm, resources, &round->err);
    round->broken_at = round->groups != NULL ? count_of(round) : 0;
    round->under_way = 1;
    for (size_t i = 0; i < count_of(round) && !is_broken(round); i++) {
        if (begins_group(round, i))
            group_begin(round, i);
    }
    round_leave(round);
}
