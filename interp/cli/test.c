#include "cli/cli.h"

#include "cli/opening.h"
#include "cli/options.h"
#include "cli/show.h"
#include "run/errors.h"
#include "run/testing.h"
#include "site/site.h"

struct tally {
    struct bsc_cli *cli;     /* borrowed */
    struct bsc_value *files; /* owned list: what came of each, for --json */
    int64_t passed, failed;
};

static enum bsc_cli_style style_of(const char *line)
{
    if (line[0] == '-')
        return BSC_STYLE_GOOD;
    return line[0] == '+' ? BSC_STYLE_BAD : BSC_STYLE_DIM;
}

static void show_difference(struct bsc_cli *cli, const struct bsc_value *difference)
{
    const struct bsc_value *lines = bsc_value_get(difference, "lines");
    bsc_cli_say(cli, "      %s\n", bsc_value_get_string(difference, "about"));
    for (size_t i = 0; i < bsc_value_count(lines); i++) {
        const char *line = bsc_value_string(bsc_value_at(lines, i));
        bsc_cli_say(cli, "        %s%s%s\n", bsc_cli_style(cli, style_of(line)), line,
                    bsc_cli_style(cli, BSC_STYLE_PLAIN));
    }
}

static void show_test(struct bsc_cli *cli, const char *path, const struct bsc_value *test)
{
    const struct bsc_value *differences = bsc_value_get(test, "differences");
    bool passed = bsc_value_get_truth(test, "passed");
    bsc_cli_say(cli, "  %s%s%s  %s", bsc_cli_style(cli, passed ? BSC_STYLE_GOOD : BSC_STYLE_BAD),
                passed ? "passed" : "failed", bsc_cli_style(cli, BSC_STYLE_PLAIN),
                bsc_value_get_string(test, "title"));
    if (passed)
        bsc_cli_say(cli, "\n");
    else
        bsc_cli_say(cli, " (%s:%lld)\n", path, (long long)bsc_value_get_number(test, "line", 0));
    for (size_t i = 0; i < bsc_value_count(differences); i++)
        show_difference(cli, bsc_value_at(differences, i));
}

static void show_file(struct bsc_cli *cli, const struct bsc_value *file)
{
    const struct bsc_value *tests = bsc_value_get(file, "tests");
    const char *path = bsc_value_get_string(file, "path");
    bsc_cli_say(cli, "%s\n", path);
    bsc_cli_show_errors(cli, bsc_value_get(file, "errors"));
    for (size_t i = 0; i < bsc_value_count(tests); i++)
        show_test(cli, path, bsc_value_at(tests, i));
}

/* A file that cannot be read has failed like a test; the others are tried all the same. */
static struct bsc_value *unreadable(struct bsc_cli *cli, const char *path,
                                    const struct bsc_err *err)
{
    struct bsc_value *file = bsc_value_map();
    bsc_value_set_text(file, "path", path);
    bsc_value_set_int(file, "passed", 0);
    bsc_value_set_int(file, "failed", 1);
    bsc_value_set(file, "error", bsc_run_error_value(err));
    if (!cli->json)
        bsc_cli_fail(cli, err);
    return file;
}

static void test_one(struct tally *tally, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_session_options options = bsc_cli_session_options(tally->cli);
    if (tally->cli->site_errors != NULL)
        bsc_site_errors_release(tally->cli->site_errors);
    struct bsc_value *file = bsc_run_test_file(&options, path, &err);
    if (file == NULL)
        file = unreadable(tally->cli, path, &err);
    else
        show_file(tally->cli, file);
    tally->passed += bsc_value_get_number(file, "passed", 0);
    tally->failed += bsc_value_get_number(file, "failed", 0);
    bsc_value_append(tally->files, file);
}

static int test(struct bsc_cli *cli, size_t count, char **paths)
{
    struct tally tally = {cli, bsc_value_list(), 0, 0};
    for (size_t i = 0; i < count; i++)
        test_one(&tally, paths[i]);
    bsc_cli_say(cli, "%lld passed, %lld failed\n", (long long)tally.passed,
                (long long)tally.failed);
    if (cli->json) {
        struct bsc_value *result = bsc_value_map();
        bsc_value_set_int(result, "passed", tally.passed);
        bsc_value_set_int(result, "failed", tally.failed);
        bsc_value_set(result, "files", bsc_value_copy(tally.files));
        bsc_cli_json(cli, result);
        bsc_value_free(result);
    }
    bsc_value_free(tally.files);
    return tally.failed == 0 ? BSC_EXIT_DONE : BSC_EXIT_FAILED;
}

int bsc_cli_test(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_cli_option options[] = {{0}};
    const struct bsc_cli_usage usage = {
        "test FILE…",
        "Tries the tests of a runbook on a model of the site: given facts, with faults, expecting "
        "outcomes, statements and facts.\nReads the files that a test names; connects to nothing.",
        options, 1, 1000};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    return help ? BSC_EXIT_DONE : test(cli, operands, argv + 1);
}
