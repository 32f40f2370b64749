#include "sql/sql_int.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { LOGIN_TIMEOUT_MS = 15000, ROOM_BESIDE = 4096 };

/* Settings of the driver manager that would make it unsafe to work. */
static bool is_setting_off(const struct bsc_sql *sql, const char *key, const char *harm,
                           struct bsc_err *err)
{
    char text[64] = "";
    sql->calls->profile(sql->calls->self, key, text, sizeof text);
    bool on = text[0] == '1' || text[0] == 'y' || text[0] == 'Y' || strcasecmp(text, "on") == 0 ||
              strcasecmp(text, "true") == 0;
    if (!on)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "odbcinst.ini says %s=%s, which %s", key, text, harm);
    return bsc_err_hint(err, "Set %s=No in section [ODBC] of odbcinst.ini.", key);
}

static bool fail(struct bsc_sql *sql, struct bsc_sql_handle handle, const char *what,
                 struct bsc_err *err)
{
    bsc_sql_diag_read(sql, handle, NULL, what, err);
    return false;
}

static bool alloc(struct bsc_sql *sql, SQLSMALLINT type, struct bsc_sql_handle parent,
                  struct bsc_sql_handle *ret, struct bsc_err *err)
{
    SQLRETURN rc = sql->calls->alloc_handle(sql->calls->self, type, parent.handle, &ret->handle);
    if (SQL_SUCCEEDED(rc))
        return true;
    ret->handle = SQL_NULL_HANDLE;
    return fail(sql, parent, "cannot allocate an ODBC handle", err);
}

static bool open_handles(struct bsc_sql *sql, int64_t login_timeout_ms, struct bsc_err *err)
{
    static const struct bsc_sql_handle none = {SQL_HANDLE_ENV, SQL_NULL_HANDLE};
    const struct bsc_sql_calls *calls = sql->calls;
    if (!SQL_SUCCEEDED(calls->set_env_attr(calls->self, SQL_NULL_HENV, SQL_ATTR_CONNECTION_POOLING,
                                           SQL_CP_OFF)))
        return bsc_err_set(err, BSC_ERR_SQL, "cannot switch connection pooling off");
    if (!alloc(sql, SQL_HANDLE_ENV, none, &sql->env, err))
        return false;
    if (!SQL_SUCCEEDED(
            calls->set_env_attr(calls->self, sql->env.handle, SQL_ATTR_ODBC_VERSION, SQL_OV_ODBC3)))
        return fail(sql, sql->env, "cannot ask for ODBC 3", err);
    if (!alloc(sql, SQL_HANDLE_DBC, sql->env, &sql->dbc, err))
        return false;
    int64_t seconds = (login_timeout_ms > 0 ? login_timeout_ms : LOGIN_TIMEOUT_MS) / 1000 +
                      (login_timeout_ms % 1000 > 0 ? 1 : 0);
    if (!SQL_SUCCEEDED(calls->set_connect_attr(calls->self, sql->dbc.handle, SQL_ATTR_LOGIN_TIMEOUT,
                                               (SQLULEN)seconds)))
        return fail(sql, sql->dbc, "cannot set the login timeout", err);
    return true;
}

/* In its own copy even a reader may take back what the journal says. */
static bool tune_aside(struct bsc_sql *sql, const char *connection, struct bsc_buf *tuned,
                       struct bsc_err *err)
{
    if (sql->file == NULL)
        return bsc_err_set(err, BSC_ERR_UNSUPPORTED, "only files of SQLite can be read aside");
    char *copy = bsc_sql_aside_make(sql->file, &sql->aside, err);
    if (copy == NULL)
        return false;
    char *string = bsc_mem_format("Database={%s};%s", copy, connection);
    bool good = bsc_sql_string_tune(string, false, &sql->mode_ro, tuned, err);
    explicit_bzero(string, strlen(string));
    bsc_mem_free(string);
    bsc_mem_free(copy);
    return good;
}

static bool log_in(struct bsc_sql *sql, const struct bsc_sql_options *options, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = sql->calls;
    const char *connection = options->connection;
    bool good = false;
    struct bsc_buf tuned;
    bsc_buf_init(&tuned);
    /* Room enough beforehand: a buffer that grows leaves its old bytes, a password among them. */
    (void)bsc_buf_room(&tuned, strlen(connection) * 4 + ROOM_BESIDE);
    sql->file = bsc_sql_string_file(connection);
    if (options->aside
            ? !tune_aside(sql, connection, &tuned, err)
            : !bsc_sql_string_tune(connection, sql->read_only, &sql->mode_ro, &tuned, err))
        goto done;
    if (tuned.length > SHRT_MAX) {
        bsc_err_set(err, BSC_ERR_LIMIT, "the connection string is too long");
        goto done;
    }
    SQLRETURN rc =
        calls->driver_connect(calls->self, sql->dbc.handle, tuned.data, (SQLSMALLINT)tuned.length);
    good = SQL_SUCCEEDED(rc);
    sql->connected = good;
    if (!good)
        fail(sql, sql->dbc, "cannot log in", err);
done:
    explicit_bzero(tuned.data, tuned.capacity);
    bsc_buf_release(&tuned);
    return good;
}

/* Every statement has to stand on its own: a driver that silently keeps a transaction open would
 * have us report changes that a crash takes back. */
static bool verify_autocommit(struct bsc_sql *sql, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = sql->calls;
    SQLUINTEGER mode = SQL_AUTOCOMMIT_OFF;
    if (!SQL_SUCCEEDED(calls->set_connect_attr(calls->self, sql->dbc.handle, SQL_ATTR_AUTOCOMMIT,
                                               SQL_AUTOCOMMIT_ON)))
        return fail(sql, sql->dbc, "cannot switch autocommit on", err);
    if (!SQL_SUCCEEDED(
            calls->get_connect_attr(calls->self, sql->dbc.handle, SQL_ATTR_AUTOCOMMIT, &mode)))
        return fail(sql, sql->dbc, "cannot read the autocommit mode", err);
    if (mode != SQL_AUTOCOMMIT_ON)
        return bsc_err_set(err, BSC_ERR_REFUSED, "the driver does not keep autocommit on");
    sql->autocommit = true;
    return true;
}

static bool identify(struct bsc_sql *sql, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = sql->calls;
    SQLRETURN rc = calls->get_info(calls->self, sql->dbc.handle, SQL_DBMS_NAME, sql->product,
                                   sizeof sql->product);
    if (!SQL_SUCCEEDED(rc))
        return fail(sql, sql->dbc, "cannot ask for the name of the database product", err);
    sql->is_sqlite = strcasecmp(sql->product, "SQLite") == 0;
    return !sql->is_sqlite || alloc(sql, SQL_HANDLE_STMT, sql->dbc, &sql->spare, err);
}

static bool set_up(struct bsc_sql *sql, const char *text, struct bsc_err *err)
{
    struct bsc_sql_job job = {.sql = sql, .statement = {SQL_HANDLE_STMT, SQL_NULL_HANDLE}};
    const struct bsc_sql_calls *calls = sql->calls;
    if (!alloc(sql, SQL_HANDLE_STMT, sql->dbc, &job.statement, err))
        return false;
    SQLRETURN rc =
        calls->exec_direct(calls->self, job.statement.handle, text, (SQLINTEGER)strlen(text));
    bool good = SQL_SUCCEEDED(rc) || rc == SQL_NO_DATA;
    if (!good)
        fail(sql, job.statement, "cannot set up the connection", err);
    if (calls->free_handle(calls->self, SQL_HANDLE_STMT, job.statement.handle) != SQL_SUCCESS &&
        good)
        return bsc_err_set(err, BSC_ERR_SQL, "cannot free a statement");
    return good;
}

/* ODBC's own access mode is a mere hint to drivers, so the session is told as well where we know
 * how. */
static bool set_up_session(struct bsc_sql *sql, struct bsc_err *err)
{
    if (sql->is_sqlite && !set_up(sql, "PRAGMA synchronous=FULL", err))
        return false;
    if (!sql->read_only)
        return true;
    if (sql->is_sqlite)
        return set_up(sql, "PRAGMA query_only=ON", err);
    if (strcasecmp(sql->product, "PostgreSQL") == 0)
        return set_up(sql, "SET default_transaction_read_only = on", err);
    (void)sql->calls->set_connect_attr(sql->calls->self, sql->dbc.handle, SQL_ATTR_ACCESS_MODE,
                                       SQL_MODE_READ_ONLY);
    return true;
}

static bool open_all(struct bsc_sql *sql, const struct bsc_sql_options *options,
                     struct bsc_err *err)
{
    if (!is_setting_off(sql, "Pooling", "hands out connections with the settings of others", err) ||
        !is_setting_off(sql, "Trace", "writes statements and passwords to a file", err) ||
        !open_handles(sql, options->login_timeout_ms, err) || !log_in(sql, options, err) ||
        !verify_autocommit(sql, err) || !identify(sql, err) || !set_up_session(sql, err))
        return false;
    sql->watch = bsc_sql_watch_new(sql->calls, err);
    return sql->watch != NULL;
}

struct bsc_sql *bsc_sql_open(const struct bsc_sql_options *options, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_mem_new(1, sizeof *sql);
    struct bsc_err failure = BSC_ERR_INIT;
    sql->calls = options->calls == NULL ? bsc_sql_calls_real() : options->calls;
    sql->redactor = options->redactor;
    sql->owner = pthread_self();
    sql->name = bsc_mem_text(options->name);
    sql->env.type = SQL_HANDLE_ENV;
    sql->dbc.type = SQL_HANDLE_DBC;
    sql->spare.type = SQL_HANDLE_STMT;
    sql->read_only = options->read_only;
    sql->reusable = true;
    if (open_all(sql, options, &failure))
        return sql;
    bsc_err_wrap(&failure, "cannot connect to server \"%s\"", options->name);
    *err = failure;
    bsc_sql_close(sql);
    return NULL;
}

static void free_handle(struct bsc_sql *sql, struct bsc_sql_handle *handle)
{
    if (handle->handle != SQL_NULL_HANDLE)
        sql->calls->free_handle(sql->calls->self, handle->type, handle->handle);
    handle->handle = SQL_NULL_HANDLE;
}

void bsc_sql_close(struct bsc_sql *sql)
{
    if (sql == NULL)
        return;
    BSC_BUG_ON(!pthread_equal(sql->owner, pthread_self()));
    bsc_sql_watch_free(sql->watch);
    free_handle(sql, &sql->spare);
    if (sql->connected)
        sql->calls->disconnect(sql->calls->self, sql->dbc.handle);
    free_handle(sql, &sql->dbc);
    free_handle(sql, &sql->env);
    if (sql->aside != NULL)
        bsc_sql_aside_remove(sql->aside);
    bsc_sql_prepared_release(sql);
    bsc_mem_free(sql->aside);
    bsc_mem_free(sql->file);
    bsc_mem_free(sql->name);
    bsc_mem_free(sql);
}

void bsc_sql_adopt(struct bsc_sql *sql)
{
    sql->owner = pthread_self();
}

bool bsc_sql_reusable(const struct bsc_sql *sql)
{
    bool would_write = sql->read_only && !sql->mode_ro && sql->aside == NULL;
    return sql->reusable && !(would_write && bsc_sql_sqlite_has_journal(sql));
}

const char *bsc_sql_product(const struct bsc_sql *sql)
{
    return sql->product;
}
