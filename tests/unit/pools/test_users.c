#include "users_directory.h"

static void each_is_told_by_what_became_of_him(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    for (int as_one = 0; as_one < 2; as_one++) {
        directory_open(&directory, "aadg am b");
        directory.as_one = as_one == 1;
        assert_false(move_all(&directory, 1, &tally, &err));
        assert_int_equal(err.code, BSC_ERR_SQL);
        assert_string_equal(err.message, "1 user could not be moved, the first is \"b7\": locked");
        assert_tally(&tally, "4 moved 1 already 1 gone 1 failed of 3");
        assert_string_equal(directory.story.data,
                            "1: 2 d3=already g4=gone\n2: 2\n3: 0 b7=failed\n");
        directory_close(&directory);
    }
}

static void many_at_once_come_to_the_same(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory,
                   "aaaaaaaaaaaaaaaaaaaamaaaad aaaaaaaaaaaaamaaaaaaag aaaaaaaaalaaaam aaaa");
    assert_false(move_all(&directory, 8, &tally, &err));
    assert_tally(&tally, "64 moved 1 already 1 gone 1 failed of 4");
    assert_non_null(strstr(err.message, "\"l58\": the connection was lost"));
    /* Whoever sits down in the place of a lost seat waits for what that one may still do. */
    assert_int_equal(directory.waits, 5);
    directory_close(&directory);
}

static void nobody_is_no_work(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "");
    assert_true(move_all(&directory, 8, &tally, &err));
    assert_tally(&tally, "0 moved 0 already 0 gone 0 failed of 0");
    directory_close(&directory);
}

static void nothing_new_is_begun_after_some_failures(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "abbaabaaaa");
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_tally(&tally, "3 moved 0 already 0 gone 3 failed of 1");
    assert_string_equal(directory.story.data, "1: 3 b2=failed b3=failed b6=failed left 4\n");
    assert_non_null(strstr(err.hint, "Nothing more was begun"));
    directory_close(&directory);
    directory_open(&directory, "abbaabaaaa");
    directory.as_one = true;
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_string_equal(directory.story.data, "1: 3 b2=failed b3=failed b6=failed left 4\n");
    directory_close(&directory);
}

static void some_seats_are_enough(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "aaaaaa aaaaaa aa");
    directory.seats_max = 1;
    assert_true(move_all(&directory, 4, &tally, &err));
    assert_tally(&tally, "14 moved 0 already 0 gone 0 failed of 3");
    directory_close(&directory);
    directory_open(&directory, "aaaaaa");
    directory.down = true;
    assert_false(move_all(&directory, 4, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_UNREACHABLE);
    assert_string_equal(err.cause, "nobody lets us in");
    directory_close(&directory);
}

/* The second thread waits for its turn when the first one fails. */
static void whoever_waits_for_his_turn_is_not_begun_after_that(void **state)
{
    struct directory directory;
    struct bsc_pools_users_driver driver;
    struct bsc_pools_users_tally tally = {0};
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    directory_open(&directory, "baa");
    struct bsc_pools_users_order order = order_of(&directory, &driver, 2);
    order.rate = 1;
    order.stop_after = 1;
    assert_false(bsc_pools_users_move(&order, &tally, &err));
    assert_tally(&tally, "0 moved 0 already 0 gone 1 failed of 1");
    assert_string_equal(directory.story.data, "1: 0 b1=failed left 2\n");
    directory_close(&directory);
}

/* Of a part in which something is not known no end is told: it stays in flight. */
static void what_cannot_be_looked_up_stays_open(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "aa axaa");
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_UNREACHABLE);
    assert_string_equal(err.message, "it came to an end when 3 had been moved");
    assert_string_equal(directory.story.data, "1: 2\n");
    directory_close(&directory);
    directory_open(&directory, "ada");
    directory.find_fails = true;
    assert_false(move_all(&directory, 1, &tally, &err));
    assert_string_equal(err.cause, "nobody answers");
    assert_string_equal(directory.story.data, "");
    directory_close(&directory);
}

static void without_a_record_nobody_is_moved(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "aa aa aa");
    directory.begin_fails_at = 1;
    assert_false(move_all(&directory, 2, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    assert_tally(&tally, "0 moved 0 already 0 gone 0 failed of 0");
    directory_close(&directory);
    directory_open(&directory, "aa aa aa");
    directory.begin_fails_at = 2;
    assert_false(move_all(&directory, 2, &tally, &err));
    assert_int_equal(tally.parts, 1);
    assert_int_equal(directory.open, 0);
    directory_close(&directory);
    directory_open(&directory, "aa aa aa");
    directory.end_fails_at = 1;
    assert_false(move_all(&directory, 2, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    assert_int_equal(directory.open, 0);
    directory_close(&directory);
}

static void a_list_that_breaks_off_ends_it(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "aa !");
    assert_false(move_all(&directory, 2, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_SQL);
    assert_string_equal(err.cause, "the list is gone");
    assert_int_equal(directory.open, 0);
    directory_close(&directory);
}

static void whoever_stops_it_leaves_the_rest(void **state)
{
    struct directory directory;
    struct bsc_pools_users_tally tally;
    struct bsc_err err;
    (void)state;
    directory_open(&directory, "aaaa aaaa aaaa");
    directory.cancel_at = 1;
    assert_false(move_all(&directory, 2, &tally, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_tally(&tally, "0 moved 0 already 0 gone 0 failed of 1");
    assert_string_equal(directory.story.data, "1: 0 left 4\n");
    directory_close(&directory);
}

static void what_was_in_flight_is_looked_up(void **state)
{
    struct directory directory;
    struct bsc_pools_users_driver driver;
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    directory_open(&directory, "");
    put(&directory, "ann", "new");
    put(&directory, "bob", "old");
    put(&directory, "eve", "far");
    const struct bsc_pools_users_order order = order_of(&directory, &driver, 1);
    static const char *const texts[] = {"ann", "bob", "cid", "eve", "bob2"};
    put(&directory, "bob2", "old");
    struct bsc_value *names = bsc_value_list();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bsc_value_append(names, bsc_value_text(texts[i]));
    struct bsc_value *there = bsc_value_list();
    bsc_value_append(there, bsc_value_text("bob"));
    struct bsc_value *told = bsc_pools_users_look(&order, names, there, &err);
    assert_true(end(&directory, 7, told, &err));
    assert_string_equal(directory.story.data, "7: 1 bob=left cid=gone eve=failed left 1\n");
    bsc_value_free(told);
    bsc_value_append(there, bsc_value_text("ann"));
    bsc_buf_clear(&directory.story);
    told = bsc_pools_users_look(&order, names, there, &err);
    assert_true(end(&directory, 8, told, &err));
    assert_string_equal(directory.story.data,
                        "8: 0 ann=already bob=left cid=gone eve=failed left 1\n");
    assert_int_equal(directory.waits, 2);
    bsc_value_free(told);
    directory.down = true;
    assert_null(bsc_pools_users_look(&order, names, there, &err));
    bsc_value_free(there);
    bsc_value_free(names);
    directory_close(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_by_what_became_of_him),
        cmocka_unit_test(many_at_once_come_to_the_same),
        cmocka_unit_test(nobody_is_no_work),
        cmocka_unit_test(nothing_new_is_begun_after_some_failures),
        cmocka_unit_test(some_seats_are_enough),
        cmocka_unit_test(whoever_waits_for_his_turn_is_not_begun_after_that),
        cmocka_unit_test(what_cannot_be_looked_up_stays_open),
        cmocka_unit_test(without_a_record_nobody_is_moved),
        cmocka_unit_test(a_list_that_breaks_off_ends_it),
        cmocka_unit_test(whoever_stops_it_leaves_the_rest),
        cmocka_unit_test(what_was_in_flight_is_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
