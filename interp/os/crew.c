#include "os/crew.h"

#include <pthread.h>
#include <signal.h>

#include "base/mem.h"

struct bsc_crew {
    void (*work)(void *arg);
    void *arg;          /* borrowed */
    pthread_t *threads; /* owned array */
    size_t count;       /* of those that were started */
};

static void *run(void *arg)
{
    struct bsc_crew *crew = arg;
    crew->work(crew->arg);
    return NULL;
}

/* The number of the error, or 0. */
static int start_threads(struct bsc_crew *crew, size_t count)
{
    sigset_t all, before;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (failed == 0 && crew->count < count) {
        failed = pthread_create(&crew->threads[crew->count], NULL, run, crew);
        crew->count += failed == 0 ? 1 : 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

struct bsc_crew *bsc_crew_start(size_t count, void (*work)(void *arg), void *arg,
                                struct bsc_err *err)
{
    struct bsc_crew *crew = bsc_mem_new(1, sizeof *crew);
    crew->work = work;
    crew->arg = arg;
    crew->threads = bsc_mem_new(count, sizeof *crew->threads);
    int failed = start_threads(crew, count);
    if (crew->count > 0)
        return crew;
    bsc_err_sys(err, failed, "cannot start a thread");
    bsc_crew_join(crew);
    return NULL;
}

size_t bsc_crew_size(const struct bsc_crew *crew)
{
    return crew->count;
}

void bsc_crew_join(struct bsc_crew *crew)
{
    if (crew == NULL)
        return;
    for (size_t i = 0; i < crew->count; i++)
        BSC_BUG_ON(pthread_join(crew->threads[i], NULL) != 0);
    bsc_mem_free(crew->threads);
    bsc_mem_free(crew);
}
