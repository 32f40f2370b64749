#include "logs/sessions.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/clock.h"
#include "os/files.h"

enum { LOCKS_MAX = 16 * 1024 * 1024, COMM_MAX = 4096, TERM_WAIT_MS = 2000, KILL_WAIT_MS = 5000 };

struct file_id {
    dev_t device;
    ino_t inode;
};

static bool same_file(const struct stat *status, struct file_id id)
{
    return status->st_dev == id.device && status->st_ino == id.inode;
}

/* False with errno when there is nothing at `path`. */
static bool identify(const struct bsc_sys *sys, const char *path, struct file_id *ret_id)
{
    struct stat status = {0};

    if (sys->stat(sys->self, path, &status) != 0)
        return false;
    ret_id->device = status.st_dev;
    ret_id->inode = status.st_ino;
    return true;
}

static bool parse_pid(const char *text, pid_t *ret_pid)
{
    int64_t number = 0;

    if (!isdigit((unsigned char)text[0]) || !bsc_num_parse(text, strlen(text), &number))
        return false;
    if (number <= 0 || number > INT32_MAX)
        return false;
    *ret_pid = (pid_t)number;
    return true;
}

/* A process that ends while it is looked at, or that may not be looked at, holds nothing we see. */
static bool holds_open(const char *process, struct file_id id)
{
    char *folder = bsc_mem_format("/proc/%s/fd", process);
    DIR *descriptors = opendir(folder);
    bool found = false;

    bsc_mem_free(folder);
    if (descriptors == NULL)
        return false;
    for (const struct dirent *entry; !found && (entry = readdir(descriptors)) != NULL;) {
        struct stat status = {0};

        if (isdigit((unsigned char)entry->d_name[0]) &&
            fstatat(dirfd(descriptors), entry->d_name, &status, 0) == 0)
            found = same_file(&status, id);
    }
    (void)closedir(descriptors);
    return found;
}

static void name_program(const struct bsc_sys *sys, struct bsc_logs_session *session)
{
    char *path = bsc_mem_format("/proc/%d/comm", (int)session->pid);
    struct bsc_buf name = {0};
    struct bsc_err ignored = BSC_ERR_INIT;

    bsc_buf_init(&name);
    (void)snprintf(session->program, sizeof session->program, "?");
    if (bsc_files_read(sys, path, COMM_MAX, &name, &ignored) && name.length > 1)
        (void)snprintf(session->program, sizeof session->program, "%.*s", (int)name.length - 1,
                       name.data);
    bsc_buf_release(&name);
    bsc_mem_free(path);
}

static void add(const struct bsc_sys *sys, struct bsc_logs_sessions *sessions, pid_t pid)
{
    struct bsc_logs_session *session;

    for (size_t i = 0; i < sessions->count; i++)
        if (sessions->items[i].pid == pid)
            return;
    sessions->items =
        bsc_mem_resize(sessions->items, sessions->count + 1, sizeof sessions->items[0]);
    session = &sessions->items[sessions->count++];
    session->pid = pid;
    name_program(sys, session);
}

static bool add_openers(const struct bsc_sys *sys, struct file_id id,
                        struct bsc_logs_sessions *sessions, struct bsc_err *err)
{
    DIR *processes = opendir("/proc");

    if (processes == NULL)
        return bsc_err_sys(err, errno, "could not list the processes in '/proc'");
    for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        pid_t pid = 0;

        if (parse_pid(entry->d_name, &pid) && pid != getpid() && holds_open(entry->d_name, id))
            add(sys, sessions, pid);
    }
    (void)closedir(processes);
    return true;
}

/* "1: POSIX  ADVISORY  READ 4711 fe:01:131 1073741826 1073742335"; a lock of an open file
 * description has pid -1, and its holders are found by their descriptors. */
static bool parse_lock(const char *line, struct file_id id, pid_t *ret_pid)
{
    char kind[16] = "", advice[16] = "", access[16] = "";
    unsigned device_major = 0, device_minor = 0;
    unsigned long inode = 0;
    int pid = 0;

    if (sscanf(line, "%*[^:]: %15s %15s %15s %d %x:%x:%lu", kind, advice, access, &pid,
               &device_major, &device_minor, &inode) != 7)
        return false;
    *ret_pid = pid;
    return pid > 0 && inode == id.inode && device_major == major(id.device) &&
           device_minor == minor(id.device);
}

static bool add_lockers(const struct bsc_sys *sys, struct file_id id,
                        struct bsc_logs_sessions *sessions, struct bsc_err *err)
{
    struct bsc_buf locks = {0};
    bool ok;

    bsc_buf_init(&locks);
    ok = bsc_files_read(sys, "/proc/locks", LOCKS_MAX, &locks, err);
    for (char *line = ok ? locks.data : NULL; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        pid_t pid = 0;

        if (end != NULL)
            *end++ = '\0';
        if (parse_lock(line, id, &pid) && pid != getpid())
            add(sys, sessions, pid);
        line = end;
    }
    bsc_buf_release(&locks);
    return ok;
}

static int by_pid(const void *left, const void *right)
{
    const struct bsc_logs_session *a = left, *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

bool bsc_logs_sessions_find(const struct bsc_sys *sys, const char *path,
                            struct bsc_logs_sessions *ret, struct bsc_err *err)
{
    struct file_id id = {0};

    *ret = (struct bsc_logs_sessions){0};
    if (!identify(sys, path, &id)) {
        if (errno == ENOENT || errno == ENOTDIR)
            return true;
        return bsc_err_sys(err, errno, "could not look at '%s'", path);
    }
    if (!add_openers(sys, id, ret, err) || !add_lockers(sys, id, ret, err)) {
        bsc_logs_sessions_release(ret);
        return false;
    }
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof ret->items[0], by_pid);
    return true;
}

void bsc_logs_sessions_release(struct bsc_logs_sessions *sessions)
{
    bsc_mem_free(sessions->items);
    *sessions = (struct bsc_logs_sessions){0};
}

bool bsc_logs_sessions_ours(const struct bsc_sys *sys, const char *path)
{
    struct file_id id = {0};

    return identify(sys, path, &id) && holds_open("self", id);
}

bool bsc_logs_sessions_refuse(const struct bsc_logs_sessions *sessions, const char *path,
                              struct bsc_err *err)
{
    struct bsc_buf names = {0};

    bsc_buf_init(&names);
    for (size_t i = 0; i < sessions->count; i++)
        bsc_buf_printf(&names, "%s%d (%s)", i == 0 ? "" : ", ", (int)sessions->items[i].pid,
                       sessions->items[i].program);
    bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is open in %s", path, names.data);
    bsc_buf_release(&names);
    return bsc_err_hint(err, "End these sessions first.");
}

/* One process that is to end: pinned by a descriptor, so that its pid cannot come to mean another.
 */
struct victim {
    pid_t pid;
    int handle;
    bool gone;
};

static bool pin(pid_t pid, struct file_id id, struct victim *victim, struct bsc_err *err)
{
    char name[16] = "";

    victim->pid = pid;
    victim->handle = pidfd_open(pid, 0);
    if (victim->handle < 0) {
        victim->gone = true;
        return errno == ESRCH || bsc_err_sys(err, errno, "could not take hold of process %d", pid);
    }
    (void)snprintf(name, sizeof name, "%d", (int)pid);
    victim->gone = !holds_open(name, id);
    return true;
}

static bool send(struct victim *victims, size_t count, int number, size_t *ret_sent,
                 struct bsc_err *err)
{
    *ret_sent = 0;
    for (size_t i = 0; i < count; i++) {
        if (victims[i].gone)
            continue;
        if (pidfd_send_signal(victims[i].handle, number, NULL, 0) != 0 && errno != ESRCH)
            return bsc_err_sys(err, errno, "could not end process %d", (int)victims[i].pid);
        (*ret_sent)++;
    }
    return true;
}

/* Waits for the ends of all, at most `wait_ms` together; returns whether they came. */
static bool await(struct victim *victims, size_t count, int64_t wait_ms)
{
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t until = clock->mono_us(clock->self) + wait_ms * 1000;
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        int64_t left_ms = (until - clock->mono_us(clock->self)) / 1000;
        struct pollfd end = {.fd = victims[i].handle, .events = POLLIN};

        if (!victims[i].gone)
            victims[i].gone = poll(&end, 1, left_ms > 0 ? (int)left_ms : 0) == 1;
        all = all && victims[i].gone;
    }
    return all;
}

static bool end_pinned(struct victim *victims, size_t count, size_t *ret_ended, struct bsc_err *err)
{
    size_t killed = 0;

    if (!send(victims, count, SIGTERM, ret_ended, err))
        return false;
    if (await(victims, count, TERM_WAIT_MS))
        return true;
    if (!send(victims, count, SIGKILL, &killed, err))
        return false;
    (void)await(victims, count, KILL_WAIT_MS);
    return true;
}

static bool is_named(pid_t pid, const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

static bool prove_gone(const struct bsc_sys *sys, const char *path, const pid_t *pids, size_t count,
                       struct bsc_err *err)
{
    struct bsc_logs_sessions left = {0};
    size_t named = 0;
    bool ok = true;

    if (!bsc_logs_sessions_find(sys, path, &left, err))
        return false;
    for (size_t i = 0; i < left.count; i++)
        if (is_named(left.items[i].pid, pids, count))
            left.items[named++] = left.items[i];
    left.count = named;
    if (named > 0)
        ok = bsc_logs_sessions_refuse(&left, path, err);
    bsc_logs_sessions_release(&left);
    return ok;
}

bool bsc_logs_sessions_end(const struct bsc_sys *sys, const char *path, const pid_t *pids,
                           size_t count, size_t *ret_ended, struct bsc_err *err)
{
    struct victim *victims = NULL;
    struct file_id id = {0};
    size_t pinned = 0, ended = 0;
    bool ok = false;

    if (is_named(getpid(), pids, count))
        return bsc_err_set(err, BSC_ERR_REFUSED, "process %d is bascule itself", (int)getpid());
    if (!identify(sys, path, &id))
        return bsc_err_sys(err, errno, "could not look at '%s'", path);
    victims = bsc_mem_new(count + 1, sizeof *victims);
    for (; pinned < count; pinned++)
        if (!pin(pids[pinned], id, &victims[pinned], err))
            goto done;
    ok = end_pinned(victims, count, &ended, err) && prove_gone(sys, path, pids, count, err);
done:
    for (size_t i = 0; i < pinned; i++)
        if (victims[i].handle >= 0)
            (void)close(victims[i].handle);
    bsc_mem_free(victims);
    if (ok)
        *ret_ended = ended;
    return ok;
}
