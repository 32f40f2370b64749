#include "lib/rows_int.h"

#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "logs/chain.h"
#include "logs/copy.h"
#include "logs/line.h"
#include "logs/shipping.h"

static void progress_bytes(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

/* logs.chain */

#define CHAIN_ARGS                                                                                 \
    "share: text, destination: text, destination_limit: int?, path: text, verify: bool?, "         \
    "brief: bool?"

static bool chain(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_chain_order order = {.sys = call->env->sys,
                                         .cancel = call->cancel,
                                         .progress = progress_bytes,
                                         .progress_arg = call};
    if (!bsc_lib_args_known(call->args, CHAIN_ARGS, err) ||
        !bsc_lib_args_path(call->args, "share", &order.share, err) ||
        !bsc_lib_args_path(call->args, "destination", &order.destination, err) ||
        !bsc_lib_args_count_or(call->args, "destination_limit", 0, &order.destination_limit, err) ||
        !bsc_lib_args_path(call->args, "path", &order.path, err) ||
        !bsc_lib_args_bool_or(call->args, "verify", false, &order.verify, err) ||
        !bsc_lib_args_bool_or(call->args, "brief", false, &order.brief, err))
        return false;
    *ret = bsc_logs_chain(&order, err);
    return *ret != NULL;
}

const struct bsc_lib_row bsc_lib_row_logs_chain = {
    .name = "logs.chain",
    .effect = BSC_LIB_READ,
    .run = chain,
    .args = CHAIN_ARGS,
    .result = "map {share_readable: bool, free_bytes: int, chain: list of text?, "
              "applied_lsn: int, applied_time: text, copied_lsn: int, last_lsn: int, "
              "last_time: text, pending_bytes: int, problem: text, problem_text: text, "
              "ignored: list of text}",
    .doc =
        "Lists the log backups that a restoring copy still needs, in order, and what stands in "
        "the way; with verify their pages are read too, with brief the list is left out. A line of "
        "the list: first LSN, last LSN, bytes, SHA-256, time, copied or missing, file name.",
};

/* logs.copy */

#define COPY_ARGS "share: text, destination: text, files: list"

static bool copy_files(struct bsc_logs_copy_order *order, const struct bsc_value *list,
                       struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_logs_copy_result result = {0};
    struct bsc_logs_line *lines = NULL;
    size_t count = bsc_value_count(list);
    if (!bsc_logs_line_read_all(list, &lines, err))
        return false;
    struct bsc_logs_copy_file *files = bsc_mem_new(count, sizeof *files);
    for (size_t i = 0; i < count; i++)
        files[i] = (struct bsc_logs_copy_file){
            lines[i].name, lines[i].digest[0] != '\0' ? lines[i].digest : NULL, lines[i].bytes};
    order->files = files;
    order->count = count;
    bool ok = bsc_logs_copy(order, &result, err);
    bsc_mem_free(files);
    bsc_mem_free(lines);
    if (!ok)
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "copied", (int64_t)result.copied);
    bsc_value_set_int(*ret, "kept", (int64_t)result.kept);
    bsc_value_set_int(*ret, "bytes", result.bytes);
    return true;
}

static bool copy(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_value *list = NULL;
    struct bsc_logs_copy_order order = {.sys = call->env->sys,
                                        .cancel = call->cancel,
                                        .progress = progress_bytes,
                                        .progress_arg = call};
    return bsc_lib_args_known(call->args, COPY_ARGS, err) &&
           bsc_lib_args_path(call->args, "share", &order.share, err) &&
           bsc_lib_args_path(call->args, "destination", &order.destination, err) &&
           bsc_lib_args_list(call->args, "files", &list, err) && copy_files(&order, list, ret, err);
}

const struct bsc_lib_row bsc_lib_row_logs_copy = {
    .name = "logs.copy",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = copy,
    .args = COPY_ARGS,
    .result = "map {copied: int, kept: int, bytes: int}",
    .doc = "Copies log backups from the share to the destination, each proven against its own "
           "checksums before it gets its name.",
};

/* logs.unship */

#define UNSHIP_ARGS "path: text"

static bool unship(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *path = NULL;
    int64_t wait_ms = bsc_lib_call_left_ms(call);
    if (!bsc_lib_args_known(call->args, UNSHIP_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err))
        return false;
    if (wait_ms == 0 || wait_ms > BSC_LOGS_UNSHIP_WAIT_MS)
        wait_ms = BSC_LOGS_UNSHIP_WAIT_MS;
    if (!bsc_logs_unship(call->env->sys, path, wait_ms, err))
        return false;
    *ret = bsc_value_map();
    return true;
}

const struct bsc_lib_row bsc_lib_row_logs_unship = {
    .name = "logs.unship",
    .effect = BSC_LIB_WRITE,
    .run = unship,
    .args = UNSHIP_ARGS,
    .result = "map {}",
    .doc = "Ends log shipping into a copy, waiting for a round of copying and applying that is "
           "under way.",
};

/* logs.ship */

#define SHIP_ARGS "path: text, job: text"

static bool ship(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *path = NULL, *text = NULL;
    struct bsc_logs_job job = BSC_LOGS_JOB_INIT;
    if (!bsc_lib_args_known(call->args, SHIP_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_lib_args_text(call->args, "job", &text, err))
        return false;
    bool ok = bsc_logs_job_parse("job", text, strlen(text), &job, err) &&
              bsc_logs_ship(call->env->sys, path, &job, err);
    bsc_logs_job_release(&job);
    if (ok)
        *ret = bsc_value_map();
    return ok;
}

const struct bsc_lib_row bsc_lib_row_logs_ship = {
    .name = "logs.ship",
    .effect = BSC_LIB_WRITE,
    .run = ship,
    .args = SHIP_ARGS,
    .result = "map {}",
    .doc = "Begins log shipping into a restoring copy, or changes its job; `job` is the fact "
           "log_shipping_job.",
};
