#include "unit.h"

#include <signal.h>

#include "os/thread.h"

static void *read_mask(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

static void signals_stay_with_whoever_begins_a_thread(void **state)
{
    sigset_t mask;
    pthread_t thread;
    (void)state;
    sigemptyset(&mask);
    assert_int_equal(bsc_thread_begin(&thread, read_mask, &mask), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigismember(&mask, SIGINT), 1);
    assert_int_equal(sigismember(&mask, SIGHUP), 1);
    read_mask(&mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
    assert_int_equal(sigismember(&mask, SIGHUP), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_stay_with_whoever_begins_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
