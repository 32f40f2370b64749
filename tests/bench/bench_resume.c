/*
 * How soon a run goes on that has many finished steps: from the start of `bascule resume` to its
 * first new effect, and the memory that takes; beside it what a run of one step costs.
 *
 *     bench_resume BASCULE FOLDER [STEPS]
 *
 * BASCULE is the program; in FOLDER, which must not be there, runs of STEPS (10,000) finished steps
 * and of one are made. Figures are medians of several rounds, each from the same journal.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"

enum { ROUNDS = 7, STEPS = 10000 };

static const char site_text[] = "site: bench\n"
                                "data_centres:\n"
                                "  here: { title: Here }\n"
                                "servers:\n"
                                "  one: { data_centre: here }\n";

/* The last step fails until there is a file `go`, and then tells when it began. */
static const char book_text[] =
    "runbook \"many\" { summary = \"Many steps\" }\n"
    "for i = 1, %d do\n"
    "  step(\"Step \" .. i) { command.run { argv = { \"/bin/true\" } }, harmless = \"nothing\" }\n"
    "end\n"
    "step \"Last\" { command.run {\n"
    "  argv = { \"/bin/sh\", \"-c\", \"test -e go && date +%%s%%N >effect\" },\n"
    "}, harmless = \"nothing\" }\n";

static void put(const char *path, const char *text, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_files_write(bsc_sys_real(), path, text, length, 0600, &err))
        bench_die(path, &err);
}

static void get(const char *path, struct bsc_buf *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_files_read(bsc_sys_real(), path, (size_t)1 << 30, text, &err))
        bench_die(path, &err);
}

/* Runs the program in the working folder; returns its exit status and peak memory in kB. */
static int bascule(char *const *words, long *ret_peak)
{
    int status = 0;
    struct rusage used;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        execv(words[0], words);
        _exit(127);
    }
    if (wait4(pid, &status, 0, &used) != pid)
        bench_die(words[1], NULL);
    *ret_peak = used.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static double wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* When the first new effect began. */
static double effect_ns(void)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    get("effect", &text);
    double at = strtod(text.data, NULL);
    bsc_buf_release(&text);
    return at;
}

static char *journal_path(void)
{
    glob_t found;
    if (glob("runs/*/journal.jsonl", 0, NULL, &found) != 0 || found.gl_pathc != 1)
        bench_die("there is not one journal", NULL);
    char *path = bsc_mem_text(found.gl_pathv[0]);
    globfree(&found);
    return path;
}

static void prepare(char *program, int steps)
{
    long peak = 0;
    char *book = bsc_mem_format(book_text, steps);
    put("site.yaml", site_text, sizeof site_text - 1);
    put("many.lua", book, strlen(book));
    bsc_mem_free(book);
    char *words[] = {program, (char *)"run", (char *)"many.lua", (char *)"--yes", NULL};
    if (bascule(words, &peak) != 1)
        bench_die("the run did not halt at its last step", NULL);
    put("go", "", 0);
}

static void measure(char *program, int steps)
{
    double spent[ROUNDS], memory[ROUNDS];
    char *words[] = {program, (char *)"resume", (char *)"last", (char *)"--yes", NULL};
    struct bsc_buf journal;
    bsc_buf_init(&journal);
    prepare(program, steps);
    char *path = journal_path();
    get(path, &journal);
    for (int i = 0; i < ROUNDS; i++) {
        long peak = 0;
        put(path, journal.data, journal.length);
        double start = wall_ns();
        if (bascule(words, &peak) != 0)
            bench_die("the run was not done", NULL);
        spent[i] = (effect_ns() - start) / 1e6;
        memory[i] = (double)peak / 1024;
    }
    printf("%d finished steps, journal of %.1f MB: first new effect after %.0f ms, %.1f MB\n",
           steps, (double)journal.length / 1e6, bench_median(spent, ROUNDS),
           bench_median(memory, ROUNDS));
    bsc_mem_free(path);
    bsc_buf_release(&journal);
}

static void enter(const char *folder)
{
    if (mkdir(folder, 0700) != 0 || chdir(folder) != 0)
        bench_die(folder, NULL);
}

int main(int argc, char **argv)
{
    int64_t steps = STEPS;
    if (argc < 3 || (argc > 3 && !bsc_num_parse(argv[3], strlen(argv[3]), &steps)))
        bench_die("usage: bench_resume BASCULE FOLDER [STEPS]", NULL);
    char *program = realpath(argv[1], NULL);
    if (program == NULL)
        bench_die(argv[1], NULL);
    enter(argv[2]);
    enter("one");
    measure(program, 1);
    if (chdir("..") != 0)
        bench_die(argv[2], NULL);
    enter("many");
    measure(program, (int)steps);
    free(program);
    return 0;
}
