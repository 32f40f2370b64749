#include "sql_fixture.h"

#include "sql/sql_int.h"

static void assert_tuned(const char *string, bool read_only, const char *expected)
{
    struct bsc_buf out;
    struct bsc_err err = BSC_ERR_INIT;
    bool mode_ro = false;
    bsc_buf_init(&out);
    assert_true(bsc_sql_string_tune(string, read_only, &mode_ro, &out, &err));
    assert_int_equal(mode_ro, strstr(expected, "mode=ro") != NULL);
    assert_string_equal(out.data, expected);
    bsc_buf_release(&out);
}

static void other_drivers_get_their_string_as_it_is(void **state)
{
    (void)state;
    assert_tuned("Driver={ODBC Driver 18};Server=a;PWD={x;}}y}", true,
                 "Driver={ODBC Driver 18};Server=a;PWD={x;}}y}");
    assert_tuned("", true, "");
    assert_tuned("DSN", true, "DSN");
}

#define ASKS     "KeepaliveTime=10;KeepaliveInterval=5;"
#define GIVES_UP "pqopt={tcp_user_timeout=30000};"

/* The driver refuses to hear the same twice, whichever of its names it has. */
static void a_postgresql_string_says_when_a_silent_host_is_given_up(void **state)
{
    static const char *const cases[][2] = {
        {ASKS GIVES_UP, "Driver={PostgreSQL Unicode};PWD={pqopt=1;}}y}"},
        {ASKS, "Driver=psqlodbcw.so;pqopt={sslcert=/x}"},
        {ASKS, "Driver=psqlodbcw.so;d5={sslcert=/x}"},
        {ASKS, "Driver=psqlodbcw.so;DSN=pg"},
        {"", "Driver=psqlodbcw.so;pqopt={keepalives_idle=60}"},
        {GIVES_UP, "KEEPALIVETIME=7;Driver={PostgreSQL ANSI}"},
        {GIVES_UP, "Driver={PostgreSQL ANSI};KeepaliveInterval=7"},
        {GIVES_UP, "Driver={PostgreSQL ANSI};D1=7"},
        {GIVES_UP, "Driver={PostgreSQL ANSI};D2=7"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *tuned = bsc_mem_format("%s%s", cases[i][0], cases[i][1]);
        assert_tuned(cases[i][1], true, tuned);
        bsc_mem_free(tuned);
    }
}

static void a_sqlite_string_gets_our_settings(void **state)
{
    char *path = database_make(state, "a b.db");
    char *string =
        bsc_mem_format("driver={SQLite3};timeout=9;NOCREAT=no;Database=%s;FKSupport=1;", path);
    char *expected = bsc_mem_format("NoCreat=Yes;Timeout=1;SyncPragma=FULL;Database=file:%s/"
                                    "a%%20b.db?mode=rw;driver={SQLite3};FKSupport=1;",
                                    (char *)*state);
    assert_tuned(string, false, expected);
    bsc_mem_free(string);
    bsc_mem_free(expected);
    free(path);
}

static void a_database_with_a_log_is_read_with_mode_ro(void **state)
{
    char *path = database_make(state, "a.db"), *wal = unit_path(*state, "a.db-wal");
    char *string = bsc_mem_format("Driver=SQLite3;Database={%s}", path);
    char *rw = bsc_mem_format("NoCreat=Yes;Timeout=1;SyncPragma=FULL;Database=file:%s?mode=rw;"
                              "Driver=SQLite3;",
                              path);
    char *ro = bsc_mem_format("NoCreat=Yes;Timeout=1;SyncPragma=FULL;Database=file:%s?mode=ro;"
                              "Driver=SQLite3;",
                              path);
    assert_tuned(string, true, rw);
    unit_file_put(wal, "x", 1);
    assert_tuned(string, true, ro);
    assert_tuned(string, false, rw);
    bsc_mem_free(string);
    bsc_mem_free(rw);
    bsc_mem_free(ro);
    free(wal);
    free(path);
}

static void a_string_that_ends_too_soon_does_no_harm(void **state)
{
    static const char *const strings[] = {"Driver=sqlite;Database",  "Driver={sqlite",
                                          "Driver={sqlite}};x={",    ";;;",
                                          "=;Driver=sqlite;=;PWD={", "Driver=sqlite;Database={}"};
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct bsc_buf out;
        struct bsc_err err = BSC_ERR_INIT;
        bool mode_ro = false;
        bsc_buf_init(&out);
        assert_true(bsc_sql_string_tune(strings[i], true, &mode_ro, &out, &err));
        bsc_buf_release(&out);
    }
}

static void a_single_statement_is_told_from_several(void **state)
{
    (void)state;
    assert_true(bsc_sql_sqlite_single("SELECT 1"));
    assert_true(bsc_sql_sqlite_single("SELECT 1 ; \n;"));
    assert_true(bsc_sql_sqlite_single("INSERT INTO t VALUES ('a;b', \"c;d\", 'it''s;')"));
    assert_false(bsc_sql_sqlite_single("DELETE FROM t; INSERT INTO t VALUES (1)"));
    assert_false(bsc_sql_sqlite_single("SELECT 1 -- '\n; DELETE FROM t; --'"));
    assert_false(bsc_sql_sqlite_single("SELECT 1 /* ' */; DELETE FROM t /* ' */"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_drivers_get_their_string_as_it_is),
        cmocka_unit_test(a_postgresql_string_says_when_a_silent_host_is_given_up),
        UNIT_IN_FOLDER(a_sqlite_string_gets_our_settings),
        UNIT_IN_FOLDER(a_database_with_a_log_is_read_with_mode_ro),
        cmocka_unit_test(a_string_that_ends_too_soon_does_no_harm),
        cmocka_unit_test(a_single_statement_is_told_from_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
