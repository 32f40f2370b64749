#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "mirrors/pg.h"
#include "os/clock.h"

#define SET_ARGS "server: text, database: text, name: text, value: text"

enum { LOOK_EVERY_MS = 5, SHOWN_WITHIN_MS = 10000 };

/* A setting of a server, and the value that it is to have. */
struct setting {
    const struct bsc_lib_call *call; /* borrowed */
    struct bsc_lib_target target;
    const char *name; /* borrowed */
    const char *value;
};

/* Names of settings stand in the statement as they are. */
static bool is_name(const char *name, struct bsc_err *err)
{
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0')
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is not the name of a setting", name);
}

static bool alter(const struct setting *setting, const char *value, struct bsc_err *err)
{
    const struct bsc_lib_call *call = setting->call;
    struct bsc_sql_limits limits = {.cancel = call->cancel,
                                    .timeout_ms = bsc_lib_call_left_ms(call)};
    struct bsc_sql_result result = {0};
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "ALTER SYSTEM %s %s", value != NULL ? "SET" : "RESET", setting->name);
    if (value != NULL) {
        bsc_buf_add_text(&text, " = ");
        bsc_mirrors_pg_literal(value, &text);
    }
    bool ok = bsc_lib_env_run(call->env, &setting->target, text.data, NULL, &limits, &result, err);
    bsc_sql_result_release(&result);
    bsc_buf_release(&text);
    if (ok && !bsc_lib_standby_wake(call, &setting->target))
        return bsc_err_set(err, BSC_ERR_DENIED,
                           "\"%s\" does not read its settings anew: no right to pg_reload_conf()",
                           setting->target.server);
    return ok;
}

/* What a session of ours sees of a setting. */
struct seen {
    bool shown;                   /* it is as wanted */
    bool hidden;                  /* by what our role or the database has set for itself */
    char read_at[BSC_CLOCK_TEXT]; /* when the session read the server's settings */
};

static bool look(const struct setting *setting, struct seen *ret, struct bsc_err *err)
{
    static const char question[] =
        "SELECT setting, (SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) written"
        " WHERE starts_with(written, name || '=') AND setdatabase IN (0,"
        " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        " AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))),"
        " (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint::text"
        " FROM pg_settings WHERE name = ?";
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_text(setting->name));
    struct bsc_value *row =
        bsc_lib_standby_ask(setting->call, &setting->target, question, params, err);
    const char *now = bsc_value_string(bsc_value_at(row, 0));
    const char *read_at = bsc_value_string(bsc_value_at(row, 2));
    bool ok = row != NULL;
    ret->shown = now != NULL && strcmp(now, setting->value) == 0;
    ret->hidden = bsc_value_number(bsc_value_at(row, 1), 0) > 0;
    snprintf(ret->read_at, sizeof ret->read_at, "%s", read_at != NULL ? read_at : "");
    bsc_value_free(row);
    bsc_value_free(params);
    return ok;
}

/* Each process of the server reads the settings a little later. With `before`, having read them
 * since then is enough. */
static bool await_read(const struct setting *setting, const struct seen *before, struct seen *ret,
                       struct bsc_err *err)
{
    for (int waited = 0; waited <= SHOWN_WITHIN_MS; waited += LOOK_EVERY_MS) {
        if (!look(setting, ret, err))
            return false;
        if (ret->shown || ret->hidden ||
            (before != NULL && strcmp(before->read_at, ret->read_at) != 0))
            break;
        bsc_clock_pause(LOOK_EVERY_MS, setting->call->cancel);
    }
    return true;
}

static bool set(const struct setting *setting, struct bsc_err *err)
{
    struct seen seen;
    if (!alter(setting, setting->value, err) || !await_read(setting, NULL, &seen, err))
        return false;
    if (seen.shown || seen.hidden)
        return true;
    bsc_err_set(err, BSC_ERR_CONFLICT, "%s on \"%s\" was set and is another all the same",
                setting->name, setting->target.server);
    return bsc_err_hint(err, "Where the server was started with it, nothing else counts.");
}

/* Where the value stands in the server's configuration file, giving up what ALTER SYSTEM has
 * written is all; else it was written by ALTER SYSTEM before. */
static bool put_back(const struct setting *setting, struct bsc_err *err)
{
    struct seen before, seen;
    return look(setting, &before, err) && alter(setting, NULL, err) &&
           await_read(setting, &before, &seen, err) && (seen.shown || set(setting, err));
}

/* What counts for our own session may hide it. */
static bool with_own_session(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                             const char *name, const char *value,
                             bool (*act)(const struct setting *, struct bsc_err *),
                             struct bsc_err *err)
{
    struct setting setting = {.call = call, .target = *target, .name = name, .value = value};
    setting.target.read_only = false;
    bool ok = act(&setting, err);
    bsc_lib_standby_hang_up(call, &setting.target);
    return ok;
}

bool bsc_lib_standby_set(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         const char *name, const char *value, struct bsc_err *err)
{
    return with_own_session(call, target, name, value, set, err);
}

bool bsc_lib_standby_put_back(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                              const char *name, const char *value, struct bsc_err *err)
{
    return with_own_session(call, target, name, value, put_back, err);
}

/* What the rows are given. */
struct given {
    struct bsc_lib_target target;
    const char *name;
    const char *value;
};

static bool take(const struct bsc_lib_call *call, struct given *ret, struct bsc_err *err)
{
    const struct bsc_value *value = bsc_value_get(call->args, "value");
    *ret = (struct given){.value = ""};
    if (!bsc_lib_args_known(call->args, SET_ARGS, err) ||
        !bsc_lib_standby_target(call, &ret->target, err) ||
        !bsc_lib_args_text(call->args, "name", &ret->name, err) || !is_name(ret->name, err) ||
        (bsc_value_string_length(value) > 0 &&
         !bsc_lib_args_text(call->args, "value", &ret->value, err)))
        return false;
    return true;
}

static bool set_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct given given;
    if (!take(call, &given, err) ||
        !bsc_lib_standby_set(call, &given.target, given.name, given.value, err))
        return false;
    *ret = bsc_value_map();
    return true;
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

/* standby.put_back */

static bool check_recovering(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                             struct bsc_err *err)
{
    struct bsc_value *row =
        bsc_lib_standby_ask(call, target, "SELECT pg_is_in_recovery()::int", NULL, err);
    bool ok = bsc_value_number(bsc_value_at(row, 0), 0) == 1;
    if (row != NULL && !ok)
        bsc_err_set(err, BSC_ERR_CONFLICT, "\"%s\" is online: what closed it before stays away",
                    target->server);
    bsc_value_free(row);
    return ok;
}

static bool put_back_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct given given;
    if (!take(call, &given, err) || !check_recovering(call, &given.target, err) ||
        !bsc_lib_standby_put_back(call, &given.target, given.name, given.value, err))
        return false;
    *ret = bsc_value_map();
    return true;
}

const struct bsc_lib_row bsc_lib_row_standby_put_back = {
    .name = "standby.put_back",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = put_back_run,
    .lane = "server",
    .args = SET_ARGS,
    .result = "map {}",
    .doc = "Puts a setting of a standby of PostgreSQL back to what it was: gives up what ALTER "
           "SYSTEM has written, and sets it where it is another value then.",
};
