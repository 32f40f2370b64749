#include "base/buf.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/dial.h"
#include "pools/haproxy.h"

enum { TIMEOUT_MS = 5000, ANSWER_MAX = 4 * 1024 * 1024 };

#define SERVERS_ARGS "address: text"

static bool servers_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_dial_order order = {.question = BSC_POOLS_HAPROXY_QUESTION,
                                   .answer_max = ANSWER_MAX,
                                   .timeout_ms = TIMEOUT_MS,
                                   .cancel = call->cancel};
    struct bsc_buf answer;
    if (!bsc_lib_args_known(call->args, SERVERS_ARGS, err) ||
        !bsc_lib_args_text(call->args, "address", &order.address, err))
        return false;
    int64_t left_ms = bsc_lib_call_left_ms(call);
    if (left_ms > 0 && left_ms < order.timeout_ms)
        order.timeout_ms = left_ms;
    bsc_buf_init(&answer);
    struct bsc_value *servers = NULL;
    if (bsc_dial_ask(&order, &answer, err))
        servers = bsc_pools_haproxy_servers(answer.data, err);
    bsc_buf_release(&answer);
    if (servers == NULL)
        return false;
    *ret = bsc_value_map();
    bsc_value_set(*ret, "servers", servers);
    return true;
}

const struct bsc_lib_row bsc_lib_row_pools_haproxy = {
    .name = "pools.haproxy",
    .effect = BSC_LIB_READ,
    .run = servers_run,
    .lane = "address",
    .args = SERVERS_ARGS,
    .result = "map {servers: list}",
    .doc = "Asks a HAProxy over its runtime socket, a path or HOST:PORT, what is wanted of each of "
           "its servers: ready, drain or maint.",
};
