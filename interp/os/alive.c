#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/process_int.h"

enum { LOOK_MS = 5, CANCEL_LOOK_MS = 50, KILL_WAIT_MS = 5000 };

/* The state letter of a process, or NUL when the system does not tell. The program's name before
 * it stands in brackets and may itself hold brackets and blanks. */
static char state_of(pid_t pid)
{
    char path[64];
    char text[512] = {0};
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return '\0';
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    const char *bracket = length > 0 ? strrchr(text, ')') : NULL;
    return bracket != NULL && bracket[1] == ' ' ? bracket[2] : '\0';
}

bool bsc_process_alive(pid_t pid)
{
    if (pid <= 0 || (kill(pid, 0) != 0 && errno != EPERM))
        return false;
    char state = state_of(pid);
    return state != 'Z' && state != 'X';
}

static int64_t now_ms(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self) / 1000;
}

/* Waits until the process has ended; false when it lives on after `wait_ms`. A pid_fd tells at
 * once and cannot be fooled by a pid that is given away again; without one we look now and then. */
static bool wait_end(pid_t pid, int pid_fd, int64_t wait_ms)
{
    int64_t until = now_ms() + (wait_ms > 0 ? wait_ms : 0);
    for (;;) {
        struct pollfd fd = {.fd = pid_fd, .events = POLLIN};
        int64_t left = until - now_ms();
        int64_t look = left < 0 ? 0 : left;
        if (pid_fd < 0 && look > LOOK_MS)
            look = LOOK_MS;
        int ready = poll(&fd, 1, (int)(look > INT32_MAX ? INT32_MAX : look));
        if (ready > 0 || (pid_fd < 0 && !bsc_process_alive(pid)))
            return true;
        if (left <= 0)
            return false;
    }
}

static int send_signal(pid_t pid, int pid_fd, int number)
{
    int rc = pid_fd >= 0 ? pidfd_send_signal(pid_fd, number, NULL, 0) : kill(pid, number);
    return rc == 0 || errno == ESRCH ? 0 : errno;
}

bool bsc_process_end(pid_t pid, int first_signal, int64_t wait_ms, struct bsc_err *err)
{
    if (pid <= 0)
        return bsc_err_set(err, BSC_ERR_INVALID, "%ld is not a process", (long)pid);
    int pid_fd = pidfd_open(pid, 0);
    if (pid_fd < 0 && errno == ESRCH)
        return true;
    int reason = send_signal(pid, pid_fd, first_signal);
    bool gone = reason == 0 && wait_end(pid, pid_fd, wait_ms);
    if (reason == 0 && !gone) {
        reason = send_signal(pid, pid_fd, SIGKILL);
        gone = reason == 0 && wait_end(pid, pid_fd, KILL_WAIT_MS);
    }
    bsc_process_close(&pid_fd);
    if (reason != 0)
        return bsc_err_sys(err, reason, "could not end process %ld", (long)pid);
    if (!gone)
        return bsc_err_set(err, BSC_ERR_TIMEOUT, "process %ld does not end", (long)pid);
    return true;
}

/* As wait_end, a piece at a time, so that somebody may call it off. */
static bool wait_stopped(pid_t pid, int pid_fd, int64_t wait_ms, const atomic_bool *cancel,
                         struct bsc_err *err)
{
    int64_t until = now_ms() + wait_ms;
    while (!wait_end(pid, pid_fd, CANCEL_LOOK_MS)) {
        if (cancel != NULL && atomic_load(cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "waiting for process %ld was cancelled",
                               (long)pid);
        if (now_ms() >= until)
            return bsc_err_set(err, BSC_ERR_TIMEOUT, "process %ld does not end", (long)pid);
    }
    return true;
}

/* The descriptor stands for the process that is looked at, whatever becomes of the number. */
bool bsc_process_stop(pid_t pid, bool (*is_it)(void *arg, pid_t pid), void *arg, int64_t wait_ms,
                      const atomic_bool *cancel, struct bsc_err *err)
{
    int pid_fd = pidfd_open(pid, 0);
    if (pid_fd < 0 && errno == ESRCH)
        return true;
    bool ok = true;
    if (bsc_process_alive(pid) && !is_it(arg, pid)) {
        ok = bsc_err_set(err, BSC_ERR_CONFLICT, "process %ld is another program", (long)pid);
    } else {
        int reason = send_signal(pid, pid_fd, SIGTERM);
        ok = reason == 0 ? wait_stopped(pid, pid_fd, wait_ms, cancel, err)
                         : bsc_err_sys(err, reason, "could not end process %ld", (long)pid);
    }
    bsc_process_close(&pid_fd);
    return ok;
}

bool bsc_process_await(pid_t pid, bool (*is_it)(void *arg, pid_t pid), void *arg, int64_t wait_ms,
                       const atomic_bool *cancel, struct bsc_err *err)
{
    int pid_fd = pidfd_open(pid, 0);
    bool gone = (pid_fd < 0 && errno == ESRCH) || !bsc_process_alive(pid) || !is_it(arg, pid);
    bool ok = gone || wait_stopped(pid, pid_fd, wait_ms, cancel, err);
    bsc_process_close(&pid_fd);
    return ok;
}
