#include "logs/catch_up.h"

#include "logs/agent.h"
#include "logs/header.h"

/* How far `from` has come, everything up to there being on the share. */
static bool settle_target(const struct bsc_logs_catch_up_order *order, int64_t *ret_lsn,
                          struct bsc_err *err)
{
    struct bsc_logs_db_header header = {0};
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order wanted = {
        .sys = order->sys, .clock = order->clock, .db = order->from, .share = order->share};
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;

    if (!bsc_logs_db_header_read(order->sys, order->from, &header, err))
        return false;
    if (header.mark == BSC_LOGS_MARK_WAL && !bsc_logs_backup_take(&wanted, &backup, err))
        return false;
    bsc_logs_backup_release(&backup);
    bool ok = bsc_logs_state_load(order->sys, order->from, &state, err);
    *ret_lsn = state.lsn;
    bsc_logs_state_release(&state);
    return ok;
}

static bool falls_short(const struct bsc_logs_catch_up_order *order,
                        const struct bsc_logs_agent_round *round, int64_t target,
                        struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_REFUSED,
                "the log backups in '%s' bring '%s' to LSN %lld, but '%s' stands at LSN %lld%s%s",
                order->share, order->to, (long long)round->lsn, order->from, (long long)target,
                round->problem[0] != '\0' ? ": " : "", round->problem);
    return bsc_err_hint(err, "Mend the chain of log backups, or make the copy anew.");
}

bool bsc_logs_catch_up(const struct bsc_logs_catch_up_order *order, struct bsc_logs_caught_up *ret,
                       struct bsc_err *err)
{
    const char *folder = order->folder != NULL ? order->folder : order->share;
    struct bsc_logs_job job = {(char *)order->share, (char *)folder, 0};
    struct bsc_logs_agent_round round = {0};
    int64_t target = 0;

    if (!settle_target(order, &target, err) ||
        !bsc_logs_agent_bring(order->sys, order->to, &job, order->cancel, &round, err))
        return false;
    if (round.lsn < target)
        return falls_short(order, &round, target, err);
    *ret = (struct bsc_logs_caught_up){
        .copied = (int64_t)round.copied, .applied = (int64_t)round.applied, .lsn = round.lsn};
    return true;
}
