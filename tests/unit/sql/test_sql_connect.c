#include "sql_fixture.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "hot.h"

#include "fault_odbc.h"

/* Overwrites two bytes of a database's header: its write and read version. */
static void put_versions(const char *path, char write_version, char read_version)
{
    const char versions[2] = {write_version, read_version};
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, versions, 2, 18), 2);
    close(fd);
}

static char *database_with_row(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a INTEGER)");
    run_plain(sql, "INSERT INTO t VALUES (1)");
    bsc_sql_close(sql);
    return path;
}

static void assert_no_open(const char *path, bool read_only, enum bsc_err_code code,
                           const char *cause)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_null(try_open(path, read_only, NULL, &err));
    assert_string_equal(bsc_err_name(err.code), bsc_err_name(code));
    assert_string_equal(err.message, "cannot connect to server \"sql1\"");
    if (strstr(err.cause, cause) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.cause, cause);
}

static void a_missing_database_is_not_created(void **state)
{
    char *path = unit_path(*state, "none.db");
    assert_no_open(path, true, BSC_ERR_NOT_FOUND, "none.db");
    assert_no_open(path, false, BSC_ERR_NOT_FOUND, "none.db");
    assert_int_equal(unit_entry_count(*state), 0);
    free(path);
}

static void what_is_no_ordinary_file_is_not_waited_for(void **state)
{
    char *path = unit_path(*state, "pipe.db");
    char *log = unit_path(*state, "pipe.db-wal");
    assert_int_equal(mkfifo(path, 0600), 0);
    unit_file_put(log, "x", 1); /* with which the database is opened for reading only */
    assert_no_open(path, true, BSC_ERR_INVALID, "not an ordinary file");
    assert_no_open(path, false, BSC_ERR_INVALID, "not an ordinary file");
    free(log);
    free(path);
}

static void a_missing_folder_is_a_server_out_of_reach(void **state)
{
    char *path = unit_path(*state, "gone/a.db");
    assert_no_open(path, true, BSC_ERR_UNREACHABLE, "gone/a.db");
    free(path);
}

static void a_restoring_copy_is_refused(void **state)
{
    char *path = database_with_row(state);
    put_versions(path, 3, 3);
    assert_no_open(path, true, BSC_ERR_REFUSED, "file is not a database");
    assert_no_open(path, false, BSC_ERR_REFUSED, "file is not a database");
    free(path);
}

static void a_standby_can_be_read_but_not_written(void **state)
{
    char *path = database_with_row(state);
    put_versions(path, 3, 1);
    struct bsc_sql *sql = open_good(path, true);
    assert_int_equal(number_of(sql, "SELECT count(*) FROM t"), 1);
    bsc_sql_close(sql);
    sql = open_good(path, false);
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_sql_run(sql, "INSERT INTO t VALUES (2)", NULL, NULL, &result, &err));
    assert_non_null(strstr(err.cause, "readonly database"));
    assert_non_null(strstr(err.hint, "standby"));
    bsc_sql_close(sql);
    free(path);
}

static void a_read_only_connection_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "INSERT INTO t VALUES (2)", "CREATE TABLE u (a)",         "DROP TABLE t",
        "PRAGMA query_only=OFF",    "PRAGMA user_version=7",      "ATTACH 'x.db' AS x",
        "VACUUM INTO 'y.db'",       "SELECT load_extension('z')", "SELECT blob_export(x'00', 'z')",
    };
    char *path = database_with_row(state);
    char *before = unit_file_get(path, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bsc_sql *sql = open_good(path, true);
        struct bsc_sql_result result = {0};
        struct bsc_err err = BSC_ERR_INIT;
        bool changed = bsc_sql_run(sql, texts[i], NULL, NULL, &result, &err);
        /* A driver may take a pragma for a query that gives nothing. */
        assert_true(!changed || strncmp(texts[i], "PRAGMA", 6) == 0);
        bsc_sql_result_release(&result);
        bsc_sql_close(sql);
    }
    char *after = unit_file_get(path, NULL);
    assert_memory_equal(before, after, 4096);
    assert_int_equal(unit_entry_count(*state), 1);
    free(before);
    free(after);
    free(path);
}

static void reading_leaves_no_files_beside_a_closed_wal_database(void **state)
{
    char *path = database_with_row(state);
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "PRAGMA journal_mode=WAL");
    bsc_sql_close(sql);
    assert_int_equal(unit_entry_count(*state), 1);
    sql = open_good(path, true);
    assert_int_equal(number_of(sql, "SELECT count(*) FROM t"), 1);
    bsc_sql_close(sql);
    assert_int_equal(unit_entry_count(*state), 1);
    free(path);
}

/* The log of a server that died is what its last commits are saved from. */
static void reading_keeps_the_log_of_a_dead_writer(void **state)
{
    char *path = database_with_row(state), *copy = unit_path(*state, "b.db");
    char *wal = unit_path(*state, "a.db-wal"), *wal_copy = unit_path(*state, "b.db-wal");
    struct bsc_sql *writer = open_good(path, false);
    run_plain(writer, "PRAGMA journal_mode=WAL");
    run_plain(writer, "INSERT INTO t VALUES (2)");
    size_t length = 0, wal_length = 0, after_length = 0;
    char *bytes = unit_file_get(path, &length), *wal_bytes = unit_file_get(wal, &wal_length);
    bsc_sql_close(writer);
    unit_file_put(copy, bytes, length);
    unit_file_put(wal_copy, wal_bytes, wal_length);
    struct bsc_sql *reader = open_good(copy, true);
    assert_int_equal(number_of(reader, "SELECT count(*) FROM t"), 2);
    bsc_sql_close(reader);
    char *after = unit_file_get(wal_copy, &after_length);
    assert_non_null(after);
    assert_int_equal(after_length, wal_length);
    assert_memory_equal(after, wal_bytes, wal_length);
    free(after);
    free(bytes);
    free(wal_bytes);
    free(wal);
    free(wal_copy);
    free(copy);
    free(path);
}

static void reading_does_not_take_back_the_change_of_a_killed_writer(void **state)
{
    char *path = database_with_row(state);
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql *before = open_good(path, true);
    assert_int_equal(number_of(before, "SELECT count(*) FROM t"), 1);
    assert_true(bsc_sql_reusable(before));
    struct unit_hot hot;
    unit_hot_make(&hot, path, "DELETE FROM t");
    assert_null(try_open(path, true, NULL, &err));
    assert_int_equal(err.code, BSC_ERR_UNSETTLED);
    assert_false(bsc_sql_reusable(before));
    bsc_sql_close(before);
    unit_hot_assert_untouched(&hot);
    unit_hot_release(&hot);
    free(path);
}

static struct bsc_sql *try_aside(const char *path, struct bsc_err *err)
{
    char *string = bsc_mem_format("Driver=SQLite3;Database={%s}", path);
    struct bsc_sql_options options = {
        .name = "sql1", .connection = string, .read_only = true, .aside = true};
    struct bsc_sql *sql = bsc_sql_open(&options, err);
    bsc_mem_free(string);
    return sql;
}

static void what_a_killed_writer_hides_is_read_aside(void **state)
{
    char *path = database_with_row(state);
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_hot hot;
    unit_hot_make(&hot, path, "DELETE FROM t");
    setenv("TMPDIR", *state, 1);
    struct bsc_sql *sql = try_aside(path, &err);
    assert_non_null(sql);
    assert_int_equal(number_of(sql, "SELECT count(*) FROM t"), 1);
    assert_int_equal(unit_entry_count(*state), 3);
    bsc_sql_close(sql);
    assert_int_equal(unit_entry_count(*state), 2);
    unit_hot_assert_untouched(&hot);
    assert_int_equal(unlink(hot.journal), 0);
    assert_null(try_aside(path, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_int_equal(unit_entry_count(*state), 1);
    unsetenv("TMPDIR");
    unit_hot_release(&hot);
    free(path);
}

static void commits_are_synchronous(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, false);
    assert_int_equal(number_of(sql, "PRAGMA synchronous"), 2);
    assert_string_equal(bsc_sql_product(sql), "SQLite");
    bsc_sql_close(sql);
    free(path);
}

static void a_path_may_hold_every_character_that_a_uri_uses(void **state)
{
    char *path = database_make(state, "a b%41?mode=memory#;{x.db");
    struct bsc_sql *sql = open_good(path, false);
    run_plain(sql, "CREATE TABLE t (a)");
    bsc_sql_close(sql);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_true(found.st_size > 0);
    free(path);
}

static void an_unknown_driver_is_named(void **state)
{
    (void)state;
    struct bsc_sql_options options = {.name = "sql9", .connection = "Driver=NoSuchDriver;UID=x"};
    struct bsc_err err = BSC_ERR_INIT;
    assert_null(bsc_sql_open(&options, &err));
    assert_string_equal(err.sqlstate, "01000");
    assert_non_null(strstr(err.message, "sql9"));
}

static void a_secret_in_a_message_of_the_driver_is_hidden(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    bsc_redactor_add(redactor, "NoSuchDriver", 12);
    struct bsc_sql_options options = {
        .name = "sql9", .connection = "Driver=NoSuchDriver;UID=x", .redactor = redactor};
    struct bsc_err err = BSC_ERR_INIT;
    assert_null(bsc_sql_open(&options, &err));
    assert_null(strstr(err.cause, "NoSuchDriver"));
    bsc_redactor_free(redactor);
}

static void profile_yes(void *self, const char *key, char *text, int size)
{
    snprintf(text, (size_t)size, "%s", strcmp(key, self) == 0 ? "Yes" : "");
}

static void a_pooling_or_tracing_driver_manager_is_refused(void **state)
{
    static const char *const keys[] = {"Pooling", "Trace"};
    char *path = database_make(state, "a.db");
    for (size_t i = 0; i < 2; i++) {
        struct bsc_sql_calls calls = *bsc_sql_calls_real();
        struct bsc_err err = BSC_ERR_INIT;
        calls.self = (void *)(uintptr_t)keys[i];
        calls.profile = profile_yes;
        assert_null(try_open(path, true, &calls, &err));
        assert_int_equal(err.code, BSC_ERR_REFUSED);
        assert_non_null(strstr(err.cause, keys[i]));
        assert_non_null(strstr(err.hint, keys[i]));
    }
    free(path);
}

static SQLRETURN autocommit_off(void *self, SQLHDBC dbc, SQLINTEGER name, SQLUINTEGER *ret)
{
    (void)self;
    (void)dbc;
    (void)name;
    *ret = SQL_AUTOCOMMIT_OFF;
    return SQL_SUCCESS;
}

static void a_driver_without_autocommit_is_refused(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct bsc_err err = BSC_ERR_INIT;
    calls.get_connect_attr = autocommit_off;
    assert_null(try_open(path, true, &calls, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    free(path);
}

static void sqlstates_become_codes(void **state)
{
    static const struct {
        const char *sqlstate;
        enum bsc_err_code code;
        enum bsc_err_retry retry;
    } cases[] = {
        {"08001", BSC_ERR_UNREACHABLE, BSC_RETRY_YES},
        {"08S01", BSC_ERR_UNREACHABLE, BSC_RETRY_YES},
        {"28000", BSC_ERR_DENIED, BSC_RETRY_NO},
        {"HYT00", BSC_ERR_TIMEOUT, BSC_RETRY_YES},
        {"HYT01", BSC_ERR_TIMEOUT, BSC_RETRY_YES},
        {"HY008", BSC_ERR_CANCELLED, BSC_RETRY_NO},
        {"40001", BSC_ERR_SQL, BSC_RETRY_YES},
        {"42000", BSC_ERR_SQL, BSC_RETRY_NO},
    };
    char *path = database_make(state, "a.db");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault_odbc fault;
        struct bsc_err err = BSC_ERR_INIT;
        fault_odbc_init(&fault);
        memcpy(fault.sqlstate, cases[i].sqlstate, 6);
        fault_odbc_arm(&fault, 6, false);
        assert_null(try_open(path, true, &fault.calls, &err));
        assert_string_equal(fault.failed, "SQLDriverConnect");
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
        assert_int_equal(err.native, 4242);
        assert_int_equal(err.retryable, cases[i].retry);
        assert_string_equal(err.cause, "cannot log in: injected");
    }
    free(path);
}

/* Who takes a connection of this process and looks at the other end of it. */
struct porter {
    int listener;
    in_port_t port;
    int timeout_ms;
    int idle_s;
};

static void look_at(struct porter *porter, int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer, size = sizeof(int);
    if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0 || peer.sin_family != AF_INET ||
        peer.sin_port != porter->port)
        return;
    getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &porter->timeout_ms, &size);
    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &porter->idle_s, &size);
}

static void *take_and_look(void *arg)
{
    struct porter *porter = arg;
    struct pollfd caller = {.fd = porter->listener, .events = POLLIN};
    if (poll(&caller, 1, 60000) <= 0)
        return NULL;
    int taken = accept(porter->listener, NULL, NULL);
    for (int fd = 0; fd < 256; fd++)
        look_at(porter, fd);
    close(taken);
    return NULL;
}

static void a_silent_server_is_not_waited_for_for_ever(void **state)
{
    struct porter porter = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    struct bsc_err err = BSC_ERR_INIT;
    pthread_t thread;
    (void)state;
    assert_int_equal(bind(porter.listener, (struct sockaddr *)&name, length), 0);
    assert_int_equal(listen(porter.listener, 1), 0);
    assert_int_equal(getsockname(porter.listener, (struct sockaddr *)&name, &length), 0);
    porter.port = name.sin_port;
    assert_int_equal(pthread_create(&thread, NULL, take_and_look, &porter), 0);
    char *connection = bsc_mem_format("Driver=PostgreSQL Unicode;Servername=127.0.0.1;Port=%u;"
                                      "UID=x;Database=x;SSLmode=disable",
                                      (unsigned)ntohs(name.sin_port));
    const struct bsc_sql_options options = {.name = "sql1", .connection = connection};
    assert_null(bsc_sql_open(&options, &err));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(porter.timeout_ms, 30000);
    assert_int_equal(porter.idle_s, 10);
    bsc_mem_free(connection);
    close(porter.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_missing_database_is_not_created),
        UNIT_IN_FOLDER(what_is_no_ordinary_file_is_not_waited_for),
        UNIT_IN_FOLDER(a_missing_folder_is_a_server_out_of_reach),
        UNIT_IN_FOLDER(a_restoring_copy_is_refused),
        UNIT_IN_FOLDER(a_standby_can_be_read_but_not_written),
        UNIT_IN_FOLDER(a_read_only_connection_changes_nothing),
        UNIT_IN_FOLDER(reading_leaves_no_files_beside_a_closed_wal_database),
        UNIT_IN_FOLDER(reading_keeps_the_log_of_a_dead_writer),
        UNIT_IN_FOLDER(reading_does_not_take_back_the_change_of_a_killed_writer),
        UNIT_IN_FOLDER(what_a_killed_writer_hides_is_read_aside),
        UNIT_IN_FOLDER(commits_are_synchronous),
        UNIT_IN_FOLDER(a_path_may_hold_every_character_that_a_uri_uses),
        cmocka_unit_test(an_unknown_driver_is_named),
        cmocka_unit_test(a_secret_in_a_message_of_the_driver_is_hidden),
        UNIT_IN_FOLDER(a_pooling_or_tracing_driver_manager_is_refused),
        UNIT_IN_FOLDER(a_driver_without_autocommit_is_refused),
        UNIT_IN_FOLDER(sqlstates_become_codes),
        cmocka_unit_test(a_silent_server_is_not_waited_for_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
