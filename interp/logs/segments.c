#include "logs/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "logs/history.h"
#include "logs/io.h"
#include "logs/pg_mark.h"
#include "logs/pg_pair.h"
#include "logs/segment_pages.h"
#include "os/files.h"

/* A power of two, so that it holds whole pages of every size, and a segment whole blocks. */
enum { BLOCK_BYTES = 1 << 20 };

struct work {
    const struct bsc_logs_segments_order *order;
    struct bsc_logs_segments_result *result;
    int64_t done;
    int64_t total;
    unsigned char *block; /* owned: what was read from the share */
    unsigned char *back;  /* owned: what stands in the destination */
};

/* One file on its way. */
struct job {
    const char *name; /* borrowed */
    char *from;       /* owned paths */
    char *partial;
    char *to;
    int from_fd;
    int to_fd;
    bool is_history;
    int64_t bytes;
    struct bsc_logs_segment_pages pages;
};

static bool may_go_on(const struct work *work, struct bsc_err *err)
{
    const atomic_bool *cancel = work->order->cancel;
    if (cancel == NULL || !atomic_load(cancel))
        return true;
    return bsc_err_set(err, BSC_ERR_CANCELLED, "copying log files was cancelled");
}

static void report(struct work *work, int64_t bytes)
{
    work->done += bytes;
    if (work->order->progress != NULL)
        work->order->progress(work->order->progress_arg, work->done, work->total);
}

bool bsc_logs_segments_named(const char *name, int64_t segment_bytes, int64_t *ret_timeline,
                             int64_t *ret_lsn)
{
    enum { PART_DIGITS = 8, PARTS = 3 };
    uint64_t parts[PARTS] = {0};
    if (strspn(name, "0123456789ABCDEF") != (size_t)PARTS * PART_DIGITS ||
        name[(size_t)PARTS * PART_DIGITS] != '\0')
        return false;
    for (size_t i = 0; i < PARTS; i++) {
        char digits[PART_DIGITS + 1] = "";
        memcpy(digits, name + i * PART_DIGITS, PART_DIGITS);
        parts[i] = strtoull(digits, NULL, 16);
    }
    if (parts[1] > INT32_MAX || parts[2] >= (UINT64_C(1) << 32) / (uint64_t)segment_bytes)
        return false;
    *ret_timeline = (int64_t)parts[0];
    *ret_lsn = (int64_t)(parts[1] << 32 | parts[2] * (uint64_t)segment_bytes);
    return true;
}

/* What kind of file the name stands for. */
static bool name_job(const struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_logs_segments_order *order = work->order;
    int64_t timeline = 0, lsn = 0;
    job->is_history = bsc_logs_history_named(job->name, &timeline);
    if (!job->is_history &&
        !bsc_logs_segments_named(job->name, order->segment_bytes, &timeline, &lsn))
        return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is no log file that a standby asks for",
                           job->name);
    job->pages = (struct bsc_logs_segment_pages){.name = job->name,
                                                 .timeline = timeline,
                                                 .first_lsn = lsn,
                                                 .segment_bytes = order->segment_bytes,
                                                 .system_id = order->system_id};
    return true;
}

static bool size_of(const struct bsc_sys *sys, int fd, const char *path, int64_t *ret,
                    struct bsc_err *err)
{
    struct stat found = {0};
    if (sys->fstat(sys->self, fd, &found) != 0)
        return bsc_err_sys(err, errno, "cannot look at '%s'", path);
    *ret = found.st_size;
    return true;
}

static bool open_source(const struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    struct bsc_logs_history history;
    if (job->is_history && !bsc_logs_history_read(sys, job->from, &history, err))
        return false;
    job->from_fd = bsc_logs_io_open(sys, job->from, err);
    if (job->from_fd < 0 || !size_of(sys, job->from_fd, job->from, &job->bytes, err))
        return false;
    if (!job->is_history && job->bytes != work->order->segment_bytes)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has %lld bytes instead of %lld", job->name,
                           (long long)job->bytes, (long long)work->order->segment_bytes);
    return true;
}

/* The standby must be able to read what root copies. Only a file that we have just made, and that
 * has no other name, is given away: whoever owns the folder could have put another one there. */
static bool give_to_owner(const struct work *work, const struct job *job, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    struct stat folder = {0}, file = {0};
    if (geteuid() != 0)
        return true;
    if (sys->fstat(sys->self, job->to_fd, &file) != 0)
        return bsc_err_sys(err, errno, "cannot look at '%s'", job->partial);
    if (!S_ISREG(file.st_mode) || file.st_nlink != 1)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is not the file that was made",
                           job->partial);
    if (sys->stat(sys->self, work->order->destination, &folder) != 0 ||
        fchown(job->to_fd, folder.st_uid, folder.st_gid) != 0)
        return bsc_err_sys(err, errno, "cannot give '%s' to the owner of its folder", job->to);
    return true;
}

/* As the server makes its own: readable by its group where the folder is. */
static mode_t mode_of(const struct work *work)
{
    const struct bsc_sys *sys = work->order->sys;
    struct stat folder = {0};
    bool closed = work->order->marks != NULL &&
                  (sys->stat(sys->self, work->order->destination, &folder) != 0 ||
                   (folder.st_mode & S_IRGRP) == 0);
    return closed ? 0600 : 0640;
}

static bool open_partial(const struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    /* What is there is of a run that was killed, or a trap: it is never written to. */
    sys->unlink(sys->self, job->partial);
    job->to_fd =
        sys->open(sys->self, job->partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode_of(work));
    if (job->to_fd < 0)
        return bsc_err_sys(err, errno, "cannot create '%s'", job->partial);
    return give_to_owner(work, job, err);
}

static size_t length_at(const struct job *job, int64_t offset)
{
    int64_t left = job->bytes - offset;
    return left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
}

static bool read_block(const struct work *work, int fd, const char *path, unsigned char *block,
                       size_t length, int64_t offset, struct bsc_err *err)
{
    size_t got = 0;
    if (!bsc_logs_io_read_at(work->order->sys, fd, path, block, length, offset, &got, err))
        return false;
    return got == length || bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' ends before its end", path);
}

/* Reads back what was written, so that a block which was changed on the way does not pass. */
static bool move_block(struct work *work, struct job *job, int64_t offset, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    size_t length = length_at(job, offset);
    if (!read_block(work, job->from_fd, job->from, work->block, length, offset, err) ||
        (!job->is_history &&
         !bsc_logs_segment_pages_check(&job->pages, work->block, length, offset, err)) ||
        !bsc_logs_io_write_at(sys, job->to_fd, job->partial, work->block, length, offset, err) ||
        !read_block(work, job->to_fd, job->partial, work->back, length, offset, err))
        return false;
    if (memcmp(work->block, work->back, length) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' was changed while it was written", job->to);
    report(work, (int64_t)length);
    return true;
}

static bool move_all(struct work *work, struct job *job, struct bsc_err *err)
{
    for (int64_t offset = 0; offset < job->bytes; offset += BLOCK_BYTES) {
        if (!may_go_on(work, err) || !move_block(work, job, offset, err))
            return false;
    }
    return true;
}

static char *mark_path(const struct work *work, const struct job *job)
{
    char *name = bsc_mem_format("%s.%s", job->name, work->order->mark);
    char *path = bsc_files_join(work->order->marks, name);
    bsc_mem_free(name);
    return path;
}

static bool is_marked(const struct work *work, const struct job *job)
{
    char *path = mark_path(work, job);
    bool there = bsc_files_exists(work->order->sys, path);
    bsc_mem_free(path);
    return there;
}

/* Made after the file, so that whatever is marked is whole. It is not made durable, as the server
 * does not: a file that has lost it is copied once more. */
static bool make_mark(const struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    char *path = mark_path(work, job);
    job->to_fd =
        sys->open(sys->self, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode_of(work));
    bool ok = job->to_fd >= 0 || errno == EEXIST ||
              bsc_err_sys(err, errno, "cannot make the note '%s'", path);
    if (ok && job->to_fd >= 0)
        ok = give_to_owner(work, job, err);
    bool closed = bsc_logs_io_close(sys, &job->to_fd, path, err);
    bsc_mem_free(path);
    return ok && closed;
}

static bool hand_over(struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_logs_segments_order *order = work->order;
    const struct bsc_sys *sys = order->sys;
    if (!bsc_logs_io_sync(sys, job->to_fd, job->partial, err) ||
        !bsc_logs_io_close(sys, &job->to_fd, job->partial, err))
        return false;
    if (sys->rename(sys->self, job->partial, job->to) != 0)
        return bsc_err_sys(err, errno, "cannot give '%s' its name", job->to);
    if (!bsc_files_sync_folder(sys, order->destination, err) ||
        (order->marks != NULL && !make_mark(work, job, err)))
        return false;
    work->result->copied++;
    work->result->bytes += job->bytes;
    if (order->handed_over != NULL)
        order->handed_over(order->handed_over_arg, job->is_history ? -1 : job->pages.first_lsn);
    return true;
}

/* Whether two open files of one length have the same bytes. */
static bool compare(struct work *work, const struct job *job, int fd, bool *ret_same,
                    struct bsc_err *err)
{
    *ret_same = true;
    for (int64_t offset = 0; *ret_same && offset < job->bytes; offset += BLOCK_BYTES) {
        size_t length = length_at(job, offset);
        if (!may_go_on(work, err) ||
            !read_block(work, job->from_fd, job->from, work->block, length, offset, err) ||
            !read_block(work, fd, job->to, work->back, length, offset, err))
            return false;
        *ret_same = memcmp(work->block, work->back, length) == 0;
    }
    return true;
}

/* A whole file with other bytes: what the standby is still to read is replaced where that of the
 * share takes it farther, and is somebody else's in any other case. */
static bool judge_other(const struct work *work, const struct job *job, bool *ret_kept,
                        struct bsc_err *err)
{
    const struct bsc_logs_segments_order *order = work->order;
    const struct bsc_logs_pg_pair pair = {.sys = order->sys,
                                          .share = order->share,
                                          .destination = order->destination,
                                          .timeline = (uint32_t)job->pages.timeline,
                                          .segment = (uint32_t)order->segment_bytes,
                                          .first_lsn = (uint64_t)job->pages.first_lsn,
                                          .from_lsn = (uint64_t)order->replayed_lsn,
                                          .cancel = order->cancel};
    bool shared = false;
    *ret_kept =
        !job->is_history && order->replayed_lsn >= job->pages.first_lsn + order->segment_bytes;
    if (*ret_kept)
        return true;
    if (!job->is_history && !bsc_logs_pg_pair_judge(&pair, &shared, err))
        return false;
    return shared ||
           bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is there already with other bytes", job->to);
}

/* What is there under the final name: the same bytes are kept, and a piece of a file is replaced;
 * in the server's own folder all is that it does not say to have whole. */
static bool look_there(struct work *work, struct job *job, bool *ret_kept, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t bytes = 0;
    bool same = false;
    *ret_kept = false;
    if (!bsc_files_exists(sys, job->to) || (work->order->marks != NULL && !is_marked(work, job)))
        return true;
    int fd = bsc_logs_io_open(sys, job->to, err);
    bool ok = fd >= 0 && size_of(sys, fd, job->to, &bytes, err);
    if (ok && bytes == job->bytes)
        ok = compare(work, job, fd, &same, err);
    bsc_logs_io_close(sys, &fd, job->to, &ignored);
    *ret_kept = ok && same;
    return !ok || bytes != job->bytes || same ? ok : judge_other(work, job, ret_kept, err);
}

static void job_release(const struct work *work, struct job *job)
{
    const struct bsc_sys *sys = work->order->sys;
    struct bsc_err ignored = BSC_ERR_INIT;
    bool begun = job->to_fd >= 0;
    bsc_logs_io_close(sys, &job->from_fd, job->from, &ignored);
    bsc_logs_io_close(sys, &job->to_fd, job->partial, &ignored);
    if (begun)
        sys->unlink(sys->self, job->partial);
    bsc_mem_free(job->from);
    bsc_mem_free(job->partial);
    bsc_mem_free(job->to);
}

static bool copy_file(struct work *work, const char *name, struct bsc_err *err)
{
    const struct bsc_logs_segments_order *order = work->order;
    struct job job = {.name = name, .from_fd = -1, .to_fd = -1};
    char *partial = bsc_mem_format(".%s.partial", name);
    bool kept = false;
    job.from = bsc_files_join(order->share, name);
    job.partial = bsc_files_join(order->destination, partial);
    job.to = bsc_files_join(order->destination, name);
    bsc_mem_free(partial);
    bool ok = name_job(work, &job, err) && open_source(work, &job, err) &&
              look_there(work, &job, &kept, err);
    if (ok && kept) {
        work->result->kept++;
        report(work, job.bytes);
    } else if (ok) {
        ok = open_partial(work, &job, err) && move_all(work, &job, err) &&
             hand_over(work, &job, err);
    }
    if (ok)
        bsc_logs_pg_mark_remove(order->sys, order->destination, name);
    job_release(work, &job);
    return ok;
}

bool bsc_logs_segments_copy(const struct bsc_logs_segments_order *order,
                            struct bsc_logs_segments_result *ret, struct bsc_err *err)
{
    struct work work = {.order = order, .result = ret};
    bool ok = true;
    *ret = (struct bsc_logs_segments_result){0};
    work.block = bsc_mem_new(BLOCK_BYTES, 1);
    work.back = bsc_mem_new(BLOCK_BYTES, 1);
    work.total = (int64_t)order->count * order->segment_bytes;
    for (size_t i = 0; ok && i < order->count; i++)
        ok = copy_file(&work, order->names[i], err);
    bsc_mem_free(work.block);
    bsc_mem_free(work.back);
    return ok;
}
