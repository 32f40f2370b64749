#include "logs/settled.h"

#include <errno.h>

#include "os/clock.h"

/* File times advance in ticks of the kernel's clock, which are never longer than this. */
enum { TICK_MS = 10, PAUSES_MAX = 50 };

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Only a write in a later tick shows. */
static bool wait_for_next_tick(int64_t mtime_ns)
{
    const struct bsc_clock *clock = bsc_clock_real();
    const int64_t later_ms = mtime_ns / 1000000 + TICK_MS;

    for (int i = 0; i < PAUSES_MAX; i++) {
        if (clock->wall_ms(clock->self) > later_ms)
            return true;
        (void)bsc_clock_pause(1, NULL);
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
