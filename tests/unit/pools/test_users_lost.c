#include "users_directory.h"

static void a_lost_connection_is_nobodys_failure_the_first_time(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "akkdkkgkam");
    assert_true(move_all(&directory, 1, &tally, &err));
    assert_tally(&tally, "8 moved 1 already 1 gone 0 failed of 1");
    assert_string_equal(directory.story.data, "1: 8 d4=already g7=gone\n");
    directory_close(&directory);
    directory_open(&directory, "aakadgam");
    directory.as_one = true;
    assert_true(move_all(&directory, 1, &tally, &err));
    assert_tally(&tally, "6 moved 1 already 1 gone 0 failed of 1");
    directory_close(&directory);
}

static void the_second_time_it_is(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    for (int as_one = 0; as_one < 2; as_one++) {
        directory_open(&directory, "al al");
        directory.as_one = as_one == 1;
        assert_false(move_all(&directory, 1, &tally, &err));
        assert_non_null(strstr(err.message, "\"l2\": the connection was lost"));
        assert_string_equal(directory.story.data, "1: 1 l2=failed\n2: 1 l4=failed\n");
        assert_int_equal(directory.waits, 4);
        directory_close(&directory);
    }
}

static void whoever_was_there_before_a_connection_was_lost_was_not_moved(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    struct bsc_value *there = bsc_value_list();
    (void)state;
    bsc_value_append(there, bsc_value_text("m2"));
    directory_open(&directory, "amm");
    directory.there = there;
    assert_true(move_all(&directory, 1, &tally, &err));
    assert_string_equal(directory.story.data, "1: 2 m2=already\n");
    directory_close(&directory);
    bsc_value_free(there);
}

/* A statement that takes too long costs its connection too, and would do so again. */
static void whoever_takes_too_long_is_not_tried_again(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "tat");
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_string_equal(directory.story.data, "1: 1 t1=failed t3=failed\n");
    assert_int_equal(directory.waits, 2);
    directory_close(&directory);
}

static void nobody_is_tried_again_when_it_was_stopped(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "ak");
    directory.cancel_later = true;
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_string_equal(directory.story.data, "1: 1 left 1\n");
    directory_close(&directory);
}

static void a_seat_is_asked_for_until_a_server_is_back(void **state)
{
    struct directory directory;
    struct bsc_pools_users_driver driver;
    struct bsc_pools_users_tally tally = {0};
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    directory_open(&directory, "asa");
    struct bsc_pools_users_order order = order_of(&directory, &driver, 1);
    order.patience_ms = 60000;
    assert_true(bsc_pools_users_move(&order, &tally, &err));
    assert_tally(&tally, "3 moved 0 already 0 gone 0 failed of 1");
    directory_close(&directory);
    directory_open(&directory, "asa");
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_string_equal(err.cause, "nobody lets us in");
    directory_close(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_connection_is_nobodys_failure_the_first_time),
        cmocka_unit_test(the_second_time_it_is),
        cmocka_unit_test(whoever_was_there_before_a_connection_was_lost_was_not_moved),
        cmocka_unit_test(whoever_takes_too_long_is_not_tried_again),
        cmocka_unit_test(nobody_is_tried_again_when_it_was_stopped),
        cmocka_unit_test(a_seat_is_asked_for_until_a_server_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
