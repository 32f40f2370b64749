#include "lib/pg_wait_int.h"

#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "os/clock.h"
#include "sql/sql.h"

enum { LOOK_EVERY_MS_MAX = 20, LATER_BY_PART = 32, TIDY_WITHIN_MS = 10000 };

/* The first value of the first row. */
static char *first_value(const struct bsc_sql_result *result)
{
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result->sets, 0), "rows");
    const struct bsc_value *value = bsc_value_at(bsc_value_at(rows, 0), 0);
    if (bsc_value_kind(value) == BSC_VALUE_INT)
        return bsc_mem_format("%lld", (long long)bsc_value_number(value, 0));
    const char *text = bsc_value_string(value);
    return bsc_mem_text(text == NULL ? "" : text);
}

bool bsc_lib_pg_ask(const struct bsc_lib_pg_asked *asked, const char *sql, const char *about,
                    char **ret_text, struct bsc_err *err)
{
    struct bsc_lib_call *call = asked->call;
    const struct bsc_lib_target target = {
        .server = asked->server, .database = asked->database, .read_only = true};
    const struct bsc_sql_limits limits = {.cancel = call->cancel,
                                          .timeout_ms = bsc_lib_call_left_ms(call)};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    if (about != NULL)
        bsc_value_append(params, bsc_value_text(about));
    bool ok = bsc_lib_env_run(call->env, &target, sql, params, &limits, &result, err);
    if (ok) {
        bsc_lib_call_alive(call);
        *ret_text = first_value(&result);
    }
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return ok;
}

bool bsc_lib_pg_execute(const struct bsc_lib_pg_asked *asked, const char *sql, bool tidies,
                        struct bsc_err *err)
{
    struct bsc_lib_call *call = asked->call;
    const struct bsc_lib_target target = {.server = asked->server, .database = asked->database};
    const struct bsc_sql_limits limits = {.cancel = tidies ? NULL : call->cancel,
                                          .timeout_ms =
                                              tidies ? TIDY_WITHIN_MS : bsc_lib_call_left_ms(call)};
    struct bsc_sql_result result = {0};
    bool ok = bsc_lib_env_run(call->env, &target, sql, NULL, &limits, &result, err);
    bsc_sql_result_release(&result);
    return ok;
}

/* What comes at once is seen at once, and what takes long is not asked for all the time. */
static int64_t next_look_ms(int64_t waited_us)
{
    int64_t ms = 1 + waited_us / 1000 / LATER_BY_PART;
    return ms < LOOK_EVERY_MS_MAX ? ms : LOOK_EVERY_MS_MAX;
}

bool bsc_lib_pg_await(const struct bsc_lib_pg_asked *asked, const char *sql, const char *about,
                      int within_s, const char *missed, struct bsc_err *err)
{
    const struct bsc_clock *clock = asked->call->env->clock;
    const int64_t began_us = clock->mono_us(clock->self);
    for (;;) {
        char *count = NULL;
        if (!bsc_lib_call_continue(asked->call, err) ||
            !bsc_lib_pg_ask(asked, sql, about, &count, err))
            return false;
        bool there = strcmp(count, "0") != 0;
        bsc_mem_free(count);
        if (there)
            return true;
        const int64_t waited_us = clock->mono_us(clock->self) - began_us;
        if (waited_us > within_s * INT64_C(1000000))
            return bsc_err_set(err, BSC_ERR_IO, "%s within %d s", missed, within_s);
        (void)bsc_clock_pause(next_look_ms(waited_us), asked->call->cancel);
    }
}
