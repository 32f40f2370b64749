#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "lib/wal_memo_int.h"
#include "lib/wal_way_int.h"
#include "logs/history.h"
#include "logs/pg_log.h"
#include "logs/pg_parts.h"
#include "logs/segments.h"
#include "os/files.h"

/* wal.copy */

#define COPY_ARGS                                                                                  \
    "share: text, destination: text, data: text?, files: list, server: text, database: text"

struct copy {
    struct bsc_lib_call *call;
    struct bsc_lib_target target;
    int64_t segment;  /* bytes of each log file */
    int64_t replayed; /* where the standby was when it was asked last; INT64_MAX before */
    bool deaf;        /* the standby cannot be woken: it looks by itself, later */
};

static void report(void *arg, int64_t done, int64_t total)
{
    const struct copy *copy = arg;
    bsc_lib_call_progress(copy->call, done, total, "bytes");
}

/* Whether the standby is at work, and still has a whole file to replay before one that begins at
 * `first_lsn`: it will find that by itself when it has come there. One that does not move may sleep
 * before a file that it has not seen yet. */
static bool is_behind(struct copy *copy, int64_t first_lsn)
{
    static const char question[] = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint";
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *row =
        first_lsn >= 0 ? bsc_lib_standby_ask(copy->call, &copy->target, question, NULL, &ignored)
                       : NULL;
    const int64_t before = copy->replayed;
    copy->replayed = bsc_value_number(bsc_value_at(row, 0), INT64_MAX);
    bsc_value_free(row);
    return copy->replayed > before && copy->replayed < first_lsn - copy->segment;
}

/* To be woken is work for all processes of the server, and first of all for the one that replays.
 */
static void wake(void *arg, int64_t first_lsn)
{
    struct copy *copy = arg;
    if (!copy->deaf && !is_behind(copy, first_lsn))
        copy->deaf = !bsc_lib_standby_wake(copy->call, &copy->target);
}

/* Which log files the standby takes: a file for another one must never reach its folder. */
static bool ask_standby(struct copy *copy, struct bsc_logs_segments_order *order,
                        struct bsc_err *err)
{
    static const char question[] =
        "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
        " pg_size_bytes(current_setting('wal_segment_size')),"
        " coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0)";
    struct bsc_value *row = bsc_lib_standby_ask(copy->call, &copy->target, question, NULL, err);
    if (row == NULL)
        return false;
    const char *id = bsc_value_string(bsc_value_at(row, 0));
    order->system_id = id != NULL ? strtoull(id, NULL, 10) : 0;
    order->segment_bytes = bsc_value_number(bsc_value_at(row, 1), 0);
    order->replayed_lsn = bsc_value_number(bsc_value_at(row, 2), 0);
    copy->segment = order->segment_bytes;
    bsc_value_free(row);
    return order->segment_bytes > 0 ||
           bsc_err_set(err, BSC_ERR_SQL, "server \"%s\" does not tell how long its log files are",
                       copy->target.server);
}

static bool take_names(const struct bsc_value *list, const char **names, struct bsc_err *err)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        names[i] = bsc_value_string(bsc_value_at(list, i));
        if (names[i] == NULL || strlen(names[i]) != bsc_value_string_length(bsc_value_at(list, i)))
            return bsc_err_set(err, BSC_ERR_USAGE, "argument \"files\" must be a list of names");
    }
    return true;
}

/* What lies in the folder that the standby restores from comes first for it, so a file that is
 * there already, damaged or a piece, has to be replaced there. */
static bool is_there(const struct bsc_logs_segments_order *order, struct bsc_lib_wal_way *way)
{
    for (size_t i = 0; i < order->count && way->why == NULL; i++) {
        char *path = bsc_files_join(order->destination, order->names[i]);
        if (bsc_files_exists(order->sys, path))
            way->why = bsc_mem_format("%s is there already", path);
        bsc_mem_free(path);
    }
    return way->why != NULL;
}

/* Puts the files into the standby's own folder where that can be done. */
static bool take_way(const struct copy *copy, struct bsc_lib_wal_way *way,
                     struct bsc_logs_segments_order *order, struct bsc_err *err)
{
    const char *data = NULL;
    if (bsc_value_get(copy->call->args, "data") == NULL)
        return true;
    if (!bsc_lib_args_path(copy->call->args, "data", &data, err))
        return false;
    bsc_lib_wal_way_find(copy->call, &copy->target, data,
                         (int64_t)order->count * order->segment_bytes, way);
    if (way->why == NULL && !is_there(order, way)) {
        order->destination = way->folder;
        order->marks = way->marks;
        order->mark = way->mark;
    }
    return true;
}

bool bsc_lib_wal_copy(struct bsc_lib_call *call, const struct bsc_value *list,
                      struct bsc_lib_wal_way *way, struct bsc_logs_segments_result *ret,
                      struct bsc_err *err)
{
    struct copy copy = {.call = call, .replayed = INT64_MAX};
    struct bsc_logs_segments_order order = {.sys = call->env->sys,
                                            .cancel = call->cancel,
                                            .progress = report,
                                            .progress_arg = &copy,
                                            .handed_over = wake,
                                            .handed_over_arg = &copy};
    *ret = (struct bsc_logs_segments_result){0};
    order.count = bsc_value_count(list);
    const char **names = bsc_mem_new(order.count + 1, sizeof *names);
    order.names = names;
    bool ok = bsc_lib_args_path(call->args, "share", &order.share, err) &&
              bsc_lib_args_path(call->args, "destination", &order.destination, err) &&
              bsc_lib_standby_target(call, &copy.target, err) && ask_standby(&copy, &order, err) &&
              take_names(list, names, err) && (way == NULL || take_way(&copy, way, &order, err)) &&
              bsc_logs_segments_copy(&order, ret, err);
    bsc_mem_free(names);
    return ok;
}

static bool copy_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_segments_result result;
    struct bsc_lib_wal_way way = {0};
    const struct bsc_value *list = NULL;
    bool ok = bsc_lib_args_known(call->args, COPY_ARGS, err) &&
              bsc_lib_args_list(call->args, "files", &list, err) &&
              bsc_lib_wal_copy(call, list, &way, &result, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_int(*ret, "copied", (int64_t)result.copied);
        bsc_value_set_int(*ret, "kept", (int64_t)result.kept);
        bsc_value_set_int(*ret, "bytes", result.bytes);
        if (way.why != NULL)
            bsc_value_set_text(*ret, "not_into_pg_wal", way.why);
    }
    bsc_lib_wal_way_release(&way);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_wal_copy = {
    .name = "wal.copy",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = copy_run,
    .lane = "server",
    .args = COPY_ARGS,
    .result = "map {copied: int, kept: int, bytes: int, not_into_pg_wal: text?}",
    .doc =
        "Copies log files of PostgreSQL to the folder that a standby restores from: each checked "
        "page by page, made durable and then named, and the standby woken to take it unless it is "
        "at work on others. With `data`, its data folder, they go straight into its pg_wal "
        "instead, unless something speaks against that, which `not_into_pg_wal` then says.",
};

/* wal.history */

#define HISTORY_ARGS "path: text"

static bool history_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_history history;
    const char *path = NULL;
    if (!bsc_lib_args_known(call->args, HISTORY_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_logs_history_read(call->env->sys, path, &history, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "timeline", history.timeline);
    bsc_value_set_int(*ret, "parent", history.parent);
    bsc_value_set_int(*ret, "lsn", history.lsn);
    return true;
}

const struct bsc_lib_row bsc_lib_row_wal_history = {
    .name = "wal.history",
    .effect = BSC_LIB_READ,
    .run = history_run,
    .args = HISTORY_ARGS,
    .result = "map {timeline: int, parent: int, lsn: int}",
    .doc = "Reads the history of a timeline of PostgreSQL: which timeline it left, and where.",
};

/* wal.end */

#define END_ARGS                                                                                   \
    "folders: list, timeline: int, segment: int, lsn: int, last_file: int, without: list?, "       \
    "all: bool?"

enum { FOLDERS_MAX = 4 };

struct end {
    struct bsc_logs_pg_folder folders[FOLDERS_MAX];
    const char **without; /* owned: names, NULL-terminated */
    struct bsc_logs_pg_order order;
    int64_t lsn;       /* where a record begins for certain */
    int64_t last_file; /* where the last log file begins */
    bool all;
    int64_t end_lsn;
    int64_t bad_lsn; /* what ended the log */
    int64_t time_us; /* of the last end of a transaction that was read; 0 for none */
    bool found;      /* a record was read */
    bool whole;      /* nothing is wrong with what was read */
    bool zeros;      /* it ends with zeros, by whomever */
    char reason[BSC_LOGS_PG_REASON];
};

static bool take_folders(const struct bsc_value *list, struct end *end, struct bsc_err *err)
{
    size_t count = bsc_value_count(list);
    if (count == 0 || count > FOLDERS_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"folders\" must name 1 to %d folders",
                           FOLDERS_MAX);
    for (size_t i = 0; i < count; i++) {
        end->folders[i].path = bsc_value_string(bsc_value_at(list, i));
        if (end->folders[i].path == NULL)
            return bsc_err_set(err, BSC_ERR_USAGE, "argument \"folders\" must be a list of texts");
    }
    end->order.folders = end->folders;
    end->order.folder_count = count;
    return true;
}

/* Files of the first folder that are to be replaced by those of another. */
static bool take_without(const struct bsc_value *args, struct end *end, struct bsc_err *err)
{
    const struct bsc_value *list = NULL;
    if (bsc_value_get(args, "without") == NULL)
        return true;
    if (!bsc_lib_args_list(args, "without", &list, err))
        return false;
    end->without = bsc_mem_new(bsc_value_count(list) + 1, sizeof *end->without);
    end->folders[0].without = end->without;
    return take_names(list, end->without, err);
}

static bool take_end(const struct bsc_lib_call *call, struct end *end, struct bsc_err *err)
{
    const struct bsc_value *folders = NULL;
    int64_t timeline = 0, segment = 0;
    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_args_list(call->args, "folders", &folders, err) ||
        !bsc_lib_args_count(call->args, "timeline", &timeline, err) ||
        !bsc_lib_args_count(call->args, "segment", &segment, err) ||
        !bsc_lib_args_count(call->args, "lsn", &end->lsn, err) ||
        !bsc_lib_args_count(call->args, "last_file", &end->last_file, err) ||
        !bsc_lib_args_bool_or(call->args, "all", false, &end->all, err))
        return false;
    if (timeline < 1 || timeline > UINT32_MAX || segment < 1 || segment > UINT32_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no such timeline or segment size");
    end->order.sys = call->env->sys;
    end->order.cancel = call->cancel;
    end->order.timeline = (uint32_t)timeline;
    end->order.segment = (uint32_t)segment;
    return take_folders(folders, end, err) && take_without(call->args, end, err);
}

/* A log whose next file is not there ends as it should. Zeros do not tell by whom they were
 * written: a server that was killed leaves some behind its last record, and so does a copy of which
 * a part was lost. They are taken for an end where no later file is there to say otherwise, and
 * only behind a whole record. */
static void judge_end(struct bsc_logs_pg_reader *reader, struct end *end)
{
    bool cut = reader->block != 0 && reader->bad_lsn % reader->block == 0 &&
               reader->bad_lsn > reader->end_lsn;
    end->zeros =
        reader->end == BSC_LOGS_PG_END_ZEROS && !cut && (int64_t)reader->bad_lsn >= end->last_file;
    end->whole = reader->end == BSC_LOGS_PG_END_MISSING || end->zeros;
    end->end_lsn = (int64_t)reader->end_lsn;
    end->bad_lsn = (int64_t)reader->bad_lsn;
    memcpy(end->reason, reader->reason, sizeof end->reason);
    /* Records behind the zeros tell that there were others in their place. */
    if (end->zeros && bsc_logs_pg_resume(reader))
        end->zeros = end->whole = false;
}

/* Reads from a place to the end of the log; or up to `stop` only, for when its last transaction
 * ended, where all behind that was read before. */
static bool read_from(struct end *end, int64_t first, int64_t stop, struct bsc_err *err)
{
    const uint64_t upto = stop == 0 ? UINT64_MAX : (uint64_t)stop;
    struct bsc_logs_pg_reader reader;
    end->order.first_lsn = (uint64_t)first;
    end->order.find = first > end->lsn;
    bool ok = bsc_logs_pg_open(&reader, &end->order, err);
    while (ok && bsc_logs_pg_skim(&reader, upto) && reader.record.lsn < upto) {
        if (reader.record.kind != BSC_LOGS_PG_PREPARE && reader.record.time_us != 0)
            end->time_us = reader.record.time_us;
    }
    end->found = stop != 0 || (ok && reader.previous != 0);
    if (ok && reader.end != BSC_LOGS_PG_END_NONE)
        judge_end(&reader, end);
    if (ok && reader.end == BSC_LOGS_PG_END_CANCELLED)
        ok = bsc_err_set(err, BSC_ERR_CANCELLED, "reading log files was cancelled");
    bsc_logs_pg_release(&reader);
    return ok;
}

/* Reads all of it on more than one processor; false where it has to be read on one. */
static bool read_at_once(struct end *end)
{
    struct bsc_logs_pg_reader reader;
    end->order.first_lsn = (uint64_t)end->lsn;
    end->order.find = false;
    if (!bsc_logs_pg_parts_read(&end->order, (uint64_t)end->last_file, &reader, &end->time_us))
        return false;
    judge_end(&reader, end);
    const bool ended = reader.end != BSC_LOGS_PG_END_CANCELLED;
    end->found = ended;
    bsc_logs_pg_release(&reader);
    return ended;
}

/* The last log file tells where the log ends, unless it holds the middle of one record only, and of
 * when it is, unless no transaction ended in it. What counts is what a standby says of itself
 * (pg_last_xact_replay_timestamp): commits, and those that were taken back. */
static bool read_end(struct end *end, struct bsc_err *err)
{
    int64_t first = end->all || end->last_file < end->lsn ? end->lsn : end->last_file;
    bool ok = (end->all && read_at_once(end)) || read_from(end, first, 0, err);
    while (ok && first > end->lsn && (!end->found || end->time_us == 0) && end->whole) {
        int64_t stop = end->found ? first : 0;
        first -= end->order.segment;
        if (first < end->lsn)
            first = end->lsn;
        ok = read_from(end, first, stop, err);
    }
    return ok;
}

static struct bsc_value *tell_end(const struct end *end)
{
    char time[BSC_CLOCK_TEXT] = "";
    struct bsc_value *told = bsc_value_map();
    if (end->time_us != 0)
        bsc_clock_format(end->time_us / 1000, time);
    bsc_value_set_int(told, "lsn", end->found || end->end_lsn > end->lsn ? end->end_lsn : end->lsn);
    bsc_value_set_text(told, "time", time);
    bsc_value_set_bool(told, "whole", end->whole);
    bsc_value_set_bool(told, "zeros", end->zeros);
    bsc_value_set_text(told, "reason", end->whole && !end->zeros ? "" : end->reason);
    bsc_value_set_int(told, "bad_lsn", end->bad_lsn);
    return told;
}

/* Only what is good is kept: what is wrong may be the disk's, and is worth another look. */
static bool answer_end(struct bsc_lib_call *call, struct end *end, struct bsc_value **ret,
                       struct bsc_err *err)
{
    char key[BSC_DIGEST_HEX] = "";
    int64_t first = end->lsn < end->last_file ? end->lsn : end->last_file;
    bool keeps =
        bsc_lib_wal_memo_key(call->env, call->args, &end->order, first, end->last_file, key);
    *ret = keeps ? bsc_lib_wal_memo_find(call->env, key) : NULL;
    if (*ret != NULL)
        return true;
    if (!read_end(end, err))
        return false;
    *ret = tell_end(end);
    if (keeps && end->whole)
        bsc_lib_wal_memo_keep(call->env, key, *ret);
    return true;
}

static bool end_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct end end = {0};
    bool ok = take_end(call, &end, err) && answer_end(call, &end, ret, err);
    bsc_mem_free(end.without);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_wal_end = {
    .name = "wal.end",
    .effect = BSC_LIB_READ,
    .run = end_run,
    .args = END_ARGS,
    .result = "map {lsn: int, time: text, whole: bool, zeros: bool, reason: text, bad_lsn: int}",
    .doc =
        "Reads the log files of PostgreSQL from `last_file` on, or all of them from `lsn` on, and "
        "says where the last whole record ends and when the last transaction ended. Those named "
        "in `without` are not taken from the first folder.",
};
