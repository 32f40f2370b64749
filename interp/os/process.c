#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/process_int.h"

enum {
    HELD_FD = STDERR_FILENO + 1, /* what the child shall hold open */
    CANCEL_LOOK_MS = 20,         /* how often the cancel flag is looked at */
    END_LOOK_MS = 10, /* how often the child is looked at where the kernel has no pidfd */
    TERM_GRACE_MS = 2000,
    READ_CHUNK = 65536
};

/* A child that runs, seen from the thread that waits for it. */
struct watch {
    const struct bsc_process_order *order; /* borrowed */
    struct bsc_process_result *result;     /* borrowed */
    pid_t pid;
    int pid_fd; /* readable once the child has ended; -1 where there is none */
    int out_fd; /* our end of its standard output; -1 after its end */
    int err_fd;
    int64_t started_us;
};

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

void bsc_process_env_init(struct bsc_process_env *env)
{
    const char *path = getenv("PATH");
    const char *home = getenv("HOME");
    size_t count = 0;
    memset(env, 0, sizeof *env);
    env->entries[count++] =
        bsc_mem_format("PATH=%s", path == NULL ? "/usr/local/bin:/usr/bin:/bin" : path);
    env->entries[count++] = bsc_mem_text("LANG=C.UTF-8");
    if (home != NULL)
        env->entries[count++] = bsc_mem_format("HOME=%s", home);
}

void bsc_process_env_release(struct bsc_process_env *env)
{
    for (size_t i = 0; env->entries[i] != NULL; i++)
        bsc_mem_free(env->entries[i]);
    memset(env, 0, sizeof *env);
}

void bsc_process_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool bsc_process_pipe(int ret_ends[2])
{
    int low[2] = {-1, -1};
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    int high[2] = {fcntl(low[0], F_DUPFD_CLOEXEC, 3), fcntl(low[1], F_DUPFD_CLOEXEC, 3)};
    int saved = errno;
    close(low[0]);
    close(low[1]);
    if (high[0] < 0 || high[1] < 0) {
        bsc_process_close(&high[0]);
        bsc_process_close(&high[1]);
        errno = saved;
        return false;
    }
    ret_ends[0] = high[0];
    ret_ends[1] = high[1];
    return true;
}

/* A session of its own is a process group of its own, and has no terminal on which the child could
 * wait for a password. */
static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    return rc;
}

/* The child's ends of the pipes; `in` is -1 where it is given nothing to read. */
struct streams {
    int in;
    int out;
    int err;
};

static int prepare_input(posix_spawn_file_actions_t *files, const struct bsc_process_order *order,
                         int in)
{
    if (in < 0 && order->held_fd > 0 && order->held_as_input)
        in = order->held_fd;
    if (in >= 0)
        return posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO);
    return posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
}

static int prepare_streams(posix_spawn_file_actions_t *files, const struct bsc_process_order *order,
                           const struct streams *streams)
{
    int rc = prepare_input(files, order, streams->in);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, streams->out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, streams->err, STDERR_FILENO);
    return rc;
}

/* The streams come first: from then on whatever is open above them may be overwritten. */
static int prepare_files(posix_spawn_file_actions_t *files, const struct bsc_process_order *order,
                         const struct streams *streams)
{
    int first_closed = order->held_fd > 0 ? HELD_FD + 1 : HELD_FD;
    int rc = prepare_streams(files, order, streams);
    if (rc == 0 && order->held_fd > 0)
        rc = posix_spawn_file_actions_adddup2(files, order->held_fd, HELD_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, first_closed);
    if (rc == 0 && order->folder != NULL)
        rc = posix_spawn_file_actions_addchdir_np(files, order->folder);
    return rc;
}

/* Returns 0 or an errno. */
static int spawn(const struct bsc_process_order *order, const struct streams *streams,
                 pid_t *ret_pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    struct bsc_process_env minimal;
    bsc_process_env_init(&minimal);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&files);
    char *const *env = order->env == NULL ? minimal.entries : (char *const *)order->env;
    int rc = prepare_attributes(&attributes);
    if (rc == 0)
        rc = prepare_files(&files, order, streams);
    if (rc == 0)
        rc = posix_spawnp(ret_pid, order->argv[0], &files, &attributes, (char *const *)order->argv,
                          env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    bsc_process_env_release(&minimal);
    return rc;
}

static bool start_failed(const struct bsc_process_order *order, int reason, struct bsc_err *err)
{
    if (order->folder != NULL && access(order->folder, X_OK) != 0)
        return bsc_err_sys(err, errno, "could not start '%s' in folder '%s'", order->argv[0],
                           order->folder);
    bsc_err_sys(err, reason, "could not start '%s'", order->argv[0]);
    if (reason == ENOENT)
        bsc_err_hint(err, "Install it, or give its full path.");
    return false;
}

/* Fills a pipe with all that the child shall read, before there is a child; nobody else has its
 * end for writing, so that the child sees where it ends. */
static bool fill_input(const struct bsc_process_order *order, int *ret_fd)
{
    int ends[2] = {-1, -1};
    if (order->input == NULL)
        return true;
    BSC_BUG_ON(order->input_length > BSC_PROCESS_INPUT);
    if (!bsc_process_pipe(ends))
        return false;
    *ret_fd = ends[0];
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    ssize_t written = write(ends[1], order->input, order->input_length);
    int reason = written < 0 ? errno : ENOBUFS;
    bsc_process_close(&ends[1]);
    errno = reason;
    return written == (ssize_t)order->input_length;
}

static bool start(struct watch *watch, struct bsc_err *err)
{
    int out[2] = {-1, -1};
    int error[2] = {-1, -1};
    int input = -1;
    int reason = 0;
    if (!bsc_process_pipe(out) || !bsc_process_pipe(error) || !fill_input(watch->order, &input))
        reason = errno;
    else
        reason = spawn(watch->order, &(struct streams){input, out[1], error[1]}, &watch->pid);
    bsc_process_close(&input);
    bsc_process_close(&out[1]);
    bsc_process_close(&error[1]);
    if (reason != 0) {
        bsc_process_close(&out[0]);
        bsc_process_close(&error[0]);
        return start_failed(watch->order, reason, err);
    }
    watch->out_fd = out[0];
    watch->err_fd = error[0];
    fcntl(watch->out_fd, F_SETFL, O_NONBLOCK);
    fcntl(watch->err_fd, F_SETFL, O_NONBLOCK);
    watch->pid_fd = pidfd_open(watch->pid, 0);
    return true;
}

static void keep(struct watch *watch, struct bsc_buf *stream, const char *bytes, size_t length)
{
    if (stream == &watch->result->err && watch->order->heard != NULL)
        watch->order->heard(watch->order->heard_arg, bytes, length);
    size_t room = watch->order->output_max - stream->length;
    size_t kept = length < room ? length : room;
    bsc_buf_add(stream, bytes, kept);
    if (kept < length)
        watch->result->output_cut = true;
}

/* Reads what is there without waiting. Everything beyond the limit is read and dropped, since a
 * full pipe would stop the child. */
static void drain(struct watch *watch, int *fd, struct bsc_buf *stream)
{
    char bytes[READ_CHUNK];
    while (*fd >= 0) {
        ssize_t got = read(*fd, bytes, sizeof bytes);
        if (got > 0)
            keep(watch, stream, bytes, (size_t)got);
        else if (got < 0 && errno == EINTR)
            continue;
        else if (got < 0 && errno == EAGAIN)
            return;
        else
            bsc_process_close(fd);
    }
}

static void drain_both(struct watch *watch)
{
    drain(watch, &watch->out_fd, &watch->result->out);
    drain(watch, &watch->err_fd, &watch->result->err);
}

/* Whether the child has ended. It is not reaped here: until it is, its pid, and so its group,
 * cannot belong to anybody else. In a process that ignores SIGCHLD the system reaps it itself, and
 * there is no such child any more. */
static bool ended(const struct watch *watch)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)watch->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD;
    return info.si_pid == watch->pid;
}

static bool cancelled(const struct watch *watch)
{
    return watch->order->cancel != NULL && atomic_load(watch->order->cancel);
}

/* Waits for output or the end, `limit_ms` at the most (-1: no limit). */
static void wait_for_news(const struct watch *watch, int64_t limit_ms)
{
    struct pollfd fds[] = {{.fd = watch->pid_fd, .events = POLLIN},
                           {.fd = watch->out_fd, .events = POLLIN},
                           {.fd = watch->err_fd, .events = POLLIN}};
    int64_t wait_ms = limit_ms;
    int64_t look_ms = watch->pid_fd < 0 ? END_LOOK_MS : CANCEL_LOOK_MS;
    if (watch->pid_fd < 0 || watch->order->cancel != NULL)
        wait_ms = wait_ms < 0 || wait_ms > look_ms ? look_ms : wait_ms;
    if (wait_ms > INT32_MAX)
        wait_ms = INT32_MAX;
    poll(fds, sizeof fds / sizeof fds[0], (int)wait_ms);
}

/* Milliseconds until `timeout_ms` after the start, rounded up so that nobody polls in a circle for
 * the last one; -1 when there is no limit. */
static int64_t left_ms(int64_t since_us, int64_t timeout_ms)
{
    if (timeout_ms <= 0 || timeout_ms > INT64_MAX / 2000)
        return -1;
    int64_t left_us = since_us + timeout_ms * 1000 - now_us();
    return left_us <= 0 ? 0 : (left_us + 999) / 1000;
}

static void end_group(struct watch *watch)
{
    int64_t since_us = now_us();
    kill(-watch->pid, SIGTERM);
    while (!ended(watch) && left_ms(since_us, TERM_GRACE_MS) > 0) {
        wait_for_news(watch, left_ms(since_us, TERM_GRACE_MS));
        drain_both(watch);
    }
    kill(-watch->pid, SIGKILL);
}

static void reap(struct watch *watch)
{
    int status = 0;
    pid_t pid = -1;
    do
        pid = waitpid(watch->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    watch->result->exit_status = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    watch->result->signal_number = pid > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Follows the child to its end, natural or not. Once the child itself has ended, output that its
 * own children may still produce is not waited for. */
static bool follow(struct watch *watch, struct bsc_err *err)
{
    bool ok = true;
    while (ok && !ended(watch)) {
        int64_t limit_ms = left_ms(watch->started_us, watch->order->timeout_ms);
        if (cancelled(watch))
            ok = bsc_err_set(err, BSC_ERR_CANCELLED, "'%s' was cancelled", watch->order->argv[0]);
        else if (limit_ms == 0)
            ok = bsc_err_set(err, BSC_ERR_TIMEOUT, "'%s' did not end within %lld ms",
                             watch->order->argv[0], (long long)watch->order->timeout_ms);
        else
            wait_for_news(watch, limit_ms);
        drain_both(watch);
    }
    if (!ok)
        end_group(watch);
    reap(watch);
    drain_both(watch);
    return ok;
}

bool bsc_process_run(const struct bsc_process_order *order, struct bsc_process_result *result,
                     struct bsc_err *err)
{
    struct watch watch = {
        .order = order, .result = result, .pid_fd = -1, .out_fd = -1, .err_fd = -1};
    memset(result, 0, sizeof *result);
    result->exit_status = -1;
    bsc_buf_init(&result->out);
    bsc_buf_init(&result->err);
    watch.started_us = now_us();
    if (!start(&watch, err))
        return false;
    bool ok = follow(&watch, err);
    bsc_process_close(&watch.pid_fd);
    bsc_process_close(&watch.out_fd);
    bsc_process_close(&watch.err_fd);
    return ok;
}

void bsc_process_result_release(struct bsc_process_result *result)
{
    bsc_buf_release(&result->out);
    bsc_buf_release(&result->err);
}
