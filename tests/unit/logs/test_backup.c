#include "practice.h"

#include <errno.h>

#include "fault_sys.h"
#include "logs/agent.h"
#include "logs/chain.h"
#include "logs/shipping.h"

static bool take_with(struct practice *site, const struct bsc_sys *sys, struct bsc_logs_backup *ret,
                      struct bsc_err *err)
{
    const struct bsc_logs_backup_order order = {.sys = sys,
                                                .clock = bsc_clock_real(),
                                                .db = site->primary,
                                                .share = site->share,
                                                .guard = site->guard};
    *err = (struct bsc_err)BSC_ERR_INIT;
    return bsc_logs_backup_take(&order, ret, err);
}

static bool take(struct practice *site, struct bsc_err *err)
{
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    bool ok = take_with(site, bsc_sys_real(), &backup, err);
    bsc_logs_backup_release(&backup);
    return ok;
}

static void take_well(struct practice *site)
{
    struct bsc_err err;
    if (!take(site, &err))
        fail_msg("%s / %s", err.message, err.cause);
}

/* The share's backups are one whole chain, and applied they are the primary. */
static void assert_share_is_whole(struct practice *site, const char *folder)
{
    struct bsc_logs_agent_round round = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *destination = unit_path(folder, "copied");
    const struct bsc_logs_job job = {
        .share = site->share, .destination = destination, .interval_ms = 1};
    char *as_primary = unit_path(folder, "as-primary.db");
    assert_true(bsc_logs_ship(bsc_sys_real(), site->copy, &job, &err));
    if (!bsc_logs_agent_copy_apply(bsc_sys_real(), site->copy, NULL, &round, &err))
        fail_msg("%s / %s", err.message, err.cause);
    assert_string_equal(round.problem, "");
    practice_copy_file(site->copy, as_primary);
    int fd = open(as_primary, O_RDWR);
    assert_int_equal(pwrite(fd, "\1\1", 2, 18), 2);
    assert_int_equal(close(fd), 0);
    practice_assert_same(site->primary, as_primary);
    free(as_primary);
    free(destination);
}

static void nothing_new_makes_no_backup(void **state)
{
    struct practice site;
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_err err;
    practice_open(&site, *state);
    assert_true(take_with(&site, bsc_sys_real(), &backup, &err));
    assert_false(backup.taken);
    assert_int_equal(unit_entry_count(site.share), 0);
    practice_commit(&site, 2);
    assert_true(take_with(&site, bsc_sys_real(), &backup, &err));
    assert_true(backup.taken);
    assert_int_equal(backup.commits, 2);
    assert_true(backup.log_settled);
    bsc_logs_backup_release(&backup);
    assert_true(take_with(&site, bsc_sys_real(), &backup, &err));
    assert_false(backup.taken);
    practice_close(&site);
}

static void the_log_is_used_again_after_a_backup(void **state)
{
    struct practice site;
    struct stat first = {0}, later = {0};
    char *wal = unit_path(*state, "primary.db-wal");
    practice_open(&site, *state);
    practice_commit(&site, 5);
    take_well(&site);
    assert_int_equal(stat(wal, &first), 0);
    for (int i = 0; i < 10; i++) {
        practice_sql(site.app, "UPDATE message SET text='same' WHERE id<5");
        take_well(&site);
    }
    assert_int_equal(stat(wal, &later), 0);
    assert_int_equal(later.st_size, first.st_size);
    assert_share_is_whole(&site, *state);
    practice_close(&site);
    free(wal);
}

static void a_reader_that_stays_only_delays_the_reuse(void **state)
{
    struct practice site;
    sqlite3 *reader = NULL;
    practice_open(&site, *state);
    assert_int_equal(sqlite3_open(site.primary, &reader), SQLITE_OK);
    practice_sql(reader, "BEGIN; SELECT count(*) FROM message");
    for (int i = 0; i < 5; i++) {
        practice_commit(&site, 2);
        take_well(&site);
    }
    practice_sql(reader, "COMMIT");
    practice_commit(&site, 2);
    take_well(&site);
    practice_commit(&site, 2);
    take_well(&site);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_share_is_whole(&site, *state);
    practice_close(&site);
}

static void frames_lost_to_a_foreign_checkpoint_break_the_chain_loudly(void **state)
{
    struct practice site;
    struct bsc_err err;
    practice_open(&site, *state);
    practice_commit(&site, 1);
    take_well(&site);
    practice_commit(&site, 3);
    practice_sql(site.app, "PRAGMA wal_checkpoint(TRUNCATE)");
    practice_commit(&site, 1);
    int before = unit_entry_count(site.share);
    assert_false(take(&site, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "is broken after LSN"));
    assert_int_equal(unit_entry_count(site.share), before);
    /* Under shipping again it has a new fork, which no old copy fits. */
    struct bsc_logs_state old = BSC_LOGS_STATE_INIT, new = BSC_LOGS_STATE_INIT;
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.primary, &old, &err));
    assert_true(bsc_logs_shipping_begin(bsc_sys_real(), site.primary, &err));
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.primary, &new, &err));
    assert_string_equal(old.database_id, new.database_id);
    assert_string_not_equal(old.fork, new.fork);
    assert_true(new.lsn > old.lsn);
    practice_commit(&site, 1);
    take_well(&site);
    bsc_logs_state_release(&old);
    bsc_logs_state_release(&new);
    practice_close(&site);
}

static void the_last_client_may_leave_when_nothing_is_left_to_back_up(void **state)
{
    struct practice site;
    practice_open(&site, *state);
    practice_commit(&site, 3);
    take_well(&site);
    assert_int_equal(sqlite3_close(site.app), SQLITE_OK); /* removes the log */
    assert_int_equal(sqlite3_open(site.primary, &site.app), SQLITE_OK);
    practice_sql(site.app, "PRAGMA wal_autocheckpoint=0");
    practice_commit(&site, 3);
    take_well(&site);
    assert_share_is_whole(&site, *state);
    practice_close(&site);
}

static void under_a_guard_the_last_client_may_leave_at_any_time(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    practice_open(&site, *state);
    site.guard = bsc_logs_guard_open(bsc_sys_real(), site.primary, &err);
    assert_non_null(site.guard);
    for (int i = 0; i < 4; i++) {
        practice_commit(&site, 3);
        assert_int_equal(sqlite3_close(site.app), SQLITE_OK);
        if (i % 2 == 0)
            take_well(&site);
        assert_int_equal(sqlite3_open(site.primary, &site.app), SQLITE_OK);
    }
    practice_commit(&site, 3);
    take_well(&site);
    assert_share_is_whole(&site, *state);
    practice_close(&site);
}

/* Makes the commit that SQLite before 3.44 writes without checksums: a transaction that outgrew
 * its cache, went back to a savepoint, and wrote less than before. */
static void commit_after_savepoint(struct practice *site)
{
    practice_sql(site->app,
                 "PRAGMA cache_size=4; BEGIN; SAVEPOINT a;"
                 "INSERT INTO message(text) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 "
                 "FROM n WHERE i<400) SELECT hex(randomblob(200)) FROM n;"
                 "UPDATE message SET text=text||'y';"
                 "ROLLBACK TO a; UPDATE message SET text=text||'z'; COMMIT; PRAGMA cache_size=100");
}

static void commits_that_the_engine_left_without_checksums_are_shipped_too(void **state)
{
    struct practice site;
    practice_open(&site, *state);
    for (int i = 0; i < 6; i++) {
        practice_commit(&site, 2);
        commit_after_savepoint(&site);
        practice_commit(&site, 1);
        take_well(&site);
    }
    assert_share_is_whole(&site, *state);
    practice_close(&site);
}

static void what_cannot_be_read_of_the_log_is_an_error(void **state)
{
    struct practice site;
    struct bsc_err err;
    char *wal = unit_path(*state, "primary.db-wal");
    practice_open(&site, *state);
    practice_commit(&site, 3);
    struct stat st = {0};
    assert_int_equal(stat(wal, &st), 0);
    int fd = open(wal, O_RDWR);
    assert_int_equal(pwrite(fd, "broken", 6, st.st_size - 2000), 6);
    assert_int_equal(close(fd), 0);
    assert_false(take(&site, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_int_equal(unit_entry_count(site.share), 0);
    practice_close(&site);
    free(wal);
}

/* Where the log was used again and nothing proves that it was whole, that is not assumed. */
static void in_doubt_about_a_reset_the_chain_counts_as_broken(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err;
    practice_open(&site, *state);
    practice_sql(site.app, "UPDATE message SET text='short' WHERE id=7");
    take_well(&site);
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.primary, &sidecar, &err));
    assert_true(sidecar.settled.known);
    sidecar.settled.known = false; /* as if the round had died before it said so */
    assert_true(bsc_logs_state_save(bsc_sys_real(), site.primary, &sidecar, &err));
    practice_commit(&site, 20);
    assert_false(take(&site, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

static void a_database_not_under_shipping_is_refused(void **state)
{
    struct practice site;
    struct bsc_err err;
    practice_open(&site, *state);
    char *state_path = bsc_logs_path_state(site.primary);
    assert_int_equal(unlink(state_path), 0);
    assert_false(take(&site, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(state_path);
    practice_close(&site);
}

/* Runs a backup that fails from its n-th call on (or there only), then a good one; the chain must
 * be whole whatever happened. */
static void fail_every_call(const char *folder, bool sticky, int fail_errno)
{
    struct practice site;
    struct unit_sys fault;
    practice_open(&site, folder);
    for (unsigned long n = 1;; n++) {
        struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
        struct bsc_err err;
        int fds = unit_fd_count();
        practice_sql(site.app, "UPDATE message SET text=hex(randomblob(60))");
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, fail_errno, sticky);
        bool ok = take_with(&site, &fault.table, &backup, &err);
        bsc_logs_backup_release(&backup);
        assert_int_equal(unit_fd_count(), fds);
        if (!fault.failed)
            break;
        if (!ok && err.message[0] == '\0')
            fail_msg("call %lu (%s) failed without a message", n, unit_sys_name(fault.failed_kind));
        if (!ok && fail_errno == ENOSPC && fault.failed_kind == UNIT_SYS_PWRITE)
            assert_int_equal(err.code, BSC_ERR_NO_SPACE);
        practice_sweep(folder);
        if (n % 3 == 0)
            practice_sql(site.app, "UPDATE message SET text='later' WHERE id=7");
        take_well(&site);
    }
    assert_share_is_whole(&site, folder);
    practice_close(&site);
}

static void no_single_failing_call_breaks_the_chain(void **state)
{
    fail_every_call(*state, false, ENOSPC);
}

static void no_moment_of_dying_breaks_the_chain(void **state)
{
    fail_every_call(*state, true, EIO);
}

static void no_moment_of_dying_leaves_half_a_seeded_copy(void **state)
{
    struct practice site;
    struct unit_sys fault;
    practice_open(&site, *state);
    char *copy = unit_path(*state, "second.db");
    const struct bsc_logs_seed_order order = {.sys = &fault.table,
                                              .clock = bsc_clock_real(),
                                              .db = site.primary,
                                              .share = site.share,
                                              .copy = copy};
    bool ok = false;
    for (unsigned long n = 1; !ok; n++) {
        assert_true(n < 1000);
        struct bsc_err err = BSC_ERR_INIT;
        int64_t lsn = 0, bytes = 0;
        practice_sweep(*state);
        take_well(&site);
        practice_commit(&site, 1);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, true);
        ok = bsc_logs_seed(&order, &lsn, &bytes, &err);
        /* The name appears when all is ready; only its durability may still be in doubt. */
        if (access(copy, F_OK) == 0) {
            assert_true(practice_is_closed(copy));
            if (!ok)
                assert_int_equal(unlink(copy), 0);
        }
    }
    practice_commit(&site, 2);
    take_well(&site);
    free(site.copy);
    site.copy = copy;
    assert_share_is_whole(&site, *state);
    practice_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(nothing_new_makes_no_backup),
        UNIT_IN_FOLDER(the_log_is_used_again_after_a_backup),
        UNIT_IN_FOLDER(a_reader_that_stays_only_delays_the_reuse),
        UNIT_IN_FOLDER(frames_lost_to_a_foreign_checkpoint_break_the_chain_loudly),
        UNIT_IN_FOLDER(the_last_client_may_leave_when_nothing_is_left_to_back_up),
        UNIT_IN_FOLDER(under_a_guard_the_last_client_may_leave_at_any_time),
        UNIT_IN_FOLDER(commits_that_the_engine_left_without_checksums_are_shipped_too),
        UNIT_IN_FOLDER(what_cannot_be_read_of_the_log_is_an_error),
        UNIT_IN_FOLDER(in_doubt_about_a_reset_the_chain_counts_as_broken),
        UNIT_IN_FOLDER(a_database_not_under_shipping_is_refused),
        UNIT_IN_FOLDER(no_single_failing_call_breaks_the_chain),
        UNIT_IN_FOLDER(no_moment_of_dying_breaks_the_chain),
        UNIT_IN_FOLDER(no_moment_of_dying_leaves_half_a_seeded_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
