#include "cli/show_parked.h"

#include <string.h>

#include "base/mem.h"
#include "cli/show_standing.h"
#include "cli/typed.h"
#include "run/wait.h"

/* "2026-12-04 10:00:00 UTC"; returns owned. */
static char *time_words(const struct bsc_value *parked, const char *key)
{
    const char *time = bsc_value_get_string(parked, key);
    if (time == NULL || strlen(time) < 19)
        return bsc_mem_text("an unknown time");
    return bsc_mem_format("%.10s %.8s UTC", time, time + 11);
}

char *bsc_cli_parked_until(const struct bsc_value *parked)
{
    if (bsc_value_get(parked, "until") == NULL)
        return bsc_mem_text("until somebody answers");
    char *time = time_words(parked, "until");
    char *words = bsc_mem_format("until %s", time);
    bsc_mem_free(time);
    return words;
}

/* What is left of the time, or that it is over. */
static void say_left(struct bsc_cli *cli, const struct bsc_value *parked, int64_t now_ms)
{
    char left[BSC_CLI_DURATION];
    int64_t until_ms = bsc_run_wait_time(parked, "until", 0);
    if (bsc_value_get(parked, "until") == NULL)
        return;
    bsc_cli_format_duration(until_ms - now_ms, left);
    if (until_ms > now_ms)
        bsc_cli_say(cli, ", in %s", left);
    else
        bsc_cli_say(cli, ", which is over: it can be answered");
}

static void say_gate(struct bsc_cli *cli, const struct bsc_value *parked)
{
    const char *title = bsc_value_get_string(parked, "title");
    char *line = bsc_cli_line(title != NULL ? title : "");
    bsc_cli_say(cli, "%lld gate  %s\n", (long long)bsc_value_get_number(parked, "item", 0), line);
    bsc_mem_free(line);
}

void bsc_cli_show_parked(struct bsc_cli *cli, const struct bsc_value *parked, int64_t now_ms,
                         const char *margin)
{
    char ago[BSC_CLI_DURATION];
    char *since = time_words(parked, "since"), *until = bsc_cli_parked_until(parked);
    bsc_cli_format_duration(now_ms - bsc_run_wait_time(parked, "since", now_ms), ago);
    bsc_cli_say(cli, "%swaits    at ", margin);
    say_gate(cli, parked);
    bsc_cli_say(cli, "%s         %s", margin, until);
    say_left(cli, parked, now_ms);
    bsc_cli_say(cli, "; since %s, %s ago\n", since, ago);
    bsc_mem_free(until);
    bsc_mem_free(since);
}

void bsc_cli_tell_parked(struct bsc_cli *cli, const struct bsc_value *parked,
                         const struct bsc_journal_folder *folder, const char *where)
{
    char *until = bsc_cli_parked_until(parked), *command = bsc_cli_typed("resume", folder, where);
    bsc_cli_say(cli, "parked %s; go on with %s\n", until, command);
    bsc_mem_free(command);
    bsc_mem_free(until);
}
