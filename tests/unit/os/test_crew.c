#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "os/crew.h"

struct shared {
    pthread_barrier_t all_there;
    atomic_int done;
    atomic_int deaf; /* threads that no signal is delivered to */
};

static void meet(void *arg)
{
    struct shared *shared = arg;
    sigset_t blocked;
    pthread_barrier_wait(&shared->all_there);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    atomic_fetch_add(&shared->deaf, sigismember(&blocked, SIGINT));
    atomic_fetch_add(&shared->done, 1);
}

static void all_work_at_once_and_are_waited_for(void **state)
{
    (void)state;
    struct shared shared = {.done = 0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_int_equal(pthread_barrier_init(&shared.all_there, NULL, 5), 0);
    struct bsc_crew *crew = bsc_crew_start(4, meet, &shared, &err);
    assert_non_null(crew);
    assert_int_equal(bsc_crew_size(crew), 4);
    pthread_barrier_wait(&shared.all_there);
    bsc_crew_join(crew);
    assert_int_equal(shared.done, 4);
    assert_int_equal(shared.deaf, 4);
    pthread_barrier_destroy(&shared.all_there);
    bsc_crew_join(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_work_at_once_and_are_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
