#include "fault_sys.h"

#include <errno.h>
#include <string.h>

/* Counts a call; true, with errno set, when it is the one to fail. */
static bool fails(struct unit_sys *fault, enum unit_sys_kind kind)
{
    fault->calls++;
    fault->counts[kind]++;
    if (fault->before != NULL)
        fault->before(fault->before_arg, kind, fault->calls);
    bool counted = fault->fail_kind == UNIT_SYS_ANY || fault->fail_kind == kind;
    unsigned long at = fault->fail_kind == UNIT_SYS_ANY ? fault->calls : fault->counts[kind];
    if (!counted || fault->fail_at == 0 || at < fault->fail_at)
        return false;
    if (at > fault->fail_at && !fault->sticky)
        return false;
    if ((fault->among != 0 && (fault->among >> kind & 1) == 0) ||
        (fault->most != 0 && fault->failures == fault->most))
        return false;
    fault->failures++;
    if (!fault->failed)
        fault->failed_kind = kind;
    fault->failed = true;
    errno = fault->fail_errno;
    return true;
}

static const struct bsc_sys *under(void)
{
    return bsc_sys_real();
}

/* Hands on what a call gave, and tells of it when it succeeded. */
static ssize_t tell(struct unit_sys *fault, struct unit_sys_call call, ssize_t rc)
{
    int reason = errno;
    if (rc >= 0 && fault->after != NULL)
        fault->after(fault->after_arg, &call);
    errno = reason;
    return rc;
}

static struct unit_sys_call of_fd(enum unit_sys_kind kind, int fd)
{
    return (struct unit_sys_call){.kind = kind, .fd = fd};
}

static struct unit_sys_call of_path(enum unit_sys_kind kind, const char *path, const char *to)
{
    return (struct unit_sys_call){.kind = kind, .fd = -1, .path = path, .to = to};
}

static size_t cut(const struct unit_sys *fault, size_t length)
{
    return fault->length_max > 0 && length > fault->length_max ? fault->length_max : length;
}

static int fault_open(void *self, const char *path, int flags, mode_t mode)
{
    struct unit_sys *fault = self;
    if (fault->locks != NULL && strcmp(path, "/proc/locks") == 0)
        path = fault->locks;
    int fd = fails(self, UNIT_SYS_OPEN) ? -1 : under()->open(NULL, path, flags, mode);
    return (int)tell(fault, (struct unit_sys_call){UNIT_SYS_OPEN, fd, path, NULL, flags}, fd);
}

static int fault_close(void *self, int fd)
{
    bool failed = fails(self, UNIT_SYS_CLOSE);
    int reason = errno;
    int rc = under()->close(NULL, fd);
    if (failed)
        errno = reason;
    return (int)tell(self, of_fd(UNIT_SYS_CLOSE, fd), failed ? -1 : rc);
}

static ssize_t fault_read(void *self, int fd, void *bytes, size_t length)
{
    ssize_t rc =
        fails(self, UNIT_SYS_READ) ? -1 : under()->read(NULL, fd, bytes, cut(self, length));
    return tell(self, of_fd(UNIT_SYS_READ, fd), rc);
}

static ssize_t fault_write(void *self, int fd, const void *bytes, size_t length)
{
    ssize_t rc =
        fails(self, UNIT_SYS_WRITE) ? -1 : under()->write(NULL, fd, bytes, cut(self, length));
    return tell(self, of_fd(UNIT_SYS_WRITE, fd), rc);
}

static ssize_t fault_pread(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    ssize_t rc = fails(self, UNIT_SYS_PREAD)
                     ? -1
                     : under()->pread(NULL, fd, bytes, cut(self, length), offset);
    return tell(self, of_fd(UNIT_SYS_PREAD, fd), rc);
}

static ssize_t fault_pwrite(void *self, int fd, const void *bytes, size_t length, off_t offset)
{
    ssize_t rc = fails(self, UNIT_SYS_PWRITE)
                     ? -1
                     : under()->pwrite(NULL, fd, bytes, cut(self, length), offset);
    return tell(self, of_fd(UNIT_SYS_PWRITE, fd), rc);
}

static ssize_t fault_copy_file_range(void *self, int from, off_t *from_offset, int to,
                                     off_t *to_offset, size_t length)
{
    ssize_t rc =
        fails(self, UNIT_SYS_COPY_FILE_RANGE)
            ? -1
            : under()->copy_file_range(NULL, from, from_offset, to, to_offset, cut(self, length));
    return tell(self, of_fd(UNIT_SYS_COPY_FILE_RANGE, to), rc);
}

static int fault_fsync(void *self, int fd)
{
    int rc = fails(self, UNIT_SYS_FSYNC) ? -1 : under()->fsync(NULL, fd);
    return (int)tell(self, of_fd(UNIT_SYS_FSYNC, fd), rc);
}

static int fault_fdatasync(void *self, int fd)
{
    int rc = fails(self, UNIT_SYS_FDATASYNC) ? -1 : under()->fdatasync(NULL, fd);
    return (int)tell(self, of_fd(UNIT_SYS_FDATASYNC, fd), rc);
}

static int fault_ftruncate(void *self, int fd, off_t length)
{
    int rc = fails(self, UNIT_SYS_FTRUNCATE) ? -1 : under()->ftruncate(NULL, fd, length);
    return (int)tell(self, of_fd(UNIT_SYS_FTRUNCATE, fd), rc);
}

static int fault_fallocate(void *self, int fd, int mode, off_t offset, off_t length)
{
    int rc =
        fails(self, UNIT_SYS_FALLOCATE) ? -1 : under()->fallocate(NULL, fd, mode, offset, length);
    return (int)tell(self, of_fd(UNIT_SYS_FALLOCATE, fd), rc);
}

static int fault_rename(void *self, const char *from, const char *to)
{
    int rc = fails(self, UNIT_SYS_RENAME) ? -1 : under()->rename(NULL, from, to);
    return (int)tell(self, of_path(UNIT_SYS_RENAME, from, to), rc);
}

static int fault_link(void *self, const char *from, const char *to)
{
    int rc = fails(self, UNIT_SYS_LINK) ? -1 : under()->link(NULL, from, to);
    return (int)tell(self, of_path(UNIT_SYS_LINK, from, to), rc);
}

static int fault_unlink(void *self, const char *path)
{
    int rc = fails(self, UNIT_SYS_UNLINK) ? -1 : under()->unlink(NULL, path);
    return (int)tell(self, of_path(UNIT_SYS_UNLINK, path, NULL), rc);
}

static int fault_mkdir(void *self, const char *path, mode_t mode)
{
    int rc = fails(self, UNIT_SYS_MKDIR) ? -1 : under()->mkdir(NULL, path, mode);
    return (int)tell(self, of_path(UNIT_SYS_MKDIR, path, NULL), rc);
}

static int fault_stat(void *self, const char *path, struct stat *ret_stat)
{
    int rc = fails(self, UNIT_SYS_STAT) ? -1 : under()->stat(NULL, path, ret_stat);
    return (int)tell(self, of_path(UNIT_SYS_STAT, path, NULL), rc);
}

static int fault_fstat(void *self, int fd, struct stat *ret_stat)
{
    int rc = fails(self, UNIT_SYS_FSTAT) ? -1 : under()->fstat(NULL, fd, ret_stat);
    return (int)tell(self, of_fd(UNIT_SYS_FSTAT, fd), rc);
}

static int fault_statvfs(void *self, const char *path, struct statvfs *ret_stat)
{
    int rc = fails(self, UNIT_SYS_STATVFS) ? -1 : under()->statvfs(NULL, path, ret_stat);
    return (int)tell(self, of_path(UNIT_SYS_STATVFS, path, NULL), rc);
}

static int fault_statfs(void *self, const char *path, struct statfs *ret_stat)
{
    const struct unit_sys *fault = self;
    int rc = fails(self, UNIT_SYS_STATFS) ? -1 : under()->statfs(NULL, path, ret_stat);
    if (rc == 0 && fault->fs_magic != 0)
        ret_stat->f_type = fault->fs_magic;
    return rc;
}

static int fault_lock(void *self, int fd, bool exclusive)
{
    int rc = fails(self, UNIT_SYS_LOCK) ? -1 : under()->lock(NULL, fd, exclusive);
    return (int)tell(self, of_fd(UNIT_SYS_LOCK, fd), rc);
}

static int fault_unlock(void *self, int fd)
{
    return fails(self, UNIT_SYS_UNLOCK) ? -1 : under()->unlock(NULL, fd);
}

static int fault_locked(void *self, int fd)
{
    int rc = fails(self, UNIT_SYS_LOCKED) ? -1 : under()->locked(NULL, fd);
    return (int)tell(self, of_fd(UNIT_SYS_LOCKED, fd), rc);
}

void unit_sys_init(struct unit_sys *fault)
{
    memset(fault, 0, sizeof *fault);
    fault->fail_kind = UNIT_SYS_ANY;
    fault->table = (struct bsc_sys){
        .self = fault,
        .open = fault_open,
        .close = fault_close,
        .read = fault_read,
        .write = fault_write,
        .pread = fault_pread,
        .pwrite = fault_pwrite,
        .copy_file_range = fault_copy_file_range,
        .fsync = fault_fsync,
        .fdatasync = fault_fdatasync,
        .ftruncate = fault_ftruncate,
        .fallocate = fault_fallocate,
        .rename = fault_rename,
        .link = fault_link,
        .unlink = fault_unlink,
        .mkdir = fault_mkdir,
        .stat = fault_stat,
        .fstat = fault_fstat,
        .statvfs = fault_statvfs,
        .statfs = fault_statfs,
        .lock = fault_lock,
        .unlock = fault_unlock,
        .locked = fault_locked,
    };
}

void unit_sys_fail(struct unit_sys *fault, unsigned long at, int fail_errno, bool sticky)
{
    unit_sys_fail_kind(fault, UNIT_SYS_ANY, at, fail_errno, sticky);
}

void unit_sys_fail_kind(struct unit_sys *fault, enum unit_sys_kind kind, unsigned long at,
                        int fail_errno, bool sticky)
{
    fault->fail_at = at;
    fault->fail_kind = kind;
    fault->fail_errno = fail_errno;
    fault->sticky = sticky;
}

const char *unit_sys_name(enum unit_sys_kind kind)
{
    static const char *const names[] = {
        "open",  "close",     "read",      "write",     "pread",  "pwrite", "copy_file_range",
        "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "link",   "unlink",
        "mkdir", "stat",      "fstat",     "statvfs",   "statfs", "lock",   "unlock",
        "locked"};
    _Static_assert(sizeof names / sizeof names[0] == UNIT_SYS_KINDS, "one name for each kind");
    return kind < UNIT_SYS_KINDS ? names[kind] : "any";
}
