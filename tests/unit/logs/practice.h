/*
 * A small site for tests: a live database under log shipping, its share, and a restoring copy.
 *
 *     struct practice site;
 *     practice_open(&site, *state);      // primary.db, share/, copy.db at the same LSN
 *     practice_commit(&site, 3);         // three transactions
 *     practice_back_up(&site);           // one more log backup in site.files
 *     …
 *     practice_close(&site);
 */
#ifndef BSC_UNIT_LOGS_PRACTICE_H
#define BSC_UNIT_LOGS_PRACTICE_H

#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "logs/apply.h"
#include "logs/backup.h"
#include "logs/state.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/sys.h"

enum { PRACTICE_FILES_MAX = 64 };

struct practice {
    char *primary; /* owned paths */
    char *share;
    char *copy;
    sqlite3 *app; /* the application's connection to the primary */
    struct bsc_logs_guard *guard;
    struct bsc_logs_apply_file files[PRACTICE_FILES_MAX]; /* names owned */
    size_t count;
};

static inline void practice_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static inline void practice_commit(struct practice *site, int transactions)
{
    for (int i = 0; i < transactions; i++)
        practice_sql(site->app, "INSERT INTO message(text) WITH RECURSIVE n(i) AS (VALUES(1) UNION "
                                "ALL SELECT i+1 FROM n WHERE i<20) SELECT hex(randomblob(60)) FROM "
                                "n");
}

static inline void practice_back_up(struct practice *site)
{
    const struct bsc_logs_backup_order order = {.sys = bsc_sys_real(),
                                                .clock = bsc_clock_real(),
                                                .db = site->primary,
                                                .share = site->share,
                                                .guard = site->guard};
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_backup_take(&order, &backup, &err))
        fail_msg("%s", err.message);
    assert_true(backup.taken);
    site->files[site->count++] = (struct bsc_logs_apply_file){.name = bsc_mem_text(backup.file),
                                                              .first_lsn = backup.first_lsn,
                                                              .last_lsn = backup.last_lsn};
    bsc_logs_backup_release(&backup);
}

static inline void practice_open(struct practice *site, const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;

    *site = (struct practice){.primary = unit_path(folder, "primary.db"),
                              .share = unit_path(folder, "share"),
                              .copy = unit_path(folder, "copy.db")};
    assert_int_equal(mkdir(site->share, 0700), 0);
    assert_int_equal(sqlite3_open(site->primary, &site->app), SQLITE_OK);
    practice_sql(site->app, "PRAGMA journal_mode=WAL");
    practice_sql(site->app, "PRAGMA wal_autocheckpoint=0");
    practice_sql(site->app, "CREATE TABLE message(id INTEGER PRIMARY KEY, text TEXT)");
    practice_sql(site->app, "CREATE INDEX by_text ON message(text)");
    practice_commit(site, 3);
    const struct bsc_logs_seed_order order = {.sys = bsc_sys_real(),
                                              .clock = bsc_clock_real(),
                                              .db = site->primary,
                                              .share = site->share,
                                              .copy = site->copy};
    if (!bsc_logs_seed(&order, &lsn, &bytes, &err))
        fail_msg("%s", err.message);
}

static inline void practice_close(struct practice *site)
{
    bsc_logs_guard_close(site->guard);
    assert_int_equal(sqlite3_close(site->app), SQLITE_OK);
    for (size_t i = 0; i < site->count; i++)
        free((char *)site->files[i].name);
    free(site->primary);
    free(site->share);
    free(site->copy);
}

static inline struct bsc_logs_apply_order practice_apply_order(const struct practice *site)
{
    return (struct bsc_logs_apply_order){.sys = bsc_sys_real(),
                                         .path = site->copy,
                                         .folder = site->share,
                                         .files = site->files,
                                         .count = site->count};
}

static inline void practice_apply(const struct practice *site)
{
    const struct bsc_logs_apply_order order = practice_apply_order(site);
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_apply(&order, &result, &err))
        fail_msg("%s", err.message);
}

/* What a client gets that asks for the schema: an SQLite result code. */
static inline int practice_open_as(const char *path, const char *parameters, int flags)
{
    sqlite3 *db = NULL;
    char *uri = bsc_mem_format("file:%s?%s", path, parameters);
    int rc = sqlite3_open_v2(uri, &db, flags | SQLITE_OPEN_URI, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    (void)sqlite3_close(db);
    bsc_mem_free(uri);
    return rc;
}

/* Whether every kind of ordinary client is turned away, those that take no locks too. */
static inline bool practice_is_closed(const char *path)
{
    return practice_open_as(path, "", SQLITE_OPEN_READWRITE) != SQLITE_OK &&
           practice_open_as(path, "", SQLITE_OPEN_READONLY) != SQLITE_OK &&
           practice_open_as(path, "immutable=1", SQLITE_OPEN_READONLY) != SQLITE_OK &&
           practice_open_as(path, "nolock=1", SQLITE_OPEN_READWRITE) != SQLITE_OK;
}

/* The first column of the first row as an owned text. */
static inline char *practice_ask(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char *answer;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    answer = bsc_mem_text((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static inline void practice_assert_answer(const char *path, const char *sql, const char *wanted)
{
    char *answer = practice_ask(path, sql);

    assert_string_equal(answer, wanted);
    free(answer);
}

/* A process that really died would come back under another number, by which temporary files are
 * named. */
static inline void practice_sweep(const char *folder)
{
    struct bsc_files_list list = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_files_list(folder, &list, &err));
    for (size_t i = 0; i < list.count; i++) {
        char *path = unit_path(folder, list.names[i]);
        if (list.names[i][0] == '.')
            assert_int_equal(unlink(path), 0);
        free(path);
    }
    bsc_files_list_release(&list);
}

#define PRACTICE_CONTENT "SELECT count(*) || ':' || group_concat(text) FROM message"

/* Both databases can be opened, are sound and hold the same messages. */
static inline void practice_assert_same(const char *left, const char *right)
{
    char *content = practice_ask(left, PRACTICE_CONTENT);

    practice_assert_answer(right, PRACTICE_CONTENT, content);
    practice_assert_answer(right, "PRAGMA integrity_check", "ok");
    free(content);
}

static inline void practice_copy_file(const char *from, const char *to)
{
    size_t length = 0;
    char *bytes = unit_file_get(from, &length);

    assert_non_null(bytes);
    unit_file_put(to, bytes, length);
    free(bytes);
}

static inline void practice_assert_bytes(const char *left, const char *right)
{
    size_t left_length = 0, right_length = 0;
    char *left_bytes = unit_file_get(left, &left_length);
    char *right_bytes = unit_file_get(right, &right_length);

    assert_non_null(left_bytes);
    assert_non_null(right_bytes);
    assert_int_equal(left_length, right_length);
    assert_memory_equal(left_bytes, right_bytes, left_length);
    free(left_bytes);
    free(right_bytes);
}

/* A child process that opens a database as `open_it` does, says so, and waits to be ended. */
static inline pid_t practice_child(const char *path, void (*open_it)(const char *path))
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        (void)close(ready[0]);
        open_it(path);
        (void)!write(ready[1], "r", 1);
        for (;;)
            pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static inline int practice_reap(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#endif
