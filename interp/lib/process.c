#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/program_int.h"
#include "lib/rows_int.h"
#include "os/files.h"
#include "os/process.h"
#include "value/digest.h"

enum { PID_FILE_MAX = 4096, COMMAND_LINE_MAX = 64 * 1024, MARK_DIGITS = 16 };

#define STATE_ARGS "pid_file: text, job: list?"

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

/* Its words, each with a NUL behind it; none when the system does not tell. */
static void read_words(const struct bsc_sys *sys, int64_t pid, struct bsc_buf *ret_words)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *path = bsc_mem_format("/proc/%lld/cmdline", (long long)pid);
    (void)bsc_files_read(sys, path, COMMAND_LINE_MAX, ret_words, &ignored);
    bsc_mem_free(path);
}

/* The program by its first word, and the whole line by a digest only: there may be a password in
 * it. "" when the system does not tell. Returns owned. */
static char *mark_of(const struct bsc_buf *words)
{
    char hex[BSC_DIGEST_HEX] = "";
    if (words->length == 0)
        return bsc_mem_text("");
    bsc_digest_text(words->data, words->length, hex);
    return bsc_mem_format("%.*s (command line %.*s)", (int)strcspn(words->data, " \t\r\n"),
                          words->data, MARK_DIGITS, hex);
}

/* Whether the words of the list stand in the line, one after the other, from `at` on. */
static bool words_stand(const struct bsc_buf *words, size_t at, const struct bsc_value *list)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *word = bsc_value_string(bsc_value_at(list, i));
        if (word == NULL || at >= words->length || strcmp(words->data + at, word) != 0)
            return false;
        at += strlen(words->data + at) + 1;
    }
    return bsc_value_count(list) > 0;
}

static bool has_words(const struct bsc_buf *words, const struct bsc_value *list)
{
    bool found = false;
    for (size_t at = 0; at < words->length && !found; at += strlen(words->data + at) + 1)
        found = words_stand(words, at, list);
    return found;
}

static bool state_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    const struct bsc_value *job = NULL;
    const char *path = NULL;
    int64_t pid = 0;
    if (!bsc_lib_args_known(call->args, STATE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "pid_file", &path, err) ||
        (bsc_value_get(call->args, "job") != NULL &&
         !bsc_lib_args_list(call->args, "job", &job, err)))
        return false;
    bool there = bsc_files_exists(sys, path);
    if (there && !pid_read(sys, path, &pid, err))
        return false;
    bool alive = there && bsc_process_alive((pid_t)pid);
    struct bsc_buf words;
    bsc_buf_init(&words);
    if (alive)
        read_words(sys, pid, &words);
    char *mark = mark_of(&words);
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "alive", alive);
    bsc_value_set_int(*ret, "pid", pid);
    bsc_value_set_text(*ret, "program", mark);
    bsc_value_set_bool(*ret, "is_job", has_words(&words, job));
    bsc_mem_free(mark);
    bsc_buf_release(&words);
    return true;
}

const struct bsc_lib_row bsc_lib_row_process_state = {
    .name = "process.state",
    .effect = BSC_LIB_READ,
    .run = state_run,
    .args = STATE_ARGS,
    .result = "map {alive: bool, pid: int, program: text, is_job: bool}",
    .doc = "Says whether the process lives whose pid is in the file, what program it is, with a "
           "digest of its command line, and whether the words `job` stand in that one after the "
           "other.",
};

/* process.end */

#define END_ARGS "pid_file: text, program: text, argv: list?"

enum { END_WITHIN_MS = 30000 };

struct sought {
    const struct bsc_sys *sys;
    const char *program; /* as process.state tells it */
};

static bool is_sought(void *arg, pid_t pid)
{
    const struct sought *sought = arg;
    struct bsc_buf words;
    bsc_buf_init(&words);
    read_words(sought->sys, pid, &words);
    char *mark = mark_of(&words);
    bool same = strcmp(mark, sought->program) == 0;
    bsc_mem_free(mark);
    bsc_buf_release(&words);
    return same;
}

static int64_t wait_ms_of(const struct bsc_lib_call *call)
{
    int64_t left_ms = bsc_lib_call_left_ms(call);
    return left_ms == 0 || left_ms > END_WITHIN_MS ? END_WITHIN_MS : left_ms;
}

/* A command may only have told it to end, and its pid file be gone by the time that it returns. */
static bool end_by_command(struct bsc_lib_call *call, struct sought *sought, int64_t pid,
                           struct bsc_err *err)
{
    struct bsc_value *answer = NULL;
    bool ok = bsc_lib_command_perform(call, 0, &answer, err) &&
              (pid == 0 || bsc_process_await((pid_t)pid, is_sought, sought, wait_ms_of(call),
                                             call->cancel, err));
    bsc_value_free(answer);
    return ok;
}

/* Who has ended has no file, or a stale one. */
static bool end_it(struct bsc_lib_call *call, struct sought *sought, int64_t pid,
                   struct bsc_err *err)
{
    if (bsc_value_get(call->args, "argv") != NULL)
        return end_by_command(call, sought, pid, err);
    return pid == 0 ||
           bsc_process_stop((pid_t)pid, is_sought, sought, wait_ms_of(call), call->cancel, err);
}

static bool end_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct sought sought = {.sys = call->env->sys};
    const char *path = NULL;
    int64_t pid = 0;
    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_args_path(call->args, "pid_file", &path, err) ||
        !bsc_lib_args_text(call->args, "program", &sought.program, err))
        return false;
    if (bsc_files_exists(call->env->sys, path) && !pid_read(call->env->sys, path, &pid, err))
        return false;
    if (!end_it(call, &sought, pid, err))
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
    .doc = "Sends SIGTERM to the process whose pid is in the file, if it is `program` by the words "
           "of process.state, and waits until it has ended, for 30 seconds at most. With `argv` "
           "that command is run instead, whoever has the pid, and `program` waited for.",
};
