#include "logs/position.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/settled.h"

static bool same_log(const struct bsc_logs_state *state, const struct bsc_logs_wal *wal)
{
    return state->placed && !wal->empty && wal->start.salt1 == state->place.salt1 &&
           wal->start.salt2 == state->place.salt2;
}

/* Whether the frame before the place is still the very one that the sidecar knows. */
static bool still_there(const struct bsc_logs_state *state, struct bsc_logs_wal *wal)
{
    const struct bsc_logs_wal_place *place = &state->place;
    char slot[BSC_LOGS_WAL_SLOT_HEX] = "", known[33] = "";
    struct bsc_err ignored = BSC_ERR_INIT;

    (void)snprintf(known, sizeof known, "%08x%08x%08x%08x", place->salt1, place->salt2,
                   place->check1, place->check2);
    return place->frame > 0 &&
           bsc_logs_wal_slot(wal, place->frame, state->page_size, slot, &ignored) &&
           strlen(slot) == sizeof slot - 1 && strcmp(slot + 16, known) == 0;
}

bool bsc_logs_position_continues(const struct bsc_sys *sys, const char *db,
                                 const struct bsc_logs_state *state, struct bsc_logs_wal *wal)
{
    char slot[BSC_LOGS_WAL_SLOT_HEX] = "";
    struct bsc_err ignored = BSC_ERR_INIT;

    if (bsc_logs_settled_holds(sys, db, &state->settled))
        return true;
    return state->placed && !wal->empty && wal->start.salt1 == state->place.salt1 + 1 &&
           still_there(state, wal) &&
           bsc_logs_wal_slot(wal, state->place.frame + 1, state->page_size, slot, &ignored) &&
           strcmp(slot, state->place_next) == 0;
}

bool bsc_logs_position_base(const struct bsc_sys *sys, const char *db,
                            const struct bsc_logs_state *state, struct bsc_logs_wal *wal,
                            struct bsc_logs_wal_place *ret_place, struct bsc_err *err)
{
    if (!state->placed)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "the log of '%s' is not being counted", db);
    if (same_log(state, wal)) {
        *ret_place = state->place;
        return true;
    }
    if (bsc_logs_position_continues(sys, db, state, wal)) {
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
