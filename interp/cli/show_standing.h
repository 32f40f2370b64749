/*
 * How the standing of a run looks, on a screen and as JSON, and what to type next.
 */
#ifndef BSC_CLI_SHOW_STANDING_H
#define BSC_CLI_SHOW_STANDING_H

#include <stdint.h>

#include "cli/cli.h"
#include "journal/folder.h"
#include "run/standing.h"
#include "value/value.h"

/* What is shown of one run; all borrowed. */
struct bsc_cli_standing {
    struct bsc_cli *cli;
    const struct bsc_run_standing *standing;
    const struct bsc_journal_folder *folder;
    const char *where;   /* the options with which it was found, to be given to the next verb too */
    int64_t now_ms;      /* wall time */
    int64_t left_ms;     /* the estimate, or -1 */
    const char *left_as; /* the run that it is taken from */
};

/* A paragraph of a list of runs. */
void bsc_cli_show_standing_brief(const struct bsc_cli_standing *shown);

/* Everything. `planned` are the plan's items, for those that have not begun, or NULL. */
void bsc_cli_show_standing(const struct bsc_cli_standing *shown, const struct bsc_value *planned);

/* One line for an item that has begun, and a reason below it unless all is well. */
void bsc_cli_show_standing_item(const struct bsc_cli_standing *shown, int64_t index);

/* What can be done now: commands, and where there are none or they are not enough, a sentence. */
void bsc_cli_show_way_on(const struct bsc_cli_standing *shown, const char *margin);

/* The commands alone, as data. Returns owned. */
struct bsc_value *bsc_cli_way_on(const struct bsc_cli_standing *shown);

/* The same as data; with `items` every item that has begun. Returns owned. */
struct bsc_value *bsc_cli_standing_value(const struct bsc_cli_standing *shown, bool items);

/* "2 min 5 s"; for a text of at least BSC_CLI_DURATION bytes. */
enum { BSC_CLI_DURATION = 40 };
void bsc_cli_format_duration(int64_t ms, char ret_text[BSC_CLI_DURATION]);

#endif
