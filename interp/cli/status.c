#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/show_leases.h"
#include "cli/show_standing.h"
#include "cli/typed.h"
#include "cli/watch.h"
#include "cli/where.h"
#include "run/estimate.h"
#include "run/inputs.h"
#include "run/plan.h"

struct wishes {
    struct bsc_cli_where where;
    const char *run; /* as given, or NULL: all */
    bool watch;
};

/* -------------------------------------------------------------------- leases */

/* The site file as given, or where it stands by custom. Returns owned; NULL where none is. */
static char *site_of(struct bsc_cli *cli, const struct wishes *wishes, const char *runs)
{
    if (wishes->where.site != NULL)
        return bsc_mem_text(wishes->where.site);
    char *path = bsc_files_join(runs, "../site.yaml");
    if (bsc_files_exists(cli->sys, path))
        return path;
    bsc_mem_free(path);
    return NULL;
}

/* Where a run took leases, for the set of places. */
static void add_places(struct bsc_value *places, const struct bsc_run_standing *standing)
{
    for (size_t i = 0; i < bsc_value_count(standing->leases); i++)
        bsc_value_set_bool(places, bsc_value_key_at(standing->leases, i), true);
}

/* The leases in these places (taken) and in those of the site: of one run, or (NULL) of all. That
 * they cannot be looked at is told, and keeps nothing else from being shown. Returns owned, or
 * NULL. */
static struct bsc_value *leases_of(struct bsc_cli *cli, const struct wishes *wishes,
                                   const char *runs, const char *run, struct bsc_value *places)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *site = site_of(cli, wishes, runs);
    struct bsc_value *leases = NULL;
    if (site == NULL || bsc_cli_leases_of_site(cli, site, places, &err))
        leases = bsc_cli_leases(cli, places, run, &err);
    if (leases == NULL)
        bsc_cli_say(cli, "\nthe leases cannot be looked at: %s%s%s\n", err.message,
                    err.cause[0] != '\0' ? ": " : "", err.cause);
    bsc_value_free(places);
    bsc_mem_free(site);
    return leases;
}

/* -------------------------------------------------------------------- one run */

/* One run that is being looked at. */
struct sight {
    struct bsc_journal_folder folder;
    struct bsc_run_standing standing;
    struct bsc_cli_standing shown;
    char *left_as; /* owned */
};

static bool sight_take(struct sight *sight, struct bsc_cli *cli, const char *where,
                       struct bsc_err *err)
{
    int64_t now = cli->clock->wall_ms(cli->clock->self);
    sight->shown =
        (struct bsc_cli_standing){cli, &sight->standing, &sight->folder, where, now, -1, NULL};
    if (!bsc_run_standing_read(&sight->standing, cli->sys, &sight->folder, err))
        return false;
    if (bsc_run_estimate(cli->sys, &sight->folder, &sight->standing, now, &sight->shown.left_ms,
                         &sight->left_as))
        sight->shown.left_as = sight->left_as;
    else
        sight->shown.left_ms = -1;
    return true;
}

static void sight_release(struct sight *sight)
{
    bsc_run_standing_release(&sight->standing);
    bsc_journal_folder_release(&sight->folder);
    bsc_mem_free(sight->left_as);
}

static void show_one(struct bsc_cli *cli, const struct sight *sight)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t inputs = bsc_run_inputs_of(sight->standing.begin);
    char *file = bsc_run_inputs_file(inputs, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(&sight->folder, file);
    /* Without its plan a run still says what it did. */
    struct bsc_value *plan = bsc_run_plan_read(cli->sys, path, &ignored);
    bsc_cli_show_standing(&sight->shown, bsc_value_get(plan, "items"));
    bsc_value_free(plan);
    bsc_mem_free(path);
    bsc_mem_free(file);
}

/* Takes the leases, which may be NULL. */
static void tell_one(struct bsc_cli *cli, const struct sight *sight, struct bsc_value *leases)
{
    if (!cli->json) {
        show_one(cli, sight);
        bsc_cli_show_leases(cli, leases, sight->shown.now_ms);
        bsc_value_free(leases);
        return;
    }
    struct bsc_value *value = bsc_cli_standing_value(&sight->shown, true);
    bsc_value_set(value, "leases", leases != NULL ? leases : bsc_value_null());
    bsc_cli_json(cli, value);
    bsc_value_free(value);
}

static int status_of_one(struct bsc_cli *cli, const struct wishes *wishes)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct sight sight = {0};
    char *where = NULL;
    int code = BSC_EXIT_DONE;
    const char *run = wishes->run != NULL ? wishes->run : "last";
    bool found = bsc_cli_where_find(cli, &wishes->where, run, &sight.folder, &err);
    if (found)
        where = bsc_cli_typed_where(&wishes->where, &sight.folder);
    if (!found) {
        code = bsc_cli_fail(cli, &err);
    } else if (wishes->watch) {
        code = bsc_cli_watch(cli, &sight.folder, where);
    } else if (!sight_take(&sight, cli, where, &err)) {
        code = bsc_cli_fail(cli, &err);
    } else {
        struct bsc_value *places = bsc_value_map();
        add_places(places, &sight.standing);
        tell_one(cli, &sight, leases_of(cli, wishes, sight.folder.runs, sight.folder.id, places));
        bool damaged = sight.standing.stand == BSC_RUN_STAND_DAMAGED;
        code = damaged ? BSC_EXIT_NOT_VERIFIED : BSC_EXIT_DONE;
    }
    sight_release(&sight);
    bsc_mem_free(where);
    return code;
}

/* -------------------------------------------------------------------- all runs */

/* Whoever stands in a wrong folder must not be told that nothing was ever run. */
static bool folder_is_there(struct bsc_cli *cli, const char *runs, struct bsc_err *err)
{
    struct stat found;
    if (cli->sys->stat(cli->sys->self, runs, &found) == 0)
        return true;
    bool missing = errno == ENOENT;
    bsc_err_sys(err, errno, "could not look at the folder of runs '%s'", runs);
    if (missing)
        bsc_err_hint(err, "Give --site or --runs; no run has begun where there is none.");
    return false;
}

/* What keeps one run from being shown is told in its place, and the others are shown. */
static bool show_brief(struct bsc_cli *cli, const char *runs, const char *id, const char *where,
                       struct bsc_value *list, struct bsc_value *places)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct sight sight = {0};
    bool shown = bsc_journal_folder_find(cli->sys, runs, id, &sight.folder, &err) &&
                 sight_take(&sight, cli, where, &err);
    add_places(places, &sight.standing);
    if (!shown && cli->json) {
        struct bsc_value *value = bsc_value_map();
        bsc_value_set_text(value, "run", id);
        bsc_value_set_text(value, "error", err.message);
        bsc_value_append(list, value);
    } else if (!shown) {
        bsc_cli_say(cli, "%s  cannot be read\n      %s%s%s\n", id, err.message,
                    err.cause[0] != '\0' ? ": " : "", err.cause);
    } else if (cli->json) {
        bsc_value_append(list, bsc_cli_standing_value(&sight.shown, false));
    } else {
        bsc_cli_show_standing_brief(&sight.shown);
    }
    sight_release(&sight);
    return shown;
}

static int status_of_each(struct bsc_cli *cli, const struct wishes *wishes, const char *runs)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list ids = {0};
    bool all = true;
    if (!folder_is_there(cli, runs, &err) || !bsc_journal_folder_list(cli->sys, runs, &ids, &err))
        return bsc_cli_fail(cli, &err);
    struct bsc_value *list = bsc_value_list(), *places = bsc_value_map();
    char *where = bsc_cli_typed_where(&wishes->where, NULL);
    for (size_t i = ids.count; i-- > 0;)
        all = show_brief(cli, runs, ids.names[i], where, list, places) && all;
    bsc_mem_free(where);
    if (ids.count == 0)
        bsc_cli_say(cli, "there is no run yet in '%s'\n", runs);
    struct bsc_value *value = bsc_value_map();
    struct bsc_value *leases = leases_of(cli, wishes, runs, NULL, places);
    bsc_value_set_text(value, "folder", runs);
    bsc_value_set(value, "runs", list);
    bsc_value_set(value, "leases", leases != NULL ? leases : bsc_value_null());
    if (cli->json)
        bsc_cli_json(cli, value);
    else
        bsc_cli_show_leases(cli, leases, cli->clock->wall_ms(cli->clock->self));
    bsc_value_free(value);
    bsc_files_list_release(&ids);
    return all ? BSC_EXIT_DONE : BSC_EXIT_FAILED;
}

static int status_of_all(struct bsc_cli *cli, const struct wishes *wishes)
{
    char *runs = bsc_cli_where_folder(&wishes->where);
    int code = status_of_each(cli, wishes, runs);
    bsc_mem_free(runs);
    return code;
}

/* -------------------------------------------------------------------- the verb */

int bsc_cli_status(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct wishes wishes = {0};
    const struct bsc_cli_option options[] = {
        bsc_cli_where_site(&wishes.where),
        bsc_cli_where_runs(&wishes.where),
        {"--watch", "-w", NULL, "follow the run until it ends, and end with its exit code",
         &wishes.watch, NULL, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "status [RUN] [--watch] [--site SITE|--runs DIR]",
        "Shows how runs stand, newest first, or everything about one, and what to type next. RUN "
        "is "
        "an id or the beginning of one, a folder, or last; --watch without RUN follows the last. "
        "Changes nothing and disturbs no run.",
        options, 0, 1};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    if (help)
        return BSC_EXIT_DONE;
    wishes.run = operands > 0 ? argv[1] : NULL;
    bool one = wishes.run != NULL || wishes.watch;
    return one ? status_of_one(cli, &wishes) : status_of_all(cli, &wishes);
}
