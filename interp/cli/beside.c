#include "cli/beside.h"

#include <string.h>

#include "base/mem.h"
#include "cli/show_parked.h"
#include "cli/typed.h"
#include "run/inputs.h"
#include "run/plan.h"

static bool has_text(const struct bsc_value *list, const char *text)
{
    for (size_t i = 0; i < bsc_value_count(list); i++)
        if (strcmp(bsc_value_string(bsc_value_at(list, i)), text) == 0)
            return true;
    return false;
}

static bool share_a_target(const struct bsc_value *one, const struct bsc_value *other)
{
    struct bsc_value *own = bsc_run_plan_targets(one), *others = bsc_run_plan_targets(other);
    bool shared = false;
    for (size_t i = 0; !shared && i < bsc_value_count(own); i++)
        shared = has_text(others, bsc_value_string(bsc_value_at(own, i)));
    bsc_value_free(own);
    bsc_value_free(others);
    return shared;
}

static const char *name_of(const struct bsc_value *plan)
{
    const char *name = bsc_value_get_string(bsc_value_get(plan, "runbook"), "name");
    return name != NULL ? name : "";
}

static const char *site_of(const struct bsc_value *plan)
{
    const char *site = bsc_value_get_string(bsc_value_get(plan, "made"), "site");
    return site != NULL ? site : "";
}

/* Whether the plan that the run goes by does some of the same. */
static bool does_the_same(const struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                          const struct bsc_value *plan)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t inputs = 0;
    if (!bsc_run_inputs_newest(folder, &inputs, &ignored))
        return false;
    char *file = bsc_run_inputs_file(inputs, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(folder, file);
    struct bsc_value *other = bsc_run_plan_read(cli->sys, path, &ignored);
    bool same = other != NULL && strcmp(name_of(other), name_of(plan)) == 0 &&
                strcmp(site_of(other), site_of(plan)) == 0 && share_a_target(other, plan);
    bsc_value_free(other);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return same;
}

/* Finds the newest run that does some of the same. Leaves ret->id NULL when there is none. Behind
 * so many that never began, or were about something else, none is looked for: beginning a run must
 * not take the longer the more runs there have been. */
static bool find_newest(const struct bsc_cli *cli, const char *runs, const struct bsc_value *plan,
                        struct bsc_journal_folder *ret, struct bsc_err *err)
{
    enum { LOOKS_MAX = 16 };
    struct bsc_files_list ids = {0};
    int looks = 0;
    if (!bsc_journal_folder_list(cli->sys, runs, &ids, err))
        return false;
    for (size_t i = ids.count; ret->id == NULL && looks < LOOKS_MAX && i-- > 0;) {
        struct bsc_err ignored = BSC_ERR_INIT;
        if (!bsc_journal_folder_is_of(ids.names[i], name_of(plan)))
            continue;
        looks++;
        if (!bsc_journal_folder_find(cli->sys, runs, ids.names[i], ret, &ignored) ||
            !does_the_same(cli, ret, plan))
            bsc_journal_folder_release(ret);
    }
    bsc_files_list_release(&ids);
    return true;
}

bool bsc_cli_beside_find(const struct bsc_cli *cli, const char *runs, const struct bsc_value *plan,
                         struct bsc_cli_beside *ret, struct bsc_err *err)
{
    struct bsc_run_standing *standing = &ret->standing;
    struct bsc_err ignored = BSC_ERR_INIT;
    if (!find_newest(cli, runs, plan, &ret->folder, err))
        return false;
    if (ret->folder.id == NULL ||
        !bsc_run_standing_read(standing, cli->sys, &ret->folder, &ignored) ||
        bsc_run_standing_parked(standing) == NULL || standing->changes + standing->doubts == 0)
        bsc_cli_beside_release(ret);
    return true;
}

/* What can be typed instead; without the options that find the run where those are too long, since
 * half a command is worse than none. Returns owned. */
static char *ways(const struct bsc_cli_beside *beside, const struct bsc_cli_where *where,
                  size_t room)
{
    const struct bsc_run_standing *standing = &beside->standing;
    bool back =
        bsc_run_standing_has_way_back(standing) && !bsc_run_standing_is_past_return(standing);
    char *place = bsc_cli_typed_where(where, &beside->folder);
    char *forth = bsc_cli_typed("resume", &beside->folder, place);
    char *home = bsc_cli_typed("rollback", &beside->folder, place);
    char *both = bsc_mem_format("To go on with it: %s%s%s", forth,
                                back ? "; to take it back: " : "", back ? home : "");
    if (strlen(both) >= room) {
        bsc_mem_free(both);
        both = bsc_mem_format("To go on with it: bascule resume %s, with --site or --runs%s",
                              beside->folder.id, back ? "; to take it back: rollback" : "");
    }
    bsc_mem_free(home);
    bsc_mem_free(forth);
    bsc_mem_free(place);
    return both;
}

bool bsc_cli_beside_refuse(const struct bsc_cli_beside *beside, const struct bsc_cli_where *where,
                           struct bsc_err *err)
{
    const struct bsc_value *parked = bsc_run_standing_parked(&beside->standing);
    char *until = bsc_cli_parked_until(parked), *words = ways(beside, where, sizeof err->detail);
    bsc_err_set(err, BSC_ERR_CONFLICT,
                "%s is parked at its item %lld %s, and this run would do its work beside it",
                beside->folder.id, (long long)bsc_value_get_number(parked, "item", 0), until);
    bsc_err_detail(err, "%s", words);
    bsc_err_hint(err,
                 "To begin another all the same, give --take-over \"REASON\"; it is recorded.");
    bsc_mem_free(words);
    bsc_mem_free(until);
    return false;
}

struct bsc_value *bsc_cli_beside_note(const struct bsc_cli_beside *beside, const char *reason)
{
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "warning");
    bsc_value_set(note, "text",
                  bsc_value_format("begun although %s is parked and works on the same: %s",
                                   beside->folder.id, reason));
    return note;
}

void bsc_cli_beside_release(struct bsc_cli_beside *beside)
{
    bsc_run_standing_release(&beside->standing);
    bsc_journal_folder_release(&beside->folder);
}
