#include "cli/cli.h"

#include "cli/opening.h"
#include "cli/options.h"

static bool check_one(struct bsc_cli *cli, const char *path, const char *site,
                      const struct bsc_value *set, bool *ret_right, struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(cli);
    options.runbook_path = path;
    options.site_path = site;
    options.set = set;
    options.look_only = true;
    bool opened = bsc_run_session_open(&session, &options, err);
    if (opened && !bsc_cli_stops_at_errors(cli, &session)) {
        const struct bsc_value *items = bsc_value_get(bsc_run_session_runbook(&session), "items");
        bsc_cli_say(cli, "%s: no errors, %zu items\n", path, bsc_value_count(items));
        if (cli->json)
            bsc_cli_json(cli, session.listing);
    } else {
        *ret_right = false;
    }
    bsc_run_session_close(&session);
    return opened;
}

int bsc_cli_check(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    const char *site = NULL;
    struct bsc_value *set = bsc_value_map();
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "check references against this site as well", NULL, &site, NULL},
        {"--set", NULL, "NAME=VALUE", "set a parameter of the runbook", NULL, NULL, set},
        {0}};
    const struct bsc_cli_usage usage = {
        "check RUNBOOK… [--site SITE] [--set NAME=VALUE]…",
        "Finds every error of runbooks at once, with file and line. Nothing is run.", options, 1,
        1000};
    size_t operands = 0;
    bool help = false;
    bool right = true;
    bool ok = bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err);
    for (size_t i = 1; ok && !help && i <= operands; i++)
        ok = check_one(cli, argv[i], site, set, &right, &err);
    bsc_value_free(set);
    if (!ok)
        return bsc_cli_fail(cli, &err);
    return right ? BSC_EXIT_DONE : BSC_EXIT_FAILED;
}
