#include "cli/beside.h"

#include <string.h>

#include "base/mem.h"
#include "cli/show_parked.h"
#include "cli/typed.h"
#include "run/inputs.h"
#include "run/plan.h"

/* Behind so many runs none is looked for: a verb must not take the longer the more runs there have
 * been. */
enum { LOOKS_MAX = 16 };

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

/* The plan that the run goes by, or all of it but its items; NULL where it cannot be. Returns
 * owned. */
static struct bsc_value *plan_of(const struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                                 bool whole)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t inputs = 0;
    if (!bsc_run_inputs_newest(folder, &inputs, &ignored))
        return NULL;
    char *file = bsc_run_inputs_file(inputs, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(folder, file);
    struct bsc_value *plan = whole ? bsc_run_plan_read(cli->sys, path, &ignored)
                                   : bsc_run_plan_read_head(cli->sys, path, &ignored);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return plan;
}

/* Whether the plan that the run goes by does some of the same. */
static bool does_the_same(const struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                          const struct bsc_value *plan)
{
    struct bsc_value *other = plan_of(cli, folder, true);
    bool same = other != NULL && strcmp(name_of(other), name_of(plan)) == 0 &&
                strcmp(site_of(other), site_of(plan)) == 0 && share_a_target(other, plan);
    bsc_value_free(other);
    return same;
}

/* Finds the newest run that does some of the same. Leaves ret->id NULL when there is none. */
static bool find_newest(const struct bsc_cli *cli, const char *runs, const struct bsc_value *plan,
                        struct bsc_journal_folder *ret, struct bsc_err *err)
{
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

static bool is_of_site(const struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                       const struct bsc_value *plan)
{
    struct bsc_value *other = plan_of(cli, folder, false);
    bool same = other != NULL && strcmp(site_of(other), site_of(plan)) == 0;
    bsc_value_free(other);
    return same;
}

static bool is_over(const struct bsc_run_standing *standing)
{
    return standing->stand == BSC_RUN_STAND_DONE || standing->stand == BSC_RUN_STAND_ROLLED_BACK;
}

static void tell_unfinished(struct bsc_cli *cli, const struct bsc_cli_beside *beside,
                            const struct bsc_cli_where *where)
{
    char *place = bsc_cli_typed_where(where, &beside->folder);
    char *command = bsc_cli_typed("status", &beside->folder, place);
    bsc_cli_say(cli, "\nnote     %s is unfinished (%s): %s\n", beside->folder.id,
                bsc_run_stand_name(beside->standing.stand), command);
    bsc_mem_free(command);
    bsc_mem_free(place);
}

/* Whether the search is over: whoever began this run has decided about those before it. */
static bool look_at(struct bsc_cli *cli, struct bsc_cli_beside *beside,
                    const struct bsc_value *plan, const struct bsc_cli_where *where)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    const struct bsc_run_standing *standing = &beside->standing;
    if (!is_of_site(cli, &beside->folder, plan) ||
        !bsc_run_standing_read(&beside->standing, cli->sys, &beside->folder, &ignored) ||
        (standing->changes + standing->doubts == 0 && standing->in_flight == NULL))
        return false;
    if (!is_over(standing))
        tell_unfinished(cli, beside, where);
    return true;
}

void bsc_cli_beside_tell_unfinished(struct bsc_cli *cli, const char *runs,
                                    const struct bsc_value *plan, const char *but,
                                    const struct bsc_cli_where *where)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_files_list ids = {0};
    bool found = cli->json || !bsc_journal_folder_list(cli->sys, runs, &ids, &ignored);
    int looks = 0;
    for (size_t i = ids.count; !found && looks < LOOKS_MAX && i-- > 0;) {
        struct bsc_cli_beside beside = {0};
        if (but != NULL && strcmp(ids.names[i], but) == 0)
            continue;
        looks++;
        found = bsc_journal_folder_find(cli->sys, runs, ids.names[i], &beside.folder, &ignored) &&
                look_at(cli, &beside, plan, where);
        bsc_cli_beside_release(&beside);
    }
    bsc_files_list_release(&ids);
}

void bsc_cli_beside_release(struct bsc_cli_beside *beside)
{
    bsc_run_standing_release(&beside->standing);
    bsc_journal_folder_release(&beside->folder);
}
