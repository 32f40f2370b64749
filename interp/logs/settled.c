#include "logs/settled.h"

#include <errno.h>
#include <time.h>

enum { TICKS_MAX = 100, PAUSE_NS = 500000 };

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* File times advance in ticks of the kernel's coarse clock: only a write in a later tick shows. */
static bool wait_for_next_tick(int64_t mtime_ns)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    struct timespec now = {0};

    for (int i = 0; i < TICKS_MAX; i++) {
        (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
        if (nanoseconds(now) > mtime_ns)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

bool bsc_logs_settled_note(const struct bsc_sys *sys, const char *db, struct bsc_logs_settled *ret,
                           struct bsc_err *err)
{
    struct stat status = {0};

    if (sys->stat(sys->self, db, &status) != 0)
        return bsc_err_sys(err, errno, "could not look at '%s'", db);
    ret->bytes = status.st_size;
    ret->mtime_ns = nanoseconds(status.st_mtim);
    ret->known = wait_for_next_tick(ret->mtime_ns);
    return true;
}

bool bsc_logs_settled_holds(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_settled *settled)
{
    struct stat status = {0};

    return settled->known && sys->stat(sys->self, db, &status) == 0 &&
           status.st_size == settled->bytes && nanoseconds(status.st_mtim) == settled->mtime_ns;
}
