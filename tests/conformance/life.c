#include "life.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "logs/agent.h"
#include "logs/backup.h"
#include "logs/shipping.h"

enum { FEW = 5, MANY = 70 };

struct conform_life {
    const struct conform_bench *bench; /* borrowed */
    struct fault_tree few[FEW + 1][2]; /* by backups, without and with a tail */
    struct fault_tree many[2];         /* lived only when asked for: it takes a while */
    bool lived_many;
};

static const char chat_schema[] =
    "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";

static const char more_messages[] =
    "INSERT INTO message WITH RECURSIVE n(i) AS (SELECT coalesce(max(id), 0) + 1 FROM message"
    " UNION ALL SELECT i+1 FROM n WHERE i % 20 <> 0)"
    " SELECT i, 'line ' || i || ' of ' || (i * 7919 % 1000) FROM n";

/* While it lives. */
struct living {
    sqlite3 *app; /* the application's connection */
    struct bsc_logs_guard *guard;
    char *primary; /* owned paths */
    char *secondary;
    char *share;
    char *copied;
};

static void run_sql(sqlite3 *db, const char *sql)
{
    conform_need(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(db), sql);
}

static void make_folders(const struct conform_bench *bench)
{
    static const char *const names[] = {"",
                                        "/dc1",
                                        "/dc1/sql1",
                                        "/dc1/sql2",
                                        "/dc2",
                                        "/dc2/sql3",
                                        "/dc2/sql3/copied",
                                        "/dc2/sql4",
                                        "/dc2/app",
                                        "/backups",
                                        "/backups/mgc",
                                        "/rescued",
                                        "/rescued/sql1"};
    fault_tree_remove(bench->site);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = bsc_mem_format("%s%s", bench->site, names[i]);
        conform_need(mkdir(path, 0700) == 0, "make folder", path);
        bsc_mem_free(path);
    }
}

static void ship(struct living *living)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;
    struct bsc_logs_seed_order order = {.sys = bsc_sys_real(),
                                        .clock = bsc_clock_real(),
                                        .db = living->primary,
                                        .share = living->share,
                                        .name = "mgc",
                                        .copy = living->secondary};
    struct bsc_logs_job job = {living->share, living->copied, 60000};
    conform_need(bsc_logs_shipping_begin(bsc_sys_real(), living->primary, &err), "begin shipping",
                 err.message);
    living->guard = bsc_logs_guard_open(bsc_sys_real(), living->primary, &err);
    conform_need(living->guard != NULL && bsc_logs_seed(&order, &lsn, &bytes, &err) &&
                     bsc_logs_ship(bsc_sys_real(), living->secondary, &job, &err),
                 "make the secondary", err.message);
}

static void begin(struct living *living, const struct conform_bench *bench)
{
    make_folders(bench);
    living->primary = bsc_mem_format("%s/dc1/sql1/mgc.db", bench->site);
    living->secondary = bsc_mem_format("%s/dc2/sql3/mgc.db", bench->site);
    living->share = bsc_mem_format("%s/backups/mgc", bench->site);
    living->copied = bsc_mem_format("%s/dc2/sql3/copied", bench->site);
    conform_need(sqlite3_open(living->primary, &living->app) == SQLITE_OK, "open", living->primary);
    run_sql(living->app, chat_schema);
    run_sql(living->app, more_messages);
    ship(living);
}

static void back_up(struct living *living)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = bsc_sys_real(),
                                          .clock = bsc_clock_real(),
                                          .db = living->primary,
                                          .share = living->share,
                                          .name = "mgc",
                                          .guard = living->guard};
    run_sql(living->app, more_messages);
    conform_need(bsc_logs_backup_take(&order, &backup, &err) && backup.taken, "back up",
                 err.message);
    bsc_logs_backup_release(&backup);
}

static void end(struct living *living)
{
    bsc_logs_guard_close(living->guard);
    sqlite3_close(living->app);
    bsc_mem_free(living->primary);
    bsc_mem_free(living->secondary);
    bsc_mem_free(living->share);
    bsc_mem_free(living->copied);
}

/* Keeps this moment without and, after two more commits, with a tail. */
static void keep(struct living *living, const struct conform_bench *bench,
                 struct fault_tree trees[2])
{
    fault_tree_load(&trees[0], bench->site);
    run_sql(living->app, more_messages);
    run_sql(living->app, more_messages);
    fault_tree_load(&trees[1], bench->site);
}

static void live_few(struct conform_life *life)
{
    struct living living = {0};
    begin(&living, life->bench);
    keep(&living, life->bench, life->few[0]);
    for (unsigned i = 1; i <= FEW; i++) {
        back_up(&living);
        keep(&living, life->bench, life->few[i]);
    }
    end(&living);
}

static void live_many(struct conform_life *life)
{
    struct living living = {0};
    begin(&living, life->bench);
    for (unsigned i = 0; i < MANY; i++)
        back_up(&living);
    keep(&living, life->bench, life->many);
    end(&living);
    life->lived_many = true;
}

struct conform_life *conform_life_new(const struct conform_bench *bench)
{
    struct conform_life *life = bsc_mem_new(1, sizeof *life);
    life->bench = bench;
    live_few(life);
    return life;
}

void conform_life_free(struct conform_life *life)
{
    for (unsigned i = 0; i <= FEW; i++) {
        fault_tree_release(&life->few[i][0]);
        fault_tree_release(&life->few[i][1]);
    }
    fault_tree_release(&life->many[0]);
    fault_tree_release(&life->many[1]);
    bsc_mem_free(life);
}

const struct fault_tree *conform_life_at(struct conform_life *life, unsigned backups, bool tail)
{
    if (backups <= FEW)
        return &life->few[backups][tail];
    if (!life->lived_many)
        live_many(life);
    return &life->many[tail];
}
