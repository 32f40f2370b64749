#include "logs/shipping.h"

#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "logs/io.h"
#include "os/clock.h"
#include "os/files.h"

enum { PAUSE_MS = 20 };

/* The locked file must still be the one of that name: it may have been removed or replaced between
 * opening and locking. */
static bool is_current(const struct bsc_sys *sys, const char *path, int fd)
{
    struct stat held = {0}, named = {0};
    return sys->fstat(sys->self, fd, &held) == 0 && sys->stat(sys->self, path, &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static bool lock_file(const struct bsc_sys *sys, const char *path, int fd, struct bsc_err *err)
{
    if (sys->lock(sys->self, fd, true) != 0) {
        if (errno != EAGAIN && errno != EACCES)
            return bsc_err_sys(err, errno, "cannot lock '%s'", path);
        bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is in use by a running round", path);
        err->retryable = BSC_RETRY_YES;
        return false;
    }
    if (!is_current(sys, path, fd))
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "'%s' was removed just now", path);
    return true;
}

bool bsc_logs_shipping_hold(const struct bsc_sys *sys, const char *db, struct bsc_logs_job *job,
                            int *ret_fd, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *path = bsc_logs_path_shipping(db);
    int fd = sys->open(sys->self, path, O_RDWR, 0);
    bool ok = fd >= 0;
    if (!ok)
        bsc_err_sys(err, errno, "cannot open '%s'", path);
    ok = ok && lock_file(sys, path, fd, err) && bsc_logs_job_load(sys, db, job, err);
    if (ok)
        *ret_fd = fd;
    else
        bsc_logs_io_close(sys, &fd, path, &ignored);
    bsc_mem_free(path);
    return ok;
}

/* As hold, again and again until it works, there is no job, or time is up. */
static bool hold_patiently(const struct bsc_sys *sys, const char *db, int64_t wait_ms,
                           struct bsc_logs_job *job, int *ret_fd, struct bsc_err *err)
{
    for (int64_t waited = 0;; waited += PAUSE_MS) {
        if (bsc_logs_shipping_hold(sys, db, job, ret_fd, err))
            return true;
        bsc_logs_job_release(job);
        if (err->code != BSC_ERR_CONFLICT)
            return false;
        if (waited >= wait_ms) {
            err->code = BSC_ERR_TIMEOUT;
            return bsc_err_wrap(err, "log shipping into '%s' is still busy after %lld ms", db,
                                (long long)wait_ms);
        }
        (void)bsc_clock_pause(PAUSE_MS, NULL);
    }
}

bool bsc_logs_unship(const struct bsc_sys *sys, const char *db, int64_t wait_ms,
                     struct bsc_err *err)
{
    struct bsc_logs_job job = BSC_LOGS_JOB_INIT;
    struct bsc_err why = BSC_ERR_INIT;
    int fd = -1;
    bool ok = hold_patiently(sys, db, wait_ms, &job, &fd, &why);
    if (ok)
        ok = bsc_logs_job_remove(sys, db, err);
    else if (why.code == BSC_ERR_NOT_FOUND)
        ok = bsc_files_sync_parent(sys, db, err); /* a removal that was not made durable */
    else
        *err = why;
    bsc_logs_io_close(sys, &fd, db, &(struct bsc_err){0});
    bsc_logs_job_release(&job);
    return ok;
}

bool bsc_logs_ship(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                   struct bsc_err *err)
{
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    bool ok = bsc_logs_state_load(sys, db, &state, err);
    if (ok && state.role != BSC_LOGS_RESTORING && state.role != BSC_LOGS_STANDBY)
        ok = bsc_err_set(err, BSC_ERR_REFUSED, "'%s' does not take log backups: it is %s", db,
                         bsc_logs_role_name(state.role));
    ok = ok && bsc_logs_job_save(sys, db, job, err);
    bsc_logs_state_release(&state);
    return ok;
}
