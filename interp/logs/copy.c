#include "logs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "logs/format.h"
#include "logs/io.h"
#include "os/files.h"

/* A block is copied and hashed while it is still in the processor's cache. */
enum {
    BLOCK_BYTES = 512 * 1024,
    AHEAD_FILES = 4,
    BATCH_FILES = 64,
    BATCH_BYTES = 64 * 1024 * 1024
};

/* A file that is copied and proven, but neither durable nor named. */
struct waiting {
    int fd;        /* owned */
    char *partial; /* owned path */
    char *path;    /* owned path */
};

struct work {
    const struct bsc_logs_copy_order *order;
    struct bsc_logs_copy_result *result;
    struct waiting waiting[BATCH_FILES];
    size_t waiting_count;
    int64_t waiting_bytes;
    int64_t done;
    int64_t total;
    unsigned char *block; /* owned */
    bool plain;           /* the file systems cannot copy between them by themselves */
};

/* One file on its way. */
struct job {
    const struct bsc_logs_copy_file *file;
    char *from; /* owned paths */
    char *partial;
    char *to;
    int from_fd;
    int to_fd;
    struct bsc_logs_header header;
    struct bsc_digest digest;
    int64_t bytes;
};

static bool is_cancelled(const struct work *work, struct bsc_err *err)
{
    const atomic_bool *cancel = work->order->cancel;
    if (cancel == NULL || !atomic_load(cancel))
        return false;
    bsc_err_set(err, BSC_ERR_CANCELLED, "copying log backups was cancelled");
    return true;
}

static void report(struct work *work, int64_t bytes)
{
    work->done += bytes;
    if (work->order->progress != NULL)
        work->order->progress(work->order->progress_arg, work->done, work->total);
}

static bool is_planned(const struct job *job, const struct bsc_logs_header *header)
{
    char hex[BSC_DIGEST_HEX] = "";
    bsc_digest_hex(header->digest, hex);
    return job->file->sha256 == NULL || strcmp(job->file->sha256, hex) == 0;
}

/* Whether the destination has the very file, complete and right. */
static bool is_there(const struct work *work, const struct job *job)
{
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    struct bsc_err why = BSC_ERR_INIT;
    bool there = bsc_logs_reader_open(&reader, work->order->sys, job->to, &why) &&
                 is_planned(job, &reader.header) && bsc_logs_reader_verify(&reader, &why);
    bsc_logs_reader_release(&reader);
    return there;
}

static bool open_files(const struct work *work, struct job *job, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    if (!bsc_logs_format_peek(sys, job->from, &job->header, err))
        return false;
    if (!is_planned(job, &job->header))
        return bsc_err_set(err, BSC_ERR_CONFLICT,
                           "log backup '%s' (LSN %lld to %lld) is not the file that was planned",
                           job->file->name, (long long)job->header.first_lsn,
                           (long long)job->header.last_lsn);
    job->from_fd = bsc_logs_io_open(sys, job->from, err);
    if (job->from_fd < 0)
        return false;
    job->to_fd = sys->open(sys->self, job->partial, O_RDWR | O_CREAT | O_TRUNC, 0640);
    if (job->to_fd < 0)
        return bsc_err_sys(err, errno, "cannot create '%s'", job->partial);
    job->bytes = bsc_logs_format_bytes(&job->header);
    bsc_digest_init(&job->digest);
    return true;
}

/* The file systems may do it without the bytes passing through here, or by sharing them. */
static bool move_by_system(struct work *work, struct job *job, int64_t offset, size_t length,
                           struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    off_t from = (off_t)offset, to = (off_t)offset;
    while (length > 0 && !work->plain) {
        ssize_t n = sys->copy_file_range(sys->self, job->from_fd, &from, job->to_fd, &to, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0 || (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
                                 errno == EOPNOTSUPP)))
            work->plain = true;
        else if (n < 0)
            return bsc_err_sys(err, errno, "cannot write '%s'", job->to);
        else
            length -= (size_t)n;
    }
    return true;
}

/* What is hashed is what stands in the destination, so that a block that was changed or cut short
 * on the way does not pass. */
static bool move_block(struct work *work, struct job *job, int64_t offset, size_t length,
                       struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    size_t got = 0;
    if (!work->plain && !move_by_system(work, job, offset, length, err))
        return false;
    if (work->plain &&
        (!bsc_logs_io_read_at(sys, job->from_fd, job->from, work->block, length, offset, &got,
                              err) ||
         !bsc_logs_io_write_at(sys, job->to_fd, job->to, work->block, got, offset, err)))
        return false;
    if (!bsc_logs_io_read_at(sys, job->to_fd, job->to, work->block, length, offset, &got, err))
        return false;
    if (got < length)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' got shorter while it was copied",
                           job->file->name);
    return true;
}

static bool move_all(struct work *work, struct job *job, struct bsc_err *err)
{
    unsigned char head[BSC_LOGS_FORMAT_HEADER];
    struct bsc_logs_header copy = {0};
    unsigned char hash[BSC_DIGEST_BYTES] = {0};
    for (int64_t offset = 0; offset < job->bytes;) {
        size_t length = BLOCK_BYTES;
        if ((int64_t)length > job->bytes - offset)
            length = (size_t)(job->bytes - offset);
        if (is_cancelled(work, err) || !move_block(work, job, offset, length, err))
            return false;
        size_t head_bytes = offset == 0 ? sizeof head : 0;
        memcpy(head, work->block, head_bytes);
        bsc_digest_add(&job->digest, work->block + head_bytes, length - head_bytes);
        offset += (int64_t)length;
        report(work, (int64_t)length);
    }
    bsc_digest_end(&job->digest, hash);
    if (!bsc_logs_format_decode(job->file->name, head, &copy, err))
        return false;
    if (memcmp(copy.digest, job->header.digest, sizeof copy.digest) != 0 ||
        memcmp(hash, copy.body_hash, sizeof hash) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED,
                           "the pages of '%s' (LSN %lld to %lld) do not match their checksum",
                           job->file->name, (long long)job->header.first_lsn,
                           (long long)job->header.last_lsn);
    return true;
}

/* Makes what waits durable and gives it its names. */
static bool settle(struct work *work, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    for (size_t i = 0; i < work->waiting_count; i++) {
        struct waiting *waiting = &work->waiting[i];
        if (!bsc_logs_io_sync(sys, waiting->fd, waiting->path, err) ||
            !bsc_logs_io_close(sys, &waiting->fd, waiting->path, err))
            return false;
        if (sys->rename(sys->self, waiting->partial, waiting->path) != 0)
            return bsc_err_sys(err, errno, "cannot give '%s' its name", waiting->path);
        bsc_mem_free(waiting->partial);
        waiting->partial = NULL;
    }
    if (work->waiting_count > 0 && !bsc_files_sync_folder(sys, work->order->destination, err))
        return false;
    work->result->copied += work->waiting_count;
    work->result->bytes += work->waiting_bytes;
    for (size_t i = 0; i < work->waiting_count; i++)
        bsc_mem_free(work->waiting[i].path);
    work->waiting_count = 0;
    work->waiting_bytes = 0;
    return true;
}

static void forget_waiting(struct work *work)
{
    const struct bsc_sys *sys = work->order->sys;
    struct bsc_err ignored = BSC_ERR_INIT;
    for (size_t i = 0; i < work->waiting_count; i++) {
        struct waiting *waiting = &work->waiting[i];
        bsc_logs_io_close(sys, &waiting->fd, waiting->path, &ignored);
        if (waiting->partial != NULL)
            sys->unlink(sys->self, waiting->partial);
        bsc_mem_free(waiting->partial);
        bsc_mem_free(waiting->path);
    }
    work->waiting_count = 0;
}

/* Lets the device begin to write while the next file is read, so that the syncs to come find little
 * left to do. A hint only: whether it is heard does not matter. */
static void put_in_line(struct work *work, struct job *job)
{
    const struct bsc_sys *sys = work->order->sys;
    if (sys->write_soon != NULL)
        sys->write_soon(sys->self, job->to_fd);
    work->waiting[work->waiting_count++] =
        (struct waiting){.fd = job->to_fd, .partial = job->partial, .path = job->to};
    work->waiting_bytes += job->bytes;
    job->to_fd = -1;
    job->partial = NULL;
    job->to = NULL;
}

static void release_job(struct work *work, struct job *job)
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

static bool copy_file(struct work *work, const struct bsc_logs_copy_file *file, struct bsc_err *err)
{
    char *partial = bsc_mem_format(".%s.partial", file->name);
    struct job job = {.file = file,
                      .from = bsc_files_join(work->order->share, file->name),
                      .partial = bsc_files_join(work->order->destination, partial),
                      .to = bsc_files_join(work->order->destination, file->name),
                      .from_fd = -1,
                      .to_fd = -1};
    bool ok = true;
    bsc_mem_free(partial);
    if (is_there(work, &job)) {
        work->result->kept++;
        report(work, file->bytes);
    } else {
        ok = open_files(work, &job, err) && move_all(work, &job, err);
        if (ok)
            put_in_line(work, &job);
    }
    release_job(work, &job);
    return ok;
}

/* Has the system read a file ahead while others are copied. A hint only. */
static void read_ahead(const struct work *work, size_t index)
{
    const struct bsc_logs_copy_order *order = work->order;
    struct bsc_err ignored = BSC_ERR_INIT;
    if (index >= order->count)
        return;
    char *path = bsc_files_join(order->share, order->files[index].name);
    int fd = bsc_logs_io_open(order->sys, path, &ignored);
    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
    bsc_logs_io_close(order->sys, &fd, path, &ignored);
    bsc_mem_free(path);
}

static bool copy_all(struct work *work, struct bsc_err *err)
{
    const struct bsc_logs_copy_order *order = work->order;
    for (size_t i = 0; i < AHEAD_FILES; i++)
        read_ahead(work, i);
    for (size_t i = 0; i < order->count; i++) {
        read_ahead(work, i + AHEAD_FILES);
        if (strchr(order->files[i].name, '/') != NULL)
            return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not the name of a file",
                               order->files[i].name);
        if (is_cancelled(work, err) || !copy_file(work, &order->files[i], err))
            return false;
        if ((work->waiting_count == BATCH_FILES || work->waiting_bytes >= BATCH_BYTES) &&
            !settle(work, err))
            return false;
    }
    return true;
}

bool bsc_logs_copy(const struct bsc_logs_copy_order *order, struct bsc_logs_copy_result *ret,
                   struct bsc_err *err)
{
    struct work work = {.order = order, .result = ret};
    struct bsc_err later = BSC_ERR_INIT;
    bool ok = bsc_files_make_folder(order->sys, order->destination, 0750, err);
    *ret = (struct bsc_logs_copy_result){0};
    work.block = bsc_mem_new(BLOCK_BYTES, 1);
    for (size_t i = 0; i < order->count; i++)
        work.total += order->files[i].bytes;
    if (ok) {
        ok = copy_all(&work, err);
        /* What was proven before the file to blame is kept. */
        ok = settle(&work, ok ? err : &later) && ok;
    }
    forget_waiting(&work);
    bsc_mem_free(work.block);
    return ok;
}
