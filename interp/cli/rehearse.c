#include <string.h>

#include "base/mem.h"
#include "base/shell.h"
#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/options.h"
#include "cli/show.h"
#include "run/explore.h"
#include "run/outcome.h"
#include "run/scenario.h"

/* What the command line says. */
struct wishes {
    const char *site;
    const char *scenario;
    const char *facts;
    const char *faults;
    const char *only;
    struct bsc_value *set; /* owned */
};

/* What is begun with: the command line where it says something, else the scenario. */
struct start {
    struct bsc_run_scenario scenario; /* owned; of zeros without one */
    const char *facts;                /* borrowed path; NULL: the site is observed */
    struct bsc_value *set;            /* owned */
    unsigned faults;
};

static bool count_faults(const char *only, unsigned *ret, struct bsc_err *err)
{
    *ret = 1;
    for (const char *at = only; (at = strchr(at, ',')) != NULL; at++)
        ++*ret;
    if (*ret <= BSC_RUN_FAULTS_MAX)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is more than %d faults", only,
                       BSC_RUN_FAULTS_MAX);
}

static bool read_faults(const struct wishes *wishes, struct start *start, struct bsc_err *err)
{
    const char *word = wishes->faults != NULL ? wishes->faults : start->scenario.faults;
    if (wishes->only != NULL)
        return count_faults(wishes->only, &start->faults, err);
    if (bsc_run_scenario_faults(word != NULL ? word : "single", &start->faults))
        return true;
    bsc_err_set(err, BSC_ERR_USAGE, "there is no --faults \"%s\"", word);
    return bsc_err_hint(err, "Write none, single or pairs.");
}

static bool read_start(struct bsc_cli *cli, const struct wishes *wishes, struct start *start,
                       struct bsc_err *err)
{
    if (wishes->scenario != NULL &&
        !bsc_run_scenario_read(cli->sys, wishes->scenario, &start->scenario, err))
        return false;
    start->facts = wishes->facts != NULL ? wishes->facts : start->scenario.facts;
    start->set =
        start->scenario.set != NULL ? bsc_value_copy(start->scenario.set) : bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(wishes->set); i++)
        bsc_value_set(start->set, bsc_value_key_at(wishes->set, i),
                      bsc_value_copy(bsc_value_item_at(wishes->set, i)));
    return read_faults(wishes, start, err);
}

static void release_start(struct start *start)
{
    bsc_run_scenario_release(&start->scenario);
    bsc_value_free(start->set);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static void show_replay(struct bsc_cli *cli, const char *again, const char *replay)
{
    struct bsc_buf only;
    bsc_buf_init(&only);
    bsc_shell_add(&only, replay);
    if (replay[0] != '\0')
        bsc_cli_say(cli, "  this one alone: %s --only %s\n", again, only.data);
    bsc_buf_release(&only);
}

static void show_violation(struct bsc_cli *cli, const char *runbook, const char *again,
                           const struct bsc_value *violation)
{
    const struct bsc_value *trace = bsc_value_get(violation, "trace");
    bsc_cli_say(cli, "\n%s:%lld: %s%s%s\n", runbook,
                (long long)bsc_value_get_number(violation, "line", 0),
                bsc_cli_style(cli, BSC_STYLE_BAD), bsc_value_get_string(violation, "title"),
                bsc_cli_style(cli, BSC_STYLE_PLAIN));
    bsc_cli_say(cli, "  does not hold in step %lld, \"%s\": %s\n",
                (long long)bsc_value_get_number(violation, "item", 0),
                bsc_value_get_string(violation, "step"), bsc_value_get_string(violation, "text"));
    bsc_cli_say(cli, "  how it comes to that:\n");
    for (size_t i = 0; i < bsc_value_count(trace); i++)
        bsc_cli_say(cli, "    %s\n", bsc_value_string(bsc_value_at(trace, i)));
    if (bsc_value_get_string(violation, "mend") != NULL)
        bsc_cli_say(cli, "  what would mend it: %s\n", bsc_value_get_string(violation, "mend"));
    show_replay(cli, again, bsc_value_get_string(violation, "replay"));
}

static void show_coverage(struct bsc_cli *cli, const struct bsc_value *coverage)
{
    for (size_t i = 0; i < bsc_value_count(coverage); i++) {
        int64_t count = bsc_value_number(bsc_value_item_at(coverage, i), 0);
        if (count > 0)
            bsc_cli_say(cli, "  %lld action%s %s: %s\n", (long long)count, plural(count),
                        bsc_value_key_at(coverage, i),
                        bsc_cli_label_words(bsc_value_key_at(coverage, i)));
    }
}

static void show_undisturbed(struct bsc_cli *cli, const char *runbook,
                             const struct bsc_value *undisturbed)
{
    if (strcmp(bsc_value_get_string(undisturbed, "outcome"), "done") == 0)
        bsc_cli_say(cli, "without a fault: done\n");
    else
        bsc_cli_say(cli, "without a fault: %s at %s:%lld: %s\n",
                    bsc_value_get_string(undisturbed, "outcome"), runbook,
                    (long long)bsc_value_get_number(undisturbed, "line", 0),
                    bsc_value_get_string(undisturbed, "reason"));
}

/* How the runs came to an end, or were stopped on the way to one. */
static void show_ends(struct bsc_cli *cli, const struct bsc_value *ends)
{
    static const char *const keys[] = {"done", "halted", "refused", "parked", "rolled_back"};
    static const char *const words[] = {"done", "halted", "refused", "parked", "rolled back"};
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t count = bsc_value_get_number(ends, keys[i], 0);
        if (count > 0)
            bsc_buf_printf(&text, "%s%lld %s", text.length > 0 ? ", " : "", (long long)count,
                           words[i]);
    }
    bsc_cli_say(cli, "  states in which a run stops: %s\n", text.length > 0 ? text.data : "none");
    bsc_buf_release(&text);
}

static void show(struct bsc_cli *cli, const char *runbook, const char *again,
                 const struct bsc_value *verdict)
{
    const struct bsc_value *violations = bsc_value_get(verdict, "violations");
    int64_t count = (int64_t)bsc_value_count(violations);
    int64_t tried = bsc_value_get_number(verdict, "tried", 0);
    show_undisturbed(cli, runbook, bsc_value_get(verdict, "undisturbed"));
    for (size_t i = 0; i < bsc_value_count(violations); i++)
        show_violation(cli, runbook, again, bsc_value_at(violations, i));
    bsc_cli_say(cli, "\n%lld fault%s tried in %lld states, %lld violation%s\n", (long long)tried,
                plural(tried), (long long)bsc_value_get_number(verdict, "states", 0),
                (long long)count, plural(count));
    if (!bsc_value_get_truth(verdict, "complete"))
        bsc_cli_say(cli, "  not all: there are more states than can be held\n");
    show_ends(cli, bsc_value_get(verdict, "ends"));
    show_coverage(cli, bsc_value_get(verdict, "coverage"));
}

static void add_option(struct bsc_buf *line, const char *option, const char *value)
{
    if (value != NULL) {
        bsc_buf_printf(line, " %s ", option);
        bsc_shell_add(line, value);
    }
}

/* How to come here again: a line for a shell, with what decides on what is rehearsed. */
static void say_again(const char *runbook, const struct wishes *wishes, struct bsc_buf *line)
{
    bsc_buf_add_text(line, "bascule rehearse ");
    bsc_shell_add(line, runbook);
    add_option(line, "--site", wishes->site);
    add_option(line, "--scenario", wishes->scenario);
    add_option(line, "--facts", wishes->facts);
    for (size_t i = 0; i < bsc_value_count(wishes->set); i++) {
        char *pair = bsc_mem_format("%s=%s", bsc_value_key_at(wishes->set, i),
                                    bsc_value_string(bsc_value_item_at(wishes->set, i)));
        add_option(line, "--set", pair);
        bsc_mem_free(pair);
    }
}

/* What does not get to its end even when nothing goes wrong is no good, violations or not. */
static int code_of(const struct bsc_value *verdict)
{
    enum bsc_outcome outcome = BSC_OUTCOME_CHANGED;
    if (bsc_value_count(bsc_value_get(verdict, "violations")) > 0)
        return BSC_EXIT_VIOLATION;
    if (!bsc_value_get_truth(verdict, "complete"))
        return BSC_EXIT_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(bsc_value_get(verdict, "undisturbed"), "outcome"),
                          &outcome);
    return bsc_run_outcome_exit(outcome);
}

static int tell(struct bsc_cli *cli, const char *runbook, const struct wishes *wishes,
                const struct bsc_value *verdict)
{
    struct bsc_buf again;
    bsc_buf_init(&again);
    say_again(runbook, wishes, &again);
    show(cli, runbook, again.data, verdict);
    if (cli->json)
        bsc_cli_json(cli, verdict);
    bsc_buf_release(&again);
    return code_of(verdict);
}

/* Returns the exit code, or -1 with *err. */
static int rehearse_in(struct bsc_cli *cli, struct bsc_run_session *session,
                       const struct wishes *wishes, const struct start *start, struct bsc_err *err)
{
    const char *runbook = session->with.runbook_path;
    const struct bsc_run_scenario *scenario = wishes->scenario != NULL ? &start->scenario : NULL;
    if (scenario != NULL && !bsc_run_scenario_suits(scenario, session, err))
        return -1;
    if (bsc_cli_stops_at_errors(cli, session))
        return BSC_EXIT_FAILED;
    struct bsc_value *facts = bsc_cli_facts(cli, start->facts, scenario, session, err);
    const struct bsc_run_explore_order order = {
        .session = session, .facts = facts, .faults = start->faults, .only = wishes->only};
    struct bsc_value *verdict = facts != NULL ? bsc_run_explore(&order, err) : NULL;
    int code = verdict != NULL ? tell(cli, runbook, wishes, verdict) : -1;
    bsc_value_free(verdict);
    bsc_value_free(facts);
    return code;
}

/* Returns the exit code, or -1 with *err. */
static int rehearse(struct bsc_cli *cli, const char *runbook, const struct wishes *wishes,
                    struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(cli);
    struct start start = {0};
    int code = -1;
    if (read_start(cli, wishes, &start, err)) {
        options.runbook_path = runbook;
        options.site_path = wishes->site;
        options.set = start.set;
        options.look_only = start.facts != NULL;
        if (bsc_run_session_open(&session, &options, err))
            code = rehearse_in(cli, &session, wishes, &start, err);
    }
    bsc_run_session_close(&session);
    release_start(&start);
    return code;
}

int bsc_cli_rehearse(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct wishes wishes = {.site = "site.yaml", .set = bsc_value_map()};
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "the site (default: site.yaml)", NULL, &wishes.site, NULL},
        {"--scenario", NULL, "FILE", "begin with the facts, changes and parameters of this file",
         NULL, &wishes.scenario, NULL},
        {"--facts", NULL, "FILE", "begin with recorded facts instead of observing", NULL,
         &wishes.facts, NULL},
        {"--set", NULL, "NAME=VALUE", "set a parameter of the runbook", NULL, NULL, wishes.set},
        {"--faults", NULL, "HOW", "none, single (default) or pairs", NULL, &wishes.faults, NULL},
        {"--only", NULL, "FAULTS", "just this way to go wrong, as a violation names it", NULL,
         &wishes.only, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "rehearse RUNBOOK --site SITE [--scenario FILE] [--facts FILE] [--set NAME=VALUE]… "
        "[--faults HOW]",
        "Goes through a runbook on a model of the site with everything going wrong that can, and "
        "says what would break.\nWhat the command line says goes before what the scenario says. "
        "Only reads; changes nothing.",
        options, 1, 1};
    size_t operands = 0;
    bool help = false;
    int code = -1;
    if (bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        code = help ? BSC_EXIT_DONE : rehearse(cli, argv[1], &wishes, &err);
    bsc_value_free(wishes.set);
    return code >= 0 ? code : bsc_cli_fail(cli, &err);
}
