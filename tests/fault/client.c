#include "client.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "judge.h"

enum { BEFORE = 6, EACH = 40, LINK_MAX_BYTES = 512 };

static const char more_messages[] = FAULT_MORE_MESSAGES;
static const char told[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
                           " WHERE i < 40) INSERT INTO acknowledged"
                           " SELECT i + (SELECT max(id) FROM acknowledged) FROM n";
static const char is_closed[] = "SELECT active_servers = '' FROM pool";
static const char count_messages[] = "SELECT count(*) FROM message";
static const char count_told[] = "SELECT count(*) FROM acknowledged";

struct fault_client {
    const struct fault_bench *bench; /* borrowed */
    struct timespec pool_seen;       /* when it was changed, as last seen */
    bool closed;                     /* the pool, likewise */
    bool heir;                       /* there is a copy that is to take over */
    size_t done;                     /* commits that are known to be there */
};

struct fault_client *fault_client_new(const struct fault_bench *bench)
{
    struct fault_client *client = bsc_mem_new(1, sizeof *client);
    client->bench = bench;
    return client;
}

void fault_client_free(struct fault_client *client)
{
    bsc_mem_free(client);
}

static char *path_in(const struct fault_bench *bench, const char *name)
{
    return bsc_mem_format("%s/%s", bench->site, name);
}

/* NULL when it cannot be opened. A log is left as it is by who closes the database last. */
static sqlite3 *open_database(const struct fault_bench *bench, const char *name)
{
    sqlite3 *db = NULL;
    char *path = path_in(bench, name);
    bool opened = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) == SQLITE_OK &&
                  sqlite3_wal_autocheckpoint(db, 0) == SQLITE_OK;
    bsc_mem_free(path);
    if (opened)
        return db;
    sqlite3_close(db);
    return NULL;
}

/* The number in the first column of the first row; -1 when there is none. */
static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (db != NULL && sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static bool tell(sqlite3 *db, const char *sql)
{
    return db != NULL && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool is_pool_closed(struct fault_client *client)
{
    struct stat status = {0};
    char *path = path_in(client->bench, "dc2/app/pool.db");
    const struct timespec *seen = &client->pool_seen, *now = &status.st_mtim;
    bool changed =
        stat(path, &status) == 0 && (seen->tv_sec != now->tv_sec || seen->tv_nsec != now->tv_nsec);
    if (changed) {
        sqlite3 *db = open_database(client->bench, "dc2/app/pool.db");
        client->closed = ask(db, is_closed) > 0;
        client->pool_seen = *now;
        sqlite3_close(db);
    }
    bsc_mem_free(path);
    return client->closed;
}

/* Whether the copy that is to take over takes log backups. */
static bool has_heir(const struct fault_bench *bench)
{
    static const char role[] = "\"role\":\"restoring\"";
    struct fault_tree tree = {0};
    char *name = bsc_mem_format("%s.state", bench->course->online);
    fault_tree_load_file(&tree, bench->site, name);
    const struct fault_file *file = fault_tree_find(&tree, name);
    bool has = file != NULL && memmem(file->bytes, file->length, role, sizeof role - 1) != NULL;
    fault_tree_release(&tree);
    bsc_mem_free(name);
    return has;
}

static size_t moments(struct fault_client *client)
{
    bool heir = client->heir || has_heir(client->bench);
    client->heir = heir;
    return (size_t)heir + is_pool_closed(client);
}

/* Commits what it has not, where it is let in, and notes what it was told. */
static size_t work(const struct fault_bench *bench, size_t commits)
{
    if (!fault_judge_is_open(bench, bench->course->other))
        return commits;
    sqlite3 *db = open_database(bench, bench->course->other);
    sqlite3 *ledger = open_database(bench, "dc2/app/ledger.db");
    int64_t wanted = (BEFORE + (int64_t)commits) * EACH, there = ask(db, count_messages);
    while (there >= 0 && there < wanted && tell(db, more_messages))
        there = ask(db, count_messages);
    int64_t known = ask(ledger, count_told);
    while (known >= 0 && known < there && tell(ledger, told))
        known = ask(ledger, count_told);
    sqlite3_close(ledger);
    sqlite3_close(db);
    return there < BEFORE * EACH ? 0 : (size_t)(there / EACH - BEFORE);
}

/* Nothing else is under way then: what the client opens and closes in this process is in nobody's
 * way. */
static bool is_journal(const struct unit_sys_call *call)
{
    static const char journal[] = "/journal.jsonl";
    char link[64], path[LINK_MAX_BYTES];
    if (call->kind != UNIT_SYS_FDATASYNC)
        return false;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", call->fd);
    ssize_t length = readlink(link, path, sizeof path);
    return length >= (ssize_t)sizeof journal &&
           memcmp(path + length - (sizeof journal - 1), journal, sizeof journal - 1) == 0;
}

void fault_client_look(struct fault_client *client, const struct unit_sys_call *call)
{
    const size_t commits = client->bench->course->commits;
    size_t due = client->done < commits && is_journal(call) ? moments(client) : 0;
    if (due > client->done)
        client->done = work(client->bench, due);
}

size_t fault_client_told(const struct fault_bench *bench)
{
    char *count = fault_judge_ask(bench, "dc2/app/ledger.db", count_told);
    long known = count != NULL ? strtol(count, NULL, 10) : 0;
    bsc_mem_free(count);
    return known < BEFORE * EACH ? 0 : (size_t)(known / EACH - BEFORE);
}

void fault_client_begin(struct fault_bench *bench)
{
    sqlite3 *db = NULL;
    bool ok = sqlite3_open(":memory:", &db) == SQLITE_OK &&
              tell(db, "CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
    for (size_t i = 1; ok && i <= BEFORE + FAULT_COMMITS; i++) {
        sqlite3_stmt *statement = NULL;
        ok = tell(db, more_messages) &&
             sqlite3_prepare_v2(db, FAULT_MESSAGES, -1, &statement, NULL) == SQLITE_OK &&
             sqlite3_step(statement) == SQLITE_ROW;
        if (ok && i >= BEFORE)
            bench->messages[i - BEFORE] =
                bsc_mem_text((const char *)sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
    }
    fault_need(ok, "make", "the messages");
    sqlite3_close(db);
}

void fault_client_end(struct fault_bench *bench)
{
    for (size_t i = 0; i <= FAULT_COMMITS; i++)
        bsc_mem_free(bench->messages[i]);
}
