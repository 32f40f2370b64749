#include "run/hands.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"

/* Who does not look for longer than that was stopped himself. */
enum { UNSEEN_US_MAX = 10000000 };

struct lane {
    char *name;                /* owned */
    struct bsc_worker *worker; /* owned by the loop */
};

struct bsc_run_hands {
    struct bsc_loop *loop;   /* borrowed */
    struct bsc_lib_env *env; /* borrowed */
    struct lane *lanes;      /* owned array */
    size_t lane_count;
    struct bsc_run_labour labour; /* loop thread only, as the next three */
    struct job *first;            /* borrowed: the jobs under way */
    bool cancelled;
    bool stopping;        /* what begins now is to stop at once */
    int64_t looked_us;    /* when somebody asked for the progress */
    pthread_mutex_t lock; /* guards what follows */
    struct bsc_run_progress progress;
};

struct job {
    struct job *next; /* of those under way */
    struct bsc_run_hands *hands;
    const struct bsc_lib_row *row;
    const char *lane; /* borrowed from the hands */
    struct bsc_lib_call call;
    struct bsc_timer *timer; /* NULL when there is no limit or it has fired */
    int64_t timeout_ms;      /* the limit */
    bool late;               /* the limit has passed */
    atomic_bool stop;        /* seen by the row */
    int64_t stopped_us;      /* when it was asked to; 0: it was not */
    _Atomic int64_t
        sign_us;     /* of life: when it began or reported something; 0: it waits its turn */
    int64_t took_us; /* the row itself */
    bool ok;
    struct bsc_value *value; /* owned result */
    struct bsc_err err;
    bsc_run_done done;
    void *arg;
};

struct bsc_run_hands *bsc_run_hands_new(struct bsc_loop *loop, struct bsc_lib_env *env)
{
    struct bsc_run_hands *hands = bsc_mem_new(1, sizeof *hands);
    hands->loop = loop;
    hands->env = env;
    BSC_BUG_ON(pthread_mutex_init(&hands->lock, NULL) != 0);
    return hands;
}

void bsc_run_hands_free(struct bsc_run_hands *hands)
{
    if (hands == NULL)
        return;
    for (size_t i = 0; i < hands->lane_count; i++)
        bsc_mem_free(hands->lanes[i].name);
    bsc_mem_free(hands->lanes);
    pthread_mutex_destroy(&hands->lock);
    bsc_mem_free(hands);
}

static int64_t now_us(const struct bsc_run_hands *hands)
{
    const struct bsc_clock *clock = hands->env->clock;
    return clock->mono_us(clock->self);
}

/* Borrowed until the next lane is opened. */
static const struct lane *lane_of_name(struct bsc_run_hands *hands, const char *name,
                                       struct bsc_err *err)
{
    for (size_t i = 0; i < hands->lane_count; i++) {
        if (strcmp(hands->lanes[i].name, name) == 0)
            return &hands->lanes[i];
    }
    struct bsc_worker *worker = bsc_worker_new(hands->loop, name, err);
    if (worker == NULL)
        return NULL;
    hands->lanes = bsc_mem_resize(hands->lanes, hands->lane_count + 1, sizeof *hands->lanes);
    hands->lanes[hands->lane_count].name = bsc_mem_text(name);
    hands->lanes[hands->lane_count].worker = worker;
    return &hands->lanes[hands->lane_count++];
}

static void show(struct bsc_run_hands *hands, int64_t done, int64_t total, const char *unit)
{
    pthread_mutex_lock(&hands->lock);
    hands->progress.done = done;
    hands->progress.total = total;
    snprintf(hands->progress.unit, sizeof hands->progress.unit, "%s", unit != NULL ? unit : "");
    pthread_mutex_unlock(&hands->lock);
}

static void job_alive(void *arg)
{
    struct job *job = arg;
    atomic_store(&job->sign_us, now_us(job->hands));
}

static void job_progress(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct job *job = arg;
    job_alive(job);
    show(job->hands, done, total, unit);
}

static void job_work(void *arg)
{
    struct job *job = arg;
    const int64_t began_us = now_us(job->hands);
    atomic_store(&job->sign_us, began_us);
    job->ok = job->row->run(&job->call, &job->value, &job->err);
    job->took_us = now_us(job->hands) - began_us;
}

static void job_leave(struct job *job)
{
    struct job **at = &job->hands->first;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

static void job_end(struct job *job)
{
    job_leave(job);
    if (job->timer != NULL)
        bsc_timer_cancel(job->timer);
    if (!job->ok && job->late && !job->hands->cancelled && job->err.code == BSC_ERR_CANCELLED)
        bsc_err_set(&job->err, BSC_ERR_TIMEOUT, "%s did not end within %lld ms", job->row->name,
                    (long long)job->timeout_ms);
    if (job->row->effect == BSC_LIB_WRITE)
        job->hands->labour.changing_us += job->took_us;
    else
        job->hands->labour.looking_us += job->took_us;
    show(job->hands, 0, 0, NULL);
    job->done(job->arg, job->ok ? job->value : NULL, &job->err);
    bsc_mem_free(job);
}

static void job_done(void *arg)
{
    job_end(arg);
}

static void job_stop(struct job *job)
{
    if (job->stopped_us == 0)
        job->stopped_us = now_us(job->hands);
    atomic_store(&job->stop, true);
}

/* Whatever else is under way goes on, and so does what the row itself lets nobody stop, such as
 * tidying up. */
static void job_late(void *arg)
{
    struct job *job = arg;
    job->timer = NULL;
    job->late = true;
    job_stop(job);
}

static bool may_begin(const struct job *job, struct bsc_err *err)
{
    if (job->hands->cancelled && job->row->effect == BSC_LIB_WRITE)
        return bsc_err_set(err, BSC_ERR_CANCELLED, "stopped before %s began", job->row->name);
    return true;
}

/* 0, which is never, for a time beyond what the clock can count. */
static int64_t deadline_of(const struct bsc_run_hands *hands, int64_t timeout_ms)
{
    const int64_t now = now_us(hands);
    bool countable = timeout_ms > 0 && timeout_ms <= (INT64_MAX - now) / 1000;
    return countable ? now + timeout_ms * 1000 : 0;
}

static const char *lane_of(const struct bsc_run_errand *errand)
{
    const char *own =
        errand->row->lane != NULL ? bsc_value_get_string(errand->args, errand->row->lane) : NULL;
    if (own != NULL)
        return own;
    return errand->lane != NULL ? errand->lane : "";
}

void bsc_run_hands_perform(struct bsc_run_hands *hands, const struct bsc_run_errand *errand,
                           bsc_run_done done, void *arg)
{
    const int64_t timeout_ms = errand->timeout_ms;
    struct job *job = bsc_mem_new(1, sizeof *job);
    job->hands = hands;
    job->next = hands->first;
    hands->first = job;
    atomic_init(&job->sign_us, 0);
    atomic_init(&job->stop, false);
    if (hands->stopping)
        job_stop(job);
    job->row = errand->row;
    job->done = done;
    job->arg = arg;
    job->call.env = hands->env;
    job->call.args = errand->args;
    job->call.log = errand->log;
    job->call.cancel = &job->stop;
    job->call.progress = job_progress;
    job->call.alive = job_alive;
    job->call.progress_arg = job;
    job->timeout_ms = timeout_ms;
    job->call.deadline_us = deadline_of(hands, timeout_ms);
    const struct lane *lane = lane_of_name(hands, lane_of(errand), &job->err);
    if (lane == NULL || !may_begin(job, &job->err)) {
        job_end(job);
        return;
    }
    job->lane = lane->name;
    if (timeout_ms > 0)
        job->timer = bsc_timer_start(hands->loop, timeout_ms, job_late, job);
    bsc_worker_submit(lane->worker, job_work, job_done, job);
}

void bsc_run_hands_cancel(struct bsc_run_hands *hands)
{
    hands->cancelled = true;
    hands->stopping = true;
    for (struct job *job = hands->first; job != NULL; job = job->next)
        job_stop(job);
    bsc_lib_env_cancel(hands->env);
}

bool bsc_run_hands_cancelled(const struct bsc_run_hands *hands)
{
    return hands->cancelled;
}

void bsc_run_hands_settle(struct bsc_run_hands *hands)
{
    hands->stopping = false;
}

struct bsc_run_labour bsc_run_hands_labour(const struct bsc_run_hands *hands)
{
    return hands->labour;
}

static void note_quiet(const struct job *job, int64_t now, struct bsc_run_progress *progress)
{
    const int64_t sign_us = atomic_load(&job->sign_us);
    if (sign_us == 0 ||
        (progress->quiet_row != NULL && (now - sign_us) / 1000 <= progress->quiet_ms))
        return;
    const int64_t since_us = job->stopped_us > sign_us ? job->stopped_us : sign_us;
    progress->quiet_row = job->row->name;
    progress->quiet_lane = job->lane;
    progress->quiet_changes = job->row->effect == BSC_LIB_WRITE;
    progress->quiet_ms = (now - sign_us) / 1000;
    progress->stopping_ms = job->stopped_us != 0 ? (now - since_us) / 1000 : 0;
}

static int64_t later_by(int64_t at_us, int64_t by_us, int64_t now)
{
    return at_us + by_us < now ? at_us + by_us : now;
}

/* What nobody saw does not count: nothing could be heard. */
static void leave_out_unseen(struct bsc_run_hands *hands)
{
    const int64_t now = now_us(hands);
    const int64_t unseen_us = now - hands->looked_us - UNSEEN_US_MAX;
    const bool has_looked = hands->looked_us != 0;
    hands->looked_us = now;
    for (struct job *job = hands->first; job != NULL && has_looked && unseen_us > 0;
         job = job->next) {
        int64_t sign_us = atomic_load(&job->sign_us);
        if (sign_us != 0)
            atomic_compare_exchange_strong(&job->sign_us, &sign_us,
                                           later_by(sign_us, unseen_us, now));
        if (job->stopped_us != 0)
            job->stopped_us = later_by(job->stopped_us, unseen_us, now);
    }
}

struct bsc_run_progress bsc_run_hands_progress(struct bsc_run_hands *hands)
{
    leave_out_unseen(hands);
    pthread_mutex_lock(&hands->lock);
    struct bsc_run_progress progress = hands->progress;
    pthread_mutex_unlock(&hands->lock);
    for (const struct job *job = hands->first; job != NULL; job = job->next)
        note_quiet(job, now_us(hands), &progress);
    return progress;
}
