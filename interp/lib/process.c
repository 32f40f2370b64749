#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/program_int.h"
#include "lib/rows_int.h"
#include "os/clock.h"
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

/* By what a process is known. */
struct known {
    const char *pid_file;        /* borrowed */
    const struct bsc_value *job; /* borrowed list of words, or NULL */
};

static bool take_known(const struct bsc_value *args, struct known *ret, struct bsc_err *err)
{
    *ret = (struct known){0};
    return bsc_lib_args_path(args, "pid_file", &ret->pid_file, err) &&
           (bsc_value_get(args, "job") == NULL || bsc_lib_args_list(args, "job", &ret->job, err));
}

struct seen {
    int64_t pid; /* 0 without a pid file */
    bool alive;
    bool is_job;
    char *mark; /* owned; see mark_of */
};

/* The caller frees the mark in any case. */
static bool look(const struct bsc_sys *sys, const struct known *known, struct seen *ret,
                 struct bsc_err *err)
{
    *ret = (struct seen){0};
    bool there = bsc_files_exists(sys, known->pid_file);
    if (there && !pid_read(sys, known->pid_file, &ret->pid, err))
        return false;
    struct bsc_buf words;
    bsc_buf_init(&words);
    ret->alive = there && bsc_process_alive((pid_t)ret->pid);
    if (ret->alive)
        read_words(sys, ret->pid, &words);
    ret->is_job = has_words(&words, known->job);
    ret->mark = mark_of(&words);
    bsc_buf_release(&words);
    return true;
}

static bool state_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct known known;
    struct seen seen;
    if (!bsc_lib_args_known(call->args, STATE_ARGS, err) || !take_known(call->args, &known, err) ||
        !look(call->env->sys, &known, &seen, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "alive", seen.alive);
    bsc_value_set_int(*ret, "pid", seen.pid);
    bsc_value_set_text(*ret, "program", seen.mark);
    bsc_value_set_bool(*ret, "is_job", seen.is_job);
    bsc_mem_free(seen.mark);
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

/* process.begin */

#define BEGIN_ARGS "pid_file: text, argv: list, job: list?, program: text?"

enum { BEGIN_WITHIN_MS = 30000, LOOK_EVERY_MS = 5 };

/* Until it has become the job, a process that was begun for it may be a shell. */
static bool is_at_work(const struct seen *seen, const struct known *known, const char *program,
                       struct bsc_err *err)
{
    if (seen->pid == 0)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no \"%s\"", known->pid_file);
    if (!seen->alive)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND,
                           "process %lld, whose pid is in \"%s\", has ended", (long long)seen->pid,
                           known->pid_file);
    bool is_it = (bsc_value_count(known->job) == 0 || seen->is_job) &&
                 (program == NULL || strcmp(program, seen->mark) == 0);
    return is_it ||
           bsc_err_set(err, BSC_ERR_CONFLICT, "process %lld, whose pid is in \"%s\", is %s",
                       (long long)seen->pid, known->pid_file,
                       seen->mark[0] != '\0' ? seen->mark : "a program that cannot be seen");
}

static bool look_for_work(const struct bsc_lib_call *call, const struct known *known,
                          const char *program, int64_t *ret_pid, struct bsc_err *err)
{
    struct seen seen;
    bool found = look(call->env->sys, known, &seen, err) && is_at_work(&seen, known, program, err);
    *ret_pid = seen.pid;
    bsc_mem_free(seen.mark);
    return found;
}

static int64_t now_us(const struct bsc_lib_call *call)
{
    return call->env->clock->mono_us(call->env->clock->self);
}

/* A command may come back before the job has written its pid file. */
static bool await_work(const struct bsc_lib_call *call, const struct known *known,
                       const char *program, int64_t *ret_pid, struct bsc_err *err)
{
    struct bsc_err missing = BSC_ERR_INIT, stop = {.code = BSC_ERR_TIMEOUT};
    const int64_t until_us =
        call->deadline_us != 0 ? call->deadline_us : now_us(call) + (int64_t)BEGIN_WITHIN_MS * 1000;
    while (!look_for_work(call, known, program, ret_pid, &missing)) {
        if (now_us(call) >= until_us || !bsc_lib_call_continue(call, &stop)) {
            *err = missing;
            err->code = stop.code;
            return bsc_err_wrap(err, "the job is not seen at work");
        }
        bsc_clock_pause(LOOK_EVERY_MS, call->cancel);
    }
    return true;
}

static bool begin_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct known known;
    struct bsc_value *answer = NULL;
    const char *program = NULL;
    int64_t pid = 0;
    bool ok = bsc_lib_args_known(call->args, BEGIN_ARGS, err) &&
              take_known(call->args, &known, err) &&
              bsc_lib_args_text_or(call->args, "program", NULL, &program, err) &&
              bsc_lib_command_perform(call, 0, &answer, err) &&
              await_work(call, &known, program, &pid, err);
    bsc_value_free(answer);
    if (!ok)
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "pid", pid);
    return true;
}

const struct bsc_lib_row bsc_lib_row_process_begin = {
    .name = "process.begin",
    .effect = BSC_LIB_WRITE,
    .run = begin_run,
    .args = BEGIN_ARGS,
    .result = "map {pid: int}",
    .doc = "Runs the command `argv` and waits until the process lives whose pid is in the file, "
           "and is the one with the words `job` and the very `program` of process.state where "
           "they are given: until the change's deadline, for 30 seconds where it has none.",
};
