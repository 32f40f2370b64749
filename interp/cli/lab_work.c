#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "logs/backup.h"
#include "os/loop.h"

enum { MESSAGE_EVERY_MS = 25, BACKUP_EVERY_MESSAGES = 80 };

struct writer {
    const struct bsc_lab *lab;
    struct bsc_loop *loop;
    struct bsc_logs_guard *guard;
    struct bsc_sql *primary;
    struct bsc_sql *ledger;
    char *db;
    char *share;
    int messages;
    bool stop;
    bool failed;
    struct bsc_err *err;
};

static bool back_up(struct writer *w)
{
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = w->lab->cli->sys,
                                          .clock = w->lab->cli->clock,
                                          .db = w->db,
                                          .share = w->share,
                                          .name = "mgc",
                                          .guard = w->guard};
    bool ok = bsc_logs_backup_take(&order, &backup, w->err);
    bsc_logs_backup_release(&backup);
    return ok;
}

static void write_one(void *arg)
{
    struct writer *w = arg;
    w->messages++;
    bool ok = bsc_lab_add_messages(w->primary, w->ledger, 1, w->err) &&
              (w->messages % BACKUP_EVERY_MESSAGES != 0 || back_up(w));
    if (!ok || w->stop) {
        w->failed = !ok;
        bsc_loop_stop(w->loop);
        return;
    }
    bsc_timer_start(w->loop, MESSAGE_EVERY_MS, write_one, w);
}

/* A message is finished, and the clients told of it, before the writer goes. */
static void writer_signalled(void *arg, int signal_number)
{
    struct writer *w = arg;
    (void)signal_number;
    w->stop = true;
}

static bool writer_open(struct writer *w, struct bsc_err *err)
{
    w->db = bsc_lab_path(w->lab, BSC_LAB_PRIMARY);
    w->share = bsc_lab_path(w->lab, BSC_LAB_SHARE);
    w->loop = bsc_loop_new(err);
    if (w->loop == NULL || !bsc_loop_watch_signals(w->loop, writer_signalled, w, err))
        return false;
    w->guard = bsc_logs_guard_open(w->lab->cli->sys, w->db, err);
    if (w->guard == NULL)
        return false;
    w->primary = bsc_lab_sql_open(w->lab, BSC_LAB_PRIMARY, false, err);
    if (w->primary == NULL)
        return false;
    static const char *const settings[] = {"PRAGMA wal_autocheckpoint=0", NULL};
    w->ledger = bsc_lab_sql_open(w->lab, BSC_LAB_LEDGER, false, err);
    return w->ledger != NULL && bsc_lab_sql_run(w->primary, settings, err);
}

/* The writer leaves like a server that loses its power: nothing is closed, so that its write-ahead
 * log stays as it is. */
static bool write_messages(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct writer w = {.lab = lab, .err = err};
    if (!writer_open(&w, err) || !bsc_lab_staff_ready(lab, "writer", err))
        return false;
    bsc_timer_start(w.loop, MESSAGE_EVERY_MS, write_one, &w);
    bsc_loop_run(w.loop);
    if (w.failed)
        return false;
    _Exit(0);
}

static void session_signalled(void *arg, int signal_number)
{
    (void)signal_number;
    bsc_loop_stop(arg);
}

static void session_due(void *arg)
{
    bsc_loop_stop(arg);
}

/* A program that has the secondary's file open: what a failover must end before recovery. */
static bool hold_session(const struct bsc_lab *lab, struct bsc_err *err)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 };
    const struct bsc_sys *sys = lab->cli->sys;
    char *path = bsc_lab_path(lab, BSC_LAB_SECONDARY);
    struct bsc_loop *loop = bsc_loop_new(err);
    int fd = -1;
    bool ok = loop != NULL && bsc_loop_watch_signals(loop, session_signalled, loop, err);
    if (ok) {
        fd = sys->open(sys->self, path, O_RDONLY, 0);
        ok = fd >= 0 || bsc_err_sys(err, errno, "cannot open \"%s\"", path);
    }
    if (ok && bsc_lab_staff_ready(lab, "session", err)) {
        bsc_timer_start(loop, DAY_MS, session_due, loop);
        bsc_loop_run(loop);
    }
    if (fd >= 0)
        sys->close(sys->self, fd);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lab_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    if (strcmp(role, "writer") == 0)
        return write_messages(lab, err);
    if (strcmp(role, "session") == 0)
        return hold_session(lab, err);
    return bsc_err_set(err, BSC_ERR_USAGE, "there is no such work in a lab: \"%s\"", role);
}
