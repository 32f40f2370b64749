#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "lib/wal_memo_int.h"
#include "lib/wal_tail_int.h"
#include "os/files.h"

enum { LIST_MAX = 1000 };

static bool take_disks(const struct bsc_value *list, struct bsc_lib_tail *tail, struct bsc_err *err)
{
    const size_t count = bsc_value_count(list);
    if (count > BSC_LIB_TAIL_DISKS)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument 'salvage' names more than %d folders",
                           BSC_LIB_TAIL_DISKS);
    for (size_t i = 0; i < count; i++) {
        tail->disks[i] = bsc_value_string(bsc_value_at(list, i));
        if (tail->disks[i] == NULL || tail->disks[i][0] != '/')
            return bsc_err_set(err, BSC_ERR_USAGE, "argument 'salvage' must be a list of paths");
    }
    tail->order.salvage = tail->disks;
    tail->order.salvage_count = count;
    return true;
}

bool bsc_lib_tail_places(const struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                         struct bsc_err *err)
{
    const struct bsc_value *disks = NULL;
    if (!bsc_lib_args_list(call->args, "salvage", &disks, err) || !take_disks(disks, tail, err) ||
        !bsc_lib_args_path(call->args, "destination", &tail->order.destination, err) ||
        !bsc_lib_args_path_or(call->args, "share", NULL, &tail->order.share, err))
        return false;
    tail->order.sys = call->env->sys;
    tail->order.cancel = call->cancel;
    return true;
}

bool bsc_lib_tail_log(struct bsc_lib_tail *tail, int64_t timeline, int64_t segment,
                      const char *system, struct bsc_err *err)
{
    tail->order.system = system == NULL ? 0 : strtoull(system, NULL, 10);
    if (timeline < 1 || timeline > UINT32_MAX || segment < 1 || segment > UINT32_MAX ||
        tail->order.system == 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no such log of PostgreSQL");
    tail->order.timeline = (uint32_t)timeline;
    tail->order.segment = (uint32_t)segment;
    return true;
}

/* wal.tail */

#define TAIL_ARGS                                                                                  \
    "salvage: list, destination: text, share: text?, timeline: int, segment: int, system: text, "  \
    "after_lsn: int, parted: bool?, mirrors: int?"

/* What is asked of the disks, whichever row does. Returns owned. */
static struct bsc_value *question_of(const struct bsc_logs_pg_tail_order *order)
{
    struct bsc_value *question = bsc_value_map(), *disks = bsc_value_list();
    for (size_t i = 0; i < order->salvage_count; i++)
        bsc_value_append(disks, bsc_value_text(order->salvage[i]));
    bsc_value_set(question, "salvage", disks);
    bsc_value_set_int(question, "mirrors", (int64_t)order->mirrors);
    bsc_value_set_text(question, "destination", order->destination);
    if (order->share != NULL)
        bsc_value_set_text(question, "share", order->share);
    bsc_value_set_int(question, "timeline", order->timeline);
    bsc_value_set_int(question, "segment", order->segment);
    bsc_value_set(question, "system", bsc_value_format("%" PRIu64, order->system));
    bsc_value_set_int(question, "after_lsn", (int64_t)order->after_lsn);
    bsc_value_set_bool(question, "parted", order->parted);
    return question;
}

/* Everything that looking at the tail looks at. Log files that end a whole one before its beginning
 * tell nothing of it. */
static bool make_key(const struct bsc_lib_call *call, const struct bsc_lib_tail *tail,
                     char ret_key[BSC_DIGEST_HEX])
{
    const struct bsc_logs_pg_tail_order *order = &tail->order;
    const uint64_t back = 2 * (uint64_t)order->segment;
    const char *paths[2 * BSC_LIB_TAIL_DISKS + 2] = {order->destination};
    char *logs[BSC_LIB_TAIL_DISKS] = {NULL}, first[BSC_LOGS_PG_NAME];
    struct bsc_lib_wal_memo_folders folders = {.paths = paths, .count = 1, .first = first};
    bsc_logs_pg_name(order->timeline, order->after_lsn > back ? order->after_lsn - back : 0,
                     order->segment, first);
    for (size_t i = 0; i < order->salvage_count; i++) {
        logs[i] = bsc_files_join(tail->disks[i], "pg_wal");
        paths[folders.count++] = logs[i];
        paths[folders.count++] = tail->disks[i];
    }
    if (order->share != NULL)
        paths[folders.count++] = order->share;
    struct bsc_value *question = question_of(order);
    bool keeps = bsc_lib_wal_memo_folder_key(call->env, question, &folders, ret_key);
    bsc_value_free(question);
    for (size_t i = 0; i < order->salvage_count; i++)
        bsc_mem_free(logs[i]);
    return keeps;
}

/* Only what can be told of a tail is kept: what cannot be read now may be read the next time. */
static bool is_told(const struct bsc_value *facts)
{
    const char *state = bsc_value_get_string(facts, "state");
    return state != NULL && strcmp(state, "unavailable") != 0 && strcmp(state, "damaged") != 0;
}

/* Whether a server works with the disks is looked at each time, right before the files: once more
 * where they are read, since to tell what they are takes its time. */
static struct bsc_value *look(const struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                              struct bsc_err *err)
{
    char key[BSC_DIGEST_HEX] = "";
    tail->order.rests = bsc_logs_pg_tail_rests(&tail->order);
    bool keeps = tail->order.rests && make_key(call, tail, key);
    struct bsc_value *facts = keeps ? bsc_lib_wal_memo_find(call->env, key) : NULL;
    if (facts != NULL)
        return facts;
    tail->order.rests = false;
    facts = bsc_logs_pg_tail(&tail->order, err);
    if (keeps && is_told(facts))
        bsc_lib_wal_memo_keep(call->env, key, facts);
    return facts;
}

static bool tail_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_tail tail = {.order = {.list_max = LIST_MAX}};
    const char *system = NULL;
    int64_t timeline = 0, segment = 0, mirrors = 0, after_lsn = 0;
    if (!bsc_lib_args_known(call->args, TAIL_ARGS, err) || !bsc_lib_tail_places(call, &tail, err) ||
        !bsc_lib_args_count(call->args, "after_lsn", &after_lsn, err) ||
        !bsc_lib_args_count(call->args, "timeline", &timeline, err) ||
        !bsc_lib_args_count(call->args, "segment", &segment, err) ||
        !bsc_lib_args_text(call->args, "system", &system, err) ||
        !bsc_lib_args_count_or(call->args, "mirrors", 0, &mirrors, err) ||
        !bsc_lib_args_bool_or(call->args, "parted", false, &tail.order.parted, err) ||
        !bsc_lib_tail_log(&tail, timeline, segment, system, err))
        return false;
    tail.order.mirrors = (size_t)mirrors;
    tail.order.after_lsn = (uint64_t)after_lsn;
    *ret = look(call, &tail, err);
    return *ret != NULL;
}

const struct bsc_lib_row bsc_lib_row_wal_tail = {
    .name = "wal.tail",
    .effect = BSC_LIB_READ,
    .run = tail_run,
    .args = TAIL_ARGS,
    .result = "map {state: text, first_lsn: int?, last_lsn: int?, time: text?, commits: int?, "
              "commit_list: list of text?, prepared: int?, reason: text}",
    .doc =
        "Says what a dead PostgreSQL server committed after an LSN, read record by record from "
        "its disk or a mirror's; `parted` says that the copy was brought online there, `mirrors` "
        "how many disks, the last ones, are mirrors', whose log may end before the primary's.",
};

/* wal.salvage */

#define SALVAGE_ARGS                                                                               \
    "salvage: list, destination: text, share: text?, server: text, database: text, "               \
    "after_lsn: int, last_lsn: int"

/* The log that the standby follows: no other one must reach its folder. */
static bool ask_standby(struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                        const struct bsc_lib_target *target, struct bsc_err *err)
{
    static const char question[] =
        "SELECT (SELECT greatest(timeline_id, min_recovery_end_timeline)"
        " FROM pg_control_checkpoint(), pg_control_recovery()),"
        " (SELECT setting::bigint * CASE unit WHEN '8kB' THEN 8192 ELSE 1 END FROM pg_settings"
        " WHERE name = 'wal_segment_size'),"
        " (SELECT system_identifier::text FROM pg_control_system()), pg_is_in_recovery()::int";
    struct bsc_value *row = bsc_lib_standby_ask(call, target, question, NULL, err);
    if (row == NULL)
        return false;
    bool ok = bsc_value_number(bsc_value_at(row, 3), 0) == 1;
    if (!ok)
        bsc_err_set(err, BSC_ERR_CONFLICT, "\"%s\" is not in recovery: it is online already",
                    target->server);
    ok = ok && bsc_lib_tail_log(tail, bsc_value_number(bsc_value_at(row, 0), 0),
                                bsc_value_number(bsc_value_at(row, 1), 0),
                                bsc_value_string(bsc_value_at(row, 2)), err);
    bsc_value_free(row);
    return ok;
}

/* What the last look at the same files told, if it was of one disk, and of all that is to be
 * salvaged. Whatever is handed over is read again before it gets its name. */
static bool recall(const struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                   struct bsc_logs_pg_told *ret)
{
    const struct bsc_logs_pg_tail_order *order = &tail->order;
    char key[BSC_DIGEST_HEX] = "";
    tail->order.rests = bsc_logs_pg_tail_rests(order);
    bool keeps = tail->order.rests && order->salvage_count == 1 && make_key(call, tail, key);
    struct bsc_value *facts = keeps ? bsc_lib_wal_memo_find(call->env, key) : NULL;
    const char *state = bsc_value_get_string(facts, "state");
    const char *time = bsc_value_get_string(facts, "time");
    *ret =
        (struct bsc_logs_pg_told){.last_lsn = (uint64_t)bsc_value_get_number(facts, "last_lsn", 0),
                                  .commits = bsc_value_get_number(facts, "commits", 0)};
    bool known = state != NULL && strcmp(state, "available") == 0 &&
                 (order->last_lsn == 0 || order->last_lsn == ret->last_lsn) &&
                 (time == NULL || bsc_clock_parse(time, &ret->time_ms));
    bsc_value_free(facts);
    tail->order.rests = known;
    return known;
}

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

static bool salvage_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_tail tail = {.order = {.progress = report, .progress_arg = call}};
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_logs_pg_told told;
    struct bsc_lib_target target;
    int64_t after_lsn = 0, last_lsn = 0;
    if (!bsc_lib_args_known(call->args, SALVAGE_ARGS, err) ||
        !bsc_lib_tail_places(call, &tail, err) ||
        !bsc_lib_args_count(call->args, "after_lsn", &after_lsn, err) ||
        !bsc_lib_args_count(call->args, "last_lsn", &last_lsn, err))
        return false;
    tail.order.after_lsn = (uint64_t)after_lsn;
    tail.order.last_lsn = (uint64_t)last_lsn;
    if (!bsc_lib_standby_target(call, &target, err) || !ask_standby(call, &tail, &target, err))
        return false;
    tail.order.told = recall(call, &tail, &told) ? &told : NULL;
    if (!bsc_logs_pg_salvage(&tail.order, &salvaged, err))
        return false;
    (void)bsc_lib_standby_wake(call, &target); /* otherwise it looks by itself, later */
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "first_lsn", (int64_t)salvaged.first_lsn);
    bsc_value_set_int(*ret, "last_lsn", (int64_t)salvaged.last_lsn);
    bsc_value_set_int(*ret, "commits", salvaged.commits);
    bsc_value_set_int(*ret, "files", salvaged.files);
    return true;
}

const struct bsc_lib_row bsc_lib_row_wal_salvage = {
    .name = "wal.salvage",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = salvage_run,
    .lane = "server",
    .args = SALVAGE_ARGS,
    .result = "map {first_lsn: int, last_lsn: int, commits: int, files: int}",
    .doc = "Hands what a dead PostgreSQL server committed from one LSN to another to a standby, as "
           "log files in the folder that it restores from, and wakes it; the dead disk is only "
           "read.",
};
