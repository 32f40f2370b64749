/*
 * The program: real clock, real system calls, real streams.
 */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "os/streams.h"

/* NO_COLOR (any value) and TERM=dumb switch colours off. */
static bool wants_colour(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

int main(int argc, char **argv)
{
    struct bsc_cli cli = {0};
    bsc_mem_share_between_threads();
    if (!bsc_streams_fill())
        return BSC_EXIT_FAILED;
    /* Only the character set: Lua compares texts by LC_COLLATE, which must stay plain bytes. */
    setlocale(LC_CTYPE, "C.UTF-8");
    /* A reader who leaves, or a limit on the size of files, must reach us as an error that can be
     * told and recorded, not as a death in the middle of a change. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* Whoever started us may ignore the ends of children, and that is inherited: then no command
     * would have an exit code. */
    signal(SIGCHLD, SIG_DFL);
    cli.sys = bsc_sys_real();
    cli.clock = bsc_clock_real();
    cli.redactor = bsc_redactor_new();
    cli.in = stdin;
    cli.out = stdout;
    cli.err = stderr;
    cli.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    cli.colour = wants_colour();
    int code = bsc_cli_main(&cli, argc, argv);
    bsc_redactor_free(cli.redactor);
    return code;
}
