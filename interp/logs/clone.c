#include "logs/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "logs/clone_int.h"
#include "logs/io.h"
#include "logs/position.h"

enum { PIECE_BYTES = 1024 * 1024 };

struct cloning {
    const struct bsc_logs_clone_order *order;
    struct bsc_logs_primary *from; /* borrowed, pinned */
    sqlite3 *to;
    sqlite3_backup *backup;
};

/* What the copy continues from: the end of the log as the pinned transaction sees it. */
static bool place_copy(const struct bsc_logs_clone_order *order, struct bsc_logs_state *state,
                       struct bsc_err *err)
{
    struct bsc_logs_position position = {0};

    if (!bsc_logs_state_load(order->sys, order->from, state, err) ||
        !bsc_logs_position_read(order->sys, order->from, state, &position, err))
        return false;
    state->role = BSC_LOGS_MIRROR;
    state->backed_up = false;
    state->lsn = position.lsn;
    state->time_ms = position.time_ms;
    /* How the file looked at the sidecar's place says nothing about a later one. */
    if (position.lsn != state->place_lsn)
        state->settled = (struct bsc_logs_settled){0};
    state->place_lsn = position.lsn;
    state->place = position.place;
    memcpy(state->place_next, "?", sizeof "?"); /* not known: matches nothing */
    return true;
}

static bool pin_and_place(const struct bsc_logs_clone_order *order, struct bsc_logs_primary *from,
                          struct bsc_logs_state *state, struct bsc_err *err)
{
    bool ok;

    if (!bsc_logs_primary_lock(from, err))
        return false;
    ok = bsc_logs_primary_pin(from, err) && place_copy(order, state, err);
    bsc_logs_primary_unlock(from);
    return ok;
}

static bool open_target(struct cloning *cloning, struct bsc_err *err)
{
    const struct bsc_logs_clone_order *order = cloning->order;
    /* A copy that is not finished is thrown away, so it needs no journal of its own. */
    const char *settings = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF";
    int code;

    if (order->sys->unlink(order->sys->self, order->to) != 0 && errno != ENOENT)
        return bsc_err_sys(err, errno, "could not replace '%s'", order->to);
    code =
        sqlite3_open_v2(order->to, &cloning->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(cloning->to, settings, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return bsc_logs_engine_error(cloning->to, code, err, "write", order->to);
    cloning->backup = sqlite3_backup_init(cloning->to, "main", cloning->from->guard, "main");
    return cloning->backup != NULL ||
           bsc_logs_engine_error(cloning->to, sqlite3_errcode(cloning->to), err, "write",
                                 order->to);
}

static void report(const struct cloning *cloning, uint32_t page_size)
{
    int64_t total = sqlite3_backup_pagecount(cloning->backup);
    int64_t left = sqlite3_backup_remaining(cloning->backup);

    if (cloning->order->progress != NULL)
        cloning->order->progress(cloning->order->progress_arg, (total - left) * page_size,
                                 total * page_size);
}

static bool copy_pages(struct cloning *cloning, uint32_t page_size, struct bsc_err *err)
{
    const struct bsc_logs_clone_order *order = cloning->order;
    int code = SQLITE_OK;

    while (code == SQLITE_OK) {
        if (order->cancel != NULL && atomic_load(order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "copying '%s' was cancelled", order->from);
        code = sqlite3_backup_step(cloning->backup, (int)(PIECE_BYTES / page_size));
        report(cloning, page_size);
    }
    if (code != SQLITE_DONE)
        return bsc_logs_engine_error(NULL, code, err, "copy", order->from);
    code = sqlite3_backup_finish(cloning->backup);
    cloning->backup = NULL;
    return code == SQLITE_OK || bsc_logs_engine_error(NULL, code, err, "copy", order->from);
}

static void close_all(struct cloning *cloning)
{
    if (cloning->backup != NULL)
        (void)sqlite3_backup_finish(cloning->backup);
    cloning->backup = NULL;
    (void)sqlite3_close(cloning->to);
    cloning->to = NULL;
}

static bool make_durable(const struct bsc_logs_clone_order *order, int64_t *ret_bytes,
                         struct bsc_err *err)
{
    const struct bsc_sys *sys = order->sys;
    struct stat status = {0};
    int fd = sys->open(sys->self, order->to, O_RDWR, 0);
    bool ok = false;

    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s'", order->to);
    if (sys->fstat(sys->self, fd, &status) != 0)
        bsc_err_sys(err, errno, "could not look at '%s'", order->to);
    else
        ok = bsc_logs_io_sync(sys, fd, order->to, err);
    if (!bsc_logs_io_close(sys, &fd, order->to, ok ? err : &(struct bsc_err){0}))
        ok = false;
    *ret_bytes = status.st_size;
    return ok;
}

bool bsc_logs_clone_pinned(const struct bsc_logs_clone_order *order, struct bsc_logs_primary *from,
                           uint32_t page_size, int64_t *ret_bytes, struct bsc_err *err)
{
    struct cloning cloning = {.order = order, .from = from};
    bool ok = open_target(&cloning, err) && copy_pages(&cloning, page_size, err);

    close_all(&cloning);
    return ok && make_durable(order, ret_bytes, err);
}

bool bsc_logs_clone(const struct bsc_logs_clone_order *order, struct bsc_logs_state *ret_state,
                    int64_t *ret_bytes, struct bsc_err *err)
{
    struct bsc_logs_primary from = BSC_LOGS_PRIMARY_INIT;
    bool ok = bsc_logs_primary_open(&from, order->sys, order->from, false, err) &&
              pin_and_place(order, &from, ret_state, err) &&
              bsc_logs_clone_pinned(order, &from, ret_state->page_size, ret_bytes, err);

    bsc_logs_primary_close(&from);
    return ok;
}
