#include "cli/where.h"

#include "base/mem.h"

struct bsc_cli_option bsc_cli_where_site(struct bsc_cli_where *where)
{
    return (struct bsc_cli_option){.name = "--site",
                                   .value_name = "FILE",
                                   .doc = "the site beside which the runs are kept",
                                   .text = &where->site};
}

struct bsc_cli_option bsc_cli_where_runs(struct bsc_cli_where *where)
{
    return (struct bsc_cli_option){.name = "--runs",
                                   .value_name = "DIR",
                                   .doc = "the folder of all runs (default: runs beside the site)",
                                   .text = &where->runs};
}

char *bsc_cli_where_folder(const struct bsc_cli_where *where)
{
    return bsc_journal_runs_folder(where->site, where->runs);
}

bool bsc_cli_where_find(const struct bsc_cli *cli, const struct bsc_cli_where *where,
                        const char *run, struct bsc_journal_folder *folder, struct bsc_err *err)
{
    char *runs = bsc_cli_where_folder(where);
    bool found = bsc_journal_folder_find(cli->sys, runs, run, folder, err);
    bsc_mem_free(runs);
    return found;
}
