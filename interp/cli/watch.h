/*
 * Following a run from another terminal until it ends.
 */
#ifndef BSC_CLI_WATCH_H
#define BSC_CLI_WATCH_H

#include "base/err.h"
#include "cli/cli.h"
#include "journal/folder.h"

/* Shows what has ended, then each item as it ends. Returns the run's exit code once it has ended;
 * BSC_EXIT_NOT_VERIFIED when it will never say one, BSC_EXIT_UNKNOWN when the watching is stopped
 * first, which does nothing to the run. `where` as in struct bsc_cli_standing. */
int bsc_cli_watch(struct bsc_cli *cli, const struct bsc_journal_folder *folder, const char *where);

#endif
