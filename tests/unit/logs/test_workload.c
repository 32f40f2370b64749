#include "practice.h"

#include "logs/agent.h"
#include "logs/shipping.h"

enum { CLIENTS = 3, STEPS = 120 };

struct workload {
    struct practice site;
    char *destination;
    sqlite3 *clients[CLIENTS];
    bool reading[CLIENTS];
    unsigned long random;
    bool guarded;
    int taken;
};

/* xorshift: the same seed gives the same run everywhere. */
static unsigned long draw(struct workload *work, unsigned long below)
{
    work->random ^= work->random << 13;
    work->random ^= work->random >> 7;
    work->random ^= work->random << 17;
    return work->random % below;
}

static void open_client(struct workload *work, size_t i)
{
    assert_int_equal(sqlite3_open(work->site.primary, &work->clients[i]), SQLITE_OK);
    practice_sql(work->clients[i], "PRAGMA cache_size=8"); /* spills before the commit */
    practice_sql(work->clients[i], "PRAGMA busy_timeout=0");
    if (!work->guarded)
        practice_sql(work->clients[i], "PRAGMA wal_autocheckpoint=0");
    else
        practice_sql(work->clients[i], "PRAGMA wal_autocheckpoint=7");
}

static void run(sqlite3 *db, const char *format, unsigned long number)
{
    char *sql = sqlite3_mprintf(format, number);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    /* A reader with an old view may not write, and VACUUM may have to wait for ever. */
    if (rc != SQLITE_OK)
        if (rc != SQLITE_OK && rc != SQLITE_BUSY && rc != SQLITE_BUSY_SNAPSHOT &&
            rc != SQLITE_LOCKED)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

#define ROWS                                                                                       \
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<%lu) "                  \
    "SELECT hex(randomblob(i*7%%400)) FROM n"

static void change(struct workload *work, size_t i)
{
    sqlite3 *db = work->clients[i];
    switch (draw(work, 12)) {
    case 0:
        run(db, "BEGIN; INSERT INTO message(text) " ROWS "; ROLLBACK", 1 + draw(work, 300));
        break;
    case 1:
        run(db, "VACUUM; -- %lu", 0);
        break;
    case 2:
        run(db, "DELETE FROM message WHERE id%%10<%lu", draw(work, 9));
        break;
    case 3:
        run(db, "UPDATE message SET text=text||'x' WHERE id%%7=%lu", draw(work, 7));
        break;
    case 4:
        run(db, "CREATE TABLE IF NOT EXISTS t%lu AS SELECT * FROM message", draw(work, 4));
        break;
    case 5:
        run(db, "DROP TABLE IF EXISTS t%lu", draw(work, 4));
        break;
    case 6:
        run(db,
            "BEGIN; SAVEPOINT a; INSERT INTO message(text) " ROWS
            "; ROLLBACK TO a; DELETE FROM message WHERE id%%3=0; COMMIT",
            1 + draw(work, 200));
        break;
    case 7:
        run(db, "INSERT INTO message(text) " ROWS, 1 + draw(work, 2000));
        break;
    case 8:
        run(db, "PRAGMA incremental_vacuum(%lu)", 1 + draw(work, 50));
        break;
    default:
        run(db, "INSERT INTO message(text) " ROWS, 1 + draw(work, 40));
    }
    if (!sqlite3_get_autocommit(db) && !work->reading[i])
        practice_sql(db, "ROLLBACK");
}

static void toggle_reader(struct workload *work, size_t i)
{
    practice_sql(work->clients[i],
                 work->reading[i] ? "ROLLBACK" : "BEGIN; SELECT count(*) FROM message");
    work->reading[i] = !work->reading[i];
}

static void reopen(struct workload *work, size_t i)
{
    work->reading[i] = false;
    assert_int_equal(sqlite3_close(work->clients[i]), SQLITE_OK);
    open_client(work, i);
}

static void back_up(struct workload *work)
{
    const struct bsc_logs_backup_order order = {.sys = bsc_sys_real(),
                                                .clock = bsc_clock_real(),
                                                .db = work->site.primary,
                                                .share = work->site.share,
                                                .guard = work->site.guard};
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_logs_backup_take(&order, &backup, &err))
        fail_msg("%s / %s", err.message, err.cause);
    work->taken += backup.taken;
    bsc_logs_backup_release(&backup);
}

static void ship(struct workload *work)
{
    struct bsc_logs_agent_round round = {0};
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_logs_agent_copy_apply(bsc_sys_real(), work->site.copy, NULL, &round, &err))
        fail_msg("%s / %s", err.message, err.cause);
    assert_string_equal(round.problem, "");
}

static void step(struct workload *work)
{
    size_t i = draw(work, CLIENTS);
    unsigned long what = draw(work, 20);
    if (what < 4)
        back_up(work);
    else if (what < 5)
        ship(work);
    else if (what < 6)
        toggle_reader(work, i);
    else if (what < 7)
        reopen(work, i);
    else if (!work->reading[i])
        change(work, i);
}

/* What a page 1 that no backup held may differ in: the version bytes, and the counters that the
 * engine changes when it makes a full copy. */
static void mask(char *bytes)
{
    memset(bytes + 18, 0, 2);
    memset(bytes + 24, 0, 4);
    memset(bytes + 40, 0, 4);
    memset(bytes + 92, 0, 8);
}

static void assert_pages_equal(const char *primary, const char *copy)
{
    size_t length = 0, copy_length = 0;
    char *bytes = unit_file_get(primary, &length);
    char *copy_bytes = unit_file_get(copy, &copy_length);
    assert_non_null(bytes);
    assert_non_null(copy_bytes);
    mask(bytes);
    mask(copy_bytes);
    assert_int_equal(length, copy_length);
    for (size_t at = 0; at < length; at += 4096)
        if (memcmp(bytes + at, copy_bytes + at, 4096) != 0)
            fail_msg("page %zu differs", at / 4096 + 1);
    free(bytes);
    free(copy_bytes);
}

static void begin(struct workload *work, const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    practice_open(&work->site, folder);
    practice_sql(work->site.app, "PRAGMA auto_vacuum");
    work->destination = unit_path(folder, "copied");
    const struct bsc_logs_job job = {
        .share = work->site.share, .destination = work->destination, .interval_ms = 1000};
    assert_true(bsc_logs_ship(bsc_sys_real(), work->site.copy, &job, &err));
    if (work->guarded) {
        work->site.guard = bsc_logs_guard_open(bsc_sys_real(), work->site.primary, &err);
        assert_non_null(work->site.guard);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        open_client(work, i);
}

static void run_workload(const char *folder, unsigned long seed, bool guarded)
{
    struct workload work = {.random = seed * 2654435761UL + 88172645463325252UL,
                            .guarded = guarded};
    begin(&work, folder);
    for (int i = 0; i < STEPS; i++)
        step(&work);
    for (size_t i = 0; i < CLIENTS; i++)
        if (work.reading[i])
            toggle_reader(&work, i);
    change(&work, 0);
    back_up(&work);
    ship(&work);
    assert_true(work.taken > 5);
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(sqlite3_close(work.clients[i]), SQLITE_OK);
    /* The last to close moves the rest of the log, if any, into the file. */
    char *primary = bsc_mem_text(work.site.primary);
    char *copy = bsc_mem_text(work.site.copy);
    practice_close(&work.site);
    assert_pages_equal(primary, copy);
    free(primary);
    free(copy);
    free(work.destination);
}

static void run_seeds(const char *folder, bool guarded)
{
    for (unsigned long seed = 1; seed <= 4; seed++) {
        char name[32];
        snprintf(name, sizeof name, "seed-%lu", seed);
        char *own = unit_path(folder, name);
        assert_int_equal(mkdir(own, 0700), 0);
        run_workload(own, seed, guarded);
        free(own);
    }
}

static void the_chain_rebuilds_the_database_whatever_its_clients_did(void **state)
{
    run_seeds(*state, false);
}

static void under_a_guard_clients_may_checkpoint_and_leave_as_they_like(void **state)
{
    run_seeds(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_chain_rebuilds_the_database_whatever_its_clients_did),
        UNIT_IN_FOLDER(under_a_guard_clients_may_checkpoint_and_leave_as_they_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
