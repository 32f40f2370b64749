#include "cli/cli.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/options.h"
#include "cli/where.h"
#include "journal/folder.h"
#include "os/files.h"
#include "run/report.h"

/* Puts the page where it is wanted: into a file, to standard output ("-"), or, unless told, into
 * the run's folder. */
static bool page_put(struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                     const char *output, const struct bsc_buf *page, struct bsc_err *err)
{
    if (output != NULL && strcmp(output, "-") == 0) {
        fwrite(page->data, 1, page->length, cli->out);
        return true;
    }
    char *own = bsc_journal_folder_file(folder, "report.html");
    const char *path = output != NULL ? output : own;
    bool done = bsc_files_output(cli->sys, path, page->data, page->length, 0600, err);
    if (done && cli->json) {
        struct bsc_value *map = bsc_value_map();
        bsc_value_set_text(map, "run", folder->id);
        bsc_value_set_text(map, "report", path);
        bsc_cli_json(cli, map);
        bsc_value_free(map);
    } else if (done) {
        bsc_cli_say(cli, "report written to %s\n", path);
    }
    bsc_mem_free(own);
    return done;
}

static int report(struct bsc_cli *cli, const struct bsc_cli_where *where, const char *run,
                  const char *output)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder folder = {0};
    struct bsc_buf page;
    bsc_buf_init(&page);
    bool done = bsc_cli_where_find(cli, where, run, &folder, &err) &&
                bsc_run_report_html(cli->sys, folder.path, NULL, &page, &err);
    if (done) {
        bsc_redact_apply(cli->redactor, &page);
        done = page_put(cli, &folder, output, &page, &err);
    }
    bsc_buf_release(&page);
    bsc_journal_folder_release(&folder);
    return done ? BSC_EXIT_DONE : bsc_cli_fail(cli, &err);
}

int bsc_cli_report(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_cli_where where = {0};
    const char *output = NULL;
    const struct bsc_cli_option options[] = {{"--output", "-o", "FILE",
                                              "where to write the page (- for standard output)",
                                              NULL, &output, NULL},
                                             bsc_cli_where_site(&where),
                                             bsc_cli_where_runs(&where),
                                             {0}};
    const struct bsc_cli_usage usage = {
        "report RUN [-o FILE.html] [--site SITE|--runs DIR]",
        "Writes the report of a run as one HTML page that needs nothing else. RUN is an id, a "
        "folder, or last. Without -o the page is report.html in the run's folder.",
        options, 1, 1};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    if (help)
        return BSC_EXIT_DONE;
    return report(cli, &where, argv[1], output);
}
