#include "pools/haproxy_change.h"

#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/files.h"
#include "pools/haproxy.h"
#include "pools/haproxy_old.h"
#include "pools/haproxy_talk.h"

enum { LOOK_EVERY_MS = 20, STATE_FILE_MODE = 0644 };

#define READY "ready"
#define DRAIN "drain"
#define MAINT "maint"
#define NONE  "none"
#define GONE  "gone"

struct change {
    const struct bsc_pools_haproxy_change *order;
    struct bsc_pools_haproxy_talk *talks; /* owned: one for each instance */
    size_t count;
    struct bsc_value *end; /* owned: what each server shall be when all is done */
    bool begun;            /* something was changed */
    bool made;             /* all of it was */
};

/* Borrowed. */
static const char *address_of(const struct bsc_value *instance)
{
    const char *socket = bsc_value_get_string(instance, "socket");
    return socket != NULL ? socket : bsc_value_get_string(instance, "address");
}

/* Never NULL. */
static const char *state_in(const struct bsc_value *routes, const char *name, size_t instance)
{
    const struct bsc_value *states = bsc_value_get(routes, name);
    size_t at = bsc_value_count(states) == 1 ? 0 : instance;
    const char *state = bsc_value_string(bsc_value_at(states, at));
    return state != NULL ? state : "";
}

static bool is_open(const char *state)
{
    return strcmp(state, READY) == 0;
}

static const char *state_seen(const struct bsc_value *servers, const char *name)
{
    const struct bsc_value *server = bsc_pools_haproxy_find(servers, name);
    return server != NULL ? bsc_value_get_string(server, "state") : NONE;
}

static bool as_planned(const struct change *c, size_t instance, const struct bsc_value *servers,
                       struct bsc_err *err)
{
    const struct bsc_value *from = c->order->from;
    for (size_t i = 0; i < bsc_value_count(from); i++) {
        const char *name = bsc_value_key_at(from, i);
        const char *was = state_in(from, name, instance), *now = state_seen(servers, name);
        if (strcmp(now, was) == 0 || strcmp(now, state_in(c->order->to, name, instance)) == 0)
            continue;
        bsc_err_set(err, BSC_ERR_CONFLICT,
                    "HAProxy at \"%s\" says that %s is %s, and it was %s: nothing was changed",
                    c->talks[instance].address, name, now, was);
        return bsc_err_hint(err,
                            "Somebody else changed the pool; look at it again before going on.");
    }
    return true;
}

static bool ask_one(struct change *c, size_t instance, struct bsc_err *err)
{
    const struct bsc_pools_haproxy_change *order = c->order;
    struct bsc_pools_haproxy_talk *talk = &c->talks[instance];
    const struct bsc_value *own = bsc_value_at(order->instances, instance);
    const char *address = address_of(own);
    talk->deadline_us = order->deadline_us;
    talk->master = bsc_value_get_string(own, "master_socket");
    if (!bsc_pools_haproxy_talk_begin(talk, address, order->answer_ms, order->cancel, err) ||
        !bsc_pools_haproxy_talk_may_change(talk, err))
        return false;
    struct bsc_value *servers = bsc_pools_haproxy_talk_servers(talk, err);
    bool ok = servers != NULL && as_planned(c, instance, servers, err);
    bsc_value_free(servers);
    return ok;
}

/* Makes the servers that shall be open, or those that shall not, what they shall be; `instead` is
 * for those that are open still and shall not be. */
static bool put(struct change *c, bool open, const char *instead, struct bsc_err *err)
{
    const struct bsc_value *to = c->order->to;
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < bsc_value_count(to); k++) {
            const char *name = bsc_value_key_at(to, k);
            const char *state = state_in(to, name, i);
            if (is_open(state) != open || strcmp(state, NONE) == 0 ||
                (instead != NULL && !is_open(state_in(c->order->from, name, i))))
                continue;
            c->begun = true;
            if (!bsc_pools_haproxy_talk_set(&c->talks[i], name, instead != NULL ? instead : state,
                                            err))
                return false;
        }
    }
    return true;
}

static bool is_so(const struct change *c, size_t instance, const struct bsc_value *servers,
                  bool open, struct bsc_err *err)
{
    const struct bsc_value *to = c->order->to;
    for (size_t k = 0; k < bsc_value_count(to); k++) {
        const char *name = bsc_value_key_at(to, k);
        const char *wanted = state_in(to, name, instance), *now = state_seen(servers, name);
        if (is_open(wanted) != open || strcmp(now, wanted) == 0)
            continue;
        bsc_err_set(err, BSC_ERR_CONFLICT, "HAProxy at \"%s\" took the command, and %s is %s still",
                    c->talks[instance].address, name, now);
        return bsc_err_hint(err, "Its configuration may keep it there: another server that this "
                                 "one tracks, or an address that is not found.");
    }
    return true;
}

static bool prove(struct change *c, bool open, struct bsc_err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&c->talks[i], err);
        ok = servers != NULL && is_so(c, i, servers, open, err);
        bsc_value_free(servers);
    }
    return ok;
}

/* The same of servers that only an old process has: nobody can be led there any more. */
static bool cut_off_gone(const struct change *c, size_t instance, const struct bsc_value *servers,
                         int64_t *left, struct bsc_err *err)
{
    const char *first = bsc_value_key_at(c->end, 0);
    bool ok = true;
    for (size_t i = 0; ok && first != NULL && i < bsc_value_count(servers); i++) {
        const struct bsc_value *server = bsc_value_at(servers, i);
        const char *backend = bsc_value_get_string(server, "backend");
        int64_t own = bsc_value_get_number(server, "sessions", 0);
        if (own == 0 || strcmp(bsc_value_get_string(server, "state"), GONE) != 0 ||
            strlen(backend) != strcspn(first, "/") || strncmp(backend, first, strlen(backend)) != 0)
            continue;
        char *name = bsc_mem_format("%s/%s", backend, bsc_value_get_string(server, "server"));
        *left += own;
        ok = bsc_pools_haproxy_old_shut(&c->talks[instance], name, err);
        bsc_mem_free(name);
    }
    return ok;
}

/* Adds the sessions of writers that one instance still has on any server that shall not be open,
 * whoever closed it and when, and ends them. */
static bool cut_off(struct change *c, size_t instance, int64_t *left, struct bsc_err *err)
{
    struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&c->talks[instance], err);
    bool ok = servers != NULL;
    for (size_t k = 0; ok && k < bsc_value_count(c->end); k++) {
        const char *name = bsc_value_key_at(c->end, k);
        const struct bsc_value *server = bsc_pools_haproxy_find(servers, name);
        int64_t own = bsc_value_get_number(server, "sessions", 0);
        if (is_open(state_in(c->end, name, instance)) || own == 0)
            continue;
        *left += own;
        ok = bsc_pools_haproxy_talk_shut(&c->talks[instance], name, err);
    }
    ok = ok && cut_off_gone(c, instance, servers, left, err);
    bsc_value_free(servers);
    return ok;
}

/* Adds the sessions of users on servers that are to be closed. Those that their client has closed
 * may still bring him something. Those on a server that is down will not come to an end of their
 * own: who leaves them to it need not wait for it. */
static bool count_users(struct change *c, size_t instance, int64_t *left, struct bsc_err *err)
{
    const struct bsc_value *to = c->order->to;
    struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&c->talks[instance], err);
    for (size_t k = 0; servers != NULL && k < bsc_value_count(to); k++) {
        const char *name = bsc_value_key_at(to, k);
        const struct bsc_value *server = bsc_pools_haproxy_find(servers, name);
        if (!is_open(state_in(to, name, instance)) && bsc_value_get_truth(server, "up"))
            *left += bsc_value_get_number(server, "sessions", 0) +
                     bsc_value_get_number(server, "closed", 0);
    }
    bsc_value_free(servers);
    return servers != NULL;
}

/* Waits until no session is left, or the time is over. */
static bool await_empty(struct change *c, int64_t *ret_left, struct bsc_err *err)
{
    const struct bsc_clock *clock = bsc_clock_real();
    for (;;) {
        int64_t left = 0;
        for (size_t i = 0; i < c->count; i++) {
            if (!(c->order->exclusive ? cut_off(c, i, &left, err) : count_users(c, i, &left, err)))
                return false;
        }
        *ret_left = left;
        if (left == 0 || clock->mono_us(clock->self) >= c->order->drain_until_us)
            return true;
        if (!bsc_clock_pause(LOOK_EVERY_MS, c->order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "the change of HAProxy was cancelled");
    }
}

/* Closes what this change has opened, as far as that can be done. */
static void take_back(struct change *c)
{
    const struct bsc_value *to = c->order->to;
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < bsc_value_count(to); k++) {
            struct bsc_err ignored = BSC_ERR_INIT;
            const char *name = bsc_value_key_at(to, k);
            if (is_open(state_in(to, name, i)) && !is_open(state_in(c->order->from, name, i)) &&
                bsc_pools_haproxy_talk_set(&c->talks[i], name, MAINT, &ignored))
                bsc_pools_haproxy_talk_shut(&c->talks[i], name, &ignored);
        }
    }
}

static bool alone_in(const struct change *c, size_t instance, const struct bsc_value *servers,
                     struct bsc_err *err)
{
    for (size_t k = 0; k < bsc_value_count(c->end); k++) {
        const char *name = bsc_value_key_at(c->end, k);
        if (is_open(state_in(c->end, name, instance)) || !is_open(state_seen(servers, name)))
            continue;
        bsc_err_set(err, BSC_ERR_CONFLICT,
                    "HAProxy at \"%s\" says that somebody has opened %s meanwhile: what was "
                    "opened here is closed again",
                    c->talks[instance].address, name);
        return bsc_err_hint(err, "Find out who else changes the pool, and let only one do it.");
    }
    return true;
}

/* Two who lead writers to different sides at the same time both see here that they are not alone;
 * both close what they opened, and nobody writes to two databases. */
static bool stay_alone(struct change *c, struct bsc_err *err)
{
    bool ok = true, seen = true;
    for (size_t i = 0; ok && seen && i < c->count; i++) {
        struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&c->talks[i], err);
        seen = servers != NULL;
        ok = !seen || alone_in(c, i, servers, err);
        bsc_value_free(servers);
    }
    if (!ok)
        take_back(c);
    return ok && seen;
}

static bool lasting(int64_t left, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_TIMEOUT,
                "%lld session%s of the servers that were closed do%s not end: no other was opened",
                (long long)left, left == 1 ? "" : "s", left == 1 ? "es" : "");
    return bsc_err_hint(err, "\"show sess\" on HAProxy's socket tells whose they are; "
                             "\"timeout client-fin\" and \"timeout server-fin\" in its "
                             "configuration end those that one side has closed.");
}

/* Writers must not reach two databases: nothing is opened before the others are closed everywhere
 * and nobody works there any more. */
static bool lead_elsewhere(struct change *c, int64_t *ret_left, struct bsc_err *err)
{
    if (!put(c, false, NULL, err) || !prove(c, false, err) || !await_empty(c, ret_left, err))
        return false;
    if (*ret_left > 0)
        return lasting(*ret_left, err);
    return put(c, true, NULL, err) && prove(c, true, err) && stay_alone(c, err);
}

/* Users find a server at any time, and what they are doing may come to its end. */
static bool exchange(struct change *c, int64_t *ret_left, struct bsc_err *err)
{
    return put(c, true, NULL, err) && prove(c, true, err) && put(c, false, DRAIN, err) &&
           await_empty(c, ret_left, err) && put(c, false, NULL, err) && prove(c, false, err);
}

static bool save(struct bsc_pools_haproxy_talk *talk, const struct bsc_sys *sys, const char *path,
                 struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = bsc_pools_haproxy_talk_ask(talk, BSC_POOLS_HAPROXY_SERVERS, &answer, err);
    struct bsc_value *servers = ok ? bsc_pools_haproxy_servers(answer.data, err) : NULL;
    ok = servers != NULL &&
         bsc_files_write(sys, path, answer.data, answer.length, STATE_FILE_MODE, err);
    bsc_value_free(servers);
    bsc_buf_release(&answer);
    return ok;
}

/* Before the change too: a file that cannot be written has to be found while nothing is changed
 * yet, and nothing proves it but writing. */
static bool save_all(struct change *c, struct bsc_err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *path = bsc_value_get_string(bsc_value_at(c->order->instances, i), "state_file");
        if (path != NULL && !save(&c->talks[i], c->order->sys, path, err))
            return bsc_err_wrap(err, "a restart of HAProxy would undo the change");
    }
    return true;
}

static bool states_check(const char *name, const struct bsc_value *states, struct bsc_err *err)
{
    static const char *const known[] = {READY, DRAIN, MAINT, NONE};
    for (size_t i = 0; i < bsc_value_count(states); i++) {
        const char *state = bsc_value_string(bsc_value_at(states, i));
        bool found = false;
        for (size_t k = 0; state != NULL && k < sizeof known / sizeof known[0]; k++)
            found = found || strcmp(state, known[k]) == 0;
        if (!found)
            return bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is no state of a server: %s",
                               state != NULL ? state : "", name);
    }
    return bsc_value_count(states) > 0 ||
           bsc_err_set(err, BSC_ERR_INVALID, "there is no state of server %s", name);
}

static bool routes_check(const struct bsc_value *routes, struct bsc_err *err)
{
    for (size_t i = 0; i < bsc_value_count(routes); i++) {
        const char *name = bsc_value_key_at(routes, i);
        if (!bsc_pools_haproxy_name_valid(name))
            return bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is no server of a HAProxy", name);
        if (!states_check(name, bsc_value_item_at(routes, i), err))
            return false;
    }
    return true;
}

/* Returns owned. */
static struct bsc_value *end_of(const struct bsc_pools_haproxy_change *order)
{
    const struct bsc_value *const both[] = {order->from, order->to};
    struct bsc_value *end = bsc_value_map();
    for (size_t k = 0; k < sizeof both / sizeof both[0]; k++) {
        for (size_t i = 0; i < bsc_value_count(both[k]); i++)
            bsc_value_set(end, bsc_value_key_at(both[k], i),
                          bsc_value_copy(bsc_value_item_at(both[k], i)));
    }
    return end;
}

static bool change_run(struct change *c, int64_t *ret_left, struct bsc_err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!ask_one(c, i, err))
            return false;
    }
    if (!save_all(c, err))
        return bsc_err_detail(err, "Nothing was changed.");
    c->made = c->order->exclusive ? lead_elsewhere(c, ret_left, err) : exchange(c, ret_left, err);
    return c->made && save_all(c, err);
}

bool bsc_pools_haproxy_change(const struct bsc_pools_haproxy_change *order, int64_t *ret_left,
                              struct bsc_err *err)
{
    *ret_left = 0;
    if (!routes_check(order->from, err) || !routes_check(order->to, err))
        return false;
    struct change c = {.order = order, .count = bsc_value_count(order->instances)};
    c.talks = bsc_mem_new(c.count + 1, sizeof *c.talks);
    c.end = end_of(order);
    bool ok = change_run(&c, ret_left, err);
    if (!ok && c.begun)
        bsc_err_detail(err,
                       c.made ? "The change itself was made." : "A part of the change was made.");
    for (size_t i = 0; i < c.count; i++)
        bsc_pools_haproxy_talk_end(&c.talks[i]);
    bsc_value_free(c.end);
    bsc_mem_free(c.talks);
    return ok;
}

bool bsc_pools_haproxy_save(const struct bsc_sys *sys, const char *address, const char *state_file,
                            int64_t answer_ms, struct bsc_err *err)
{
    struct bsc_pools_haproxy_talk talk = {0};
    bool ok = bsc_pools_haproxy_talk_begin(&talk, address, answer_ms, NULL, err) &&
              save(&talk, sys, state_file, err);
    bsc_pools_haproxy_talk_end(&talk);
    return ok;
}
