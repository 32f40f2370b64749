/*
 * Asking a person.
 */
#ifndef BSC_CLI_PROMPT_H
#define BSC_CLI_PROMPT_H

#include "cli/cli.h"

enum bsc_cli_answer {
    BSC_ANSWER_YES,
    BSC_ANSWER_NO,
    BSC_ANSWER_LATER,
    BSC_ANSWER_STOPPED,
    BSC_ANSWER_GONE
};

/* Shows the question and waits for a line: "yes" is yes, Ctrl-C is stopped, a terminal that is
 * lost is gone, all else is no. Only
 * to be called when `cli->terminal` holds. */
enum bsc_cli_answer bsc_cli_prompt(struct bsc_cli *cli, const char *question);

/* The same where the answer may be left for later: "later" is that, and so is an empty line. */
enum bsc_cli_answer bsc_cli_prompt_later(struct bsc_cli *cli, const char *question);

#endif
