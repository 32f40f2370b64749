#include "logs/pg_tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "logs/pg_log_int.h"
#include "logs/pg_mark.h"
#include "logs/pg_tail_int.h"
#include "os/files.h"

enum { BLOCK_BYTES = 256 * 1024 };

/* One log file on its way into the destination. */
struct handing {
    const struct pg_tail *tail;
    uint64_t lsn; /* where the file begins */
    char *from;   /* owned paths; the first two are NULL until they are known */
    char *head;   /* of the file that was shipped, which is whole up to where the tail begins */
    char *staged;
    char *to;
    int from_fd;
    int head_fd;
    int to_fd;
};

static void handing_release(struct handing *handing)
{
    const struct bsc_logs_pg_tail_order *order = handing->tail->order;
    struct bsc_err ignored = BSC_ERR_INIT;
    bsc_logs_io_close(order->sys, &handing->from_fd, handing->from, &ignored);
    bsc_logs_io_close(order->sys, &handing->head_fd, handing->from, &ignored);
    bsc_logs_io_close(order->sys, &handing->to_fd, handing->staged, &ignored);
    bsc_mem_free(handing->from);
    bsc_mem_free(handing->head);
    bsc_mem_free(handing->staged);
    bsc_mem_free(handing->to);
}

static struct handing handing_make(const struct pg_tail *tail, uint64_t lsn)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const struct bsc_logs_pg_folder staged = {.path = order->destination, .staged = true},
                                    to = {.path = order->destination};
    char name[BSC_LOGS_PG_NAME];
    bsc_logs_pg_name(order->timeline, lsn, order->segment, name);
    return (struct handing){.tail = tail,
                            .lsn = lsn,
                            .staged = bsc_logs_pg_path(&staged, name),
                            .to = bsc_logs_pg_path(&to, name),
                            .from_fd = -1,
                            .head_fd = -1,
                            .to_fd = -1};
}

/* How much of the file is part of the tail; the rest of it is zeros. */
static uint64_t used_bytes(const struct handing *handing)
{
    const uint64_t left = handing->tail->survey.last_lsn - handing->lsn;
    const uint64_t segment = handing->tail->order->segment;
    return left < segment ? left : segment;
}

/* Copies a part of one of the files that the new one is made of. */
static bool copy_bytes(struct handing *handing, int fd, const char *path, uint64_t first,
                       uint64_t last, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = handing->tail->order;
    unsigned char *block = bsc_mem_new(BLOCK_BYTES, 1);
    bool ok = true;
    for (uint64_t at = first; ok && at < last; at += BLOCK_BYTES) {
        size_t length = last - at < BLOCK_BYTES ? (size_t)(last - at) : BLOCK_BYTES, got = 0;
        ok = bsc_logs_io_read_at(order->sys, fd, path, block, length, (int64_t)at, &got, err);
        if (ok && got < length)
            ok = bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' got shorter while it was copied", path);
        ok = ok && bsc_logs_io_write_at(order->sys, handing->to_fd, handing->staged, block, length,
                                        (int64_t)at, err);
        if (ok && order->cancel != NULL && atomic_load(order->cancel))
            ok = bsc_err_set(err, BSC_ERR_CANCELLED, "salvaging the log was cancelled");
    }
    bsc_mem_free(block);
    return ok;
}

static bool write_staged(struct handing *handing, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = handing->tail->order;
    const struct bsc_sys *sys = order->sys;
    const uint64_t head = handing->head != NULL ? order->after_lsn - handing->lsn : 0;
    handing->to_fd = bsc_logs_pg_mark_open(sys, order->destination, handing->staged, err);
    if (handing->to_fd < 0 || !copy_bytes(handing, handing->head_fd, handing->head, 0, head, err) ||
        !copy_bytes(handing, handing->from_fd, handing->from, head, used_bytes(handing), err))
        return false;
    if (sys->ftruncate(sys->self, handing->to_fd, (off_t)order->segment) != 0)
        return bsc_err_sys(err, errno, "cannot write '%s'", handing->staged);
    return bsc_logs_io_sync(sys, handing->to_fd, handing->staged, err) &&
           bsc_logs_io_close(sys, &handing->to_fd, handing->staged, err);
}

/* Finds the file that the tail was read from. */
static bool find_source(struct handing *handing, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = handing->tail->order;
    struct bsc_logs_pg_folder folders[PG_TAIL_FOLDERS];
    const struct bsc_logs_pg_order log = {.sys = order->sys,
                                          .folders = folders,
                                          .folder_count =
                                              bsc_logs_pg_tail_folders(handing->tail, folders),
                                          .timeline = order->timeline,
                                          .segment = order->segment,
                                          .system = order->system,
                                          .first_lsn = handing->lsn,
                                          .find = true};
    struct bsc_logs_pg_reader reader = {.fd = -1};
    bool ok = bsc_logs_pg_open(&reader, &log, err);
    if (ok && !bsc_logs_pg_begin(&reader))
        ok = bsc_err_set(err, BSC_ERR_DAMAGED, "%s", reader.reason);
    if (ok)
        handing->from = bsc_mem_text(reader.path);
    bsc_logs_pg_release(&reader);
    return ok;
}

/* Nobody has looked at what the dead disk holds before the tail. The standby has replayed that, but
 * reads it again when it is started again: it is to keep what was shipped, where that is whole. */
static void find_head(struct handing *handing)
{
    const struct bsc_logs_pg_tail_order *order = handing->tail->order;
    const struct bsc_logs_pg_folder folders[] = {{.path = order->destination},
                                                 {.path = order->share}};
    const struct bsc_logs_pg_order log = {.sys = order->sys,
                                          .folders = folders,
                                          .folder_count = order->share == NULL ? 1 : 2,
                                          .timeline = order->timeline,
                                          .segment = order->segment,
                                          .system = order->system,
                                          .first_lsn = handing->lsn,
                                          .find = true};
    struct bsc_logs_pg_reader reader = {.fd = -1};
    struct bsc_err ignored = BSC_ERR_INIT;
    if (handing->lsn >= order->after_lsn)
        return;
    if (bsc_logs_pg_open(&reader, &log, &ignored)) {
        while (reader.lsn < order->after_lsn && bsc_logs_pg_next(&reader))
            continue;
        if (reader.lsn == order->after_lsn && reader.previous != 0)
            handing->head = bsc_mem_text(reader.path);
    }
    bsc_logs_pg_release(&reader);
    if (handing->head == NULL)
        return;
    handing->head_fd = bsc_logs_io_open(order->sys, handing->head, &ignored);
    if (handing->head_fd >= 0)
        return;
    bsc_mem_free(handing->head);
    handing->head = NULL;
}

/* Writes one file, unless the standby has it whole already. */
static bool stage(const struct pg_tail *tail, uint64_t lsn, bool *ret_staged, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    struct handing handing = handing_make(tail, lsn);
    bool ok = find_source(&handing, err);
    const bool is_there =
        ok && strcmp(handing.from, handing.to) == 0 && used_bytes(&handing) == order->segment;
    if (is_there) {
        order->sys->unlink(order->sys->self, handing.staged); /* of a run that was killed */
    } else if (ok) {
        *ret_staged = true;
        find_head(&handing);
        handing.from_fd = bsc_logs_io_open(order->sys, handing.from, err);
        ok = handing.from_fd >= 0 && write_staged(&handing, err);
    }
    handing_release(&handing);
    return ok;
}

/* A file that holds zeros behind the tail is marked: the server may come back and ship the whole of
 * it. What the share has under that name by now is less. */
static bool mark(const struct handing *handing, struct bsc_err *err)
{
    const struct pg_tail *tail = handing->tail;
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const char *name = bsc_files_name_of(handing->to);
    char *shipped = order->share == NULL ? NULL : bsc_files_join(order->share, name);
    uint64_t before = 0;
    bool ok = true;
    if (used_bytes(handing) == order->segment ||
        (shipped != NULL && bsc_files_exists(order->sys, shipped)))
        bsc_logs_pg_mark_remove(order->sys, order->destination, name);
    else if (!bsc_logs_pg_mark_read(order->sys, order->destination, name, &before) ||
             before > tail->survey.last_lsn) /* an earlier one is true of both files */
        ok = bsc_logs_pg_mark_write(order->sys, order->destination, name, tail->survey.last_lsn,
                                    err);
    bsc_mem_free(shipped);
    return ok;
}

/* Gives one file that was staged its name. */
static bool name_it(const struct pg_tail *tail, uint64_t lsn, struct bsc_err *err)
{
    const struct bsc_sys *sys = tail->order->sys;
    struct handing handing = handing_make(tail, lsn);
    bool ok = mark(&handing, err);
    if (ok && sys->rename(sys->self, handing.staged, handing.to) != 0)
        ok = bsc_err_sys(err, errno, "cannot give '%s' its name", handing.to);
    handing_release(&handing);
    return ok;
}

static void discard(const struct pg_tail *tail, uint64_t lsn)
{
    const struct bsc_sys *sys = tail->order->sys;
    struct handing handing = handing_make(tail, lsn);
    sys->unlink(sys->self, handing.staged);
    handing_release(&handing);
}

/* Reads what was written as the standby will. */
static bool prove(const struct pg_tail *tail, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const struct bsc_logs_pg_folder folders[] = {{.path = order->destination, .staged = true},
                                                 {.path = order->destination}};
    struct bsc_logs_pg_tail_order again = *order;
    struct bsc_logs_pg_survey survey = {0};
    again.list_max = 0;
    bool ok = bsc_logs_pg_tail_survey(&again, folders, 2, false, &survey, err);
    if (ok && (survey.last_lsn != tail->survey.last_lsn || survey.commits != tail->survey.commits))
        ok = bsc_err_set(err, BSC_ERR_DAMAGED,
                         "what was written to '%s' ends at LSN %" PRIu64 ", not %" PRIu64 ": %s",
                         order->destination, survey.last_lsn, tail->survey.last_lsn, survey.reason);
    bsc_logs_pg_survey_release(&survey);
    return ok;
}

/* A run that was killed may have handed the first files over: the tail is still the same. */
static bool write_note(const struct pg_tail *tail, struct bsc_err *err)
{
    const struct bsc_logs_pg_survey *survey = &tail->survey;
    const struct pg_note note = {.first_lsn = tail->order->after_lsn,
                                 .last_lsn = survey->last_lsn,
                                 .commits = survey->commits,
                                 .time_ms = survey->last_time_us / 1000,
                                 .timeline = tail->order->timeline};
    if (tail->has_note && tail->note.timeline == note.timeline &&
        tail->note.last_lsn == note.last_lsn && tail->note.first_lsn <= note.first_lsn)
        return true;
    return bsc_logs_pg_note_write(tail->order, &note, err);
}

/* Writes and proves the files; `staged` says which of them are to get their names. */
static bool stage_all(const struct pg_tail *tail, uint64_t first, bool *staged, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const uint64_t last = tail->survey.last_lsn;
    bool ok = bsc_files_make_folder(order->sys, order->destination, 0750, err);
    for (uint64_t lsn = first; ok && lsn < last; lsn += order->segment) {
        ok = stage(tail, lsn, &staged[(lsn - first) / order->segment], err);
        if (ok && order->progress != NULL)
            order->progress(order->progress_arg, (int64_t)(lsn - first), (int64_t)(last - first));
    }
    return ok && prove(tail, err) && write_note(tail, err);
}

static bool hand_over(const struct pg_tail *tail, int64_t *files, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const uint64_t segment = order->segment;
    const uint64_t first = order->after_lsn - order->after_lsn % segment;
    const size_t count = (size_t)((tail->survey.last_lsn - first + segment - 1) / segment);
    bool *staged = bsc_mem_new(count, sizeof *staged);
    memset(staged, 0, count * sizeof *staged);
    bool ok = stage_all(tail, first, staged, err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = !staged[i] || name_it(tail, first + i * segment, err);
        *files += staged[i];
    }
    ok = ok && bsc_files_sync_folder(order->sys, order->destination, err);
    for (size_t i = 0; !ok && i < count; i++)
        if (staged[i])
            discard(tail, first + i * segment);
    bsc_mem_free(staged);
    return ok;
}

static bool salvage(const struct pg_tail *tail, struct bsc_logs_pg_salvaged *ret,
                    struct bsc_err *err)
{
    switch (tail->kind) {
    case PG_TAIL_SALVAGED:
        *ret = (struct bsc_logs_pg_salvaged){.first_lsn = tail->note.first_lsn,
                                             .last_lsn = tail->note.last_lsn,
                                             .commits = tail->note.commits};
        return true;
    case PG_TAIL_AVAILABLE:
        if (tail->order->last_lsn != 0 && tail->order->last_lsn != tail->survey.last_lsn)
            return bsc_err_set(err, BSC_ERR_CONFLICT,
                               "the log can be read up to LSN %" PRIu64 ", not up to %" PRIu64
                               ": %s",
                               tail->survey.last_lsn, tail->order->last_lsn, tail->reason);
        *ret = (struct bsc_logs_pg_salvaged){.first_lsn = tail->order->after_lsn,
                                             .last_lsn = tail->survey.last_lsn,
                                             .commits = tail->survey.commits};
        return hand_over(tail, &ret->files, err);
    case PG_TAIL_EMPTY:
        return bsc_err_set(err, BSC_ERR_REFUSED, "nothing was committed after LSN %" PRIu64,
                           tail->order->after_lsn);
    default:
        return bsc_err_set(
            err, tail->survey.end == BSC_LOGS_PG_END_UNREADABLE ? BSC_ERR_IO : BSC_ERR_REFUSED,
            "the tail of the log cannot be salvaged: %s", tail->reason);
    }
}

bool bsc_logs_pg_salvage(const struct bsc_logs_pg_tail_order *order,
                         struct bsc_logs_pg_salvaged *ret, struct bsc_err *err)
{
    struct pg_tail tail;
    bool ok = true;
    if (order->told != NULL)
        bsc_logs_pg_tail_recall(&tail, order);
    else
        ok = bsc_logs_pg_tail_find(&tail, order, err);
    ok = ok && salvage(&tail, ret, err);
    bsc_logs_pg_tail_release(&tail);
    return ok;
}
