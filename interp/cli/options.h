/*
 * Reading a verb's arguments from a table of options.
 */
#ifndef BSC_CLI_OPTIONS_H
#define BSC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/cli.h"
#include "value/value.h"

struct bsc_cli_option {
    const char *name;        /* "--site" */
    const char *short_name;  /* "-o", or NULL */
    const char *value_name;  /* "FILE", or NULL for a switch */
    const char *doc;         /* what it is for */
    bool *flag;              /* a switch sets this */
    const char **text;       /* a value is put here (borrowed from argv) */
    struct bsc_value *pairs; /* k=v values are collected in this map instead */
};

struct bsc_cli_usage {
    const char *synopsis;                 /* "plan RUNBOOK --site SITE [options]" */
    const char *summary;                  /* one or two sentences */
    const struct bsc_cli_option *options; /* ends with a NULL name */
    size_t operands_min;
    size_t operands_max;
};

/* Whether argv[1…] asks for JSON: known before anything can be wrong, so that an error is told in
 * the form that was asked for. */
bool bsc_cli_wants_json(int argc, char **argv);

/* Parses argv[1…]; operands are moved to the front of argv (from argv[1]) and counted. Handles
 * --help (prints, sets *ret_help) and --json by itself. False with BSC_ERR_USAGE otherwise. */
bool bsc_cli_parse(struct bsc_cli *cli, const struct bsc_cli_usage *usage, int argc, char **argv,
                   size_t *ret_operands, bool *ret_help, struct bsc_err *err);

#endif
