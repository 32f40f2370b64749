#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "mirrors/pg.h"
#include "os/clock.h"

#define SET_ARGS "server: text, database: text, name: text, value: text"

enum { LOOK_EVERY_MS = 5, SHOWN_WITHIN_MS = 10000, READ_WITHIN_MS = 1000 };

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

static bool wake(const struct setting *setting, struct bsc_err *err)
{
    return bsc_lib_standby_wake(setting->call, &setting->target) ||
           bsc_err_set(err, BSC_ERR_DENIED,
                       "\"%s\" does not read its settings anew: no right to pg_reload_conf()",
                       setting->target.server);
}

/* With NULL, what ALTER SYSTEM has written before is given up. */
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
    return ok && wake(setting, err);
}

/* What a session of ours sees of a setting. */
struct seen {
    bool shown;                   /* it is as wanted */
    bool hidden;                  /* by what our role or the database has set for itself */
    bool anew;                    /* the server has read its settings since it was asked to */
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

/* Whether what is seen now, after `before`, is what is waited for. */
typedef bool (*is_over)(const struct seen *before, const struct seen *now);

static bool counts(const struct seen *before, const struct seen *now)
{
    (void)before;
    return now->shown || now->hidden;
}

static bool is_gone(const struct seen *before, const struct seen *now)
{
    (void)before;
    return !now->shown;
}

static bool was_read(const struct seen *before, const struct seen *now)
{
    return strcmp(before->read_at, now->read_at) != 0;
}

static bool counts_or_was_read(const struct seen *before, const struct seen *now)
{
    return counts(before, now) || was_read(before, now);
}

/* Each process of the server reads the settings a little later. */
static bool await(const struct setting *setting, int within_ms, is_over over,
                  const struct seen *before, struct seen *ret, struct bsc_err *err)
{
    for (int waited = 0; waited <= within_ms; waited += LOOK_EVERY_MS) {
        if (!look(setting, ret, err))
            return false;
        if (over(before, ret))
            break;
        bsc_clock_pause(LOOK_EVERY_MS, setting->call->cancel);
    }
    return true;
}

static bool set(const struct setting *setting, struct bsc_err *err)
{
    struct seen seen;
    if (!alter(setting, setting->value, err) ||
        !await(setting, SHOWN_WITHIN_MS, counts, NULL, &seen, err))
        return false;
    if (seen.shown || seen.hidden)
        return true;
    bsc_err_set(err, BSC_ERR_CONFLICT, "%s on \"%s\" was set and is another all the same",
                setting->name, setting->target.server);
    return bsc_err_hint(err, "Where the server was started with it, nothing else counts.");
}

/* What somebody has written meanwhile must count before it is told what there is. A server whose
 * configuration files have an error does not read them. */
static bool look_anew(const struct setting *setting, struct seen *ret, struct bsc_err *err)
{
    struct seen before;
    if (!look(setting, &before, err) || !wake(setting, err) ||
        !await(setting, READ_WITHIN_MS, was_read, &before, ret, err))
        return false;
    ret->anew = was_read(&before, ret);
    return true;
}

static bool unread(const struct setting *setting, struct bsc_err *err)
{
    return bsc_err_set(err, BSC_ERR_CONFLICT,
                       "\"%s\" does not read its settings; its messages say why",
                       setting->target.server);
}

/* Where nothing was read anew, another value may be one from before. */
static bool reset(const struct setting *setting, struct bsc_err *err)
{
    struct seen seen;
    if (!look_anew(setting, &seen, err))
        return false;
    if (!seen.shown)
        return seen.anew || unread(setting, err);
    return alter(setting, NULL, err) && await(setting, READ_WITHIN_MS, is_gone, NULL, &seen, err) &&
           (!seen.shown || unread(setting, err));
}

/* What counts for our own session may hide it. */
static struct setting own_session(const struct bsc_lib_call *call,
                                  const struct bsc_lib_target *target, const char *name,
                                  const char *value)
{
    struct setting setting = {.call = call, .target = *target, .name = name, .value = value};
    setting.target.read_only = false;
    return setting;
}

bool bsc_lib_standby_replace(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                             const char *name, const char *from, const char *to)
{
    struct setting setting = own_session(call, target, name, from);
    struct bsc_err ignored = BSC_ERR_INIT;
    struct seen seen;
    bool tries = look_anew(&setting, &seen, &ignored) && seen.anew && seen.shown;
    if (tries)
        (void)alter(&setting, to, &ignored);
    bsc_lib_standby_hang_up(call, &setting.target);
    return tries;
}

bool bsc_lib_standby_reset(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                           const char *name, const char *value, struct bsc_err *err)
{
    struct setting setting = own_session(call, target, name, value);
    bool ok = reset(&setting, err);
    bsc_lib_standby_hang_up(call, &setting.target);
    return ok;
}

static bool take_setting(const struct bsc_lib_call *call, struct setting *ret, struct bsc_err *err)
{
    const struct bsc_value *given = bsc_value_get(call->args, "value");
    *ret = (struct setting){.call = call, .value = ""};
    if (!bsc_lib_args_known(call->args, SET_ARGS, err) ||
        !bsc_lib_standby_target(call, &ret->target, err) ||
        !bsc_lib_args_text(call->args, "name", &ret->name, err) || !is_name(ret->name, err) ||
        (bsc_value_string_length(given) > 0 &&
         !bsc_lib_args_text(call->args, "value", &ret->value, err)))
        return false;
    ret->target.read_only = false;
    return true;
}

static bool carry_out(const struct bsc_lib_call *call, struct bsc_value **ret,
                      bool (*act)(const struct setting *, struct bsc_err *), struct bsc_err *err)
{
    struct setting setting;
    if (!take_setting(call, &setting, err))
        return false;
    bool ok = act(&setting, err);
    bsc_lib_standby_hang_up(call, &setting.target);
    if (ok)
        *ret = bsc_value_map();
    return ok;
}

static bool set_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    return carry_out(call, ret, set, err);
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

static bool check_recovering(const struct setting *setting, struct bsc_err *err)
{
    struct bsc_value *row = bsc_lib_standby_ask(setting->call, &setting->target,
                                                "SELECT pg_is_in_recovery()::int", NULL, err);
    bool ok = bsc_value_number(bsc_value_at(row, 0), 0) == 1;
    if (row != NULL && !ok)
        bsc_err_set(err, BSC_ERR_CONFLICT, "\"%s\" is online: what closed it before stays away",
                    setting->target.server);
    bsc_value_free(row);
    return ok;
}

/* Where the value stands in the server's configuration file, giving up what ALTER SYSTEM has
 * written is all; else it was written by ALTER SYSTEM before. */
static bool put_back(const struct setting *setting, struct bsc_err *err)
{
    struct seen before, seen;
    return check_recovering(setting, err) && look(setting, &before, err) &&
           alter(setting, NULL, err) &&
           await(setting, SHOWN_WITHIN_MS, counts_or_was_read, &before, &seen, err) &&
           (seen.shown || set(setting, err));
}

static bool put_back_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    return carry_out(call, ret, put_back, err);
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

/* standby.reset */

static bool reset_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    return carry_out(call, ret, reset, err);
}

const struct bsc_lib_row bsc_lib_row_standby_reset = {
    .name = "standby.reset",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = reset_run,
    .lane = "server",
    .args = SET_ARGS,
    .result = "map {}",
    .doc = "Gives up what ALTER SYSTEM has written of a setting of a PostgreSQL server where that "
           "is `value` still, and waits until it does not count any more.",
};
