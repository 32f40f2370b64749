#include <string.h>

#include "base/mem.h"
#include "sql/sql_int.h"

struct bsc_sql_statement {
    struct bsc_sql *sql; /* borrowed */
    char *text;          /* owned */
    struct bsc_sql_handle statement;
};

struct bsc_sql_statement *bsc_sql_statement_new(struct bsc_sql *sql, const char *text,
                                                struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = sql->calls;
    struct bsc_sql_handle statement = {SQL_HANDLE_STMT, SQL_NULL_HANDLE};
    if (sql->is_sqlite && !bsc_sql_sqlite_screen(text, sql->read_only, err))
        return NULL;
    SQLRETURN rc =
        calls->alloc_handle(calls->self, SQL_HANDLE_STMT, sql->dbc.handle, &statement.handle);
    if (!SQL_SUCCEEDED(rc)) {
        bsc_sql_diag_read(sql, sql->dbc, NULL, "cannot make a statement", err);
        return NULL;
    }
    struct bsc_sql_statement *prepared = bsc_mem_new(1, sizeof *prepared);
    prepared->sql = sql;
    prepared->text = bsc_mem_text(text);
    prepared->statement = statement;
    rc = calls->prepare(calls->self, statement.handle, text, (SQLINTEGER)strlen(text));
    if (SQL_SUCCEEDED(rc))
        return prepared;
    bsc_sql_diag_read(sql, statement, NULL, "the database refused the statement", err);
    bsc_sql_statement_free(prepared);
    return NULL;
}

void bsc_sql_statement_free(struct bsc_sql_statement *prepared)
{
    if (prepared == NULL)
        return;
    const struct bsc_sql_calls *calls = prepared->sql->calls;
    SQLRETURN rc = calls->free_handle(calls->self, SQL_HANDLE_STMT, prepared->statement.handle);
    if (rc != SQL_SUCCESS)
        prepared->sql->reusable = false;
    bsc_mem_free(prepared->text);
    bsc_mem_free(prepared);
}

bool bsc_sql_statement_run(struct bsc_sql_statement *prepared, const struct bsc_value *params,
                           const struct bsc_sql_limits *limits, struct bsc_sql_result *ret,
                           struct bsc_err *err)
{
    struct bsc_sql_job job = {.sql = prepared->sql,
                              .statement = prepared->statement,
                              .prepared = true,
                              .text = prepared->text,
                              .limits = limits,
                              .result = ret};
    return bsc_sql_job_run(&job, params, err);
}

static bool run_plain(struct bsc_sql *sql, const char *text, const struct bsc_sql_limits *limits,
                      struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    bool good = bsc_sql_run(sql, text, NULL, limits, &result, err);
    bsc_sql_result_release(&result);
    return good;
}

static bool fail(struct bsc_sql *sql, const char *what, struct bsc_err *err)
{
    bsc_sql_diag_read(sql, sql->dbc, NULL, what, err);
    sql->reusable = false;
    return false;
}

static bool set_autocommit(struct bsc_sql *sql, bool on, struct bsc_err *err)
{
    SQLULEN mode = on ? SQL_AUTOCOMMIT_ON : SQL_AUTOCOMMIT_OFF;
    if (sql->autocommit == on)
        return true;
    if (!SQL_SUCCEEDED(sql->calls->set_connect_attr(sql->calls->self, sql->dbc.handle,
                                                    SQL_ATTR_AUTOCOMMIT, mode)))
        return fail(sql, "cannot change the autocommit mode", err);
    sql->autocommit = on;
    return true;
}

static bool end(struct bsc_sql *sql, SQLSMALLINT how, struct bsc_err *err)
{
    if (!SQL_SUCCEEDED(sql->calls->end_tran(sql->calls->self, sql->dbc.handle, how)))
        return fail(sql, "cannot end the transaction", err);
    return set_autocommit(sql, true, err);
}

bool bsc_sql_begin(struct bsc_sql *sql, const struct bsc_sql_limits *limits, struct bsc_err *err)
{
    if (sql->is_sqlite)
        return run_plain(sql, "BEGIN IMMEDIATE", limits, err);
    return set_autocommit(sql, false, err);
}

bool bsc_sql_commit(struct bsc_sql *sql, const struct bsc_sql_limits *limits, struct bsc_err *err)
{
    return sql->is_sqlite ? run_plain(sql, "COMMIT", limits, err) : end(sql, SQL_COMMIT, err);
}

bool bsc_sql_roll_back(struct bsc_sql *sql, struct bsc_err *err)
{
    return sql->is_sqlite ? run_plain(sql, "ROLLBACK", NULL, err) : end(sql, SQL_ROLLBACK, err);
}

void bsc_sql_stay_awake(struct bsc_sql *sql, bool awake)
{
    bsc_sql_watch_stay_awake(sql->watch, awake);
}
