#include "run/plan.h"

#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/show_drift.h"
#include "run/drift.h"
#include "run/outcome.h"

struct wishes {
    const char *site;
    const char *facts;
    const char *output;
    const char *diff;
    struct bsc_value *set; /* owned */
};

static bool write_plan(struct bsc_cli *cli, const struct bsc_run_session *session, const char *path,
                       const struct bsc_value *plan, struct bsc_err *err)
{
    if (path == NULL)
        return true;
    if (!bsc_run_plan_write(session, path, plan, err))
        return false;
    bsc_cli_say(cli, "plan written to %s\n", path);
    return true;
}

/* Returns the exit code, or -1 with *err. */
static int tell_plan(struct bsc_cli *cli, const struct bsc_run_session *session,
                     const struct wishes *wishes, const struct bsc_value *plan, struct bsc_err *err)
{
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_cli_show_plan(cli, plan);
    if (!write_plan(cli, session, wishes->output, plan, err))
        return -1;
    if (cli->json)
        bsc_cli_json(cli, plan);
    bsc_run_outcome_parse(bsc_value_get_string(plan, "outcome"), &outcome);
    return bsc_run_outcome_exit(outcome);
}

static void tell_drift(struct bsc_cli *cli, const struct bsc_value *drift)
{
    struct bsc_err err = BSC_ERR_INIT;
    bsc_cli_show_drift(cli, drift);
    if (!bsc_run_drift_any(drift))
        bsc_cli_say(cli, "Nothing is different since the plan was made.\n");
    else if (!bsc_run_drift_holds(drift, &err))
        bsc_cli_say(cli, "The plan no longer holds: %s.\n%s\n", err.message, err.detail);
    if (cli->json)
        bsc_cli_json(cli, drift);
}

/* Returns the exit code, which is the one that `run` would begin with: whether the old plan may
 * still be carried out. Or -1 with *err. */
static int tell_difference(struct bsc_cli *cli, const struct bsc_run_session *session,
                           const struct wishes *wishes, const struct bsc_value *plan,
                           struct bsc_err *err)
{
    struct bsc_value *old = bsc_run_plan_read(cli->sys, wishes->diff, err);
    if (old == NULL)
        return -1;
    struct bsc_value *drift = bsc_run_drift_between(old, plan, session->schema);
    tell_drift(cli, drift);
    bool holds = bsc_value_get_truth(drift, "holds");
    bsc_value_free(drift);
    bsc_value_free(old);
    if (!write_plan(cli, session, wishes->output, plan, err))
        return -1;
    return holds ? BSC_EXIT_DONE : BSC_EXIT_REFUSED;
}

/* Returns the exit code, or -1 with *err. */
static int plan(struct bsc_cli *cli, const char *runbook, const struct wishes *wishes,
                struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(cli);
    struct bsc_value *made = NULL;
    int code = -1;
    options.runbook_path = runbook;
    options.site_path = wishes->site;
    options.set = wishes->set;
    options.look_only = wishes->facts != NULL;
    if (!bsc_run_session_open(&session, &options, err))
        goto done;
    if (bsc_cli_stops_at_errors(cli, &session)) {
        code = BSC_EXIT_FAILED;
        goto done;
    }
    struct bsc_value *facts = bsc_cli_facts(cli, wishes->facts, NULL, &session, err);
    if (facts == NULL)
        goto done;
    made = bsc_run_plan_make(&session, facts, err);
    if (made == NULL || !bsc_run_plan_can_be_kept(&session, made, err))
        goto done;
    code = wishes->diff != NULL ? tell_difference(cli, &session, wishes, made, err)
                                : tell_plan(cli, &session, wishes, made, err);
done:
    bsc_value_free(made);
    bsc_run_session_close(&session);
    return code;
}

int bsc_cli_plan(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct wishes wishes = {"site.yaml", NULL, NULL, NULL, bsc_value_map()};
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "the site (default: site.yaml)", NULL, &wishes.site, NULL},
        {"--facts", NULL, "FILE", "plan from recorded facts instead of observing", NULL,
         &wishes.facts, NULL},
        {"--set", NULL, "NAME=VALUE", "set a parameter of the runbook", NULL, NULL, wishes.set},
        {"--diff", NULL, "OLD", "show what is different since that plan was made", NULL,
         &wishes.diff, NULL},
        {"--output", "-o", "FILE", "write the plan to this file", NULL, &wishes.output, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "plan RUNBOOK --site SITE [--facts FILE] [--set NAME=VALUE]… [--diff OLD] "
        "[-o plan.json]",
        "Shows what a runbook would do, statement by statement, with the facts before and after "
        "each.\nWith --diff it ends with 0 when the old plan still holds, with 3 when run would "
        "refuse it.\nOnly reads; changes nothing.",
        options, 1, 1};
    size_t operands = 0;
    bool help = false;
    int code = -1;
    if (bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        code = help ? BSC_EXIT_DONE : plan(cli, argv[1], &wishes, &err);
    bsc_value_free(wishes.set);
    return code >= 0 ? code : bsc_cli_fail(cli, &err);
}
