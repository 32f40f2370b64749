#include "practice.h"

#include "logs/format.h"
#include "logs/header.h"
#include "logs/recover.h"

static bool apply(const struct practice *site, size_t from, size_t count,
                  struct bsc_logs_apply_result *ret, struct bsc_err *err)
{
    struct bsc_logs_apply_order order = practice_apply_order(site);

    order.files = site->files + from;
    order.count = count;
    return bsc_logs_apply(&order, ret, err);
}

static void load(const struct practice *site, struct bsc_logs_state *sidecar)
{
    struct bsc_err err = BSC_ERR_INIT;

    *sidecar = (struct bsc_logs_state)BSC_LOGS_STATE_INIT;
    if (!bsc_logs_state_load(bsc_sys_real(), site->copy, sidecar, &err))
        fail_msg("%s", err.message);
}

static void save(const struct practice *site, const struct bsc_logs_state *sidecar)
{
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_logs_state_save(bsc_sys_real(), site->copy, sidecar, &err));
}

static int64_t lsn_of(const struct practice *site)
{
    struct bsc_logs_state sidecar;
    int64_t lsn;

    load(site, &sidecar);
    lsn = sidecar.lsn;
    bsc_logs_state_release(&sidecar);
    return lsn;
}

static void make_backups(struct practice *site, int count)
{
    for (int i = 0; i < count; i++) {
        practice_commit(site, 1 + i % 3);
        practice_back_up(site);
    }
}

static void recover(const struct practice *site)
{
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_recover(bsc_sys_real(), site->copy, NULL, &recovered, &err))
        fail_msg("%s", err.message);
}

static void a_chain_makes_the_copy_equal_to_the_primary(void **state)
{
    struct practice site;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 6);
    practice_sql(site.app, "DELETE FROM message WHERE id % 3 = 0; VACUUM");
    practice_back_up(&site);
    assert_true(apply(&site, 0, site.count, &result, &err));
    assert_int_equal(result.applied, site.count);
    assert_int_equal(result.kept, 0);
    assert_int_equal(result.lsn, site.files[site.count - 1].last_lsn);
    assert_true(result.time_ms > 0);
    assert_true(practice_is_closed(site.copy));
    recover(&site);
    practice_assert_same(site.primary, site.copy);
    practice_close(&site);
}

static void what_the_copy_contains_already_is_kept(void **state)
{
    struct practice site;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 4);
    assert_true(apply(&site, 0, 2, &result, &err));
    assert_true(apply(&site, 0, 4, &result, &err));
    assert_int_equal(result.applied, 2);
    assert_int_equal(result.kept, 2);
    assert_true(apply(&site, 0, 4, &result, &err));
    assert_int_equal(result.applied, 0);
    assert_int_equal(result.kept, 4);
    practice_close(&site);
}

static void assert_names(const struct bsc_err *err, const char *file, int64_t one, int64_t other)
{
    char *first = bsc_mem_format("LSN %lld", (long long)one);
    char *second = bsc_mem_format("%lld", (long long)other);

    assert_non_null(strstr(err->message, file));
    assert_non_null(strstr(err->message, first));
    assert_non_null(strstr(err->message, second));
    free(first);
    free(second);
}

static void a_gap_is_refused_with_the_file_and_both_lsns(void **state)
{
    struct practice site;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 3);
    assert_true(apply(&site, 0, 1, &result, &err));
    assert_false(apply(&site, 2, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_names(&err, site.files[2].name, site.files[2].first_lsn, site.files[0].last_lsn);
    assert_int_equal(lsn_of(&site), site.files[0].last_lsn);
    practice_close(&site);
}

static void an_overlap_is_refused_with_the_file_and_both_lsns(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    practice_commit(&site, 2);
    practice_back_up(&site);
    load(&site, &sidecar);
    sidecar.lsn = site.files[0].first_lsn + 1;
    save(&site, &sidecar);
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_names(&err, site.files[0].name, site.files[0].first_lsn, sidecar.lsn);
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

static void foreign_backups_are_refused(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 1);
    load(&site, &sidecar);
    memset(sidecar.fork, 'a', BSC_LOGS_ID_HEX - 1);
    save(&site, &sidecar);
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "recovery fork"));
    memset(sidecar.database_id, 'b', BSC_LOGS_ID_HEX - 1);
    save(&site, &sidecar);
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_non_null(strstr(err.message, "another database"));
    assert_non_null(strstr(err.message, site.files[0].name));
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

/* Changes one byte of a file in the middle of its body. */
static void damage(const char *path)
{
    int fd = open(path, O_RDWR);
    char byte = 0;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, BSC_LOGS_FORMAT_HEADER + 2000), 1);
    byte ^= 0x20;
    assert_int_equal(pwrite(fd, &byte, 1, BSC_LOGS_FORMAT_HEADER + 2000), 1);
    assert_int_equal(close(fd), 0);
}

static void what_stands_before_a_damaged_backup_is_applied_and_nothing_of_it(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *path = NULL, *good = unit_path(*state, "good"), *wanted = unit_path(*state, "wanted");

    practice_open(&site, *state);
    make_backups(&site, 4);
    path = unit_path(site.share, site.files[2].name);
    practice_copy_file(site.copy, wanted);
    practice_copy_file(path, good);
    damage(path);
    assert_false(apply(&site, 0, 4, &result, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, site.files[2].name));
    assert_int_equal(result.applied, 2);
    load(&site, &sidecar);
    assert_int_equal(sidecar.lsn, site.files[1].last_lsn);
    assert_false(sidecar.applying);
    bsc_logs_state_release(&sidecar);
    practice_copy_file(good, path);
    assert_true(apply(&site, 0, 4, &result, &err));
    recover(&site);
    practice_assert_same(site.primary, site.copy);
    free(path);
    free(good);
    free(wanted);
    practice_close(&site);
}

static void a_backup_that_was_exchanged_after_planning_is_refused(void **state)
{
    struct practice site;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 1);
    site.files[0].sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    site.files[0].sha256 = NULL;
    site.files[0].first_lsn++;
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    practice_close(&site);
}

static void only_copies_that_take_backups_are_written(void **state)
{
    struct practice site;
    struct bsc_logs_apply_order order;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 1);
    order = practice_apply_order(&site);
    assert_true(bsc_logs_apply(&order, &result, &err));
    recover(&site);
    assert_false(bsc_logs_apply(&order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    practice_close(&site);
}

static void a_log_of_an_earlier_life_is_renamed_before_anything_is_written(void **state)
{
    struct practice site;
    char *wal = NULL, *primary_wal = NULL;
    int before;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    wal = bsc_logs_path_wal(site.copy);
    primary_wal = bsc_logs_path_wal(site.primary);
    /* With this log beside it SQLite would read page 1 there, which says that all may come in. */
    practice_copy_file(primary_wal, wal);
    practice_back_up(&site);
    before = unit_entry_count(*state);
    practice_apply(&site);
    assert_null(unit_file_get(wal, NULL));
    assert_int_equal(unit_entry_count(*state), before);
    assert_true(practice_is_closed(site.copy));
    free(wal);
    free(primary_wal);
    practice_close(&site);
}

static void read_standby(const char *path)
{
    static sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "SELECT count(*) FROM message", NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
}

static void make_standby(const struct practice *site)
{
    struct bsc_logs_state sidecar;
    struct bsc_err err = BSC_ERR_INIT;

    load(site, &sidecar);
    sidecar.role = BSC_LOGS_STANDBY;
    save(site, &sidecar);
    bsc_logs_state_release(&sidecar);
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site->copy, BSC_LOGS_MARK_STANDBY, &err));
}

static void a_standby_with_readers_is_not_written_and_one_without_stays_a_standby(void **state)
{
    struct practice site;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *number = NULL;
    pid_t reader;

    practice_open(&site, *state);
    make_backups(&site, 2);
    make_standby(&site);
    reader = practice_child(site.copy, read_standby);
    number = bsc_mem_format("%d", (int)reader);
    assert_false(apply(&site, 0, 2, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, number));
    assert_int_equal(kill(reader, SIGKILL), 0);
    (void)practice_reap(reader);
    assert_true(apply(&site, 0, 2, &result, &err));
    practice_assert_same(site.primary, site.copy);
    free(number);
    practice_close(&site);
}

struct seen {
    int64_t done, total;
    int calls;
    atomic_bool cancel;
};

static void see(void *arg, int64_t done, int64_t total)
{
    struct seen *seen = arg;

    assert_true(done >= seen->done && done <= total);
    seen->done = done;
    seen->total = total;
    seen->calls++;
}

static void progress_ends_with_all_bytes(void **state)
{
    struct practice site;
    struct seen seen = {0};
    struct bsc_logs_apply_order order;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 3);
    order = practice_apply_order(&site);
    order.progress = see;
    order.progress_arg = &seen;
    assert_true(bsc_logs_apply(&order, &result, &err));
    assert_true(seen.calls > 0);
    assert_true(seen.total > 0);
    assert_int_equal(seen.done, seen.total);
    practice_close(&site);
}

static void a_cancelled_run_leaves_a_copy_that_goes_on(void **state)
{
    struct practice site;
    struct seen seen = {0};
    struct bsc_logs_apply_order order;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 3);
    order = practice_apply_order(&site);
    order.cancel = &seen.cancel;
    atomic_store(&seen.cancel, true);
    assert_false(bsc_logs_apply(&order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    atomic_store(&seen.cancel, false);
    assert_true(bsc_logs_apply(&order, &result, &err));
    recover(&site);
    practice_assert_same(site.primary, site.copy);
    practice_close(&site);
}

static void a_backup_larger_than_memory_is_applied(void **state)
{
    struct practice site;

    practice_open(&site, *state);
    practice_sql(site.app, "INSERT INTO message(text) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL "
                           "SELECT i+1 FROM n WHERE i<1500) SELECT hex(randomblob(2000)) FROM n");
    practice_back_up(&site);
    make_backups(&site, 2);
    practice_apply(&site);
    recover(&site);
    practice_assert_same(site.primary, site.copy);
    practice_close(&site);
}

static void backups_of_the_fork_that_followed_ours_are_refused(void **state)
{
    struct practice site, second;
    char *folder = unit_path(*state, "second");
    struct bsc_logs_state sidecar;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    /* The copy is recovered; a copy of the copy, made before, takes what comes after. */
    practice_open(&site, *state);
    make_backups(&site, 2);
    practice_apply(&site);
    assert_int_equal(mkdir(folder, 0700), 0);
    second = (struct practice){.primary = unit_path(*state, "copy.db"),
                               .share = unit_path(folder, "share"),
                               .copy = unit_path(folder, "copy.db")};
    assert_int_equal(mkdir(second.share, 0700), 0);
    practice_copy_file(site.copy, second.copy);
    load(&site, &sidecar);
    save(&second, &sidecar);
    bsc_logs_state_release(&sidecar);
    recover(&site);
    assert_int_equal(sqlite3_open(second.primary, &second.app), SQLITE_OK);
    practice_sql(second.app, "PRAGMA wal_autocheckpoint=0");
    practice_commit(&second, 2);
    practice_back_up(&second);
    practice_commit(&second, 1);
    practice_back_up(&second);
    assert_false(apply(&second, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "recovery fork"));
    free(folder);
    practice_close(&second);
    practice_close(&site);
}

static void a_part_of_what_a_killed_run_wrote_is_not_enough(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    make_backups(&site, 3);
    load(&site, &sidecar);
    sidecar.applying = true;
    sidecar.applying_first = sidecar.lsn;
    sidecar.applying_last = site.files[1].last_lsn;
    save(&site, &sidecar);
    assert_false(apply(&site, 0, 1, &result, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_int_equal(result.lsn, site.files[0].last_lsn);
    assert_true(apply(&site, 0, 3, &result, &err));
    assert_int_equal(result.kept, 1);
    bsc_logs_state_release(&sidecar);
    load(&site, &sidecar);
    assert_false(sidecar.applying);
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_chain_makes_the_copy_equal_to_the_primary),
        UNIT_IN_FOLDER(what_the_copy_contains_already_is_kept),
        UNIT_IN_FOLDER(a_gap_is_refused_with_the_file_and_both_lsns),
        UNIT_IN_FOLDER(an_overlap_is_refused_with_the_file_and_both_lsns),
        UNIT_IN_FOLDER(foreign_backups_are_refused),
        UNIT_IN_FOLDER(what_stands_before_a_damaged_backup_is_applied_and_nothing_of_it),
        UNIT_IN_FOLDER(a_backup_that_was_exchanged_after_planning_is_refused),
        UNIT_IN_FOLDER(only_copies_that_take_backups_are_written),
        UNIT_IN_FOLDER(a_log_of_an_earlier_life_is_renamed_before_anything_is_written),
        UNIT_IN_FOLDER(a_standby_with_readers_is_not_written_and_one_without_stays_a_standby),
        UNIT_IN_FOLDER(progress_ends_with_all_bytes),
        UNIT_IN_FOLDER(a_cancelled_run_leaves_a_copy_that_goes_on),
        UNIT_IN_FOLDER(a_backup_larger_than_memory_is_applied),
        UNIT_IN_FOLDER(backups_of_the_fork_that_followed_ours_are_refused),
        UNIT_IN_FOLDER(a_part_of_what_a_killed_run_wrote_is_not_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
