#include "cli/cli.h"

#include "cli/opening.h"
#include "cli/options.h"

struct checking {
    struct bsc_cli *cli;         /* borrowed */
    const char *site;            /* as given, or NULL */
    const struct bsc_value *set; /* borrowed */
    struct bsc_value *loaded;    /* owned list: what each runbook says, for --json */
    bool right;
};

/* Shows what is found, or keeps it: under --json all runbooks are told in one line. */
static void tell(struct checking *checking, const char *path, const struct bsc_run_session *session)
{
    struct bsc_cli *cli = checking->cli;
    if (bsc_value_count(bsc_run_session_errors(session)) > 0)
        checking->right = false;
    if (cli->json) {
        struct bsc_value *entry = bsc_value_copy(session->listing);
        bsc_value_set_text(entry, "path", path);
        bsc_value_append(checking->loaded, entry);
    } else if (!bsc_cli_stops_at_errors(cli, session)) {
        const struct bsc_value *items = bsc_value_get(bsc_run_session_runbook(session), "items");
        bsc_cli_say(cli, "%s: no errors, %zu items\n", path, bsc_value_count(items));
    }
}

static bool check_one(struct checking *checking, const char *path, struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(checking->cli);
    options.runbook_path = path;
    options.site_path = checking->site;
    options.set = checking->set;
    options.look_only = true;
    bool opened = bsc_run_session_open(&session, &options, err);
    if (opened)
        tell(checking, path, &session);
    bsc_run_session_close(&session);
    return opened;
}

static int check(struct checking *checking, size_t count, char **paths)
{
    struct bsc_err err = BSC_ERR_INIT;
    for (size_t i = 0; i < count; i++) {
        if (!check_one(checking, paths[i], &err))
            return bsc_cli_fail(checking->cli, &err);
    }
    if (checking->cli->json) {
        struct bsc_value *result = bsc_value_map();
        bsc_value_set(result, "runbooks", checking->loaded);
        checking->loaded = NULL;
        bsc_cli_json(checking->cli, result);
        bsc_value_free(result);
    }
    return checking->right ? BSC_EXIT_DONE : BSC_EXIT_FAILED;
}

int bsc_cli_check(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *set = bsc_value_map();
    struct checking checking = {cli, NULL, set, bsc_value_list(), true};
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "check references against this site as well", NULL, &checking.site,
         NULL},
        {"--set", NULL, "NAME=VALUE", "set a parameter of the runbook", NULL, NULL, set},
        {0}};
    const struct bsc_cli_usage usage = {
        "check RUNBOOK… [--site SITE] [--set NAME=VALUE]…",
        "Finds every error of runbooks at once, with file and line. Nothing is run.", options, 1,
        1000};
    size_t operands = 0;
    bool help = false;
    int code = BSC_EXIT_DONE;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        code = bsc_cli_fail(cli, &err);
    else if (!help)
        code = check(&checking, operands, argv + 1);
    bsc_value_free(checking.loaded);
    bsc_value_free(set);
    return code;
}
