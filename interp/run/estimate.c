#include "run/estimate.h"

#include <string.h>

#include "base/mem.h"
#include "run/plan.h"

/* How many earlier runs are looked at. */
enum { RUNS_MAX = 20 };

static bool is_same(const struct bsc_value *a, const struct bsc_value *b, const char *key)
{
    return bsc_value_get(a, key) != NULL &&
           bsc_value_equal(bsc_value_get(a, key), bsc_value_get(b, key));
}

static bool did_the_same(const struct bsc_run_standing *now, const struct bsc_run_standing *then)
{
    static const char *const keys[] = {"runbook_digest", "site_digest", "params", "items"};
    if (then->stand != BSC_RUN_STAND_DONE || then->begins != 1)
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (!is_same(now->begin, then->begin, keys[i]))
            return false;
    return then->item_count == now->items_all;
}

/* What an item has become, or is foretold to become. */
static const char *outcome_of(const struct bsc_run_standing *now, const struct bsc_value *plan,
                              size_t index)
{
    const struct bsc_run_standing_item *item = bsc_run_standing_item(now, (int64_t)index);
    if (item != NULL && item->outcome != NULL)
        return item->outcome;
    return bsc_value_get_string(bsc_value_at(bsc_value_get(plan, "items"), index - 1), "outcome");
}

/* Adds up the items to come; false when they are not comparable. */
static bool add_up(const struct bsc_run_standing *now, const struct bsc_run_standing *then,
                   const struct bsc_value *plan, int64_t now_ms, int64_t *ret_left_ms)
{
    *ret_left_ms = 0;
    for (size_t index = 1; index <= now->items_all; index++) {
        const struct bsc_run_standing_item *before = bsc_run_standing_item(then, (int64_t)index);
        const struct bsc_run_standing_item *item = bsc_run_standing_item(now, (int64_t)index);
        const char *outcome = outcome_of(now, plan, index);
        if (before == NULL || before->outcome == NULL || outcome == NULL ||
            strcmp(before->outcome, outcome) != 0)
            return false;
        if (item != NULL && item->outcome != NULL)
            continue;
        int64_t took = before->end_ms - before->begin_ms - before->asked_ms;
        int64_t spent = item != NULL ? now_ms - item->begin_ms - item->asked_ms : 0;
        if (item != NULL && spent > took)
            return false;
        *ret_left_ms += took - spent;
    }
    return true;
}

static bool compare_with(const struct bsc_sys *sys, const struct bsc_journal_folder *other,
                         const struct bsc_run_standing *now, const struct bsc_value *plan,
                         int64_t now_ms, int64_t *ret_left_ms, bool *ret_same)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_run_standing then = {0};
    *ret_same = bsc_run_standing_read(&then, sys, other, &ignored) && did_the_same(now, &then);
    bool told = *ret_same && add_up(now, &then, plan, now_ms, ret_left_ms);
    bsc_run_standing_release(&then);
    return told;
}

/* The newest run that did the same decides, also when it says nothing. */
static bool find(const struct bsc_sys *sys, const struct bsc_journal_folder *folder,
                 const struct bsc_run_standing *now, const struct bsc_value *plan, int64_t now_ms,
                 int64_t *ret_left_ms, char **ret_like)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_files_list ids = {0};
    bool told = false, same = false;
    int looked = 0;
    if (!bsc_journal_folder_list(sys, folder->runs, &ids, &ignored))
        return false;
    for (size_t i = ids.count; i-- > 0 && !same && looked < RUNS_MAX;) {
        struct bsc_journal_folder other = {0};
        if (strcmp(ids.names[i], folder->id) >= 0 ||
            !bsc_journal_folder_find(sys, folder->runs, ids.names[i], &other, &ignored))
            continue;
        looked++;
        told = compare_with(sys, &other, now, plan, now_ms, ret_left_ms, &same);
        if (told)
            *ret_like = bsc_mem_text(other.id);
        bsc_journal_folder_release(&other);
    }
    bsc_files_list_release(&ids);
    return told;
}

bool bsc_run_estimate(const struct bsc_sys *sys, const struct bsc_journal_folder *folder,
                      const struct bsc_run_standing *standing, int64_t now_ms, int64_t *ret_left_ms,
                      char **ret_like)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (standing->stand != BSC_RUN_STAND_RUNNING || bsc_run_standing_is_orphaned(standing) ||
        standing->asked != NULL || standing->begins != 1 || standing->items_all == 0)
        return false;
    char *path = bsc_journal_folder_file(folder, BSC_JOURNAL_PLAN_FILE);
    struct bsc_value *plan = bsc_run_plan_read(sys, path, &ignored);
    bool told = plan != NULL && find(sys, folder, standing, plan, now_ms, ret_left_ms, ret_like);
    bsc_value_free(plan);
    bsc_mem_free(path);
    return told;
}
