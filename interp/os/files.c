#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/clock.h"

enum { CHUNK = 65536, TEMPORARY_TRIES = 16 };

static int open_again(const struct bsc_sys *sys, const char *path, int flags, mode_t mode)
{
    int fd = -1;
    do
        fd = sys->open(sys->self, path, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int bsc_files_open(const struct bsc_sys *sys, const char *path, int flags)
{
    enum { LEASE_WITHIN_MS = 60000, LOOK_EVERY_MS = 5 };
    int fd = open_again(sys, path, flags | O_NONBLOCK, 0);
    for (int waited = 0; fd < 0 && errno == EWOULDBLOCK && waited < LEASE_WITHIN_MS;
         waited += LOOK_EVERY_MS) {
        bsc_clock_pause(LOOK_EVERY_MS, NULL);
        fd = open_again(sys, path, flags | O_NONBLOCK, 0);
    }
    return fd;
}

/* The descriptor is gone whatever close answers, so it is never tried twice; an interrupted close
 * has closed. Puts back the errno of a failure that came before. */
static bool close_once(const struct bsc_sys *sys, int fd)
{
    int saved = errno;
    bool closed = sys->close(sys->self, fd) == 0 || errno == EINTR;
    if (closed)
        errno = saved;
    return closed;
}

static bool refuse_kind(const struct stat *info, const char *path, struct bsc_err *err)
{
    if (S_ISREG(info->st_mode))
        return true;
    if (S_ISDIR(info->st_mode))
        return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is a folder, not a file", path);
    return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not an ordinary file", path);
}

static bool read_rest(const struct bsc_sys *sys, int fd, const char *path, size_t size_max,
                      struct bsc_buf *out, struct bsc_err *err)
{
    size_t total = 0;
    for (;;) {
        char *room = bsc_buf_room(out, CHUNK);
        ssize_t got = sys->read(sys->self, fd, room, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bsc_err_sys(err, errno, "could not read '%s'", path);
        if (got == 0)
            return true;
        if ((size_t)got > size_max - total)
            return bsc_err_set(err, BSC_ERR_LIMIT, "'%s' is longer than the %zu bytes allowed",
                               path, size_max);
        total += (size_t)got;
        bsc_buf_grown(out, (size_t)got);
    }
}

bool bsc_files_read(const struct bsc_sys *sys, const char *path, size_t size_max,
                    struct bsc_buf *out, struct bsc_err *err)
{
    size_t before = out->length;
    struct stat info = {0};
    bool ok = false;
    int fd = bsc_files_open(sys, path, O_RDONLY | O_NOCTTY);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s'", path);
    if (sys->fstat(sys->self, fd, &info) != 0)
        bsc_err_sys(err, errno, "could not look at '%s'", path);
    else
        ok = refuse_kind(&info, path, err) && read_rest(sys, fd, path, size_max, out, err);
    /* Closing a file that was only read cannot lose anything. */
    close_once(sys, fd);
    if (!ok) {
        bsc_buf_room(out, 0);
        out->length = before;
        out->data[before] = '\0';
    }
    return ok;
}

bool bsc_files_write_all(const struct bsc_sys *sys, int fd, const void *bytes, size_t length,
                         struct bsc_err *err)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = sys->write(sys->self, fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return bsc_err_sys(err, errno, "could not write %zu bytes", length);
        if (written == 0)
            return bsc_err_sys(err, EIO, "could not write %zu bytes", length);
        next += written;
        length -= (size_t)written;
    }
    return true;
}

/* Whether the descriptor is the file of this name. False with errno: ENOENT when it is not. */
static bool is_at(const struct bsc_sys *sys, int fd, const char *path)
{
    struct stat own = {0}, found = {0};
    if (sys->fstat(sys->self, fd, &own) != 0 || sys->stat(sys->self, path, &found) != 0)
        return false;
    errno = ENOENT;
    return own.st_dev == found.st_dev && own.st_ino == found.st_ino;
}

static bool has_no_locks(int reason)
{
    return reason == EINVAL || reason == ENOLCK || reason == ENOSYS || reason == EOPNOTSUPP;
}

/* Removes a temporary file that nobody holds: whoever made it ended before it was finished. */
static void remove_orphan(const struct bsc_sys *sys, const char *temporary)
{
    int fd = open_again(sys, temporary, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (sys->lock(sys->self, fd, true) == 0 && is_at(sys, fd, temporary))
        sys->unlink(sys->self, temporary);
    close_once(sys, fd);
}

/* The lock says, to other threads of ours as well, that the file is being written; where there are
 * no locks no orphans are removed either. False with errno: EEXIST when somebody took the file for
 * an orphan before it was locked. */
static bool hold(const struct bsc_sys *sys, int fd, const char *temporary)
{
    bool locked = sys->lock(sys->self, fd, true) == 0;
    if (!locked && has_no_locks(errno))
        return true;
    if (locked && is_at(sys, fd, temporary))
        return true;
    if (errno == (locked ? ENOENT : EAGAIN) || (!locked && errno == EACCES))
        errno = EEXIST;
    return false;
}

static int open_held(const struct bsc_sys *sys, const char *temporary, mode_t mode)
{
    int fd = open_again(sys, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd < 0 || hold(sys, fd, temporary))
        return fd;
    int reason = errno;
    if (reason != EEXIST)
        sys->unlink(sys->self, temporary);
    close_once(sys, fd);
    errno = reason;
    return -1;
}

/* Makes a new file beside `path` under a name that no other writer has. Returns its descriptor, and
 * its name as owned. */
static int open_temporary(const struct bsc_sys *sys, const char *path, mode_t mode,
                          char **ret_temporary)
{
    char *folder = bsc_files_folder_of(path);
    int fd = -1;
    for (int i = 0; i < TEMPORARY_TRIES && fd < 0; i++) {
        char *name = bsc_mem_format(".%s.%d.partial", bsc_files_name_of(path), i);
        char *temporary = bsc_files_join(folder, name);
        bsc_mem_free(name);
        fd = open_held(sys, temporary, mode);
        if (fd < 0 && errno == EEXIST) {
            remove_orphan(sys, temporary);
            fd = open_held(sys, temporary, mode);
        }
        if (fd >= 0)
            *ret_temporary = temporary;
        else
            bsc_mem_free(temporary);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    bsc_mem_free(folder);
    return fd;
}

struct bsc_files_pen {
    const struct bsc_sys *sys; /* borrowed */
    int fd;
    struct bsc_err *err; /* borrowed: filled by the first piece that fails */
};

bool bsc_files_put(struct bsc_files_pen *pen, const void *bytes, size_t length)
{
    return bsc_files_write_all(pen->sys, pen->fd, bytes, length, pen->err);
}

static bool fill(const struct bsc_sys *sys, int fd, const char *path, bsc_files_author author,
                 void *self, struct bsc_err *err)
{
    struct bsc_files_pen pen = {sys, fd, err};
    if (!author(self, &pen))
        return bsc_err_wrap(err, "could not write '%s'", path);
    return sys->fsync(sys->self, fd) == 0 ||
           bsc_err_sys(err, errno, "could not make '%s' durable", path);
}

bool bsc_files_write_by(const struct bsc_sys *sys, const char *path, mode_t mode,
                        bsc_files_author author, void *self, struct bsc_err *err)
{
    char *temporary = NULL;
    int fd = open_temporary(sys, path, mode, &temporary);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not create '%s'", path);
    bool ok = fill(sys, fd, path, author, self, err);
    if (ok && sys->rename(sys->self, temporary, path) != 0)
        ok = bsc_err_sys(err, errno, "could not put '%s' in place", path);
    if (!ok)
        sys->unlink(sys->self, temporary);
    /* Not before it has its name: until then it is held. */
    if (!close_once(sys, fd) && ok)
        ok = bsc_err_sys(err, errno, "could not close '%s'", path);
    bsc_mem_free(temporary);
    return ok && bsc_files_sync_parent(sys, path, err);
}

struct whole {
    const void *bytes; /* borrowed */
    size_t length;
};

static bool put_whole(void *self, struct bsc_files_pen *pen)
{
    const struct whole *whole = self;
    return bsc_files_put(pen, whole->bytes, whole->length);
}

bool bsc_files_write(const struct bsc_sys *sys, const char *path, const void *bytes, size_t length,
                     mode_t mode, struct bsc_err *err)
{
    struct whole whole = {bytes, length};
    return bsc_files_write_by(sys, path, mode, put_whole, &whole, err);
}

/* The descriptor of ours that a name of the system stands for; -1 for any other path. */
static int descriptor_of(const char *path)
{
    static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    int64_t number = -1;
    for (int i = 0; i < 3; i++)
        if (strcmp(path, streams[i]) == 0)
            return i;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 &&
            bsc_num_parse(path + length, strlen(path + length), &number) && number >= 0 &&
            number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

/* A folder is refused by whoever is to make a file in its place. */
static bool is_place(const struct bsc_sys *sys, const char *path)
{
    struct stat found = {0};
    return sys->stat(sys->self, path, &found) == 0 && !S_ISDIR(found.st_mode) &&
           (descriptor_of(path) >= 0 || !S_ISREG(found.st_mode));
}

/* What is open already is written to where it has come to, not from its beginning. A pipe that
 * nobody reads is an error: who waits for a reader may wait for ever. */
static int open_place(const struct bsc_sys *sys, const char *path)
{
    const int own = descriptor_of(path);
    if (own == STDOUT_FILENO)
        (void)fflush(stdout);
    if (own >= 0)
        return fcntl(own, F_DUPFD_CLOEXEC, 0);
    int fd = open_again(sys, path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

bool bsc_files_output_by(const struct bsc_sys *sys, const char *path, mode_t mode,
                         bsc_files_author author, void *self, struct bsc_err *err)
{
    if (!is_place(sys, path))
        return bsc_files_write_by(sys, path, mode, author, self, err);
    int fd = open_place(sys, path);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s'", path);
    struct bsc_files_pen pen = {sys, fd, err};
    bool ok = author(self, &pen) || bsc_err_wrap(err, "could not write '%s'", path);
    if (!close_once(sys, fd) && ok)
        ok = bsc_err_sys(err, errno, "could not close '%s'", path);
    return ok;
}

bool bsc_files_output(const struct bsc_sys *sys, const char *path, const void *bytes, size_t length,
                      mode_t mode, struct bsc_err *err)
{
    struct whole whole = {bytes, length};
    return bsc_files_output_by(sys, path, mode, put_whole, &whole, err);
}

bool bsc_files_exists(const struct bsc_sys *sys, const char *path)
{
    struct stat info = {0};
    return sys->stat(sys->self, path, &info) == 0;
}

static bool make_one_folder(const struct bsc_sys *sys, const char *path, mode_t mode,
                            struct bsc_err *err)
{
    struct stat info = {0};
    if (sys->mkdir(sys->self, path, mode) == 0)
        return bsc_files_sync_parent(sys, path, err);
    int reason = errno;
    /* An existing folder may also show as EROFS or EACCES, so the look decides, not the errno. */
    if (sys->stat(sys->self, path, &info) != 0)
        return bsc_err_sys(err, reason == EEXIST ? errno : reason, "could not make folder '%s'",
                           path);
    if (!S_ISDIR(info.st_mode))
        return bsc_err_set(err, BSC_ERR_EXISTS, "'%s' is there and is not a folder", path);
    return true;
}

bool bsc_files_make_folder(const struct bsc_sys *sys, const char *path, mode_t mode,
                           struct bsc_err *err)
{
    char *part = bsc_mem_text(path);
    bool ok = true;
    for (char *at = part + 1; part[0] != '\0' && *at != '\0' && ok; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = '\0';
        ok = make_one_folder(sys, part, mode, err);
        *at = '/';
    }
    ok = ok && make_one_folder(sys, part, mode, err);
    bsc_mem_free(part);
    return ok;
}

bool bsc_files_sync_folder(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    int fd = open_again(sys, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open folder '%s'", path);
    bool ok = true;
    if (sys->fsync(sys->self, fd) != 0)
        ok = bsc_err_sys(err, errno, "could not make folder '%s' durable", path);
    close_once(sys, fd);
    return ok;
}

bool bsc_files_sync_parent(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    char *folder = bsc_files_folder_of(path);
    bool ok = bsc_files_sync_folder(sys, folder, err);
    bsc_mem_free(folder);
    return ok;
}

bool bsc_files_lock(const struct bsc_sys *sys, const char *path, bool exclusive, int *ret_fd,
                    struct bsc_err *err)
{
    int fd = open_again(sys, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s' to lock it", path);
    if (sys->lock(sys->self, fd, exclusive) == 0) {
        *ret_fd = fd;
        return true;
    }
    if (errno == EAGAIN || errno == EACCES)
        bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is locked by another process", path);
    else
        bsc_err_sys(err, errno, "could not lock '%s'", path);
    close_once(sys, fd);
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_names(DIR *folder, const char *path, struct bsc_files_list *list,
                       struct bsc_err *err)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0)
            return bsc_err_sys(err, errno, "could not list folder '%s'", path);
        if (entry == NULL)
            return true;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (list->count == capacity) {
            capacity = capacity == 0 ? 32 : capacity * 2;
            list->names = bsc_mem_resize(list->names, capacity, sizeof *list->names);
        }
        list->names[list->count++] = bsc_mem_text(entry->d_name);
    }
}

bool bsc_files_list(const char *folder, struct bsc_files_list *ret_list, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    DIR *open_folder = opendir(folder);
    if (open_folder == NULL)
        return bsc_err_sys(err, errno, "could not open folder '%s'", folder);
    bool ok = read_names(open_folder, folder, &list, err);
    closedir(open_folder);
    if (!ok) {
        bsc_files_list_release(&list);
        return false;
    }
    if (list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, by_bytes);
    *ret_list = list;
    return true;
}

void bsc_files_list_release(struct bsc_files_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        bsc_mem_free(list->names[i]);
    bsc_mem_free(list->names);
    list->names = NULL;
    list->count = 0;
}

bool bsc_files_free_space(const struct bsc_sys *sys, const char *path, int64_t *ret_bytes,
                          struct bsc_err *err)
{
    struct statvfs info = {0};
    if (sys->statvfs(sys->self, path, &info) != 0)
        return bsc_err_sys(err, errno, "could not ask for the free space below '%s'", path);
    /* More than fits the number is as good as the largest number. */
    if (info.f_bavail > INT64_MAX || info.f_frsize > INT64_MAX ||
        !bsc_num_multiply((int64_t)info.f_bavail, (int64_t)info.f_frsize, ret_bytes))
        *ret_bytes = INT64_MAX;
    return true;
}
