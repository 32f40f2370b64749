#include "practice.h"

#include "logs/wal.h"

struct log {
    sqlite3 *db;
    char *path; /* of the database */
    char *wal_path;
};

static void open_log(struct log *log, const char *folder)
{
    log->path = unit_path(folder, "a.db");
    log->wal_path = unit_path(folder, "a.db-wal");
    assert_int_equal(sqlite3_open(log->path, &log->db), SQLITE_OK);
    practice_sql(log->db, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                          "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
}

static void close_log(struct log *log)
{
    assert_int_equal(sqlite3_close(log->db), SQLITE_OK);
    free(log->path);
    free(log->wal_path);
}

/* Scans from the beginning; returns the number of committed frames, -1 when it fails. */
static int64_t count(const char *path, int64_t *ret_commits, struct bsc_logs_wal_place *ret_end)
{
    struct bsc_logs_wal wal = BSC_LOGS_WAL_INIT;
    struct bsc_logs_wal_range range = BSC_LOGS_WAL_RANGE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    bool ok = bsc_logs_wal_open(&wal, bsc_sys_real(), path, &err) &&
              bsc_logs_wal_scan(&wal, NULL, 0, 0, &range, &err);
    int64_t frames = ok ? range.frames : -1;
    if (ret_commits != NULL)
        *ret_commits = range.commits;
    if (ret_end != NULL)
        *ret_end = range.end;
    bsc_logs_wal_range_release(&range);
    bsc_logs_wal_release(&wal);
    return frames;
}

static void frames_count_up_to_the_last_commit_only(void **state)
{
    struct log log;
    int64_t commits = 0;
    open_log(&log, *state);
    int64_t before = count(log.wal_path, &commits, NULL);
    assert_int_equal(commits, 2);
    practice_sql(log.db, "PRAGMA cache_size=2; BEGIN; INSERT INTO t WITH RECURSIVE n(i) AS "
                         "(VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<500) "
                         "SELECT randomblob(300) FROM n");
    struct stat spilled = {0};
    assert_int_equal(stat(log.wal_path, &spilled), 0);
    assert_true(spilled.st_size > 32 + (before + 1) * 4120);
    assert_int_equal(count(log.wal_path, NULL, NULL), before);
    practice_sql(log.db, "COMMIT");
    assert_true(count(log.wal_path, &commits, NULL) > before);
    assert_int_equal(commits, 3);
    close_log(&log);
}

static void a_torn_or_changed_tail_is_never_trusted(void **state)
{
    struct log log;
    size_t length = 0;
    open_log(&log, *state);
    char *copy = unit_path(*state, "copy-wal");
    int64_t before = count(log.wal_path, NULL, NULL);
    practice_sql(log.db, "INSERT INTO t VALUES(2)");
    int64_t after = count(log.wal_path, NULL, NULL);
    char *bytes = unit_file_get(log.wal_path, &length);
    size_t known = 32 + (size_t)before * 4120;
    assert_true(after > before);
    for (size_t cut = known; cut < length; cut += 37) {
        unit_file_put(copy, bytes, cut);
        assert_int_equal(count(copy, NULL, NULL), before);
    }
    for (size_t at = known; at < length; at += 41) {
        bytes[at] = (char)(bytes[at] ^ 1);
        unit_file_put(copy, bytes, length);
        assert_int_equal(count(copy, NULL, NULL), before);
        bytes[at] = (char)(bytes[at] ^ 1);
    }
    free(bytes);
    free(copy);
    close_log(&log);
}

static void frames_of_an_older_log_do_not_count(void **state)
{
    struct log log;
    struct stat before = {0}, after = {0};
    open_log(&log, *state);
    for (int i = 0; i < 20; i++)
        practice_sql(log.db, "INSERT INTO t VALUES(3)");
    assert_int_equal(stat(log.wal_path, &before), 0);
    practice_sql(log.db, "PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES(4)");
    assert_int_equal(stat(log.wal_path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    int64_t commits = 0;
    assert_true(count(log.wal_path, &commits, NULL) < 5);
    assert_int_equal(commits, 1);
    close_log(&log);
}

static void a_scan_goes_on_from_a_place_and_only_in_the_same_log(void **state)
{
    struct log log;
    struct bsc_logs_wal wal = BSC_LOGS_WAL_INIT;
    struct bsc_logs_wal_range range = BSC_LOGS_WAL_RANGE_INIT;
    struct bsc_logs_wal_place place = {0}, wrong;
    struct bsc_err err = BSC_ERR_INIT;
    open_log(&log, *state);
    count(log.wal_path, NULL, &place);
    practice_sql(log.db, "INSERT INTO t VALUES(5)");
    assert_true(bsc_logs_wal_open(&wal, bsc_sys_real(), log.wal_path, &err));
    assert_true(bsc_logs_wal_scan(&wal, &place, place.frame, 0, &range, &err));
    assert_int_equal(range.commits, 1);
    assert_int_equal(range.end.frame, place.frame + range.frames);
    bsc_logs_wal_range_release(&range);
    for (int i = 0; i < 4; i++) {
        wrong = place;
        wrong.salt1 ^= i == 0;
        wrong.salt2 ^= i == 1;
        wrong.check1 ^= i == 2;
        wrong.frame -= i == 3;
        assert_false(bsc_logs_wal_scan(&wal, &wrong, wrong.frame, 0, &range, &err));
        assert_int_equal(err.code, BSC_ERR_CONFLICT);
        bsc_logs_wal_range_release(&range);
    }
    assert_false(bsc_logs_wal_scan(&wal, NULL, place.frame + 100, 0, &range, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    bsc_logs_wal_release(&wal);
    close_log(&log);
}

static void no_file_an_empty_one_and_a_torn_header_are_empty_logs(void **state)
{
    char *path = unit_path(*state, "x-wal");
    assert_int_equal(count(path, NULL, NULL), 0);
    unit_file_put(path, "", 0);
    assert_int_equal(count(path, NULL, NULL), 0);
    unit_file_put(path, "\x37\x7f\x06\x82", 4);
    assert_int_equal(count(path, NULL, NULL), 0);
    char zeros[100] = "";
    unit_file_put(path, zeros, sizeof zeros);
    assert_int_equal(count(path, NULL, NULL), 0);
    free(path);
}

static void the_last_image_of_each_page_is_kept(void **state)
{
    struct log log;
    struct bsc_logs_wal wal = BSC_LOGS_WAL_INIT;
    struct bsc_logs_wal_range range = BSC_LOGS_WAL_RANGE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[4096];
    open_log(&log, *state);
    for (int i = 0; i < 50; i++)
        practice_sql(log.db, "INSERT INTO t VALUES(randomblob(200))");
    practice_sql(log.db, "DELETE FROM t; VACUUM");
    assert_true(bsc_logs_wal_open(&wal, bsc_sys_real(), log.wal_path, &err));
    assert_true(bsc_logs_wal_scan(&wal, NULL, 0, 0, &range, &err));
    assert_int_equal(range.db_pages, 2);
    assert_int_equal(range.page_count, 2);
    practice_sql(log.db, "PRAGMA wal_checkpoint(FULL)");
    size_t length = 0;
    char *bytes = unit_file_get(log.path, &length);
    assert_int_equal(length, 2 * 4096);
    for (size_t i = 0; i < range.page_count; i++) {
        assert_int_equal(range.pages[i].page, i + 1);
        assert_true(bsc_logs_wal_read(&wal, range.pages[i].frame, page, &err));
        assert_memory_equal(page, bytes + i * 4096, 4096);
    }
    free(bytes);
    bsc_logs_wal_range_release(&range);
    bsc_logs_wal_release(&wal);
    close_log(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(frames_count_up_to_the_last_commit_only),
        UNIT_IN_FOLDER(a_torn_or_changed_tail_is_never_trusted),
        UNIT_IN_FOLDER(frames_of_an_older_log_do_not_count),
        UNIT_IN_FOLDER(a_scan_goes_on_from_a_place_and_only_in_the_same_log),
        UNIT_IN_FOLDER(no_file_an_empty_one_and_a_torn_header_are_empty_logs),
        UNIT_IN_FOLDER(the_last_image_of_each_page_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
