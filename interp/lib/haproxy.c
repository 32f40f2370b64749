#include <string.h>

#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/clock.h"
#include "os/files.h"
#include "pools/active.h"
#include "pools/haproxy.h"
#include "pools/haproxy_change.h"
#include "pools/haproxy_talk.h"
#include "site/site.h"

enum {
    ANSWER_MS = 5000,
    DRAIN_MS = 10000,
    RESERVE_MS = 2000, /* of a step's timeout, for what comes after the sessions' end */
    STATE_FILE_MAX = 4 * 1024 * 1024
};

#define SERVERS_ARGS "address: text, state_file: text?, master: text?"
#define UPDATE_ARGS  "pool: text, from: map, to: map, data_centre: text?"

static int64_t answer_ms(const struct bsc_lib_call *call)
{
    int64_t left_ms = bsc_lib_call_left_ms(call);
    return left_ms > 0 && left_ms < ANSWER_MS ? left_ms : ANSWER_MS;
}

/* What would hold after a restart. A file that is not there, or is no such file, holds nothing; of
 * one that cannot be read nobody knows, and NULL is returned. */
static struct bsc_value *saved_read(const struct bsc_sys *sys, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *saved = NULL;
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (bsc_files_read(sys, path, STATE_FILE_MAX, &text, &err))
        saved = bsc_pools_haproxy_servers(text.data, &err);
    bsc_buf_release(&text);
    bool is_empty = err.code == BSC_ERR_NOT_FOUND || err.code == BSC_ERR_INVALID;
    return saved == NULL && is_empty ? bsc_value_list() : saved;
}

static bool servers_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_pools_haproxy_talk talk = {0};
    const char *address = NULL, *state_file = NULL;
    if (!bsc_lib_args_known(call->args, SERVERS_ARGS, err) ||
        !bsc_lib_args_text(call->args, "address", &address, err) ||
        !bsc_lib_args_path_or(call->args, "state_file", NULL, &state_file, err) ||
        !bsc_lib_args_path_or(call->args, "master", NULL, &talk.master, err))
        return false;
    struct bsc_value *servers = NULL;
    if (bsc_pools_haproxy_talk_begin(&talk, address, answer_ms(call), call->cancel, err))
        servers = bsc_pools_haproxy_talk_servers(&talk, err);
    bsc_pools_haproxy_talk_end(&talk);
    if (servers == NULL)
        return false;
    *ret = bsc_value_map();
    bsc_value_set(*ret, "servers", servers);
    struct bsc_value *saved = state_file != NULL ? saved_read(call->env->sys, state_file) : NULL;
    if (saved != NULL)
        bsc_value_set(*ret, "saved", saved);
    return true;
}

/* What an update is about; all borrowed. */
struct update {
    const char *name;
    const struct bsc_value *pool; /* as the site describes it */
    const struct bsc_value *from;
    const struct bsc_value *to;
    bool leads_writers; /* it is about the backend whose servers are databases */
};

static bool map_read(const struct bsc_value *args, const char *key, const struct bsc_value **ret,
                     struct bsc_err *err)
{
    const struct bsc_value *map = bsc_value_get(args, key);
    bool empty = bsc_value_kind(map) == BSC_VALUE_LIST && bsc_value_count(map) == 0;
    if (bsc_value_kind(map) != BSC_VALUE_MAP && !empty)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument '%s' is not a map", key);
    *ret = map;
    return true;
}

static bool pool_find(const struct bsc_lib_call *call, struct update *update, struct bsc_err *err)
{
    if (call->env->site == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no site to look up pool '%s' in",
                           update->name);
    update->pool = bsc_site_pool(call->env->site, update->name);
    if (update->pool == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no pool '%s' in the site",
                           update->name);
    const char *driver = bsc_value_get_string(update->pool, "driver");
    return (driver != NULL && strcmp(driver, "haproxy") == 0) ||
           bsc_err_set(err, BSC_ERR_UNSUPPORTED, "pool '%s' is driven by '%s', not by HAProxy",
                       update->name, driver != NULL ? driver : "nothing");
}

static bool is_in(const char *name, const char *backend)
{
    size_t length = backend != NULL ? strlen(backend) : 0;
    return length > 0 && strncmp(name, backend, length) == 0 && name[length] == '/';
}

/* All of an update is in one of the pool's two backends: the order of its parts depends on which.
 */
static bool backend_check(struct update *update, const struct bsc_value *routes,
                          struct bsc_err *err)
{
    const char *first = bsc_value_get_string(update->pool, "state_backend");
    const char *second = bsc_value_get_string(update->pool, "backend");
    for (size_t i = 0; i < bsc_value_count(routes); i++) {
        const char *name = bsc_value_key_at(routes, i);
        bool writers = is_in(name, first);
        if (!writers && !is_in(name, second))
            return bsc_err_set(err, BSC_ERR_USAGE, "server '%s' is in no backend of pool '%s'",
                               name, update->name);
        if (i == 0 && (routes == update->from || bsc_value_count(update->from) == 0))
            update->leads_writers = writers;
        if (writers != update->leads_writers)
            return bsc_err_set(err, BSC_ERR_USAGE, "an update is about one backend, not both");
    }
    return true;
}

static bool update_read(const struct bsc_lib_call *call, struct update *ret, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, UPDATE_ARGS, err) &&
           bsc_lib_args_text(call->args, "pool", &ret->name, err) && pool_find(call, ret, err) &&
           map_read(call->args, "from", &ret->from, err) &&
           map_read(call->args, "to", &ret->to, err) && backend_check(ret, ret->from, err) &&
           backend_check(ret, ret->to, err);
}

static bool has_ready(const struct bsc_value *states)
{
    for (size_t i = 0; i < bsc_value_count(states); i++) {
        const char *state = bsc_value_string(bsc_value_at(states, i));
        if (state != NULL && strcmp(state, "ready") == 0)
            return true;
    }
    return false;
}

/* Holds the servers that will be active against the rule. Closing some needs none: the others may
 * well be in the data centre that burnt down. */
static bool active_check(const struct bsc_lib_call *call, const struct update *update,
                         struct bsc_err *err)
{
    const char *data_centre = NULL;
    struct bsc_value *active = bsc_value_list();
    const struct bsc_value *servers = bsc_value_get(update->pool, "servers");
    bool opens = false, ok = true;
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        const char *server = bsc_value_string(bsc_value_at(servers, i));
        struct bsc_value *name =
            bsc_value_format("%s/%s", bsc_value_get_string(update->pool, "backend"), server);
        const struct bsc_value *was = bsc_value_get(update->from, bsc_value_string(name));
        const struct bsc_value *will = bsc_value_get(update->to, bsc_value_string(name));
        if (has_ready(will != NULL ? will : was))
            bsc_value_append(active, bsc_value_text(server));
        opens = opens || has_ready(will);
        bsc_value_free(name);
    }
    if (opens)
        ok = bsc_lib_args_text(call->args, "data_centre", &data_centre, err) &&
             bsc_pools_active_check(bsc_site_value(call->env->site), update->name, data_centre,
                                    active, err);
    bsc_value_free(active);
    return ok;
}

/* The side of the pool's database that a server is on: that of the copy it holds, or its own. */
static const char *side_of(const struct bsc_value *database, const char *server)
{
    static const char *const sides[][2] = {{"primary", "primary"},
                                           {"mirror", "primary"},
                                           {"secondary", "secondary"},
                                           {"secondary_mirror", "secondary"}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        const struct bsc_value *copy = bsc_value_get(database, sides[i][0]);
        const char *holder = bsc_value_get_string(copy, "server");
        if (holder != NULL && strcmp(holder, server) == 0)
            return sides[i][1];
    }
    return server;
}

/* Whatever is asked for, no change may end with writers led to two sides, be it by two HAProxy. */
static bool one_side_check(const struct bsc_lib_call *call, const struct update *update,
                           struct bsc_err *err)
{
    const struct bsc_value *site = bsc_site_value(call->env->site);
    const struct bsc_value *database = bsc_value_get(
        bsc_value_get(site, "databases"), bsc_value_get_string(update->pool, "database"));
    const struct bsc_value *const both[] = {update->to, update->from};
    const char *first = NULL;
    for (size_t k = 0; k < sizeof both / sizeof both[0]; k++) {
        for (size_t i = 0; i < bsc_value_count(both[k]); i++) {
            const char *name = bsc_value_key_at(both[k], i);
            bool is_replaced = k > 0 && bsc_value_get(update->to, name) != NULL;
            if (is_replaced || !has_ready(bsc_value_item_at(both[k], i)))
                continue;
            const char *server = strchr(name, '/') + 1;
            first = first != NULL ? first : server;
            if (strcmp(side_of(database, server), side_of(database, first)) != 0)
                return bsc_err_set(err, BSC_ERR_REFUSED,
                                   "pool '%s' would lead writers to both %s and %s", update->name,
                                   first, server);
        }
    }
    return true;
}

/* Sessions get nearly all of the step's time, where it is limited. */
static void times_set(const struct bsc_lib_call *call, struct bsc_pools_haproxy_change *order)
{
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t now_us = clock->mono_us(clock->self), left_ms = bsc_lib_call_left_ms(call);
    int64_t drain_ms = left_ms > 2 * RESERVE_MS ? left_ms - RESERVE_MS : left_ms / 2;
    order->answer_ms = ANSWER_MS;
    order->drain_until_us = now_us + (left_ms == 0 ? DRAIN_MS : drain_ms) * 1000;
    order->deadline_us = left_ms == 0 ? 0 : now_us + left_ms * 1000;
}

static bool update_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct update update = {0};
    int64_t left = 0;
    if (!update_read(call, &update, err) ||
        !(update.leads_writers ? one_side_check(call, &update, err)
                               : active_check(call, &update, err)))
        return false;
    struct bsc_pools_haproxy_change order = {.instances = bsc_value_get(update.pool, "instances"),
                                             .from = update.from,
                                             .to = update.to,
                                             .exclusive = update.leads_writers,
                                             .sys = call->env->sys,
                                             .cancel = call->cancel};
    times_set(call, &order);
    if (!bsc_pools_haproxy_change(&order, &left, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "sessions_left", left);
    return true;
}

const struct bsc_lib_row bsc_lib_row_pools_haproxy = {
    .name = "pools.haproxy",
    .effect = BSC_LIB_READ,
    .run = servers_run,
    .lane = "address",
    .args = SERVERS_ARGS,
    .result = "map {servers: list, saved: list?}",
    .doc = "Asks a HAProxy over its runtime socket, a path or HOST:PORT, what is wanted of each of "
           "its servers: ready, drain or maint; and reads what it would be told by its state file. "
           "Over the socket of its master it sees the sessions of processes that a reload left.",
};

const struct bsc_lib_row bsc_lib_row_pools_haproxy_set = {
    .name = "pools.haproxy_set",
    .effect = BSC_LIB_WRITE,
    .run = update_run,
    .resumes = true,
    .lane = "pool",
    .args = UPDATE_ARGS,
    .result = "map {sessions_left: int}",
    .doc = "Changes servers of one backend in every HAProxy of a pool if they still are as given, "
           "and writes the state files; new active servers must be near the data centre.",
};
