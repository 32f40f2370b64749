#include "logs/recover.h"

#include <string.h>

#include "logs/check.h"
#include "logs/exclusive.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/settled.h"
#include "logs/state.h"

struct recovery {
    const struct bsc_sys *sys;
    const char *path;
    int fd; /* held exclusively */
    struct bsc_logs_state state;
    struct bsc_logs_db_header header;
};

static bool is_closed(enum bsc_logs_mark mark)
{
    return mark == BSC_LOGS_MARK_RESTORING || mark == BSC_LOGS_MARK_STANDBY;
}

static bool is_normal(enum bsc_logs_mark mark)
{
    return mark == BSC_LOGS_MARK_WAL || mark == BSC_LOGS_MARK_ROLLBACK;
}

/* The fork is recorded, the header not opened yet. */
static bool was_interrupted(const struct recovery *recovery)
{
    return recovery->state.role == BSC_LOGS_PRIMARY && is_closed(recovery->header.mark);
}

/* The header is open, and all that is missing is how the file looked at that moment, which nobody
 * can say afterwards. */
static bool is_done_but_for_the_note(const struct recovery *recovery)
{
    const struct bsc_logs_state *state = &recovery->state;

    return state->role == BSC_LOGS_PRIMARY && is_normal(recovery->header.mark) &&
           state->previous_fork[0] != '\0' && state->lsn == state->fork_lsn && !state->placed &&
           !state->settled.known;
}

static bool check_whole(const struct recovery *recovery, struct bsc_err *err)
{
    const struct bsc_logs_state *state = &recovery->state;

    if (!state->applying)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "'%s' holds a part only of the log backups from LSN %lld to %lld", recovery->path,
                (long long)state->applying_first, (long long)state->applying_last);
    return bsc_err_hint(err, "Apply these log backups again, then recover.");
}

static bool check_role(const struct recovery *recovery, struct bsc_err *err)
{
    const enum bsc_logs_role role = recovery->state.role;
    const enum bsc_logs_mark mark = recovery->header.mark;

    if (is_normal(mark) && (role == BSC_LOGS_PRIMARY || role == BSC_LOGS_ONLINE))
        return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is online already", recovery->path);
    if (role == BSC_LOGS_MIRROR)
        return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is a mirror, not a restoring copy",
                           recovery->path);
    if ((role != BSC_LOGS_RESTORING && role != BSC_LOGS_STANDBY) || !is_closed(mark))
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' says %s in its sidecar and %s in its header",
                           recovery->path, bsc_logs_role_name(role), bsc_logs_mark_name(mark));
    return true;
}

static bool begin_fork(struct recovery *recovery, struct bsc_err *err)
{
    struct bsc_logs_state *state = &recovery->state;

    memcpy(state->previous_fork, state->fork, sizeof state->fork);
    bsc_digest_random_hex(state->fork, BSC_LOGS_ID_HEX - 1);
    state->fork_lsn = state->lsn;
    memcpy(state->parting.fork, state->previous_fork, sizeof state->parting.fork);
    state->parting.lsn = state->lsn;
    state->parting.time_ms = state->time_ms;
    bsc_value_free(state->own_forks);
    state->own_forks = NULL;
    bsc_logs_state_forget(state);
    state->role = BSC_LOGS_PRIMARY;
    state->placed = false;
    state->backed_up = false;
    state->settled = (struct bsc_logs_settled){0};
    return bsc_logs_state_save(recovery->sys, recovery->path, state, err);
}

static bool open_to_all(struct recovery *recovery, struct bsc_err *err)
{
    const struct bsc_sys *sys = recovery->sys;
    struct bsc_logs_state *state = &recovery->state;

    /* Log shipping needs a write-ahead log, so that is what the primary had. */
    if (!bsc_logs_db_header_write(sys, recovery->fd, recovery->path, BSC_LOGS_MARK_WAL, err) ||
        !bsc_logs_settled_note(sys, recovery->path, &state->settled, err))
        return false;
    /* A log that clients begin from here on continues at this LSN. */
    state->placed = true;
    state->place = (struct bsc_logs_wal_place){0};
    state->place_lsn = state->lsn;
    return bsc_logs_state_save(sys, recovery->path, state, err);
}

static bool prepare(struct recovery *recovery, const atomic_bool *cancel, struct bsc_err *err)
{
    return check_whole(recovery, err) && check_role(recovery, err) &&
           bsc_logs_leftover_set_aside(recovery->sys, recovery->path, err) &&
           bsc_logs_check(recovery->path, BSC_LOGS_CHECK_QUICK, cancel, err) &&
           begin_fork(recovery, err);
}

static bool run(struct recovery *recovery, const atomic_bool *cancel, struct bsc_err *err)
{
    const struct bsc_sys *sys = recovery->sys;

    if (!bsc_logs_exclusive_open(sys, recovery->path, &recovery->fd, err) ||
        !bsc_logs_exclusive_alone(sys, recovery->path, err))
        return false;
    /* Whoever held the copy a moment ago may have changed it. */
    bsc_logs_state_release(&recovery->state);
    if (!bsc_logs_state_load(sys, recovery->path, &recovery->state, err) ||
        !bsc_logs_db_header_at(sys, recovery->fd, recovery->path, &recovery->header, err))
        return false;
    if (!was_interrupted(recovery)) {
        if (!prepare(recovery, cancel, err))
            return false;
    } else if (!bsc_logs_leftover_set_aside(sys, recovery->path, err)) {
        return false;
    }
    return open_to_all(recovery, err);
}

bool bsc_logs_recover(const struct bsc_sys *sys, const char *path, const atomic_bool *cancel,
                      struct bsc_logs_recovered *ret, struct bsc_err *err)
{
    struct recovery recovery = {.sys = sys, .path = path, .fd = -1, .state = BSC_LOGS_STATE_INIT};
    bool ok = bsc_logs_state_load(sys, path, &recovery.state, err) &&
              bsc_logs_db_header_read(sys, path, &recovery.header, err);

    /* Clients may be using the copy already, so it is not taken away from them for this. */
    if (ok && !is_done_but_for_the_note(&recovery))
        ok = run(&recovery, cancel, err);
    if (ok) {
        memcpy(ret->fork, recovery.state.fork, sizeof ret->fork);
        ret->lsn = recovery.state.lsn;
    }
    bsc_logs_state_release(&recovery.state);
    bsc_logs_exclusive_close(sys, recovery.fd);
    return ok;
}
