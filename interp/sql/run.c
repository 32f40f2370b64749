#include "sql/sql_int.h"

#include <string.h>

#include "base/mem.h"
#include "os/clock.h"

enum {
    ROWS_DEFAULT = 10000,
    BYTES_DEFAULT = 64 << 20,
    TEXT_MAX = 1 << 20,
    RESULTS_MAX = 100000,
    ERRORS_MAX = 16,
    LOCK_WAIT_MS = 30000, /* how long to wait for a lock when the call has no time limit */
    LOCK_NAP_MS = 2
};

static const char refused[] = "the database refused the statement";

static void statement_close(struct bsc_sql_job *job)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    if (job->prepared || job->statement.handle == SQL_NULL_HANDLE)
        return;
    if (calls->free_handle(calls->self, SQL_HANDLE_STMT, job->statement.handle) != SQL_SUCCESS)
        job->sql->reusable = false;
    job->statement.handle = SQL_NULL_HANDLE;
}

static bool statement_open(struct bsc_sql_job *job, struct bsc_err *err)
{
    struct bsc_sql *sql = job->sql;
    if (job->prepared)
        return true;
    SQLRETURN rc = sql->calls->alloc_handle(sql->calls->self, SQL_HANDLE_STMT, sql->dbc.handle,
                                            &job->statement.handle);
    if (SQL_SUCCEEDED(rc))
        return true;
    job->statement.handle = SQL_NULL_HANDLE;
    bsc_sql_diag_read(sql, sql->dbc, job->result->messages, "cannot make a statement", err);
    return false;
}

/* Statements without parameters are not prepared: some drivers wrap prepared ones in a procedure
 * call, in which servers refuse to back up, restore or create databases. */
static bool prepare(struct bsc_sql_job *job, const struct bsc_value *params,
                    struct bsc_sql_binding *binding, struct bsc_err *err)
{
    struct bsc_sql *sql = job->sql;
    if (bsc_value_count(params) == 0 || binding->bound != NULL)
        return true;
    if (job->prepared)
        return bsc_sql_bind(sql, job->statement, params, binding, job->result->messages, err);
    SQLRETURN rc = sql->calls->prepare(sql->calls->self, job->statement.handle, job->text,
                                       (SQLINTEGER)strlen(job->text));
    if (SQL_SUCCEEDED(rc))
        return bsc_sql_bind(sql, job->statement, params, binding, job->result->messages, err);
    bsc_sql_diag_read(sql, job->statement, job->result->messages, refused, err);
    return false;
}

/* Takes in what one execution or one step to the next result gave: its diagnostics, then its rows.
 * SQL_NO_DATA of an execution is a success that changed no row. */
static bool take_in(struct bsc_sql_job *job, SQLRETURN rc, struct bsc_err *err)
{
    if (rc == SQL_SUCCESS)
        return bsc_sql_fetch_set(job, err);
    bool good = SQL_SUCCEEDED(rc) || rc == SQL_NO_DATA;
    bsc_sql_diag_read(job->sql, job->statement, job->result->messages, refused, good ? NULL : err);
    if (rc == SQL_SUCCESS_WITH_INFO)
        return bsc_sql_fetch_set(job, err);
    return good;
}

bool bsc_sql_lost(const struct bsc_err *err)
{
    return strncmp(err->sqlstate, "08", 2) == 0 || strncmp(err->sqlstate, "57P0", 4) == 0;
}

/* Goes through all results to the end, even after an error: on some servers the work goes on until
 * then, and closing early would abort it. The first error is the one that is reported. */
static bool drain(struct bsc_sql_job *job, SQLRETURN rc, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    bool good = take_in(job, rc, err);
    int errors = good ? 0 : 1;
    for (int i = 0; i < RESULTS_MAX && errors < ERRORS_MAX; i++) {
        if (!good && (bsc_sql_lost(err) || err->code == BSC_ERR_LIMIT ||
                      bsc_sql_watch_verdict(job->sql->watch) != BSC_ERR_NONE))
            return false;
        rc = calls->more_results(calls->self, job->statement.handle);
        if (rc == SQL_NO_DATA) {
            bsc_sql_diag_read(job->sql, job->statement, job->result->messages, "", NULL);
            return good;
        }
        struct bsc_err next = BSC_ERR_INIT;
        if (rc == SQL_INVALID_HANDLE)
            return good ? bsc_err_set(err, BSC_ERR_SQL, "the statement was lost") : false;
        if (take_in(job, rc, &next))
            continue;
        if (good)
            *err = next;
        good = false;
        errors++;
    }
    return good ? bsc_err_set(err, BSC_ERR_LIMIT, "the statement has too many results") : false;
}

static SQLRETURN execute(struct bsc_sql_job *job, bool prepared)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    if (prepared)
        return calls->execute(calls->self, job->statement.handle);
    return calls->exec_direct(calls->self, job->statement.handle, job->text,
                              (SQLINTEGER)strlen(job->text));
}

static void result_renew(struct bsc_sql_result *result)
{
    bsc_sql_result_release(result);
    result->sets = bsc_value_list();
    result->messages = bsc_value_list();
}

/* Whether to run the text once more since another process held a lock of SQLite. */
static bool wait_for_lock(struct bsc_sql_job *job, const struct bsc_err *err, int64_t until_us)
{
    const struct bsc_clock *clock = bsc_clock_real();
    if (!job->sql->is_sqlite || !bsc_sql_sqlite_busy(err) || !bsc_sql_sqlite_single(job->text))
        return false;
    bsc_clock_pause(LOCK_NAP_MS, job->limits->cancel);
    return bsc_sql_watch_verdict(job->sql->watch) == BSC_ERR_NONE &&
           clock->mono_us(clock->self) < until_us;
}

static bool attempt(struct bsc_sql_job *job, const struct bsc_value *params,
                    struct bsc_sql_binding *binding, struct bsc_err *err)
{
    result_renew(job->result);
    job->rows_left = job->limits->rows_max > 0 ? job->limits->rows_max : ROWS_DEFAULT;
    job->bytes_left = job->limits->bytes_max > 0 ? job->limits->bytes_max : BYTES_DEFAULT;
    if (!prepare(job, params, binding, err))
        return false;
    return drain(job, execute(job, job->prepared || binding->bound != NULL), err);
}

/* The watch covers all attempts, since their time is counted together. It ends before the statement
 * is freed, and the statement goes before the parameters that the driver may still look at. */
static bool run_watched(struct bsc_sql_job *job, const struct bsc_value *params,
                        enum bsc_err_code *ret_verdict, struct bsc_err *err)
{
    struct bsc_sql *sql = job->sql;
    const struct bsc_clock *clock = bsc_clock_real();
    struct bsc_sql_binding binding = {0, NULL};
    int64_t until_us = clock->mono_us(clock->self) + LOCK_WAIT_MS * 1000;
    if (job->limits->timeout_ms > 0)
        until_us = INT64_MAX;
    bsc_sql_watch_begin(sql->watch, sql->is_sqlite ? sql->spare : job->statement,
                        job->limits->timeout_ms, job->limits->cancel);
    bool good = attempt(job, params, &binding, err);
    while (!good && wait_for_lock(job, err, until_us))
        good = attempt(job, params, &binding, err);
    *ret_verdict = bsc_sql_watch_end(sql->watch);
    statement_close(job);
    bsc_sql_binding_release(&binding);
    return good;
}

/* A text that failed half-way may have left a transaction open, and a late cancel may hit the next
 * statement. Who prepares statements minds the transactions. */
static void wear(const struct bsc_sql_job *job, bool good, enum bsc_err_code verdict,
                 const struct bsc_err *err)
{
    struct bsc_sql *sql = job->sql;
    bool may_be_open = sql->is_sqlite && !sql->read_only && !job->prepared;
    if (verdict != BSC_ERR_NONE || (!good && (bsc_sql_lost(err) || may_be_open)))
        sql->reusable = false;
}

/* What the watch did outweighs what the driver calls the end of it. */
static void explain(struct bsc_sql_job *job, enum bsc_err_code verdict, struct bsc_err *err)
{
    struct bsc_err driver = *err;
    if (verdict == BSC_ERR_TIMEOUT)
        bsc_err_set(err, BSC_ERR_TIMEOUT, "it did not end within %lld ms",
                    (long long)job->limits->timeout_ms);
    else if (verdict == BSC_ERR_CANCELLED)
        bsc_err_set(err, BSC_ERR_CANCELLED, "it was cancelled");
    if (verdict != BSC_ERR_NONE) {
        memcpy(err->sqlstate, driver.sqlstate, sizeof err->sqlstate);
        err->native = driver.native;
        err->retryable = verdict == BSC_ERR_TIMEOUT ? BSC_RETRY_YES : BSC_RETRY_NO;
    }
    bsc_err_wrap(err, "a statement on server \"%s\" failed", job->sql->name);
}

static bool is_runnable(const struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                        struct bsc_err *err)
{
    BSC_BUG_ON(!pthread_equal(sql->owner, pthread_self()));
    if (!sql->reusable)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "the connection to server \"%s\" is broken",
                           sql->name);
    if (strnlen(text, TEXT_MAX) == TEXT_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "a statement is longer than 1 MiB");
    if (bsc_value_count(params) > 0 && bsc_value_kind(params) != BSC_VALUE_LIST)
        return bsc_err_set(err, BSC_ERR_USAGE, "parameters must be a list");
    return !sql->is_sqlite || bsc_sql_sqlite_screen(text, sql->read_only, err);
}

/* A driver that finds its connection gone before it has sent anything may call that any failure; it
 * owns up when it is asked. */
static void own_up(const struct bsc_sql *sql, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = sql->calls;
    SQLUINTEGER dead = SQL_CD_FALSE;
    if (bsc_sql_lost(err) ||
        !SQL_SUCCEEDED(calls->get_connect_attr(calls->self, sql->dbc.handle,
                                               SQL_ATTR_CONNECTION_DEAD, &dead)) ||
        dead != SQL_CD_TRUE)
        return;
    memcpy(err->sqlstate, "08S01", sizeof err->sqlstate);
    err->code = BSC_ERR_UNREACHABLE;
    err->retryable = BSC_RETRY_YES;
}

/* Carries out what may be run. */
static bool carry_out(struct bsc_sql_job *job, const struct bsc_value *params, struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    enum bsc_err_code verdict = BSC_ERR_NONE;
    result_renew(job->result);
    bool good = statement_open(job, &failure) && run_watched(job, params, &verdict, &failure);
    if (!good)
        own_up(job->sql, &failure);
    wear(job, good, verdict, &failure);
    if (good)
        return true;
    explain(job, verdict, &failure);
    bsc_sql_result_release(job->result);
    *err = failure;
    return false;
}

bool bsc_sql_job_run(struct bsc_sql_job *job, const struct bsc_value *params, struct bsc_err *err)
{
    static const struct bsc_sql_limits no_limits = {0};
    if (job->limits == NULL)
        job->limits = &no_limits;
    memset(job->result, 0, sizeof *job->result);
    return is_runnable(job->sql, job->text, params, err) && carry_out(job, params, err);
}

static bool run_text(struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                     const struct bsc_sql_limits *limits, struct bsc_sql_result *ret,
                     struct bsc_err *err)
{
    struct bsc_sql_job job = {.sql = sql,
                              .statement = {SQL_HANDLE_STMT, SQL_NULL_HANDLE},
                              .text = text,
                              .limits = limits,
                              .result = ret};
    return carry_out(&job, params, err);
}

bool bsc_sql_run(struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                 const struct bsc_sql_limits *limits, struct bsc_sql_result *ret,
                 struct bsc_err *err)
{
    static const struct bsc_sql_limits no_limits = {0};
    struct bsc_err failure = BSC_ERR_INIT;
    memset(ret, 0, sizeof *ret);
    if (!is_runnable(sql, text, params, err))
        return false;
    if (limits == NULL)
        limits = &no_limits;
    char *instead = bsc_sql_prepared_text(sql, text, params, limits->often);
    bool good = run_text(sql, instead != NULL ? instead : text, params, limits, ret, &failure);
    if (!good && instead != NULL && sql->reusable && bsc_sql_prepared_refused(sql, text, &failure))
        good = run_text(sql, text, params, limits, ret, &failure);
    bsc_mem_free(instead);
    if (!good)
        *err = failure;
    return good;
}

void bsc_sql_result_release(struct bsc_sql_result *result)
{
    bsc_value_free(result->sets);
    bsc_value_free(result->messages);
    memset(result, 0, sizeof *result);
}

void bsc_sql_cancel(struct bsc_sql *sql)
{
    bsc_sql_watch_cancel(sql->watch);
}
