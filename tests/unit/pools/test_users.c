#include "unit.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pools/users.h"

/*
 * A directory in memory. What happens to a user is in the first letter of the name: `b` is locked,
 * `d` was moved by somebody else, `g` is gone, `k` loses the connection once and `l` each time
 * before anything is done, and `m` after it was; `s` is as `k`, and no seat can be had for a while;
 * `t` takes too long, `x` loses the connection for good.
 */
struct directory {
    struct bsc_value *homes; /* owned {name=pool} */
    struct bsc_value *lost;  /* owned {name=true}: by whom a connection was, once is enough */
    pthread_mutex_t lock;
    atomic_int seats; /* that are taken */
    int seats_max;    /* 0: as many as are wanted */
    atomic_bool down; /* no seat can be taken any more */
    atomic_int shut;  /* nor for so many times */
    bool find_fails;  /* nobody can be looked up */
    atomic_int waits; /* for what was begun before */
    bool as_one;
    atomic_bool cancel;
    const char *names; /* the first letters of the users of all parts, parts with blanks between */
    int64_t begin_fails_at; /* the part that cannot be put on record */
    int64_t end_fails_at;
    int64_t cancel_at; /* the part before which somebody stops it */
    bool cancel_later; /* as soon as a seat was lost */
    struct bsc_buf story;

    int number;
    int64_t open; /* parts that were begun and have not ended */
    int64_t most_open;
};

static void *seat_open(void *self, struct bsc_err *err)
{
    struct directory *directory = self;
    if (directory->shut > 0)
        directory->shut--;
    else if (!directory->down &&
             (directory->seats_max == 0 || directory->seats < directory->seats_max)) {
        directory->seats++;
        return directory;
    }
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody lets us in");
    return NULL;
}

static void seat_close(void *self, void *seat)
{
    struct directory *directory = self;
    assert_ptr_equal(seat, self);
    directory->seats--;
}

static void put(struct directory *directory, const char *name, const char *pool)
{
    pthread_mutex_lock(&directory->lock);
    bsc_value_set_text(directory->homes, name, pool);
    pthread_mutex_unlock(&directory->lock);
}

/* The first letter, or one that means the same this time. */
static char way_of(struct directory *directory, const char *name)
{
    if (name[0] != 'k' && name[0] != 's')
        return name[0];
    pthread_mutex_lock(&directory->lock);
    bool again = bsc_value_get(directory->lost, name) != NULL;
    bsc_value_set_bool(directory->lost, name, true);
    directory->shut += name[0] == 's' && !again ? 3 : 0;
    pthread_mutex_unlock(&directory->lock);
    return again ? 'a' : 'l';
}

static bool move_user(struct directory *directory, struct bsc_pools_user *user)
{
    char way = way_of(directory, user->name);
    if (way == 'm' || way == 'a')
        put(directory, user->name, "new");
    directory->down = directory->down || way == 'x';
    if (way == 'l' || way == 'm' || way == 't' || way == 'x') {
        user->outcome = BSC_POOLS_USER_UNSETTLED;
        user->reason = way == 'l'   ? bsc_mem_text("the connection was lost")
                       : way == 't' ? bsc_mem_text("it took too long")
                                    : NULL;
        return false;
    }
    if (way == 'b')
        user->reason = bsc_mem_text("locked");
    user->outcome = way == 'b'                 ? BSC_POOLS_USER_FAILED
                    : way == 'd' || way == 'g' ? BSC_POOLS_USER_UNTOUCHED
                                               : BSC_POOLS_USER_MOVED;
    return true;
}

static bool move(void *self, void *seat, const struct bsc_pools_users_stroke *stroke,
                 struct bsc_err *err)
{
    size_t failed = 0;
    (void)seat;
    for (size_t i = 0; i < stroke->count && failed < stroke->failures_max; i++) {
        if (!stroke->goes_on(stroke->arg))
            return true;
        bool slow = stroke->users[i].name[0] == 't';
        if (!move_user(self, &stroke->users[i]))
            return bsc_err_set(err, slow ? BSC_ERR_TIMEOUT : BSC_ERR_UNREACHABLE, "it broke");
        failed += stroke->users[i].outcome == BSC_POOLS_USER_FAILED ? 1 : 0;
    }
    return true;
}

static bool find(void *self, void *seat, const char *name, struct bsc_value **ret_pools,
                 struct bsc_err *err)
{
    struct directory *directory = self;
    (void)seat;
    if (directory->find_fails)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody answers");
    *ret_pools = bsc_value_list();
    pthread_mutex_lock(&directory->lock);
    const char *pool = bsc_value_get_string(directory->homes, name);
    if (pool != NULL)
        bsc_value_append(*ret_pools, bsc_value_text(pool));
    pthread_mutex_unlock(&directory->lock);
    return true;
}

static bool outlast(void *self, void *seat, struct bsc_err *err)
{
    struct directory *directory = self;
    (void)seat;
    (void)err;
    directory->waits++;
    if (directory->cancel_later)
        atomic_store(&directory->cancel, true);
    return true;
}

/* A user for each letter up to the next blank; "b" of the third is "b3". */
static bool next(void *arg, struct bsc_value **ret_names, struct bsc_err *err)
{
    struct directory *directory = arg;
    (void)err;
    *ret_names = NULL;
    if (*directory->names == '\0')
        return true;
    if (*directory->names == '!')
        return bsc_err_set(err, BSC_ERR_SQL, "the list is gone");
    *ret_names = bsc_value_list();
    for (; *directory->names != '\0' && *directory->names != ' '; directory->names++) {
        char *name = bsc_mem_format("%c%d", *directory->names, ++directory->number);
        bsc_value_append(*ret_names, bsc_value_text(name));
        if (name[0] != 'g')
            put(directory, name, name[0] == 'd' ? "new" : "old");
        bsc_mem_free(name);
    }
    directory->names += *directory->names == ' ' ? 1 : 0;
    return true;
}

static bool begin(void *arg, int64_t part, const struct bsc_value *names, struct bsc_err *err)
{
    struct directory *directory = arg;
    (void)names;
    if (part == directory->cancel_at)
        atomic_store(&directory->cancel, true);
    if (part == directory->begin_fails_at)
        return bsc_err_set(err, BSC_ERR_IO, "no record");
    directory->open++;
    if (directory->open > directory->most_open)
        directory->most_open = directory->open;
    return true;
}

static bool end(void *arg, int64_t part, const struct bsc_value *told, struct bsc_err *err)
{
    struct directory *directory = arg;
    const struct bsc_value *others = bsc_value_get(told, "others");
    directory->open--;
    if (part == directory->end_fails_at)
        return bsc_err_set(err, BSC_ERR_IO, "no record");
    bsc_buf_printf(&directory->story, "%lld: %lld", (long long)part,
                   (long long)bsc_value_get_number(told, "moved", -1));
    for (size_t i = 0; i < bsc_value_count(others); i++)
        bsc_buf_printf(&directory->story, " %s=%s", bsc_value_key_at(others, i),
                       bsc_value_string(bsc_value_at(bsc_value_item_at(others, i), 0)));
    if (bsc_value_get_number(told, "left", 0) > 0)
        bsc_buf_printf(&directory->story, " left %lld",
                       (long long)bsc_value_get_number(told, "left", 0));
    bsc_buf_add_text(&directory->story, "\n");
    return true;
}

static void directory_open(struct directory *directory, const char *names)
{
    memset(directory, 0, sizeof *directory);
    directory->homes = bsc_value_map();
    directory->lost = bsc_value_map();
    directory->names = names;
    bsc_buf_init(&directory->story);
    assert_int_equal(pthread_mutex_init(&directory->lock, NULL), 0);
}

static void directory_close(struct directory *directory)
{
    assert_int_equal(directory->seats, 0);
    assert_true(directory->most_open <= 2);
    bsc_value_free(directory->homes);
    bsc_value_free(directory->lost);
    bsc_buf_release(&directory->story);
    pthread_mutex_destroy(&directory->lock);
}

static struct bsc_pools_users_order order_of(struct directory *directory,
                                             struct bsc_pools_users_driver *driver, size_t parallel)
{
    *driver = (struct bsc_pools_users_driver){.self = directory,
                                              .open = seat_open,
                                              .close = seat_close,
                                              .move = move,
                                              .find = find,
                                              .outlast = outlast,
                                              .as_one = directory->as_one};
    return (struct bsc_pools_users_order){.driver = driver,
                                          .clock = bsc_clock_real(),
                                          .cancel = &directory->cancel,
                                          .from = "old",
                                          .to = "new",
                                          .noun = "user",
                                          .parallel = parallel,
                                          .stop_after = 3,
                                          .arg = directory,
                                          .next = next,
                                          .begin = begin,
                                          .end = end};
}

static bool move_all(struct directory *directory, size_t parallel,
                     struct bsc_pools_users_tally *tally, struct bsc_err *err)
{
    struct bsc_pools_users_driver driver;
    const struct bsc_pools_users_order order = order_of(directory, &driver, parallel);
    *err = (struct bsc_err)BSC_ERR_INIT;
    *tally = (struct bsc_pools_users_tally){0};
    bool good = bsc_pools_users_move(&order, tally, err);
    assert_int_equal(good, err->code == BSC_ERR_NONE);
    return good;
}

static void assert_tally(const struct bsc_pools_users_tally *tally, const char *expected)
{
    char text[128];
    snprintf(text, sizeof text, "%lld moved %lld already %lld gone %lld failed of %lld",
             (long long)tally->moved, (long long)tally->already, (long long)tally->gone,
             (long long)tally->failed, (long long)tally->parts);
    assert_string_equal(text, expected);
}

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
        cmocka_unit_test(a_lost_connection_is_nobodys_failure_the_first_time),
        cmocka_unit_test(the_second_time_it_is),
        cmocka_unit_test(whoever_takes_too_long_is_not_tried_again),
        cmocka_unit_test(nobody_is_tried_again_when_it_was_stopped),
        cmocka_unit_test(a_seat_is_asked_for_until_a_server_is_back),
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
