/*
 * Runs beside each other: whether one is parked whose work another would do as well, and whether
 * one was left in its middle.
 */
#ifndef BSC_CLI_BESIDE_H
#define BSC_CLI_BESIDE_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/where.h"
#include "journal/folder.h"
#include "run/standing.h"
#include "value/value.h"

/* A parked run; all owned, and zeroed where there is none. */
struct bsc_cli_beside {
    struct bsc_journal_folder folder;
    struct bsc_run_standing standing;
};

/* Finds the newest run in the folder `runs` that is of the runbook and on the site of the plan and
 * is about something that the plan changes too; but only where it is parked and has changed
 * something. Whoever has begun it has decided about those before it. One that cannot be read is
 * not known to wait. False when the folder cannot be read. */
bool bsc_cli_beside_find(const struct bsc_cli *cli, const char *runs, const struct bsc_value *plan,
                         struct bsc_cli_beside *ret, struct bsc_err *err);

/* Says which run is parked, what it waits for, and what can be typed instead. Always false. */
bool bsc_cli_beside_refuse(const struct bsc_cli_beside *beside, const struct bsc_cli_where *where,
                           struct bsc_err *err);

/* What the journal keeps of a run that was begun all the same, for this reason. Returns an owned
 * note. */
struct bsc_value *bsc_cli_beside_note(const struct bsc_cli_beside *beside, const char *reason);

/* Tells on the screen of the newest run on the site of the plan that changed something, or may
 * have, unless it is done or taken back; `but` (NULL: none) is the id of one that is passed over.
 * One that cannot be read is not told of. */
void bsc_cli_beside_tell_unfinished(struct bsc_cli *cli, const char *runs,
                                    const struct bsc_value *plan, const char *but,
                                    const struct bsc_cli_where *where);

/* Accepts a zeroed one. */
void bsc_cli_beside_release(struct bsc_cli_beside *beside);

#endif
