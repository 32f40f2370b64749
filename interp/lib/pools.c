#include <string.h>

#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "pools/active.h"
#include "pools/table.h"
#include "site/site.h"

#define STATE_ARGS  "server: text, pool: text"
#define UPDATE_ARGS "server: text, pool: text, from: map, to: map, data_centre: text?"

/* A pool as the site describes it; all borrowed. */
struct pool {
    const char *name;
    const char *table;
    struct bsc_lib_target target;
};

/* The server is an argument because it names the worker thread; it must be the pool's own. */
static bool pool_find(const struct bsc_lib_call *call, const char *described, bool read_only,
                      struct pool *ret, struct bsc_err *err)
{
    const char *server = NULL, *name = NULL;
    if (!bsc_lib_args_known(call->args, described, err) ||
        !bsc_lib_args_text(call->args, "server", &server, err) ||
        !bsc_lib_args_text(call->args, "pool", &name, err))
        return false;
    if (call->env->site == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no site to look up pool '%s' in", name);
    const struct bsc_value *about = bsc_site_pool(call->env->site, name);
    if (about == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no pool '%s' in the site", name);
    const char *driver = bsc_value_get_string(about, "driver");
    const char *own = bsc_value_get_string(about, "server");
    if (driver == NULL || strcmp(driver, "table") != 0)
        return bsc_err_set(err, BSC_ERR_UNSUPPORTED, "pool '%s' is driven by '%s', not by a table",
                           name, driver != NULL ? driver : "nothing");
    if (own == NULL || strcmp(own, server) != 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "pool '%s' is on server '%s', not on '%s'", name,
                           own != NULL ? own : "", server);
    *ret = (struct pool){.name = name,
                         .table = bsc_value_get_string(about, "table"),
                         .target = {.server = own,
                                    .file = bsc_value_get_string(about, "file"),
                                    .database = bsc_value_get_string(about, "table_database"),
                                    .read_only = read_only}};
    return ret->table != NULL ||
           bsc_err_set(err, BSC_ERR_INVALID, "pool '%s' has no table in the site file", name);
}

static bool statement_run(const struct bsc_lib_call *call, const struct pool *pool,
                          const struct bsc_pools_statement *statement, struct bsc_sql_result *ret,
                          struct bsc_err *err)
{
    struct bsc_sql_limits limits = {.timeout_ms = bsc_lib_call_left_ms(call),
                                    .cancel = call->cancel};
    return bsc_lib_call_continue(call, err) &&
           bsc_lib_env_run(call->env, &pool->target, statement->sql.data, statement->params,
                           &limits, ret, err);
}

static struct bsc_value *pool_read(const struct bsc_lib_call *call, const struct pool *pool,
                                   bool *ret_answered, struct bsc_err *err)
{
    struct bsc_pools_statement statement = {0};
    struct bsc_sql_result result = {0};
    struct bsc_value *facts = NULL;
    bsc_pools_table_read(pool->table, pool->name, &statement);
    *ret_answered = statement_run(call, pool, &statement, &result, err);
    if (*ret_answered)
        facts = bsc_pools_table_facts(pool->name,
                                      bsc_value_get(bsc_value_at(result.sets, 0), "rows"), err);
    bsc_sql_result_release(&result);
    bsc_pools_statement_release(&statement);
    return facts;
}

/* The facts of a pool whose table does not answer. */
static struct bsc_value *unreachable_facts(const struct bsc_err *why)
{
    struct bsc_value *facts = bsc_value_map();
    bsc_value_set_text(facts, "state", "unreachable");
    bsc_value_set(facts, "active_servers", bsc_value_list());
    bsc_value_set_int(facts, "version", 0);
    bsc_value_set(
        facts, "reason",
        bsc_value_format("%s%s%s", why->message, why->cause[0] != '\0' ? ": " : "", why->cause));
    return facts;
}

/* A writer that died within a change of the table left it to the next one who may write, which
 * takes the half of it back. Looking must not do so; what there will be then is read aside. When
 * somebody else was first meanwhile, the table itself tells again. */
static struct bsc_value *settled_read(const struct bsc_lib_call *call, struct pool *pool,
                                      bool *ret_answered, struct bsc_err *why)
{
    static const char reason[] = "a writer was killed while it changed the table; this is what it "
                                 "was before, and will be as soon as somebody writes to it";
    struct bsc_value *facts = pool_read(call, pool, ret_answered, why);
    if (facts != NULL || why->code != BSC_ERR_UNSETTLED)
        return facts;
    pool->target.aside = true;
    facts = pool_read(call, pool, ret_answered, why);
    if (facts != NULL)
        bsc_value_set_text(facts, "reason", reason);
    pool->target.aside = false;
    return facts == NULL && why->code == BSC_ERR_CONFLICT ? pool_read(call, pool, ret_answered, why)
                                                          : facts;
}

static bool state_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct pool pool = {0};
    struct bsc_err why = BSC_ERR_INIT;
    bool answered = false;
    if (!pool_find(call, STATE_ARGS, true, &pool, err))
        return false;
    struct bsc_value *facts = settled_read(call, &pool, &answered, &why);
    if (facts == NULL && !answered && why.code != BSC_ERR_CANCELLED)
        facts = unreachable_facts(&why);
    if (facts == NULL) {
        *err = why;
        return false;
    }
    *ret = facts;
    return true;
}

/* Reads one side of an update; what `to` leaves out stays as in `from`. */
static bool version_read(const struct bsc_value *args, const char *side,
                         const struct bsc_pools_version *fallback, struct bsc_pools_version *ret,
                         struct bsc_err *err)
{
    const struct bsc_value *map = bsc_value_get(args, side);
    if (bsc_value_kind(map) != BSC_VALUE_MAP)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument '%s' is not a map", side);
    if (fallback == NULL)
        return bsc_lib_args_text(map, "state", &ret->state, err) &&
               bsc_lib_args_list(map, "active_servers", &ret->active_servers, err) &&
               bsc_lib_args_count(map, "version", &ret->version, err);
    if (!bsc_lib_args_text_or(map, "state", fallback->state, &ret->state, err) ||
        !bsc_lib_args_list_or(map, "active_servers", &ret->active_servers, err))
        return false;
    if (bsc_value_kind(bsc_value_get(map, "active_servers")) == BSC_VALUE_NULL)
        ret->active_servers = fallback->active_servers;
    return bsc_pools_state_known(ret->state) ||
           bsc_err_set(err, BSC_ERR_USAGE, "a pool cannot have the state '%s'", ret->state);
}

/* Holds a new choice of active servers against the rule. Leaving them alone needs none: the old
 * ones may well be in the data centre that burnt down. */
static bool servers_check(const struct bsc_lib_call *call, const struct pool *pool,
                          const struct bsc_pools_version *from, const struct bsc_pools_version *to,
                          struct bsc_err *err)
{
    const char *data_centre = NULL;
    /* Where nobody is active nobody is in the wrong place. */
    if (from->active_servers == to->active_servers || bsc_value_count(to->active_servers) == 0 ||
        bsc_value_equal(from->active_servers, to->active_servers))
        return true;
    return bsc_lib_args_text(call->args, "data_centre", &data_centre, err) &&
           bsc_pools_active_check(bsc_site_value(call->env->site), pool->name, data_centre,
                                  to->active_servers, err);
}

static bool swap_run(const struct bsc_lib_call *call, const struct pool *pool,
                     const struct bsc_pools_version *from, const struct bsc_pools_version *to,
                     struct bsc_err *err)
{
    struct bsc_pools_statement statement = {0};
    struct bsc_sql_result result = {0};
    bsc_pools_table_swap(pool->table, pool->name, from, to, &statement);
    bool done = statement_run(call, pool, &statement, &result, err);
    if (done && result.affected != 1) {
        done = bsc_err_set(err, BSC_ERR_CONFLICT,
                           "pool '%s' is no longer '%s' in version %lld: nothing was changed",
                           pool->name, from->state, (long long)from->version);
        bsc_err_hint(err, "Somebody else changed the pool; look at it again before going on.");
    }
    bsc_sql_result_release(&result);
    bsc_pools_statement_release(&statement);
    return done;
}

static bool update_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct pool pool = {0};
    struct bsc_pools_version from = {0}, to = {0};
    if (!pool_find(call, UPDATE_ARGS, false, &pool, err) ||
        !version_read(call->args, "from", NULL, &from, err) ||
        !version_read(call->args, "to", &from, &to, err) ||
        !servers_check(call, &pool, &from, &to, err) || !swap_run(call, &pool, &from, &to, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "rows", 1);
    bsc_value_set_int(*ret, "version", from.version + 1);
    return true;
}

const struct bsc_lib_row bsc_lib_row_pools_state = {
    .name = "pools.state",
    .effect = BSC_LIB_READ,
    .run = state_run,
    .lane = "server",
    .args = STATE_ARGS,
    .result = "map {state: text, active_servers: list, version: int, reason: text?}",
    .doc = "Reads a pool from its table; where a writer was killed, as it will be once that half "
           "change is taken back.",
};

const struct bsc_lib_row bsc_lib_row_pools_update = {
    .name = "pools.update",
    .effect = BSC_LIB_WRITE,
    .run = update_run,
    .lane = "server",
    .args = UPDATE_ARGS,
    .result = "map {rows: int, version: int}",
    .doc = "Changes a pool's state or active servers if it still is as given; new active servers "
           "must be near the data centre.",
};
