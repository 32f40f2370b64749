#include "sql/watch_int.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/thread.h"

/* How often the watch looks at the cancel flags, and how often it repeats a cancel that had no
 * effect: a driver may miss one that comes before the server began. */
enum { LOOK_US = 20000, REPEAT_US_MAX = 1000000 };

struct bsc_sql_watch {
    const struct bsc_sql_calls *calls; /* borrowed */
    pthread_mutex_t lock;              /* guards everything below up to the flags */
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping;
    bool running;
    bool awake; /* looks without being woken */
    struct bsc_sql_handle target;
    int64_t deadline_us;       /* monotonic; 0 is never */
    const atomic_bool *cancel; /* borrowed, may be NULL */
    int64_t next_us;           /* when to look again */
    int64_t repeat_us;
    atomic_bool wanted; /* bsc_sql_watch_cancel was called since the statement began */
    atomic_int verdict;
};

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

static void decide(struct bsc_sql_watch *watch, int64_t now)
{
    if (atomic_load(&watch->verdict) != BSC_ERR_NONE)
        return;
    if (atomic_load(&watch->wanted) || (watch->cancel != NULL && atomic_load(watch->cancel)))
        atomic_store(&watch->verdict, BSC_ERR_CANCELLED);
    else if (watch->deadline_us != 0 && now >= watch->deadline_us)
        atomic_store(&watch->verdict, BSC_ERR_TIMEOUT);
}

/* One look at the running statement, with the lock held: SQLCancel must not meet a handle that the
 * running thread frees meanwhile. */
static void look(struct bsc_sql_watch *watch)
{
    int64_t now = now_us();
    decide(watch, now);
    if (atomic_load(&watch->verdict) != BSC_ERR_NONE) {
        watch->calls->cancel(watch->calls->self, watch->target.handle);
        watch->next_us = now + watch->repeat_us;
        watch->repeat_us =
            watch->repeat_us * 2 < REPEAT_US_MAX ? watch->repeat_us * 2 : REPEAT_US_MAX;
        return;
    }
    watch->next_us = now + LOOK_US;
    if (watch->deadline_us != 0 && watch->deadline_us < watch->next_us)
        watch->next_us = watch->deadline_us;
}

static void sleep_until(struct bsc_sql_watch *watch, int64_t at_us)
{
    struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    pthread_cond_timedwait(&watch->wake, &watch->lock, &at);
}

static void *keep_watch(void *arg)
{
    struct bsc_sql_watch *watch = arg;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        if (!watch->running && !watch->awake)
            pthread_cond_wait(&watch->wake, &watch->lock);
        else if (now_us() < watch->next_us)
            sleep_until(watch, watch->next_us);
        else if (watch->running)
            look(watch);
        else
            watch->next_us = now_us() + LOOK_US;
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void release_locks(struct bsc_sql_watch *watch)
{
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
}

struct bsc_sql_watch *bsc_sql_watch_new(const struct bsc_sql_calls *calls, struct bsc_err *err)
{
    struct bsc_sql_watch *watch = bsc_mem_new(1, sizeof *watch);
    pthread_condattr_t attr;
    watch->calls = calls;
    BSC_BUG_ON(pthread_mutex_init(&watch->lock, NULL) != 0);
    BSC_BUG_ON(pthread_condattr_init(&attr) != 0);
    BSC_BUG_ON(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0);
    BSC_BUG_ON(pthread_cond_init(&watch->wake, &attr) != 0);
    pthread_condattr_destroy(&attr);
    int failed = bsc_thread_begin(&watch->thread, keep_watch, watch);
    if (failed == 0)
        return watch;
    bsc_err_sys(err, failed, "cannot start a thread to watch over statements");
    release_locks(watch);
    bsc_mem_free(watch);
    return NULL;
}

void bsc_sql_watch_free(struct bsc_sql_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    release_locks(watch);
    bsc_mem_free(watch);
}

void bsc_sql_watch_begin(struct bsc_sql_watch *watch, struct bsc_sql_handle target,
                         int64_t timeout_ms, const atomic_bool *cancel)
{
    pthread_mutex_lock(&watch->lock);
    BSC_BUG_ON(watch->running);
    int64_t now = now_us();
    watch->target = target;
    watch->deadline_us =
        timeout_ms > 0 && timeout_ms < INT64_MAX / 4000 ? now + timeout_ms * 1000 : 0;
    watch->cancel = cancel;
    watch->next_us = now;
    watch->repeat_us = LOOK_US / 2;
    watch->running = true;
    atomic_store(&watch->wanted, false);
    atomic_store(&watch->verdict, BSC_ERR_NONE);
    if (!watch->awake)
        pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void bsc_sql_watch_stay_awake(struct bsc_sql_watch *watch, bool awake)
{
    pthread_mutex_lock(&watch->lock);
    watch->awake = awake;
    watch->next_us = now_us();
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

enum bsc_err_code bsc_sql_watch_end(struct bsc_sql_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->running = false;
    pthread_mutex_unlock(&watch->lock);
    return bsc_sql_watch_verdict(watch);
}

enum bsc_err_code bsc_sql_watch_verdict(struct bsc_sql_watch *watch)
{
    return (enum bsc_err_code)atomic_load(&watch->verdict);
}

void bsc_sql_watch_cancel(struct bsc_sql_watch *watch)
{
    atomic_store(&watch->wanted, true);
}
