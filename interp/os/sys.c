#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { LOWEST_FD = 3 };

/* A file on descriptor 2 would one day have a library's complaint printed into it. */
static int raise_fd(int fd)
{
    if (fd < 0 || fd >= LOWEST_FD)
        return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    int saved = errno;
    close(fd);
    errno = saved;
    return raised;
}

static int real_open(void *self, const char *path, int flags, mode_t mode)
{
    (void)self;
    return raise_fd(open(path, flags | O_CLOEXEC, mode));
}

static int real_close(void *self, int fd)
{
    (void)self;
    return close(fd);
}

static ssize_t real_read(void *self, int fd, void *bytes, size_t length)
{
    (void)self;
    return read(fd, bytes, length);
}

static ssize_t real_write(void *self, int fd, const void *bytes, size_t length)
{
    (void)self;
    return write(fd, bytes, length);
}

static ssize_t real_pread(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    (void)self;
    return pread(fd, bytes, length, offset);
}

static ssize_t real_pwrite(void *self, int fd, const void *bytes, size_t length, off_t offset)
{
    (void)self;
    return pwrite(fd, bytes, length, offset);
}

static ssize_t real_copy_file_range(void *self, int from, off_t *from_offset, int to,
                                    off_t *to_offset, size_t length)
{
    (void)self;
    return copy_file_range(from, from_offset, to, to_offset, length, 0);
}

static int real_fsync(void *self, int fd)
{
    (void)self;
    return fsync(fd);
}

static int real_fdatasync(void *self, int fd)
{
    (void)self;
    return fdatasync(fd);
}

static int real_ftruncate(void *self, int fd, off_t length)
{
    (void)self;
    return ftruncate(fd, length);
}

static int real_fallocate(void *self, int fd, int mode, off_t offset, off_t length)
{
    (void)self;
    return fallocate(fd, mode, offset, length);
}

static int real_rename(void *self, const char *from, const char *to)
{
    (void)self;
    return rename(from, to);
}

static int real_link(void *self, const char *from, const char *to)
{
    (void)self;
    return link(from, to);
}

static int real_unlink(void *self, const char *path)
{
    (void)self;
    return unlink(path);
}

static int real_mkdir(void *self, const char *path, mode_t mode)
{
    (void)self;
    return mkdir(path, mode);
}

static int real_stat(void *self, const char *path, struct stat *ret_stat)
{
    (void)self;
    return stat(path, ret_stat);
}

static int real_fstat(void *self, int fd, struct stat *ret_stat)
{
    (void)self;
    return fstat(fd, ret_stat);
}

static int real_statvfs(void *self, const char *path, struct statvfs *ret_stat)
{
    (void)self;
    return statvfs(path, ret_stat);
}

static int real_statfs(void *self, const char *path, struct statfs *ret_stat)
{
    (void)self;
    return statfs(path, ret_stat);
}

/* A lock of the open file description: unlike a classic record lock it does not vanish when some
 * other part of the process opens and closes the same file. */
static int real_lock(void *self, int fd, bool exclusive)
{
    (void)self;
    struct flock whole = {.l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &whole);
}

/* Closing would not do: a child that has inherited the open file would keep the lock. */
static int real_unlock(void *self, int fd)
{
    (void)self;
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &whole);
}

static int real_locked(void *self, int fd)
{
    (void)self;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_GETLK, &whole) != 0)
        return -1;
    return whole.l_type != F_UNLCK ? 1 : 0;
}

static void real_write_soon(void *self, int fd)
{
    (void)self;
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static const struct bsc_sys real = {
    .self = NULL,
    .open = real_open,
    .close = real_close,
    .read = real_read,
    .write = real_write,
    .pread = real_pread,
    .pwrite = real_pwrite,
    .copy_file_range = real_copy_file_range,
    .fsync = real_fsync,
    .fdatasync = real_fdatasync,
    .ftruncate = real_ftruncate,
    .fallocate = real_fallocate,
    .rename = real_rename,
    .link = real_link,
    .unlink = real_unlink,
    .mkdir = real_mkdir,
    .stat = real_stat,
    .fstat = real_fstat,
    .statvfs = real_statvfs,
    .statfs = real_statfs,
    .lock = real_lock,
    .unlock = real_unlock,
    .locked = real_locked,
    .write_soon = real_write_soon,
};

const struct bsc_sys *bsc_sys_real(void)
{
    return &real;
}
