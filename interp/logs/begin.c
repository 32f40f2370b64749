#include "logs/backup.h"

#include <string.h>

#include "logs/primary_int.h"
#include "logs/round_int.h"

struct work {
    const struct bsc_sys *sys;
    const char *db;
    struct bsc_logs_primary primary;
    struct bsc_logs_state state;
    struct bsc_logs_round round;
    bool known; /* there was a sidecar */
};

static bool load(struct work *work, struct bsc_err *err)
{
    struct bsc_err absent = BSC_ERR_INIT;
    work->known = bsc_logs_state_load(work->sys, work->db, &work->state, &absent);
    if (!work->known && absent.code != BSC_ERR_NOT_FOUND) {
        *err = absent;
        return false;
    }
    if (!work->known || work->state.role == BSC_LOGS_PRIMARY || work->state.role == BSC_LOGS_ONLINE)
        return true;
    return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' cannot be shipped from: it is %s", work->db,
                       bsc_logs_role_name(work->state.role));
}

static bool page_size(struct work *work, struct bsc_err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *engine = work->primary.writer;
    int code = sqlite3_prepare_v2(engine, "PRAGMA page_size", -1, &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        work->state.page_size = (uint32_t)sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return work->state.page_size != 0 || bsc_logs_engine_error(engine, code, err, "read", work->db);
}

/* Nothing was lost since the sidecar was written: its LSN still has a place in the log. */
static bool go_on(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_state *state = &work->state;
    if (state->role == BSC_LOGS_PRIMARY && state->placed)
        return true;
    state->role = BSC_LOGS_PRIMARY;
    if (!state->placed) {
        state->placed = true;
        state->place = work->round.wal.start;
        state->place_lsn = state->lsn;
        state->place_next[0] = '\0';
    }
    return bsc_logs_state_save(work->sys, work->db, state, err);
}

/* Of a copy that was brought online the log backups of the fork that ends here stay its own. */
static void end_fork(struct bsc_logs_state *state)
{
    if (state->parting.fork[0] == '\0')
        return;
    if (state->own_forks == NULL)
        state->own_forks = bsc_value_list();
    bsc_value_append(state->own_forks, bsc_value_text(state->fork));
}

static bool start_anew(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_state *state = &work->state;
    struct bsc_logs_round *round = &work->round;
    bsc_logs_wal_range_release(&round->range);
    if (!bsc_logs_wal_scan(&round->wal, NULL, 0, 0, &round->range, err))
        return false;
    if (!work->known)
        bsc_digest_random_hex(state->database_id, BSC_LOGS_ID_HEX - 1);
    end_fork(state);
    bsc_digest_random_hex(state->fork, BSC_LOGS_ID_HEX - 1);
    state->previous_fork[0] = '\0';
    state->lsn += work->known ? 1 : 0;
    state->fork_lsn = state->lsn;
    state->role = BSC_LOGS_PRIMARY;
    round->range.frames = 0; /* they are not shipped, the copies begin after them */
    return bsc_logs_round_advance(round, state, state->time_ms, err) &&
           bsc_logs_primary_settle(&work->primary, &state->settled, err) &&
           bsc_logs_state_save(work->sys, work->db, state, err);
}

static bool begin(struct work *work, struct bsc_err *err)
{
    struct bsc_err broken = BSC_ERR_INIT;
    if (!load(work, err) || (!work->known && !page_size(work, err)) ||
        !bsc_logs_round_open(&work->round, &work->primary, work->state.page_size, err))
        return false;
    if (work->known && bsc_logs_round_scan(&work->round, &work->state, &broken))
        return go_on(work, err);
    if (!work->known || broken.code == BSC_ERR_REFUSED)
        return start_anew(work, err);
    *err = broken;
    return false;
}

bool bsc_logs_shipping_begin(const struct bsc_sys *sys, const char *db, struct bsc_err *err)
{
    struct work work = {.sys = sys,
                        .db = db,
                        .primary = BSC_LOGS_PRIMARY_INIT,
                        .state = BSC_LOGS_STATE_INIT,
                        .round = BSC_LOGS_ROUND_INIT};
    bool ok = bsc_logs_primary_open(&work.primary, sys, db, true, err) &&
              bsc_logs_primary_lock(&work.primary, err) && begin(&work, err);
    bsc_logs_primary_unlock(&work.primary);
    bsc_logs_round_release(&work.round);
    bsc_logs_state_release(&work.state);
    bsc_logs_primary_close(&work.primary);
    return ok;
}
