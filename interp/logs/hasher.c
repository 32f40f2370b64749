#include "logs/hasher.h"

#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/thread.h"

enum { THREADS_MAX = 4 };

struct bsc_logs_hasher {
    pthread_t threads[THREADS_MAX];
    int running; /* threads there are */
    pthread_mutex_t lock;
    pthread_cond_t changed;      /* something was added, done, or shall end */
    struct bsc_logs_hash *first; /* not begun yet, in order */
    struct bsc_logs_hash *last;
    bool end;
};

static struct bsc_logs_hash *take(struct bsc_logs_hasher *hasher)
{
    struct bsc_logs_hash *hash = hasher->first;

    if (hash != NULL)
        hasher->first = hash->next;
    if (hasher->first == NULL)
        hasher->last = NULL;
    return hash;
}

static void *work(void *arg)
{
    struct bsc_logs_hasher *hasher = arg;
    struct bsc_logs_hash *hash;

    (void)pthread_mutex_lock(&hasher->lock);
    while (!hasher->end) {
        hash = take(hasher);
        if (hash == NULL) {
            (void)pthread_cond_wait(&hasher->changed, &hasher->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&hasher->lock);
        bsc_digest_bytes(hash->bytes, hash->length, hash->hash);
        (void)pthread_mutex_lock(&hasher->lock);
        hash->done = true;
        (void)pthread_cond_broadcast(&hasher->changed);
    }
    (void)pthread_mutex_unlock(&hasher->lock);
    return NULL;
}

static int limit(int threads)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    return processors > 0 && threads > processors ? (int)processors : threads;
}

struct bsc_logs_hasher *bsc_logs_hasher_new(int threads)
{
    struct bsc_logs_hasher *hasher = bsc_mem_new(1, sizeof *hasher);
    (void)pthread_mutex_init(&hasher->lock, NULL);
    (void)pthread_cond_init(&hasher->changed, NULL);
    while (hasher->running < limit(threads) &&
           bsc_thread_begin(&hasher->threads[hasher->running], work, hasher) == 0)
        hasher->running++;
    return hasher;
}

void bsc_logs_hasher_free(struct bsc_logs_hasher *hasher)
{
    if (hasher == NULL)
        return;
    (void)pthread_mutex_lock(&hasher->lock);
    hasher->end = true;
    (void)pthread_cond_broadcast(&hasher->changed);
    (void)pthread_mutex_unlock(&hasher->lock);
    for (int i = 0; i < hasher->running; i++)
        (void)pthread_join(hasher->threads[i], NULL);
    (void)pthread_cond_destroy(&hasher->changed);
    (void)pthread_mutex_destroy(&hasher->lock);
    bsc_mem_free(hasher);
}

void bsc_logs_hasher_add(struct bsc_logs_hasher *hasher, struct bsc_logs_hash *hash)
{
    hash->done = hasher->running == 0;
    hash->next = NULL;
    if (hash->done) {
        bsc_digest_bytes(hash->bytes, hash->length, hash->hash);
        return;
    }
    (void)pthread_mutex_lock(&hasher->lock);
    if (hasher->last == NULL)
        hasher->first = hash;
    else
        hasher->last->next = hash;
    hasher->last = hash;
    (void)pthread_cond_broadcast(&hasher->changed);
    (void)pthread_mutex_unlock(&hasher->lock);
}

void bsc_logs_hasher_wait(struct bsc_logs_hasher *hasher, const struct bsc_logs_hash *hash)
{
    (void)pthread_mutex_lock(&hasher->lock);
    while (!hash->done)
        (void)pthread_cond_wait(&hasher->changed, &hasher->lock);
    (void)pthread_mutex_unlock(&hasher->lock);
}
