#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "logs/backup.h"
#include "os/loop.h"

enum { MESSAGE_EVERY_MS = 25, BACKUP_EVERY_MESSAGES = 80 };

/* Where the pool sends its clients. */
enum place { NOWHERE, PRIMARY, SECONDARY };

struct writer {
    const struct bsc_lab *lab;
    struct bsc_loop *loop;
    enum place place;             /* of the database that is open */
    struct bsc_logs_guard *guard; /* of the primary; the secondary has its mirror's */
    struct bsc_sql *database;     /* NULL while the pool is closed */
    struct bsc_sql *ledger;
    struct bsc_sql *pool;
    char *share;
    int messages;
    bool stop;
    bool failed;
    struct bsc_err *err;
};

static const char *const paths[] = {NULL, BSC_LAB_PRIMARY, BSC_LAB_SECONDARY};

static bool back_up(struct writer *w)
{
    char *db = bsc_lab_path(w->lab, BSC_LAB_PRIMARY);
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = w->lab->cli->sys,
                                          .clock = w->lab->cli->clock,
                                          .db = db,
                                          .share = w->share,
                                          .name = "mgc",
                                          .guard = w->guard};
    bool ok = bsc_logs_backup_take(&order, &backup, w->err);
    bsc_logs_backup_release(&backup);
    bsc_mem_free(db);
    return ok;
}

static struct bsc_logs_guard *guard_of(const struct writer *w, enum place place,
                                       struct bsc_err *err)
{
    char *db = bsc_lab_path(w->lab, paths[place]);
    struct bsc_logs_guard *guard = bsc_logs_guard_open(w->lab->cli->sys, db, err);
    bsc_mem_free(db);
    return guard;
}

/* Whoever closes a database last empties its log, so a guard is there until after that. */
static bool leave(struct writer *w, struct bsc_err *err)
{
    if (w->database == NULL)
        return true;
    if (w->guard == NULL)
        w->guard = guard_of(w, w->place, err);
    if (w->guard == NULL)
        return false;
    bsc_sql_close(w->database);
    bsc_logs_guard_close(w->guard);
    w->database = NULL;
    w->guard = NULL;
    w->place = NOWHERE;
    return true;
}

static bool enter(struct writer *w, enum place place, struct bsc_err *err)
{
    static const char *const settings[] = {"PRAGMA wal_autocheckpoint=0", NULL};
    if (place == PRIMARY && (w->guard = guard_of(w, place, err)) == NULL)
        return false;
    w->database = bsc_lab_sql_open(w->lab, paths[place], false, err);
    w->place = place;
    return w->database != NULL && bsc_lab_sql_run(w->database, settings, err);
}

/* Goes where the pool sends its clients now, or waits outside. */
static bool follow_pool(struct writer *w, struct bsc_err *err)
{
    int64_t place = NOWHERE;
    if (!bsc_lab_sql_number(w->pool,
                            "SELECT CASE WHEN active_servers = '' THEN 0 WHEN state = 'Normal' "
                            "THEN 1 ELSE 2 END FROM pool WHERE name = 'chat'",
                            &place, err))
        return false;
    if ((enum place)place == w->place)
        return true;
    return leave(w, err) && (place == NOWHERE || enter(w, (enum place)place, err));
}

static bool write_there(struct writer *w)
{
    if (w->place == NOWHERE)
        return true;
    w->messages++;
    return bsc_lab_add_messages(w->database, w->ledger, 1, w->err) &&
           (w->place != PRIMARY || w->messages % BACKUP_EVERY_MESSAGES != 0 || back_up(w));
}

static void write_one(void *arg)
{
    struct writer *w = arg;
    bool ok = follow_pool(w, w->err) && write_there(w);
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
    w->share = bsc_lab_path(w->lab, BSC_LAB_SHARE);
    w->loop = bsc_loop_new(err);
    if (w->loop == NULL || !bsc_loop_watch_signals(w->loop, writer_signalled, w, err))
        return false;
    w->pool = bsc_lab_sql_open(w->lab, BSC_LAB_POOL, false, err);
    w->ledger = w->pool != NULL ? bsc_lab_sql_open(w->lab, BSC_LAB_LEDGER, false, err) : NULL;
    return w->ledger != NULL && follow_pool(w, err);
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
