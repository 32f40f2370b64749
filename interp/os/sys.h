/*
 * The one table of system calls that everything durable goes through: journal, verified copy, log
 * apply, recovery, site and plan files.
 *
 * A test gives another table and so fails, cuts short or crashes at any call. Each member behaves
 * as the system call of its name (result -1 and errno). Nothing else in the house calls open,
 * write, fsync, rename… directly, but for foreign libraries, which do their own.
 */
#ifndef BSC_OS_SYS_H
#define BSC_OS_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/vfs.h>

struct bsc_sys {
    void *self; /* passed back as the first argument; borrowed */
    int (*open)(void *self, const char *path, int flags, mode_t mode);
    int (*close)(void *self, int fd);
    ssize_t (*read)(void *self, int fd, void *bytes, size_t length);
    ssize_t (*write)(void *self, int fd, const void *bytes, size_t length);
    ssize_t (*pread)(void *self, int fd, void *bytes, size_t length, off_t offset);
    ssize_t (*pwrite)(void *self, int fd, const void *bytes, size_t length, off_t offset);
    ssize_t (*copy_file_range)(void *self, int from, off_t *from_offset, int to, off_t *to_offset,
                               size_t length);
    int (*fsync)(void *self, int fd);
    int (*fdatasync)(void *self, int fd);
    int (*ftruncate)(void *self, int fd, off_t length);
    int (*fallocate)(void *self, int fd, int mode, off_t offset, off_t length);
    int (*rename)(void *self, const char *from, const char *to);
    int (*link)(void *self, const char *from, const char *to);
    int (*unlink)(void *self, const char *path);
    int (*mkdir)(void *self, const char *path, mode_t mode);
    int (*stat)(void *self, const char *path, struct stat *ret_stat);
    int (*fstat)(void *self, int fd, struct stat *ret_stat);
    int (*statvfs)(void *self, const char *path, struct statvfs *ret_stat);
    int (*statfs)(void *self, const char *path, struct statfs *ret_stat);
    int (*lock)(void *self, int fd, bool exclusive); /* OFD lock of the whole file, never waits */
    int (*unlock)(void *self, int fd); /* gives the lock back, whoever else has the open file */
    int (*locked)(void *self, int fd); /* 1 when somebody else holds a lock on it, 0 when nobody
                                          does; takes none, and needs no permission to write */
    void (*write_soon)(void *self, int fd); /* has the device begin to write what is dirty: a hint,
                                               not durability; NULL where nobody listens */
};

/* The real thing. Never opens a file on descriptors 0 to 2; adds O_CLOEXEC. */
const struct bsc_sys *bsc_sys_real(void);

#endif
