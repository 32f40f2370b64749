#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/process_int.h"

enum {
    NEWS_FD = 3, /* where the child keeps its end of the pipe to us */
    SHOWN_WITHIN_MS = 5000
};

/* What the child tells through the pipe: first its pid, then, only if exec failed, an errno. */
struct news {
    pid_t pid;
    int reason;
};

/* From here on only what is safe after a fork of a threaded process: no memory, no stdio. */

static void write_news(int fd, const void *bytes, size_t length)
{
    ssize_t written = -1;
    do
        written = write(fd, bytes, length);
    while (written < 0 && errno == EINTR);
}

static void reset_signals(void)
{
    sigset_t none;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const char *const *argv, char *const *env, const int streams[2],
                             int news_fd)
{
    pid_t own = getpid();
    reset_signals();
    int reason = 0;
    if (dup2(streams[0], STDIN_FILENO) < 0 || dup2(streams[1], STDOUT_FILENO) < 0 ||
        dup2(streams[1], STDERR_FILENO) < 0 || dup3(news_fd, NEWS_FD, O_CLOEXEC) < 0)
        reason = errno;
    if (reason == 0) {
        news_fd = NEWS_FD;
        close_range(NEWS_FD + 1, ~0U, 0);
        write_news(news_fd, &own, sizeof own);
        execvpe(argv[0], (char *const *)argv, env);
        reason = errno;
    } else {
        write_news(news_fd, &own, sizeof own);
    }
    write_news(news_fd, &reason, sizeof reason);
    _exit(127);
}

/* The process between: it makes the session and ends at once, so that the one it leaves behind
 * belongs to init and can never get a terminal. */
static _Noreturn void leave_behind(const char *const *argv, char *const *env, const int streams[2],
                                   int news_fd)
{
    setsid();
    pid_t pid = _Fork();
    if (pid == 0)
        become(argv, env, streams, news_fd);
    if (pid < 0) {
        struct news failed = {.pid = -1, .reason = errno};
        write_news(news_fd, &failed.pid, sizeof failed.pid);
        write_news(news_fd, &failed.reason, sizeof failed.reason);
    }
    _exit(0);
}

static bool read_news(int fd, void *bytes, size_t length)
{
    ssize_t got = -1;
    do
        got = read(fd, bytes, length);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)length;
}

/* Waits until the child has become its program or has said why not. */
static int hear(int fd, pid_t *ret_pid)
{
    struct news news = {.pid = -1, .reason = 0};
    if (!read_news(fd, &news.pid, sizeof news.pid))
        return ECHILD;
    if (read_news(fd, &news.reason, sizeof news.reason))
        return news.reason;
    *ret_pid = news.pid;
    return 0;
}

static bool has_command_line(pid_t pid)
{
    char path[64];
    char first = '\0';
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool has = fd >= 0 && read(fd, &first, 1) == 1;
    bsc_process_close(&fd);
    return has;
}

/* The pipe is closed before the kernel is done with exec, long before on a busy machine, and until
 * then whoever looks for the process by what it was started with does not find it. */
static void await_command_line(pid_t pid)
{
    for (int waited = 0; waited < SHOWN_WITHIN_MS; waited++) {
        if (has_command_line(pid) || !bsc_process_alive(pid))
            return;
        bsc_clock_pause(1, NULL);
    }
}

static int open_high(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, NEWS_FD + 1);
    int saved = errno;
    close(fd);
    errno = saved;
    return high;
}

static bool open_streams(const char *log_path, int streams[2], struct bsc_err *err)
{
    streams[0] = open_high("/dev/null", O_RDONLY);
    if (streams[0] < 0)
        return bsc_err_sys(err, errno, "could not open '/dev/null'");
    if (log_path == NULL)
        streams[1] = open_high("/dev/null", O_WRONLY);
    else
        streams[1] = open_high(log_path, O_WRONLY | O_CREAT | O_APPEND);
    if (streams[1] < 0)
        return bsc_err_sys(err, errno, "could not open '%s'",
                           log_path == NULL ? "/dev/null" : log_path);
    return true;
}

static int fork_and_hear(const char *const *argv, const int streams[2], pid_t *ret_pid)
{
    int ends[2] = {-1, -1};
    struct bsc_process_env env;
    if (!bsc_process_pipe(ends))
        return errno;
    bsc_process_env_init(&env);
    int reason = 0;
    pid_t between = fork();
    if (between == 0)
        leave_behind(argv, env.entries, streams, ends[1]);
    if (between < 0)
        reason = errno;
    bsc_process_close(&ends[1]);
    if (between > 0) {
        reason = hear(ends[0], ret_pid);
        while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    bsc_process_close(&ends[0]);
    bsc_process_env_release(&env);
    return reason;
}

bool bsc_process_detach(const char *const *argv, const char *log_path, pid_t *ret_pid,
                        struct bsc_err *err)
{
    int streams[2] = {-1, -1};
    bool ok = open_streams(log_path, streams, err);
    if (ok) {
        int reason = fork_and_hear(argv, streams, ret_pid);
        if (reason != 0)
            ok = bsc_err_sys(err, reason, "could not start '%s'", argv[0]);
        else
            await_command_line(*ret_pid);
    }
    bsc_process_close(&streams[0]);
    bsc_process_close(&streams[1]);
    return ok;
}

char *bsc_process_own_path(struct bsc_err *err)
{
    size_t size = 256;
    for (;;) {
        char *path = bsc_mem_new(size, 1);
        ssize_t length = readlink("/proc/self/exe", path, size);
        if (length >= 0 && (size_t)length < size)
            return path;
        int reason = errno;
        bsc_mem_free(path);
        if (length < 0) {
            bsc_err_sys(err, reason, "could not find the path of the running program");
            return NULL;
        }
        size *= 2;
    }
}
