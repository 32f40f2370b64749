/*
 * How plans, items, changes and facts look on a screen. Everything goes through bsc_cli_say, so
 * nothing is shown under --json.
 */
#ifndef BSC_CLI_SHOW_H
#define BSC_CLI_SHOW_H

#include "base/buf.h"
#include "cli/cli.h"
#include "value/value.h"

/* The whole plan: inputs, items with their statements, facts before and after each. */
void bsc_cli_show_plan(struct bsc_cli *cli, const struct bsc_value *plan);

/* {id=facts}, one paragraph for each resource. */
void bsc_cli_show_facts(struct bsc_cli *cli, const struct bsc_value *facts);

/* The errors of a runbook, in the form file:line: message. */
void bsc_cli_show_errors(struct bsc_cli *cli, const struct bsc_value *errors);

/* One line that says an item begins: its number, kind and title. */
void bsc_cli_show_item(struct bsc_cli *cli, const struct bsc_value *item);

/* What a label of an action means: modelled, evaluated, declared or assumed. */
const char *bsc_cli_label_words(const char *label);

/* A statement, folded and indented. */
void bsc_cli_show_statement(struct bsc_cli *cli, const char *statement);

/* The outcome word in its colour, and the reason below it when there is one. */
void bsc_cli_show_outcome(struct bsc_cli *cli, const char *outcome, const char *reason);

/* Text, folded at blanks, after so many blanks. */
void bsc_cli_show_folded(struct bsc_cli *cli, int indent, const char *text);

/* Appends a value as people read it; a long list only by its length. */
void bsc_cli_add_value(struct bsc_buf *out, const struct bsc_value *value);

/* A note of a runbook: {kind, text}. */
void bsc_cli_show_note(struct bsc_cli *cli, const struct bsc_value *note);

#endif
