#include "lib/knock.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/env.h"
#include "lib/silence_int.h"
#include "mirrors/pg.h"
#include "os/attempt.h"
#include "os/clock.h"
#include "site/site.h"

/* The system repeats an attempt after a second, so with less time one lost packet would decide; nor
 * does libpq wait less than these two seconds. */
enum { WHOLE_MS = 5000, WHOLE_MS_MIN = 2000, PART_MS_MIN = 250, PARTS = 10 };

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

static int64_t whole_ms(const struct bsc_lib_env *env, const char *server)
{
    const struct bsc_value *map = bsc_site_server(env->site, server);
    return larger(bsc_value_get_number(map, "connect_timeout", WHOLE_MS), WHOLE_MS_MIN);
}

static bool say_silent(const char *server, struct bsc_err *err)
{
    static const char no_connection[] = "08001";
    err->code = BSC_ERR_UNREACHABLE;
    memcpy(err->sqlstate, no_connection, sizeof no_connection);
    return bsc_err_wrap(err, "cannot connect to server \"%s\"", server);
}

/* Where nobody can say now what address a name has, the driver would look it up for as long again,
 * and nobody else could log in meanwhile. What else is wrong with a name it says itself. */
static bool has_no_address(const char *server, const struct bsc_err *why, struct bsc_err *err)
{
    if (why->retryable != BSC_RETRY_YES)
        return true;
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "could not translate host name: %s", why->message);
    return say_silent(server, err);
}

/* Takes the attempt. */
static bool wait_for(struct bsc_lib_env *env, const char *server, const char *address,
                     struct bsc_attempt *attempt, const atomic_bool *cancel, struct bsc_err *err)
{
    const int64_t whole = whole_ms(env, server);
    const int64_t watched = bsc_lib_silence_watched_ms(env->silences, server, attempt);
    const int64_t patience = larger(whole - watched, larger(whole / PARTS, PART_MS_MIN));
    const struct bsc_clock *clock = bsc_clock_real();
    const int64_t begun_us = clock->mono_us(clock->self);
    if (watched < 0 || bsc_attempt_answered(attempt, patience, cancel)) {
        bsc_lib_silence_end(env->silences, server);
        bsc_attempt_free(attempt);
        return true;
    }
    if (cancel != NULL && atomic_load(cancel)) {
        bsc_attempt_free(attempt);
        return bsc_err_set(err, BSC_ERR_CANCELLED, "waiting for server \"%s\" was cancelled",
                           server);
    }
    if (bsc_lib_silence_watch(env->silences, server, attempt, begun_us, whole))
        return true;
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody answers at %s", address);
    return say_silent(server, err);
}

bool bsc_lib_knock(struct bsc_lib_env *env, const char *server, const atomic_bool *cancel,
                   struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    struct bsc_attempt *attempt = NULL;
    struct bsc_buf address;
    bsc_buf_init(&address);
    bool good = true;
    if (has_address(env, server, &address)) {
        attempt = bsc_attempt_begin(address.data, &why);
        good = attempt != NULL ? wait_for(env, server, address.data, attempt, cancel, err)
                               : has_no_address(server, &why, err);
    }
    bsc_buf_release(&address);
    return good;
}
