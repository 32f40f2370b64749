#include "sql/calls_int.h"

#include <odbcinst.h>
#include <stdint.h>

/* The casts from const are ODBC's own: its input texts are declared writable but never written. */
static SQLCHAR *input(const char *text)
{
    return (SQLCHAR *)(uintptr_t)text;
}

static SQLPOINTER as_pointer(SQLULEN number)
{
    return (SQLPOINTER)(uintptr_t)number;
}

static SQLRETURN alloc_handle(void *self, SQLSMALLINT type, SQLHANDLE parent, SQLHANDLE *ret)
{
    (void)self;
    return SQLAllocHandle(type, parent, ret);
}

static SQLRETURN free_handle(void *self, SQLSMALLINT type, SQLHANDLE handle)
{
    (void)self;
    return SQLFreeHandle(type, handle);
}

static SQLRETURN set_env_attr(void *self, SQLHENV env, SQLINTEGER name, SQLULEN number)
{
    (void)self;
    return SQLSetEnvAttr(env, name, as_pointer(number), SQL_IS_UINTEGER);
}

static SQLRETURN set_connect_attr(void *self, SQLHDBC dbc, SQLINTEGER name, SQLULEN number)
{
    (void)self;
    return SQLSetConnectAttr(dbc, name, as_pointer(number), SQL_IS_UINTEGER);
}

static SQLRETURN get_connect_attr(void *self, SQLHDBC dbc, SQLINTEGER name, SQLUINTEGER *ret)
{
    (void)self;
    return SQLGetConnectAttr(dbc, name, ret, SQL_IS_UINTEGER, NULL);
}

static SQLRETURN set_stmt_attr(void *self, SQLHSTMT stmt, SQLINTEGER name, SQLULEN number)
{
    (void)self;
    return SQLSetStmtAttr(stmt, name, as_pointer(number), SQL_IS_UINTEGER);
}

static SQLRETURN driver_connect(void *self, SQLHDBC dbc, const char *string, SQLSMALLINT length)
{
    (void)self;
    return SQLDriverConnect(dbc, NULL, input(string), length, NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
}

static SQLRETURN disconnect(void *self, SQLHDBC dbc)
{
    (void)self;
    return SQLDisconnect(dbc);
}

static SQLRETURN get_info(void *self, SQLHDBC dbc, SQLUSMALLINT what, char *text, SQLSMALLINT size)
{
    (void)self;
    return SQLGetInfo(dbc, what, text, size, NULL);
}

static SQLRETURN prepare(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    (void)self;
    return SQLPrepare(stmt, input(text), length);
}

static SQLRETURN num_params(void *self, SQLHSTMT stmt, SQLSMALLINT *ret)
{
    (void)self;
    return SQLNumParams(stmt, ret);
}

static SQLRETURN bind_parameter(void *self, SQLHSTMT stmt, SQLUSMALLINT number, SQLSMALLINT c_type,
                                SQLSMALLINT sql_type, SQLULEN column_size, SQLPOINTER value,
                                SQLLEN value_size, SQLLEN *indicator)
{
    (void)self;
    return SQLBindParameter(stmt, number, SQL_PARAM_INPUT, c_type, sql_type, column_size, 0, value,
                            value_size, indicator);
}

static SQLRETURN execute(void *self, SQLHSTMT stmt)
{
    (void)self;
    return SQLExecute(stmt);
}

static SQLRETURN exec_direct(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    (void)self;
    return SQLExecDirect(stmt, input(text), length);
}

static SQLRETURN num_result_cols(void *self, SQLHSTMT stmt, SQLSMALLINT *ret)
{
    (void)self;
    return SQLNumResultCols(stmt, ret);
}

static SQLRETURN describe_col(void *self, SQLHSTMT stmt, SQLUSMALLINT column, char *name,
                              SQLSMALLINT size, SQLSMALLINT *ret_length, SQLSMALLINT *ret_type)
{
    SQLULEN column_size = 0;
    SQLSMALLINT digits = 0, nullable = 0;
    (void)self;
    return SQLDescribeCol(stmt, column, (SQLCHAR *)name, size, ret_length, ret_type, &column_size,
                          &digits, &nullable);
}

static SQLRETURN row_count(void *self, SQLHSTMT stmt, SQLLEN *ret)
{
    (void)self;
    return SQLRowCount(stmt, ret);
}

static SQLRETURN fetch(void *self, SQLHSTMT stmt)
{
    (void)self;
    return SQLFetch(stmt);
}

static SQLRETURN get_data(void *self, SQLHSTMT stmt, SQLUSMALLINT column, SQLSMALLINT c_type,
                          SQLPOINTER value, SQLLEN size, SQLLEN *indicator)
{
    (void)self;
    return SQLGetData(stmt, column, c_type, value, size, indicator);
}

static SQLRETURN more_results(void *self, SQLHSTMT stmt)
{
    (void)self;
    return SQLMoreResults(stmt);
}

static SQLRETURN end_tran(void *self, SQLHDBC dbc, SQLSMALLINT how)
{
    (void)self;
    return SQLEndTran(SQL_HANDLE_DBC, dbc, how);
}

static SQLRETURN cancel(void *self, SQLHSTMT stmt)
{
    (void)self;
    return SQLCancel(stmt);
}

static SQLRETURN get_diag_rec(void *self, SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT record,
                              char sqlstate[6], SQLINTEGER *native, char *text, SQLSMALLINT size,
                              SQLSMALLINT *ret_length)
{
    (void)self;
    return SQLGetDiagRec(type, handle, record, (SQLCHAR *)sqlstate, native, (SQLCHAR *)text, size,
                         ret_length);
}

static void profile(void *self, const char *key, char *text, int size)
{
    (void)self;
    text[0] = '\0';
    SQLGetPrivateProfileString("ODBC", key, "", text, size, "odbcinst.ini");
}

const struct bsc_sql_calls *bsc_sql_calls_real(void)
{
    static const struct bsc_sql_calls real = {
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
    return &real;
}
