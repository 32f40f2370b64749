#include "logs/tail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/format.h"
#include "logs/position.h"
#include "logs/round_int.h"
#include "logs/sessions.h"
#include "logs/state.h"
#include "logs/wal.h"
#include "os/clock.h"
#include "os/files.h"

enum { NOTE_MAX = 4096, REASON_MAX = 512 };

enum tail_kind {
    TAIL_UNAVAILABLE,
    TAIL_EMPTY,
    TAIL_AVAILABLE,
    TAIL_DAMAGED,
    TAIL_SALVAGED,
    TAIL_TOO_LATE
};

static const char *const kind_names[] = {"unavailable", "empty",    "available",
                                         "damaged",     "salvaged", "too_late"};

struct tail {
    const struct bsc_logs_tail_order *order;
    enum tail_kind kind;
    char reason[REASON_MAX];
    int64_t after_lsn;             /* what counts as the tail begins after this LSN */
    bool parted;                   /* the copy was brought online: it takes nothing any more */
    struct bsc_logs_state from;    /* the dead primary's sidecar */
    struct bsc_logs_state copy;    /* the secondary's */
    struct bsc_logs_primary still; /* stands for the primary where only its paths are asked for */
    struct bsc_logs_round round;   /* the log, and the frames after after_lsn */
    char *name;                    /* owned: of the log backup within the destination */
    bool in_file;                  /* `header` is that of a salvaged backup */
    struct bsc_logs_header header;
};

static void judge(struct tail *tail, enum tail_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void judge(struct tail *tail, enum tail_kind kind, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tail->kind = kind;
    (void)vsnprintf(tail->reason, sizeof tail->reason, format, args);
    va_end(args);
}

static bool nobody_has(struct tail *tail, const char *path)
{
    struct bsc_logs_sessions sessions = {0};
    struct bsc_err err = BSC_ERR_INIT;
    bool ok =
        path == NULL || (bsc_logs_sessions_find(tail->order->sys, path, &sessions, &err) &&
                         (sessions.count == 0 || bsc_logs_sessions_refuse(&sessions, path, &err)));

    if (!ok)
        judge(tail, TAIL_UNAVAILABLE, "the primary is not dead: %s", err.message);
    bsc_logs_sessions_release(&sessions);
    return ok;
}

static bool find_disk(struct tail *tail)
{
    const struct bsc_logs_tail_order *order = tail->order;
    struct bsc_err err = BSC_ERR_INIT;

    if (order->salvage == NULL)
        judge(tail, TAIL_UNAVAILABLE, "the site names no place where its disk can be read");
    else if (!bsc_files_exists(order->sys, order->salvage))
        judge(tail, TAIL_UNAVAILABLE, "'%s' does not answer", order->salvage);
    else if (!bsc_logs_state_load(order->sys, order->salvage, &tail->from, &err))
        judge(tail, err.code == BSC_ERR_DAMAGED ? TAIL_DAMAGED : TAIL_UNAVAILABLE, "%s",
              err.message);
    else if (!bsc_logs_state_load(order->sys, order->copy, &tail->copy, &err))
        judge(tail, TAIL_UNAVAILABLE, "%s", err.message);
    else
        return nobody_has(tail, order->salvage) && nobody_has(tail, order->path);
    return false;
}

/* Whether the dead primary is of a fork, or of the one that this grew out of after `lsn`. */
static bool is_of(const struct bsc_logs_state *from, const char *fork, int64_t lsn)
{
    return strcmp(from->fork, fork) == 0 ||
           (fork[0] != '\0' && strcmp(from->previous_fork, fork) == 0 && lsn <= from->fork_lsn);
}

/* The copy is of the same fork, or of the one that the dead primary's fork grew out of and not yet
 * past the parting. A copy that was brought online left the fork for good: the tail is then what
 * it does not have. */
static bool is_related(struct tail *tail)
{
    const struct bsc_logs_state *from = &tail->from, *copy = &tail->copy;

    tail->parted = is_of(from, copy->parting.fork, copy->parting.lsn);
    if (tail->parted)
        tail->after_lsn = copy->parting.lsn;

    if (strcmp(from->database_id, copy->database_id) != 0) {
        judge(tail, TAIL_DAMAGED, "'%s' is another database than '%s'", tail->order->salvage,
              tail->order->copy);
        return false;
    }
    if (!tail->parted && !is_of(from, copy->fork, copy->lsn)) {
        judge(tail, TAIL_DAMAGED, "'%s' is of recovery fork %s, the copy of %s",
              tail->order->salvage, from->fork, copy->fork);
        return false;
    }
    return true;
}

static void judge_gap(struct tail *tail, int64_t begin)
{
    judge(tail, TAIL_DAMAGED,
          "its log begins after LSN %lld: what was committed from LSN %lld on is gone from it",
          (long long)begin, (long long)tail->after_lsn);
}

/* Finds the committed frames after after_lsn. False when the log cannot give them. */
static bool scan(struct tail *tail)
{
    const struct bsc_logs_tail_order *order = tail->order;
    struct bsc_logs_round *round = &tail->round;
    struct bsc_logs_wal_place base = {0};
    struct bsc_err err = BSC_ERR_INIT;
    int64_t begin, after;

    tail->still.sys = order->sys;
    tail->still.wal_path = bsc_logs_path_wal(order->salvage);
    round->primary = &tail->still;
    if (!bsc_logs_wal_open(&round->wal, order->sys, tail->still.wal_path, &err)) {
        judge(tail, TAIL_DAMAGED, "%s", err.message);
        return false;
    }
    if (!bsc_logs_position_base(order->sys, order->salvage, &tail->from, &round->wal, &base,
                                &err)) {
        judge(tail, TAIL_DAMAGED, "%s (a copy of its disk must keep the times of the files)",
              err.message);
        return false;
    }
    if (!round->wal.empty && round->wal.page_size != tail->from.page_size) {
        judge(tail, TAIL_DAMAGED, "its log has pages of %u bytes, its sidecar says %u",
              round->wal.page_size, tail->from.page_size);
        return false;
    }
    begin = tail->from.place_lsn - base.frame; /* LSN at the log's first frame */
    if (tail->parted && begin > tail->after_lsn)
        tail->after_lsn = begin; /* nothing of it is to be applied, so nothing need be whole */
    after = tail->after_lsn - begin;
    if (after < 0) {
        judge_gap(tail, begin);
        return false;
    }
    if (round->wal.empty && after == 0)
        return true;
    if (!bsc_logs_wal_scan(&round->wal, after >= base.frame ? &base : NULL, after, 0, &round->range,
                           &err)) {
        judge(tail, TAIL_DAMAGED, "its log ends before LSN %lld: %s", (long long)tail->after_lsn,
              err.message);
        return false;
    }
    return true;
}

static int64_t last_lsn(const struct tail *tail)
{
    return tail->after_lsn + tail->round.range.frames;
}

/* Says what stands behind the last commit that counts, when that is of this log: a frame with its
 * salts was being written when it ended. One without salts and checksum is left behind by SQLite
 * before 3.44 within a commit; without a living engine nobody can vouch for it. */
static const char *end_of_log(const struct tail *tail)
{
    static const unsigned char none[16] = {0};
    const struct bsc_logs_wal *wal = &tail->round.wal;
    int64_t frame_bytes = BSC_LOGS_WAL_FRAME_HEADER + (int64_t)wal->page_size;
    int64_t offset = BSC_LOGS_WAL_HEADER + tail->round.range.end.frame * frame_bytes;
    const uint32_t words[2] = {wal->start.salt1, wal->start.salt2};
    unsigned char head[BSC_LOGS_WAL_FRAME_HEADER] = {0}, salts[8];

    for (int i = 0; i < 8; i++)
        salts[i] = (unsigned char)(words[i / 4] >> (24 - 8 * (i % 4)));
    if (wal->empty ||
        wal->sys->pread(wal->sys->self, wal->fd, head, sizeof head, offset) != (ssize_t)sizeof head)
        return "";
    if (memcmp(head + 8, salts, sizeof salts) == 0)
        return "what was being written after its last commit is left out";
    if (memcmp(head, none, 4) != 0 && memcmp(head + 8, none, sizeof none) == 0)
        return "what follows a frame without a checksum is left out";
    return "";
}

/* The note names a backup; it counts when the backup is there and ends where this log ends. */
static bool find_salvaged(struct tail *tail)
{
    const struct bsc_logs_tail_order *order = tail->order;
    char *note = bsc_mem_format("%s.salvaged", order->copy);
    char *path = NULL;
    struct bsc_buf name = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    int64_t lsn = 0;
    bool found = false;

    bsc_buf_init(&name);
    if (!bsc_files_read(order->sys, note, NOTE_MAX, &name, &ignored))
        goto done;
    name.data[strcspn(name.data, "\n")] = '\0';
    if (strchr(name.data, '/') != NULL || !bsc_logs_format_is_name(name.data, &lsn))
        goto done;
    path = bsc_files_join(order->destination, name.data);
    found = bsc_logs_format_peek(order->sys, path, &tail->header, &ignored) &&
            strcmp(tail->header.fork, tail->from.fork) == 0 &&
            tail->header.last_lsn == last_lsn(tail);
    if (found)
        tail->name = bsc_mem_text(name.data);
done:
    bsc_buf_release(&name);
    bsc_mem_free(path);
    bsc_mem_free(note);
    return found;
}

/* The file's own name without its extension, as the primary names its log backups. */
static char *backup_name(const char *db, int64_t last_lsn)
{
    char *stem = bsc_mem_text(bsc_files_name_of(db));
    char *dot = strrchr(stem, '.');
    char *name;

    if (dot != NULL && dot != stem)
        *dot = '\0';
    name = bsc_logs_format_name(stem, last_lsn);
    bsc_mem_free(stem);
    return name;
}

static void find(struct tail *tail)
{
    const struct bsc_logs_tail_order *order = tail->order;

    if (!find_disk(tail) || !is_related(tail) || !scan(tail))
        return;
    if (tail->parted && last_lsn(tail) > tail->copy.parting.lsn) {
        judge(tail, TAIL_TOO_LATE, "'%s' was brought online at LSN %lld", order->copy,
              (long long)tail->copy.parting.lsn);
        return;
    }
    if (find_salvaged(tail)) {
        tail->in_file = true;
        judge(tail, TAIL_SALVAGED, "%s", "");
        return;
    }
    judge(tail, tail->round.range.frames == 0 ? TAIL_EMPTY : TAIL_AVAILABLE, "%s",
          end_of_log(tail));
    tail->name = backup_name(order->salvage, last_lsn(tail));
}

static void tail_init(struct tail *tail, const struct bsc_logs_tail_order *order)
{
    *tail = (struct tail){.order = order,
                          .after_lsn = order->after_lsn,
                          .from = BSC_LOGS_STATE_INIT,
                          .copy = BSC_LOGS_STATE_INIT,
                          .round = BSC_LOGS_ROUND_INIT};
}

static void tail_release(struct tail *tail)
{
    bsc_logs_round_release(&tail->round);
    bsc_mem_free(tail->still.wal_path);
    bsc_logs_state_release(&tail->from);
    bsc_logs_state_release(&tail->copy);
    bsc_mem_free(tail->name);
}

static int64_t time_of(const struct tail *tail)
{
    const struct bsc_clock *clock = bsc_clock_real();

    if (tail->in_file)
        return tail->header.time_ms;
    if (tail->round.range.frames == 0)
        return tail->from.time_ms; /* all that the log held is in log backups */
    return bsc_logs_round_time(&tail->round, clock->wall_ms(clock->self));
}

/* Whether it is known where the tail begins and ends. */
static bool is_known(enum tail_kind kind)
{
    return kind != TAIL_UNAVAILABLE && kind != TAIL_DAMAGED;
}

struct bsc_value *bsc_logs_tail(const struct bsc_logs_tail_order *order)
{
    struct bsc_value *facts = bsc_value_map();
    struct tail tail;
    char time[BSC_CLOCK_TEXT] = "";

    tail_init(&tail, order);
    find(&tail);
    bsc_value_set_text(facts, "state", kind_names[tail.kind]);
    if (is_known(tail.kind)) {
        bsc_value_set_int(facts, "first_lsn",
                          tail.in_file ? tail.header.first_lsn : tail.after_lsn);
        bsc_value_set_int(facts, "last_lsn", last_lsn(&tail));
        bsc_value_set_int(facts, "commits",
                          tail.in_file ? tail.header.commits : tail.round.range.commits);
    }
    if (is_known(tail.kind) && tail.kind != TAIL_EMPTY && time_of(&tail) > 0) {
        bsc_clock_format(time_of(&tail), time);
        bsc_value_set_text(facts, "time", time);
    }
    bsc_value_set_text(facts, "reason", tail.reason);
    tail_release(&tail);
    return facts;
}

void bsc_logs_salvaged_release(struct bsc_logs_salvaged *salvaged)
{
    bsc_mem_free(salvaged->file);
    *salvaged = (struct bsc_logs_salvaged){0};
}

/* The note first: without its backup it means nothing, while a backup without it would look as if
 * the primary had shipped it. */
static bool write_tail(struct tail *tail, struct bsc_err *err)
{
    const struct bsc_logs_tail_order *order = tail->order;
    char *note = bsc_mem_format("%s.salvaged", order->copy);
    struct bsc_logs_state from = tail->from; /* borrowed content, with another LSN */
    bool ok;

    from.lsn = tail->after_lsn;
    ok = bsc_files_make_folder(order->sys, order->destination, 0750, err) &&
         bsc_files_write(order->sys, note, tail->name, strlen(tail->name), 0640, err) &&
         bsc_logs_round_write(&tail->round, &from, order->destination, tail->name, time_of(tail),
                              &tail->header, err);
    bsc_mem_free(note);
    return ok;
}

static bool salvage(struct tail *tail, struct bsc_err *err)
{
    find(tail);
    if (tail->kind == TAIL_SALVAGED)
        return true;
    if (tail->kind == TAIL_AVAILABLE)
        return write_tail(tail, err);
    if (tail->kind == TAIL_EMPTY)
        return bsc_err_set(err, BSC_ERR_REFUSED, "nothing was committed after LSN %lld",
                           (long long)tail->after_lsn);
    return bsc_err_set(err, BSC_ERR_REFUSED, "the tail of the log cannot be salvaged: %s",
                       tail->reason);
}

bool bsc_logs_salvage(const struct bsc_logs_tail_order *order, struct bsc_logs_salvaged *ret,
                      struct bsc_err *err)
{
    struct tail tail;
    bool ok;

    tail_init(&tail, order);
    ok = salvage(&tail, err);
    if (ok) {
        *ret = (struct bsc_logs_salvaged){.file = tail.name,
                                          .first_lsn = tail.header.first_lsn,
                                          .last_lsn = tail.header.last_lsn,
                                          .commits = tail.header.commits};
        tail.name = NULL;
    }
    tail_release(&tail);
    return ok;
}
