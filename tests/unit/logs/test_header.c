#include "practice.h"

#include "logs/header.h"

static void make_database(const char *path, const char *mode)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, mode);
    practice_sql(db, "CREATE TABLE message(id INTEGER PRIMARY KEY, text TEXT)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static enum bsc_logs_mark mark_of(const char *path)
{
    struct bsc_logs_db_header header = {0};
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err));
    return header.mark;
}

static bool set(const char *path, enum bsc_logs_mark mark, struct bsc_err *err)
{
    return bsc_logs_db_header_set(bsc_sys_real(), path, mark, err);
}

static void the_mark_of_a_new_database_is_its_journal_mode(void **state)
{
    char *plain = unit_path(*state, "plain.db"), *wal = unit_path(*state, "wal.db");

    make_database(plain, "PRAGMA journal_mode=DELETE");
    make_database(wal, "PRAGMA journal_mode=WAL");
    assert_int_equal(mark_of(plain), BSC_LOGS_MARK_ROLLBACK);
    assert_int_equal(mark_of(wal), BSC_LOGS_MARK_WAL);
    free(plain);
    free(wal);
}

static void a_restoring_mark_turns_every_client_away(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;

    make_database(path, "PRAGMA journal_mode=WAL");
    assert_false(practice_is_closed(path));
    assert_true(set(path, BSC_LOGS_MARK_RESTORING, &err));
    assert_int_equal(mark_of(path), BSC_LOGS_MARK_RESTORING);
    assert_true(practice_is_closed(path));
    assert_true(set(path, BSC_LOGS_MARK_WAL, &err));
    practice_assert_answer(path, "PRAGMA integrity_check", "ok");
    free(path);
}

static void a_standby_mark_lets_clients_read_only(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;
    sqlite3 *db = NULL;

    make_database(path, "PRAGMA journal_mode=DELETE");
    assert_true(set(path, BSC_LOGS_MARK_STANDBY, &err));
    practice_assert_answer(path, "SELECT count(*) FROM message", "0");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "DELETE FROM message", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
}

static void open_and_read(const char *path)
{
    static sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN; SELECT * FROM message", NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
}

static void a_database_in_use_is_not_marked_and_its_user_is_named(void **state)
{
    char *path = unit_path(*state, "a.db"), *number = NULL;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t child;

    make_database(path, "PRAGMA journal_mode=DELETE");
    child = practice_child(path, open_and_read);
    assert_false(set(path, BSC_LOGS_MARK_RESTORING, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    number = bsc_mem_format("%d", (int)child);
    assert_non_null(strstr(err.message, number));
    assert_int_equal(mark_of(path), BSC_LOGS_MARK_ROLLBACK);
    assert_int_equal(kill(child, SIGKILL), 0);
    (void)practice_reap(child);
    assert_true(set(path, BSC_LOGS_MARK_RESTORING, &err));
    free(number);
    free(path);
}

static void a_database_open_in_this_process_is_not_marked(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;
    sqlite3 *db = NULL;

    make_database(path, "PRAGMA journal_mode=DELETE");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "SELECT * FROM message");
    assert_false(set(path, BSC_LOGS_MARK_RESTORING, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
}

/* Runs in a child: whether it can take the write lock of the database. */
static int try_to_write(const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        sqlite3 *db = NULL;
        int rc = sqlite3_open(path, &db);

        if (rc == SQLITE_OK)
            rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        _exit(rc);
    }
    return WEXITSTATUS(practice_reap(pid));
}

static void reading_the_header_leaves_our_own_locks_alone(void **state)
{
    char *path = unit_path(*state, "a.db");
    sqlite3 *db = NULL;

    make_database(path, "PRAGMA journal_mode=DELETE");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "BEGIN IMMEDIATE");
    assert_int_equal(try_to_write(path), SQLITE_BUSY);
    assert_int_equal(mark_of(path), BSC_LOGS_MARK_ROLLBACK);
    assert_int_equal(try_to_write(path), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(try_to_write(path), SQLITE_OK);
    free(path);
}

static void commits_that_are_not_in_the_file_yet_forbid_closing_it(void **state)
{
    char *path = unit_path(*state, "a.db"), *wal = unit_path(*state, "a.db-wal");
    struct bsc_err err = BSC_ERR_INIT;

    make_database(path, "PRAGMA journal_mode=WAL");
    unit_file_put(wal, "frames", 6);
    assert_false(set(path, BSC_LOGS_MARK_RESTORING, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_int_equal(mark_of(path), BSC_LOGS_MARK_WAL);
    free(wal);
    free(path);
}

static void what_is_no_database_is_said_to_be_none(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_logs_db_header header = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char bytes[4096] = "SQLite format 3";

    assert_false(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    unit_file_put(path, "short", 5);
    assert_false(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    bytes[16] = 3; /* a page size of 768 */
    unit_file_put(path, bytes, sizeof bytes);
    assert_false(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, "page size"));
    bytes[0] = 'X';
    unit_file_put(path, bytes, sizeof bytes);
    assert_false(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err));
    assert_non_null(strstr(err.message, "not an SQLite database"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_mark_of_a_new_database_is_its_journal_mode),
        UNIT_IN_FOLDER(a_restoring_mark_turns_every_client_away),
        UNIT_IN_FOLDER(a_standby_mark_lets_clients_read_only),
        UNIT_IN_FOLDER(a_database_in_use_is_not_marked_and_its_user_is_named),
        UNIT_IN_FOLDER(a_database_open_in_this_process_is_not_marked),
        UNIT_IN_FOLDER(reading_the_header_leaves_our_own_locks_alone),
        UNIT_IN_FOLDER(commits_that_are_not_in_the_file_yet_forbid_closing_it),
        UNIT_IN_FOLDER(what_is_no_database_is_said_to_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
