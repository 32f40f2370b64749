#include "logs/agent.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/apply.h"
#include "logs/primary_int.h"
#include "logs/round_int.h"
#include "logs/settled.h"
#include "os/files.h"

/* Frames in the log from which on it is worth its writes to let it begin anew. */
enum { SETTLE_FRAMES = 1000 };

struct bsc_logs_follower {
    const struct bsc_sys *sys;
    const struct bsc_clock *clock;
    char *mirror;   /* owned */
    char *folder;   /* owned: of the mirror */
    char *incoming; /* owned: name of the file that pages arrive in */
    struct bsc_logs_primary primary;
    struct bsc_logs_state state; /* the mirror's, as of the last round */
};

struct work {
    struct bsc_logs_follower *follower;
    struct bsc_logs_state principal;
    struct bsc_logs_round round;
    struct bsc_logs_agent_round *result;
};

struct bsc_logs_follower *bsc_logs_follower_open(const struct bsc_sys *sys,
                                                 const struct bsc_clock *clock,
                                                 const char *principal, const char *mirror,
                                                 struct bsc_err *err)
{
    struct bsc_logs_follower *follower = bsc_mem_new(1, sizeof *follower);
    follower->sys = sys;
    follower->clock = clock;
    follower->mirror = bsc_mem_text(mirror);
    follower->folder = bsc_files_folder_of(mirror);
    follower->incoming = bsc_mem_format("%s.incoming", bsc_files_name_of(mirror));
    if (bsc_logs_primary_open(&follower->primary, sys, principal, false, err) &&
        bsc_logs_primary_pin(&follower->primary, err))
        return follower;
    bsc_logs_follower_close(follower);
    return NULL;
}

void bsc_logs_follower_close(struct bsc_logs_follower *follower)
{
    if (follower == NULL)
        return;
    bsc_logs_primary_close(&follower->primary);
    bsc_logs_state_release(&follower->state);
    bsc_mem_free(follower->mirror);
    bsc_mem_free(follower->folder);
    bsc_mem_free(follower->incoming);
    bsc_mem_free(follower);
}

static bool load_mirror(struct bsc_logs_follower *follower, struct bsc_err *err)
{
    bsc_logs_state_release(&follower->state);
    return bsc_logs_state_load(follower->sys, follower->mirror, &follower->state, err);
}

static bool save_mirror(struct bsc_logs_follower *follower, struct bsc_err *err)
{
    return bsc_logs_state_save(follower->sys, follower->mirror, &follower->state, err);
}

/* Whether a look at the log, without holding anybody up, shows nothing new and nothing to tidy. */
static bool is_idle(struct bsc_logs_follower *follower)
{
    const struct bsc_logs_state *state = &follower->state;
    struct bsc_logs_wal wal = BSC_LOGS_WAL_INIT;
    struct bsc_logs_wal_range range = BSC_LOGS_WAL_RANGE_INIT;
    struct bsc_err ignored = BSC_ERR_INIT;
    bool idle = state->placed && state->lsn == state->place_lsn &&
                bsc_logs_settled_holds(follower->sys, follower->primary.db, &state->settled) &&
                bsc_logs_wal_open(&wal, follower->sys, follower->primary.wal_path, &ignored);
    if (idle && !wal.empty)
        idle = bsc_logs_wal_scan(&wal, &state->place, state->place.frame, 0, &range, &ignored) &&
               range.frames == 0;
    bsc_logs_wal_range_release(&range);
    bsc_logs_wal_release(&wal);
    return idle;
}

static bool check_pair(const struct work *work, struct bsc_err *err)
{
    const struct bsc_logs_follower *follower = work->follower;
    const struct bsc_logs_state *mirror = &follower->state;
    const struct bsc_logs_state *principal = &work->principal;
    if (principal->role != BSC_LOGS_PRIMARY)
        return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is not a principal: it is %s",
                           follower->primary.db, bsc_logs_role_name(principal->role));
    if (mirror->role != BSC_LOGS_MIRROR)
        return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is not a mirror: it is %s", follower->mirror,
                           bsc_logs_role_name(mirror->role));
    if (strcmp(mirror->database_id, principal->database_id) == 0 &&
        strcmp(mirror->fork, principal->fork) == 0)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is a mirror of another database or recovery fork",
                follower->mirror);
    return bsc_err_hint(err, "Install the mirror anew.");
}

static bool apply_incoming(struct work *work, const struct bsc_logs_header *header,
                           struct bsc_err *err)
{
    const struct bsc_logs_follower *follower = work->follower;
    struct bsc_logs_apply_result result = {0};
    struct bsc_logs_apply_file file = {
        .name = follower->incoming, .first_lsn = header->first_lsn, .last_lsn = header->last_lsn};
    struct bsc_logs_apply_order order = {.sys = follower->sys,
                                         .path = follower->mirror,
                                         .folder = follower->folder,
                                         .files = &file,
                                         .count = 1};
    if (!bsc_logs_apply(&order, &result, err))
        return false;
    work->result->applied = result.applied;
    char *path = bsc_files_join(follower->folder, follower->incoming);
    follower->sys->unlink(follower->sys->self, path); /* what stays is replaced next time */
    bsc_mem_free(path);
    return true;
}

/* The pages go through a file, which makes the mirror's redo log: should we die half way, the same
 * frames, or more, are taken again from the principal. */
static bool bring_over(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_follower *follower = work->follower;
    const struct bsc_clock *clock = follower->clock;
    struct bsc_logs_header header = {0};
    int64_t time_ms = bsc_logs_round_time(&work->round, clock->wall_ms(clock->self));
    if (!bsc_logs_round_write(&work->round, &follower->state, follower->folder, follower->incoming,
                              time_ms, &header, err) ||
        !apply_incoming(work, &header, err) || !load_mirror(follower, err))
        return false;
    follower->state.lsn = header.first_lsn;
    return bsc_logs_round_advance(&work->round, &follower->state, time_ms, err) &&
           save_mirror(follower, err);
}

static bool same_place(const struct bsc_logs_state *a, const struct bsc_logs_state *b)
{
    return a->placed && b->placed && a->place.salt1 == b->place.salt1 &&
           a->place.salt2 == b->place.salt2 && a->place.frame == b->place.frame;
}

/* Without log backups the mirror alone decides, and what it has counts as shipped. */
static bool principal_is_done(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_follower *follower = work->follower;
    struct bsc_logs_state *principal = &work->principal;
    if (principal->backed_up || same_place(principal, &follower->state))
        return same_place(principal, &follower->state);
    principal->lsn = follower->state.lsn;
    principal->time_ms = follower->state.time_ms;
    principal->placed = true;
    principal->place = follower->state.place;
    principal->place_lsn = follower->state.place_lsn;
    memcpy(principal->place_next, follower->state.place_next, sizeof principal->place_next);
    principal->settled = (struct bsc_logs_settled){0};
    return bsc_logs_state_save(follower->sys, follower->primary.db, principal, err);
}

static bool settle(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_follower *follower = work->follower;
    struct bsc_logs_settled settled = {0};
    if (!principal_is_done(work, err))
        return err->code == BSC_ERR_NONE;
    bsc_logs_primary_unpin(&follower->primary);
    if (!bsc_logs_primary_settle(&follower->primary, &settled, err))
        return false;
    if (!settled.known)
        return true;
    follower->state.settled = settled;
    work->principal.settled = settled;
    return save_mirror(follower, err) &&
           bsc_logs_state_save(follower->sys, follower->primary.db, &work->principal, err);
}

static bool round_of(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_follower *follower = work->follower;
    if (!bsc_logs_state_load(follower->sys, follower->primary.db, &work->principal, err) ||
        !load_mirror(follower, err) || !check_pair(work, err) ||
        !bsc_logs_round_open(&work->round, &follower->primary, follower->state.page_size, err) ||
        !bsc_logs_round_scan(&work->round, &follower->state, err))
        return false;
    bool news = work->round.range.frames > 0;
    if (news && !bring_over(work, err))
        return false;
    work->result->lsn = follower->state.lsn;
    if (news && follower->state.place.frame < SETTLE_FRAMES)
        return true;
    return bsc_logs_settled_holds(follower->sys, follower->primary.db, &follower->state.settled) ||
           settle(work, err);
}

bool bsc_logs_agent_mirror(struct bsc_logs_follower *follower, struct bsc_logs_agent_round *ret,
                           struct bsc_err *err)
{
    struct work work = {.follower = follower,
                        .principal = BSC_LOGS_STATE_INIT,
                        .round = BSC_LOGS_ROUND_INIT,
                        .result = ret};
    struct bsc_err why = BSC_ERR_INIT, later = BSC_ERR_INIT;
    *ret = (struct bsc_logs_agent_round){.lsn = follower->state.lsn};
    if (is_idle(follower))
        return true;
    if (!bsc_logs_primary_lock(&follower->primary, err))
        return false;
    bool ok = round_of(&work, &why);
    ok = bsc_logs_primary_pin(&follower->primary, ok ? &why : &later) && ok;
    bsc_logs_primary_unlock(&follower->primary);
    bsc_logs_round_release(&work.round);
    bsc_logs_state_release(&work.principal);
    if (!ok)
        *err = why;
    return ok;
}
