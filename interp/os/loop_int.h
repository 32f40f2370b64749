/*
 * What the loop and its workers share. For this room only.
 */
#ifndef BSC_OS_LOOP_INT_H
#define BSC_OS_LOOP_INT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "os/loop.h"

/* One call of bsc_worker_submit on its way through the worker and back. */
struct bsc_job {
    struct bsc_job *next;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg; /* borrowed */
};

/* First in, first out. */
struct bsc_job_queue {
    struct bsc_job *first;
    struct bsc_job *last;
};

enum {
    BSC_LOOP_SIGNALS = 3,
    /* How long a side that is likely to get news soon stays awake for them: longer than a disk
     * takes to make a record durable. Waking a thread that sleeps costs tens of microseconds, most
     * of all on a virtual machine: more than most jobs. */
    BSC_LOOP_LINGER_US = 1000
};

struct bsc_loop {
    uv_loop_t uv;
    uv_async_t answers;            /* wakes the loop when a worker has finished a job */
    uv_mutex_t lock;               /* guards `finished` and `awake` */
    struct bsc_job_queue finished; /* jobs whose done is yet to be called */
    bool awake;                    /* the loop is looking at `news`: no need to wake it */
    atomic_bool news;              /* `finished` is not empty */
    size_t under_way;              /* jobs submitted, done not yet called; loop thread */
    int64_t linger_until_us;       /* loop thread; monotonic */
    bool stopped;                  /* loop thread */
    struct bsc_worker *workers;    /* owned list */
    uv_signal_t signals[BSC_LOOP_SIGNALS];
    bool watching; /* the signal handles are live */
    void (*seen)(void *arg, int signal_number);
    void *seen_arg; /* borrowed */
};

/* Stays awake until the flag is set, `until_us` at the most, leaving the processor to whoever needs
 * it; returns whether the flag is set. */
bool bsc_loop_linger(const atomic_bool *news, int64_t until_us);
int64_t bsc_loop_now_us(void);

void bsc_job_queue_add(struct bsc_job_queue *queue, struct bsc_job *job);
/* NULL when the queue is empty. */
struct bsc_job *bsc_job_queue_take(struct bsc_job_queue *queue);

/* Loop thread: a job more is under way, and keeps the loop running. */
void bsc_loop_expect(struct bsc_loop *loop);
/* Any thread: hands a finished job back. */
void bsc_loop_answer(struct bsc_loop *loop, struct bsc_job *job);

/* Ends the threads of all workers, which must have nothing left to do, and frees them. */
void bsc_workers_free(struct bsc_worker *first);

#endif
