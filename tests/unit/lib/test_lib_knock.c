/*
 * Servers that say nothing, and what is remembered of them. What shall not take long is given more
 * than a second beyond what it needs.
 */
#include "lib_fixture.h"

#include "../silent.h"

#include <netdb.h>
#include <pthread.h>

#include "lib/knock.h"

enum { PATIENCE_MS = 2000, WITHIN_MS = 60000 };

struct house {
    struct lib_bench bench;
    struct silent silent;
};

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);

/* Of "later.example" nobody can say now where it is, "none.example" does not exist, "slow.example"
 * is 127.0.0.1, which takes longer to find out than anybody has patience for; "two.example" has
 * that address and 127.0.0.2; "moved.example" has moved from there to 127.0.0.3 once there is MOVED
 * in the environment. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret)
{
    if (strcmp(host, "later.example") == 0)
        return EAI_AGAIN;
    if (strcmp(host, "none.example") == 0)
        return EAI_NONAME;
    if (strcmp(host, "slow.example") == 0)
        bsc_clock_pause(PATIENCE_MS + 100, NULL);
    const char *known = strstr(host, ".example") != NULL ? "127.0.0.1" : host;
    if (strcmp(host, "moved.example") == 0 && getenv("MOVED") != NULL)
        known = "127.0.0.3";
    int rc = __real_getaddrinfo(known, port, wanted, ret);
    if (rc == 0 && strcmp(host, "two.example") == 0)
        rc = __real_getaddrinfo("127.0.0.2", port, wanted, &(*ret)->ai_next);
    return rc;
}

/* sql1 is silent and has PATIENCE_MS, sql2 as well and has ten minutes; so does `slow` have
 * PATIENCE_MS, `moved`, and `two`, of whose addresses the second refuses; db is a file. */
static void house_open(struct house *house, void **state)
{
    char source[2048];
    assert_true(silent_open(&house->silent, "127.0.0.1", 0));
    const unsigned port = silent_port(&house->silent);
    snprintf(
        source, sizeof source,
        "site: house\n"
        "data_centres: { dc1: { title: A } }\n"
        "servers:\n"
        "  sql1: { data_centre: dc1, platform: postgresql, connect_timeout: %dms,\n"
        "          connection: \"Driver=PostgreSQL Unicode;Servername=127.0.0.1;Port=%u\" }\n"
        "  sql2: { data_centre: dc1, platform: postgresql, connect_timeout: 10m,\n"
        "          connection: \"Driver=PostgreSQL Unicode;Servername=127.0.0.1;Port=%u\" }\n"
        "  slow: { data_centre: dc1, platform: postgresql, connect_timeout: %dms,\n"
        "          connection: \"Driver=PostgreSQL Unicode;Servername=slow.example;Port=%u\" }\n"
        "  two: { data_centre: dc1, platform: postgresql, connect_timeout: %dms,\n"
        "         connection: \"Driver=PostgreSQL Unicode;Servername=two.example;Port=%u\" }\n"
        "  moved: { data_centre: dc1, platform: postgresql, connect_timeout: %dms,\n"
        "           connection: \"Driver=PostgreSQL Unicode;Servername=moved.example;Port=%u\" }\n"
        "  later: { data_centre: dc1, platform: postgresql,\n"
        "           connection: \"Driver=PostgreSQL Unicode;Servername=later.example\" }\n"
        "  none: { data_centre: dc1, platform: postgresql,\n"
        "          connection: \"Driver=PostgreSQL Unicode;Servername=none.example\" }\n"
        "  db: { data_centre: dc1, platform: sqlite, folder: .,\n"
        "        connection: \"Driver=SQLite3\" }\n",
        PATIENCE_MS, port, port, PATIENCE_MS, port, PATIENCE_MS, port, PATIENCE_MS, port);
    bench_open_site(&house->bench, state, source);
}

static void house_close(struct house *house)
{
    bench_close(&house->bench);
    silent_close(&house->silent);
}

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

/* For how long a silent server was waited for. */
static int64_t waited_ms(struct house *house, const char *server)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t began_us = now_us();
    assert_false(bsc_lib_knock(&house->bench.env, server, &house->bench.cancel, &err));
    assert_string_equal(bsc_err_name(err.code), "unreachable");
    assert_non_null(strstr(err.cause, "nobody answers at "));
    return (now_us() - began_us) / 1000;
}

/* Whether that was all the time that it has, but for what is lost in rounding. */
static bool waits(struct house *house)
{
    return waited_ms(house, "sql1") >= PATIENCE_MS - 10;
}

static bool is_heard(struct house *house, const char *server)
{
    struct bsc_err err = BSC_ERR_INIT;
    return bsc_lib_knock(&house->bench.env, server, NULL, &err);
}

static void what_was_watched_is_not_waited_for_once_more(void **state)
{
    struct house house;
    house_open(&house, state);
    assert_true(waits(&house));
    assert_false(waits(&house));
    assert_true(waited_ms(&house, "sql1") >= 250 - 10);
    house_close(&house);
}

static void nobody_waits_for_a_name_that_nobody_can_look_up(void **state)
{
    struct house house;
    struct bsc_err err = BSC_ERR_INIT;
    house_open(&house, state);
    assert_false(bsc_lib_knock(&house.bench.env, "later", NULL, &err));
    assert_true(bsc_sql_lost(&err));
    assert_non_null(strstr(err.cause, "could not translate host name"));
    assert_true(is_heard(&house, "none"));
    house_close(&house);
}

static void who_answers_the_watch_is_heard(void **state)
{
    struct house house;
    house_open(&house, state);
    assert_true(waits(&house));
    silent_speak(&house.silent);
    assert_true(silent_is_dialled(&house.silent, WITHIN_MS));
    assert_true(is_heard(&house, "sql1"));
    assert_true(waits(&house));
    house_close(&house);
}

static void who_answers_the_look_is_heard(void **state)
{
    struct house house;
    house_open(&house, state);
    silent_speak(&house.silent);
    assert_true(is_heard(&house, "sql1"));
    house_close(&house);
}

static void how_long_a_name_is_looked_up_does_not_count(void **state)
{
    struct house house;
    house_open(&house, state);
    assert_true(waited_ms(&house, "slow") >= 2 * PATIENCE_MS);
    house_close(&house);
}

static void a_new_address_has_all_of_the_time(void **state)
{
    struct house house;
    struct silent other;
    house_open(&house, state);
    assert_true(silent_open(&other, "127.0.0.3", silent_port(&house.silent)));
    assert_true(waited_ms(&house, "moved") >= PATIENCE_MS - 10);
    assert_int_equal(setenv("MOVED", "yes", 1), 0);
    assert_true(waited_ms(&house, "moved") >= PATIENCE_MS - 10);
    assert_int_equal(unsetenv("MOVED"), 0);
    silent_close(&other);
    house_close(&house);
}

static void one_address_that_answers_is_enough(void **state)
{
    struct house house;
    house_open(&house, state);
    assert_true(is_heard(&house, "two"));
    house_close(&house);
}

static void what_is_said_of_silence_is_a_lost_connection(void **state)
{
    struct house house;
    struct bsc_err err = BSC_ERR_INIT;
    house_open(&house, state);
    assert_false(bsc_lib_knock(&house.bench.env, "sql1", NULL, &err));
    assert_true(bsc_sql_lost(&err));
    house_close(&house);
}

static void a_refusal_is_left_to_the_driver(void **state)
{
    struct house house;
    house_open(&house, state);
    silent_close(&house.silent);
    assert_refusal(
        &house.bench,
        call_row(&house.bench, "sql.query", "{'server':'sql1','database':'m','sql':'SELECT 1'}"),
        BSC_ERR_UNREACHABLE, "refused");
    house.silent.listener = house.silent.caller = -1;
    house_close(&house);
}

static void waiting_can_be_cancelled(void **state)
{
    struct house house;
    house_open(&house, state);
    atomic_store(&house.bench.cancel, true);
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_lib_knock(&house.bench.env, "sql2", &house.bench.cancel, &err));
    assert_string_equal(bsc_err_name(err.code), "cancelled");
    house_close(&house);
}

struct guest {
    struct house *house;
    struct bsc_err err;
};

static void *log_in(void *arg)
{
    struct guest *guest = arg;
    const struct bsc_lib_target target = {.server = "sql2", .database = "m", .read_only = true};
    assert_null(bsc_lib_env_connect(&guest->house->bench.env, &target, &guest->house->bench.cancel,
                                    &guest->err));
    return NULL;
}

/* Whether somebody of this network waits for the port to answer. */
static bool is_dialled(unsigned port)
{
    char wanted[32], line[256];
    bool found = false;
    snprintf(wanted, sizeof wanted, ":%04X 02 ", port);
    FILE *table = fopen("/proc/net/tcp", "re");
    assert_non_null(table);
    while (!found && fgets(line, sizeof line, table) != NULL)
        found = strstr(line, wanted) != NULL;
    fclose(table);
    return found;
}

static void nobody_else_waits_for_a_silent_server(void **state)
{
    struct house house;
    struct guest guest = {.house = &house, .err = BSC_ERR_INIT};
    pthread_t thread;
    house_open(&house, state);
    char *path = unit_path(*state, "m.db");
    unit_file_put(path, "", 0);
    assert_int_equal(pthread_create(&thread, NULL, log_in, &guest), 0);
    int64_t until_us = now_us() + (int64_t)WITHIN_MS * 1000;
    while (!is_dialled(silent_port(&house.silent)) && now_us() < until_us)
        bsc_clock_pause(1, NULL);
    assert_true(is_dialled(silent_port(&house.silent)));
    struct bsc_value *answer =
        call_row(&house.bench, "sql.query", "{'server':'db','file':'m.db','sql':'SELECT 1 AS n'}");
    assert_answer(&house.bench, answer, "{'columns':['n'],'rows':[[1]]}");
    atomic_store(&house.bench.cancel, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(bsc_err_name(guest.err.code), "cancelled");
    free(path);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_was_watched_is_not_waited_for_once_more),
        UNIT_IN_FOLDER(nobody_waits_for_a_name_that_nobody_can_look_up),
        UNIT_IN_FOLDER(who_answers_the_watch_is_heard),
        UNIT_IN_FOLDER(who_answers_the_look_is_heard),
        UNIT_IN_FOLDER(how_long_a_name_is_looked_up_does_not_count),
        UNIT_IN_FOLDER(a_new_address_has_all_of_the_time),
        UNIT_IN_FOLDER(one_address_that_answers_is_enough),
        UNIT_IN_FOLDER(what_is_said_of_silence_is_a_lost_connection),
        UNIT_IN_FOLDER(a_refusal_is_left_to_the_driver),
        UNIT_IN_FOLDER(waiting_can_be_cancelled),
        UNIT_IN_FOLDER(nobody_else_waits_for_a_silent_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
