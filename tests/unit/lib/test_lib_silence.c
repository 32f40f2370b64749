/*
 * The watch over silent servers, with attempts that answer when the test says so.
 */
#include "lib_fixture.h"

#include "lib/silence_int.h"

enum { WHOLE_MS = 2000, SOON_MS = 20000, DEADLINE_MS = 60000 };

/* An attempt is answered after that time; for ever unanswered where it is 0. */
static atomic_int answers_after_ms;
static atomic_int begun;  /* attempts */
static atomic_int living; /* attempts that were not freed */
static atomic_bool is_elsewhere;

struct bsc_attempt {
    int64_t begun_ms;
};

static int64_t now_ms(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self) / 1000;
}

static struct bsc_attempt *attempt_new(void)
{
    struct bsc_attempt *attempt = bsc_mem_new(1, sizeof *attempt);
    attempt->begun_ms = now_ms();
    atomic_fetch_add(&begun, 1);
    atomic_fetch_add(&living, 1);
    return attempt;
}

struct bsc_attempt *__wrap_bsc_attempt_again(const struct bsc_attempt *attempt);
bool __wrap_bsc_attempt_answered(struct bsc_attempt *attempt, int64_t within_ms,
                                 const atomic_bool *cancel);
bool __wrap_bsc_attempt_covers(const struct bsc_attempt *attempt, const struct bsc_attempt *other);
void __wrap_bsc_attempt_free(struct bsc_attempt *attempt);

struct bsc_attempt *__wrap_bsc_attempt_again(const struct bsc_attempt *attempt)
{
    (void)attempt;
    return attempt_new();
}

bool __wrap_bsc_attempt_answered(struct bsc_attempt *attempt, int64_t within_ms,
                                 const atomic_bool *cancel)
{
    const int after_ms = atomic_load(&answers_after_ms);
    (void)cancel;
    (void)within_ms;
    return after_ms > 0 && now_ms() - attempt->begun_ms >= after_ms;
}

bool __wrap_bsc_attempt_covers(const struct bsc_attempt *attempt, const struct bsc_attempt *other)
{
    (void)attempt;
    (void)other;
    return !atomic_load(&is_elsewhere);
}

void __wrap_bsc_attempt_free(struct bsc_attempt *attempt)
{
    bsc_mem_free(attempt);
    atomic_fetch_sub(&living, 1);
}

static struct bsc_lib_silences *silences_open(void)
{
    atomic_store(&answers_after_ms, 0);
    atomic_store(&begun, 0);
    atomic_store(&living, 0);
    atomic_store(&is_elsewhere, false);
    return bsc_lib_silences_new();
}

static void silences_close(struct bsc_lib_silences *silences)
{
    bsc_lib_silences_free(silences);
    assert_int_equal(atomic_load(&living), 0);
}

/* A look in vain; true where the server was heard. */
static bool look(struct bsc_lib_silences *silences)
{
    struct bsc_attempt *attempt = attempt_new();
    const bool heard = bsc_lib_silence_watched_ms(silences, "sql1", attempt) < 0;
    if (!heard)
        return bsc_lib_silence_watch(silences, "sql1", attempt, attempt->begun_ms * 1000, WHOLE_MS);
    __wrap_bsc_attempt_free(attempt);
    return true;
}

static int64_t watched_ms(struct bsc_lib_silences *silences)
{
    struct bsc_attempt *attempt = attempt_new();
    const int64_t watched = bsc_lib_silence_watched_ms(silences, "sql1", attempt);
    __wrap_bsc_attempt_free(attempt);
    return watched;
}

static void the_watch_goes_on_knocking(void **state)
{
    struct bsc_lib_silences *silences = silences_open();
    const int64_t until_ms = now_ms() + SOON_MS;
    (void)state;
    assert_int_equal(watched_ms(silences), 0);
    const int64_t began_ms = now_ms();
    assert_false(look(silences));
    while (atomic_load(&begun) < 5 && now_ms() < until_ms)
        bsc_clock_pause(10, NULL);
    assert_true(atomic_load(&begun) >= 5);
    assert_true(now_ms() - began_ms >= 2900);
    silences_close(silences);
}

/* However often one looks: each look knocks too, and must not take the place of what is waited for.
 */
static void a_slow_answer_is_heard(void **state)
{
    struct bsc_lib_silences *silences = silences_open();
    const int64_t until_ms = now_ms() + DEADLINE_MS;
    bool heard = false;
    (void)state;
    assert_false(look(silences));
    atomic_store(&answers_after_ms, WHOLE_MS - 200);
    while (!heard && now_ms() < until_ms) {
        bsc_clock_pause(50, NULL);
        heard = look(silences);
    }
    assert_true(heard);
    silences_close(silences);
}

static void a_server_that_was_heard_is_watched_no_longer(void **state)
{
    struct bsc_lib_silences *silences = silences_open();
    (void)state;
    assert_false(look(silences));
    atomic_store(&answers_after_ms, 1);
    bsc_clock_pause(5, NULL);
    assert_int_equal(watched_ms(silences), -1);
    bsc_lib_silence_end(silences, "sql1");
    assert_int_equal(atomic_load(&living), 0);
    assert_int_equal(watched_ms(silences), 0);
    silences_close(silences);
}

static void an_answer_that_comes_with_the_end_of_a_look_is_heard(void **state)
{
    struct bsc_lib_silences *silences = silences_open();
    (void)state;
    assert_false(look(silences));
    struct bsc_attempt *attempt = attempt_new();
    assert_true(bsc_lib_silence_watched_ms(silences, "sql1", attempt) >= 0);
    atomic_store(&answers_after_ms, 1);
    bsc_clock_pause(5, NULL);
    assert_true(bsc_lib_silence_watch(silences, "sql1", attempt, 0, WHOLE_MS));
    assert_int_equal(atomic_load(&living), 0);
    silences_close(silences);
}

static void where_a_server_was_says_nothing_of_where_it_is(void **state)
{
    struct bsc_lib_silences *silences = silences_open();
    (void)state;
    assert_false(look(silences));
    bsc_clock_pause(100, NULL);
    assert_true(watched_ms(silences) >= 100);
    atomic_store(&is_elsewhere, true);
    assert_int_equal(watched_ms(silences), 0);
    const int64_t moved_ms = now_ms();
    assert_false(look(silences));
    atomic_store(&is_elsewhere, false);
    assert_true(watched_ms(silences) <= now_ms() - moved_ms + 1);
    silences_close(silences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_watch_goes_on_knocking),
        cmocka_unit_test(a_slow_answer_is_heard),
        cmocka_unit_test(a_server_that_was_heard_is_watched_no_longer),
        cmocka_unit_test(an_answer_that_comes_with_the_end_of_a_look_is_heard),
        cmocka_unit_test(where_a_server_was_says_nothing_of_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
