#include "logs/agent.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/apply.h"
#include "logs/chain.h"
#include "logs/copy.h"
#include "logs/io.h"
#include "logs/line.h"
#include "logs/shipping.h"
#include "value/value.h"

bool bsc_logs_agent_log_backup(const struct bsc_logs_backup_order *order,
                               struct bsc_logs_backup *ret, struct bsc_err *err)
{
    return bsc_logs_backup_take(order, ret, err);
}

struct work {
    const struct bsc_sys *sys;
    const char *db;
    const atomic_bool *cancel;
    struct bsc_logs_job job;
    struct bsc_value *facts;     /* owned */
    struct bsc_logs_line *lines; /* owned: the chain; the file lists borrow from it */
    size_t count;
    struct bsc_logs_agent_round *result;
};

static bool copy_new(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_copy_result result = {0};
    size_t wanted = 0;
    struct bsc_logs_copy_file *files = bsc_mem_new(work->count, sizeof *files);
    for (size_t i = 0; i < work->count; i++) {
        const struct bsc_logs_line *line = &work->lines[i];
        if (!line->copied)
            files[wanted++] = (struct bsc_logs_copy_file){line->name, line->digest, line->bytes};
    }
    struct bsc_logs_copy_order order = {.sys = work->sys,
                                        .share = work->job.share,
                                        .destination = work->job.destination,
                                        .files = files,
                                        .count = wanted,
                                        .cancel = work->cancel};
    bool ok = wanted == 0 || bsc_logs_copy(&order, &result, err);
    work->result->copied = result.copied;
    bsc_mem_free(files);
    return ok;
}

static bool apply_new(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_apply_result result = {0};
    struct bsc_logs_apply_file *files = bsc_mem_new(work->count, sizeof *files);
    for (size_t i = 0; i < work->count; i++) {
        const struct bsc_logs_line *line = &work->lines[i];
        files[i] = (struct bsc_logs_apply_file){.name = line->name,
                                                .first_lsn = line->first_lsn,
                                                .last_lsn = line->last_lsn,
                                                .sha256 = line->digest};
    }
    struct bsc_logs_apply_order order = {.sys = work->sys,
                                         .path = work->db,
                                         .folder = work->job.destination,
                                         .files = files,
                                         .count = work->count,
                                         .cancel = work->cancel};
    bool ok = work->count == 0 || bsc_logs_apply(&order, &result, err);
    if (work->count > 0) {
        work->result->applied = result.applied;
        work->result->lsn = result.lsn;
    }
    bsc_mem_free(files);
    return ok;
}

static bool round_of(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_chain_order order = {.sys = work->sys,
                                         .share = work->job.share,
                                         .destination = work->job.destination,
                                         .path = work->db};
    work->facts = bsc_logs_chain(&order, err);
    if (work->facts == NULL)
        return false;
    const struct bsc_value *chain = bsc_value_get(work->facts, "chain");
    work->result->lsn = bsc_value_get_number(work->facts, "applied_lsn", 0);
    snprintf(work->result->problem, sizeof work->result->problem, "%s",
             bsc_value_get_string(work->facts, "problem_text"));
    work->count = bsc_value_count(chain);
    return bsc_logs_line_read_all(chain, &work->lines, err) && copy_new(work, err) &&
           apply_new(work, err);
}

bool bsc_logs_agent_copy_apply(const struct bsc_sys *sys, const char *db, const atomic_bool *cancel,
                               struct bsc_logs_agent_round *ret, struct bsc_err *err)
{
    struct work work = {
        .sys = sys, .db = db, .cancel = cancel, .job = BSC_LOGS_JOB_INIT, .result = ret};
    int fd = -1;
    *ret = (struct bsc_logs_agent_round){0};
    bool ok = bsc_logs_shipping_hold(sys, db, &work.job, &fd, err) && round_of(&work, err);
    bsc_logs_io_close(sys, &fd, db, &(struct bsc_err){0});
    bsc_value_free(work.facts);
    bsc_mem_free(work.lines);
    bsc_logs_job_release(&work.job);
    return ok;
}

bool bsc_logs_agent_bring(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                          const atomic_bool *cancel, struct bsc_logs_agent_round *ret,
                          struct bsc_err *err)
{
    /* The job is borrowed, and not released here. */
    struct work work = {.sys = sys, .db = db, .cancel = cancel, .job = *job, .result = ret};
    *ret = (struct bsc_logs_agent_round){0};
    bool ok = round_of(&work, err);
    bsc_value_free(work.facts);
    bsc_mem_free(work.lines);
    return ok;
}
