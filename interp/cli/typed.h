/*
 * Commands that are shown to be typed next: they work when they are pasted into a shell.
 */
#ifndef BSC_CLI_TYPED_H
#define BSC_CLI_TYPED_H

#include "cli/where.h"
#include "journal/folder.h"

/* The options that find the folder of the runs again, with a blank before each: as they were given,
 * unless `folder` was found elsewhere; it may be NULL. Returns owned. */
char *bsc_cli_typed_where(const struct bsc_cli_where *where,
                          const struct bsc_journal_folder *folder);

/* "bascule VERB RUN" and such options. Returns owned. */
char *bsc_cli_typed(const char *verb, const struct bsc_journal_folder *folder, const char *where);

#endif
