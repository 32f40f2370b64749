#include "journal/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"
#include "value/json.h"

/* Its bytes are never any: a program may have it as its input. */
#define LENT_FILE "lock.lent"

enum { TEXT_MAX = 4096, PROGRAMS_MAX = 16, GONE_TRIES = 200, GONE_PAUSE_MS = 10 };

struct bsc_journal_lock {
    const struct bsc_sys *sys;
    int fd;
    char *path;    /* owned */
    char *lent;    /* owned: the file whose lock is lent to programs */
    int64_t since; /* wall time in milliseconds */
};

static bool held_elsewhere(int code)
{
    return code == EAGAIN || code == EACCES;
}

/* What the file says about its holder; returns owned, NULL when it says nothing. */
static struct bsc_value *holder_read(const struct bsc_sys *sys, int fd)
{
    char text[TEXT_MAX];
    struct bsc_err ignored = BSC_ERR_INIT;
    ssize_t length = TEMP_FAILURE_RETRY(sys->pread(sys->self, fd, text, sizeof text, 0));
    if (length <= 0)
        return NULL;
    struct bsc_value *holder = bsc_json_parse("lock", text, (size_t)length, &ignored);
    if (bsc_value_kind(holder) == BSC_VALUE_MAP)
        return holder;
    bsc_value_free(holder);
    return NULL;
}

static const char *word(const struct bsc_value *holder, const char *key)
{
    const char *text = bsc_value_get_string(holder, key);
    return text != NULL ? text : "unknown";
}

static bool conflict(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err)
{
    struct bsc_value *holder = holder_read(sys, fd);
    bsc_err_set(err, BSC_ERR_CONFLICT,
                "another run is under way: process %lld on host %s since %s (%s)",
                (long long)bsc_value_get_number(holder, "pid", 0), word(holder, "host"),
                word(holder, "since"), word(holder, "run"));
    bsc_value_free(holder);
    return bsc_err_hint(err, "Wait for it to end, or end it; the lock on '%s' goes with it.", path);
}

/* The programs that hold what was lent to them, "process 12, process 13"; owned by the caller. */
static void programs_add(struct bsc_buf *text, const char *lent)
{
    pid_t pids[PROGRAMS_MAX];
    size_t count = bsc_process_lock_holders(lent, pids, PROGRAMS_MAX);
    for (size_t i = 0; i < count; i++)
        bsc_buf_printf(text, "%sprocess %lld", i > 0 ? ", " : "", (long long)pids[i]);
}

static bool conflict_lent(const struct bsc_sys *sys, int fd, const char *lent, struct bsc_err *err)
{
    struct bsc_buf programs;
    struct bsc_value *holder = holder_read(sys, fd);
    bsc_buf_init(&programs);
    programs_add(&programs, lent);
    bool found = programs.length > 0;
    bsc_err_set(err, BSC_ERR_CONFLICT,
                "process %lld on host %s, which held %s, is gone, but a program that it started "
                "still holds the lock%s%s",
                (long long)bsc_value_get_number(holder, "pid", 0), word(holder, "host"),
                word(holder, "run"), found ? ": " : "", found ? programs.data : "");
    bsc_buf_release(&programs);
    bsc_value_free(holder);
    return bsc_err_hint(err, "It does what it was told to do. Wait for it to end, or end it; then "
                             "give this command again.");
}

/* The new text is put over the old one before the rest of that is cut off, so that whoever looks
 * meanwhile does not find the lock without a holder. */
static bool holder_write(const struct bsc_sys *sys, int fd, int64_t since_ms, const char *run)
{
    char host[BSC_PROCESS_HOST], since[BSC_CLOCK_TEXT];
    struct bsc_buf text;
    bsc_buf_init(&text);
    struct bsc_value *holder = bsc_value_map();
    bsc_process_host(host);
    bsc_clock_format(since_ms, since);
    bsc_value_set_int(holder, "pid", getpid());
    bsc_value_set_text(holder, "host", host);
    bsc_value_set_text(holder, "since", since);
    bsc_value_set_text(holder, "run", run);
    bsc_json_canonical(holder, &text);
    bsc_buf_add_char(&text, '\n');
    bool done = TEMP_FAILURE_RETRY(sys->pwrite(sys->self, fd, text.data, text.length, 0)) ==
                    (ssize_t)text.length &&
                TEMP_FAILURE_RETRY(sys->ftruncate(sys->self, fd, (off_t)text.length)) == 0;
    bsc_value_free(holder);
    bsc_buf_release(&text);
    return done;
}

static int lock_open(const struct bsc_sys *sys, const char *path, int flags)
{
    return (int)TEMP_FAILURE_RETRY(
        sys->open(sys->self, path, flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

/* Whether a program holds what was lent to it: 1, 0, or -1 with errno. Makes the file where it is
 * missing, with these flags. */
static int is_lent(const struct bsc_sys *sys, const char *lent, int flags)
{
    int fd = lock_open(sys, lent, O_RDONLY | O_NONBLOCK | flags);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int held = sys->locked(sys->self, fd);
    int reason = errno;
    sys->close(sys->self, fd);
    errno = reason;
    return held;
}

/* Nobody else can lend it while `fd` is locked. */
static bool nothing_is_lent(const struct bsc_sys *sys, int fd, const char *lent,
                            struct bsc_err *err)
{
    int held = is_lent(sys, lent, O_CREAT);
    if (held < 0)
        return bsc_err_sys(err, errno, "could not look at lock '%s'", lent);
    return held == 0 || conflict_lent(sys, fd, lent, err);
}

static bool holder_is_gone(const struct bsc_sys *sys, int fd)
{
    char host[BSC_PROCESS_HOST];
    struct bsc_value *holder = holder_read(sys, fd);
    int64_t pid = bsc_value_get_number(holder, "pid", 0);
    bsc_process_host(host);
    bool gone = pid > 0 && pid <= INT32_MAX && strcmp(word(holder, "host"), host) == 0 &&
                !bsc_process_alive((pid_t)pid);
    bsc_value_free(holder);
    return gone;
}

/* A process that is killed just when it starts a program leaves the lock, for an instant, to the
 * child that has yet to become that program. */
static bool lock_wait(const struct bsc_sys *sys, int fd)
{
    for (int i = 0; i < GONE_TRIES; i++) {
        if (sys->lock(sys->self, fd, true) == 0)
            return true;
        if (!held_elsewhere(errno))
            return false;
        if (!holder_is_gone(sys, fd))
            break;
        bsc_clock_pause(GONE_PAUSE_MS, NULL);
    }
    errno = EAGAIN;
    return false;
}

struct bsc_journal_lock *bsc_journal_lock_take(const struct bsc_sys *sys,
                                               const struct bsc_clock *clock, const char *runs,
                                               const char *run, struct bsc_err *err)
{
    struct bsc_journal_lock *lock = NULL;
    char *path = bsc_files_join(runs, "lock");
    char *lent = bsc_files_join(runs, LENT_FILE);
    int fd = -1;
    if (!bsc_files_make_folder(sys, runs, 0700, err))
        goto done;
    fd = lock_open(sys, path, O_RDWR | O_CREAT);
    if (fd < 0) {
        bsc_err_sys(err, errno, "could not open lock '%s'", path);
        goto done;
    }
    if (!lock_wait(sys, fd)) {
        if (held_elsewhere(errno))
            conflict(sys, fd, path, err);
        else
            bsc_err_sys(err, errno, "could not lock '%s'", path);
        goto done;
    }
    if (!nothing_is_lent(sys, fd, lent, err))
        goto done;
    int64_t since = clock->wall_ms(clock->self);
    if (!holder_write(sys, fd, since, run)) {
        bsc_err_sys(err, errno, "could not write lock '%s'", path);
        goto done;
    }
    lock = bsc_mem_new(1, sizeof *lock);
    *lock = (struct bsc_journal_lock){sys, fd, path, lent, since};
    fd = -1;
    path = NULL;
    lent = NULL;
done:
    if (fd >= 0)
        sys->close(sys->self, fd);
    bsc_mem_free(lent);
    bsc_mem_free(path);
    return lock;
}

void bsc_journal_lock_free(struct bsc_journal_lock *lock)
{
    if (lock == NULL)
        return;
    /* The file stays: removing it would let two holders lock two files of one name. */
    (void)lock->sys->ftruncate(lock->sys->self, lock->fd, 0);
    lock->sys->close(lock->sys->self, lock->fd);
    bsc_mem_free(lock->lent);
    bsc_mem_free(lock->path);
    bsc_mem_free(lock);
}

bool bsc_journal_lock_name(struct bsc_journal_lock *lock, const char *run, struct bsc_err *err)
{
    if (holder_write(lock->sys, lock->fd, lock->since, run))
        return true;
    return bsc_err_sys(err, errno, "could not write lock '%s'", lock->path);
}

bool bsc_journal_lock_lend(const struct bsc_journal_lock *lock, int *ret_fd, struct bsc_err *err)
{
    int fd = lock_open(lock->sys, lock->lent, O_RDONLY | O_CREAT);
    if (fd >= 0 && lock->sys->lock(lock->sys->self, fd, false) == 0) {
        *ret_fd = fd;
        return true;
    }
    bsc_err_sys(err, errno, "could not lock '%s'", lock->lent);
    if (fd >= 0)
        lock->sys->close(lock->sys->self, fd);
    return false;
}

void bsc_journal_lock_recall(const struct bsc_journal_lock *lock, int fd)
{
    (void)lock->sys->unlock(lock->sys->self, fd);
    lock->sys->close(lock->sys->self, fd);
}

/* What is left of a holder that is gone: what it said of itself, and the programs. */
static struct bsc_value *orphaned(const struct bsc_sys *sys, int fd, const char *lent)
{
    pid_t pids[PROGRAMS_MAX];
    size_t count = bsc_process_lock_holders(lent, pids, PROGRAMS_MAX);
    struct bsc_value *holder = holder_read(sys, fd);
    struct bsc_value *programs = bsc_value_list();
    for (size_t i = 0; i < count; i++)
        bsc_value_append(programs, bsc_value_int(pids[i]));
    if (holder == NULL)
        holder = bsc_value_map();
    bsc_value_set(holder, "orphans", programs);
    return holder;
}

/* Looks at both locks; -1 with errno when one cannot be told. */
static int held_by(const struct bsc_sys *sys, int fd, const char *lent,
                   struct bsc_value **ret_holder)
{
    int locked = sys->locked(sys->self, fd);
    if (locked > 0) {
        *ret_holder = holder_read(sys, fd);
        if (*ret_holder == NULL)
            *ret_holder = bsc_value_map();
        return locked;
    }
    locked = locked == 0 ? is_lent(sys, lent, 0) : locked;
    if (locked > 0)
        *ret_holder = orphaned(sys, fd, lent);
    return locked;
}

bool bsc_journal_lock_look(const struct bsc_sys *sys, const char *runs,
                           struct bsc_value **ret_holder, struct bsc_err *err)
{
    int locked = 0;
    char *path = bsc_files_join(runs, "lock");
    char *lent = bsc_files_join(runs, LENT_FILE);
    int fd = lock_open(sys, path, O_RDONLY | O_NONBLOCK);
    *ret_holder = NULL;
    if (fd < 0 && errno == ENOENT)
        goto done; /* nobody has ever held it */
    locked = fd >= 0 ? held_by(sys, fd, lent, ret_holder) : -1;
    if (locked < 0)
        bsc_err_sys(err, errno, "could not look at lock '%s'", path);
    if (fd >= 0)
        sys->close(sys->self, fd);
done:
    bsc_mem_free(lent);
    bsc_mem_free(path);
    return locked >= 0;
}

int bsc_journal_lock_is_held(const struct bsc_sys *sys, const char *path)
{
    int fd = lock_open(sys, path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return -1;
    int held = sys->locked(sys->self, fd);
    sys->close(sys->self, fd);
    if (held != 0)
        return held;
    char *runs = bsc_files_folder_of(path);
    char *lent = bsc_files_join(runs, LENT_FILE);
    held = is_lent(sys, lent, 0);
    bsc_mem_free(lent);
    bsc_mem_free(runs);
    return held;
}
