/*
 * How long nothing was heard of a row that is at work, by a clock that the test sets.
 */
#include "run_unit.h"

#include "base/mem.h"
#include "run/hands.h"

enum { SECOND_US = 1000000, DEADLINE_MS = 60000 };

static atomic_int orders; /* the row gives a sign for each */
static atomic_int signs;  /* begun, and those it gave */
static atomic_bool is_over;
static _Atomic int64_t clock_us;

static int64_t told_us(void *self)
{
    (void)self;
    return atomic_load(&clock_us);
}

/* It heeds no wish to stop. */
static bool work_on(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    (void)err;
    atomic_fetch_add(&signs, 1);
    while (!atomic_load(&is_over)) {
        if (atomic_load(&orders) >= atomic_load(&signs)) {
            call->alive(call->progress_arg);
            atomic_fetch_add(&signs, 1);
        }
        bsc_clock_pause(1, NULL);
    }
    *ret = bsc_value_map();
    return true;
}

static const struct bsc_lib_row working = {
    .name = "test.work", .effect = BSC_LIB_WRITE, .run = work_on, .lane = "server"};

struct desk {
    struct bsc_lib_env env;
    struct bsc_clock clock;
    struct bsc_redactor *redactor;
    struct bsc_loop *loop;
    struct bsc_run_hands *hands;
    struct bsc_value *args;
    bool done;
};

static void await_signs(int count)
{
    for (int waited_ms = 0; atomic_load(&signs) < count && waited_ms < DEADLINE_MS; waited_ms++)
        bsc_clock_pause(1, NULL);
    assert_int_equal(atomic_load(&signs), count);
}

static void work_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct desk *desk = arg;
    (void)err;
    bsc_value_free(value);
    desk->done = true;
    bsc_loop_stop(desk->loop);
}

static void desk_open(struct desk *desk)
{
    struct bsc_err err = BSC_ERR_INIT;
    memset(desk, 0, sizeof *desk);
    atomic_store(&orders, 0);
    atomic_store(&signs, 0);
    atomic_store(&is_over, false);
    atomic_store(&clock_us, SECOND_US);
    desk->redactor = bsc_redactor_new();
    bsc_lib_env_init(&desk->env, NULL, desk->redactor, NULL);
    desk->clock = *bsc_clock_real();
    desk->clock.mono_us = told_us;
    desk->env.clock = &desk->clock;
    desk->loop = bsc_loop_new(&err);
    assert_non_null(desk->loop);
    desk->hands = bsc_run_hands_new(desk->loop, &desk->env);
    desk->args = from_json("{'server':'sql3'}");
    const struct bsc_run_errand errand = {.row = &working, .args = desk->args};
    bsc_run_hands_perform(desk->hands, &errand, work_done, desk);
    await_signs(1);
}

static void desk_close(struct desk *desk)
{
    atomic_store(&is_over, true);
    bsc_loop_run(desk->loop);
    assert_true(desk->done);
    assert_null(bsc_run_hands_progress(desk->hands).quiet_row);
    bsc_run_hands_free(desk->hands);
    bsc_loop_free(desk->loop);
    bsc_lib_env_release(&desk->env);
    bsc_redactor_free(desk->redactor);
    bsc_value_free(desk->args);
}

/* After so many seconds. */
static struct bsc_run_progress look(struct desk *desk, int64_t seconds)
{
    atomic_fetch_add(&clock_us, seconds * SECOND_US);
    return bsc_run_hands_progress(desk->hands);
}

static void the_quiet_of_a_row_is_told_with_its_name_and_lane(void **state)
{
    struct desk desk;
    (void)state;
    desk_open(&desk);
    assert_int_equal(look(&desk, 0).quiet_ms, 0);
    struct bsc_run_progress now = look(&desk, 5);
    assert_int_equal(now.quiet_ms, 5000);
    assert_int_equal(now.stopping_ms, 0);
    assert_string_equal(now.quiet_row, "test.work");
    assert_string_equal(now.quiet_lane, "sql3");
    assert_true(now.quiet_changes);
    desk_close(&desk);
}

static void a_sign_of_life_ends_it(void **state)
{
    struct desk desk;
    (void)state;
    desk_open(&desk);
    assert_int_equal(look(&desk, 5).quiet_ms, 5000);
    atomic_store(&orders, 1);
    await_signs(2);
    assert_int_equal(look(&desk, 1).quiet_ms, 1000);
    desk_close(&desk);
}

static void what_was_told_to_end_is_quiet_since_then(void **state)
{
    struct desk desk;
    (void)state;
    desk_open(&desk);
    look(&desk, 5);
    bsc_run_hands_cancel(desk.hands);
    struct bsc_run_progress now = look(&desk, 3);
    assert_int_equal(now.quiet_ms, 8000);
    assert_int_equal(now.stopping_ms, 3000);
    atomic_store(&orders, 1);
    await_signs(2);
    assert_int_equal(look(&desk, 2).stopping_ms, 2000);
    desk_close(&desk);
}

/* Whoever is stopped himself hears nothing. */
static void what_nobody_could_hear_does_not_count(void **state)
{
    struct desk desk;
    (void)state;
    desk_open(&desk);
    look(&desk, 1);
    bsc_run_hands_cancel(desk.hands);
    struct bsc_run_progress now = look(&desk, 3600);
    assert_int_equal(now.quiet_ms, 11000);
    assert_int_equal(now.stopping_ms, 10000);
    desk_close(&desk);
}

static void what_begins_after_a_long_time_without_a_look_is_heard_from_then_on(void **state)
{
    struct desk desk;
    (void)state;
    desk_open(&desk);
    look(&desk, 1);
    atomic_fetch_add(&clock_us, (int64_t)3600 * SECOND_US);
    atomic_store(&orders, 1);
    await_signs(2);
    bsc_run_hands_cancel(desk.hands);
    assert_int_equal(look(&desk, 0).quiet_ms, 0);
    struct bsc_run_progress now = look(&desk, 5);
    assert_int_equal(now.quiet_ms, 5000);
    assert_int_equal(now.stopping_ms, 5000);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quiet_of_a_row_is_told_with_its_name_and_lane),
        cmocka_unit_test(a_sign_of_life_ends_it),
        cmocka_unit_test(what_was_told_to_end_is_quiet_since_then),
        cmocka_unit_test(what_nobody_could_hear_does_not_count),
        cmocka_unit_test(what_begins_after_a_long_time_without_a_look_is_heard_from_then_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
