#include "lib/pg_feed_int.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "lib/args.h"
#include "lib/standby_int.h"
#include "os/clock.h"
#include "os/files.h"

enum { LOOK_EVERY_MS = 20, ANSWERS_WITHIN_MS = 60000, SHIPPED_WITHIN_MS = 120000, NAME_BYTES = 32 };

bool bsc_lib_pg_side_find(struct bsc_lib_call *call, struct bsc_lib_pg_side *ret,
                          struct bsc_err *err)
{
    ret->asked.call = call;
    return bsc_lib_args_text(call->args, "server", &ret->asked.server, err) &&
           bsc_lib_args_text(call->args, "database", &ret->asked.database, err) &&
           bsc_lib_pg_place_find(call, ret->asked.server, &ret->place, err) &&
           bsc_lib_call_continue(call, err);
}

/* ------------------------------------------------------------ files of a data folder */

static char *path_in(const struct bsc_lib_pg_place *place, const char *name)
{
    return bsc_files_join(place->folder, name);
}

static bool read_own(const struct bsc_lib_pg_place *place, const char *path, struct bsc_buf *out,
                     struct bsc_err *err)
{
    const char *const argv[] = {"cat", "--", path, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, "could not read the settings", &program, &result, err);
    if (ok)
        bsc_buf_add(out, result.out.data, result.out.length);
    bsc_process_result_release(&result);
    return ok;
}

bool bsc_lib_pg_feed_settings(const struct bsc_lib_pg_place *place,
                              const struct bsc_mirrors_pg_feed *feed, struct bsc_err *err)
{
    struct bsc_buf own, settings;
    char *path = path_in(place, "postgresql.auto.conf");
    bsc_buf_init(&own);
    bsc_buf_init(&settings);
    bool ok = read_own(place, path, &own, err);
    if (ok) {
        bsc_mirrors_pg_feed_settings(own.data, feed, &settings);
        ok = settings.length <= BSC_PROCESS_INPUT
                 ? bsc_lib_pg_place_fill(place, path, settings.data, err)
                 : bsc_err_set(err, BSC_ERR_LIMIT, "%s has more than 64 KiB", path);
    }
    bsc_buf_release(&own);
    bsc_buf_release(&settings);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lib_pg_feed_mark(const struct bsc_lib_pg_place *place, const char *name,
                          struct bsc_err *err)
{
    static const char what[] = "could not mark the data folder";
    char *path = path_in(place, name);
    const char *const touch[] = {"touch", "--", path, NULL};
    const char *const sync[] = {"sync", "--", path, place->folder, NULL};
    bool ok =
        bsc_lib_pg_place_do(place, what, touch, err) && bsc_lib_pg_place_do(place, what, sync, err);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lib_pg_feed_unmark(const struct bsc_lib_pg_place *place, const char *name,
                            struct bsc_err *err)
{
    static const char what[] = "could not take a mark out of the data folder";
    char *path = path_in(place, name);
    const char *const remove[] = {"rm", "-f", "--", path, NULL};
    const char *const sync[] = {"sync", "--", place->folder, NULL};
    bool ok = bsc_lib_pg_place_do(place, what, remove, err) &&
              bsc_lib_pg_place_do(place, what, sync, err);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lib_pg_feed_marked(const struct bsc_lib_pg_place *place, const char *name, bool *ret,
                            struct bsc_err *err)
{
    char *path = path_in(place, name);
    bool ok = bsc_lib_pg_place_has(place, path, ret, err);
    bsc_mem_free(path);
    return ok;
}

/* ------------------------------------------------------------ the server */

bool bsc_lib_pg_number(const struct bsc_lib_pg_asked *asked, const char *sql, int64_t *ret,
                       struct bsc_err *err)
{
    char *text = NULL;
    if (!bsc_lib_pg_ask(asked, sql, NULL, &text, err))
        return false;
    bool ok = bsc_num_parse(text, strlen(text), ret) ||
              bsc_err_set(err, BSC_ERR_SQL, "server \"%s\" gives no number", asked->server);
    bsc_mem_free(text);
    return ok;
}

static int64_t now_ms(const struct bsc_lib_call *call)
{
    return call->env->clock->mono_us(call->env->clock->self) / 1000;
}

bool bsc_lib_pg_feed_start(const struct bsc_lib_pg_side *side, bool restoring, struct bsc_err *err)
{
    struct bsc_lib_call *call = side->asked.call;
    struct bsc_err failure = BSC_ERR_INIT;
    int64_t seen = -1, until_ms = now_ms(call) + ANSWERS_WITHIN_MS;
    bool running = false;
    if (!bsc_lib_pg_place_runs(&side->place, &running, err) ||
        (!running && !bsc_lib_pg_place_start(&side->place, err)))
        return false;
    while (!bsc_lib_pg_number(&side->asked, "SELECT pg_is_in_recovery()::int", &seen, &failure) ||
           seen != restoring) {
        if (!bsc_lib_call_continue(call, err))
            return false;
        if (now_ms(call) > until_ms)
            return bsc_err_set(err, BSC_ERR_TIMEOUT, "%s was started and does not answer%s%s",
                               side->place.server, restoring ? " as a standby" : "",
                               seen < 0 ? "" : ": it is what it was before");
        bsc_clock_pause(LOOK_EVERY_MS, call->cancel);
    }
    return true;
}

/* Our own connections would be among those that the server has to cut off. */
bool bsc_lib_pg_feed_stop(const struct bsc_lib_pg_side *side, struct bsc_err *err)
{
    bsc_lib_env_close_connections(side->asked.call->env);
    return bsc_lib_pg_place_stop(&side->place, err);
}

/* ------------------------------------------------------------ following a log */

static void name_of(int64_t timeline, int64_t lsn, int64_t segment, char ret[NAME_BYTES])
{
    snprintf(ret, NAME_BYTES, "%08X%08X%08X", (unsigned)timeline, (unsigned)((uint64_t)lsn >> 32),
             (unsigned)((uint32_t)lsn / (uint32_t)segment));
}

/* The log ends where a file begins right after that was closed; what it held is in the one before
 * it. */
static int64_t last_file_lsn(const struct bsc_lib_pg_end *end)
{
    return end->lsn > 0 ? end->lsn - 1 : 0;
}

char *bsc_lib_pg_await_shared(const struct bsc_lib_pg_asked *from, const char *share,
                              const char *name, struct bsc_err *err)
{
    struct bsc_lib_call *call = from->call;
    int64_t until_ms = now_ms(call) + SHIPPED_WITHIN_MS;
    char *path = bsc_files_join(share, name);
    while (!bsc_files_exists(call->env->sys, path)) {
        bool ok = bsc_lib_call_continue(call, err);
        if (ok && now_ms(call) > until_ms) {
            ok = bsc_err_set(err, BSC_ERR_TIMEOUT, "%s of %s does not reach %s", name, from->server,
                             share);
            bsc_err_hint(err, "Look at its archive_command, and at pg_stat_archiver.");
        }
        if (!ok) {
            bsc_mem_free(path);
            return NULL;
        }
        bsc_clock_pause(LOOK_EVERY_MS, call->cancel);
    }
    return path;
}

static bool await_shipped(const struct bsc_lib_pg_asked *from, const char *share,
                          const struct bsc_lib_pg_end *end, struct bsc_err *err)
{
    char name[NAME_BYTES];
    name_of(end->timeline, last_file_lsn(end), end->segment, name);
    char *path = bsc_lib_pg_await_shared(from, share, name, err);
    bool there = path != NULL;
    bsc_mem_free(path);
    return there;
}

bool bsc_lib_pg_timeline(const struct bsc_lib_pg_asked *asked, int64_t *ret, struct bsc_err *err)
{
    static const char question[] =
        "SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT greatest(timeline_id,"
        " min_recovery_end_timeline) FROM pg_control_checkpoint(), pg_control_recovery()) ELSE"
        " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END";
    return bsc_lib_pg_number(asked, question, ret, err);
}

/* Where the file in use holds nothing yet, it is not closed, and the place is where it begins. */
bool bsc_lib_pg_ship(const struct bsc_lib_pg_asked *from, const char *share,
                     struct bsc_lib_pg_end *ret, struct bsc_err *err)
{
    static const char segment[] = "SELECT pg_size_bytes(current_setting('wal_segment_size'))";
    static const char replayed[] = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint";
    static const char closed[] = "SELECT (pg_switch_wal() - '0/0')::bigint";
    int64_t restoring = 0;
    if (!bsc_lib_pg_number(from, "SELECT pg_is_in_recovery()::int", &restoring, err) ||
        !bsc_lib_pg_number(from, segment, &ret->segment, err) ||
        !bsc_lib_pg_timeline(from, &ret->timeline, err))
        return false;
    ret->restoring = restoring == 1;
    return bsc_lib_pg_number(from, ret->restoring ? replayed : closed, &ret->lsn, err) &&
           await_shipped(from, share, ret, err);
}

bool bsc_lib_pg_carry(struct bsc_lib_call *call, const char *share, int64_t first_lsn,
                      const struct bsc_lib_pg_end *end, struct bsc_err *err)
{
    char name[NAME_BYTES];
    struct bsc_logs_segments_result result;
    struct bsc_value *names = bsc_value_list();
    snprintf(name, sizeof name, "%08X.history", (unsigned)end->timeline);
    char *history = bsc_files_join(share, name);
    if (bsc_files_exists(call->env->sys, history))
        bsc_value_append(names, bsc_value_text(name));
    int64_t first = first_lsn / end->segment * end->segment;
    for (int64_t lsn = first; lsn <= last_file_lsn(end); lsn += end->segment) {
        name_of(end->timeline, lsn, end->segment, name);
        bsc_value_append(names, bsc_value_text(name));
    }
    bool ok = bsc_lib_wal_copy(call, names, NULL, &result, err);
    bsc_mem_free(history);
    bsc_value_free(names);
    return ok;
}

/* Which timeline a standby is on is told by its control file, which is written now and then only:
 * after a checkpoint that it has replayed, when it is told to. */
bool bsc_lib_pg_feed_settle(const struct bsc_lib_pg_side *side, const struct bsc_lib_pg_asked *from,
                            const char *share, int64_t *ret_lsn, struct bsc_err *err)
{
    struct bsc_lib_call *call = side->asked.call;
    struct bsc_lib_pg_end end;
    int64_t replayed = 0, found = 0;
    if (!bsc_lib_pg_execute(from, "CHECKPOINT", false, err) ||
        !bsc_lib_pg_ship(from, share, &end, err) ||
        !bsc_lib_pg_number(&side->asked, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint",
                           &replayed, err) ||
        (bsc_value_get(call->args, "destination") != NULL &&
         !bsc_lib_pg_carry(call, share, replayed, &end, err)) ||
        !bsc_lib_standby_replay(call, end.lsn, err) ||
        !bsc_lib_pg_execute(&side->asked, "CHECKPOINT", false, err) ||
        !bsc_lib_pg_timeline(&side->asked, &found, err))
        return false;
    *ret_lsn = end.lsn;
    return found == end.timeline ||
           bsc_err_set(err, BSC_ERR_CONFLICT, "%s is on timeline %lld instead of %lld",
                       side->place.server, (long long)found, (long long)end.timeline);
}
