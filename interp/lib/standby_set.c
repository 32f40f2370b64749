#include <string.h>

#include "base/buf.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "os/clock.h"

#define SET_ARGS "server: text, database: text, name: text, value: text"

enum { LOOK_EVERY_MS = 5, SHOWN_WITHIN_MS = 10000 };

/* Names of settings stand in the statement as they are. */
static bool is_name(const char *name, struct bsc_err *err)
{
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0')
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is not the name of a setting", name);
}

static void add_statement(const char *name, const char *value, struct bsc_buf *text)
{
    bsc_buf_printf(text, "ALTER SYSTEM SET %s = '", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            bsc_buf_add_char(text, '\'');
        bsc_buf_add_char(text, *value);
    }
    bsc_buf_add_text(text, "'");
}

static bool alter(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                  const char *name, const char *value, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {.cancel = call->cancel,
                                    .timeout_ms = bsc_lib_call_left_ms(call)};
    struct bsc_sql_result result = {0};
    struct bsc_buf text;
    bsc_buf_init(&text);
    add_statement(name, value, &text);
    bool ok = bsc_lib_env_run(call->env, target, text.data, NULL, &limits, &result, err);
    bsc_sql_result_release(&result);
    bsc_buf_release(&text);
    return ok;
}

/* Each process of the server reads the settings a little later. What our role or the database has
 * set for itself hides what the server has. */
static bool await_shown(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                        const char *name, const char *value, struct bsc_err *err)
{
    struct bsc_value *params = bsc_value_list();
    bool shown = false, ok = true;
    bsc_value_append(params, bsc_value_text(name));
    for (int waited = 0; ok && !shown && waited < SHOWN_WITHIN_MS; waited += LOOK_EVERY_MS) {
        struct bsc_value *row = bsc_lib_standby_ask(
            call, target,
            "SELECT setting, (SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) written"
            " WHERE starts_with(written, name || '=')"
            " AND setdatabase IN (0, (SELECT oid FROM pg_database"
            " WHERE datname = current_database()))"
            " AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)))"
            " FROM pg_settings WHERE name = ?",
            params, err);
        const char *now = bsc_value_string(bsc_value_at(row, 0));
        bool hidden = bsc_value_number(bsc_value_at(row, 1), 0) > 0;
        ok = row != NULL;
        shown = now != NULL && (hidden || strcmp(now, value) == 0);
        bsc_value_free(row);
        if (ok && !shown)
            bsc_clock_pause(LOOK_EVERY_MS, call->cancel);
    }
    bsc_value_free(params);
    if (!ok || shown)
        return shown;
    bsc_err_set(err, BSC_ERR_CONFLICT, "%s on \"%s\" was set and is another all the same", name,
                target->server);
    return bsc_err_hint(err, "Where the server was started with it, nothing else counts.");
}

static bool set_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_target target;
    const char *name = NULL, *value = "";
    const struct bsc_value *given = bsc_value_get(call->args, "value");
    if (!bsc_lib_args_known(call->args, SET_ARGS, err) ||
        !bsc_lib_standby_target(call, &target, err) ||
        !bsc_lib_args_text(call->args, "name", &name, err) || !is_name(name, err) ||
        (bsc_value_string_length(given) > 0 &&
         !bsc_lib_args_text(call->args, "value", &value, err)))
        return false;
    target.read_only = false;
    bool ok = alter(call, &target, name, value, err);
    if (ok && !bsc_lib_standby_wake(call, &target))
        ok = bsc_err_set(err, BSC_ERR_DENIED,
                         "\"%s\" does not read its settings anew: no right to "
                         "pg_reload_conf()",
                         target.server);
    ok = ok && await_shown(call, &target, name, value, err);
    bsc_lib_standby_hang_up(call, &target);
    if (ok)
        *ret = bsc_value_map();
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_set = {
    .name = "standby.set",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = set_run,
    .lane = "server",
    .args = SET_ARGS,
    .result = "map {}",
    .doc = "Changes a setting of a PostgreSQL server for good (ALTER SYSTEM) and waits until it "
           "counts.",
};
