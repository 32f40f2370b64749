#include "logs/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/files.h"

int bsc_logs_io_open(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    struct stat found = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    int fd = bsc_files_open(sys, path, O_RDONLY);
    if (fd < 0) {
        bsc_err_sys(err, errno, "cannot open '%s'", path);
        return -1;
    }
    if (sys->fstat(sys->self, fd, &found) != 0)
        bsc_err_sys(err, errno, "cannot look at '%s'", path);
    else if (S_ISDIR(found.st_mode))
        bsc_err_set(err, BSC_ERR_INVALID, "'%s' is a folder, not a file", path);
    else if (!S_ISREG(found.st_mode))
        bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not an ordinary file", path);
    else
        return fd;
    bsc_logs_io_close(sys, &fd, path, &ignored);
    return -1;
}

bool bsc_logs_io_read_at(const struct bsc_sys *sys, int fd, const char *path, void *bytes,
                         size_t length, int64_t offset, size_t *ret_got, struct bsc_err *err)
{
    size_t got = 0;
    while (got < length) {
        ssize_t n = sys->pread(sys->self, fd, (char *)bytes + got, length - got,
                               (off_t)(offset + (int64_t)got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bsc_err_sys(err, errno, "cannot read '%s'", path);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_got = got;
    return true;
}

bool bsc_logs_io_write_at(const struct bsc_sys *sys, int fd, const char *path, const void *bytes,
                          size_t length, int64_t offset, struct bsc_err *err)
{
    size_t done = 0;
    while (done < length) {
        ssize_t n = sys->pwrite(sys->self, fd, (const char *)bytes + done, length - done,
                                (off_t)(offset + (int64_t)done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return bsc_err_sys(err, n < 0 ? errno : EIO, "cannot write '%s'", path);
        done += (size_t)n;
    }
    return true;
}

bool bsc_logs_io_sync(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err)
{
    if (sys->fsync(sys->self, fd) != 0)
        return bsc_err_sys(err, errno, "cannot make '%s' durable", path);
    return true;
}

bool bsc_logs_io_close(const struct bsc_sys *sys, int *fd, const char *path, struct bsc_err *err)
{
    if (*fd < 0)
        return true;
    int closing = *fd;
    *fd = -1; /* Linux frees the descriptor even when close fails */
    if (sys->close(sys->self, closing) != 0 && errno != EINTR)
        return bsc_err_sys(err, errno, "cannot close '%s'", path);
    return true;
}
