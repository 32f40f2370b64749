#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/shell.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/files.h"
#include "os/process.h"

enum { PID_FILE_MAX = 4096, COMMAND_LINE_MAX = 64 * 1024 };

#define STATE_ARGS "pid_file: text"

/* The first line, as most programs write it; others follow with some. */
static bool pid_read(const struct bsc_sys *sys, const char *path, int64_t *ret_pid,
                     struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bool ok = bsc_files_read(sys, path, PID_FILE_MAX, &text, err);
    if (ok && (!bsc_num_parse(text.data, strcspn(text.data, " \r\n"), ret_pid) || *ret_pid <= 1 ||
               *ret_pid > INT32_MAX))
        ok = bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" does not hold the pid of a process", path);
    bsc_buf_release(&text);
    return ok;
}

/* As a shell would have to be given it; "" when the system does not tell. Returns owned. */
static struct bsc_value *command_line(const struct bsc_sys *sys, int64_t pid)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_buf words, line;
    char *path = bsc_mem_format("/proc/%lld/cmdline", (long long)pid);
    bsc_buf_init(&words);
    bsc_buf_init(&line);
    (void)bsc_files_read(sys, path, COMMAND_LINE_MAX, &words, &ignored);
    for (size_t at = 0; at < words.length; at += strlen(words.data + at) + 1) {
        if (at > 0)
            bsc_buf_add_char(&line, ' ');
        bsc_shell_add(&line, words.data + at);
    }
    struct bsc_value *text = bsc_value_bytes(line.data, line.length);
    bsc_buf_release(&words);
    bsc_buf_release(&line);
    bsc_mem_free(path);
    return text;
}

static bool state_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    const char *path = NULL;
    int64_t pid = 0;
    if (!bsc_lib_args_known(call->args, STATE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "pid_file", &path, err))
        return false;
    bool there = bsc_files_exists(sys, path);
    if (there && !pid_read(sys, path, &pid, err))
        return false;
    bool alive = there && bsc_process_alive((pid_t)pid);
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "alive", alive);
    bsc_value_set_int(*ret, "pid", pid);
    bsc_value_set(*ret, "program", alive ? command_line(sys, pid) : bsc_value_text(""));
    return true;
}

const struct bsc_lib_row bsc_lib_row_process_state = {
    .name = "process.state",
    .effect = BSC_LIB_READ,
    .run = state_run,
    .args = STATE_ARGS,
    .result = "map {alive: bool, pid: int, program: text}",
    .doc = "Says whether the process lives whose pid is in the file, and by what it was started.",
};

/* process.end */

#define END_ARGS "pid_file: text, program: text"

enum { END_WITHIN_MS = 30000 };

struct sought {
    const struct bsc_sys *sys;
    const char *program; /* its command line */
};

static bool is_sought(void *arg, pid_t pid)
{
    const struct sought *sought = arg;
    struct bsc_value *line = command_line(sought->sys, pid);
    bool same = strcmp(bsc_value_string(line), sought->program) == 0;
    bsc_value_free(line);
    return same;
}

static int64_t wait_ms_of(const struct bsc_lib_call *call)
{
    int64_t left_ms = bsc_lib_call_left_ms(call);
    return left_ms == 0 || left_ms > END_WITHIN_MS ? END_WITHIN_MS : left_ms;
}

/* Who has ended has no file, or a stale one. */
static bool end_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct sought sought = {.sys = call->env->sys};
    const char *path = NULL;
    int64_t pid = 0;
    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_args_path(call->args, "pid_file", &path, err) ||
        !bsc_lib_args_text(call->args, "program", &sought.program, err))
        return false;
    bool there = bsc_files_exists(call->env->sys, path);
    if (there &&
        (!pid_read(call->env->sys, path, &pid, err) ||
         !bsc_process_stop((pid_t)pid, is_sought, &sought, wait_ms_of(call), call->cancel, err)))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "pid", pid);
    return true;
}

const struct bsc_lib_row bsc_lib_row_process_end = {
    .name = "process.end",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = end_run,
    .args = END_ARGS,
    .result = "map {pid: int}",
    .doc = "Sends SIGTERM to the process whose pid is in the file, if it was started by `program`, "
           "and waits until it has ended, for 30 seconds at most.",
};
