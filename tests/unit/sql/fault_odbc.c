#include "fault_odbc.h"

#include <stdio.h>
#include <string.h>

/* Whether this call is to fail; if so, remembers on which handle its record lies. */
static bool fails(struct fault_odbc *fault, const char *name, SQLHANDLE handle)
{
    if (fault->before != NULL)
        fault->before(fault->before_arg, name);
    fault->count++;
    bool now = fault->fail_at != 0 &&
               (fault->count == fault->fail_at || (fault->sticky && fault->count > fault->fail_at));
    if (!now)
        return false;
    if (!fault->hit)
        fault->failed = name;
    fault->hit = true;
    fault->failed_handle = handle;
    return true;
}

static const struct bsc_sql_calls *real(void)
{
    return bsc_sql_calls_real();
}

static SQLRETURN alloc_handle(void *self, SQLSMALLINT type, SQLHANDLE parent, SQLHANDLE *ret)
{
    if (fails(self, "SQLAllocHandle", parent))
        return SQL_ERROR;
    return real()->alloc_handle(NULL, type, parent, ret);
}

static SQLRETURN free_handle(void *self, SQLSMALLINT type, SQLHANDLE handle)
{
    bool failing = fails(self, "SQLFreeHandle", handle);
    SQLRETURN rc = real()->free_handle(NULL, type, handle);
    return failing ? SQL_ERROR : rc;
}

static SQLRETURN set_env_attr(void *self, SQLHENV env, SQLINTEGER name, SQLULEN number)
{
    if (fails(self, "SQLSetEnvAttr", env))
        return SQL_ERROR;
    return real()->set_env_attr(NULL, env, name, number);
}

static SQLRETURN set_connect_attr(void *self, SQLHDBC dbc, SQLINTEGER name, SQLULEN number)
{
    if (fails(self, "SQLSetConnectAttr", dbc))
        return SQL_ERROR;
    return real()->set_connect_attr(NULL, dbc, name, number);
}

static SQLRETURN get_connect_attr(void *self, SQLHDBC dbc, SQLINTEGER name, SQLUINTEGER *ret)
{
    if (fails(self, "SQLGetConnectAttr", dbc))
        return SQL_ERROR;
    return real()->get_connect_attr(NULL, dbc, name, ret);
}

static SQLRETURN set_stmt_attr(void *self, SQLHSTMT stmt, SQLINTEGER name, SQLULEN number)
{
    if (fails(self, "SQLSetStmtAttr", stmt))
        return SQL_ERROR;
    return real()->set_stmt_attr(NULL, stmt, name, number);
}

static SQLRETURN driver_connect(void *self, SQLHDBC dbc, const char *string, SQLSMALLINT length)
{
    if (fails(self, "SQLDriverConnect", dbc))
        return SQL_ERROR;
    return real()->driver_connect(NULL, dbc, string, length);
}

static SQLRETURN disconnect(void *self, SQLHDBC dbc)
{
    bool failing = fails(self, "SQLDisconnect", dbc);
    SQLRETURN rc = real()->disconnect(NULL, dbc);
    return failing ? SQL_ERROR : rc;
}

static SQLRETURN get_info(void *self, SQLHDBC dbc, SQLUSMALLINT what, char *text, SQLSMALLINT size)
{
    if (fails(self, "SQLGetInfo", dbc))
        return SQL_ERROR;
    return real()->get_info(NULL, dbc, what, text, size);
}

static SQLRETURN prepare(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    if (fails(self, "SQLPrepare", stmt))
        return SQL_ERROR;
    return real()->prepare(NULL, stmt, text, length);
}

static SQLRETURN num_params(void *self, SQLHSTMT stmt, SQLSMALLINT *ret)
{
    if (fails(self, "SQLNumParams", stmt))
        return SQL_ERROR;
    return real()->num_params(NULL, stmt, ret);
}

static SQLRETURN bind_parameter(void *self, SQLHSTMT stmt, SQLUSMALLINT number, SQLSMALLINT c_type,
                                SQLSMALLINT sql_type, SQLULEN column_size, SQLPOINTER value,
                                SQLLEN value_size, SQLLEN *indicator)
{
    if (fails(self, "SQLBindParameter", stmt))
        return SQL_ERROR;
    return real()->bind_parameter(NULL, stmt, number, c_type, sql_type, column_size, value,
                                  value_size, indicator);
}

static SQLRETURN execute(void *self, SQLHSTMT stmt)
{
    if (fails(self, "SQLExecute", stmt))
        return SQL_ERROR;
    return real()->execute(NULL, stmt);
}

static SQLRETURN exec_direct(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    if (fails(self, "SQLExecDirect", stmt))
        return SQL_ERROR;
    return real()->exec_direct(NULL, stmt, text, length);
}

static SQLRETURN num_result_cols(void *self, SQLHSTMT stmt, SQLSMALLINT *ret)
{
    if (fails(self, "SQLNumResultCols", stmt))
        return SQL_ERROR;
    return real()->num_result_cols(NULL, stmt, ret);
}

static SQLRETURN describe_col(void *self, SQLHSTMT stmt, SQLUSMALLINT column, char *name,
                              SQLSMALLINT size, SQLSMALLINT *ret_length, SQLSMALLINT *ret_type)
{
    if (fails(self, "SQLDescribeCol", stmt))
        return SQL_ERROR;
    return real()->describe_col(NULL, stmt, column, name, size, ret_length, ret_type);
}

static SQLRETURN row_count(void *self, SQLHSTMT stmt, SQLLEN *ret)
{
    if (fails(self, "SQLRowCount", stmt))
        return SQL_ERROR;
    return real()->row_count(NULL, stmt, ret);
}

static SQLRETURN fetch(void *self, SQLHSTMT stmt)
{
    if (fails(self, "SQLFetch", stmt))
        return SQL_ERROR;
    return real()->fetch(NULL, stmt);
}

static SQLRETURN get_data(void *self, SQLHSTMT stmt, SQLUSMALLINT column, SQLSMALLINT c_type,
                          SQLPOINTER value, SQLLEN size, SQLLEN *indicator)
{
    /* A failed call leaves an indicator that looks like a fine length: nobody may believe it. */
    if (fails(self, "SQLGetData", stmt)) {
        *indicator = 7;
        return SQL_ERROR;
    }
    return real()->get_data(NULL, stmt, column, c_type, value, size, indicator);
}

static SQLRETURN more_results(void *self, SQLHSTMT stmt)
{
    if (fails(self, "SQLMoreResults", stmt))
        return SQL_ERROR;
    return real()->more_results(NULL, stmt);
}

static SQLRETURN end_tran(void *self, SQLHDBC dbc, SQLSMALLINT how)
{
    if (fails(self, "SQLEndTran", dbc))
        return SQL_ERROR;
    return real()->end_tran(NULL, dbc, how);
}

static SQLRETURN cancel(void *self, SQLHSTMT stmt)
{
    struct fault_odbc *fault = self;
    int before = atomic_fetch_add(&fault->cancels, 1);
    return before < fault->deaf_to ? SQL_ERROR : real()->cancel(NULL, stmt);
}

static SQLRETURN get_diag_rec(void *self, SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT record,
                              char sqlstate[6], SQLINTEGER *native, char *text, SQLSMALLINT size,
                              SQLSMALLINT *ret_length)
{
    struct fault_odbc *fault = self;
    if (fault->failed_handle == handle && handle != SQL_NULL_HANDLE) {
        if (record > 1)
            return SQL_NO_DATA;
        memcpy(sqlstate, fault->sqlstate, 6);
        *native = fault->native;
        *ret_length = (SQLSMALLINT)snprintf(text, (size_t)size, "[Fault][ODBC] injected");
        return SQL_SUCCESS;
    }
    /* Counted only when it can be the one that fails: a sticky failure still wants to be told. */
    if (!fault->hit && fails(fault, "SQLGetDiagRec", SQL_NULL_HANDLE))
        return SQL_ERROR;
    return real()->get_diag_rec(NULL, type, handle, record, sqlstate, native, text, size,
                                ret_length);
}

static void profile(void *self, const char *key, char *text, int size)
{
    (void)self;
    real()->profile(NULL, key, text, size);
}

void fault_odbc_init(struct fault_odbc *fault)
{
    memset(fault, 0, sizeof *fault);
    memcpy(fault->sqlstate, "HY000", 6);
    fault->native = 4242;
    fault->calls = (struct bsc_sql_calls){
        .self = fault,
        .alloc_handle = alloc_handle,
        .free_handle = free_handle,
        .set_env_attr = set_env_attr,
        .set_connect_attr = set_connect_attr,
        .get_connect_attr = get_connect_attr,
        .set_stmt_attr = set_stmt_attr,
        .driver_connect = driver_connect,
        .disconnect = disconnect,
        .get_info = get_info,
        .prepare = prepare,
        .num_params = num_params,
        .bind_parameter = bind_parameter,
        .execute = execute,
        .exec_direct = exec_direct,
        .num_result_cols = num_result_cols,
        .describe_col = describe_col,
        .row_count = row_count,
        .fetch = fetch,
        .get_data = get_data,
        .more_results = more_results,
        .end_tran = end_tran,
        .cancel = cancel,
        .get_diag_rec = get_diag_rec,
        .profile = profile,
    };
}

void fault_odbc_arm(struct fault_odbc *fault, int fail_at, bool sticky)
{
    fault->fail_at = fail_at;
    fault->sticky = sticky;
    fault->count = 0;
    fault->hit = false;
    fault->failed = NULL;
    fault->failed_handle = SQL_NULL_HANDLE;
}
