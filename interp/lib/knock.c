#include "lib/knock.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/env.h"
#include "mirrors/pg.h"
#include "os/dial.h"
#include "site/site.h"

enum { REMEMBERED_US = 60000000, PATIENCE_MS = 10000, PATIENCE_MS_MIN = 250, PARTS = 10 };

/* One server that said nothing. */
struct silence {
    struct silence *next; /* owned */
    char *server;         /* owned */
    int64_t heard_us;     /* monotonic: when nothing was heard last; never before: INT64_MIN */
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
    each->heard_us = INT64_MIN;
    each->next = silences->first;
    silences->first = each;
    return each;
}

static int64_t now_us(const struct bsc_lib_env *env)
{
    return env->clock->mono_us(env->clock->self);
}

static bool was_silent(struct bsc_lib_env *env, const char *server)
{
    BSC_BUG_ON(pthread_mutex_lock(&env->silences->lock) != 0);
    const int64_t heard_us = silence_of(env->silences, server)->heard_us;
    BSC_BUG_ON(pthread_mutex_unlock(&env->silences->lock) != 0);
    return heard_us != INT64_MIN && now_us(env) - heard_us < REMEMBERED_US;
}

static void remember(struct bsc_lib_env *env, const char *server, bool silent)
{
    const int64_t heard_us = silent ? now_us(env) : INT64_MIN;
    BSC_BUG_ON(pthread_mutex_lock(&env->silences->lock) != 0);
    silence_of(env->silences, server)->heard_us = heard_us;
    BSC_BUG_ON(pthread_mutex_unlock(&env->silences->lock) != 0);
}

static int64_t patience_ms(struct bsc_lib_env *env, const char *server)
{
    const int64_t whole =
        bsc_value_get_number(bsc_site_server(env->site, server), "connect_timeout", PATIENCE_MS);
    const int64_t part = whole / PARTS > PATIENCE_MS_MIN ? whole / PARTS : PATIENCE_MS_MIN;
    return part < whole && was_silent(env, server) ? part : whole;
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

/* A machine of the same network that is gone is told of by its neighbours, after some seconds. */
static bool is_silence(const struct bsc_err *err)
{
    return err->code == BSC_ERR_TIMEOUT || err->sys_errno == EHOSTUNREACH ||
           err->sys_errno == EHOSTDOWN || err->sys_errno == ETIMEDOUT;
}

static bool answers(struct bsc_lib_env *env, const char *server, const char *address,
                    const atomic_bool *cancel, struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    const struct bsc_dial_order order = {
        .address = address, .timeout_ms = patience_ms(env, server), .cancel = cancel};
    struct bsc_dial *dial = bsc_dial_open(&order, &why);
    const bool silent = dial == NULL && is_silence(&why);
    bsc_dial_close(dial);
    if (dial == NULL && why.code == BSC_ERR_CANCELLED) {
        *err = why;
        return false;
    }
    remember(env, server, silent);
    if (!silent)
        return true;
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody answers at %s", address);
    return bsc_err_wrap(err, "cannot connect to server \"%s\"", server);
}

bool bsc_lib_knock(struct bsc_lib_env *env, const char *server, const atomic_bool *cancel,
                   struct bsc_err *err)
{
    struct bsc_buf address;
    bsc_buf_init(&address);
    const bool good =
        !has_address(env, server, &address) || answers(env, server, address.data, cancel, err);
    bsc_buf_release(&address);
    return good;
}
