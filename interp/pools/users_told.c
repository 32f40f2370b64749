#include <string.h>

#include "base/mem.h"
#include "pools/users_int.h"

const char *bsc_pools_user_outcome_name(enum bsc_pools_user_outcome outcome)
{
    static const char *const names[] = {
#define NAME(id, name) [BSC_POOLS_USER_##id] = name,
        BSC_POOLS_USER_OUTCOMES(NAME)
#undef NAME
    };
    return names[outcome];
}

static void conclude(struct bsc_pools_user *user, enum bsc_pools_user_outcome outcome)
{
    user->outcome = outcome;
    if (outcome == BSC_POOLS_USER_FAILED)
        return;
    bsc_mem_free(user->reason);
    user->reason = NULL;
}

static void fail(struct bsc_pools_user *user, char *reason)
{
    bsc_mem_free(user->reason);
    user->reason = reason;
    user->outcome = BSC_POOLS_USER_FAILED;
}

/* It is where it was: because something went wrong, because it was not reached, or for no reason
 * that anybody could see. */
static void stays(struct bsc_pools_user *user, const char *from)
{
    if (user->outcome == BSC_POOLS_USER_UNTOUCHED)
        fail(user, bsc_mem_format("nothing was changed, although it is in pool \"%s\"", from));
    else
        conclude(user, user->reason != NULL ? BSC_POOLS_USER_FAILED : BSC_POOLS_USER_LEFT);
}

static bool lists(const struct bsc_value *list, const char *text)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *item = bsc_value_string(bsc_value_at(list, i));
        if (item != NULL && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

/* In pools, of which none is one of the two. */
static void is_elsewhere(struct bsc_pools_user *user, const struct bsc_value *pools)
{
    const char *pool = bsc_value_string(bsc_value_at(pools, 0));
    if (pool != NULL)
        fail(user, bsc_mem_format("it is in pool \"%s\", which is neither of the two", pool));
    else
        fail(user, bsc_mem_text("what it has for a pool is no text"));
}

void bsc_pools_user_settle(struct bsc_pools_user *user, const struct bsc_value *pools,
                           const char *from, const char *to)
{
    bool there = lists(pools, to), here = lists(pools, from);
    bool untouched = user->outcome == BSC_POOLS_USER_UNTOUCHED;
    if (here && there)
        fail(user, bsc_mem_format("it is in both pools, \"%s\" and \"%s\"", from, to));
    else if (there)
        conclude(user, untouched ? BSC_POOLS_USER_ALREADY : BSC_POOLS_USER_MOVED);
    else if (here)
        stays(user, from);
    else if (bsc_value_count(pools) == 0)
        conclude(user, BSC_POOLS_USER_GONE);
    else
        is_elsewhere(user, pools);
}

void bsc_pools_part_settle(const struct bsc_pools_users_order *order, const struct bsc_value *there,
                           const struct bsc_value *pools, struct bsc_pools_user *user)
{
    bsc_pools_user_settle(user, pools, order->from, order->to);
    if (user->outcome == BSC_POOLS_USER_MOVED && lists(there, user->name))
        user->outcome = BSC_POOLS_USER_ALREADY;
}

static struct bsc_value *told_of(const struct bsc_pools_user *user)
{
    struct bsc_value *pair = bsc_value_list();
    bsc_value_append(pair, bsc_value_text(bsc_pools_user_outcome_name(user->outcome)));
    bsc_value_append(pair, bsc_value_text(user->reason));
    return pair;
}

struct bsc_value *bsc_pools_users_told(const struct bsc_pools_user *users, size_t count)
{
    size_t left = 0;
    int64_t moved = 0;
    while (left < count && users[count - left - 1].outcome == BSC_POOLS_USER_LEFT)
        left++;
    struct bsc_value *told = bsc_value_map(), *others = bsc_value_map();
    for (size_t i = 0; i + left < count; i++) {
        if (users[i].outcome == BSC_POOLS_USER_UNSETTLED ||
            users[i].outcome == BSC_POOLS_USER_UNTOUCHED) {
            bsc_value_free(told);
            bsc_value_free(others);
            return NULL;
        }
        if (users[i].outcome == BSC_POOLS_USER_MOVED)
            moved++;
        else
            bsc_value_set(others, users[i].name, told_of(&users[i]));
    }
    bsc_value_set_int(told, "moved", moved);
    bsc_value_set(told, "others", others);
    if (left > 0)
        bsc_value_set_int(told, "left", (int64_t)left);
    return told;
}

void bsc_pools_part_fill(struct bsc_pools_part *part, int64_t number, struct bsc_value *names)
{
    memset(part, 0, sizeof *part);
    part->number = number;
    part->names = names;
    part->count = bsc_value_count(names);
    part->users = bsc_mem_new(part->count, sizeof *part->users);
    for (size_t i = 0; i < part->count; i++)
        part->users[i].name = bsc_value_string(bsc_value_at(names, i));
}

void bsc_pools_part_release(struct bsc_pools_part *part)
{
    for (size_t i = 0; i < part->count; i++)
        bsc_mem_free(part->users[i].reason);
    bsc_mem_free(part->users);
    bsc_value_free(part->names);
    bsc_value_free(part->there);
    memset(part, 0, sizeof *part);
}
