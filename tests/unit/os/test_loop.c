#include "unit.h"

#include <signal.h>

#include "os/loop.h"

struct scene {
    struct bsc_loop *loop;
    struct bsc_timer *timer;
    char seen[64]; /* one letter for each event */
    int signal_number;
};

static void add(struct scene *scene, char letter)
{
    size_t length = strlen(scene->seen);
    if (length + 1 < sizeof scene->seen)
        scene->seen[length] = letter;
}

static void due_a(void *arg)
{
    add(arg, 'a');
}

static void due_b(void *arg)
{
    add(arg, 'b');
}

static void due_stop(void *arg)
{
    struct scene *scene = arg;
    add(scene, 's');
    bsc_loop_stop(scene->loop);
}

static void due_start(void *arg)
{
    struct scene *scene = arg;
    bsc_timer_start(scene->loop, 0, due_a, scene);
    add(scene, '1');
}

static void due_cancel_self(void *arg)
{
    struct scene *scene = arg;
    bsc_timer_cancel(scene->timer);
    add(scene, 'c');
}

static void signal_seen(void *arg, int signal_number)
{
    struct scene *scene = arg;
    scene->signal_number = signal_number;
    add(scene, 'S');
    bsc_loop_stop(scene->loop);
}

static int setup(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->loop = bsc_loop_new(&err);
    assert_non_null(scene->loop);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    bsc_loop_free(scene->loop);
    free(scene);
    return 0;
}

static void a_loop_without_work_ends_at_once(void **state)
{
    struct scene *scene = *state;
    bsc_loop_run(scene->loop);
    bsc_loop_run(scene->loop);
    bsc_loop_free(NULL);
}

static void timers_fire_in_the_order_in_which_they_are_due(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 6, due_b, scene);
    bsc_timer_start(scene->loop, 2, due_a, scene);
    bsc_timer_start(scene->loop, 2, due_b, scene);
    bsc_timer_start(scene->loop, -5, due_a, scene);
    assert_string_equal(scene->seen, "");
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "aabb");
}

static void a_cancelled_timer_never_fires(void **state)
{
    struct scene *scene = *state;
    struct bsc_timer *timer = bsc_timer_start(scene->loop, 0, due_b, scene);
    bsc_timer_start(scene->loop, 0, due_a, scene);
    bsc_timer_cancel(timer);
    bsc_timer_cancel(NULL);
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "a");
}

static void a_timer_may_be_cancelled_while_it_fires(void **state)
{
    struct scene *scene = *state;
    scene->timer = bsc_timer_start(scene->loop, 0, due_cancel_self, scene);
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "c");
}

static void a_timer_started_by_a_timer_fires_later_and_not_inside(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 0, due_start, scene);
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "1a");
}

static void stopping_ends_the_run_and_a_later_run_goes_on(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 0, due_stop, scene);
    bsc_timer_start(scene->loop, 5, due_a, scene);
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "s");
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "sa");
}

static void stopping_before_the_run_ends_it_at_once(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 3600000, due_a, scene);
    bsc_loop_stop(scene->loop);
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "");
}

static void freeing_the_loop_frees_timers_without_calling_them(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 0, due_a, scene);
    bsc_timer_start(scene->loop, 3600000, due_a, scene);
    bsc_loop_free(scene->loop);
    scene->loop = NULL;
    assert_string_equal(scene->seen, "");
}

static void due_raise(void *arg)
{
    raise(*(int *)arg);
}

static void interruptions_reach_the_loop(void **state)
{
    struct scene *scene = *state;
    struct bsc_err err = BSC_ERR_INIT;
    int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    assert_true(bsc_loop_watch_signals(scene->loop, signal_seen, scene, &err));
    assert_true(bsc_loop_watch_signals(scene->loop, signal_seen, scene, &err));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct bsc_timer *guard = bsc_timer_start(scene->loop, 10000, due_stop, scene);
        bsc_timer_start(scene->loop, 0, due_raise, &numbers[i]);
        bsc_loop_run(scene->loop);
        assert_int_equal(scene->signal_number, numbers[i]);
        bsc_timer_cancel(guard);
    }
    assert_string_equal(scene->seen, "SSS");
}

static void a_hangup_that_was_ignored_before_stays_ignored(void **state)
{
    struct scene *scene = *state;
    struct bsc_err err = BSC_ERR_INIT;
    struct sigaction action;
    signal(SIGHUP, SIG_IGN);
    assert_true(bsc_loop_watch_signals(scene->loop, signal_seen, scene, &err));
    assert_int_equal(sigaction(SIGHUP, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_IGN);
    signal(SIGHUP, SIG_DFL);
}

static void watching_signals_does_not_keep_the_loop_running(void **state)
{
    struct scene *scene = *state;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_loop_watch_signals(scene->loop, signal_seen, scene, &err));
    bsc_loop_run(scene->loop);
    assert_string_equal(scene->seen, "");
}

static void a_broken_pipe_is_no_reason_to_die(void **state)
{
    struct scene *scene = *state;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_loop_watch_signals(scene->loop, signal_seen, scene, &err));
    assert_int_equal(raise(SIGPIPE), 0);
}

#define IN_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_LOOP(a_loop_without_work_ends_at_once),
        IN_LOOP(timers_fire_in_the_order_in_which_they_are_due),
        IN_LOOP(a_cancelled_timer_never_fires),
        IN_LOOP(a_timer_may_be_cancelled_while_it_fires),
        IN_LOOP(a_timer_started_by_a_timer_fires_later_and_not_inside),
        IN_LOOP(stopping_ends_the_run_and_a_later_run_goes_on),
        IN_LOOP(stopping_before_the_run_ends_it_at_once),
        IN_LOOP(freeing_the_loop_frees_timers_without_calling_them),
        IN_LOOP(interruptions_reach_the_loop),
        IN_LOOP(a_hangup_that_was_ignored_before_stays_ignored),
        IN_LOOP(watching_signals_does_not_keep_the_loop_running),
        IN_LOOP(a_broken_pipe_is_no_reason_to_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
