#include <string.h>

#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "os/clock.h"

#define ORDER_ARGS                                                                                 \
    "server: text, database: text, share: text?, destination: text?, histories: list?, "           \
    "since: text?, patient: bool?"

enum {
    LOOK_EVERY_MS = 100,
    QUIET_MS = 500,
    CARRIED_OUT_WITHIN_MS = 2000,
    SETTLED_WITHIN_MS = BSC_LIB_STANDBY_ORDER_MS + 3000
};

/* What tells of an order to come online whose answer was lost. */
struct order {
    struct bsc_lib_call *call; /* borrowed */
    struct bsc_lib_target target;
    const char *since; /* borrowed: when the server began that it was given to; NULL: not known */
    bool patient;      /* one look is not enough */
    bool recovering;
    bool waits;             /* it is there, and was not taken yet */
    bool taken;             /* the server is at it */
    bool askable;           /* the server says whether it is at it */
    bool same;              /* it is the server that the order was given to, as far as is known */
    bool others;            /* there are sessions that may be those of whoever gave it */
    int64_t quiet_since_us; /* 0: the last look has found a trace of it */
};

static int64_t now_us(const struct order *order)
{
    const struct bsc_clock *clock = order->call->env->clock;
    return clock->mono_us(clock->self);
}

/* The file is looked for and the sessions are counted by one statement, of which the order of the
 * parts is not known: what slips through is found by the second look. */
static const char look_question[] =
    "SELECT pg_is_in_recovery()::int,"
    " (CASE WHEN pg_is_in_recovery() THEN pg_read_file('promote', 0, 1, true) IS NOT NULL"
    " ELSE false END)::int,"
    " " BSC_LIB_STANDBY_SINCE ","
    " (SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND coalesce(backend_type, 'client backend') = 'client backend'),"
    " (has_function_privilege('pg_wal_replay_resume()', 'execute') AND NOT"
    " (CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE true END))::int";

/* A server that has taken the order removes the file and tells nobody that it is at it, but for
 * this function: it fails then. On a standby whose replay goes on it changes nothing. */
static const char taken_question[] = "SELECT CASE WHEN pg_is_wal_replay_paused() THEN 0"
                                     " ELSE length(pg_wal_replay_resume()::text) END";
static const char not_in_this_state[] = "55000";

static bool ask_whether_taken(struct order *order, struct bsc_err *err)
{
    struct bsc_err own = BSC_ERR_INIT;
    struct bsc_value *row =
        bsc_lib_standby_ask(order->call, &order->target, taken_question, NULL, &own);
    order->taken = row == NULL && strcmp(own.sqlstate, not_in_this_state) == 0;
    bool ok = row != NULL || order->taken;
    bsc_value_free(row);
    if (!ok)
        *err = own;
    return ok;
}

static bool look(struct order *order, struct bsc_err *err)
{
    enum { RECOVERING, WAITS, SINCE, OTHERS, ASKABLE };
    struct bsc_value *row =
        bsc_lib_standby_ask(order->call, &order->target, look_question, NULL, err);
    if (row == NULL)
        return false;
    const char *since = bsc_value_string(bsc_value_at(row, SINCE));
    order->recovering = bsc_value_number(bsc_value_at(row, RECOVERING), 1) == 1;
    order->waits = bsc_value_number(bsc_value_at(row, WAITS), 1) == 1;
    order->askable = bsc_value_number(bsc_value_at(row, ASKABLE), 0) == 1;
    order->others = bsc_value_number(bsc_value_at(row, OTHERS), 1) > 0;
    order->same = order->since == NULL || since == NULL || strcmp(order->since, since) == 0;
    order->taken = false;
    bsc_value_free(row);
    return !order->recovering || !order->askable || ask_whether_taken(order, err);
}

/* What was ordered of another server than the one that is there now died with that one. Of this
 * one it has to be seen for a moment that nothing is there, since between the two steps of taking
 * an order a server shows neither; and for as long as an order holds, where a session may be that
 * of whoever gave it: the message may not have been read yet. */
static bool is_void(struct order *order)
{
    int64_t wanted_ms = QUIET_MS + (order->others ? BSC_LIB_STANDBY_ORDER_MS : 0);
    if (order->waits || order->taken || (order->same && !order->askable)) {
        order->quiet_since_us = 0;
        return false;
    }
    if (order->quiet_since_us == 0)
        order->quiet_since_us = now_us(order);
    return !order->same || now_us(order) - order->quiet_since_us >= wanted_ms * 1000;
}

static struct bsc_value *answer(const char *state, struct bsc_value *reason)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "state", state);
    bsc_value_set(map, "reason", reason);
    return map;
}

static struct bsc_value *void_answer(const struct order *order)
{
    const char *server = order->target.server;
    return answer("void",
                  order->same
                      ? bsc_value_format("\"%s\" was not told to come online", server)
                      : bsc_value_format("\"%s\" was started anew since, as a standby", server));
}

static struct bsc_value *open_answer(const struct order *order)
{
    const char *server = order->target.server;
    if (order->waits || order->taken)
        return answer("open", bsc_value_format("\"%s\" was told to come online, and %s", server,
                                               order->taken ? "is at it" : "has yet to begin"));
    if (order->askable)
        return answer("open", bsc_value_format("\"%s\" may have been told to come online", server));
    return answer("open",
                  bsc_value_format("whether \"%s\" was told to come online is told by nothing but "
                                   "pg_wal_replay_resume(), which %s, and by a restart",
                                   server, "needs replay that is not paused, and the right to it"));
}

/* Whether it is worth waiting on. An order that is there is carried out or not, whoever waits. */
static bool is_patient(const struct order *order, int64_t began_us)
{
    bool there = order->waits || order->taken;
    int64_t within_ms = there ? CARRIED_OUT_WITHIN_MS : SETTLED_WITHIN_MS;
    return order->patient && now_us(order) - began_us < within_ms * 1000;
}

/* Looks until it is over, or for as long as that is worth the wait. */
static bool await_end(struct order *order, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t began_us = now_us(order);
    for (;;) {
        if (!look(order, err))
            return false;
        if (!order->recovering)
            *ret = answer("made", bsc_value_format("\"%s\" is online", order->target.server));
        else if (is_void(order))
            *ret = void_answer(order);
        else if (!is_patient(order, began_us))
            *ret = open_answer(order);
        if (*ret != NULL)
            return true;
        bsc_clock_pause(LOOK_EVERY_MS, order->call->cancel);
        if (!bsc_lib_call_continue(order->call, err))
            return false;
    }
}

static bool order_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.call = call};
    if (!bsc_lib_args_known(call->args, ORDER_ARGS, err) ||
        !bsc_lib_standby_target(call, &order.target, err))
        return false;
    order.since = bsc_value_get_string(call->args, "since");
    order.patient = bsc_value_get_truth(call->args, "patient");
    return await_end(&order, ret, err);
}

const struct bsc_lib_row bsc_lib_row_standby_order = {
    .name = "standby.order",
    .effect = BSC_LIB_READ,
    .run = order_run,
    .lane = "server",
    .args = ORDER_ARGS,
    .result = "map {state: text, reason: text}",
    .doc = "Tells what has become of an order to a standby of PostgreSQL to come online: `made`, "
           "`void`, or `open` where it may still be carried out. With `patient` it waits a while "
           "for what settles it. Takes the arguments of standby.promote.",
};
