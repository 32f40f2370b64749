#include "logs/pg_tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "logs/history.h"
#include "logs/pg_tail_int.h"
#include "logs/segments.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/process.h"

static const char *const kind_names[] = {"unavailable", "empty",    "available",
                                         "damaged",     "salvaged", "too_late"};

static bool judge(struct pg_tail *tail, enum pg_tail_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns false, for whoever cannot go on. */
static bool judge(struct pg_tail *tail, enum pg_tail_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tail->kind = kind;
    (void)vsnprintf(tail->reason, sizeof tail->reason, format, args);
    va_end(args);
    return false;
}

/* The processes of a server work in its data folder, and write to its log wherever that is. */
static bool nobody_uses(struct pg_tail *tail)
{
    const bool is_wal = strcmp(bsc_files_name_of(tail->disk), "pg_wal") == 0;
    char *above = bsc_files_folder_of(tail->disk);
    const char *data = is_wal ? above : tail->disk;
    const struct bsc_process_users users = bsc_process_users(data, tail->wal);
    bool nobody = true;
    if (users.resident != 0)
        nobody =
            judge(tail, PG_TAIL_UNAVAILABLE, "the server is not dead: process %lld works in '%s'",
                  (long long)users.resident, data);
    else if (users.writer != 0)
        nobody =
            judge(tail, PG_TAIL_UNAVAILABLE, "the server is not dead: process %lld writes in '%s'",
                  (long long)users.writer, tail->wal);
    bsc_mem_free(above);
    return nobody;
}

static bool find_disk(struct pg_tail *tail)
{
    const struct bsc_sys *sys = tail->order->sys;
    char *wal = bsc_files_join(tail->disk, "pg_wal");
    char *control = bsc_files_join(tail->disk, "global/pg_control");
    bool ok = true;
    if (!bsc_files_exists(sys, tail->disk))
        ok = judge(tail, PG_TAIL_UNAVAILABLE, "'%s' does not answer", tail->disk);
    else if (bsc_files_exists(sys, wal))
        tail->wal = bsc_mem_text(wal);
    else if (bsc_files_exists(sys, control))
        ok = judge(tail, PG_TAIL_UNAVAILABLE, "'%s' cannot be read", wal);
    else
        tail->wal = bsc_mem_text(tail->disk);
    ok = ok && (tail->order->rests || nobody_uses(tail));
    bsc_mem_free(wal);
    bsc_mem_free(control);
    return ok;
}

static struct bsc_logs_pg_order log_of(const struct bsc_logs_pg_tail_order *order,
                                       const struct bsc_logs_pg_folder *folders, size_t count)
{
    return (struct bsc_logs_pg_order){.sys = order->sys,
                                      .folders = folders,
                                      .folder_count = count,
                                      .timeline = order->timeline,
                                      .segment = order->segment,
                                      .system = order->system,
                                      .first_lsn = order->after_lsn,
                                      .cancel = order->cancel};
}

bool bsc_logs_pg_tail_survey(const struct bsc_logs_pg_tail_order *order,
                             const struct bsc_logs_pg_folder *folders, size_t count,
                             bool look_beyond, struct bsc_logs_pg_survey *ret, struct bsc_err *err)
{
    const struct bsc_logs_pg_folder shipped[] = {{.path = order->destination},
                                                 {.path = order->share}};
    const struct bsc_logs_pg_survey_order survey = {
        .log = log_of(order, folders, count),
        .before = shipped,
        .before_count = order->share == NULL ? 1 : 2,
        .list_from = order->list_from,
        .list_max = order->list_max > 0 ? (size_t)order->list_max : 0,
        .look_beyond = look_beyond};
    return bsc_logs_pg_survey_make(&survey, ret, err);
}

/* Whether the dead disk itself shows that its log has come to where the tail begins. */
static bool reaches(const struct pg_tail *tail)
{
    const struct bsc_logs_pg_folder folder = {.path = tail->wal};
    const struct bsc_logs_pg_order log = log_of(tail->order, &folder, 1);
    return bsc_logs_pg_survey_reaches(&log, tail->survey.previous);
}

/* Number of the segment in a log file's name, of the timeline and of those after `lsn`; 0 for any
 * other. */
static uint64_t number_of(const struct bsc_logs_pg_tail_order *order, const char *name,
                          uint64_t after_lsn)
{
    int64_t timeline = 0, lsn = 0;
    if (!bsc_logs_segments_named(name, (int64_t)order->segment, &timeline, &lsn) ||
        timeline != (int64_t)order->timeline)
        return 0;
    return (uint64_t)lsn > after_lsn ? (uint64_t)lsn / order->segment : 0;
}

/* How far a log goes on from the file of that number; 0 where none begins there. A server writes to
 * a file only when all of those before it are durable, so that one page tells enough. */
static uint64_t end_of_log_at(const struct pg_tail *tail, uint64_t number)
{
    const struct bsc_logs_pg_folder folder = {.path = tail->wal};
    struct bsc_logs_pg_survey_order order = {.log = log_of(tail->order, &folder, 1),
                                             .look_beyond = true};
    struct bsc_logs_pg_survey survey;
    struct bsc_err ignored = BSC_ERR_INIT;
    uint64_t end = 0;
    order.log.first_lsn = number * order.log.segment;
    order.log.find = true; /* it may begin with the rest of a record */
    if (bsc_logs_pg_survey_make(&order, &survey, &ignored)) {
        end = survey.bad_lsn > order.log.first_lsn ? survey.bad_lsn : 0; /* its first page counts */
        end = survey.records > 0 ? survey.last_lsn : end;
        end = survey.beyond_lsn > end ? survey.beyond_lsn : end;
    }
    bsc_logs_pg_survey_release(&survey);
    return end;
}

/* A log that has ended may go on in any later file that its folder has: what lies between is a
 * hole. */
static void look_at_later_files(struct pg_tail *tail)
{
    struct bsc_logs_pg_survey *survey = &tail->survey;
    struct bsc_files_list list = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    if (!bsc_files_list(tail->wal, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++) {
        const uint64_t known =
            survey->beyond_lsn > survey->bad_lsn ? survey->beyond_lsn : survey->bad_lsn;
        uint64_t number = number_of(tail->order, list.names[i], known);
        uint64_t end = number > 0 ? end_of_log_at(tail, number) : 0;
        if (end > survey->beyond_lsn)
            survey->beyond_lsn = end;
    }
    bsc_files_list_release(&list);
}

/* Whether the last record goes on in a file that is not there. A server makes that file before it
 * goes on. */
static bool lacks_a_file(const struct bsc_logs_pg_survey *survey)
{
    return survey->end == BSC_LOGS_PG_END_MISSING && survey->bad_lsn > survey->last_lsn;
}

static bool ends_as_after_a_crash(const struct bsc_logs_pg_survey *survey)
{
    return survey->beyond_lsn == 0 && !lacks_a_file(survey) &&
           (survey->end == BSC_LOGS_PG_END_MISSING || survey->end == BSC_LOGS_PG_END_ZEROS ||
            survey->end == BSC_LOGS_PG_END_RECYCLED);
}

/* A log of which not even the end proves that there is nothing in it. */
static void judge_unproven(struct pg_tail *tail)
{
    const struct bsc_logs_pg_survey *survey = &tail->survey;
    if (survey->beyond_lsn > 0)
        judge(tail, PG_TAIL_DAMAGED,
              "%s: what was committed from LSN %" PRIu64 " to %" PRIu64
              " is gone from its log, or has no beginning",
              survey->reason, tail->order->after_lsn, survey->beyond_lsn);
    else if (survey->end == BSC_LOGS_PG_END_VERSION || survey->end == BSC_LOGS_PG_END_UNREADABLE ||
             lacks_a_file(survey))
        judge(tail, PG_TAIL_UNAVAILABLE, "%s", survey->reason);
    else if (ends_as_after_a_crash(survey))
        judge(tail, PG_TAIL_UNAVAILABLE,
              "nothing in '%s' shows that its log reaches LSN %" PRIu64 ": %s", tail->wal,
              tail->order->after_lsn, survey->reason);
    else
        judge(tail, PG_TAIL_DAMAGED, "%s", survey->reason);
}

/* Nothing was committed, and the log is known to have an end. */
static void judge_empty(struct pg_tail *tail, bool was_salvaged)
{
    if (tail->is_mirror)
        judge(tail, PG_TAIL_UNAVAILABLE,
              "the mirror's log ends at LSN %" PRIu64 ", the primary's may go on",
              tail->survey.last_lsn);
    else
        judge(tail, was_salvaged ? PG_TAIL_SALVAGED : PG_TAIL_EMPTY, "%s", "");
}

static bool was_salvaged(const struct pg_tail *tail)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    return tail->has_note && tail->note.timeline == order->timeline &&
           tail->note.first_lsn < order->after_lsn && tail->note.last_lsn <= order->after_lsn;
}

/* Whether a log may have gone on behind its end: it was not a crash that has cut it off there. */
static bool is_cut_off(const struct bsc_logs_pg_survey *survey)
{
    return lacks_a_file(survey) || survey->end == BSC_LOGS_PG_END_UNREADABLE ||
           survey->end == BSC_LOGS_PG_END_SHORT || survey->end == BSC_LOGS_PG_END_FOREIGN ||
           survey->end == BSC_LOGS_PG_END_VERSION;
}

/* With words on what is lost, whatever becomes of the tail, if anything is. */
static void judge_readable(struct pg_tail *tail, enum pg_tail_kind kind)
{
    const struct bsc_logs_pg_survey *survey = &tail->survey;
    if (survey->beyond_lsn > 0)
        judge(tail, kind, "%s, and what follows, up to LSN %" PRIu64 ", is lost", survey->reason,
              survey->beyond_lsn);
    else if (is_cut_off(survey))
        judge(tail, kind, "%s", survey->reason);
    else if (kind == PG_TAIL_SALVAGED && !reaches(tail))
        judge(tail, kind, "nothing in '%s' shows that its log ended at LSN %" PRIu64, tail->wal,
              tail->order->after_lsn);
    else if (tail->unlisted)
        judge(tail, kind, "what else is in '%s' cannot be listed", tail->wal);
    else if (survey->previous == 0)
        judge(tail, kind, "nothing shows that it goes on from the log that was shipped");
    else if (tail->is_mirror)
        judge(tail, kind, "it is the mirror's log, the primary's may go on");
    else
        judge(tail, kind, "%s", "");
}

/* The timeline of a log file that reaches beyond the tail's beginning, if it is a later one; else
 * 0. */
static unsigned later_timeline_of(const struct bsc_logs_pg_tail_order *order, const char *name)
{
    int64_t timeline = 0, lsn = 0;
    if (!bsc_logs_segments_named(name, (int64_t)order->segment, &timeline, &lsn) ||
        timeline <= (int64_t)order->timeline)
        return 0;
    return (uint64_t)lsn + order->segment > order->after_lsn ? (unsigned)timeline : 0;
}

/* The same for a history. One that cannot be read, or that left its parent's parent there, may be
 * of such a timeline. */
static unsigned later_history_of(const struct pg_tail *tail, const char *name)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    struct bsc_logs_history history;
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t timeline = 0;
    if (!bsc_logs_history_named(name, &timeline) || timeline <= (int64_t)order->timeline)
        return 0;
    char *path = bsc_files_join(tail->wal, name);
    const bool left_before =
        bsc_logs_history_read(order->sys, path, &history, &ignored) &&
        (history.parent < (int64_t)order->timeline ||
         (history.parent == (int64_t)order->timeline && history.lsn < (int64_t)order->after_lsn));
    bsc_mem_free(path);
    return left_before ? 0 : (unsigned)timeline;
}

/* A server that went on on a timeline of its own may have committed there what the tail lacks. */
static bool left_its_timeline(struct pg_tail *tail)
{
    struct bsc_files_list list = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    unsigned timeline = 0;
    tail->unlisted = !bsc_files_list(tail->wal, &list, &ignored);
    for (size_t i = 0; timeline == 0 && i < list.count; i++) {
        timeline = later_timeline_of(tail->order, list.names[i]);
        if (timeline == 0)
            timeline = later_history_of(tail, list.names[i]);
    }
    bsc_files_list_release(&list);
    tail->went_on = timeline != 0;
    if (timeline != 0)
        judge(tail, PG_TAIL_DAMAGED, "the log in '%s' goes on on timeline %u", tail->wal, timeline);
    return timeline != 0;
}

static void judge_log(struct pg_tail *tail)
{
    const bool matters = bsc_logs_pg_survey_matters(&tail->survey);
    if (left_its_timeline(tail))
        return;
    look_at_later_files(tail);
    if (matters)
        judge_readable(tail, tail->order->parted ? PG_TAIL_TOO_LATE : PG_TAIL_AVAILABLE);
    else if (was_salvaged(tail) && tail->note.last_lsn == tail->order->after_lsn)
        judge_readable(tail, PG_TAIL_SALVAGED);
    else if (ends_as_after_a_crash(&tail->survey) && tail->unlisted)
        judge(tail, PG_TAIL_UNAVAILABLE, "what is in '%s' cannot be listed", tail->wal);
    else if (ends_as_after_a_crash(&tail->survey) && reaches(tail))
        judge_empty(tail, was_salvaged(tail));
    else
        judge_unproven(tail);
}

size_t bsc_logs_pg_tail_folders(const struct pg_tail *tail,
                                struct bsc_logs_pg_folder ret[PG_TAIL_FOLDERS])
{
    ret[0] = (struct bsc_logs_pg_folder){.path = tail->wal};
    ret[1] = (struct bsc_logs_pg_folder){.path = tail->order->destination};
    ret[2] = (struct bsc_logs_pg_folder){.path = tail->order->share};
    return tail->order->share == NULL ? 2 : 3;
}

static bool look_at(struct pg_tail *tail, struct bsc_err *err)
{
    const struct bsc_logs_pg_tail_order *order = tail->order;
    if (!find_disk(tail))
        return true;
    struct bsc_logs_pg_folder folders[PG_TAIL_FOLDERS];
    const size_t count = bsc_logs_pg_tail_folders(tail, folders);
    tail->has_note = bsc_logs_pg_note_read(order, &tail->note);
    if (!bsc_logs_pg_tail_survey(order, folders, count, true, &tail->survey, err))
        return false;
    judge_log(tail);
    return true;
}

/* Whether a disk tells more than another: a commit counts more than any reason why there may be
 * none, and a log that can be read more than one that cannot. */
static bool is_better(const struct pg_tail *tail, const struct pg_tail *other)
{
    static const int ranks[] = {
        [PG_TAIL_UNAVAILABLE] = 0, [PG_TAIL_DAMAGED] = 1,  [PG_TAIL_EMPTY] = 2,
        [PG_TAIL_SALVAGED] = 3,    [PG_TAIL_TOO_LATE] = 4, [PG_TAIL_AVAILABLE] = 4};
    if (ranks[tail->kind] != ranks[other->kind])
        return ranks[tail->kind] > ranks[other->kind];
    return tail->kind != PG_TAIL_UNAVAILABLE && tail->survey.last_lsn > other->survey.last_lsn;
}

/* What is taken from one disk ends where the log of another shows that more was committed. */
static void contradict(struct pg_tail *tail, const struct pg_tail *other)
{
    const uint64_t end = tail->survey.last_lsn;
    char said[BSC_LOGS_PG_REASON];
    if (tail->kind == PG_TAIL_UNAVAILABLE || tail->kind == PG_TAIL_DAMAGED ||
        (!other->went_on && other->survey.beyond_lsn <= end && other->survey.last_lsn <= end))
        return;
    memcpy(said, tail->reason, sizeof said);
    judge(tail, tail->kind == PG_TAIL_EMPTY ? PG_TAIL_DAMAGED : tail->kind,
          "%.200s%sthe log in '%.200s' goes on beyond that", said, said[0] == '\0' ? "" : "; ",
          other->wal);
}

bool bsc_logs_pg_tail_find(struct pg_tail *tail, const struct bsc_logs_pg_tail_order *order,
                           struct bsc_err *err)
{
    bool ok = true;
    *tail = (struct pg_tail){.order = order};
    judge(tail, PG_TAIL_UNAVAILABLE, "the site names no place where its disk can be read");
    for (size_t i = 0; ok && i < order->salvage_count; i++) {
        struct pg_tail next = {.order = order,
                               .disk = order->salvage[i],
                               .is_mirror = i + order->mirrors >= order->salvage_count};
        ok = look_at(&next, err);
        const bool is_taken = i == 0 || is_better(&next, tail);
        struct pg_tail other = is_taken ? *tail : next;
        *tail = is_taken ? next : *tail;
        contradict(tail, &other);
        tail->went_on = tail->went_on || other.went_on;
        bsc_logs_pg_tail_release(&other);
    }
    /* What was told meanwhile may be of a part that was read. */
    if (ok && order->cancel != NULL && atomic_load(order->cancel))
        ok = bsc_err_set(err, BSC_ERR_CANCELLED, "reading the log was cancelled");
    return ok;
}

void bsc_logs_pg_tail_recall(struct pg_tail *tail, const struct bsc_logs_pg_tail_order *order)
{
    const struct bsc_logs_pg_told *told = order->told;
    *tail = (struct pg_tail){.order = order, .disk = order->salvage[0]};
    bsc_buf_init(&tail->survey.waiting);
    if (!find_disk(tail))
        return;
    tail->has_note = bsc_logs_pg_note_read(order, &tail->note);
    tail->survey.last_lsn = told->last_lsn;
    tail->survey.commits = told->commits;
    tail->survey.last_time_us = told->time_ms * 1000;
    judge(tail, PG_TAIL_AVAILABLE, "%s", "");
}

void bsc_logs_pg_tail_release(struct pg_tail *tail)
{
    bsc_logs_pg_survey_release(&tail->survey);
    bsc_mem_free(tail->wal);
    tail->wal = NULL;
}

bool bsc_logs_pg_tail_rests(const struct bsc_logs_pg_tail_order *order)
{
    bool rests = true;
    for (size_t i = 0; rests && i < order->salvage_count; i++) {
        struct pg_tail tail = {.order = order, .disk = order->salvage[i]};
        rests = find_disk(&tail);
        bsc_logs_pg_tail_release(&tail);
    }
    return rests;
}

static void set_range(struct bsc_value *facts, uint64_t first_lsn, uint64_t last_lsn,
                      int64_t commits, int64_t time_ms)
{
    char time[BSC_CLOCK_TEXT] = "";
    bsc_value_set_int(facts, "first_lsn", (int64_t)first_lsn);
    bsc_value_set_int(facts, "last_lsn", (int64_t)last_lsn);
    bsc_value_set_int(facts, "commits", commits);
    if (time_ms > 0) {
        bsc_clock_format(time_ms, time);
        bsc_value_set_text(facts, "time", time);
    }
}

static struct bsc_value *facts_of(const struct pg_tail *tail)
{
    struct bsc_value *facts = bsc_value_map();
    const struct bsc_logs_pg_tail_order *order = tail->order;
    const struct bsc_logs_pg_survey *survey = &tail->survey;
    const struct pg_note *note = &tail->note;
    const bool is_told = tail->kind == PG_TAIL_AVAILABLE || tail->kind == PG_TAIL_TOO_LATE;
    bsc_value_set_text(facts, "state", kind_names[tail->kind]);
    if (tail->kind == PG_TAIL_SALVAGED)
        set_range(facts, note->first_lsn, note->last_lsn, note->commits, note->time_ms);
    else if (tail->kind == PG_TAIL_EMPTY)
        set_range(facts, order->after_lsn, order->after_lsn, 0, 0);
    else if (is_told)
        set_range(facts, order->after_lsn, survey->last_lsn, survey->commits,
                  survey->last_time_us / 1000);
    if (is_told && survey->list != NULL)
        bsc_value_set(facts, "commit_list", bsc_value_copy(survey->list));
    if (is_told && survey->prepared > 0)
        bsc_value_set_int(facts, "prepared", survey->prepared);
    bsc_value_set_text(facts, "reason", tail->reason);
    return facts;
}

struct bsc_value *bsc_logs_pg_tail(const struct bsc_logs_pg_tail_order *order, struct bsc_err *err)
{
    struct pg_tail tail;
    struct bsc_value *facts = bsc_logs_pg_tail_find(&tail, order, err) ? facts_of(&tail) : NULL;
    bsc_logs_pg_tail_release(&tail);
    return facts;
}
