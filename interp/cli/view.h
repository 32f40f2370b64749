/*
 * Showing a live run as it goes: items, statements, outcomes, notes, progress with the time left.
 */
#ifndef BSC_CLI_VIEW_H
#define BSC_CLI_VIEW_H

#include <stdint.h>

#include "cli/cli.h"
#include "run/execute.h"
#include "run/hands.h"
#include "run/live.h"
#include "run/machine.h"

struct bsc_cli_view {
    struct bsc_cli *cli;            /* borrowed */
    const char *run;                /* borrowed: its folder, for the last words; or NULL */
    bool yes;                       /* --yes: gates are answered */
    size_t changes;                 /* changes made so far */
    int64_t began_us;               /* when the row under way began; for the time left */
    bool line_open;                 /* a progress line is on the screen */
    int64_t quiet_told_ms;          /* how long it was quiet when that was said; 0: was not said */
    char quiet[128];                /* what has been quiet longest, for the last words */
    bool quiet_changes;             /* it is a change */
    struct bsc_run_hooks items;     /* to hand to the run */
    struct bsc_run_live_hooks live; /* to hand to the run */
};

void bsc_cli_view_init(struct bsc_cli_view *view, struct bsc_cli *cli, bool yes);

/* Each 200 ms while a run goes. Without a terminal it only says what has been quiet for ten
 * seconds, and again each time that this has doubled. */
void bsc_cli_view_progress(void *self, const struct bsc_run_progress *progress);

/* When a signal stops the run. */
void bsc_cli_view_stopping(void *self, enum bsc_run_stopping how);

#endif
