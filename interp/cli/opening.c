#include "cli/opening.h"

#include "cli/show.h"
#include "run/recorded.h"

struct bsc_run_session_options bsc_cli_session_options(const struct bsc_cli *cli)
{
    struct bsc_run_session_options options = {0};
    options.sys = cli->sys;
    options.clock = cli->clock;
    options.sql_calls = cli->sql_calls;
    options.redactor = cli->redactor;
    options.site_errors = cli->site_errors;
    return options;
}

bool bsc_cli_stops_at_errors(struct bsc_cli *cli, const struct bsc_run_session *session)
{
    const struct bsc_value *errors = bsc_run_session_errors(session);
    size_t count = bsc_value_count(errors);
    if (count == 0)
        return false;
    if (cli->json) {
        struct bsc_value *value = bsc_value_map();
        bsc_value_set(value, "errors", bsc_value_copy(errors));
        bsc_cli_json(cli, value);
        bsc_value_free(value);
        return true;
    }
    bsc_cli_show_errors(cli, errors);
    bsc_cli_say(cli, "%zu error%s\n", count, count == 1 ? "" : "s");
    return true;
}

/* What only the runbook knows of cannot be in the facts of a site, and must not be unknown in
 * silence. */
static void tell_untold(struct bsc_cli *cli, const char *path, const struct bsc_value *ids)
{
    for (size_t i = 0; i < bsc_value_count(ids); i++)
        bsc_cli_say(cli, "%s says nothing of %s: it is taken to be unknown\n", path,
                    bsc_value_string(bsc_value_at(ids, i)));
}

static bool will_do(struct bsc_cli *cli, const char *path, struct bsc_run_session *session,
                    struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *untold = bsc_run_recorded_settle(session, path, facts, err);
    tell_untold(cli, path, untold);
    bsc_value_free(untold);
    return untold != NULL;
}

/* What is laid over to no effect is told as well: it may be about another runbook, or misplaced. */
static bool lay_over(struct bsc_cli *cli, const struct bsc_run_scenario *scenario,
                     struct bsc_run_session *session, struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *idle = bsc_run_scenario_lay(scenario, session, facts, err);
    for (size_t i = 0; i < bsc_value_count(idle); i++)
        bsc_cli_say(cli, "%s changes %s, of which the runbook does not speak\n", scenario->path,
                    bsc_value_string(bsc_value_at(idle, i)));
    bsc_value_free(idle);
    return idle != NULL;
}

struct bsc_value *bsc_cli_facts(struct bsc_cli *cli, const char *path,
                                const struct bsc_run_scenario *scenario,
                                struct bsc_run_session *session, struct bsc_err *err)
{
    struct bsc_value *facts = path != NULL ? bsc_run_recorded_read(cli->sys, path, err)
                                           : bsc_run_session_observe(session, err);
    if (facts == NULL && scenario != NULL && scenario->facts == path && path != NULL)
        bsc_run_scenario_blame(scenario, err);
    if (facts == NULL || ((scenario == NULL || lay_over(cli, scenario, session, facts, err)) &&
                          (path == NULL || will_do(cli, path, session, facts, err))))
        return facts;
    bsc_value_free(facts);
    return NULL;
}
