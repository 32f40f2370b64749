#include "logs/position.h"

#include "base/mem.h"
#include "logs/settled.h"

static bool same_log(const struct bsc_logs_state *state, const struct bsc_logs_wal *wal)
{
    return state->placed && !wal->empty && wal->start.salt1 == state->place.salt1 &&
           wal->start.salt2 == state->place.salt2;
}

bool bsc_logs_position_base(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, const struct bsc_logs_wal *wal,
                            struct bsc_logs_wal_place *ret_place, struct bsc_err *err)
{
    if (!state->placed)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "the log of '%s' is not being counted", db);
    if (same_log(state, wal)) {
        *ret_place = state->place;
        return true;
    }
    /* Everything up to that LSN is in the file and nothing came after it: a log that is there now
     * began at that LSN. */
    if (bsc_logs_settled_holds(sys, db, &state->settled)) {
        *ret_place = wal->start;
        return true;
    }
    return bsc_err_set(err, BSC_ERR_CONFLICT,
                       "the log of '%s' was reset after LSN %lld: commits may have gone with it",
                       db, (long long)state->lsn);
}

static bool count(struct bsc_logs_wal *wal, const char *db, const struct bsc_logs_state *state,
                  const struct bsc_logs_wal_place *base, struct bsc_logs_position *ret,
                  struct bsc_err *err)
{
    struct bsc_logs_wal_range range = BSC_LOGS_WAL_RANGE_INIT;
    bool ok = bsc_logs_wal_scan(wal, base, base->frame, 0, &range, err);
    int64_t lsn = state->place_lsn + range.frames;

    if (ok && lsn < state->lsn)
        ok = bsc_err_set(err, BSC_ERR_CONFLICT, "the log of '%s' ends at LSN %lld, before LSN %lld",
                         db, (long long)lsn, (long long)state->lsn);
    if (ok && lsn > state->lsn)
        ret->time_ms = wal->mtime_ms;
    ret->lsn = ok ? lsn : ret->lsn;
    ret->place = range.end;
    ret->placed = ok;
    bsc_logs_wal_range_release(&range);
    return ok;
}

bool bsc_logs_position_read(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, struct bsc_logs_position *ret,
                            struct bsc_err *err)
{
    struct bsc_logs_wal wal = BSC_LOGS_WAL_INIT;
    struct bsc_logs_wal_place base = {0};
    char *path = bsc_logs_path_wal(db);
    bool ok = bsc_logs_wal_open(&wal, sys, path, err) &&
              bsc_logs_position_base(sys, db, state, &wal, &base, err);

    *ret = (struct bsc_logs_position){.lsn = state->lsn, .time_ms = state->time_ms};
    if (ok && !wal.empty)
        ok = count(&wal, db, state, &base, ret, err);
    bsc_logs_wal_release(&wal);
    bsc_mem_free(path);
    return ok;
}
