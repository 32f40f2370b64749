#include "logs/shipping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "logs/primary_int.h"
#include "logs/round_int.h"
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

/* With the log standing still: from here on no frame leaves it that no log backup holds. */
static bool begin_backups(const struct bsc_sys *sys, struct bsc_logs_primary *primary,
                          struct bsc_logs_state *from, struct bsc_err *err)
{
    struct bsc_logs_round round = BSC_LOGS_ROUND_INIT;
    bool ok = bsc_logs_state_load(sys, primary->db, from, err);
    if (ok && from->role != BSC_LOGS_PRIMARY)
        ok = bsc_err_set(err, BSC_ERR_REFUSED, "'%s' cannot be shipped from: it is %s", primary->db,
                         bsc_logs_role_name(from->role));
    ok = ok && bsc_logs_round_open(&round, primary, from->page_size, err) &&
         bsc_logs_round_scan(&round, from, err);
    bsc_logs_round_release(&round);
    if (ok && !from->backed_up) {
        from->backed_up = true;
        ok = bsc_logs_state_save(sys, primary->db, from, err);
    }
    return ok;
}

static bool back_up_from_now(const struct bsc_sys *sys, const char *principal,
                             struct bsc_logs_state *from, struct bsc_err *err)
{
    struct bsc_logs_primary primary = BSC_LOGS_PRIMARY_INIT;
    bool ok = bsc_logs_primary_open(&primary, sys, principal, false, err) &&
              bsc_logs_primary_lock(&primary, err) && begin_backups(sys, &primary, from, err);
    bsc_logs_primary_unlock(&primary);
    bsc_logs_primary_close(&primary);
    return ok;
}

/* Whether everything that comes after the copy is on the principal's fork. */
static bool continues(const struct bsc_logs_state *copy, const struct bsc_logs_state *from)
{
    if (copy->role != BSC_LOGS_RESTORING || copy->applying ||
        strcmp(copy->database_id, from->database_id) != 0)
        return false;
    return strcmp(copy->fork, from->fork) == 0 ||
           (strcmp(copy->fork, from->previous_fork) == 0 && copy->lsn == from->fork_lsn);
}

static bool follow_fork(const struct bsc_sys *sys, const char *db,
                        const struct bsc_logs_state *from, const char *principal,
                        struct bsc_err *err)
{
    struct bsc_logs_state copy = BSC_LOGS_STATE_INIT;
    bool ok = bsc_logs_state_load(sys, db, &copy, err);
    if (ok && !continues(&copy, from)) {
        ok = bsc_err_set(err, BSC_ERR_REFUSED,
                         "'%s' (LSN %lld) does not end where '%s' began its recovery fork "
                         "(LSN %lld)",
                         db, (long long)copy.lsn, principal, (long long)from->fork_lsn);
        bsc_err_hint(err, "Make the copy anew.");
    } else if (ok && strcmp(copy.fork, from->fork) != 0) {
        memcpy(copy.previous_fork, copy.fork, sizeof copy.previous_fork);
        memcpy(copy.fork, from->fork, sizeof copy.fork);
        copy.fork_lsn = from->fork_lsn;
        bsc_logs_state_forget(&copy);
        ok = bsc_logs_state_save(sys, db, &copy, err);
    }
    bsc_logs_state_release(&copy);
    return ok;
}

bool bsc_logs_ship_from(const struct bsc_sys *sys, const char *principal, const char *db,
                        const struct bsc_logs_job *job, struct bsc_err *err)
{
    struct bsc_logs_state from = BSC_LOGS_STATE_INIT;
    bool ok = back_up_from_now(sys, principal, &from, err) &&
              follow_fork(sys, db, &from, principal, err) && bsc_logs_ship(sys, db, job, err);
    bsc_logs_state_release(&from);
    return ok;
}
