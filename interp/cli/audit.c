#include "cli/cli.h"

#include <string.h>

#include "cli/options.h"
#include "cli/where.h"
#include "journal/folder.h"
#include "run/evidence.h"

static void journal_say(struct bsc_cli *cli, const struct bsc_journal_report *report)
{
    switch (report->state) {
    case BSC_JOURNAL_ENDED:
        bsc_cli_say(cli, "journal  %lld records verify, from first to last\n",
                    (long long)report->records);
        break;
    case BSC_JOURNAL_OPEN:
        bsc_cli_say(cli,
                    "journal  open or cut short: %lld records verify, but the run's end is "
                    "missing\n",
                    (long long)report->records);
        break;
    default:
        bsc_cli_say(cli, "journal  %s at line %lld (record %lld): %s\n",
                    bsc_journal_state_name(report->state), (long long)report->bad_line,
                    (long long)report->bad_seq, bsc_journal_fault_text(report->fault));
        bsc_cli_say(cli, "         the %lld records before it are good\n",
                    (long long)report->records);
        break;
    }
    if (report->times_backwards > 0)
        bsc_cli_say(cli, "note     the clock went back at line %lld\n",
                    (long long)report->backwards_line);
    bsc_cli_say(cli, "hash     %s\n", report->hash);
}

static void evidence_say(struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                         const struct bsc_run_evidence *evidence)
{
    bsc_cli_say(cli, "run      %s\n", folder->id);
    journal_say(cli, &evidence->journal);
    for (size_t i = 0; i < bsc_value_count(evidence->files); i++) {
        const struct bsc_value *entry = bsc_value_at(evidence->files, i);
        bsc_cli_say(cli, "differs  %s: %s\n", bsc_value_get_string(entry, "file"),
                    bsc_value_get_string(entry, "what"));
    }
    size_t sets = bsc_value_count(evidence->begins);
    if (sets > 0 && bsc_value_count(evidence->files) == 0)
        bsc_cli_say(cli, "inputs   plan, runbook and site file are those the run began with\n");
    if (sets > 1 && bsc_value_count(evidence->files) == 0)
        bsc_cli_say(cli, "         and those that were accepted later: %zu\n", sets - 1);
    bsc_cli_say(cli, "%s%s%s\n",
                bsc_cli_style(cli, evidence->sound ? BSC_STYLE_GOOD : BSC_STYLE_BAD),
                evidence->sound ? "verified" : "not verified", bsc_cli_style(cli, BSC_STYLE_PLAIN));
}

static void evidence_json(struct bsc_cli *cli, const struct bsc_journal_folder *folder,
                          const struct bsc_run_evidence *evidence)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "run", folder->id);
    bsc_value_set_bool(map, "verified", evidence->sound);
    bsc_value_set_int(map, "inputs", (int64_t)bsc_value_count(evidence->begins));
    bsc_value_set(map, "journal", bsc_journal_report_value(&evidence->journal));
    bsc_value_set(map, "differs", bsc_value_copy(evidence->files));
    bsc_cli_json(cli, map);
    bsc_value_free(map);
}

static int audit_verify(struct bsc_cli *cli, const struct bsc_cli_where *where, const char *run)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder folder = {0};
    struct bsc_run_evidence evidence = {0};
    int code = BSC_EXIT_DONE;
    if (!bsc_cli_where_find(cli, where, run, &folder, &err) ||
        !bsc_run_evidence_read(&evidence, cli->sys, folder.path, &err)) {
        code = bsc_cli_fail(cli, &err);
    } else if (cli->json) {
        evidence_json(cli, &folder, &evidence);
        code = evidence.sound ? BSC_EXIT_DONE : BSC_EXIT_NOT_VERIFIED;
    } else {
        evidence_say(cli, &folder, &evidence);
        code = evidence.sound ? BSC_EXIT_DONE : BSC_EXIT_NOT_VERIFIED;
    }
    bsc_run_evidence_release(&evidence);
    bsc_journal_folder_release(&folder);
    return code;
}

int bsc_cli_audit(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_cli_where where = {0};
    const struct bsc_cli_option options[] = {
        bsc_cli_where_site(&where), bsc_cli_where_runs(&where), {0}};
    const struct bsc_cli_usage usage = {
        "audit verify RUN [--site SITE|--runs DIR]",
        "Verifies the journal of a run, record by record, and that its plan, runbook and site file "
        "are those it began with, or was resumed with. RUN is an id, a folder, or last. Exits with "
        "5 when anything does "
        "not verify or the run's end is missing.",
        options, 2, 2};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    if (help)
        return BSC_EXIT_DONE;
    if (strcmp(argv[1], "verify") != 0) {
        bsc_err_set(&err, BSC_ERR_USAGE, "there is no \"audit %s\"", argv[1]);
        bsc_err_hint(&err, "usage: bascule %s", usage.synopsis);
        return bsc_cli_fail(cli, &err);
    }
    return audit_verify(cli, &where, argv[2]);
}
