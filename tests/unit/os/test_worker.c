#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include "os/loop.h"

struct scene {
    struct bsc_loop *loop;
    struct bsc_worker *worker;
    sem_t go;
    sem_t other;
    pthread_t threads[4];
    int worked;
    int done;
    int limit;
    bool timer_fired;
    char order[64];
    char name[16];
    sigset_t mask;
};

static int setup(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->loop = bsc_loop_new(&err);
    assert_non_null(scene->loop);
    scene->worker = bsc_worker_new(scene->loop, "first worker of many", &err);
    assert_non_null(scene->worker);
    assert_int_equal(sem_init(&scene->go, 0, 0), 0);
    assert_int_equal(sem_init(&scene->other, 0, 0), 0);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    bsc_loop_free(scene->loop);
    sem_destroy(&scene->go);
    sem_destroy(&scene->other);
    free(scene);
    return 0;
}

static void work_once(void *arg)
{
    struct scene *scene = arg;
    scene->threads[scene->worked++ % 4] = pthread_self();
    pthread_getname_np(pthread_self(), scene->name, sizeof scene->name);
    pthread_sigmask(SIG_SETMASK, NULL, &scene->mask);
}

static void done_once(void *arg)
{
    struct scene *scene = arg;
    scene->done++;
}

static void work_is_done_elsewhere_and_answered_on_the_loop(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, work_once, done_once, scene);
    assert_int_equal(scene->done, 0);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->worked, 1);
    assert_int_equal(scene->done, 1);
    assert_false(pthread_equal(scene->threads[0], pthread_self()));
    assert_string_equal(scene->name, "first worker of");
    assert_int_equal(sigismember(&scene->mask, SIGINT), 1);
    assert_int_equal(sigismember(&scene->mask, SIGTERM), 1);
}

static void an_answer_nobody_asked_for_is_left_out(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, work_once, NULL, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->worked, 1);
}

static void jobs_of_one_worker_share_one_thread(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 4; i++)
        bsc_worker_submit(scene->worker, work_once, done_once, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->done, 4);
    for (int i = 1; i < 4; i++)
        assert_true(pthread_equal(scene->threads[0], scene->threads[i]));
}

struct letter {
    struct scene *scene;
    char worked;
    char done;
};

static void work_letter(void *arg)
{
    struct letter *letter = arg;
    letter->scene->worked++;
    letter->worked = (char)('0' + letter->scene->worked);
}

static void done_letter(void *arg)
{
    struct letter *letter = arg;
    letter->scene->done++;
    letter->done = (char)('0' + letter->scene->done);
}

static void jobs_are_done_and_answered_in_order(void **state)
{
    struct scene *scene = *state;
    struct letter letters[9];
    for (int i = 0; i < 9; i++) {
        letters[i] = (struct letter){scene, 0, 0};
        bsc_worker_submit(scene->worker, work_letter, done_letter, &letters[i]);
    }
    bsc_loop_run(scene->loop);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(letters[i].worked, '1' + i);
        assert_int_equal(letters[i].done, '1' + i);
    }
}

static void wait_go_post_other(void *arg)
{
    struct scene *scene = arg;
    sem_post(&scene->other);
    sem_wait(&scene->go);
}

static void wait_other_post_go(void *arg)
{
    struct scene *scene = arg;
    sem_wait(&scene->other);
    sem_post(&scene->go);
}

static void count_done(void *arg)
{
    struct scene *scene = arg;
    scene->done++;
}

static void workers_run_at_the_same_time(void **state)
{
    struct scene *scene = *state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_worker *second = bsc_worker_new(scene->loop, "second", &err);
    assert_non_null(second);
    bsc_worker_submit(scene->worker, wait_go_post_other, count_done, scene);
    bsc_worker_submit(second, wait_other_post_go, count_done, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->done, 2);
}

static void wait_go(void *arg)
{
    struct scene *scene = arg;
    sem_wait(&scene->go);
}

static void let_go(void *arg)
{
    struct scene *scene = arg;
    sem_post(&scene->go);
}

static void a_long_job_keeps_the_loop_running_and_wakes_it(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, wait_go, count_done, scene);
    bsc_timer_start(scene->loop, 20, let_go, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->done, 1);
}

static void submit_late(void *arg)
{
    struct scene *scene = arg;
    bsc_worker_submit(scene->worker, work_once, done_once, scene);
}

static void a_worker_that_fell_asleep_is_woken(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, work_once, done_once, scene);
    bsc_timer_start(scene->loop, 20, submit_late, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->done, 2);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void submit_again(void *arg)
{
    struct scene *scene = arg;
    scene->done++;
    if (scene->done < scene->limit)
        bsc_worker_submit(scene->worker, nothing, submit_again, scene);
}

static void an_answer_may_submit_the_next_job(void **state)
{
    struct scene *scene = *state;
    scene->limit = 20000;
    bsc_worker_submit(scene->worker, nothing, submit_again, scene);
    bsc_loop_run(scene->loop);
    assert_int_equal(scene->done, 20000);
}

static void timer_fired(void *arg)
{
    struct scene *scene = arg;
    scene->timer_fired = true;
}

static void submit_until_timer(void *arg)
{
    struct scene *scene = arg;
    if (!scene->timer_fired)
        bsc_worker_submit(scene->worker, nothing, submit_until_timer, scene);
}

static void timers_get_their_turn_while_answers_keep_coming(void **state)
{
    struct scene *scene = *state;
    bsc_timer_start(scene->loop, 5, timer_fired, scene);
    bsc_worker_submit(scene->worker, nothing, submit_until_timer, scene);
    bsc_loop_run(scene->loop);
    assert_true(scene->timer_fired);
}

static void stop_loop(void *arg)
{
    struct scene *scene = arg;
    scene->done++;
    bsc_loop_stop(scene->loop);
}

static void freeing_the_loop_finishes_what_was_submitted(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, nothing, stop_loop, scene);
    for (int i = 0; i < 50; i++)
        bsc_worker_submit(scene->worker, work_once, done_once, scene);
    bsc_loop_run(scene->loop);
    bsc_loop_free(scene->loop);
    scene->loop = NULL;
    assert_int_equal(scene->worked, 50);
    assert_int_equal(scene->done, 51);
}

static void submit_one_more(void *arg)
{
    struct scene *scene = arg;
    bsc_worker_submit(scene->worker, work_once, count_done, scene);
}

static void an_answer_that_comes_while_freeing_may_still_submit(void **state)
{
    struct scene *scene = *state;
    bsc_worker_submit(scene->worker, nothing, submit_one_more, scene);
    bsc_loop_free(scene->loop);
    scene->loop = NULL;
    assert_int_equal(scene->worked, 1);
    assert_int_equal(scene->done, 1);
}

#define WITH_WORKER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKER(work_is_done_elsewhere_and_answered_on_the_loop),
        WITH_WORKER(an_answer_nobody_asked_for_is_left_out),
        WITH_WORKER(jobs_of_one_worker_share_one_thread),
        WITH_WORKER(jobs_are_done_and_answered_in_order),
        WITH_WORKER(workers_run_at_the_same_time),
        WITH_WORKER(a_long_job_keeps_the_loop_running_and_wakes_it),
        WITH_WORKER(a_worker_that_fell_asleep_is_woken),
        WITH_WORKER(an_answer_may_submit_the_next_job),
        WITH_WORKER(timers_get_their_turn_while_answers_keep_coming),
        WITH_WORKER(freeing_the_loop_finishes_what_was_submitted),
        WITH_WORKER(an_answer_that_comes_while_freeing_may_still_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
