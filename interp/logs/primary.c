#include "logs/primary_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/settled.h"

enum { MODE_TEXT = 16, LOCK_WAIT_MS = 5000, INDEX_BYTES = 32768, INDEX_VERSION = 3007000 };

bool bsc_logs_engine_error(sqlite3 *engine, int code, struct bsc_err *err, const char *doing,
                           const char *path)
{
    const char *text = engine == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(engine);
    int primary = code & 0xff;
    enum bsc_err_code kind = BSC_ERR_SQL;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        kind = BSC_ERR_CONFLICT;
    else if (primary == SQLITE_FULL)
        kind = BSC_ERR_NO_SPACE;
    else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        kind = BSC_ERR_DAMAGED;
    bsc_err_set(err, kind, "cannot %s '%s': %s", doing, path, text);
    err->native = code;
    err->retryable = kind == BSC_ERR_CONFLICT ? BSC_RETRY_YES : BSC_RETRY_UNKNOWN;
    return false;
}

static bool run(sqlite3 *engine, const char *sql, const char *path, const char *doing,
                struct bsc_err *err)
{
    int code = sqlite3_exec(engine, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || bsc_logs_engine_error(engine, code, err, doing, path);
}

static bool connect_to(const char *db, sqlite3 **ret_engine, struct bsc_err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int code = sqlite3_open_v2(db, ret_engine, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*ret_engine, LOCK_WAIT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_db_config(*ret_engine, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_wal_autocheckpoint(*ret_engine, 0);
    return code == SQLITE_OK || bsc_logs_engine_error(*ret_engine, code, err, "open", db);
}

static int take_text(void *arg, int count, char **values, char **names)
{
    char *mode = arg;
    (void)names;
    if (count > 0 && values[0] != NULL)
        snprintf(mode, MODE_TEXT, "%s", values[0]);
    return 0;
}

static bool check_mode(sqlite3 *engine, const char *db, bool convert, struct bsc_err *err)
{
    const char *sql = convert ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode";
    char mode[MODE_TEXT] = "";
    int code = sqlite3_exec(engine, sql, take_text, mode, NULL);
    if (code != SQLITE_OK)
        return bsc_logs_engine_error(engine, code, err, "open", db);
    if (strcmp(mode, "wal") == 0)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "'%s' has journal mode '%s', shipping needs 'wal'", db, mode);
    return bsc_err_hint(err, "Put the database under log shipping again.");
}

/* A connection that has read nothing yet does not know of the log, and would find nothing in it to
 * checkpoint. */
static bool acquaint(sqlite3 *engine, const char *db, struct bsc_err *err)
{
    return run(engine, "SELECT count(*) FROM sqlite_schema", db, "read", err);
}

bool bsc_logs_primary_open(struct bsc_logs_primary *primary, const struct bsc_sys *sys,
                           const char *db, bool convert, struct bsc_err *err)
{
    struct stat st = {0};
    primary->sys = sys;
    primary->db = bsc_mem_text(db);
    primary->wal_path = bsc_logs_path_wal(db);
    if (sys->stat(sys->self, db, &st) != 0)
        return bsc_err_sys(err, errno, "cannot open '%s'", db);
    return connect_to(db, &primary->writer, err) && check_mode(primary->writer, db, convert, err) &&
           connect_to(db, &primary->helper, err) && acquaint(primary->helper, db, err) &&
           connect_to(db, &primary->guard, err);
}

void bsc_logs_primary_close(struct bsc_logs_primary *primary)
{
    (void)sqlite3_close(primary->guard);
    (void)sqlite3_close(primary->helper);
    (void)sqlite3_close(primary->writer);
    bsc_mem_free(primary->db);
    bsc_mem_free(primary->wal_path);
    *primary = (struct bsc_logs_primary)BSC_LOGS_PRIMARY_INIT;
}

bool bsc_logs_primary_lock(struct bsc_logs_primary *primary, struct bsc_err *err)
{
    BSC_BUG_ON(primary->locked);
    primary->locked = run(primary->writer, "BEGIN IMMEDIATE", primary->db, "lock", err);
    return primary->locked;
}

void bsc_logs_primary_unlock(struct bsc_logs_primary *primary)
{
    if (primary->locked)
        sqlite3_exec(primary->writer, "ROLLBACK", NULL, NULL, NULL);
    primary->locked = false;
}

void bsc_logs_primary_unpin(struct bsc_logs_primary *primary)
{
    if (!sqlite3_get_autocommit(primary->guard))
        sqlite3_exec(primary->guard, "ROLLBACK", NULL, NULL, NULL);
}

bool bsc_logs_primary_pin(struct bsc_logs_primary *primary, struct bsc_err *err)
{
    bsc_logs_primary_unpin(primary);
    return run(primary->guard, "BEGIN; SELECT count(*) FROM sqlite_schema", primary->db, "read",
               err);
}

static uint32_t stored_big_endian(const volatile unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* The index begins with a header that SQLite documents: its version at byte 0 and the number of
 * frames at 16 in the machine's order, the log's two salts at 32 as they stand in the log. */
struct bsc_logs_engine_log bsc_logs_primary_log(const struct bsc_logs_primary *primary)
{
    struct bsc_logs_engine_log log = {0};
    sqlite3_file *file = NULL;
    void volatile *index = NULL;
    uint32_t version = 0, frames = 0;
    BSC_BUG_ON(!primary->locked);
    if (sqlite3_file_control(primary->writer, "main", SQLITE_FCNTL_FILE_POINTER, &file) !=
            SQLITE_OK ||
        file == NULL || file->pMethods == NULL || file->pMethods->iVersion < 2 ||
        file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &index) != SQLITE_OK || index == NULL)
        return log;
    const volatile unsigned char *bytes = index;
    version = *(const volatile uint32_t *)index;
    frames = *(const volatile uint32_t *)(const volatile void *)(bytes + 16);
    log.known = version == INDEX_VERSION;
    log.frames = frames;
    log.salt1 = stored_big_endian(bytes + 32);
    log.salt2 = stored_big_endian(bytes + 36);
    return log;
}

bool bsc_logs_primary_settle(struct bsc_logs_primary *primary, struct bsc_logs_settled *ret_settled,
                             struct bsc_err *err)
{
    int in_log = -1, moved = -1;
    *ret_settled = (struct bsc_logs_settled){0};
    BSC_BUG_ON(!primary->locked);
    int code = sqlite3_wal_checkpoint_v2(primary->helper, "main", SQLITE_CHECKPOINT_PASSIVE,
                                         &in_log, &moved);
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
        return true;
    if (code != SQLITE_OK)
        return bsc_logs_engine_error(primary->helper, code, err, "checkpoint", primary->db);
    return in_log < 0 || in_log != moved ||
           bsc_logs_settled_note(primary->sys, primary->db, ret_settled, err);
}
