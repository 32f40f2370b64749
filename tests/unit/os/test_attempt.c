/*
 * Attempts to reach a host, and what the system says of them.
 */
#include "../unit.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../silent.h"

#include "base/mem.h"
#include "os/attempt.h"
#include "os/clock.h"

enum { LONG_MS = 60000 };

/* What the system says at once of each address in turn, 0 for what is so; and later, 0 as well. */
static int at_once[2];
static int calls;
static int later;

int __real_connect(int fd, const struct sockaddr *name, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *name, socklen_t length);
int __real_getsockopt(int fd, int level, int key, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int key, void *value, socklen_t *size);
int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);

int __wrap_connect(int fd, const struct sockaddr *name, socklen_t length)
{
    int reason = calls < 2 ? at_once[calls] : 0;
    calls++;
    int rc = __real_connect(fd, name, length);
    if (reason == 0)
        return rc;
    errno = reason;
    return -1;
}

int __wrap_getsockopt(int fd, int level, int key, void *value, socklen_t *size)
{
    int rc = __real_getsockopt(fd, level, key, value, size);
    if (later != 0)
        *(int *)value = later;
    return rc;
}

/* "two.example" has the addresses 127.0.0.1 and 127.0.0.2. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret)
{
    bool is_two = strcmp(host, "two.example") == 0;
    int rc = __real_getaddrinfo(is_two ? "127.0.0.1" : host, port, wanted, ret);
    if (rc == 0 && is_two)
        rc = __real_getaddrinfo("127.0.0.2", port, wanted, &(*ret)->ai_next);
    return rc;
}

/* Begins to dial the port of the silent one. */
static struct bsc_attempt *dial(const struct silent *silent, const char *host, int first,
                                int second)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *address = bsc_mem_format("%s:%u", host, silent_port(silent));
    calls = 0;
    at_once[0] = first;
    at_once[1] = second;
    struct bsc_attempt *attempt = bsc_attempt_begin(address, &err);
    assert_non_null(attempt);
    at_once[0] = at_once[1] = 0;
    bsc_mem_free(address);
    return attempt;
}

static bool is_answered(const char *host, int first, int second)
{
    struct silent silent, other;
    assert_true(silent_open(&silent, "127.0.0.1", 0));
    assert_true(silent_open(&other, "127.0.0.2", silent_port(&silent)));
    struct bsc_attempt *attempt = dial(&silent, host, first, second);
    bool answered = bsc_attempt_answered(attempt, 0, NULL);
    bsc_attempt_free(attempt);
    silent_close(&other);
    silent_close(&silent);
    return answered;
}

static void what_the_system_says_at_once(void **state)
{
    (void)state;
    assert_true(is_answered("127.0.0.1", ECONNREFUSED, 0));
    assert_false(is_answered("127.0.0.1", EHOSTUNREACH, 0));
    assert_false(is_answered("127.0.0.1", ETIMEDOUT, 0));
    assert_true(is_answered("127.0.0.1", EMFILE, 0));
    assert_false(is_answered("127.0.0.1", 0, 0));
}

/* It says nothing of the host; and where nothing is left, nobody can be waited for. */
static void an_address_to_which_there_is_no_way_is_left_aside(void **state)
{
    (void)state;
    assert_true(is_answered("127.0.0.1", ENETUNREACH, 0));
    assert_true(is_answered("two.example", ENETUNREACH, EAFNOSUPPORT));
    assert_false(is_answered("two.example", ENETUNREACH, 0));
    assert_true(is_answered("two.example", ENETUNREACH, ECONNREFUSED));
    assert_true(is_answered("two.example", 0, ECONNREFUSED));
}

/* Takes the connection in truth; the system says something else. */
static bool is_answered_later(int reason)
{
    struct silent silent;
    assert_true(silent_open(&silent, "127.0.0.1", 0));
    silent_speak(&silent);
    struct bsc_attempt *attempt = dial(&silent, "127.0.0.1", EINPROGRESS, 0);
    later = reason;
    bool answered = bsc_attempt_answered(attempt, LONG_MS, NULL);
    later = 0;
    bsc_attempt_free(attempt);
    silent_close(&silent);
    return answered;
}

/* An attempt that has ended is not waited for. */
static void what_the_system_says_later(void **state)
{
    const struct bsc_clock *clock = bsc_clock_real();
    const int64_t began_us = clock->mono_us(clock->self);
    (void)state;
    assert_true(is_answered_later(0));
    assert_true(is_answered_later(ECONNREFUSED));
    assert_false(is_answered_later(EHOSTUNREACH));
    assert_false(is_answered_later(ENETUNREACH));
    assert_false(is_answered_later(ETIMEDOUT));
    assert_true(clock->mono_us(clock->self) - began_us < (int64_t)LONG_MS * 1000);
}

static void an_attempt_covers_those_to_its_addresses(void **state)
{
    struct silent silent;
    (void)state;
    assert_true(silent_open(&silent, "127.0.0.1", 0));
    struct bsc_attempt *one = dial(&silent, "127.0.0.1", 0, 0);
    struct bsc_attempt *two = dial(&silent, "two.example", EINPROGRESS, EINPROGRESS);
    struct bsc_attempt *again = bsc_attempt_again(two);
    assert_true(bsc_attempt_covers(two, one));
    assert_false(bsc_attempt_covers(one, two));
    assert_true(bsc_attempt_covers(again, two));
    bsc_attempt_free(again);
    bsc_attempt_free(two);
    bsc_attempt_free(one);
    silent_close(&silent);
}

static void *cancel_soon(void *arg)
{
    bsc_clock_pause(50, NULL);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void waiting_ends_soon_after_it_is_cancelled(void **state)
{
    struct silent silent;
    atomic_bool cancel = false;
    pthread_t thread;
    const struct bsc_clock *clock = bsc_clock_real();
    (void)state;
    assert_true(silent_open(&silent, "127.0.0.1", 0));
    struct bsc_attempt *attempt = dial(&silent, "127.0.0.1", 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
    const int64_t began_us = clock->mono_us(clock->self);
    assert_false(bsc_attempt_answered(attempt, LONG_MS, &cancel));
    assert_true(clock->mono_us(clock->self) - began_us < (int64_t)LONG_MS * 1000 / 4);
    assert_int_equal(pthread_join(thread, NULL), 0);
    bsc_attempt_free(attempt);
    silent_close(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_system_says_at_once),
        cmocka_unit_test(an_address_to_which_there_is_no_way_is_left_aside),
        cmocka_unit_test(what_the_system_says_later),
        cmocka_unit_test(an_attempt_covers_those_to_its_addresses),
        cmocka_unit_test(waiting_ends_soon_after_it_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
