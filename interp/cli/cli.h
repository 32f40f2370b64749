/*
 * The command line: one file per verb, all of them given the same desk of things to work with.
 *
 * A verb parses its arguments, calls rooms to the left and shows the result; nothing that matters
 * is decided here. May include every room.
 */
#ifndef BSC_CLI_CLI_H
#define BSC_CLI_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/redact.h"
#include "os/clock.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_site_errors;
struct bsc_sql_calls;

enum bsc_cli_exit {
    BSC_EXIT_DONE = 0,
    BSC_EXIT_FAILED = 1,
    BSC_EXIT_USAGE = 2,
    BSC_EXIT_REFUSED = 3,
    BSC_EXIT_VIOLATION = 4,
    BSC_EXIT_NOT_VERIFIED = 5,
    BSC_EXIT_UNKNOWN = 6,
    BSC_EXIT_PARKED = 7
};

struct bsc_cli {
    const struct bsc_sys *sys;             /* borrowed: system calls, real or failing on purpose */
    const struct bsc_clock *clock;         /* borrowed */
    const struct bsc_sql_calls *sql_calls; /* borrowed; NULL is the real ODBC */
    struct bsc_redactor *redactor;         /* borrowed: every secret seen so far */
    struct bsc_site_errors *site_errors;   /* borrowed: all that is wrong with a site file; NULL
                                            * until bsc_cli_main gives room for it */
    FILE *in;                              /* borrowed streams */
    FILE *out;
    FILE *err;
    bool terminal; /* a person sits at `in` and sees `out` */
    bool colour;   /* `out` shows colours */
    bool json;     /* --json: the result goes to `out` as canonical JSON, nothing else does */
    int out_errno; /* why `out` could not be written for the first time; 0: it could */
};

typedef int (*bsc_cli_verb)(struct bsc_cli *cli, int argc, char **argv);

/* Runs one command line (argv[0] is the program); returns the exit code. A verb that only shows
 * something has failed when it could not be written. The code of one that changes something tells
 * of the change alone. */
int bsc_cli_main(struct bsc_cli *cli, int argc, char **argv);

/* The verbs: argv[0] is the verb's own name. */
int bsc_cli_agent(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_audit(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_check(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_lab(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_observe(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_plan(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_rehearse(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_report(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_resume(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_rollback(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_run(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_status(struct bsc_cli *cli, int argc, char **argv);
int bsc_cli_test(struct bsc_cli *cli, int argc, char **argv);

/* Prints an error, redacted: where, message, cause, detail, hint; as JSON under --json. Of a site
 * file every error is told. Returns the exit code that fits its kind. */
int bsc_cli_fail(struct bsc_cli *cli, const struct bsc_err *err);

/* The same where the exit code is not that of its kind. Returns the code. */
int bsc_cli_fail_with(struct bsc_cli *cli, const struct bsc_err *err, int code);

/* Writes a value as one canonical JSON line to `out`, redacted. */
void bsc_cli_json(struct bsc_cli *cli, const struct bsc_value *value);

/* The text (NULL: "") without line breaks and other control characters, owned: for what stands at
 * the left, where only bascule begins a line. */
char *bsc_cli_line(const char *text);

/* Prints to `out` unless --json; redacted, control characters made visible. */
void bsc_cli_say(struct bsc_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum bsc_cli_style {
    BSC_STYLE_PLAIN,
    BSC_STYLE_BOLD,
    BSC_STYLE_GOOD,
    BSC_STYLE_BAD,
    BSC_STYLE_DIM
};
/* The escape sequence of a style, or "" without colour. */
const char *bsc_cli_style(const struct bsc_cli *cli, enum bsc_cli_style style);

#endif
