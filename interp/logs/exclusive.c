#include "logs/exclusive.h"

#include <errno.h>
#include <fcntl.h>

#include "logs/sessions.h"

bool bsc_logs_exclusive_alone(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    struct bsc_logs_sessions sessions = {0};
    bool ok = false;

    if (!bsc_logs_sessions_find(sys, path, &sessions, err))
        goto done;
    ok = sessions.count == 0 || bsc_logs_sessions_refuse(&sessions, path, err);
done:
    bsc_logs_sessions_release(&sessions);
    return ok;
}

static bool lock_it(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err)
{
    if (sys->lock(sys->self, fd, true) == 0)
        return true;
    if (errno != EAGAIN && errno != EACCES && errno != EWOULDBLOCK)
        return bsc_err_sys(err, errno, "could not lock '%s'", path);
    /* The holder may have let go since; the refusal stands either way. */
    if (!bsc_logs_exclusive_alone(sys, path, err))
        return false;
    return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is locked by another process", path);
}

bool bsc_logs_exclusive_open(const struct bsc_sys *sys, const char *path, int *ret_fd,
                             struct bsc_err *err)
{
    int fd;

    if (bsc_logs_sessions_ours(sys, path))
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is open in this very process", path);
    fd = sys->open(sys->self, path, O_RDWR, 0);
    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s'", path);
    if (!lock_it(sys, fd, path, err)) {
        (void)sys->close(sys->self, fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

void bsc_logs_exclusive_close(const struct bsc_sys *sys, int fd)
{
    if (fd >= 0)
        (void)sys->close(sys->self, fd);
}
