#include "lib/standby_int.h"

#include <stdio.h>

#include "lib/args.h"

bool bsc_lib_standby_target(const struct bsc_lib_call *call, struct bsc_lib_target *ret,
                            struct bsc_err *err)
{
    *ret = (struct bsc_lib_target){.read_only = true};
    return bsc_lib_args_text(call->args, "server", &ret->server, err) &&
           bsc_lib_args_text(call->args, "database", &ret->database, err);
}

struct bsc_value *bsc_lib_standby_ask(const struct bsc_lib_call *call,
                                      const struct bsc_lib_target *target, const char *text,
                                      const struct bsc_value *params, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {.cancel = call->cancel,
                                    .timeout_ms = bsc_lib_call_left_ms(call)};
    struct bsc_sql_result result = {0};
    if (!bsc_lib_call_continue(call, err) ||
        !bsc_lib_env_run(call->env, target, text, params, &limits, &result, err))
        return NULL;
    bsc_lib_call_alive(call);
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
    struct bsc_value *row = NULL;
    if (bsc_value_count(rows) > 0)
        row = bsc_value_copy(bsc_value_at(rows, 0));
    else
        bsc_err_set(err, BSC_ERR_SQL, "server \"%s\" gives no answer", target->server);
    bsc_sql_result_release(&result);
    return row;
}

bool bsc_lib_standby_wake(const struct bsc_lib_call *call, const struct bsc_lib_target *target)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *row =
        bsc_lib_standby_ask(call, target, "SELECT pg_reload_conf()::int", NULL, &ignored);
    bool ok = row != NULL;
    bsc_value_free(row);
    return ok;
}

void bsc_lib_standby_hang_up(const struct bsc_lib_call *call, const struct bsc_lib_target *target)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_sql *sql = bsc_lib_env_connect(call->env, target, call->cancel, &ignored);
    if (sql != NULL)
        bsc_lib_env_drop(call->env, sql);
}

const char *bsc_lib_standby_lsn(int64_t lsn, char ret_text[BSC_LIB_STANDBY_LSN])
{
    snprintf(ret_text, BSC_LIB_STANDBY_LSN, "%X/%X", (unsigned)((uint64_t)lsn >> 32),
             (unsigned)lsn);
    return ret_text;
}
