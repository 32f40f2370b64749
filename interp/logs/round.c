#include "logs/round_int.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/format.h"
#include "logs/position.h"
#include "logs/settled.h"

bool bsc_logs_round_open(struct bsc_logs_round *round, struct bsc_logs_primary *primary,
                         uint32_t page_size, struct bsc_err *err)
{
    const struct bsc_sys *sys = primary->sys;
    round->primary = primary;
    if (!bsc_logs_wal_open(&round->wal, sys, primary->wal_path, err))
        return false;
    if (!round->wal.empty && round->wal.page_size != page_size)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has pages of %u bytes, its sidecar says %u",
                           primary->wal_path, round->wal.page_size, page_size);
    /* What is shipped must not be lost here when the power fails: the log would then grow anew
     * from an earlier commit and no longer be what the copies hold. */
    if (round->wal.fd >= 0 && sys->fdatasync(sys->self, round->wal.fd) != 0)
        return bsc_err_sys(err, errno, "cannot make '%s' durable", primary->wal_path);
    const struct bsc_logs_engine_log log = bsc_logs_primary_log(primary);
    round->counted = log.known && !round->wal.empty && log.salt1 == round->wal.start.salt1 &&
                     log.salt2 == round->wal.start.salt2;
    round->wal.vouched = round->counted ? log.frames : 0;
    return true;
}

void bsc_logs_round_release(struct bsc_logs_round *round)
{
    bsc_logs_wal_range_release(&round->range);
    bsc_logs_wal_release(&round->wal);
    *round = (struct bsc_logs_round)BSC_LOGS_ROUND_INIT;
}

static bool chain_broken(const struct bsc_logs_round *round, const struct bsc_logs_state *consumer,
                         struct bsc_err *err)
{
    err->code = BSC_ERR_REFUSED;
    err->retryable = BSC_RETRY_NO;
    bsc_err_wrap(err, "the log chain of '%s' is broken after LSN %lld", round->primary->db,
                 (long long)consumer->lsn);
    return bsc_err_hint(err, "Put it under shipping again and make its copies anew; clients must "
                             "not checkpoint (PRAGMA wal_autocheckpoint=0).");
}

/* Frames that the engine has and we cannot read would be left out in silence. */
static bool check_count(const struct bsc_logs_round *round, struct bsc_err *err)
{
    if (!round->counted || round->range.end.frame == round->wal.vouched)
        return true;
    bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has %lld committed frames, but only %lld are readable",
                round->primary->wal_path, (long long)round->wal.vouched,
                (long long)round->range.end.frame);
    return bsc_err_hint(err, "Let a client run PRAGMA wal_checkpoint(TRUNCATE), then put the "
                             "database under shipping again and make its copies anew.");
}

static bool is_same_log(const struct bsc_logs_round *round, const struct bsc_logs_state *consumer)
{
    return consumer->placed && !round->wal.empty &&
           round->wal.start.salt1 == consumer->place.salt1 &&
           round->wal.start.salt2 == consumer->place.salt2;
}

bool bsc_logs_round_scan(struct bsc_logs_round *round, const struct bsc_logs_state *consumer,
                         struct bsc_err *err)
{
    const struct bsc_logs_wal_place *place = &consumer->place;
    int64_t ahead = consumer->placed ? consumer->lsn - consumer->place_lsn : 0;
    bool same = is_same_log(round, consumer);
    bsc_logs_wal_range_release(&round->range);
    if (!same && !bsc_logs_position_continues(round->primary->sys, round->primary->db, consumer,
                                              &round->wal)) {
        bsc_err_set(err, BSC_ERR_REFUSED, "'%s' was reset by somebody else",
                    round->primary->wal_path);
        return chain_broken(round, consumer, err);
    }
    if (bsc_logs_wal_scan(&round->wal, same ? place : NULL, same ? place->frame + ahead : ahead, 0,
                          &round->range, err))
        return check_count(round, err);
    return err->code == BSC_ERR_CONFLICT ? chain_broken(round, consumer, err) : false;
}

int64_t bsc_logs_round_time(const struct bsc_logs_round *round, int64_t now_ms)
{
    bool earlier = round->wal.mtime_ms > 0 && round->wal.mtime_ms < now_ms;
    return earlier ? round->wal.mtime_ms : now_ms;
}

static bool write_pages(struct bsc_logs_round *round, struct bsc_logs_writer *writer,
                        struct bsc_err *err)
{
    unsigned char *bytes = bsc_mem_new(round->wal.page_size, 1);
    bool ok = true;
    for (size_t i = 0; ok && i < round->range.page_count; i++) {
        const struct bsc_logs_wal_page *page = &round->range.pages[i];
        ok = bsc_logs_wal_read(&round->wal, page->frame, bytes, err) &&
             bsc_logs_writer_page(writer, page->page, bytes, err);
    }
    bsc_mem_free(bytes);
    return ok;
}

bool bsc_logs_round_write(struct bsc_logs_round *round, const struct bsc_logs_state *from,
                          const char *folder, const char *name, int64_t time_ms,
                          struct bsc_logs_header *ret_header, struct bsc_err *err)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_logs_header header = {.first_lsn = from->lsn,
                                     .last_lsn = from->lsn + round->range.frames,
                                     .db_pages = round->range.db_pages,
                                     .commits = round->range.commits,
                                     .time_ms = time_ms};
    memcpy(header.database_id, from->database_id, sizeof header.database_id);
    memcpy(header.fork, from->fork, sizeof header.fork);
    if (from->lsn == from->fork_lsn)
        memcpy(header.previous_fork, from->previous_fork, sizeof header.previous_fork);
    bool ok = bsc_logs_writer_open(&writer, round->primary->sys, folder, name, round->wal.page_size,
                                   err) &&
              write_pages(round, &writer, err) && bsc_logs_writer_finish(&writer, &header, err);
    bsc_logs_writer_release(&writer);
    if (ok)
        *ret_header = header;
    return ok;
}

bool bsc_logs_round_advance(struct bsc_logs_round *round, struct bsc_logs_state *consumer,
                            int64_t time_ms, struct bsc_err *err)
{
    char slot[BSC_LOGS_WAL_SLOT_HEX] = "";
    if (!bsc_logs_wal_slot(&round->wal, round->range.end.frame + 1, consumer->page_size, slot, err))
        return false;
    memcpy(consumer->place_next, slot, sizeof slot);
    consumer->lsn += round->range.frames;
    consumer->time_ms = time_ms;
    consumer->placed = true;
    consumer->place = round->range.end;
    consumer->place_lsn = consumer->lsn;
    consumer->settled = (struct bsc_logs_settled){0};
    return true;
}
