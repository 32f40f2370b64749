#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>

#include "base/mem.h"

/* A signal must end the waiting although the event loop has put a handler in place, so the wait is
 * a poll, which is never restarted. */
static bool wait_for_input(struct bsc_cli *cli)
{
    struct pollfd input = {.fd = fileno(cli->in), .events = POLLIN};
    return poll(&input, 1, -1) > 0;
}

/* Whether the terminal was lost: then nobody has said no. */
static bool is_gone(struct bsc_cli *cli)
{
    struct pollfd input = {.fd = fileno(cli->in), .events = POLLIN};
    return poll(&input, 1, 0) > 0 && (input.revents & (POLLHUP | POLLERR)) != 0;
}

enum { ANSWER_BYTES = 64 };

/* Reads one line to its end, whatever is in it, so that no rest of it answers the next question;
 * what is longer than any answer is cut. False at the end of input. */
static bool read_line(FILE *in, char line[ANSWER_BYTES])
{
    size_t length = 0;
    int c = fgetc(in);
    if (c == EOF)
        return false;
    for (; c != '\n' && c != EOF; c = fgetc(in)) {
        if (length < ANSWER_BYTES - 1)
            line[length++] = c == '\0' ? '?' : (char)c;
    }
    line[length] = '\0';
    return true;
}

/* Shows the question with what can be typed, and reads the line; NO stands for one that is there.
 */
static enum bsc_cli_answer ask(struct bsc_cli *cli, const char *question, const char *how,
                               char line[ANSWER_BYTES])
{
    /* What was typed before the question was asked is no answer to it. */
    (void)tcflush(fileno(cli->in), TCIFLUSH);
    char *whole = bsc_cli_line(question);
    bsc_cli_say(cli, "%s %s: ", whole, how);
    bsc_mem_free(whole);
    line[0] = '\0';
    if (!wait_for_input(cli)) {
        fputc('\n', cli->out);
        return is_gone(cli) ? BSC_ANSWER_GONE : BSC_ANSWER_STOPPED;
    }
    if (!read_line(cli->in, line)) {
        fputc('\n', cli->out);
        return is_gone(cli) ? BSC_ANSWER_GONE : BSC_ANSWER_NO;
    }
    line[strcspn(line, "\r")] = '\0';
    return strcmp(line, "yes") == 0 ? BSC_ANSWER_YES : BSC_ANSWER_NO;
}

enum bsc_cli_answer bsc_cli_prompt(struct bsc_cli *cli, const char *question)
{
    char line[ANSWER_BYTES];
    return ask(cli, question, "Type yes to go on", line);
}

enum bsc_cli_answer bsc_cli_prompt_later(struct bsc_cli *cli, const char *question)
{
    char line[ANSWER_BYTES];
    enum bsc_cli_answer said =
        ask(cli, question, "Type yes to go on, no to refuse, later to park the run", line);
    bool later = line[0] == '\0' || strcmp(line, "later") == 0;
    return said == BSC_ANSWER_NO && later ? BSC_ANSWER_LATER : said;
}
