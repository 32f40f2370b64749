#include "logs/state.h"

#include <errno.h>

#include "base/mem.h"
#include "os/files.h"
#include "value/json.h"

enum { JOB_BYTES_MAX = 64 * 1024 };

char *bsc_logs_path_shipping(const char *db)
{
    return bsc_mem_format("%s.shipping", db);
}

void bsc_logs_job_release(struct bsc_logs_job *job)
{
    bsc_mem_free(job->share);
    bsc_mem_free(job->destination);
    *job = (struct bsc_logs_job)BSC_LOGS_JOB_INIT;
}

static bool take_job(const struct bsc_value *map, struct bsc_logs_job *job)
{
    const char *share = bsc_value_get_string(map, "share");
    const char *destination = bsc_value_get_string(map, "destination");
    if (share == NULL || destination == NULL)
        return false;
    job->share = bsc_mem_text(share);
    job->destination = bsc_mem_text(destination);
    job->interval_ms = bsc_value_get_number(map, "interval_ms", 0);
    return true;
}

bool bsc_logs_job_parse(const char *name, const char *text, size_t length, struct bsc_logs_job *job,
                        struct bsc_err *err)
{
    struct bsc_value *map = bsc_json_parse(name, text, length, err);
    bool ok = map != NULL && take_job(map, job);
    if (map == NULL)
        err->code = BSC_ERR_DAMAGED;
    else if (!ok)
        bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not a log-shipping job", name);
    bsc_value_free(map);
    return ok;
}

bool bsc_logs_job_load(const struct bsc_sys *sys, const char *db, struct bsc_logs_job *job,
                       struct bsc_err *err)
{
    char *path = bsc_logs_path_shipping(db);
    struct bsc_buf text = {0};
    bsc_buf_init(&text);
    bool ok = bsc_files_read(sys, path, JOB_BYTES_MAX, &text, err) &&
              bsc_logs_job_parse(path, text.data, text.length, job, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

static void add_job(const struct bsc_logs_job *job, struct bsc_buf *out)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "share", job->share);
    bsc_value_set_text(map, "destination", job->destination);
    bsc_value_set_int(map, "interval_ms", job->interval_ms);
    bsc_json_canonical(map, out);
    bsc_value_free(map);
}

char *bsc_logs_job_text(const struct bsc_logs_job *job)
{
    struct bsc_buf text = {0};
    bsc_buf_init(&text);
    add_job(job, &text);
    char *taken = bsc_buf_take(&text);
    bsc_buf_release(&text);
    return taken;
}

bool bsc_logs_job_save(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                       struct bsc_err *err)
{
    char *path = bsc_logs_path_shipping(db);
    struct bsc_buf text = {0};
    bsc_buf_init(&text);
    add_job(job, &text);
    bsc_buf_add_char(&text, '\n');
    bool ok = bsc_files_write(sys, path, text.data, text.length, 0640, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

bool bsc_logs_job_remove(const struct bsc_sys *sys, const char *db, struct bsc_err *err)
{
    char *path = bsc_logs_path_shipping(db);
    bool ok = true;
    if (sys->unlink(sys->self, path) != 0 && errno != ENOENT)
        ok = bsc_err_sys(err, errno, "cannot remove '%s'", path);
    else
        ok = bsc_files_sync_parent(sys, path, err);
    bsc_mem_free(path);
    return ok;
}
