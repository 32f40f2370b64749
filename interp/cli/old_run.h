/*
 * A run that has stopped, taken in hand again: what `resume` and `rollback` have in common.
 */
#ifndef BSC_CLI_OLD_RUN_H
#define BSC_CLI_OLD_RUN_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/claim.h"
#include "cli/cli.h"
#include "cli/where.h"
#include "journal/folder.h"
#include "journal/journal.h"
#include "journal/lock.h"
#include "os/process.h"
#include "run/past.h"
#include "run/session.h"
#include "run/settle.h"
#include "value/value.h"

struct bsc_cli_old_wishes {
    bool back;       /* to be rolled back, not resumed */
    const char *run; /* id, the beginning of one, folder, or last */
    struct bsc_cli_where where;
    const char *take_over; /* the reason, or NULL */
    const char *settle;    /* "made", "not-made", or either behind "7="; or NULL */
    bool yes;
    bool force;
    /* To be resumed only: */
    bool accept;           /* what is ahead may be different */
    struct bsc_value *set; /* owned {name=text}: parameters set anew, or NULL */
};

/* The files of a run are not those that it was planned with; see cli/amend.h. */
struct bsc_cli_amend {
    struct bsc_run_session kept; /* on those that it was planned with; once it is needed */
    struct bsc_value *set;       /* owned: parameters, borrowed by the session; or NULL */
    struct bsc_value *drift;     /* owned: what is different, with its `amendment`; NULL: nothing */
    struct bsc_value *plan;      /* owned: of the whole run with the present files, to be kept */
    struct bsc_value *earlier;   /* owned: the plan before it, whose texts the session borrows */
};

struct bsc_cli_old_run {
    struct bsc_cli *cli;                     /* borrowed */
    const struct bsc_cli_old_wishes *wishes; /* borrowed */
    struct bsc_journal_folder folder;        /* owned, as all below */
    int64_t inputs;                          /* the number of those that count (run/inputs.h) */
    struct bsc_value *plan;                  /* what they were planned to do; its items only where
                                                the runbook does not tell them */
    struct bsc_cli_amend amend;
    struct bsc_run_session session;
    struct bsc_journal_lock *lock;
    struct bsc_cli_claim claim;
    struct bsc_run_past past;
    int64_t open;                /* the number of the change that was under way, or 0 */
    struct bsc_run_word found;   /* what has become of it */
    struct bsc_value *facts;     /* as they are now */
    struct bsc_value *caveats;   /* of a rollback: what it costs, in lines; or NULL */
    struct bsc_journal *journal; /* once it is taken in hand */
    char user[BSC_PROCESS_USER];
};

/* Finds the run, its plan and what its journal says, and takes the lock of its folder. Of a run
 * that is over (see below) only that is found out, whatever has become of its files. Errors:
 * NOT_FOUND, CONFLICT when somebody is at work, REFUSED when it never began or is a copy of a run
 * that is still where it was, DAMAGED. */
bool bsc_cli_old_run_open(struct bsc_cli_old_run *run, struct bsc_err *err);

/* Whether there is nothing left to do, whatever the site is like: what is done is not resumed, and
 * what was taken back neither that nor taken back again. */
bool bsc_cli_old_run_is_over(const struct bsc_cli_old_run *run);

/* Finds out what has become of the change that was under way, and looks at the site. Nothing is
 * changed yet. Errors: REFUSED when the runbook, the library, the site file or a module is not what
 * it was begun with and that is not accepted, UNKNOWN (run/settle.h). */
bool bsc_cli_old_run_look(struct bsc_cli_old_run *run, struct bsc_err *err);

/* Opens its journal and records that this process has taken the run in hand, in this mode, with
 * what is ahead (a plan), and what was found out. */
bool bsc_cli_old_run_take(struct bsc_cli_old_run *run, const char *mode,
                          const struct bsc_value *ahead, struct bsc_err *err);

/* Shows what is ahead and has it confirmed, by a person or --yes. */
bool bsc_cli_old_run_confirm(struct bsc_cli_old_run *run, const struct bsc_value *ahead,
                             const char *question, struct bsc_err *err);

/* Makes `text` and the command with this verb the error's hint. Always false. */
bool bsc_cli_old_run_hint(const struct bsc_cli_old_run *run, const char *text, const char *verb,
                          struct bsc_err *err);
/* The same with further options, which begin with a blank. */
bool bsc_cli_old_run_hint_with(const struct bsc_cli_old_run *run, const char *text,
                               const char *verb, const char *options, struct bsc_err *err);

/* Says that there is nothing left to do, since the run is so already. */
void bsc_cli_old_run_tell(struct bsc_cli_old_run *run, const char *word);

/* Tells what went wrong. Returns the exit code: that of `audit verify` where its files are damaged.
 */
int bsc_cli_old_run_fail(struct bsc_cli *cli, const struct bsc_err *err);

/* Accepts a zeroed one. */
void bsc_cli_old_run_release(struct bsc_cli_old_run *run);

/* Parses the arguments of a verb that works with an old run; `back` is set already. Returns -1
 * to go on, else the exit code. */
int bsc_cli_old_run_parse(struct bsc_cli *cli, const char *synopsis, const char *summary, int argc,
                          char **argv, struct bsc_cli_old_wishes *wishes);

#endif
