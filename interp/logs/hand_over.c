#include "logs/hand_over.h"

#include <errno.h>
#include <string.h>

#include "logs/exclusive.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/position.h"
#include "logs/settled.h"
#include "logs/state.h"

enum { TRIES = 5 };

struct closing {
    const struct bsc_sys *sys;
    const char *db;
    int fd; /* held exclusively */
    struct bsc_logs_state state;
    struct bsc_logs_db_header header;
};

static bool is_closed(const struct closing *closing)
{
    return closing->header.mark == BSC_LOGS_MARK_RESTORING;
}

static bool look(struct closing *closing, struct bsc_err *err)
{
    bsc_logs_state_release(&closing->state);
    return bsc_logs_state_load(closing->sys, closing->db, &closing->state, err) &&
           bsc_logs_db_header_read(closing->sys, closing->db, &closing->header, err);
}

static bool hold(struct closing *closing, struct bsc_err *err)
{
    return bsc_logs_exclusive_open(closing->sys, closing->db, &closing->fd, err) &&
           bsc_logs_exclusive_alone(closing->sys, closing->db, err) && look(closing, err);
}

static void let_go(struct closing *closing)
{
    bsc_logs_exclusive_close(closing->sys, closing->fd);
    closing->fd = -1;
}

static bool not_handed_over(const struct closing *closing, struct bsc_err *err)
{
    return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' cannot be handed over: it is %s", closing->db,
                       bsc_logs_role_name(closing->state.role));
}

/* Its clients see a closed header; what is left is to say what it is from now on. */
static bool call_restoring(struct closing *closing, struct bsc_err *err)
{
    struct bsc_logs_state *state = &closing->state;

    state->role = BSC_LOGS_RESTORING;
    state->backed_up = false;
    state->placed = false;
    state->settled = (struct bsc_logs_settled){0};
    return bsc_logs_state_save(closing->sys, closing->db, state, err);
}

/* The file holds every commit, and nobody can add one: it is locked. */
static bool close_file(struct closing *closing, struct bsc_err *err)
{
    const struct bsc_sys *sys = closing->sys;

    bsc_logs_state_hand_over(&closing->state);
    if (!bsc_logs_state_save(sys, closing->db, &closing->state, err))
        return false;
    if (sys->fsync(sys->self, closing->fd) != 0)
        return bsc_err_sys(err, errno, "cannot make '%s' durable", closing->db);
    return bsc_logs_leftover_set_aside(sys, closing->db, err) &&
           bsc_logs_db_header_write(sys, closing->fd, closing->db, BSC_LOGS_MARK_RESTORING, err) &&
           call_restoring(closing, err);
}

/* Whether the last log backup holds the last commit, and the file all of it. */
static bool is_final(const struct closing *closing)
{
    struct bsc_logs_position position = {0};
    struct bsc_err ignored = BSC_ERR_INIT;

    return bsc_logs_settled_holds(closing->sys, closing->db, &closing->state.settled) &&
           bsc_logs_position_read(closing->sys, closing->db, &closing->state, &position,
                                  &ignored) &&
           position.lsn == closing->state.lsn;
}

/* Takes the last log backup, and closes the file unless somebody was quicker: *ret_done. */
static bool try_once(struct closing *closing, const struct bsc_logs_backup_order *order,
                     bool *ret_done, struct bsc_err *err)
{
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    bool ok = bsc_logs_backup_take(order, &backup, err);

    bsc_logs_backup_release(&backup);
    *ret_done = false;
    if (!ok || !hold(closing, err))
        return false;
    if (!is_final(closing))
        return true;
    *ret_done = true;
    return close_file(closing, err);
}

static bool hand_over_open(struct closing *closing, const struct bsc_logs_backup_order *order,
                           struct bsc_err *err)
{
    for (int i = 0; i < TRIES; i++) {
        bool done = false;
        if (!try_once(closing, order, &done, err))
            return false;
        if (done)
            return true;
        let_go(closing);
    }
    bsc_err_set(err, BSC_ERR_CONFLICT, "somebody keeps writing to '%s'", closing->db);
    return bsc_err_hint(err, "End every session first.");
}

/* An earlier hand-over has closed the file. */
static bool hand_over_closed(struct closing *closing, struct bsc_err *err)
{
    const enum bsc_logs_role role = closing->state.role;
    bool known = closing->state.handed_over != NULL;

    if (known && role == BSC_LOGS_RESTORING)
        return true;
    if (!known || role != BSC_LOGS_PRIMARY)
        return not_handed_over(closing, err);
    return hold(closing, err) && call_restoring(closing, err);
}

bool bsc_logs_hand_over(const struct bsc_logs_backup_order *order, struct bsc_logs_handed_over *ret,
                        struct bsc_err *err)
{
    struct closing closing = {
        .sys = order->sys, .db = order->db, .fd = -1, .state = BSC_LOGS_STATE_INIT};
    bool ok = look(&closing, err);

    if (ok && is_closed(&closing))
        ok = hand_over_closed(&closing, err);
    else if (ok && closing.state.role != BSC_LOGS_PRIMARY)
        ok = not_handed_over(&closing, err);
    else if (ok)
        ok = hand_over_open(&closing, order, err);
    ret->lsn = closing.state.lsn;
    let_go(&closing);
    bsc_logs_state_release(&closing.state);
    return ok;
}

/* First the sidecar says primary while the header still closes the file, and the note says why:
 * opening again goes on from there. */
static bool open_file(struct closing *closing, struct bsc_err *err)
{
    const struct bsc_sys *sys = closing->sys;
    struct bsc_logs_state *state = &closing->state;

    if (!bsc_logs_state_take_back(state))
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "'%s' was not handed over, or has taken log backups since", closing->db);
    state->placed = false;
    if (!bsc_logs_leftover_set_aside(sys, closing->db, err) ||
        !bsc_logs_state_save(sys, closing->db, state, err) ||
        !bsc_logs_db_header_write(sys, closing->fd, closing->db, BSC_LOGS_MARK_WAL, err) ||
        !bsc_logs_settled_note(sys, closing->db, &state->settled, err))
        return false;
    /* A log that clients begin from here on continues at this LSN. */
    state->placed = true;
    state->place = (struct bsc_logs_wal_place){0};
    state->place_lsn = state->lsn;
    bsc_logs_state_forget(state);
    return bsc_logs_state_save(sys, closing->db, state, err);
}

bool bsc_logs_reopen(const struct bsc_sys *sys, const char *db, int64_t *ret_lsn,
                     struct bsc_err *err)
{
    struct closing closing = {.sys = sys, .db = db, .fd = -1, .state = BSC_LOGS_STATE_INIT};
    bool ok = look(&closing, err);

    if (ok && is_closed(&closing))
        ok = hold(&closing, err) && open_file(&closing, err);
    *ret_lsn = closing.state.lsn;
    let_go(&closing);
    bsc_logs_state_release(&closing.state);
    return ok;
}
