#include "lib/knock.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/env.h"
#include "mirrors/pg.h"
#include "os/attempt.h"
#include "site/site.h"

/* The system repeats an attempt after a second: with less time, one lost packet would decide. */
enum { PATIENCE_MS = 10000, PATIENCE_MS_MIN = 1200, PART_MS_MIN = 250, PARTS = 10 };

/* The attempt to reach one server that goes on. */
struct silence {
    struct silence *next;        /* owned */
    char *server;                /* owned */
    struct bsc_attempt *attempt; /* owned; NULL while it is with a knock, and where there is none */
    int64_t begun_us;            /* monotonic */
};

struct bsc_lib_silences {
    pthread_mutex_t lock;
    struct silence *first; /* owned */
};

struct bsc_lib_silences *bsc_lib_silences_new(void)
{
    struct bsc_lib_silences *silences = bsc_mem_new(1, sizeof *silences);
    BSC_BUG_ON(pthread_mutex_init(&silences->lock, NULL) != 0);
    return silences;
}

void bsc_lib_silences_free(struct bsc_lib_silences *silences)
{
    if (silences == NULL)
        return;
    for (struct silence *next = NULL, *each = silences->first; each != NULL; each = next) {
        next = each->next;
        bsc_attempt_free(each->attempt);
        bsc_mem_free(each->server);
        bsc_mem_free(each);
    }
    pthread_mutex_destroy(&silences->lock);
    bsc_mem_free(silences);
}

/* What is known of a server, under the lock. */
static struct silence *silence_of(struct bsc_lib_silences *silences, const char *server)
{
    struct silence *each = silences->first;
    while (each != NULL && strcmp(each->server, server) != 0)
        each = each->next;
    if (each != NULL)
        return each;
    each = bsc_mem_new(1, sizeof *each);
    each->server = bsc_mem_text(server);
    each->next = silences->first;
    silences->first = each;
    return each;
}

/* Several threads may knock at one server: an attempt is with one of them at a time. Returns owned,
 * or NULL. */
static struct bsc_attempt *exchange(struct bsc_lib_env *env, const char *server,
                                    struct bsc_attempt *attempt, int64_t *begun_us)
{
    BSC_BUG_ON(pthread_mutex_lock(&env->silences->lock) != 0);
    struct silence *silence = silence_of(env->silences, server);
    struct bsc_attempt *before = silence->attempt;
    const int64_t before_us = silence->begun_us;
    silence->attempt = attempt;
    silence->begun_us = *begun_us;
    BSC_BUG_ON(pthread_mutex_unlock(&env->silences->lock) != 0);
    *begun_us = before_us;
    return before;
}

/* Only of PostgreSQL it is known how a connection string names the address. */
static bool has_address(const struct bsc_lib_env *env, const char *server, struct bsc_buf *ret)
{
    const struct bsc_value *map = bsc_site_server(env->site, server);
    const char *platform = bsc_value_get_string(map, "platform");
    const char *connection = bsc_value_get_string(map, "connection");
    return platform != NULL && connection != NULL && strcmp(platform, "postgresql") == 0 &&
           bsc_mirrors_pg_address(connection, ret) && ret->data[0] != '/';
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The system repeats an attempt at intervals that double, so that nothing was sent for half of the
 * time that the one before is under way: that is made up for. */
static int64_t patience_ms(const struct bsc_lib_env *env, const char *server,
                           const struct bsc_attempt *before, const struct bsc_attempt *attempt,
                           int64_t age_us)
{
    const int64_t whole = larger(
        bsc_value_get_number(bsc_site_server(env->site, server), "connect_timeout", PATIENCE_MS),
        PATIENCE_MS_MIN);
    const int64_t part = larger(larger(whole / PARTS, PART_MS_MIN), age_us / 2000);
    return before != NULL && bsc_attempt_covers(before, attempt) && part < whole ? part : whole;
}

static bool has_answered(struct bsc_attempt *attempt)
{
    return attempt != NULL && bsc_attempt_answered(attempt, 0, NULL);
}

static bool say_silent(const char *server, const char *address, struct bsc_err *err)
{
    static const char no_connection[] = "08001";
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody answers at %s", address);
    memcpy(err->sqlstate, no_connection, sizeof no_connection);
    return bsc_err_wrap(err, "cannot connect to server \"%s\"", server);
}

static int64_t now_us(const struct bsc_lib_env *env)
{
    return env->clock->mono_us(env->clock->self);
}

/* A silent server is seldom looked at alone: what is said of another one is asked of it too. */
static void ask_others(struct bsc_lib_env *env, const char *server)
{
    BSC_BUG_ON(pthread_mutex_lock(&env->silences->lock) != 0);
    for (struct silence *each = env->silences->first; each != NULL; each = each->next) {
        if (each->attempt == NULL || strcmp(each->server, server) == 0 ||
            has_answered(each->attempt))
            continue;
        struct bsc_attempt *again = bsc_attempt_again(each->attempt);
        bsc_attempt_free(each->attempt);
        each->attempt = again;
        each->begun_us = now_us(env);
    }
    BSC_BUG_ON(pthread_mutex_unlock(&env->silences->lock) != 0);
}

/* Takes the attempt, which nobody has answered, and leaves another one in its place. False where
 * one of another thread was answered meanwhile. */
static bool leave(struct bsc_lib_env *env, const char *server, struct bsc_attempt *attempt)
{
    int64_t begun_us = now_us(env);
    struct bsc_attempt *others = exchange(env, server, bsc_attempt_again(attempt), &begun_us);
    const bool answered = has_answered(others);
    bsc_attempt_free(attempt);
    bsc_attempt_free(others);
    if (answered)
        bsc_attempt_free(exchange(env, server, NULL, &begun_us));
    return !answered;
}

static bool knock(struct bsc_lib_env *env, const char *server, const char *address,
                  const atomic_bool *cancel, struct bsc_err *err)
{
    struct bsc_err unknown = BSC_ERR_INIT;
    struct bsc_attempt *attempt = bsc_attempt_begin(address, &unknown);
    if (attempt == NULL)
        return true;
    int64_t begun_us = 0;
    struct bsc_attempt *before = exchange(env, server, NULL, &begun_us);
    const int64_t patience = patience_ms(env, server, before, attempt, now_us(env) - begun_us);
    ask_others(env, server);
    const bool answered = has_answered(before) || bsc_attempt_answered(attempt, patience, cancel) ||
                          has_answered(before);
    const bool cancelled = !answered && cancel != NULL && atomic_load(cancel);
    bsc_attempt_free(before);
    if (answered || cancelled)
        bsc_attempt_free(attempt);
    if (cancelled)
        return bsc_err_set(err, BSC_ERR_CANCELLED, "waiting for server \"%s\" was cancelled",
                           server);
    return answered || !leave(env, server, attempt) || say_silent(server, address, err);
}

bool bsc_lib_knock(struct bsc_lib_env *env, const char *server, const atomic_bool *cancel,
                   struct bsc_err *err)
{
    struct bsc_buf address;
    bsc_buf_init(&address);
    const bool good =
        !has_address(env, server, &address) || knock(env, server, address.data, cancel, err);
    bsc_buf_release(&address);
    return good;
}
