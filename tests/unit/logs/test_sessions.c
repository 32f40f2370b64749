#include "practice.h"

#include "logs/sessions.h"

static void make_database(const char *path)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "CREATE TABLE message(id INTEGER PRIMARY KEY, text TEXT)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void hold_shared_lock(const char *path)
{
    static sqlite3 *db;
    static sqlite3_stmt *statement;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "INSERT INTO message(text) VALUES ('a')", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT * FROM message", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        _exit(1);
}

static void only_open(const char *path)
{
    if (open(path, O_RDONLY) < 0)
        _exit(1);
}

static void open_and_ignore_term(const char *path)
{
    (void)signal(SIGTERM, SIG_IGN);
    only_open(path);
}

static void open_nothing(const char *path)
{
    (void)path;
}

static struct bsc_logs_sessions find(const char *path)
{
    struct bsc_logs_sessions sessions = {0};
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_sessions_find(bsc_sys_real(), path, &sessions, &err))
        fail_msg("%s", err.message);
    return sessions;
}

static void nobody_has_a_file_that_nobody_opened(void **state)
{
    char *path = unit_path(*state, "a.db"), *absent = unit_path(*state, "absent.db");

    make_database(path);
    assert_int_equal(find(path).count, 0);
    assert_int_equal(find(absent).count, 0);
    free(path);
    free(absent);
}

static void a_reader_and_an_opener_are_found_in_order_with_their_program(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_logs_sessions sessions;
    pid_t children[2];

    make_database(path);
    children[0] = practice_child(path, hold_shared_lock);
    children[1] = practice_child(path, only_open);
    sessions = find(path);
    assert_int_equal(sessions.count, 2);
    for (int i = 0; i < 2; i++) {
        pid_t pid = sessions.items[i].pid;

        assert_true(pid == children[0] || pid == children[1]);
        assert_non_null(strstr("test_sessions", sessions.items[i].program));
        assert_string_not_equal(sessions.items[i].program, "");
        assert_int_equal(kill(children[i], SIGKILL), 0);
        (void)practice_reap(children[i]);
    }
    assert_true(sessions.items[0].pid < sessions.items[1].pid);
    bsc_logs_sessions_release(&sessions);
    assert_int_equal(find(path).count, 0);
    free(path);
}

static void we_are_never_a_session_ourselves(void **state)
{
    char *path = unit_path(*state, "a.db");
    sqlite3 *db = NULL;

    make_database(path);
    assert_false(bsc_logs_sessions_ours(bsc_sys_real(), path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "BEGIN IMMEDIATE");
    assert_int_equal(find(path).count, 0);
    assert_true(bsc_logs_sessions_ours(bsc_sys_real(), path));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    free(path);
}

static void sessions_are_ended_and_only_those_named(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_logs_sessions left;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t reader, other, stranger, named[2];
    size_t ended = 0;

    make_database(path);
    reader = practice_child(path, hold_shared_lock);
    other = practice_child(path, only_open);
    stranger = practice_child(path, open_nothing);
    named[0] = reader;
    named[1] = stranger;
    assert_true(bsc_logs_sessions_end(bsc_sys_real(), path, named, 2, &ended, &err));
    assert_int_equal(ended, 1);
    assert_int_equal(WTERMSIG(practice_reap(reader)), SIGTERM);
    left = find(path);
    assert_int_equal(left.count, 1);
    assert_int_equal(left.items[0].pid, other);
    assert_int_equal(kill(stranger, 0), 0);
    bsc_logs_sessions_release(&left);
    for (int i = 0; i < 2; i++) {
        pid_t pid = i == 0 ? other : stranger;

        assert_int_equal(kill(pid, SIGKILL), 0);
        (void)practice_reap(pid);
    }
    free(path);
}

static void a_session_that_ignores_the_request_is_killed(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;
    size_t ended = 0;
    pid_t child;

    make_database(path);
    child = practice_child(path, open_and_ignore_term);
    assert_true(bsc_logs_sessions_end(bsc_sys_real(), path, &child, 1, &ended, &err));
    assert_int_equal(ended, 1);
    assert_int_equal(WTERMSIG(practice_reap(child)), SIGKILL);
    free(path);
}

static void a_pid_that_is_gone_counts_as_ended_before(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;
    size_t ended = 9;
    pid_t child;

    make_database(path);
    child = practice_child(path, only_open);
    assert_int_equal(kill(child, SIGKILL), 0);
    (void)practice_reap(child);
    assert_true(bsc_logs_sessions_end(bsc_sys_real(), path, &child, 1, &ended, &err));
    assert_int_equal(ended, 0);
    free(path);
}

static void our_own_pid_is_refused(void **state)
{
    char *path = unit_path(*state, "a.db");
    struct bsc_err err = BSC_ERR_INIT;
    pid_t own = getpid();
    size_t ended = 0;

    make_database(path);
    assert_false(bsc_logs_sessions_end(bsc_sys_real(), path, &own, 1, &ended, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(nobody_has_a_file_that_nobody_opened),
        UNIT_IN_FOLDER(a_reader_and_an_opener_are_found_in_order_with_their_program),
        UNIT_IN_FOLDER(we_are_never_a_session_ourselves),
        UNIT_IN_FOLDER(sessions_are_ended_and_only_those_named),
        UNIT_IN_FOLDER(a_session_that_ignores_the_request_is_killed),
        UNIT_IN_FOLDER(a_pid_that_is_gone_counts_as_ended_before),
        UNIT_IN_FOLDER(our_own_pid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
