#include "logs/backup.h"

#include <string.h>

#include "base/mem.h"
#include "logs/backup_int.h"
#include "logs/guard_int.h"
#include "logs/round_int.h"
#include "logs/settled.h"
#include "os/files.h"

struct work {
    const struct bsc_logs_backup_order *order;
    struct bsc_logs_primary *primary;
    struct bsc_logs_state state;
    struct bsc_logs_round round;
    char *database; /* owned: the name within file names */
};

void bsc_logs_backup_release(struct bsc_logs_backup *backup)
{
    bsc_mem_free(backup->file);
    *backup = (struct bsc_logs_backup)BSC_LOGS_BACKUP_INIT;
}

/* The file's own name without its extension. */
static char *database_name(const struct bsc_logs_backup_order *order)
{
    const char *name = bsc_files_name_of(order->db);
    const char *dot = strrchr(name, '.');
    if (order->name != NULL)
        return bsc_mem_text(order->name);
    return bsc_mem_bytes(name, dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name));
}

static bool load(struct work *work, struct bsc_err *err)
{
    const struct bsc_logs_backup_order *order = work->order;
    if (!bsc_logs_state_load(order->sys, order->db, &work->state, err)) {
        if (err->code == BSC_ERR_NOT_FOUND)
            bsc_err_hint(err, "Put '%s' under log shipping first.", order->db);
        return bsc_err_wrap(err, "cannot take a log backup of '%s'", order->db);
    }
    if (work->state.role == BSC_LOGS_PRIMARY)
        return true;
    return bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is not under shipping: it is %s", order->db,
                       bsc_logs_role_name(work->state.role));
}

/* A backup that an earlier round finished without living to say so counts when it goes on exactly
 * where we are; its pages were proven against the log when it was written, and are so again. */
static bool recognise(struct work *work, const char *name, struct bsc_err *err)
{
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    struct bsc_logs_state *state = &work->state;
    const struct bsc_logs_header *header = &reader.header;
    char *path = bsc_files_join(work->order->share, name);
    bool ok = bsc_logs_reader_open(&reader, work->order->sys, path, err);
    if (ok && (strcmp(header->database_id, state->database_id) != 0 ||
               strcmp(header->fork, state->fork) != 0 || header->last_lsn <= state->lsn))
        goto done;
    if (ok && header->first_lsn != state->lsn)
        ok = bsc_err_set(err, BSC_ERR_REFUSED,
                         "'%s' holds LSN %lld to %lld, but '%s' is backed up to LSN %lld", path,
                         (long long)header->first_lsn, (long long)header->last_lsn, work->order->db,
                         (long long)state->lsn);
    ok = ok && bsc_logs_reader_verify(&reader, err);
    if (ok) {
        state->lsn = header->last_lsn;
        state->time_ms = header->time_ms;
    }
    if (!ok && err->code == BSC_ERR_DAMAGED)
        ok = true; /* whatever it was, it is taken anew */
done:
    bsc_logs_reader_release(&reader);
    bsc_mem_free(path);
    return ok;
}

/* Looks for such backups by name, which costs one listing of the share. */
static bool recognise_all(struct work *work, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    size_t length = strlen(work->database);
    bool ok = bsc_files_list(work->order->share, &list, err);
    for (size_t i = 0; ok && i < list.count; i++) {
        int64_t lsn = 0;
        const char *name = list.names[i];
        if (strncmp(name, work->database, length) == 0 && name[length] == '_' &&
            bsc_logs_format_is_name(name, &lsn) && lsn > work->state.lsn)
            ok = recognise(work, name, err);
    }
    bsc_files_list_release(&list);
    return ok;
}

static bool write_file(struct work *work, struct bsc_logs_backup *ret, struct bsc_err *err)
{
    const struct bsc_logs_backup_order *order = work->order;
    struct bsc_logs_header header = {0};
    int64_t last = work->state.lsn + work->round.range.frames;
    int64_t time_ms = bsc_logs_round_time(&work->round, order->clock->wall_ms(order->clock->self));
    char *name = bsc_logs_format_name(work->database, last);
    bool ok =
        bsc_logs_round_write(&work->round, &work->state, order->share, name, time_ms, &header, err);
    ok = ok && bsc_logs_round_advance(&work->round, &work->state, time_ms, err);
    if (ok) {
        *ret = (struct bsc_logs_backup){.taken = true,
                                        .file = name,
                                        .first_lsn = header.first_lsn,
                                        .commits = header.commits,
                                        .bytes = bsc_logs_format_bytes(&header)};
        name = NULL;
    }
    bsc_mem_free(name);
    return ok;
}

/* The frames may go: first on record that they are shipped, then where the file stands. */
static bool settle(struct work *work, struct bsc_err *err)
{
    struct bsc_logs_settled settled = {0};
    bsc_logs_primary_unpin(work->primary);
    if (!bsc_logs_primary_settle(work->primary, &settled, err))
        return false;
    if (!settled.known)
        return true;
    work->state.settled = settled;
    return bsc_logs_state_save(work->order->sys, work->order->db, &work->state, err);
}

static bool take(struct work *work, struct bsc_logs_backup *ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = work->order->sys;
    int64_t before = 0;
    if (!load(work, err))
        return false;
    before = work->state.lsn;
    if (!recognise_all(work, err) ||
        !bsc_logs_round_open(&work->round, work->primary, work->state.page_size, err) ||
        !bsc_logs_round_scan(&work->round, &work->state, err))
        return false;
    bool news = work->round.range.frames > 0;
    if (news && !write_file(work, ret, err))
        return false;
    if (!news && before != work->state.lsn &&
        !bsc_logs_round_advance(&work->round, &work->state, work->state.time_ms, err))
        return false;
    bool changed = before != work->state.lsn || !work->state.backed_up;
    work->state.backed_up = true;
    if (changed && !bsc_logs_state_save(sys, work->order->db, &work->state, err))
        return false;
    if (!bsc_logs_settled_holds(sys, work->order->db, &work->state.settled) && !settle(work, err))
        return false;
    ret->last_lsn = work->state.lsn;
    ret->log_settled = work->state.settled.known;
    return true;
}

bool bsc_logs_backup_take_locked(const struct bsc_logs_backup_order *order,
                                 struct bsc_logs_primary *primary, struct bsc_logs_backup *ret,
                                 struct bsc_err *err)
{
    struct work work = {.order = order,
                        .primary = primary,
                        .state = BSC_LOGS_STATE_INIT,
                        .round = BSC_LOGS_ROUND_INIT,
                        .database = database_name(order)};
    bool ok = take(&work, ret, err);
    bsc_logs_round_release(&work.round);
    bsc_logs_state_release(&work.state);
    bsc_mem_free(work.database);
    return ok;
}

bool bsc_logs_backup_take(const struct bsc_logs_backup_order *order, struct bsc_logs_backup *ret,
                          struct bsc_err *err)
{
    struct bsc_logs_primary once = BSC_LOGS_PRIMARY_INIT;
    struct bsc_logs_primary *primary = order->guard == NULL ? &once : &order->guard->primary;
    struct bsc_err later = BSC_ERR_INIT;
    bool ok =
        order->guard != NULL || bsc_logs_primary_open(&once, order->sys, order->db, false, err);
    ok = ok && bsc_logs_primary_lock(primary, err);
    ok = ok && bsc_logs_backup_take_locked(order, primary, ret, err);
    /* Pinned anew before the lock goes, so that the log is never without either. */
    if (order->guard != NULL && primary->locked)
        ok = bsc_logs_primary_pin(primary, ok ? err : &later) && ok;
    bsc_logs_primary_unlock(primary);
    bsc_logs_primary_close(&once);
    return ok;
}
