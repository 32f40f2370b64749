/*
 * What a parked run waits for (run/wait.h), in words.
 */
#ifndef BSC_CLI_SHOW_PARKED_H
#define BSC_CLI_SHOW_PARKED_H

#include <stdint.h>

#include "cli/cli.h"
#include "journal/folder.h"
#include "value/value.h"

/* "until 2026-12-04 10:00:00 UTC" or "until somebody answers"; returns owned. */
char *bsc_cli_parked_until(const struct bsc_value *parked);

/* Two lines behind the margin: at which gate it waits, until when, and since when. */
void bsc_cli_show_parked(struct bsc_cli *cli, const struct bsc_value *parked, int64_t now_ms,
                         const char *margin);

/* The last words of a process that parks its run: until when, and what to type then. `where` as in
 * bsc_cli_typed. */
void bsc_cli_tell_parked(struct bsc_cli *cli, const struct bsc_value *parked,
                         const struct bsc_journal_folder *folder, const char *where);

#endif
