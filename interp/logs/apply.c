#include "logs/apply.h"

#include <string.h>

#include "base/mem.h"
#include "logs/batch.h"
#include "logs/exclusive.h"
#include "logs/hasher.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/pages.h"
#include "logs/state.h"
#include "os/files.h"

enum {
    /* One sync for so much: large enough for the sync not to show, small enough to write again. */
    GROUP_BYTES = 1024 * 1024 * 1024,
    /* The sidecar lists the files of a group; this keeps it small. */
    GROUP_FILES = 2000,
    /* Digesting takes about as long as all the rest. */
    HASHERS = 2
};

/* A point that the copy can be at. */
struct place {
    int64_t lsn;
    int64_t time_ms;
    uint32_t db_pages;
    size_t files; /* applied since the last sync to get there */
};

/*
 * Files go through four stages: taken (their bodies in the filling batch, being digested), proven
 * (in the ready batch), written (pages in the system's cache), durable (synced, and so recorded). A
 * group of files is announced before the first of its pages is written and synced as one; a killed
 * run is redone from the group's start.
 */
struct work {
    const struct bsc_logs_apply_order *order;
    struct bsc_logs_apply_result *result;
    int fd;
    struct bsc_logs_state state; /* as far as the pages are durable */
    bool unsaved;                /* the sidecar on disk is behind it */
    bool spoilt;                 /* writing failed: only a new run may touch the copy */
    size_t group_end;            /* index of the first file that is not announced */
    int64_t inherited_last;      /* end of the range that a killed run left half written, or -1 */
    struct bsc_value *inherited; /* owned: names of its files, or NULL */
    struct place taken;          /* after the last file taken */
    struct place filled_from;    /* before the first file of the filling batch */
    struct bsc_logs_hasher *hasher; /* owned */
    struct bsc_logs_batch filling;
    struct bsc_logs_batch ready;
    struct bsc_logs_pages pages;
    int64_t done; /* bytes of the files behind us */
    int64_t total;
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

static void set_applying(struct bsc_logs_state *state, int64_t last_lsn, struct bsc_value *files)
{
    bsc_value_free(state->applying_files);
    state->applying = files != NULL;
    state->applying_first = state->lsn;
    state->applying_last = last_lsn;
    state->applying_files = files;
}

static int64_t file_bytes(const struct work *work, const char *name)
{
    const struct bsc_sys *sys = work->order->sys;
    char *path = bsc_files_join(work->order->folder, name);
    struct stat status = {0};
    bool found = sys->stat(sys->self, path, &status) == 0;

    bsc_mem_free(path);
    return found ? status.st_size : 0;
}

/*
 * Says durably which range is about to be written, from the file at `index` on. A range left by a
 * killed run stays part of it: pages of its last file may be in the copy, which is whole again only
 * when that file has been written.
 */
static bool announce(struct work *work, size_t index, struct bsc_err *err)
{
    const struct bsc_logs_apply_order *order = work->order;
    const int64_t bytes_max = order->sync_bytes > 0 ? order->sync_bytes : GROUP_BYTES;
    struct bsc_value *names = bsc_value_list();
    int64_t bytes = 0, last_lsn = 0;
    size_t end = index;

    for (; end < order->count && bytes < bytes_max && end - index < GROUP_FILES; end++) {
        bytes += file_bytes(work, order->files[end].name);
        last_lsn = order->files[end].last_lsn;
        bsc_value_append(names, bsc_value_text(order->files[end].name));
    }
    if (last_lsn < work->inherited_last) {
        bsc_value_free(names);
        names = bsc_value_copy(work->inherited);
        last_lsn = work->inherited_last;
    }
    set_applying(&work->state, last_lsn, names);
    work->group_end = end;
    return save(work, err);
}

static bool write_out(struct work *work, struct bsc_logs_batch *batch, struct bsc_err *err)
{
    if (batch->file_count == 0)
        return true;
    work->spoilt = !bsc_logs_batch_write(batch, &work->pages, err);
    if (work->spoilt)
        return false;
    for (size_t i = 0; i < batch->file_count; i++)
        work->done += bsc_logs_format_bytes(&batch->files[i].header);
    bsc_logs_batch_clear(batch);
    report(work);
    return true;
}

static void move(struct place *place, const struct bsc_logs_header *header)
{
    place->lsn = header->last_lsn;
    place->time_ms = header->time_ms;
    place->db_pages = header->db_pages;
    place->files++;
}

/* Proves the filling batch; when a file of it is damaged, what comes before that stays taken. */
static bool prove(struct work *work, struct bsc_err *err)
{
    if (bsc_logs_batch_prove(&work->filling, err))
        return true;
    work->taken = work->filled_from;
    for (size_t i = 0; i < work->filling.file_count; i++)
        move(&work->taken, &work->filling.files[i].header);
    return false;
}

/* The filling batch is full: while its last files are digested the ready one is written. */
static bool turn(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_batch written;

    if (!write_out(work, &work->ready, err) || !prove(work, err))
        return false;
    written = work->ready;
    work->ready = work->filling;
    work->filling = written;
    work->filled_from = work->taken;
    return true;
}

/* Writes all that was taken. False, too, when the end of it was damaged. */
static bool drain(struct work *work, struct bsc_err *err)
{
    struct bsc_err later = BSC_ERR_INIT;
    bool proven, written;

    if (!write_out(work, &work->ready, err))
        return false;
    proven = prove(work, err);
    written = write_out(work, &work->filling, proven ? err : &later);
    work->filled_from = work->taken;
    return proven && written;
}

/* The pages up to `taken` are durable; the sidecar is saved with the next announcement. */
static void advance(struct work *work)
{
    struct bsc_logs_state *state = &work->state;
    struct place *taken = &work->taken;

    state->lsn = taken->lsn;
    state->time_ms = taken->time_ms;
    if (work->inherited_last > state->lsn)
        set_applying(state, work->inherited_last, bsc_value_copy(work->inherited));
    else
        set_applying(state, 0, NULL);
    work->unsaved = true;
    work->result->applied += taken->files;
    taken->files = 0;
    work->filled_from = *taken;
}

/* Brings everything that was taken to disk. False, too, when the end of it was damaged. */
static bool sync_group(struct work *work, struct bsc_err *err)
{
    bool ok = drain(work, err);

    if (work->spoilt || work->taken.files == 0)
        return ok;
    work->spoilt = !bsc_logs_pages_settle(&work->pages, work->taken.db_pages, err);
    if (work->spoilt)
        return false;
    advance(work);
    return ok;
}

/* A backup too large for memory: read once to validate it, a second time to write it. */
static bool write_large(struct work *work, struct bsc_logs_reader *reader, struct bsc_err *err)
{
    const unsigned char *bytes = NULL;
    uint32_t page = 0;

    if (!drain(work, err) || !bsc_logs_reader_verify(reader, err))
        return false;
    do {
        work->spoilt = !bsc_logs_reader_next(reader, &page, &bytes, err) ||
                       (bytes != NULL && !bsc_logs_pages_put(&work->pages, page, bytes, err));
    } while (!work->spoilt && bytes != NULL);
    if (work->spoilt)
        return false;
    work->done += bsc_logs_format_bytes(&reader->header);
    report(work);
    return true;
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
    if (header->first_lsn != work->taken.lsn) {
        bsc_err_set(err, BSC_ERR_REFUSED,
                    "log backup '%s' begins at LSN %lld, the copy is at LSN %lld", name, first,
                    (long long)work->taken.lsn);
        return bsc_err_hint(err, header->first_lsn > work->taken.lsn
                                     ? "A log backup between the two is missing."
                                     : "It overlaps what the copy holds already.");
    }
    if (strcmp(header->fork, work->state.fork) != 0)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "log backup '%s' (LSN %lld to %lld) is of recovery fork %s, the copy "
                           "is of %s",
                           name, first, last, header->fork, work->state.fork);
    return true;
}

static bool take(struct work *work, struct bsc_logs_reader *reader, const char *name,
                 struct bsc_err *err)
{
    const struct bsc_logs_header *header = &reader->header;
    const bool large = !bsc_logs_batch_could_hold(header);

    if (large) {
        if (!write_large(work, reader, err))
            return false;
    } else if ((!bsc_logs_batch_can_hold(&work->filling, header) && !turn(work, err)) ||
               !bsc_logs_batch_add(&work->filling, reader, name, err)) {
        return false;
    }
    move(&work->taken, header);
    if (large)
        work->filled_from = work->taken;
    return true;
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

    bsc_logs_reader_release(&reader);
    bsc_mem_free(path);
    return ok;
}

/* Sees to it that the file at `index` is announced. */
static bool enter_group(struct work *work, size_t index, struct bsc_err *err)
{
    return index < work->group_end || (sync_group(work, err) && announce(work, index, err));
}

static bool apply_all(struct work *work, struct bsc_err *err)
{
    const struct bsc_logs_apply_order *order = work->order;

    for (size_t i = 0; i < order->count; i++) {
        if (order->cancel != NULL && atomic_load(order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "applying was cancelled at LSN %lld",
                               (long long)work->taken.lsn);
        if (strchr(order->files[i].name, '/') != NULL)
            return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not the name of a file",
                               order->files[i].name);
        if (order->files[i].last_lsn <= work->taken.lsn)
            work->result->kept++;
        else if (!enter_group(work, i, err) || !apply_one(work, &order->files[i], err))
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

static int64_t total_bytes(const struct work *work)
{
    const struct bsc_logs_apply_order *order = work->order;
    int64_t total = 0;

    for (size_t i = 0; i < order->count; i++)
        if (order->files[i].last_lsn > work->taken.lsn)
            total += file_bytes(work, order->files[i].name);
    return total;
}

/* Starts from where the sidecar says the copy is. */
static void set_place(struct work *work)
{
    const struct bsc_logs_state *state = &work->state;
    struct place *taken = &work->taken;

    *taken = (struct place){.lsn = state->lsn, .time_ms = state->time_ms};
    work->filled_from = *taken;
    work->inherited_last = state->applying ? state->applying_last : -1;
    work->inherited = state->applying ? bsc_value_copy(state->applying_files) : NULL;
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
    set_place(work);
    if (work->order->progress != NULL)
        work->total = total_bytes(work);
    work->hasher = bsc_logs_hasher_new(work->order->count > 1 ? HASHERS : 0);
    bsc_logs_batch_init(&work->filling, work->hasher, work->state.page_size);
    bsc_logs_batch_init(&work->ready, work->hasher, work->state.page_size);
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
    struct bsc_err later = BSC_ERR_INIT;
    bool ok = sync_group(work, err);

    if (work->spoilt)
        return false;
    /* Of what is still announced nothing was written. */
    if (!work->unsaved && work->group_end > 0)
        advance(work);
    if (work->unsaved && !save(work, ok ? err : &later))
        return false;
    if (work->state.role == BSC_LOGS_STANDBY && !work->state.applying &&
        !bsc_logs_db_header_write(work->order->sys, work->fd, work->order->path,
                                  BSC_LOGS_MARK_STANDBY, ok ? err : &later))
        return false;
    return ok;
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
        /* What could be applied before the file to blame is kept, unless writing itself failed.
         * Damage found only now lies before what stopped the run, so that is what is reported. */
        if (!work.spoilt && !settle(&work, &later)) {
            ok = false;
            *err = later;
        }
        ok = ok && check_whole(&work, err);
        ret->lsn = work.state.lsn;
        ret->time_ms = work.state.time_ms;
    }
    if (work.hasher != NULL) {
        bsc_logs_batch_release(&work.filling);
        bsc_logs_batch_release(&work.ready);
    }
    bsc_logs_hasher_free(work.hasher);
    bsc_logs_pages_release(&work.pages);
    bsc_value_free(work.inherited);
    bsc_logs_state_release(&work.state);
    bsc_logs_exclusive_close(order->sys, work.fd);
    return ok;
}
