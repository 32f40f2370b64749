#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/sql/fault_odbc.h"
#include "alone.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "client.h"
#include "os/loop.h"
#include "watch.h"

enum { KILLED = 99, OUTPUT_SHOWN = 1500, INTERRUPTIONS = 100 };

void fault_need(bool ok, const char *doing, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "the test cannot go on: %s \"%s\": %s\n", doing, what, strerrorname_np(errno));
    exit(2);
}

struct desk {
    const struct fault_order *order;
    struct fault_result *result;
    struct unit_sys sys;
    struct fault_odbc odbc;
    struct bsc_clock clock;
    int64_t wall_ms;
    struct fault_watch *watch;   /* owned; NULL: nobody watches */
    struct fault_client *client; /* owned */
};

/* Stands still, so that what is recorded is the same each time. What waits goes by the other
 * clock. */
static int64_t tell_wall(void *self)
{
    const struct desk *desk = self;
    return desk->wall_ms;
}

static int64_t tell_mono(void *self)
{
    (void)self;
    return bsc_clock_real()->mono_us(NULL);
}

static void note_done(void *arg, const struct unit_sys_call *call)
{
    struct desk *desk = arg;
    if (desk->watch != NULL)
        fault_watch_after(desk->watch, call);
    fault_client_look(desk->client, call);
}

static void note_sql(void *arg, const char *name)
{
    struct desk *desk = arg;
    if (desk->watch != NULL)
        fault_watch_sql(desk->watch, name);
}

static void note_call(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    struct desk *desk = arg;
    if (desk->watch != NULL)
        fault_watch_before(desk->watch, kind);
    struct fault_result *result = desk->result;
    if (call <= FAULT_CALLS_MAX)
        result->kinds[call - 1] = (unsigned char)kind;
    result->sys_calls = call;
    bool of_calls = desk->order->kind == FAULT_SYS || desk->order->kind == FAULT_KILL;
    if (!of_calls || call != desk->order->at)
        return;
    result->hit = true;
    (void)snprintf(result->failed, sizeof result->failed, "%s", unit_sys_name(kind));
    if (desk->order->kind == FAULT_KILL)
        _exit(KILLED);
}

/* The loop's library keeps two for the life of the process. */
static void warm_up(void)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_loop *loop = bsc_loop_new(&err);
    if (loop != NULL)
        bsc_loop_free(loop);
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void arm(struct desk *desk)
{
    const struct fault_order *order = desk->order;
    unit_sys_init(&desk->sys);
    desk->sys.before = note_call;
    desk->sys.before_arg = desk;
    desk->sys.after = note_done;
    desk->sys.after_arg = desk;
    desk->clock = (struct bsc_clock){desk, tell_wall, tell_mono};
    fault_odbc_init(&desk->odbc);
    desk->odbc.before = note_sql;
    desk->odbc.before_arg = desk;
    if (order->kind == FAULT_SYS)
        unit_sys_fail(&desk->sys, order->at, order->error, order->sticky);
    desk->sys.among = order->kinds;
    desk->sys.most = order->error == EINTR ? INTERRUPTIONS : 0;
    if (order->kind == FAULT_SQL) {
        fault_odbc_arm(&desk->odbc, (int)order->at, order->sticky);
        memcpy(desk->odbc.sqlstate, order->sqlstate, sizeof desk->odbc.sqlstate);
    }
}

static void note_end(struct desk *desk, int code, int descriptors)
{
    struct fault_result *result = desk->result;
    result->code = code;
    result->descriptors = count_descriptors() - descriptors;
    result->sql_calls = (unsigned long)desk->odbc.count;
    if (desk->odbc.hit) {
        result->hit = true;
        (void)snprintf(result->failed, sizeof result->failed, "%s", desk->odbc.failed);
    }
    result->ended = true;
}

static int run_here(struct desk *desk, const char *const *words)
{
    char *argv[32] = {bsc_mem_text("bascule")};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = bsc_mem_text(words[argc - 1]);
    struct bsc_cli cli = {.sys = &desk->sys.table,
                          .clock = &desk->clock,
                          .sql_calls = &desk->odbc.calls,
                          .redactor = bsc_redactor_new(),
                          .in = stdin,
                          .out = stdout,
                          .err = stderr};
    int code = bsc_cli_main(&cli, argc, argv);
    bsc_redactor_free(cli.redactor);
    for (int i = 0; i < argc; i++)
        bsc_mem_free(argv[i]);
    return code;
}

static void child(const struct fault_bench *bench, const struct fault_order *order,
                  const char *const *words)
{
    struct desk *desk = bsc_mem_new(1, sizeof *desk);
    int output = open(bench->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (output < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(2);
    close(output);
    fault_alone_settle();
    desk->order = order;
    desk->result = bench->result;
    arm(desk);
    desk->sys.locks = bench->no_locks;
    desk->wall_ms = bench->wall_ms;
    desk->client = fault_client_new(bench);
    if (order->watched)
        desk->watch = fault_watch_new(bench, order);
    warm_up();
    int descriptors = count_descriptors();
    int code = run_here(desk, words);
    note_end(desk, code, descriptors);
    fflush(stdout);
    fflush(stderr);
    fault_watch_free(desk->watch);
    fault_client_free(desk->client);
    bsc_mem_free(desk);
    /* On exit, and not before, a sanitizer tells what was not given back. */
    if (FAULT_SANITIZED)
        exit(0);
    _exit(0);
}

void fault_run(struct fault_bench *bench, const struct fault_order *order, const char *const *words)
{
    memset(bench->result, 0, sizeof *bench->result);
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    fault_need(pid >= 0, "begin", "a process");
    if (pid == 0)
        child(bench, order, words);
    fault_need(waitpid(pid, &bench->result->status, 0) == pid, "wait for", "a process");
    if (order->kind != FAULT_NONE)
        memcpy(bench->failed, bench->result->failed, sizeof bench->failed);
}

char *fault_output(const struct fault_bench *bench)
{
    struct stat status = {0};
    int fd = open(bench->output, O_RDONLY | O_CLOEXEC);
    fault_need(fd >= 0 && fstat(fd, &status) == 0, "read", bench->output);
    char *text = bsc_mem_new((size_t)status.st_size + 1, 1);
    fault_need(read(fd, text, (size_t)status.st_size) == status.st_size, "read", bench->output);
    close(fd);
    return text;
}

static void describe_state(struct bsc_buf *text, const struct fault_state *state)
{
    if (state->before != NULL)
        describe_state(text, state->before);
    bsc_buf_printf(text, "%sstopped before call %lu and ODBC call %lu%s%s",
                   state->before != NULL ? ", gone on with, " : "", state->sys_call + 1,
                   state->sql_call + 1, state->how != NULL ? ": " : "",
                   state->how != NULL ? state->how : "");
}

void fault_describe(const struct fault_bench *bench, const struct fault_order *order,
                    struct bsc_buf *text)
{
    const char *name = bench->failed;
    switch (order->kind) {
    case FAULT_SYS:
        bsc_buf_printf(text, "call %lu (%s) fails%s with %s", order->at, name,
                       order->sticky ? " and all later ones" : "", strerrorname_np(order->error));
        break;
    case FAULT_SQL:
        bsc_buf_printf(text, "ODBC call %lu (%s) fails%s with %s", order->at, name,
                       order->sticky ? " and all later ones" : "", order->sqlstate);
        break;
    case FAULT_STOP:
        describe_state(text, order->from);
        break;
    case FAULT_KILL:
        bsc_buf_printf(text, "killed before call %lu (%s)", order->at, name);
        break;
    default:
        bsc_buf_printf(text, "undisturbed");
        break;
    }
}

void fault_complain(struct fault_bench *bench, const struct fault_order *order, const char *verb,
                    const char *format, ...)
{
    struct bsc_buf text;
    va_list args;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "%s, ", verb);
    fault_describe(bench, order, &text);
    printf("FAILED %s: ", text.data);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    char *output = fault_output(bench);
    size_t length = strlen(output);
    printf("\n  it printed last:\n%s\n",
           length > OUTPUT_SHOWN ? output + length - OUTPUT_SHOWN : output);
    bsc_mem_free(output);
    bsc_buf_release(&text);
    bench->failures++;
}
