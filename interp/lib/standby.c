#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "os/clock.h"
#include "os/files.h"

enum {
    LOOK_EVERY_MS = 1,
    SESSIONS_WITHIN_MS = 10000,
    PROMOTED_WITHIN_MS = 120000,
    ANSWERS_WITHIN_MS = 10000,
    WRITABLE_WITHIN_MS = 10000
};

/* Asks for one number; false on failure. */
static bool ask_number(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                       const char *text, int64_t *ret, struct bsc_err *err)
{
    struct bsc_value *row = bsc_lib_standby_ask(call, target, text, NULL, err);
    if (row == NULL)
        return false;
    *ret = bsc_value_number(bsc_value_at(row, 0), 0);
    bsc_value_free(row);
    return true;
}

static int64_t now_ms(const struct bsc_lib_call *call)
{
    const struct bsc_clock *clock = call->env->clock;
    return clock->mono_us(clock->self) / 1000;
}

/* Whether to look again a little later; false when it is over, with *err. */
static bool pause_until(const struct bsc_lib_call *call, int64_t until_ms, const char *late,
                        struct bsc_err *err)
{
    if (now_ms(call) >= until_ms)
        return bsc_err_set(err, BSC_ERR_TIMEOUT, "%s", late);
    bsc_clock_pause(LOOK_EVERY_MS, call->cancel);
    return bsc_lib_call_continue(call, err);
}

/* standby.clear */

#define END_ARGS "server: text, database: text"

/* Those of clients only, and none of the session that asks. Signals the sessions, and counts those
 * that are there. */
static const char terminate[] =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()";

/* Whoever opens them has to be found by what is there. */
static bool tell_left(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                      struct bsc_err *err)
{
    static const char left[] =
        "SELECT coalesce(string_agg(format('%s (%s)', pid,"
        " coalesce(nullif(application_name, ''), usename)), ', ' ORDER BY pid), '')"
        " FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *row = err->code == BSC_ERR_TIMEOUT
                                ? bsc_lib_standby_ask(call, target, left, NULL, &ignored)
                                : NULL;
    const char *names = bsc_value_string(bsc_value_at(row, 0));
    if (names != NULL && *names != '\0')
        bsc_err_set(err, BSC_ERR_TIMEOUT, "sessions come back as fast as they are ended: %s",
                    names);
    bsc_value_free(row);
    return false;
}

static bool end_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_target target;
    int64_t ended = 0, left = 0, until_ms = now_ms(call) + SESSIONS_WITHIN_MS;
    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_standby_target(call, &target, err) ||
        !ask_number(call, &target, terminate, &ended, err))
        return false;
    for (left = ended; left > 0;) {
        if (!pause_until(call, until_ms, "sessions come back as fast as they are ended", err))
            return tell_left(call, &target, err);
        if (!ask_number(call, &target, terminate, &left, err))
            return false;
    }
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "ended", ended);
    return true;
}

const struct bsc_lib_row bsc_lib_row_standby_clear = {
    .name = "standby.clear",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = end_run,
    .lane = "server",
    .args = END_ARGS,
    .result = "map {ended: int}",
    .doc = "Ends the sessions of all clients on a database of a PostgreSQL server but our own, and "
           "proves that none of them is left.",
};

/* standby.promote */

#define PROMOTE_ARGS                                                                               \
    "server: text, database: text, share: text?, destination: text?, histories: list?, "           \
    "since: text?"

static const char recovering_question[] = "SELECT pg_is_in_recovery()::int";

/* Of a standby: the timeline that it follows. What the control file holds is enough for that. */
static const char timeline_before[] = "SELECT greatest(timeline_id, min_recovery_end_timeline)"
                                      " FROM pg_control_checkpoint(), pg_control_recovery()";
static const char timeline_after[] =
    "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int";

static bool check_standby(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                          int64_t *ret_timeline, struct bsc_err *err)
{
    int64_t recovering = 0;
    if (!ask_number(call, target, recovering_question, &recovering, err))
        return false;
    if (recovering != 1)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "\"%s\" is not in recovery: it is online already",
                           target->server);
    return ask_number(call, target, timeline_before, ret_timeline, err);
}

/* The server's own waiting looks ten times a second only. */
static bool await_online(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         struct bsc_err *err)
{
    int64_t recovering = 1, until_ms = now_ms(call) + PROMOTED_WITHIN_MS;
    for (;;) {
        bool asked = ask_number(call, target, recovering_question, &recovering, err);
        if (asked && recovering == 0)
            return true;
        /* Who wants to stop ends the question that is under way. */
        if ((!asked && err->code != BSC_ERR_CANCELLED) ||
            !pause_until(call, until_ms, "it has not come online", err))
            break;
    }
    /* Whatever ends the looking does not end what the standby is doing. */
    err->code = BSC_ERR_PENDING;
    return bsc_err_wrap(err, "\"%s\" was told to come online, and may still do so", target->server);
}

enum { OTHER_SERVER = -1, TOO_LATE = -2 };

/* The order is given to the server as it was seen, and to none that was started since, and soon:
 * what was ordered ends with the server that it was ordered of, and nothing is ordered by a message
 * that was held up on its way. Whoever settles it relies on both. */
static bool give_order(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                       int64_t server_ms, int64_t *ret_told, struct bsc_err *err)
{
    const char *since = bsc_value_get_string(call->args, "since");
    struct bsc_value *params = bsc_value_list();
    if (since != NULL)
        bsc_value_append(params, bsc_value_text(since));
    char *text = bsc_mem_format("SELECT CASE%s WHEN " BSC_LIB_STANDBY_CLOCK_MS " > %lld THEN %d"
                                " ELSE pg_promote(false)::int END",
                                since != NULL ? " WHEN " BSC_LIB_STANDBY_SINCE " <> ? THEN -1" : "",
                                (long long)(server_ms + BSC_LIB_STANDBY_ORDER_MS), TOO_LATE);
    struct bsc_value *row = bsc_lib_standby_ask(call, target, text, params, err);
    bool ok = row != NULL;
    *ret_told = bsc_value_number(bsc_value_at(row, 0), 0);
    bsc_value_free(row);
    bsc_value_free(params);
    bsc_mem_free(text);
    return ok;
}

/* A server that answers with words of its own has not taken the order; of any other failure it is
 * not known whether the order arrived. */
static bool tell_to_come(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         struct bsc_err *err)
{
    int64_t told = 0, server_ms = 0;
    if (!ask_number(call, target, "SELECT " BSC_LIB_STANDBY_CLOCK_MS, &server_ms, err))
        return false;
    if (!give_order(call, target, server_ms, &told, err)) {
        if (err->code == BSC_ERR_SQL)
            return false;
        err->code = BSC_ERR_PENDING;
        return bsc_err_wrap(err, "\"%s\" may have been told to come online", target->server);
    }
    if (told == OTHER_SERVER)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "\"%s\" was started anew a moment ago",
                           target->server);
    if (told == TOO_LATE)
        return bsc_err_set(err, BSC_ERR_CONFLICT,
                           "\"%s\" got the order to come online too late to follow it",
                           target->server);
    return told == 1 ||
           bsc_err_set(err, BSC_ERR_SQL, "\"%s\" could not be told to come online", target->server);
}

static bool prove_timeline(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                           int64_t before, int64_t *ret_after, struct bsc_err *err)
{
    if (!ask_number(call, target, timeline_after, ret_after, err))
        return false;
    return *ret_after > before ||
           bsc_err_set(err, BSC_ERR_CONFLICT,
                       "\"%s\" is out of recovery, but on timeline %lld, which is no new one",
                       target->server, (long long)*ret_after);
}

/* The order cannot be taken back, so from then on neither the operator's wish to stop nor the time
 * allowed ends the waiting: what is to be known is whether the server comes online. */
static bool come_online(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                        struct bsc_err *err)
{
    struct bsc_lib_call patient = *call;
    patient.cancel = NULL;
    patient.deadline_us = call->env->clock->mono_us(call->env->clock->self) +
                          (int64_t)(PROMOTED_WITHIN_MS + ANSWERS_WITHIN_MS) * 1000;
    return tell_to_come(&patient, target, err) && await_online(&patient, target, err);
}

/* The histories that a standby needs from the moment on at which it is told, and not before:
 * started again with them in its folder it would not go on. */
struct histories {
    const struct bsc_value *names; /* borrowed list; NULL for none */
    const char *destination;       /* borrowed */
    bool *is_new;                  /* owned: which of them were not there before */
};

static char *history_path(const struct histories *histories, size_t i)
{
    const char *name = bsc_value_string(bsc_value_at(histories->names, i));
    return bsc_files_join(histories->destination, name != NULL ? name : "");
}

static bool histories_hand_over(struct bsc_lib_call *call, struct histories *histories,
                                struct bsc_err *err)
{
    struct bsc_logs_segments_result result;
    if (bsc_value_get(call->args, "histories") == NULL)
        return true;
    if (!bsc_lib_args_list(call->args, "histories", &histories->names, err) ||
        !bsc_lib_args_path(call->args, "destination", &histories->destination, err))
        return false;
    size_t count = bsc_value_count(histories->names);
    histories->is_new = bsc_mem_new(count + 1, sizeof *histories->is_new);
    for (size_t i = 0; i < count; i++) {
        char *path = history_path(histories, i);
        histories->is_new[i] = !bsc_files_exists(call->env->sys, path);
        bsc_mem_free(path);
    }
    return bsc_lib_wal_copy(call, histories->names, NULL, &result, err);
}

static void histories_take_back(const struct bsc_lib_call *call, const struct histories *histories)
{
    const struct bsc_sys *sys = call->env->sys;
    for (size_t i = 0; histories->is_new != NULL && i < bsc_value_count(histories->names); i++) {
        char *path = history_path(histories, i);
        if (histories->is_new[i])
            sys->unlink(sys->self, path);
        bsc_mem_free(path);
    }
}

/* Those that are there since this change keep a standby from being started again. */
static void histories_tell(const struct bsc_lib_call *call, const struct histories *histories,
                           const char *server, struct bsc_err *err)
{
    struct bsc_buf names;
    bsc_buf_init(&names);
    for (size_t i = 0; histories->is_new != NULL && i < bsc_value_count(histories->names); i++) {
        char *path = history_path(histories, i);
        if (histories->is_new[i] && bsc_files_exists(call->env->sys, path))
            bsc_buf_printf(&names, "%s%s", names.length > 0 ? ", " : "", bsc_files_name_of(path));
        bsc_mem_free(path);
    }
    if (names.length > 0)
        bsc_err_wrap(err,
                     "before it is online, \"%s\" cannot be started again with %s in %s and in its "
                     "pg_wal",
                     server, names.data, histories->destination);
    bsc_buf_release(&names);
}

static bool promote_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_target target;
    struct histories histories = {0};
    int64_t before = 0, after = 0;
    if (!bsc_lib_args_known(call->args, PROMOTE_ARGS, err) ||
        !bsc_lib_standby_target(call, &target, err) || !check_standby(call, &target, &before, err))
        return false;
    bool ok = histories_hand_over(call, &histories, err) && bsc_lib_call_continue(call, err) &&
              come_online(call, &target, err);
    /* One that may still come online needs them. */
    if (!ok && err->code != BSC_ERR_PENDING)
        histories_take_back(call, &histories);
    if (!ok)
        histories_tell(call, &histories, target.server, err);
    bsc_mem_free(histories.is_new);
    if (!ok || !prove_timeline(call, &target, before, &after, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "timeline", after);
    return true;
}

const struct bsc_lib_row bsc_lib_row_standby_promote = {
    .name = "standby.promote",
    .effect = BSC_LIB_WRITE,
    .run = promote_run,
    .lane = "server",
    .args = PROMOTE_ARGS,
    .result = "map {timeline: int}",
    .doc =
        "Promotes a standby of PostgreSQL, waits until it is online, whoever wants to stop "
        "meanwhile, and proves that it is on a new timeline. `histories` are put into its "
        "folder right before, and taken away again where it was not told. With `since`, a server "
        "that was started at another time is not told.",
};

/* standby.prove */

/* A commit of a transaction that changes nothing anybody reads. It waits for whatever the commits
 * of clients wait for. */
static bool prove_writable(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                           struct bsc_err *err)
{
    /* What a role or a database has set for itself was so on the old primary. */
    static const char message[] =
        "SELECT (current_setting('transaction_read_only') = 'on' AND NOT EXISTS"
        " (SELECT FROM pg_db_role_setting, unnest(setconfig) written"
        " WHERE written LIKE 'default_transaction_read_only=%'"
        " AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
        " AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))))::int,"
        " pg_logical_emit_message(true, 'bascule', 'online')";
    struct bsc_lib_target writer = *target;
    struct bsc_sql_limits limits = {.cancel = call->cancel, .timeout_ms = WRITABLE_WITHIN_MS};
    struct bsc_sql_result result = {0};
    writer.read_only = false;
    writer.fleeting = true;
    if (!bsc_lib_env_run(call->env, &writer, message, NULL, &limits, &result, err)) {
        bool waited = err->code == BSC_ERR_TIMEOUT;
        if (waited)
            err->code = BSC_ERR_CONFLICT;
        bsc_err_wrap(err, "\"%s\" is online, but nothing can be committed on it", target->server);
        if (waited)
            bsc_err_hint(err, "A commit waits for the standbys in synchronous_standby_names.");
        return false;
    }
    const struct bsc_value *row =
        bsc_value_at(bsc_value_get(bsc_value_at(result.sets, 0), "rows"), 0);
    bool ok = bsc_value_number(bsc_value_at(row, 0), 0) == 0 ||
              bsc_err_set(err, BSC_ERR_CONFLICT,
                          "\"%s\" is online, but its settings make it read only", target->server);
    bsc_sql_result_release(&result);
    return ok;
}

static bool prove_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_target target;
    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_standby_target(call, &target, err) || !bsc_lib_call_continue(call, err) ||
        !prove_writable(call, &target, err))
        return false;
    *ret = bsc_value_map();
    return true;
}

const struct bsc_lib_row bsc_lib_row_standby_prove = {
    .name = "standby.prove",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = prove_run,
    .lane = "server",
    .args = END_ARGS,
    .result = "map {}",
    .doc = "Proves that a commit on a PostgreSQL server comes through, by one that changes nothing "
           "anybody reads.",
};
