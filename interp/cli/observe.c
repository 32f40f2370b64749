#include "base/buf.h"
#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/options.h"
#include "cli/show.h"
#include "os/files.h"
#include "value/scrub.h"

static bool write_facts(struct bsc_cli *cli, const char *path, const struct bsc_value *facts,
                        struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_scrub_canonical(cli->redactor, facts, &text);
    bsc_buf_add_char(&text, '\n');
    bool ok = bsc_files_output(cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    if (ok)
        bsc_cli_say(cli, "facts written to %s\n", path);
    return ok;
}

/* On the stream of errors, so that it is seen wherever the facts go. */
static bool warn(struct bsc_cli *cli, struct bsc_run_session *session,
                 const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *warnings = bsc_run_session_warnings(session, facts, err);
    for (size_t i = 0; i < bsc_value_count(warnings); i++)
        fprintf(cli->err, "WARNING: %s\n", bsc_value_string(bsc_value_at(warnings, i)));
    bsc_value_free(warnings);
    return warnings != NULL;
}

static bool observe(struct bsc_cli *cli, const char *site, const char *output, struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(cli);
    options.site_path = site;
    struct bsc_value *facts = NULL;
    bool ok = bsc_run_session_open(&session, &options, err);
    if (ok) {
        facts = bsc_run_session_observe(&session, err);
        ok = facts != NULL;
    }
    if (ok && output != NULL)
        ok = write_facts(cli, output, facts, err);
    if (ok && cli->json)
        bsc_cli_json(cli, facts);
    else if (ok && output == NULL)
        bsc_cli_show_facts(cli, facts);
    ok = ok && warn(cli, &session, facts, err);
    bsc_value_free(facts);
    bsc_run_session_close(&session);
    return ok;
}

int bsc_cli_observe(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    const char *site = "site.yaml";
    const char *output = NULL;
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "the site (default: site.yaml)", NULL, &site, NULL},
        {"--output", "-o", "FILE", "write the facts to this file as JSON", NULL, &output, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "observe --site SITE [-o facts.json]",
        "Shows the facts of every resource of a site. Only reads; changes nothing.", options, 0, 0};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    if (help)
        return BSC_EXIT_DONE;
    return observe(cli, site, output, &err) ? BSC_EXIT_DONE : bsc_cli_fail(cli, &err);
}
