/*
 * The one seam to ODBC: every call to the driver manager goes through this table.
 *
 * A test gives another table and so fails any call. Each member behaves as the ODBC function of its
 * name; `self` is passed back as the first argument. Private to this room and to its tests: it is
 * the only header here that shows ODBC's own types.
 */
#ifndef BSC_SQL_CALLS_INT_H
#define BSC_SQL_CALLS_INT_H

#include <sql.h>
#include <sqlext.h>

/* A handle together with its type, so that diagnostics are never asked of the wrong kind. */
struct bsc_sql_handle {
    SQLSMALLINT type;
    SQLHANDLE handle; /* SQL_NULL_HANDLE when not allocated */
};

struct bsc_sql_calls {
    void *self; /* borrowed */
    SQLRETURN (*alloc_handle)(void *self, SQLSMALLINT type, SQLHANDLE parent, SQLHANDLE *ret);
    SQLRETURN (*free_handle)(void *self, SQLSMALLINT type, SQLHANDLE handle);
    SQLRETURN (*set_env_attr)(void *self, SQLHENV env, SQLINTEGER name, SQLULEN number);
    SQLRETURN (*set_connect_attr)(void *self, SQLHDBC dbc, SQLINTEGER name, SQLULEN number);
    SQLRETURN (*get_connect_attr)(void *self, SQLHDBC dbc, SQLINTEGER name, SQLUINTEGER *ret);
    SQLRETURN (*set_stmt_attr)(void *self, SQLHSTMT stmt, SQLINTEGER name, SQLULEN number);
    SQLRETURN (*driver_connect)(void *self, SQLHDBC dbc, const char *string, SQLSMALLINT length);
    SQLRETURN (*disconnect)(void *self, SQLHDBC dbc);
    SQLRETURN (*get_info)(void *self, SQLHDBC dbc, SQLUSMALLINT what, char *text, SQLSMALLINT size);
    SQLRETURN (*prepare)(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length);
    SQLRETURN (*num_params)(void *self, SQLHSTMT stmt, SQLSMALLINT *ret);
    SQLRETURN(*bind_parameter)
    (void *self, SQLHSTMT stmt, SQLUSMALLINT number, SQLSMALLINT c_type, SQLSMALLINT sql_type,
     SQLULEN column_size, SQLPOINTER value, SQLLEN value_size, SQLLEN *indicator);
    SQLRETURN (*execute)(void *self, SQLHSTMT stmt);
    SQLRETURN (*exec_direct)(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length);
    SQLRETURN (*num_result_cols)(void *self, SQLHSTMT stmt, SQLSMALLINT *ret);
    SQLRETURN(*describe_col)
    (void *self, SQLHSTMT stmt, SQLUSMALLINT column, char *name, SQLSMALLINT size,
     SQLSMALLINT *ret_length, SQLSMALLINT *ret_type);
    SQLRETURN (*row_count)(void *self, SQLHSTMT stmt, SQLLEN *ret);
    SQLRETURN (*fetch)(void *self, SQLHSTMT stmt);
    SQLRETURN(*get_data)
    (void *self, SQLHSTMT stmt, SQLUSMALLINT column, SQLSMALLINT c_type, SQLPOINTER value,
     SQLLEN size, SQLLEN *indicator);
    SQLRETURN (*more_results)(void *self, SQLHSTMT stmt);
    SQLRETURN (*end_tran)(void *self, SQLHDBC dbc, SQLSMALLINT how);
    SQLRETURN (*cancel)(void *self, SQLHSTMT stmt);
    SQLRETURN(*get_diag_rec)
    (void *self, SQLSMALLINT type, SQLHANDLE handle, SQLSMALLINT record, char sqlstate[6],
     SQLINTEGER *native, char *text, SQLSMALLINT size, SQLSMALLINT *ret_length);
    /* A setting of the driver manager itself, from section [ODBC] of odbcinst.ini; empty when it is
     * not set. */
    void (*profile)(void *self, const char *key, char *text, int size);
};

const struct bsc_sql_calls *bsc_sql_calls_real(void);

#endif
