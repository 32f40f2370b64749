#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* A signal must end the waiting although the event loop has put a handler in place, so the wait is
 * a poll, which is never restarted. */
static bool wait_for_input(struct bsc_cli *cli)
{
    struct pollfd input = {.fd = fileno(cli->in), .events = POLLIN};
    return poll(&input, 1, -1) > 0;
}

/* What is left of a line that was longer than any answer must not answer the next question. */
static void pass_over_line(FILE *in)
{
    int c = 0;
    do {
        c = fgetc(in);
    } while (c != '\n' && c != EOF);
}

enum bsc_cli_answer bsc_cli_prompt(struct bsc_cli *cli, const char *question)
{
    char line[64];
    bsc_cli_say(cli, "%s Type yes to go on: ", question != NULL ? question : "");
    if (!wait_for_input(cli)) {
        fputc('\n', cli->out);
        return BSC_ANSWER_STOPPED;
    }
    if (fgets(line, sizeof line, cli->in) == NULL) {
        fputc('\n', cli->out);
        return BSC_ANSWER_NO;
    }
    if (strchr(line, '\n') == NULL)
        pass_over_line(cli->in);
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, "yes") == 0 ? BSC_ANSWER_YES : BSC_ANSWER_NO;
}
