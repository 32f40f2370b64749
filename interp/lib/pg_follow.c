#include "base/mem.h"
#include "lib/args.h"
#include "lib/pg_place_int.h"
#include "lib/pg_wait_int.h"
#include "lib/rows_int.h"
#include "mirrors/pg.h"

#define SETTING "synchronous_standby_names"
enum { RELOADED_WITHIN_S = 5, SYNC_WITHIN_S = 60, COMMIT_WITHIN_MS = 10000 };

/* Nobody can give this statement a parameter. */
static bool set_names(const struct bsc_lib_pg_asked *principal, const char *names, bool tidies,
                      struct bsc_err *err)
{
    struct bsc_buf sql;
    bsc_buf_init(&sql);
    bsc_buf_add_text(&sql, "ALTER SYSTEM SET " SETTING " = ");
    bsc_mirrors_pg_literal(names, &sql);
    bool ok = bsc_lib_pg_execute(principal, sql.data, tidies, err) &&
              bsc_lib_pg_execute(principal, "SELECT pg_reload_conf()", tidies, err);
    bsc_buf_release(&sql);
    return ok;
}

/* A setting on the command line counts more than what ALTER SYSTEM writes. */
static bool await_names(const struct bsc_lib_pg_asked *principal, const char *names,
                        struct bsc_err *err)
{
    char *missed = bsc_mem_format(SETTING " of %s, which its command line may set, did not become"
                                          " '%s'",
                                  principal->server, names);
    bool ok = bsc_lib_pg_await(principal, "SELECT (current_setting('" SETTING "') = ?)::int", names,
                               RELOADED_WITHIN_S, missed, err);
    bsc_mem_free(missed);
    return ok;
}

/* Every commit waits from the moment on that the names count, so they do not stay where nobody is
 * there to answer. */
static bool await_sync(const struct bsc_lib_pg_asked *principal, const char *mirror,
                       struct bsc_err *err)
{
    char *missed =
        bsc_mem_format("%s did not become a synchronous standby of %s", mirror, principal->server);
    bool ok = bsc_lib_pg_await(principal,
                               "SELECT count(*) FROM pg_stat_replication WHERE application_name = ?"
                               " AND state = 'streaming' AND sync_state IN ('sync', 'quorum')",
                               mirror, SYNC_WITHIN_S, missed, err);
    bsc_mem_free(missed);
    return ok;
}

static int64_t commit_within_ms(const struct bsc_lib_call *call)
{
    int64_t left_ms = bsc_lib_call_left_ms(call);
    return left_ms > 0 && left_ms < COMMIT_WITHIN_MS ? left_ms : COMMIT_WITHIN_MS;
}

/* That a standby counts as synchronous does not say that it answers: its replay may be paused where
 * commits wait for that, or its machine just lost. The commit is one of nothing that anybody reads;
 * given up, it has taken place all the same. */
static bool prove_commits(const struct bsc_lib_pg_asked *principal, const char *mirror,
                          struct bsc_err *err)
{
    struct bsc_lib_call *call = principal->call;
    const struct bsc_lib_target target = {
        .server = principal->server, .database = principal->database, .fleeting = true};
    const struct bsc_sql_limits limits = {.cancel = call->cancel,
                                          .timeout_ms = commit_within_ms(call)};
    struct bsc_sql_result result = {0};
    bool ok = bsc_lib_env_run(call->env, &target,
                              "SELECT pg_logical_emit_message(true, 'bascule', 'mirror')", NULL,
                              &limits, &result, err);
    bsc_sql_result_release(&result);
    return ok || bsc_err_wrap(err,
                              "%s counts as a synchronous standby of %s, but no commit comes"
                              " through",
                              mirror, principal->server);
}

static bool follow(const struct bsc_lib_pg_asked *principal, const char *mirror, const char *names,
                   const char *earlier, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    const char *without = bsc_mirrors_pg_without(names, earlier);
    if (set_names(principal, names, false, err) && await_names(principal, names, err) &&
        await_sync(principal, mirror, err) && prove_commits(principal, mirror, err))
        return true;
    if (set_names(principal, without, true, &ignored))
        bsc_err_detail(err, SETTING " is '%.200s' again, so that no commit waits for it.", without);
    return false;
}

/* mirrors.pg_follow */

#define FOLLOW_ARGS "principal: text, mirror: text, database: text, names: text"

static bool follow_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_asked principal = {.call = call};
    struct bsc_lib_pg_place place;
    const char *mirror = NULL, *names = NULL;
    char *earlier = NULL;
    if (!bsc_lib_args_known(call->args, FOLLOW_ARGS, err) ||
        !bsc_lib_args_text(call->args, "principal", &principal.server, err) ||
        !bsc_lib_args_text(call->args, "database", &principal.database, err) ||
        !bsc_lib_args_text(call->args, "mirror", &mirror, err) ||
        !bsc_lib_args_text(call->args, "names", &names, err) || !bsc_lib_call_continue(call, err))
        return false;
    bool ok =
        bsc_lib_pg_place_find(call, mirror, &place, err) && bsc_lib_pg_place_finish(&place, err) &&
        bsc_lib_pg_ask(&principal, "SELECT current_setting('" SETTING "')", NULL, &earlier, err) &&
        follow(&principal, mirror, names, earlier, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_text(*ret, "earlier", earlier);
    }
    bsc_lib_env_close_connections(call->env);
    bsc_mem_free(earlier);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_mirrors_pg_follow = {
    .name = "mirrors.pg_follow",
    .effect = BSC_LIB_WRITE,
    .run = follow_run,
    .resumes = true,
    .args = FOLLOW_ARGS,
    .result = "map {earlier: text}",
    .doc =
        "Has the commits of a PostgreSQL server wait for its mirror, and proves that they do and "
        "come through; where that does not come about, it puts back for whom they waited before.",
};

/* mirrors.pg_waits */

#define WAITS_ARGS "principal: text, database: text, names: text?"

static bool waits_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_asked principal = {.call = call};
    const char *names = NULL;
    if (!bsc_lib_args_known(call->args, WAITS_ARGS, err) ||
        !bsc_lib_args_text(call->args, "principal", &principal.server, err) ||
        !bsc_lib_args_text(call->args, "database", &principal.database, err) ||
        !bsc_lib_args_text_or(call->args, "names", "", &names, err) ||
        !bsc_lib_call_continue(call, err))
        return false;
    bool ok = set_names(&principal, names, false, err) && await_names(&principal, names, err);
    if (ok)
        *ret = bsc_value_map();
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_mirrors_pg_waits = {
    .name = "mirrors.pg_waits",
    .effect = BSC_LIB_WRITE,
    .run = waits_run,
    .resumes = true,
    .args = WAITS_ARGS,
    .result = "map {}",
    .doc = "Says for which standbys the commits of a PostgreSQL server wait; for none without "
           "names.",
};
