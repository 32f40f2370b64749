#include "lib/rows_int.h"

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "logs/apply.h"
#include "logs/copy_state.h"
#include "logs/line.h"
#include "logs/recover.h"
#include "logs/sessions.h"
#include "logs/tail.h"
#include "os/clock.h"

/* logs.copy_state */

#define PATH_ARGS "path: text"

static bool take_path(const struct bsc_lib_call *call, const char **ret_path, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, PATH_ARGS, err) &&
           bsc_lib_args_path(call->args, "path", ret_path, err);
}

static bool copy_state(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *path = NULL;

    if (!take_path(call, &path, err))
        return false;
    *ret = bsc_logs_copy_state(call->env->sys, path);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_copy_state = {
    .name = "logs.copy_state",
    .effect = BSC_LIB_READ,
    .run = copy_state,
    .args = PATH_ARGS,
    .result = "map {state: text, writable: bool, database_id: text?, fork: text?, lsn: int?, "
              "time: text?, recovered_lsn: int?, recovered_time: text?, incomplete_lsn: int?, "
              "handed_over_lsn: int?, "
              "log_shipping: text, log_shipping_job: text, page_size: int?, reason: text}",
    .doc = "Says what a copy of a database is and how far it has come; a primary's LSN counts the "
           "commits in its write-ahead log.",
};

/* logs.sessions */

static struct bsc_value *session_list(const struct bsc_logs_sessions *sessions)
{
    struct bsc_value *list = bsc_value_list();

    for (size_t i = 0; i < sessions->count; i++) {
        struct bsc_value *session = bsc_value_map();

        bsc_value_set_int(session, "pid", sessions->items[i].pid);
        bsc_value_set_text(session, "program", sessions->items[i].program);
        bsc_value_append(list, session);
    }
    return list;
}

static bool sessions_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_sessions sessions = {0};
    const char *path = NULL;

    if (!take_path(call, &path, err) ||
        !bsc_logs_sessions_find(call->env->sys, path, &sessions, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set(*ret, "sessions", session_list(&sessions));
    bsc_logs_sessions_release(&sessions);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_sessions = {
    .name = "logs.sessions",
    .effect = BSC_LIB_READ,
    .run = sessions_run,
    .args = PATH_ARGS,
    .result = "map {sessions: list of {pid: int, program: text}}",
    .doc = "Lists the processes, other than bascule itself, that have a database file open.",
};

/* logs.end_sessions */

#define END_ARGS "path: text, pids: list"

static bool take_pids(const struct bsc_value *list, pid_t **ret_pids, struct bsc_err *err)
{
    const size_t count = bsc_value_count(list);
    pid_t *pids = bsc_mem_new(count + 1, sizeof *pids);

    for (size_t i = 0; i < count; i++) {
        int64_t pid = bsc_value_number(bsc_value_at(list, i), 0);

        if (pid < 2 || pid > INT32_MAX) {
            bsc_mem_free(pids);
            return bsc_err_set(err, BSC_ERR_USAGE, "argument 'pids' has an entry that is no pid");
        }
        pids[i] = (pid_t)pid;
    }
    *ret_pids = pids;
    return true;
}

static bool end_sessions(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_value *list = NULL;
    const char *path = NULL;
    pid_t *pids = NULL;
    size_t ended = 0;
    bool ok;

    if (!bsc_lib_args_known(call->args, END_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_lib_args_list(call->args, "pids", &list, err) || !take_pids(list, &pids, err))
        return false;
    ok = bsc_logs_sessions_end(call->env->sys, path, pids, bsc_value_count(list), &ended, err);
    bsc_mem_free(pids);
    if (!ok)
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "ended", (int64_t)ended);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_end_sessions = {
    .name = "logs.end_sessions",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = end_sessions,
    .args = END_ARGS,
    .result = "map {ended: int}",
    .doc = "Ends those of the processes that still have this very database file open, and proves "
           "that none of them is left.",
};

/* logs.apply */

#define APPLY_ARGS "path: text, folder: text, files: list"

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

static struct bsc_value *applied_value(const struct bsc_logs_apply_result *result)
{
    struct bsc_value *map = bsc_value_map();
    char time[BSC_CLOCK_TEXT] = "";

    bsc_clock_format(result->time_ms, time);
    bsc_value_set_int(map, "applied", (int64_t)result->applied);
    bsc_value_set_int(map, "kept", (int64_t)result->kept);
    bsc_value_set_int(map, "lsn", result->lsn);
    bsc_value_set_text(map, "time", time);
    return map;
}

static bool apply_files(struct bsc_logs_apply_order *order, const struct bsc_value *list,
                        struct bsc_logs_apply_result *result, struct bsc_err *err)
{
    struct bsc_logs_line *lines = NULL;
    size_t count = bsc_value_count(list);

    if (!bsc_logs_line_read_all(list, &lines, err))
        return false;
    struct bsc_logs_apply_file *files = bsc_mem_new(count, sizeof *files);
    for (size_t i = 0; i < count; i++)
        files[i] = (struct bsc_logs_apply_file){
            .name = lines[i].name,
            .first_lsn = lines[i].first_lsn,
            .last_lsn = lines[i].last_lsn,
            .sha256 = lines[i].digest[0] != '\0' ? lines[i].digest : NULL};
    order->files = files;
    order->count = count;
    bool ok = bsc_logs_apply(order, result, err);
    bsc_mem_free(files);
    bsc_mem_free(lines);
    return ok;
}

static bool apply(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_apply_order order = {
        .sys = call->env->sys, .cancel = call->cancel, .progress = report, .progress_arg = call};
    struct bsc_logs_apply_result result = {0};
    const struct bsc_value *list = NULL;

    if (!bsc_lib_args_known(call->args, APPLY_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &order.path, err) ||
        !bsc_lib_args_path(call->args, "folder", &order.folder, err) ||
        !bsc_lib_args_list(call->args, "files", &list, err) ||
        !apply_files(&order, list, &result, err))
        return false;
    *ret = applied_value(&result);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_apply = {
    .name = "logs.apply",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = apply,
    .args = APPLY_ARGS,
    .result = "map {applied: int, kept: int, lsn: int, time: text}",
    .doc = "Applies log backups from a folder to a restoring copy in order of LSN, all or nothing "
           "per file; what the copy contains already is kept.",
};

/* logs.recover */

static bool recover(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_recovered recovered = {0};
    const char *path = NULL;

    if (!take_path(call, &path, err) ||
        !bsc_logs_recover(call->env->sys, path, call->cancel, &recovered, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_text(*ret, "fork", recovered.fork);
    bsc_value_set_int(*ret, "lsn", recovered.lsn);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_recover = {
    .name = "logs.recover",
    .effect = BSC_LIB_WRITE,
    .run = recover,
    .args = PATH_ARGS,
    .result = "map {fork: text, lsn: int}",
    .doc = "Brings a restoring copy online on a new recovery fork after checking its structure; "
           "refused while it is open anywhere or a log backup is in it in part only.",
};

/* logs.tail and logs.salvage */

#define TAIL_ARGS    "path: text, salvage: text?, destination: text, copy: text, after_lsn: int"
#define SALVAGE_ARGS "path: text?, salvage: text, destination: text, copy: text, after_lsn: int"

static bool take_tail(const struct bsc_lib_call *call, struct bsc_logs_tail_order *order,
                      struct bsc_err *err)
{
    order->sys = call->env->sys;
    return bsc_lib_args_path(call->args, "destination", &order->destination, err) &&
           bsc_lib_args_path(call->args, "copy", &order->copy, err) &&
           bsc_lib_args_count(call->args, "after_lsn", &order->after_lsn, err);
}

static bool tail(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_tail_order order = {0};

    if (!bsc_lib_args_known(call->args, TAIL_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &order.path, err) ||
        !bsc_lib_args_path_or(call->args, "salvage", NULL, &order.salvage, err) ||
        !take_tail(call, &order, err))
        return false;
    *ret = bsc_logs_tail(&order);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_tail = {
    .name = "logs.tail",
    .effect = BSC_LIB_READ,
    .run = tail,
    .args = TAIL_ARGS,
    .result = "map {state: text, first_lsn: int?, last_lsn: int?, time: text?, commits: int?, "
              "reason: text}",
    .doc = "Says what a dead primary committed after an LSN, as far as its disk can be read; of a "
           "copy that was brought online, after the LSN at which it was.",
};

static bool salvage(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_tail_order order = {0};
    struct bsc_logs_salvaged salvaged = {0};

    if (!bsc_lib_args_known(call->args, SALVAGE_ARGS, err) ||
        !bsc_lib_args_path_or(call->args, "path", NULL, &order.path, err) ||
        !bsc_lib_args_path(call->args, "salvage", &order.salvage, err) ||
        !take_tail(call, &order, err) || !bsc_logs_salvage(&order, &salvaged, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_text(*ret, "file", salvaged.file);
    bsc_value_set_int(*ret, "first_lsn", salvaged.first_lsn);
    bsc_value_set_int(*ret, "last_lsn", salvaged.last_lsn);
    bsc_value_set_int(*ret, "commits", salvaged.commits);
    bsc_logs_salvaged_release(&salvaged);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_salvage = {
    .name = "logs.salvage",
    .effect = BSC_LIB_WRITE,
    .run = salvage,
    .args = SALVAGE_ARGS,
    .result = "map {file: text, first_lsn: int, last_lsn: int, commits: int}",
    .doc = "Writes what a dead primary committed after an LSN into the destination as a log "
           "backup, reading its disk only.",
};
