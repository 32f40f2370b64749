#include "cli/opening.h"

#include "cli/show.h"

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
