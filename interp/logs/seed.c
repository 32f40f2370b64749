#include "logs/backup_int.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/clone_int.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/round_int.h"
#include "os/files.h"

struct seeding {
    const struct bsc_logs_seed_order *order;
    struct bsc_logs_primary primary;
    struct bsc_logs_state state; /* the principal's, then the copy's */
    char *temporary;             /* owned */
};

/* Nobody takes log backups yet: they begin here. */
static bool start_backups(struct seeding *seeding, struct bsc_err *err)
{
    const struct bsc_logs_seed_order *order = seeding->order;
    struct bsc_logs_round round = BSC_LOGS_ROUND_INIT;
    int64_t now_ms = order->clock->wall_ms(order->clock->self);
    bool ok = bsc_logs_round_open(&round, &seeding->primary, seeding->state.page_size, err) &&
              bsc_logs_round_scan(&round, &seeding->state, err);
    if (ok && round.range.frames > 0)
        ok = bsc_logs_round_advance(&round, &seeding->state, bsc_logs_round_time(&round, now_ms),
                                    err);
    if (seeding->state.time_ms == 0)
        seeding->state.time_ms = bsc_logs_round_time(&round, now_ms);
    seeding->state.backed_up = true;
    ok = ok && bsc_logs_state_save(order->sys, order->db, &seeding->state, err);
    bsc_logs_round_release(&round);
    return ok;
}

static bool back_up(struct seeding *seeding, struct bsc_err *err)
{
    const struct bsc_logs_seed_order *order = seeding->order;
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order wanted = {.sys = order->sys,
                                           .clock = order->clock,
                                           .db = order->db,
                                           .share = order->share,
                                           .name = order->name};
    bool ok = bsc_logs_backup_take_locked(&wanted, &seeding->primary, &backup, err);
    bsc_logs_backup_release(&backup);
    bsc_logs_state_release(&seeding->state);
    return ok && bsc_logs_state_load(order->sys, order->db, &seeding->state, err);
}

static bool align(struct seeding *seeding, struct bsc_err *err)
{
    const struct bsc_logs_seed_order *order = seeding->order;
    if (!bsc_logs_primary_lock(&seeding->primary, err))
        return false;
    bool ok = bsc_logs_state_load(order->sys, order->db, &seeding->state, err) &&
              (seeding->state.backed_up ? back_up(seeding, err) : start_backups(seeding, err)) &&
              bsc_logs_primary_pin(&seeding->primary, err);
    bsc_logs_primary_unlock(&seeding->primary);
    return ok;
}

/* From the principal's sidecar to the copy's. */
static void become_restoring(struct bsc_logs_state *state)
{
    state->role = BSC_LOGS_RESTORING;
    bsc_logs_state_forget(state);
    state->backed_up = false;
    state->placed = false;
    state->settled = (struct bsc_logs_settled){0};
}

static bool finish(struct seeding *seeding, struct bsc_err *err)
{
    const struct bsc_logs_seed_order *order = seeding->order;
    const struct bsc_sys *sys = order->sys;
    become_restoring(&seeding->state);
    if (!bsc_logs_db_header_set(sys, seeding->temporary, BSC_LOGS_MARK_RESTORING, err) ||
        !bsc_logs_leftover_set_aside(sys, order->copy, err) ||
        !bsc_logs_state_save(sys, order->copy, &seeding->state, err))
        return false;
    if (sys->rename(sys->self, seeding->temporary, order->copy) != 0)
        return bsc_err_sys(err, errno, "cannot give '%s' its name", order->copy);
    return bsc_files_sync_parent(sys, order->copy, err);
}

static bool copy(struct seeding *seeding, int64_t *ret_bytes, struct bsc_err *err)
{
    const struct bsc_logs_seed_order *order = seeding->order;
    struct bsc_logs_clone_order clone = {.sys = order->sys,
                                         .from = order->db,
                                         .to = seeding->temporary,
                                         .cancel = order->cancel,
                                         .progress = order->progress,
                                         .progress_arg = order->progress_arg};
    return bsc_logs_clone_pinned(&clone, &seeding->primary, seeding->state.page_size, ret_bytes,
                                 err);
}

bool bsc_logs_seed(const struct bsc_logs_seed_order *order, int64_t *ret_lsn, int64_t *ret_bytes,
                   struct bsc_err *err)
{
    struct seeding seeding = {
        .order = order, .primary = BSC_LOGS_PRIMARY_INIT, .state = BSC_LOGS_STATE_INIT};
    if (bsc_files_exists(order->sys, order->copy))
        return bsc_err_set(err, BSC_ERR_EXISTS, "'%s' is already there", order->copy);
    seeding.temporary = bsc_mem_format("%s.seeding", order->copy);
    bool ok = bsc_logs_shipping_begin(order->sys, order->db, err) &&
              bsc_logs_primary_open(&seeding.primary, order->sys, order->db, false, err) &&
              align(&seeding, err) && copy(&seeding, ret_bytes, err) && finish(&seeding, err);
    if (ok)
        *ret_lsn = seeding.state.lsn;
    else
        order->sys->unlink(order->sys->self, seeding.temporary);
    bsc_logs_primary_close(&seeding.primary);
    bsc_logs_state_release(&seeding.state);
    bsc_mem_free(seeding.temporary);
    return ok;
}
