#include "vm/vm_int.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * Hooks do not fire inside a C function, so a thread of its own has the last word. It counts its
 * own ticks rather than reading a clock: a process that was stopped or a machine that slept loses
 * one tick, not its life.
 */

enum { TICKS = 10 };

struct bsc_vm_watchdog {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending; /* guarded by mutex */
    int64_t wall_ms;
    atomic_uint_fast64_t passages; /* odd while Lua runs; one more at each border crossing */
};

static void end_process(int64_t wall_ms)
{
    char text[160];
    int length = snprintf(text, sizeof text,
                          "bascule: Lua code ran for %lld ms without an answer and cannot be "
                          "interrupted; the process ends\n",
                          (long long)wall_ms);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(1);
    _exit(1);
}

/* Waits one tick; false when the watchdog is to end. */
static bool wait_tick(struct bsc_vm_watchdog *watchdog)
{
    struct timespec until = {0};
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t tick_ns = watchdog->wall_ms * 1000000 / TICKS + until.tv_nsec;
    until.tv_sec += (time_t)(tick_ns / 1000000000);
    until.tv_nsec = (long)(tick_ns % 1000000000);
    pthread_mutex_lock(&watchdog->mutex);
    int timed_out = 0;
    while (!watchdog->ending && timed_out == 0)
        timed_out = pthread_cond_timedwait(&watchdog->wake, &watchdog->mutex, &until);
    bool going = !watchdog->ending;
    pthread_mutex_unlock(&watchdog->mutex);
    return going;
}

static void *watch(void *arg)
{
    struct bsc_vm_watchdog *watchdog = arg;
    uint_fast64_t seen = 0;
    int ticks = 0;
    while (wait_tick(watchdog)) {
        uint_fast64_t now = atomic_load_explicit(&watchdog->passages, memory_order_relaxed);
        ticks = now == seen && now % 2 == 1 ? ticks + 1 : 0;
        seen = now;
        if (ticks >= TICKS)
            end_process(watchdog->wall_ms);
    }
    return NULL;
}

/* Signals are the business of the thread that runs the loop. */
static int start_without_signals(struct bsc_vm_watchdog *watchdog)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct bsc_vm_watchdog *bsc_vm_watchdog_new(int64_t wall_ms, struct bsc_err *err)
{
    struct bsc_vm_watchdog *watchdog = bsc_mem_new(1, sizeof *watchdog);
    watchdog->wall_ms = wall_ms;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&watchdog->mutex, NULL);
    int failed = start_without_signals(watchdog);
    if (failed == 0)
        return watchdog;
    bsc_err_sys(err, failed, "could not start the watchdog of the Lua state");
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->mutex);
    bsc_mem_free(watchdog);
    return NULL;
}

void bsc_vm_watchdog_free(struct bsc_vm_watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    pthread_mutex_lock(&watchdog->mutex);
    watchdog->ending = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->mutex);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->mutex);
    bsc_mem_free(watchdog);
}

void bsc_vm_watchdog_toggle(struct bsc_vm_watchdog *watchdog)
{
    atomic_fetch_add_explicit(&watchdog->passages, 1, memory_order_relaxed);
}
