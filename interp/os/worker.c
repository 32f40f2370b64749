#include "os/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "os/loop_int.h"

struct bsc_worker {
    struct bsc_worker *next; /* owned by the loop's list */
    struct bsc_loop *loop;   /* borrowed */
    uv_thread_t thread;
    uv_mutex_t lock;     /* guards `waiting` and `ending` */
    uv_cond_t news_here; /* `waiting` or `ending` changed */
    struct bsc_job_queue waiting;
    bool ending;      /* the thread ends once nothing is waiting */
    atomic_bool news; /* `waiting` or `ending` says something: for looking without the lock */
    char name[16];    /* shown by the system's tools; its limit includes the NUL */
};

static bool idle(const struct bsc_worker *worker)
{
    return worker->waiting.first == NULL && !worker->ending;
}

/* Takes the next job; NULL when the thread shall end. */
static struct bsc_job *next_job(struct bsc_worker *worker)
{
    bsc_loop_linger(&worker->news, bsc_loop_now_us() + BSC_LOOP_LINGER_US);
    uv_mutex_lock(&worker->lock);
    while (idle(worker))
        uv_cond_wait(&worker->news_here, &worker->lock);
    struct bsc_job *job = bsc_job_queue_take(&worker->waiting);
    atomic_store_explicit(&worker->news, !idle(worker), memory_order_relaxed);
    uv_mutex_unlock(&worker->lock);
    return job;
}

static void run_worker(void *arg)
{
    struct bsc_worker *worker = arg;
    pthread_setname_np(pthread_self(), worker->name);
    for (struct bsc_job *job = next_job(worker); job != NULL; job = next_job(worker)) {
        job->work(job->arg);
        bsc_loop_answer(worker->loop, job);
    }
}

/* Signals belong to the loop's thread: one that arrived on a worker would only interrupt whatever
 * system call a driver is in. */
static int start_thread(struct bsc_worker *worker)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = uv_thread_create(&worker->thread, run_worker, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct bsc_worker *bsc_worker_new(struct bsc_loop *loop, const char *name, struct bsc_err *err)
{
    struct bsc_worker *worker = bsc_mem_new(1, sizeof *worker);
    worker->loop = loop;
    snprintf(worker->name, sizeof worker->name, "%.15s", name);
    uv_mutex_init(&worker->lock);
    uv_cond_init(&worker->news_here);
    int rc = start_thread(worker);
    if (rc != 0) {
        uv_cond_destroy(&worker->news_here);
        uv_mutex_destroy(&worker->lock);
        bsc_mem_free(worker);
        bsc_err_sys(err, -rc, "could not start worker thread '%s'", name);
        return NULL;
    }
    worker->next = loop->workers;
    loop->workers = worker;
    return worker;
}

void bsc_worker_submit(struct bsc_worker *worker, void (*work)(void *arg), void (*done)(void *arg),
                       void *arg)
{
    struct bsc_job *job = bsc_mem_new(1, sizeof *job);
    job->work = work;
    job->done = done;
    job->arg = arg;
    bsc_loop_expect(worker->loop);
    uv_mutex_lock(&worker->lock);
    bsc_job_queue_add(&worker->waiting, job);
    atomic_store_explicit(&worker->news, true, memory_order_release);
    uv_cond_signal(&worker->news_here);
    uv_mutex_unlock(&worker->lock);
}

static void free_worker(struct bsc_worker *worker)
{
    uv_mutex_lock(&worker->lock);
    worker->ending = true;
    atomic_store_explicit(&worker->news, true, memory_order_release);
    uv_cond_signal(&worker->news_here);
    uv_mutex_unlock(&worker->lock);
    uv_thread_join(&worker->thread);
    uv_cond_destroy(&worker->news_here);
    uv_mutex_destroy(&worker->lock);
    bsc_mem_free(worker);
}

void bsc_workers_free(struct bsc_worker *first)
{
    while (first != NULL) {
        struct bsc_worker *next = first->next;
        free_worker(first);
        first = next;
    }
}
