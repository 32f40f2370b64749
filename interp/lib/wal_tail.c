#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "lib/wal_tail_int.h"

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
    *ret = bsc_logs_pg_tail(&tail.order, err);
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

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

static bool salvage_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_tail tail = {.order = {.progress = report, .progress_arg = call}};
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_lib_target target;
    int64_t after_lsn = 0, last_lsn = 0;
    if (!bsc_lib_args_known(call->args, SALVAGE_ARGS, err) ||
        !bsc_lib_tail_places(call, &tail, err) ||
        !bsc_lib_args_count(call->args, "after_lsn", &after_lsn, err) ||
        !bsc_lib_args_count(call->args, "last_lsn", &last_lsn, err))
        return false;
    tail.order.after_lsn = (uint64_t)after_lsn;
    tail.order.last_lsn = (uint64_t)last_lsn;
    if (!bsc_lib_standby_target(call, &target, err) || !ask_standby(call, &tail, &target, err) ||
        !bsc_logs_pg_salvage(&tail.order, &salvaged, err))
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
