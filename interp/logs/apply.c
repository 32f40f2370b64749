#include "logs/apply.h"

#include <string.h>

#include "base/mem.h"
#include "logs/batch.h"
#include "logs/exclusive.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/pages.h"
#include "logs/state.h"
#include "os/files.h"

struct work {
    const struct bsc_logs_apply_order *order;
    struct bsc_logs_apply_result *result;
    int fd;
    struct bsc_logs_state state; /* as far as the pages are durable */
    bool unsaved;                /* the sidecar on disk is behind it */
    bool spoilt;                 /* writing failed: only a new run may touch the copy */
    int64_t cursor;              /* LSN of the copy once the batch is written */
    char fork[BSC_LOGS_ID_HEX];  /* and its fork */
    int64_t done;                /* bytes of the files behind us */
    int64_t total;
    struct bsc_logs_batch batch;
    struct bsc_logs_pages pages;
};

static bool save(struct work *work, struct bsc_err *err)
{
    work->unsaved = false;
    if (bsc_logs_state_save(work->order->sys, work->order->path, &work->state, err))
        return true;
    work->spoilt = true;
    return false;
}

static void report(const struct work *work)
{
    if (work->order->progress != NULL)
        work->order->progress(work->order->progress_arg, work->done, work->total);
}

/*
 * Says durably which range is being written. A range left by a killed run stays part of it: pages
 * of its last file may be in the copy, which is whole again only when that file has been written.
 */
static bool announce(struct work *work, int64_t last_lsn, const struct bsc_value *names,
                     struct bsc_err *err)
{
    struct bsc_logs_state *state = &work->state;

    state->applying_first = state->lsn;
    if (!state->applying || state->applying_last < last_lsn) {
        state->applying_last = last_lsn;
        bsc_value_free(state->applying_files);
        state->applying_files = bsc_value_copy(names);
    }
    state->applying = true;
    return save(work, err);
}

/* The pages up to `header` are durable. The sidecar follows with the next announcement. */
static void advance(struct work *work, const struct bsc_logs_header *header, size_t files)
{
    struct bsc_logs_state *state = &work->state;

    if (strcmp(state->fork, header->fork) != 0) {
        memcpy(state->previous_fork, state->fork, sizeof state->fork);
        memcpy(state->fork, header->fork, sizeof state->fork);
        state->fork_lsn = state->lsn;
    }
    state->lsn = header->last_lsn;
    state->time_ms = header->time_ms;
    if (state->lsn >= state->applying_last) {
        state->applying = false;
        bsc_value_free(state->applying_files);
        state->applying_files = NULL;
    }
    work->unsaved = true;
    work->result->applied += files;
}

static bool write_batch(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_batch *batch = &work->batch;

    if (batch->files == 0)
        return true;
    if (!announce(work, batch->last.last_lsn, batch->names, err))
        return false;
    work->spoilt = !bsc_logs_batch_write(batch, &work->pages, err) ||
                   !bsc_logs_pages_settle(&work->pages, batch->last.db_pages, err);
    if (work->spoilt)
        return false;
    advance(work, &batch->last, batch->files);
    work->done += batch->body_bytes;
    bsc_logs_batch_clear(batch);
    report(work);
    return true;
}

static bool stream(struct work *work, struct bsc_logs_reader *reader, struct bsc_err *err)
{
    const unsigned char *bytes = NULL;
    uint32_t page = 0;

    do {
        if (!bsc_logs_reader_next(reader, &page, &bytes, err))
            return false;
        if (bytes != NULL && !bsc_logs_pages_put(&work->pages, page, bytes, err))
            return false;
    } while (bytes != NULL);
    return bsc_logs_pages_settle(&work->pages, reader->header.db_pages, err);
}

/* A backup too large for memory: read once to validate it, a second time to write it. */
static bool write_large(struct work *work, struct bsc_logs_reader *reader, const char *name,
                        struct bsc_err *err)
{
    struct bsc_value *names = NULL;
    bool ok = false;

    if (!write_batch(work, err) || !bsc_logs_reader_verify(reader, err))
        return false;
    names = bsc_value_list();
    bsc_value_append(names, bsc_value_text(name));
    if (!announce(work, reader->header.last_lsn, names, err))
        goto done;
    ok = stream(work, reader, err);
    work->spoilt = !ok;
    if (!ok)
        goto done;
    advance(work, &reader->header, 1);
    work->done += bsc_logs_format_bytes(&reader->header);
    report(work);
done:
    bsc_value_free(names);
    return ok;
}

static bool check_planned(const struct bsc_logs_apply_file *file,
                          const struct bsc_logs_header *header, struct bsc_err *err)
{
    char digest[BSC_DIGEST_HEX] = "";

    bsc_digest_hex(header->digest, digest);
    if (file->first_lsn != header->first_lsn || file->last_lsn != header->last_lsn)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' covers LSN %lld to %lld, planned was %lld to %lld",
                           file->name, (long long)header->first_lsn, (long long)header->last_lsn,
                           (long long)file->first_lsn, (long long)file->last_lsn);
    if (file->sha256 != NULL && strcmp(file->sha256, digest) != 0)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' (LSN %lld to %lld) is not the file that was planned",
                           file->name, (long long)header->first_lsn, (long long)header->last_lsn);
    return true;
}

/* A fork's first backup continues the fork before it exactly where the two part. */
static bool fork_fits(const struct work *work, const struct bsc_logs_header *header)
{
    return strcmp(header->fork, work->fork) == 0 || strcmp(header->previous_fork, work->fork) == 0;
}

static bool check_fits(const struct work *work, const char *name,
                       const struct bsc_logs_header *header, struct bsc_err *err)
{
    long long first = header->first_lsn, last = header->last_lsn;

    if (strcmp(header->database_id, work->state.database_id) != 0)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' (LSN %lld to %lld) belongs to another database", name,
                           first, last);
    if (header->page_size != work->state.page_size)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' (LSN %lld to %lld) has pages of %u bytes, the copy "
                           "has %u",
                           name, first, last, header->page_size, work->state.page_size);
    if (header->first_lsn != work->cursor) {
        bsc_err_set(err, BSC_ERR_REFUSED,
                    "log backup '%s' begins at LSN %lld, the copy is at LSN %lld", name, first,
                    (long long)work->cursor);
        return bsc_err_hint(err, header->first_lsn > work->cursor
                                     ? "A log backup between the two is missing."
                                     : "It overlaps what the copy holds already.");
    }
    if (!fork_fits(work, header))
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' (LSN %lld to %lld) is of recovery fork %s, the copy "
                           "is of %s",
                           name, first, last, header->fork, work->fork);
    return true;
}

static bool take(struct work *work, struct bsc_logs_reader *reader, const char *name,
                 struct bsc_err *err)
{
    const struct bsc_logs_header *header = &reader->header;
    const uint32_t pages = header->page_count;

    /* A batch is of one fork, so that it is known where a new one began. */
    if (strcmp(header->fork, work->fork) != 0 && !write_batch(work, err))
        return false;
    if (!bsc_logs_batch_could_hold(&work->batch, pages))
        return write_large(work, reader, name, err);
    if (!bsc_logs_batch_can_hold(&work->batch, pages) && !write_batch(work, err))
        return false;
    return bsc_logs_batch_add(&work->batch, reader, name, err);
}

static bool apply_one(struct work *work, const struct bsc_logs_apply_file *file,
                      struct bsc_err *err)
{
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    char *path = bsc_files_join(work->order->folder, file->name);
    bool ok = bsc_logs_reader_open(&reader, work->order->sys, path, err) &&
              check_planned(file, &reader.header, err) &&
              check_fits(work, file->name, &reader.header, err) &&
              take(work, &reader, file->name, err);

    if (ok) {
        work->cursor = reader.header.last_lsn;
        memcpy(work->fork, reader.header.fork, sizeof work->fork);
    }
    bsc_logs_reader_release(&reader);
    bsc_mem_free(path);
    return ok;
}

static bool apply_all(struct work *work, struct bsc_err *err)
{
    const struct bsc_logs_apply_order *order = work->order;

    for (size_t i = 0; i < order->count; i++) {
        if (order->cancel != NULL && atomic_load(order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "applying was cancelled at LSN %lld",
                               (long long)work->cursor);
        if (strchr(order->files[i].name, '/') != NULL)
            return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not the name of a file",
                               order->files[i].name);
        if (order->files[i].last_lsn <= work->cursor)
            work->result->kept++;
        else if (!apply_one(work, &order->files[i], err))
            return false;
    }
    return true;
}

static bool check_role(const struct work *work, const struct bsc_logs_db_header *header,
                       struct bsc_err *err)
{
    const enum bsc_logs_role role = work->state.role;
    const char *path = work->order->path;

    if (role != BSC_LOGS_RESTORING && role != BSC_LOGS_STANDBY && role != BSC_LOGS_MIRROR)
        return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is not restoring: it is %s", path,
                           bsc_logs_role_name(role));
    if (header->mark != BSC_LOGS_MARK_RESTORING &&
        !(role == BSC_LOGS_STANDBY && header->mark == BSC_LOGS_MARK_STANDBY))
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' says %s in its sidecar and %s in its header",
                           path, bsc_logs_role_name(role), bsc_logs_mark_name(header->mark));
    if (header->page_size != work->state.page_size)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has pages of %u bytes, its sidecar says %u",
                           path, header->page_size, work->state.page_size);
    return true;
}

static int64_t total_bytes(const struct bsc_logs_apply_order *order, int64_t after_lsn)
{
    int64_t total = 0;

    for (size_t i = 0; i < order->count; i++) {
        char *path = bsc_files_join(order->folder, order->files[i].name);
        struct stat status = {0};

        if (order->files[i].last_lsn > after_lsn &&
            order->sys->stat(order->sys->self, path, &status) == 0)
            total += status.st_size;
        bsc_mem_free(path);
    }
    return total;
}

static bool begin(struct work *work, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    const char *path = work->order->path;
    struct bsc_logs_db_header header = {0};

    if (!bsc_logs_exclusive_open(sys, path, &work->fd, err) ||
        !bsc_logs_state_load(sys, path, &work->state, err) ||
        !bsc_logs_db_header_at(sys, work->fd, path, &header, err) ||
        !check_role(work, &header, err))
        return false;
    /* A standby may be read at any time, and would be read half written if we were killed. */
    if (header.mark == BSC_LOGS_MARK_STANDBY &&
        (!bsc_logs_exclusive_alone(sys, path, err) ||
         !bsc_logs_db_header_write(sys, work->fd, path, BSC_LOGS_MARK_RESTORING, err)))
        return false;
    if (!bsc_logs_leftover_set_aside(sys, path, err))
        return false;
    work->cursor = work->state.lsn;
    memcpy(work->fork, work->state.fork, sizeof work->fork);
    if (work->order->progress != NULL)
        work->total = total_bytes(work->order, work->cursor);
    bsc_logs_batch_init(&work->batch, work->state.page_size);
    bsc_logs_pages_init(&work->pages, sys, work->fd, path, work->state.page_size);
    return true;
}

/* Success means a whole copy: a run that was killed earlier may have written more than this one. */
static bool check_whole(const struct work *work, struct bsc_err *err)
{
    if (!work->state.applying)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "'%s' holds a part only of the log backups from LSN %lld to %lld",
                work->order->path, (long long)work->state.applying_first,
                (long long)work->state.applying_last);
    return bsc_err_hint(err, "Apply all log backups up to that LSN.");
}

/* Brings sidecar and header up to what is durable in the copy. */
static bool settle(struct work *work, struct bsc_err *err)
{
    if (!write_batch(work, err) || (work->unsaved && !save(work, err)))
        return false;
    return work->state.role != BSC_LOGS_STANDBY || work->state.applying ||
           bsc_logs_db_header_write(work->order->sys, work->fd, work->order->path,
                                    BSC_LOGS_MARK_STANDBY, err);
}

bool bsc_logs_apply(const struct bsc_logs_apply_order *order, struct bsc_logs_apply_result *ret,
                    struct bsc_err *err)
{
    struct work work = {
        .order = order, .result = ret, .fd = -1, .state = BSC_LOGS_STATE_INIT, .pages = {.fd = -1}};
    struct bsc_err later = BSC_ERR_INIT;
    bool ok = false;

    *ret = (struct bsc_logs_apply_result){0};
    if (begin(&work, err)) {
        ok = apply_all(&work, err);
        /* What could be applied before the file to blame is kept, unless writing itself failed. */
        if (!work.spoilt)
            ok = settle(&work, ok ? err : &later) && ok;
        ok = ok && check_whole(&work, err);
        ret->lsn = work.state.lsn;
        ret->time_ms = work.state.time_ms;
    }
    bsc_logs_batch_release(&work.batch);
    bsc_logs_pages_release(&work.pages);
    bsc_logs_state_release(&work.state);
    bsc_logs_exclusive_close(order->sys, work.fd);
    return ok;
}
