#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/users_int.h"
#include "os/files.h"
#include "sql/sql.h"

/* A database that is locked as a whole holds up everybody, and so is waited for longer than a user.
 */
enum {
    ATTEMPTS = 3,
    LOCK_PATIENCE = 6,
    OUTLAST_PATIENCE = 2,
    OUTLAST_LOOK_MS = 10,
    LOOK_AGAIN_MS = 50
};

/* What one thread works with. */
struct seat {
    struct bsc_sql *sql; /* borrowed from the environment, as long as this thread uses it */
    struct bsc_sql_statement *find;
    struct bsc_sql_statement *moves[BSC_LIB_USERS_MOVES_MAX];
    bool counts; /* the first of them has counted a row: where it counts none it has done nothing */
};

/* ---------------------------------------------------------------- statements */

static bool read_one(const char *what, const char *text, const char *const *known,
                     const char *const *needed, struct bsc_placeholders *ret, struct bsc_err *err)
{
    if (!bsc_placeholders_parse(text, known, ret, err))
        return bsc_err_wrap(err, "argument \"%s\" is not right", what);
    for (; *needed != NULL; needed++) {
        if (!bsc_placeholders_has(ret, *needed))
            return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" does not use :%s", what,
                               *needed);
    }
    return true;
}

/* A list of statements, or a single one. */
static bool read_moves(struct bsc_lib_users_sql *sql, const struct bsc_value *move,
                       struct bsc_err *err)
{
    static const char *const known[] = {"name", "from", "to", NULL}, *const needed[] = {"name",
                                                                                        NULL};
    bool single = bsc_value_kind(move) == BSC_VALUE_TEXT;
    size_t count = single ? 1 : bsc_value_count(move);
    if (count == 0 || count > BSC_LIB_USERS_MOVES_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"move\" must have 1 to %d statements",
                           BSC_LIB_USERS_MOVES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *text = bsc_value_string(single ? move : bsc_value_at(move, i));
        if (text == NULL)
            return bsc_err_set(err, BSC_ERR_USAGE, "argument \"move\" must be text, or a list");
        if (!read_one("move", text, known, needed, &sql->moves[sql->move_count++], err))
            return false;
    }
    return true;
}

bool bsc_lib_users_sql_read(struct bsc_lib_users_sql *sql, const struct bsc_value *args,
                            struct bsc_err *err)
{
    static const char *const of_list[] = {"pool", "after", "limit", NULL},
                             *const of_find[] = {"name", NULL},
                             *const pages[] = {"after", "limit", NULL};
    const char *find = NULL, *list = NULL;
    return bsc_lib_args_text(args, "find", &find, err) &&
           bsc_lib_args_text_or(args, "list", NULL, &list, err) &&
           read_one("find", find, of_find, of_find, &sql->find, err) &&
           (list == NULL || read_one("list", list, of_list, pages, &sql->list, err)) &&
           read_moves(sql, bsc_value_get(args, "move"), err);
}

void bsc_lib_users_sql_release(struct bsc_lib_users_sql *sql)
{
    bsc_placeholders_release(&sql->list);
    bsc_placeholders_release(&sql->find);
    for (size_t i = 0; i < sql->move_count; i++)
        bsc_placeholders_release(&sql->moves[i]);
}

struct bsc_value *bsc_lib_users_params(const struct bsc_placeholders *found,
                                       const struct bsc_lib_users_values *values)
{
    const struct {
        const char *name;
        const char *text;
    } texts[] = {{"name", values->name},
                 {"from", values->from},
                 {"to", values->to},
                 {"pool", values->pool},
                 {"after", values->after}};
    struct bsc_value *params = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(found->names); i++) {
        const char *name = bsc_value_string(bsc_value_at(found->names, i));
        struct bsc_value *value = NULL;
        for (size_t k = 0; k < sizeof texts / sizeof texts[0] && value == NULL; k++) {
            if (strcmp(texts[k].name, name) == 0)
                value = bsc_value_text(texts[k].text);
        }
        bsc_value_append(params, value != NULL ? value : bsc_value_int(values->limit));
    }
    return params;
}

/* ---------------------------------------------------------------- seats */

static struct bsc_sql_limits limits_of(const struct bsc_lib_users_sql *sql, int64_t timeout_ms)
{
    return (struct bsc_sql_limits){.timeout_ms = timeout_ms, .cancel = sql->call->cancel};
}

static bool run_text(struct bsc_lib_users_sql *sql, struct bsc_sql *link, const char *text,
                     struct bsc_err *err)
{
    const struct bsc_sql_limits limits = {.timeout_ms = sql->patience_ms};
    struct bsc_sql_result result = {0};
    bool good = bsc_sql_run(link, text, NULL, &limits, &result, err);
    bsc_sql_result_release(&result);
    return good;
}

static bool is_postgresql(const struct bsc_sql *link)
{
    return strcmp(bsc_sql_product(link), "PostgreSQL") == 0;
}

/* Tells the server, and whoever looks at its sessions, which run this one belongs to. */
static bool name_session(struct bsc_lib_users_sql *sql, struct bsc_sql *link, struct bsc_err *err)
{
    const struct bsc_lib_log *log = sql->call->log;
    const struct bsc_sql_limits limits = {.timeout_ms = sql->patience_ms};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    char *folder = bsc_files_folder_of(log != NULL ? log->path : "");
    bsc_value_append(params, bsc_value_format("bascule %s", bsc_files_name_of(folder)));
    bool good = bsc_sql_run(link, "SELECT set_config('application_name', ?, false)", params,
                            &limits, &result, err);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    bsc_mem_free(folder);
    return good;
}

/* A server that knows how to give a lock up by itself does so a little before it is made to, which
 * costs the connection. */
static bool set_up(struct bsc_lib_users_sql *sql, struct bsc_sql *link, struct bsc_err *err)
{
    char text[64];
    if (!is_postgresql(link))
        return true;
    snprintf(text, sizeof text, "SET lock_timeout = %lld",
             (long long)(sql->patience_ms - sql->patience_ms / 5));
    return run_text(sql, link, text, err) && name_session(sql, link, err);
}

/* How many transactions of this run, besides the own, are open that began before `*since` (owned),
 * a time of the server: now, when it is null, which it is then set to. */
static bool count_older(const struct bsc_lib_users_sql *sql, struct bsc_sql *link,
                        struct bsc_value **since, int64_t *ret_count, struct bsc_err *err)
{
    static const char text[] =
        "SELECT coalesce(?::timestamptz, now())::text, (SELECT count(*)::int FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND application_name = current_setting('application_name') "
        "AND xact_start < coalesce(?::timestamptz, now()))";
    const struct bsc_sql_limits limits = {.timeout_ms = sql->patience_ms};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_copy(*since));
    bsc_value_append(params, *since);
    bool good = bsc_sql_run(link, text, params, &limits, &result, err);
    const struct bsc_value *row =
        bsc_value_at(bsc_value_get(bsc_value_at(result.sets, 0), "rows"), 0);
    *since = good ? bsc_value_copy(bsc_value_at(row, 0)) : bsc_value_null();
    *ret_count = bsc_value_number(bsc_value_at(row, 1), 0);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return good;
}

/* A server goes on with a statement whose client is gone: who waits for a lock then may be moved
 * after he was looked up. */
static bool outlast(void *self, void *held, struct bsc_err *err)
{
    struct bsc_lib_users_sql *sql = self;
    const struct seat *seat = held;
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t until_us = clock->mono_us(clock->self) + sql->patience_ms * OUTLAST_PATIENCE * 1000;
    struct bsc_value *since = bsc_value_null();
    int64_t count = 0;
    bool good = true;
    while ((good = count_older(sql, seat->sql, &since, &count, err)) && count > 0) {
        if (clock->mono_us(clock->self) > until_us) {
            good = bsc_err_set(err, BSC_ERR_TIMEOUT,
                               "the server is still at work on what this run began before");
            break;
        }
        bsc_clock_pause(OUTLAST_LOOK_MS, NULL);
    }
    bsc_value_free(since);
    return good;
}

static bool prepare(struct bsc_lib_users_sql *sql, struct seat *seat, struct bsc_err *err)
{
    if (!set_up(sql, seat->sql, err))
        return false;
    seat->find = bsc_sql_statement_new(seat->sql, sql->find.sql.data, err);
    bool good = seat->find != NULL;
    for (size_t i = 0; i < sql->move_count && good; i++) {
        seat->moves[i] = bsc_sql_statement_new(seat->sql, sql->moves[i].sql.data, err);
        good = seat->moves[i] != NULL;
    }
    return good;
}

/* The connection goes with the seat: it was set up for this alone, and its thread may end. */
static void stand_up(void *self, void *held)
{
    struct bsc_lib_users_sql *sql = self;
    struct seat *seat = held;
    bsc_sql_statement_free(seat->find);
    for (size_t i = 0; i < sql->move_count; i++)
        bsc_sql_statement_free(seat->moves[i]);
    bsc_lib_env_drop(sql->call->env, seat->sql);
    bsc_mem_free(seat);
}

static void *sit_down(void *self, struct bsc_err *err)
{
    struct bsc_lib_users_sql *sql = self;
    struct bsc_sql *link =
        bsc_lib_env_connect(sql->call->env, &sql->target, sql->call->cancel, err);
    if (link == NULL)
        return NULL;
    struct seat *seat = bsc_mem_new(1, sizeof *seat);
    seat->sql = link;
    bsc_sql_stay_awake(link, true);
    if (prepare(sql, seat, err))
        return seat;
    stand_up(sql, seat);
    return NULL;
}

/* ---------------------------------------------------------------- looking */

static struct bsc_value *as_text(const struct bsc_value *value)
{
    if (bsc_value_kind(value) == BSC_VALUE_INT)
        return bsc_value_format("%lld", (long long)bsc_value_number(value, 0));
    return bsc_value_copy(value);
}

/* The first column of the first result. */
static bool first_column(const struct bsc_sql_result *result, struct bsc_value **ret,
                         struct bsc_err *err)
{
    const struct bsc_value *set = bsc_value_at(result->sets, 0);
    const struct bsc_value *rows = bsc_value_get(set, "rows");
    if (set == NULL)
        return bsc_err_set(err, BSC_ERR_SQL, "the statement gives no result set");
    *ret = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(rows); i++)
        bsc_value_append(*ret, as_text(bsc_value_at(bsc_value_at(rows, i), 0)));
    return true;
}

static bool find(void *self, void *held, const char *name, struct bsc_value **ret_pools,
                 struct bsc_err *err)
{
    struct bsc_lib_users_sql *sql = self;
    struct seat *seat = held;
    const struct bsc_lib_users_values values = {.name = name};
    /* Somebody who stops it wants to know what has become of those that were under way. */
    struct bsc_sql_limits limits = {.timeout_ms = sql->patience_ms};
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_lib_users_params(&sql->find, &values);
    bool good = bsc_sql_statement_run(seat->find, params, &limits, &result, err) &&
                first_column(&result, ret_pools, err);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return good;
}

/* ---------------------------------------------------------------- one user */

/* Whoever stops everything is no reason why a user could not be moved. */
static bool is_reason(const struct bsc_lib_users_sql *sql, const struct bsc_err *err)
{
    const atomic_bool *cancel = sql->call->cancel;
    return err->code != BSC_ERR_CANCELLED && (cancel == NULL || !atomic_load(cancel));
}

static void fail(const struct bsc_lib_users_sql *sql, struct bsc_pools_user *user,
                 enum bsc_pools_user_outcome outcome, const struct bsc_err *err)
{
    const char *text = err->cause[0] != '\0' ? err->cause : err->message;
    user->outcome = outcome;
    bsc_mem_free(user->reason);
    user->reason = is_reason(sql, err) ? bsc_mem_text(text) : NULL;
}

/* Rows that were changed, and those that a statement gives back of what it has done. */
static int64_t rows_of(const struct bsc_sql_result *result)
{
    int64_t rows = result->affected;
    for (size_t i = 0; i < bsc_value_count(result->sets); i++)
        rows += (int64_t)bsc_value_count(bsc_value_get(bsc_value_at(result->sets, i), "rows"));
    return rows;
}

/* Runs one statement of the move; *ret_changed is how many rows it changed. */
static bool run_move(struct bsc_lib_users_sql *sql, struct seat *seat, size_t index,
                     const char *name, int64_t *ret_changed, struct bsc_err *err)
{
    const struct bsc_lib_users_values values = {.name = name, .from = sql->from, .to = sql->to};
    struct bsc_sql_limits limits = limits_of(sql, sql->patience_ms);
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_lib_users_params(&sql->moves[index], &values);
    bool good = bsc_sql_statement_run(seat->moves[index], params, &limits, &result, err);
    *ret_changed = rows_of(&result);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return good;
}

/* LEFT where somebody is in the old pool alone, MOVED where in the new one. */
static bool look_where(struct bsc_lib_users_sql *sql, struct seat *seat, const char *name,
                       enum bsc_pools_user_outcome *ret, struct bsc_err *err)
{
    struct bsc_pools_user user = {.name = name, .outcome = BSC_POOLS_USER_UNSETTLED};
    struct bsc_value *pools = NULL;
    if (!find(sql, seat, name, &pools, err))
        return false;
    bsc_pools_user_settle(&user, pools, sql->from, sql->to);
    *ret = user.outcome;
    bsc_value_free(pools);
    bsc_mem_free(user.reason);
    return true;
}

/* The first statement, which is the move itself. Some count no row of what they do, such as one of
 * a view whose trigger does it: until it has counted one, only looking before and afterwards tells
 * whether it has moved anybody. */
static bool run_first(struct bsc_lib_users_sql *sql, struct seat *seat, const char *name,
                      bool *ret_moved, struct bsc_err *err)
{
    enum bsc_pools_user_outcome before = BSC_POOLS_USER_MOVED, after = BSC_POOLS_USER_LEFT;
    int64_t changed = 0;
    if ((!seat->counts && !look_where(sql, seat, name, &before, err)) ||
        !run_move(sql, seat, 0, name, &changed, err) ||
        (changed == 0 && before == BSC_POOLS_USER_LEFT &&
         !look_where(sql, seat, name, &after, err)))
        return false;
    seat->counts = seat->counts || changed > 0;
    *ret_moved = changed > 0 || after == BSC_POOLS_USER_MOVED;
    return true;
}

/* All statements for one user. Where the first of them does nothing the others are not run. */
static bool run_moves(struct bsc_lib_users_sql *sql, struct seat *seat, struct bsc_pools_user *user,
                      struct bsc_err *err)
{
    int64_t changed = 0;
    bool moved = false;
    user->outcome = BSC_POOLS_USER_MOVED;
    if (!run_first(sql, seat, user->name, &moved, err))
        return false;
    if (!moved)
        user->outcome = BSC_POOLS_USER_UNTOUCHED;
    for (size_t i = 1; moved && i < sql->move_count; i++) {
        if (!run_move(sql, seat, i, user->name, &changed, err))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- each a transaction */

static bool in_transaction(struct bsc_lib_users_sql *sql, struct seat *seat,
                           struct bsc_pools_user *user, struct bsc_err *err)
{
    struct bsc_sql_limits limits = limits_of(sql, sql->patience_ms);
    if (sql->move_count == 1)
        return run_moves(sql, seat, user, err);
    struct bsc_err later = BSC_ERR_INIT;
    if (!bsc_sql_begin(seat->sql, &limits, err))
        return false;
    bool good = run_moves(sql, seat, user, err);
    if (good && user->outcome == BSC_POOLS_USER_MOVED)
        return bsc_sql_commit(seat->sql, &limits, err);
    bsc_sql_roll_back(seat->sql, &later);
    return good;
}

/* What two clients did to one another goes away by itself. */
static bool may_help_again(const struct bsc_err *err)
{
    return strcmp(err->sqlstate, "40001") == 0 || strcmp(err->sqlstate, "40P01") == 0;
}

static bool move_one(struct bsc_lib_users_sql *sql, struct seat *seat, struct bsc_pools_user *user,
                     struct bsc_err *err)
{
    for (int attempt = 1;; attempt++) {
        if (in_transaction(sql, seat, user, err))
            return true;
        if (!bsc_sql_reusable(seat->sql)) {
            fail(sql, user, BSC_POOLS_USER_UNSETTLED, err);
            return false;
        }
        fail(sql, user, BSC_POOLS_USER_FAILED, err);
        if (!may_help_again(err) || attempt == ATTEMPTS)
            return true;
    }
}

static bool move_each(void *self, void *held, const struct bsc_pools_users_stroke *stroke,
                      struct bsc_err *err)
{
    const struct seat *seat = held;
    size_t failed = 0;
    for (size_t i = 0; i < stroke->count && failed < stroke->failures_max; i++) {
        if (!stroke->goes_on(stroke->arg))
            break;
        if (!move_one(self, held, &stroke->users[i], err) || !bsc_sql_reusable(seat->sql))
            return false;
        failed += stroke->users[i].outcome == BSC_POOLS_USER_FAILED ? 1 : 0;
    }
    return true;
}

/* ---------------------------------------------------------------- many in a transaction */

#define SAVEPOINT "bascule_user"

/* One that fails is taken back alone. False when nothing can be said of any any more. */
static bool move_within(struct bsc_lib_users_sql *sql, struct seat *seat,
                        struct bsc_pools_user *user, struct bsc_err *err)
{
    bool nested = sql->move_count > 1;
    struct bsc_err why = BSC_ERR_INIT;
    if (nested && !run_text(sql, seat->sql, "SAVEPOINT " SAVEPOINT, err))
        return false;
    if (!run_moves(sql, seat, user, &why))
        fail(sql, user, BSC_POOLS_USER_FAILED, &why);
    if (!bsc_sql_reusable(seat->sql)) {
        *err = why;
        return false;
    }
    if (nested && user->outcome == BSC_POOLS_USER_FAILED &&
        !run_text(sql, seat->sql, "ROLLBACK TO " SAVEPOINT, err))
        return false;
    return !nested || run_text(sql, seat->sql, "RELEASE " SAVEPOINT, err);
}

static bool move_some(struct bsc_lib_users_sql *sql, struct seat *seat,
                      const struct bsc_pools_users_stroke *stroke, struct bsc_err *err)
{
    size_t failed = 0;
    for (size_t i = 0; i < stroke->count && failed < stroke->failures_max; i++) {
        struct bsc_pools_user *user = &stroke->users[i];
        if (!stroke->goes_on(stroke->arg))
            break;
        if (!move_within(sql, seat, user, err)) {
            user->outcome = BSC_POOLS_USER_MOVED;
            return false;
        }
        failed += user->outcome == BSC_POOLS_USER_FAILED ? 1 : 0;
    }
    return true;
}

/* The end of the transaction has failed: whoever was moved in it may be or not. Whoever was not met
 * is where he was. */
static void unsettle(const struct bsc_lib_users_sql *sql,
                     const struct bsc_pools_users_stroke *stroke, const struct bsc_err *err)
{
    for (size_t i = 0; i < stroke->count; i++) {
        struct bsc_pools_user *user = &stroke->users[i];
        if (user->outcome == BSC_POOLS_USER_MOVED)
            fail(sql, user, BSC_POOLS_USER_UNSETTLED, err);
    }
}

static bool move_together(void *self, void *held, const struct bsc_pools_users_stroke *stroke,
                          struct bsc_err *err)
{
    struct bsc_lib_users_sql *sql = self;
    struct seat *seat = held;
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_sql_limits limits = limits_of(sql, sql->patience_ms * LOCK_PATIENCE);
    if (!bsc_sql_begin(seat->sql, &limits, err))
        return false;
    /* Whoever stops does so between two users: what was done so far is committed. */
    limits.cancel = NULL;
    if (move_some(sql, seat, stroke, err) && bsc_sql_commit(seat->sql, &limits, err))
        return true;
    unsettle(sql, stroke, err);
    if (bsc_sql_reusable(seat->sql))
        bsc_sql_roll_back(seat->sql, &ignored);
    return false;
}

/* ---------------------------------------------------------------- without a seat */

/* Looking does no harm a second time: a server that is started anew is asked until it answers. */
static bool look(struct bsc_lib_users_sql *sql, const struct bsc_placeholders *statement,
                 const struct bsc_lib_users_values *values, const struct bsc_sql_limits *limits,
                 struct bsc_value **ret_column, struct bsc_err *err)
{
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t until_us =
        clock->mono_us(clock->self) + sql->patience_ms * BSC_LIB_USERS_RESTART * 1000;
    struct bsc_sql_result result = {0};
    struct bsc_value *params = bsc_lib_users_params(statement, values);
    bool good = false;
    while (!(good = bsc_lib_env_run(sql->call->env, &sql->target, statement->sql.data, params,
                                    limits, &result, err)) &&
           bsc_sql_lost(err) && clock->mono_us(clock->self) < until_us &&
           !atomic_load(sql->call->cancel))
        bsc_clock_pause(LOOK_AGAIN_MS, sql->call->cancel);
    good = good && first_column(&result, ret_column, err);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return good;
}

bool bsc_lib_users_sql_find(struct bsc_lib_users_sql *sql, const char *name,
                            struct bsc_value **ret_pools, struct bsc_err *err)
{
    const struct bsc_lib_users_values values = {.name = name};
    struct bsc_sql_limits limits = limits_of(sql, sql->patience_ms);
    return look(sql, &sql->find, &values, &limits, ret_pools, err);
}

struct bsc_value *bsc_lib_users_sql_list(struct bsc_lib_users_sql *sql, const char *after,
                                         int64_t limit, struct bsc_err *err)
{
    const struct bsc_lib_users_values values = {.pool = sql->from, .after = after, .limit = limit};
    struct bsc_sql_limits limits = limits_of(sql, bsc_lib_call_left_ms(sql->call));
    struct bsc_value *names = NULL;
    limits.rows_max = limit;
    if (!look(sql, &sql->list, &values, &limits, &names, err))
        bsc_err_wrap(err, "the list of who is to be moved cannot be read");
    return names;
}

bool bsc_lib_users_sql_driver(struct bsc_lib_users_sql *sql, struct bsc_pools_users_driver *ret,
                              struct bsc_err *err)
{
    struct bsc_sql *link =
        bsc_lib_env_connect(sql->call->env, &sql->target, sql->call->cancel, err);
    if (link == NULL)
        return false;
    bool as_one = strcmp(bsc_sql_product(link), "SQLite") == 0;
    *ret = (struct bsc_pools_users_driver){.self = sql,
                                           .open = sit_down,
                                           .close = stand_up,
                                           .move = as_one ? move_together : move_each,
                                           .find = find,
                                           .outlast = is_postgresql(link) ? outlast : NULL,
                                           .as_one = as_one};
    return true;
}
