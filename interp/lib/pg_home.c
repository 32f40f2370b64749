#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/pg_feed_int.h"
#include "lib/rows_int.h"
#include "logs/history.h"

/* ------------------------------------------------------------ standby.catch_up */

#define CATCH_UP_ARGS "from: text, server: text, database: text, share: text, destination: text?"

static bool catch_up(struct bsc_lib_call *call, int64_t *ret_lsn, struct bsc_err *err)
{
    struct bsc_lib_pg_asked from = {.call = call}, copy = {.call = call};
    struct bsc_lib_pg_end end;
    const char *share = NULL, *destination = NULL;
    int64_t replayed = 0;
    if (!bsc_lib_args_known(call->args, CATCH_UP_ARGS, err) ||
        !bsc_lib_args_text(call->args, "from", &from.server, err) ||
        !bsc_lib_args_text(call->args, "server", &copy.server, err) ||
        !bsc_lib_args_text(call->args, "database", &copy.database, err) ||
        !bsc_lib_args_path(call->args, "share", &share, err) ||
        !bsc_lib_args_path_or(call->args, "destination", NULL, &destination, err))
        return false;
    from.database = copy.database;
    if (!bsc_lib_pg_ship(&from, share, &end, err) ||
        !bsc_lib_pg_number(&copy, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint", &replayed,
                           err) ||
        (destination != NULL && !bsc_lib_pg_carry(call, share, replayed, &end, err)))
        return false;
    *ret_lsn = end.lsn;
    return bsc_lib_standby_replay(call, end.lsn, err);
}

static bool catch_up_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t lsn = 0;
    bool ok = catch_up(call, &lsn, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_int(*ret, "lsn", lsn);
    }
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_catch_up = {
    .name = "standby.catch_up",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = catch_up_run,
    .lane = "server",
    .args = CATCH_UP_ARGS,
    .result = "map {lsn: int}",
    .doc = "Has a PostgreSQL server ship its log, or takes one that was handed over as it is, and "
           "waits until a standby of it has replayed all of that.",
};

/* ------------------------------------------------------------ standby.ship_from */

enum { FIRST_TIMELINE = 1 };

/* Where the timeline of the other server left the one before. The first one left none, and has no
 * history. */
static bool read_parting(const struct bsc_lib_pg_asked *from, const char *share,
                         struct bsc_mirrors_pg_feed *feed, struct bsc_err *err)
{
    char name[32];
    struct bsc_logs_history history;
    if (!bsc_lib_pg_timeline(from, &feed->follows, err))
        return false;
    if (feed->follows == FIRST_TIMELINE)
        return true;
    snprintf(name, sizeof name, "%08X.history", (unsigned)feed->follows);
    char *path = bsc_lib_pg_await_shared(from, share, name, err);
    bool ok = path != NULL && bsc_logs_history_read(from->call->env->sys, path, &history, err);
    if (ok)
        feed->follows_lsn = (int64_t)history.lsn;
    bsc_mem_free(path);
    return ok;
}

/* The server follows whatever timeline its log goes on with, as it did before it was online. It
 * ended where that timeline begins, so that whatever it has replayed beyond is of that one, however
 * late its control file tells. The mark tells whoever looks meanwhile why nobody answers. */
static bool follow_on(const struct bsc_lib_pg_side *side, const struct bsc_lib_pg_asked *from,
                      const char *share, struct bsc_err *err)
{
    struct bsc_mirrors_pg_feed feed = {.timeline = "latest"};
    return read_parting(from, share, &feed, err) &&
           bsc_lib_pg_feed_mark(&side->place, BSC_LIB_PG_FOLLOWING, err) &&
           bsc_lib_pg_feed_stop(side, err) && bsc_lib_pg_feed_settings(&side->place, &feed, err) &&
           bsc_lib_pg_feed_mark(&side->place, "standby.signal", err) &&
           bsc_lib_pg_feed_start(side, true, err);
}

static bool ship_from(struct bsc_lib_call *call, int64_t *ret_lsn, struct bsc_err *err)
{
    struct bsc_lib_pg_asked from = {.call = call};
    struct bsc_lib_pg_side side = {0};
    const char *share = NULL;
    if (!bsc_lib_args_known(call->args, CATCH_UP_ARGS, err) ||
        !bsc_lib_args_text(call->args, "from", &from.server, err) ||
        !bsc_lib_args_path(call->args, "share", &share, err) ||
        !bsc_lib_pg_side_find(call, &side, err))
        return false;
    from.database = side.asked.database;
    return follow_on(&side, &from, share, err) &&
           bsc_lib_pg_feed_settle(&side, &from, share, ret_lsn, err) &&
           bsc_lib_pg_feed_unmark(&side.place, BSC_LIB_PG_FOLLOWING, err);
}

static bool ship_from_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t lsn = 0;
    bool ok = ship_from(call, &lsn, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_int(*ret, "lsn", lsn);
    }
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_ship_from = {
    .name = "standby.ship_from",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = ship_from_run,
    .lane = "server",
    .args = CATCH_UP_ARGS,
    .result = "map {lsn: int}",
    .doc = "Has a standby that ends where a PostgreSQL server was brought online follow the "
           "timeline of that server, by the log files of it that were shipped until now.",
};

/* ------------------------------------------------------------ standby.go_on */

#define GO_ON_ARGS "server: text, database: text"

/* Whatever it had got of its new settings, it is a standby as it was: the mark goes last. */
static bool go_on_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_side side = {0};
    bool ok = bsc_lib_args_known(call->args, GO_ON_ARGS, err) &&
              bsc_lib_pg_side_find(call, &side, err) && bsc_lib_pg_feed_start(&side, true, err) &&
              bsc_lib_pg_feed_unmark(&side.place, BSC_LIB_PG_FOLLOWING, err);
    if (ok)
        *ret = bsc_value_map();
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_go_on = {
    .name = "standby.go_on",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = go_on_run,
    .lane = "server",
    .args = GO_ON_ARGS,
    .result = "map {}",
    .doc = "Starts a standby of PostgreSQL again that was stopped to follow another server, and "
           "has not come to that.",
};
