#include "os/loop.h"

#include <sched.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/loop_int.h"

struct bsc_timer {
    uv_timer_t uv;
    void (*due)(void *arg);
    void *arg; /* borrowed */
};

void bsc_job_queue_add(struct bsc_job_queue *queue, struct bsc_job *job)
{
    job->next = NULL;
    if (queue->last == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

struct bsc_job *bsc_job_queue_take(struct bsc_job_queue *queue)
{
    struct bsc_job *job = queue->first;
    if (job != NULL)
        queue->first = job->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return job;
}

int64_t bsc_loop_now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

bool bsc_loop_linger(const atomic_bool *news, int64_t until_us)
{
    while (!atomic_load_explicit(news, memory_order_acquire)) {
        if (bsc_loop_now_us() >= until_us)
            return false;
        sched_yield();
    }
    return true;
}

void bsc_loop_expect(struct bsc_loop *loop)
{
    if (loop->under_way == 0)
        uv_ref((uv_handle_t *)&loop->answers);
    loop->under_way++;
    loop->linger_until_us = bsc_loop_now_us() + BSC_LOOP_LINGER_US;
}

void bsc_loop_answer(struct bsc_loop *loop, struct bsc_job *job)
{
    uv_mutex_lock(&loop->lock);
    bsc_job_queue_add(&loop->finished, job);
    atomic_store_explicit(&loop->news, true, memory_order_release);
    bool asleep = !loop->awake;
    uv_mutex_unlock(&loop->lock);
    if (asleep)
        uv_async_send(&loop->answers);
}

static void finish(struct bsc_loop *loop, struct bsc_job *job)
{
    void (*done)(void *arg) = job->done;
    void *arg = job->arg;
    bsc_mem_free(job);
    loop->under_way--;
    if (loop->under_way == 0)
        uv_unref((uv_handle_t *)&loop->answers);
    if (done != NULL)
        done(arg);
}

/* Takes only the answers that are there now: those that arrive while the callbacks run wait for
 * the next turn, so timers and signals get theirs. */
static void deliver(struct bsc_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    struct bsc_job_queue ready = loop->finished;
    loop->finished = (struct bsc_job_queue){NULL, NULL};
    atomic_store_explicit(&loop->news, false, memory_order_relaxed);
    uv_mutex_unlock(&loop->lock);
    for (struct bsc_job *job = bsc_job_queue_take(&ready); job != NULL;
         job = bsc_job_queue_take(&ready))
        finish(loop, job);
}

static void woken(uv_async_t *answers)
{
    deliver(answers->data);
}

/* Says whether workers have to wake the loop from now on; returns whether answers are there
 * already, of which nobody would. */
static bool set_awake(struct bsc_loop *loop, bool awake)
{
    uv_mutex_lock(&loop->lock);
    loop->awake = awake;
    bool there = loop->finished.first != NULL;
    uv_mutex_unlock(&loop->lock);
    return there;
}

static bool await_answers(struct bsc_loop *loop)
{
    if (loop->under_way == 0)
        return false;
    if (set_awake(loop, true) || bsc_loop_linger(&loop->news, loop->linger_until_us))
        set_awake(loop, false);
    else if (!set_awake(loop, false))
        return false;
    return true;
}

static void turn(struct bsc_loop *loop)
{
    bool there = await_answers(loop);
    if (there)
        deliver(loop);
    uv_run(&loop->uv, there ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

struct bsc_loop *bsc_loop_new(struct bsc_err *err)
{
    struct bsc_loop *loop = bsc_mem_new(1, sizeof *loop);
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0)
        goto no_loop;
    rc = uv_async_init(&loop->uv, &loop->answers, woken);
    if (rc != 0)
        goto no_async;
    uv_mutex_init(&loop->lock);
    loop->answers.data = loop;
    uv_unref((uv_handle_t *)&loop->answers);
    return loop;
no_async:
    uv_loop_close(&loop->uv);
no_loop:
    bsc_mem_free(loop);
    bsc_err_sys(err, -rc, "could not make the event loop");
    return NULL;
}

static void free_timer(uv_handle_t *handle)
{
    bsc_mem_free(handle->data);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle))
        return;
    uv_close(handle, handle->type == UV_TIMER ? free_timer : NULL);
}

static void close_timer(uv_handle_t *handle, void *arg)
{
    if (handle->type == UV_TIMER)
        close_handle(handle, arg);
}

void bsc_loop_free(struct bsc_loop *loop)
{
    if (loop == NULL)
        return;
    uv_walk(&loop->uv, close_timer, NULL);
    while (loop->under_way > 0)
        turn(loop);
    bsc_workers_free(loop->workers);
    uv_walk(&loop->uv, close_handle, NULL);
    while (uv_loop_alive(&loop->uv))
        uv_run(&loop->uv, UV_RUN_ONCE);
    BSC_BUG_ON(uv_loop_close(&loop->uv) != 0);
    uv_mutex_destroy(&loop->lock);
    bsc_mem_free(loop);
}

void bsc_loop_run(struct bsc_loop *loop)
{
    while (!loop->stopped && uv_loop_alive(&loop->uv))
        turn(loop);
    loop->stopped = false;
}

void bsc_loop_stop(struct bsc_loop *loop)
{
    loop->stopped = true;
    uv_stop(&loop->uv);
}

/* The handle is closed first, so that the callback may cancel or start what it likes: its memory
 * lives until the loop has gone round. */
static void timer_fired(uv_timer_t *handle)
{
    struct bsc_timer *timer = handle->data;
    uv_close((uv_handle_t *)handle, free_timer);
    timer->due(timer->arg);
}

struct bsc_timer *bsc_timer_start(struct bsc_loop *loop, int64_t delay_ms, void (*due)(void *arg),
                                  void *arg)
{
    struct bsc_timer *timer = bsc_mem_new(1, sizeof *timer);
    timer->due = due;
    timer->arg = arg;
    timer->uv.data = timer;
    uv_timer_init(&loop->uv, &timer->uv);
    /* The loop's idea of now is as old as its last turn; a delay counts from here. */
    uv_update_time(&loop->uv);
    uv_timer_start(&timer->uv, timer_fired, delay_ms < 0 ? 0 : (uint64_t)delay_ms, 0);
    return timer;
}

void bsc_timer_cancel(struct bsc_timer *timer)
{
    if (timer != NULL)
        close_handle((uv_handle_t *)&timer->uv, NULL);
}

static void signal_seen(uv_signal_t *handle, int signal_number)
{
    struct bsc_loop *loop = handle->data;
    loop->seen(loop->seen_arg, signal_number);
}

static bool is_ignored(int signal_number)
{
    struct sigaction action;
    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool bsc_loop_watch_signals(struct bsc_loop *loop, void (*seen)(void *arg, int signal_number),
                            void *arg, struct bsc_err *err)
{
    static const int numbers[BSC_LOOP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    loop->seen = seen;
    loop->seen_arg = arg;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < BSC_LOOP_SIGNALS && !loop->watching; i++) {
        if (numbers[i] == SIGHUP && is_ignored(SIGHUP))
            continue;
        int rc = uv_signal_init(&loop->uv, &loop->signals[i]);
        if (rc == 0) {
            loop->signals[i].data = loop;
            uv_unref((uv_handle_t *)&loop->signals[i]);
            rc = uv_signal_start(&loop->signals[i], signal_seen, numbers[i]);
        }
        if (rc != 0)
            return bsc_err_sys(err, -rc, "could not watch signal %s", strsignal(numbers[i]));
    }
    loop->watching = true;
    return true;
}
