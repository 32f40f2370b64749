/*
 * Where runs are kept, as every verb that works with them is told.
 */
#ifndef BSC_CLI_WHERE_H
#define BSC_CLI_WHERE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "journal/folder.h"

struct bsc_cli_where {
    const char *site; /* beside which they are kept, as given, or NULL */
    const char *runs; /* the folder of them, as given, or NULL */
};

/* The two options that fill one. */
struct bsc_cli_option bsc_cli_where_site(struct bsc_cli_where *where);
struct bsc_cli_option bsc_cli_where_runs(struct bsc_cli_where *where);

/* The folder of all runs. Returns owned. */
char *bsc_cli_where_folder(const struct bsc_cli_where *where);

/* Finds a run by its id, the beginning of one, its folder, or "last". *folder is released by the
 * caller in any case. */
bool bsc_cli_where_find(const struct bsc_cli *cli, const struct bsc_cli_where *where,
                        const char *run, struct bsc_journal_folder *folder, struct bsc_err *err);

#endif
