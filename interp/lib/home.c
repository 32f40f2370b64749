#include "lib/rows_int.h"

#include <string.h>

#include "lib/args.h"
#include "lib/env.h"
#include "logs/catch_up.h"
#include "logs/hand_over.h"
#include "logs/reseed.h"
#include "logs/shipping.h"

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

static bool copy_anew(struct bsc_lib_call *call, const char *db, const char *copy,
                      const char *share, struct bsc_err *err)
{
    int64_t lsn = 0, bytes = 0;
    struct bsc_logs_seed_order order = {.sys = call->env->sys,
                                        .clock = call->env->clock,
                                        .db = db,
                                        .share = share,
                                        .copy = copy,
                                        .cancel = call->cancel,
                                        .progress = report,
                                        .progress_arg = call};

    return bsc_logs_reseed(&order, &lsn, &bytes, err);
}

/* logs.seed */

#define SEED_ARGS "principal: text, path: text, share: text"

static bool seed(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t lsn = 0, bytes = 0;
    struct bsc_logs_seed_order order = {.sys = call->env->sys,
                                        .clock = call->env->clock,
                                        .cancel = call->cancel,
                                        .progress = report,
                                        .progress_arg = call};

    if (!bsc_lib_args_known(call->args, SEED_ARGS, err) ||
        !bsc_lib_args_path(call->args, "principal", &order.db, err) ||
        !bsc_lib_args_path(call->args, "path", &order.copy, err) ||
        !bsc_lib_args_path(call->args, "share", &order.share, err) ||
        !bsc_logs_reseed(&order, &lsn, &bytes, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "lsn", lsn);
    bsc_value_set_int(*ret, "bytes", bytes);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_seed = {
    .name = "logs.seed",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = seed,
    .args = SEED_ARGS,
    .result = "map {lsn: int, bytes: int}",
    .doc = "Makes a restoring copy of a live database that takes its log backups from then on; "
           "what was at that path, unless it can be written to, is renamed first.",
};

/* logs.unseed */

#define UNSEED_ARGS "principal: text, path: text, restore: bool?"

static bool unseed(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *db = NULL, *copy = NULL;
    bool restore = false;

    if (!bsc_lib_args_known(call->args, UNSEED_ARGS, err) ||
        !bsc_lib_args_path(call->args, "principal", &db, err) ||
        !bsc_lib_args_path(call->args, "path", &copy, err) ||
        !bsc_lib_args_bool_or(call->args, "restore", false, &restore, err) ||
        !bsc_logs_unseed(call->env->sys, db, copy, restore, err))
        return false;
    *ret = bsc_value_map();
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_unseed = {
    .name = "logs.unseed",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = unseed,
    .args = UNSEED_ARGS,
    .result = "map {}",
    .doc = "Renames a restoring copy, or puts what was there before it back, and ends the log "
           "backups that were taken for it.",
};

/* logs.catch_up */

#define CATCH_UP_ARGS "from: text, path: text, share: text, destination: text?"

static bool catch_up(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_caught_up caught_up = {0};
    struct bsc_logs_catch_up_order order = {
        .sys = call->env->sys, .clock = call->env->clock, .cancel = call->cancel};

    if (!bsc_lib_args_known(call->args, CATCH_UP_ARGS, err) ||
        !bsc_lib_args_path(call->args, "from", &order.from, err) ||
        !bsc_lib_args_path(call->args, "path", &order.to, err) ||
        !bsc_lib_args_path(call->args, "share", &order.share, err) ||
        !bsc_lib_args_path_or(call->args, "destination", NULL, &order.folder, err) ||
        !bsc_logs_catch_up(&order, &caught_up, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "copied", caught_up.copied);
    bsc_value_set_int(*ret, "applied", caught_up.applied);
    bsc_value_set_int(*ret, "lsn", caught_up.lsn);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_catch_up = {
    .name = "logs.catch_up",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = catch_up,
    .args = CATCH_UP_ARGS,
    .result = "map {copied: int, applied: int, lsn: int}",
    .doc = "Takes a log backup of a copy that is online, or was handed over, and applies what "
           "another, restoring one has not got, up to the last commit.",
};

/* logs.hand_over and logs.reopen */

#define HAND_OVER_ARGS "path: text, share: text"
#define REOPEN_ARGS    "path: text"

static bool hand_over(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_handed_over handed_over = {0};
    struct bsc_logs_backup_order order = {.sys = call->env->sys, .clock = call->env->clock};

    if (!bsc_lib_args_known(call->args, HAND_OVER_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &order.db, err) ||
        !bsc_lib_args_path(call->args, "share", &order.share, err) ||
        !bsc_logs_hand_over(&order, &handed_over, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "lsn", handed_over.lsn);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_hand_over = {
    .name = "logs.hand_over",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = hand_over,
    .args = HAND_OVER_ARGS,
    .result = "map {lsn: int}",
    .doc = "Takes the last log backup of a live database and leaves it restoring: nobody can write "
           "to it any more.",
};

static bool reopen(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *path = NULL;
    int64_t lsn = 0;

    if (!bsc_lib_args_known(call->args, REOPEN_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_logs_reopen(call->env->sys, path, &lsn, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "lsn", lsn);
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_reopen = {
    .name = "logs.reopen",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = reopen,
    .args = REOPEN_ARGS,
    .result = "map {lsn: int}",
    .doc = "Opens a copy again that was handed over and has taken nothing since, on the fork that "
           "it had.",
};

/* logs.ship_from */

#define SHIP_FROM_ARGS "principal: text, path: text, job: text, anew: bool?"

static bool ship_from(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *principal = NULL, *path = NULL, *text = NULL;
    struct bsc_logs_job job = BSC_LOGS_JOB_INIT;
    bool anew = false;

    if (!bsc_lib_args_known(call->args, SHIP_FROM_ARGS, err) ||
        !bsc_lib_args_path(call->args, "principal", &principal, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_lib_args_text(call->args, "job", &text, err) ||
        !bsc_lib_args_bool_or(call->args, "anew", false, &anew, err))
        return false;
    bool ok = bsc_logs_job_parse("job", text, strlen(text), &job, err) &&
              (!anew || copy_anew(call, principal, path, job.share, err)) &&
              bsc_logs_ship_from(call->env->sys, principal, path, &job, err);
    bsc_logs_job_release(&job);
    if (ok)
        *ret = bsc_value_map();
    return ok;
}

const struct bsc_lib_row bsc_lib_row_logs_ship_from = {
    .name = "logs.ship_from",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = ship_from,
    .args = SHIP_FROM_ARGS,
    .result = "map {}",
    .doc = "Begins log shipping from a database that was brought online into the copy that ends "
           "where it began, or with `anew` into a copy that is made first; `job` is the fact "
           "log_shipping_job that there will be.",
};
