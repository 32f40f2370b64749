#include "fault.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "logs/agent.h"
#include "logs/backup.h"
#include "logs/shipping.h"

static const char site_text[] =
    "site: fault\n"
    "data_centres: { dc1: { title: Atlanta }, dc2: { title: Boston } }\n"
    "servers:\n"
    "  sql1: { data_centre: dc1, platform: sqlite, folder: dc1/sql1,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=500\" }\n"
    "  sql2: { data_centre: dc1, platform: sqlite, folder: dc1/sql2,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=500\" }\n"
    "  sql3: { data_centre: dc2, platform: sqlite, folder: dc2/sql3,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=500\" }\n"
    "  sql4: { data_centre: dc2, platform: sqlite, folder: dc2/sql4,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=500\" }\n"
    "  app: { data_centre: dc2, platform: sqlite, folder: dc2/app,\n"
    "         connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=500\" }\n"
    "  chat1: { data_centre: dc1 }\n"
    "  chat5: { data_centre: dc2 }\n"
    "databases:\n"
    "  mgc:\n"
    "    primary: { server: sql1, file: mgc.db, salvage: rescued/sql1/mgc.db }\n"
    "    mirror: { server: sql2, file: mgc.db }\n"
    "    secondary: { server: sql3, file: mgc.db }\n"
    "    secondary_mirror: { server: sql4, file: mgc.db }\n"
    "    log_shipping: { share: backups/mgc, destination: dc2/sql3/copied,\n"
    "                    destination_limit: 64MiB }\n"
    "    loss_check: { server: app, file: ledger.db,\n"
    "                  known: \"SELECT count(*) FROM acknowledged\",\n"
    "                  kept: \"SELECT count(*) FROM message\" }\n"
    "pools:\n"
    "  chat: { driver: table, server: app, file: pool.db, table: pool, database: mgc,\n"
    "          maximum_active: 4, servers: [chat1, chat5] }\n";

static const char pool_schema[] =
    "CREATE TABLE pool (name TEXT PRIMARY KEY, state TEXT NOT NULL, active_servers TEXT NOT NULL,"
    " version INTEGER NOT NULL);"
    "CREATE TABLE told (state TEXT, active_servers TEXT, version INTEGER);"
    "CREATE TRIGGER tell AFTER UPDATE ON pool BEGIN"
    " INSERT INTO told VALUES (new.state, new.active_servers, new.version); END;"
    "INSERT INTO pool VALUES ('chat', 'Normal', 'chat1', 1)";

static const char ledger_schema[] = "CREATE TABLE acknowledged (id INTEGER PRIMARY KEY);"
                                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n"
                                    " WHERE i < 240) INSERT INTO acknowledged SELECT i FROM n";

static const char chat_schema[] =
    "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
    "CREATE INDEX message_text ON message (text)";

static const char more_messages[] = FAULT_MORE_MESSAGES;

static char *path_in(const struct fault_bench *bench, const char *name)
{
    return bsc_mem_format("%s/%s", bench->site, name);
}

void fault_site_folder(const struct fault_bench *bench, const char *name)
{
    char *path = path_in(bench, name);
    fault_need(mkdir(path, 0700) == 0, "make folder", path);
    bsc_mem_free(path);
}

void fault_site_text(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fault_need(fd >= 0 && write(fd, text, length) == (ssize_t)length, "write", path);
    close(fd);
}

static void run_sql(sqlite3 *db, const char *sql)
{
    fault_need(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(db), sql);
}

static sqlite3 *open_database(const struct fault_bench *bench, const char *name)
{
    char *path = path_in(bench, name);
    sqlite3 *db = NULL;
    fault_need(sqlite3_open(path, &db) == SQLITE_OK, "open", path);
    bsc_mem_free(path);
    return db;
}

void fault_site_database(const struct fault_bench *bench, const char *name, const char *sql)
{
    sqlite3 *db = open_database(bench, name);
    run_sql(db, sql);
    sqlite3_close(db);
}

/* A site in the middle of its life. */
struct living {
    const struct fault_bench *bench;
    sqlite3 *app; /* the application's connection */
    struct bsc_logs_guard *guard;
    char *primary;
    char *secondary;
    char *share;
    char *copied;
};

static void seed(const struct living *site)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;
    struct bsc_logs_seed_order order = {.sys = bsc_sys_real(),
                                        .clock = bsc_clock_real(),
                                        .db = site->primary,
                                        .share = site->share,
                                        .name = "mgc",
                                        .copy = site->secondary};
    struct bsc_logs_job job = {site->share, site->copied, 60000};
    fault_need(bsc_logs_seed(&order, &lsn, &bytes, &err) &&
                   bsc_logs_ship(bsc_sys_real(), site->secondary, &job, &err),
               "begin log shipping", err.message);
}

static void back_up(const struct living *site)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = bsc_sys_real(),
                                          .clock = bsc_clock_real(),
                                          .db = site->primary,
                                          .share = site->share,
                                          .name = "mgc",
                                          .guard = site->guard};
    run_sql(site->app, more_messages);
    fault_need(bsc_logs_backup_take(&order, &backup, &err) && backup.taken, "back up", err.message);
    bsc_logs_backup_release(&backup);
}

static void copy_and_apply(const struct living *site)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_agent_round round = {0};
    fault_need(bsc_logs_agent_copy_apply(bsc_sys_real(), site->secondary, NULL, &round, &err) &&
                   round.applied > 0,
               "apply", err.message);
}

void fault_site_copy(const struct fault_bench *bench, const char *from, const char *to)
{
    struct fault_tree tree = {0};
    char *target = path_in(bench, to);
    fault_tree_load(&tree, bench->site);
    const struct fault_file *file = fault_tree_find(&tree, from);
    fault_need(file != NULL, "find", from);
    fault_site_text(target, file->bytes, file->length);
    const struct timespec times[2] = {file->status.st_atim, file->status.st_mtim};
    fault_need(utimensat(AT_FDCWD, target, times, 0) == 0, "set the time of", target);
    bsc_mem_free(target);
    fault_tree_release(&tree);
}

/* The moment before: all databases in one piece, as their own programs left them. */
static void remember_alive(struct fault_bench *bench)
{
    fault_tree_load(&bench->alive, bench->site);
}

/* The data centre burns down; the disk of its database server is dug out, as it was at that
 * moment. */
static void lose_primary(const struct living *site)
{
    char *dc1 = path_in(site->bench, "dc1");
    fault_site_copy(site->bench, "dc1/sql1/mgc.db", "rescued/sql1/mgc.db");
    fault_site_copy(site->bench, "dc1/sql1/mgc.db-wal", "rescued/sql1/mgc.db-wal");
    fault_site_copy(site->bench, "dc1/sql1/mgc.db.state", "rescued/sql1/mgc.db.state");
    bsc_logs_guard_close(site->guard);
    sqlite3_close(site->app);
    fault_tree_remove(dc1);
    bsc_mem_free(dc1);
}

/* Some backups are applied, some lie on the share alone, and the newest messages are in none. */
static void live_and_break(struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct living site = {.bench = bench,
                          .primary = path_in(bench, "dc1/sql1/mgc.db"),
                          .secondary = path_in(bench, "dc2/sql3/mgc.db"),
                          .share = path_in(bench, "backups/mgc"),
                          .copied = path_in(bench, "dc2/sql3/copied")};
    site.app = open_database(bench, "dc1/sql1/mgc.db");
    run_sql(site.app, chat_schema);
    run_sql(site.app, more_messages);
    fault_need(bsc_logs_shipping_begin(bsc_sys_real(), site.primary, &err), "ship", err.message);
    site.guard = bsc_logs_guard_open(bsc_sys_real(), site.primary, &err);
    fault_need(site.guard != NULL, "guard", err.message);
    seed(&site);
    back_up(&site);
    copy_and_apply(&site);
    back_up(&site);
    back_up(&site);
    run_sql(site.app, more_messages);
    run_sql(site.app, more_messages);
    remember_alive(bench);
    lose_primary(&site);
    bsc_mem_free(site.primary);
    bsc_mem_free(site.secondary);
    bsc_mem_free(site.share);
    bsc_mem_free(site.copied);
}

void fault_site_make(struct fault_bench *bench)
{
    static const char *const folders[] = {
        "dc1",     "dc1/sql1", "dc2",         "dc2/sql3", "dc2/sql3/copied", "dc2/sql4",
        "dc2/app", "backups",  "backups/mgc", "rescued",  "rescued/sql1"};
    char *yaml = path_in(bench, "site.yaml");
    fault_tree_remove(bench->site);
    fault_need(mkdir(bench->site, 0700) == 0, "make folder", bench->site);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        fault_site_folder(bench, folders[i]);
    fault_site_text(yaml, site_text, sizeof site_text - 1);
    fault_site_database(bench, "dc2/app/pool.db", pool_schema);
    fault_site_database(bench, "dc2/app/ledger.db", ledger_schema);
    live_and_break(bench);
    fault_tree_load(&bench->before, bench->site);
    bsc_mem_free(yaml);
}

void fault_site_close(const struct fault_bench *bench, const char *name)
{
    static const char closed[] = {3, 3};
    char *path = path_in(bench, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    fault_need(fd >= 0 && pwrite(fd, closed, sizeof closed, 18) == (ssize_t)sizeof closed, "close",
               path);
    close(fd);
    bsc_mem_free(path);
}
