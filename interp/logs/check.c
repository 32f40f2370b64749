#include "logs/check.h"

#include <string.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "logs/header.h"

enum { STEPS_BETWEEN_LOOKS = 10000 };

/* A file whose real one lies behind it in the same memory. */
struct shown {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_file(sqlite3_file *file)
{
    return ((struct shown *)(void *)file)->real;
}

static int shown_close(sqlite3_file *file)
{
    return real_file(file)->pMethods->xClose(real_file(file));
}

static int shown_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
    int rc = real_file(file)->pMethods->xRead(real_file(file), bytes, length, offset);
    unsigned char versions[2];

    bsc_logs_mark_bytes(BSC_LOGS_MARK_ROLLBACK, versions);
    for (int i = 0; i < 2; i++) {
        sqlite3_int64 at = BSC_LOGS_DB_HEADER_VERSIONS + i - offset;

        if (at >= 0 && at < length)
            ((unsigned char *)bytes)[at] = versions[i];
    }
    return rc;
}

static int shown_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    (void)file;
    (void)bytes;
    (void)length;
    (void)offset;
    return SQLITE_READONLY;
}

static int shown_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file;
    (void)size;
    return SQLITE_READONLY;
}

static int shown_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int shown_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return real_file(file)->pMethods->xFileSize(real_file(file), ret_size);
}

static int shown_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int shown_reserved(sqlite3_file *file, int *ret_reserved)
{
    (void)file;
    *ret_reserved = 0;
    return SQLITE_OK;
}

static int shown_control(sqlite3_file *file, int operation, void *arg)
{
    (void)file;
    (void)operation;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int shown_sector(sqlite3_file *file)
{
    return real_file(file)->pMethods->xSectorSize(real_file(file));
}

/* Immutable makes SQLite look for neither journal nor write-ahead log. */
static int shown_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods shown_methods = {
    .iVersion = 1,
    .xClose = shown_close,
    .xRead = shown_read,
    .xWrite = shown_write,
    .xTruncate = shown_truncate,
    .xSync = shown_sync,
    .xFileSize = shown_size,
    .xLock = shown_lock,
    .xUnlock = shown_lock,
    .xCheckReservedLock = shown_reserved,
    .xFileControl = shown_control,
    .xSectorSize = shown_sector,
    .xDeviceCharacteristics = shown_traits,
};

static sqlite3_vfs *real_vfs(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct shown *shown = (struct shown *)(void *)file;
    int rc;

    /* SQLite sets aside szOsFile bytes, of which the real file takes those behind ours. */
    shown->real = (sqlite3_file *)(void *)(shown + 1);
    shown->real->pMethods = NULL;
    rc = real_vfs(vfs)->xOpen(real_vfs(vfs), name, shown->real, flags, ret_flags);
    file->pMethods = rc == SQLITE_OK ? &shown_methods : NULL;
    return rc;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)name;
    (void)sync;
    return SQLITE_READONLY;
}

static int layer_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_answer)
{
    return real_vfs(vfs)->xAccess(real_vfs(vfs), name, flags, ret_answer);
}

static int layer_full_path(sqlite3_vfs *vfs, const char *name, int length, char *ret_path)
{
    return real_vfs(vfs)->xFullPathname(real_vfs(vfs), name, length, ret_path);
}

static int layer_random(sqlite3_vfs *vfs, int length, char *ret_bytes)
{
    return real_vfs(vfs)->xRandomness(real_vfs(vfs), length, ret_bytes);
}

static int layer_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return real_vfs(vfs)->xSleep(real_vfs(vfs), microseconds);
}

static int layer_time(sqlite3_vfs *vfs, double *ret_day)
{
    return real_vfs(vfs)->xCurrentTime(real_vfs(vfs), ret_day);
}

static int layer_last_error(sqlite3_vfs *vfs, int length, char *ret_text)
{
    return real_vfs(vfs)->xGetLastError(real_vfs(vfs), length, ret_text);
}

/* One check, with a layer registered under a name that no other thread's check has. */
struct check {
    sqlite3_vfs layer;
    char *name; /* owned */
    sqlite3 *db;
    sqlite3_stmt *statement;
    const atomic_bool *cancel;
};

static bool failed(struct check *check, const char *path, struct bsc_err *err)
{
    if (check->cancel != NULL && atomic_load(check->cancel))
        return bsc_err_set(err, BSC_ERR_CANCELLED, "the check of '%s' was cancelled", path);
    return bsc_err_set(err, BSC_ERR_DAMAGED, "could not check '%s': %s", path,
                       sqlite3_errmsg(check->db));
}

static int wants_end(void *arg)
{
    const struct check *check = arg;

    return check->cancel != NULL && atomic_load(check->cancel);
}

static bool open_layered(struct check *check, const char *path, struct bsc_err *err)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);

    check->name = bsc_mem_format("bascule-check-%p", (void *)check);
    check->layer = (sqlite3_vfs){.iVersion = 1,
                                 .szOsFile = (int)sizeof(struct shown) + real->szOsFile,
                                 .mxPathname = real->mxPathname,
                                 .zName = check->name,
                                 .pAppData = real,
                                 .xOpen = layer_open,
                                 .xDelete = layer_delete,
                                 .xAccess = layer_access,
                                 .xFullPathname = layer_full_path,
                                 .xRandomness = layer_random,
                                 .xSleep = layer_sleep,
                                 .xCurrentTime = layer_time,
                                 .xGetLastError = layer_last_error};
    if (sqlite3_vfs_register(&check->layer, 0) != SQLITE_OK)
        return bsc_err_set(err, BSC_ERR_UNSUPPORTED, "SQLite takes no file layer");
    if (sqlite3_open_v2(path, &check->db, SQLITE_OPEN_READONLY, check->name) != SQLITE_OK)
        return failed(check, path, err);
    sqlite3_progress_handler(check->db, STEPS_BETWEEN_LOOKS, wants_end, check);
    return true;
}

/* The pragma answers one row, "ok", or one row for each thing that is wrong. */
static bool ask(struct check *check, const char *path, const char *pragma, struct bsc_err *err)
{
    const char *answer;

    /* A small database is through before anybody asks whether to go on. */
    if (wants_end(check))
        return failed(check, path, err);
    if (sqlite3_prepare_v2(check->db, pragma, -1, &check->statement, NULL) != SQLITE_OK ||
        sqlite3_step(check->statement) != SQLITE_ROW)
        return failed(check, path, err);
    answer = (const char *)sqlite3_column_text(check->statement, 0);
    if (answer != NULL && strcmp(answer, "ok") == 0)
        return true;
    return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not a sound database: %s", path,
                       answer == NULL ? "?" : answer);
}

bool bsc_logs_check(const char *path, enum bsc_logs_check_depth depth, const atomic_bool *cancel,
                    struct bsc_err *err)
{
    struct check check = {.cancel = cancel};
    const char *pragma =
        depth == BSC_LOGS_CHECK_QUICK ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)";
    bool ok = open_layered(&check, path, err) && ask(&check, path, pragma, err);

    (void)sqlite3_finalize(check.statement);
    (void)sqlite3_close(check.db);
    (void)sqlite3_vfs_unregister(&check.layer);
    bsc_mem_free(check.name);
    return ok;
}
