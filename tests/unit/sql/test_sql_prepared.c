#include "sql_fixture.h"

#include <stdio.h>
#include <string.h>

#include "sql/sql_int.h"

enum { TOLD_MAX = 32 };

/* A session that says to be PostgreSQL's, and keeps what it was told. SQLite answers in its place.
 */
struct session {
    struct bsc_sql_calls calls;
    char told[TOLD_MAX][512];
    size_t count;
    char prepared[512];   /* the text that was prepared last */
    const char *refusing; /* the SQLSTATE that an EXECUTE gets; NULL for none */
    bool refused;         /* the last text was refused */
};

static SQLRETURN say_postgresql(void *self, SQLHDBC dbc, SQLUSMALLINT what, char *text,
                                SQLSMALLINT size)
{
    (void)self, (void)dbc, (void)what;
    snprintf(text, (size_t)size, "PostgreSQL");
    return SQL_SUCCESS;
}

/* "PREPARE name AS text\n; EXECUTE name" */
static const char *take_apart(struct session *session, const char *text)
{
    const char *query = strstr(text, " AS ") + 4;
    snprintf(session->prepared, sizeof session->prepared, "%.*s",
             (int)(strstr(query, "\n;") - query), query);
    return session->prepared;
}

static SQLRETURN carry_out(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    struct session *session = self;
    (void)length;
    if (strncmp(text, "SET ", 4) == 0)
        return SQL_SUCCESS;
    assert_true(session->count < TOLD_MAX);
    snprintf(session->told[session->count++], sizeof session->told[0], "%s", text);
    session->refused = strstr(text, "EXECUTE") != NULL && session->refusing != NULL;
    if (session->refused)
        return SQL_ERROR;
    if (strncmp(text, "PREPARE", 7) == 0)
        text = take_apart(session, text);
    else if (strncmp(text, "EXECUTE", 7) == 0)
        text = session->prepared;
    return bsc_sql_calls_real()->exec_direct(NULL, stmt, text, (SQLINTEGER)strlen(text));
}

static SQLRETURN say_why(void *self, SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT record,
                         char sqlstate[6], SQLINTEGER *native, char *text, SQLSMALLINT size,
                         SQLSMALLINT *ret_length)
{
    struct session *session = self;
    if (!session->refused)
        return bsc_sql_calls_real()->get_diag_rec(NULL, type, handle, record, sqlstate, native,
                                                  text, size, ret_length);
    if (record > 1)
        return SQL_NO_DATA;
    memcpy(sqlstate, session->refusing, 6);
    *native = 1;
    *ret_length = (SQLSMALLINT)snprintf(text, (size_t)size, "refused");
    return SQL_SUCCESS;
}

static struct bsc_sql *session_open(struct session *session, void **state, bool read_only)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = database_make(state, "a.db");
    *session = (struct session){.calls = *bsc_sql_calls_real()};
    session->calls.self = session;
    session->calls.get_info = say_postgresql;
    session->calls.exec_direct = carry_out;
    session->calls.get_diag_rec = say_why;
    struct bsc_sql *sql = try_open(path, read_only, &session->calls, &err);
    assert_non_null(sql);
    free(path);
    return sql;
}

static void what_is_asked_again_is_prepared(void **state)
{
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    for (int i = 0; i < 4; i++)
        assert_int_equal(number_of(sql, " SELECT 7 -- seven"), 7);
    assert_int_equal(session.count, 4);
    assert_string_equal(session.told[0], " SELECT 7 -- seven");
    assert_int_equal(strncmp(session.told[1], "PREPARE bascule_", 16), 0);
    assert_non_null(strstr(session.told[1], " AS  SELECT 7 -- seven\n; EXECUTE bascule_"));
    assert_int_equal(strncmp(session.told[2], "EXECUTE bascule_", 16), 0);
    assert_string_equal(session.told[3], session.told[2]);
    assert_non_null(strstr(session.told[1], session.told[2]));
    bsc_sql_close(sql);
}

static void what_will_be_asked_often_is_prepared_at_once(void **state)
{
    static const struct bsc_sql_limits often = {.often = true};
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    for (int i = 0; i < 2; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_sql_result result;
        assert_true(bsc_sql_run(sql, "SELECT 7", NULL, &often, &result, &err));
        bsc_sql_result_release(&result);
    }
    assert_int_equal(session.count, 2);
    assert_int_equal(strncmp(session.told[0], "PREPARE bascule_", 16), 0);
    assert_int_equal(strncmp(session.told[1], "EXECUTE bascule_", 16), 0);
    bsc_sql_close(sql);
}

static void names_tell_the_text(void **state)
{
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(number_of(sql, "SELECT 1"), 1);
        assert_int_equal(number_of(sql, "SELECT 2"), 2);
    }
    assert_int_equal(strncmp(session.told[2], "PREPARE ", 8), 0);
    assert_int_equal(strncmp(session.told[3], "PREPARE ", 8), 0);
    assert_int_not_equal(strncmp(session.told[2], session.told[3], 40), 0);
    bsc_sql_close(sql);
}

/* Behind a pool of connections the next statement may get to another session of the server. */
static void what_is_refused_is_asked_plainly(void **state)
{
    static const char *const refusals[] = {"26000", "42P05", "42601", "0A000"};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct session session;
        struct bsc_sql *sql = session_open(&session, state, true);
        session.refusing = refusals[i];
        for (int again = 0; again < 3; again++)
            assert_int_equal(number_of(sql, "SELECT 7"), 7);
        assert_int_equal(session.count, 4);
        assert_string_equal(session.told[2], "SELECT 7");
        assert_string_equal(session.told[3], "SELECT 7");
        bsc_sql_close(sql);
    }
}

/* More than there are places for, and each only once. */
static void ask_many_others(struct bsc_sql *sql)
{
    for (int i = 0; i < BSC_SQL_ASKED_MAX + 1; i++) {
        char text[32];
        snprintf(text, sizeof text, "SELECT %d", 100 + i);
        assert_int_equal(number_of(sql, text), 100 + i);
    }
}

static void what_was_refused_is_not_tried_again_after_many_others(void **state)
{
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    session.refusing = "26000";
    for (int again = 0; again < 2; again++)
        assert_int_equal(number_of(sql, "SELECT 7"), 7);
    ask_many_others(sql);
    session.count = 0;
    for (int again = 0; again < 2; again++)
        assert_int_equal(number_of(sql, "SELECT 7"), 7);
    assert_int_equal(session.count, 2);
    assert_string_equal(session.told[0], "SELECT 7");
    assert_string_equal(session.told[1], "SELECT 7");
    bsc_sql_close(sql);
}

static void what_was_prepared_stays_so_after_many_others(void **state)
{
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    for (int again = 0; again < 2; again++)
        assert_int_equal(number_of(sql, "SELECT 7"), 7);
    ask_many_others(sql);
    session.count = 0;
    assert_int_equal(number_of(sql, "SELECT 7"), 7);
    assert_int_equal(strncmp(session.told[0], "EXECUTE ", 8), 0);
    bsc_sql_close(sql);
}

static void other_failures_are_told(void **state)
{
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result;
    assert_int_equal(number_of(sql, "SELECT 7"), 7);
    session.refusing = "42501";
    assert_false(bsc_sql_run(sql, "SELECT 7", NULL, NULL, &result, &err));
    assert_string_equal(err.sqlstate, "42501");
    assert_int_equal(session.count, 2);
    bsc_sql_close(sql);
}

static void only_plain_queries_are_prepared(void **state)
{
    static const char *const others[] = {"SELECT 'a;b'", "VALUES (7)"};
    struct session session;
    struct bsc_sql *sql = session_open(&session, state, true);
    for (size_t i = 0; i < 4; i++) {
        run_plain(sql, others[i / 2]);
        assert_string_equal(session.told[i], others[i / 2]);
    }
    bsc_sql_close(sql);
    sql = session_open(&session, state, false);
    for (size_t i = 0; i < 3; i++) {
        run_plain(sql, "SELECT 7");
        assert_string_equal(session.told[i], "SELECT 7");
    }
    bsc_sql_close(sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_is_asked_again_is_prepared),
        UNIT_IN_FOLDER(names_tell_the_text),
        UNIT_IN_FOLDER(what_is_refused_is_asked_plainly),
        UNIT_IN_FOLDER(what_was_refused_is_not_tried_again_after_many_others),
        UNIT_IN_FOLDER(what_was_prepared_stays_so_after_many_others),
        UNIT_IN_FOLDER(other_failures_are_told),
        UNIT_IN_FOLDER(only_plain_queries_are_prepared),
        UNIT_IN_FOLDER(what_will_be_asked_often_is_prepared_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
