#include "lib/silence_int.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/thread.h"

enum {
    EVERY_US = 1000000,
    GAP_US = 3000000, /* the process was stopped meanwhile: what was not sent was not heard */
    KEPT = 8          /* attempts of one server; of long ones they are further apart */
};

/* A server that is silent. */
struct silence {
    struct silence *next;               /* owned */
    char *server;                       /* owned */
    struct bsc_attempt *attempts[KEPT]; /* owned; the oldest first */
    size_t count;
    int64_t since_us;  /* when the first attempt since the last gap was begun */
    int64_t last_us;   /* when the last one was */
    int64_t looked_us; /* when the watch came by */
    int64_t every_us;
};

struct bsc_lib_silences {
    pthread_mutex_t lock; /* guards all that follows; nobody waits while he has it */
    pthread_cond_t wake;
    pthread_t thread;
    bool running;
    bool stopping;
    struct silence *first; /* owned */
};

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

static void lock(struct bsc_lib_silences *silences)
{
    BSC_BUG_ON(pthread_mutex_lock(&silences->lock) != 0);
}

static void unlock(struct bsc_lib_silences *silences)
{
    BSC_BUG_ON(pthread_mutex_unlock(&silences->lock) != 0);
}

static void clear(struct silence *silence)
{
    for (size_t i = 0; i < silence->count; i++)
        bsc_attempt_free(silence->attempts[i]);
    silence->count = 0;
}

static void silence_free(struct silence *silence)
{
    clear(silence);
    bsc_mem_free(silence->server);
    bsc_mem_free(silence);
}

static struct silence **place_of(struct bsc_lib_silences *silences, const char *server)
{
    struct silence **at = &silences->first;
    while (*at != NULL && strcmp((*at)->server, server) != 0)
        at = &(*at)->next;
    return at;
}

/* Takes the silence at that place out of the list, if there is one. */
static void forget(struct silence **at)
{
    struct silence *silence = *at;
    if (silence == NULL)
        return;
    *at = silence->next;
    silence_free(silence);
}

static bool is_heard(const struct silence *silence)
{
    bool heard = false;
    for (size_t i = 0; i < silence->count; i++)
        heard = bsc_attempt_answered(silence->attempts[i], 0, NULL) || heard;
    return heard;
}

/* Takes the attempt. */
static void add(struct silence *silence, struct bsc_attempt *attempt)
{
    if (silence->count == KEPT) {
        bsc_attempt_free(silence->attempts[0]);
        silence->count--;
        memmove(silence->attempts, silence->attempts + 1, silence->count * sizeof attempt);
    }
    silence->attempts[silence->count++] = attempt;
    silence->last_us = now_us();
}

static void mind_gap(struct silence *silence)
{
    if (now_us() - silence->looked_us > GAP_US)
        silence->since_us = now_us();
    silence->looked_us = now_us();
}

static void come_by(struct silence *silence)
{
    mind_gap(silence);
    if (now_us() - silence->last_us >= silence->every_us && !is_heard(silence))
        add(silence, bsc_attempt_again(silence->attempts[silence->count - 1]));
}

static void *keep_watch(void *arg)
{
    struct bsc_lib_silences *silences = arg;
    lock(silences);
    while (!silences->stopping) {
        for (struct silence *each = silences->first; each != NULL; each = each->next)
            come_by(each);
        const int64_t at_us = now_us() + EVERY_US / 4;
        struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
        pthread_cond_timedwait(&silences->wake, &silences->lock, &at);
    }
    unlock(silences);
    return NULL;
}

/* Where no thread can be had, nobody watches, and each look takes its whole time. */
static void begin_watch(struct bsc_lib_silences *silences)
{
    if (!silences->running)
        silences->running = bsc_thread_begin(&silences->thread, keep_watch, silences) == 0;
}

struct bsc_lib_silences *bsc_lib_silences_new(void)
{
    struct bsc_lib_silences *silences = bsc_mem_new(1, sizeof *silences);
    pthread_condattr_t attr;
    BSC_BUG_ON(pthread_mutex_init(&silences->lock, NULL) != 0);
    BSC_BUG_ON(pthread_condattr_init(&attr) != 0);
    BSC_BUG_ON(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0);
    BSC_BUG_ON(pthread_cond_init(&silences->wake, &attr) != 0);
    pthread_condattr_destroy(&attr);
    return silences;
}

void bsc_lib_silences_free(struct bsc_lib_silences *silences)
{
    if (silences == NULL)
        return;
    lock(silences);
    silences->stopping = true;
    pthread_cond_signal(&silences->wake);
    unlock(silences);
    if (silences->running)
        pthread_join(silences->thread, NULL);
    while (silences->first != NULL)
        forget(&silences->first);
    pthread_cond_destroy(&silences->wake);
    pthread_mutex_destroy(&silences->lock);
    bsc_mem_free(silences);
}

int64_t bsc_lib_silence_watched_ms(struct bsc_lib_silences *silences, const char *server,
                                   const struct bsc_attempt *attempt)
{
    int64_t watched_ms = 0;
    lock(silences);
    struct silence *silence = *place_of(silences, server);
    if (silence != NULL && is_heard(silence)) {
        watched_ms = -1;
    } else if (silence != NULL && silences->running &&
               bsc_attempt_covers(silence->attempts[silence->count - 1], attempt)) {
        mind_gap(silence);
        watched_ms = (now_us() - silence->since_us) / 1000;
    }
    unlock(silences);
    return watched_ms;
}

static struct silence *silence_new(const char *server)
{
    struct silence *silence = bsc_mem_new(1, sizeof *silence);
    silence->server = bsc_mem_text(server);
    return silence;
}

/* Takes the attempt. Of a server that has moved, those to reach it where it was say nothing. One
 * that is looked at often would lose the attempts that a slow network needs. */
static void take(struct silence *silence, struct bsc_attempt *attempt, int64_t begun_us)
{
    if (silence->count > 0 && !bsc_attempt_covers(silence->attempts[silence->count - 1], attempt))
        clear(silence);
    mind_gap(silence);
    if (silence->count == 0)
        silence->since_us = begun_us;
    if (silence->count == 0 || now_us() - silence->last_us >= silence->every_us)
        add(silence, attempt);
    else
        bsc_attempt_free(attempt);
}

bool bsc_lib_silence_watch(struct bsc_lib_silences *silences, const char *server,
                           struct bsc_attempt *attempt, int64_t begun_us, int64_t whole_ms)
{
    lock(silences);
    begin_watch(silences);
    struct silence **at = place_of(silences, server);
    if (*at == NULL)
        *at = silence_new(server);
    struct silence *silence = *at;
    silence->every_us = whole_ms * 1000 / KEPT > EVERY_US ? whole_ms * 1000 / KEPT : EVERY_US;
    take(silence, attempt, begun_us);
    const bool heard = is_heard(silence);
    if (heard)
        forget(at);
    unlock(silences);
    return heard;
}

void bsc_lib_silence_end(struct bsc_lib_silences *silences, const char *server)
{
    lock(silences);
    forget(place_of(silences, server));
    unlock(silences);
}
