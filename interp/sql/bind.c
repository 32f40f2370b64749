#include "sql/sql_int.h"

#include <string.h>

#include "base/mem.h"

/* Longer texts are declared as long ones: servers limit the others to some thousand bytes. */
enum { VARCHAR_MAX = 4000, PARAMS_MAX = 1000 };

struct bsc_sql_bound {
    SQLBIGINT number;
    SQLLEN indicator;
};

static bool bind_null(struct bsc_sql *sql, SQLHSTMT stmt, SQLUSMALLINT place,
                      struct bsc_sql_bound *bound, SQLRETURN *rc)
{
    bound->indicator = SQL_NULL_DATA;
    *rc = sql->calls->bind_parameter(sql->calls->self, stmt, place, SQL_C_CHAR, SQL_VARCHAR, 1,
                                     NULL, 0, &bound->indicator);
    return true;
}

static bool bind_number(struct bsc_sql *sql, SQLHSTMT stmt, SQLUSMALLINT place, int64_t number,
                        struct bsc_sql_bound *bound, SQLRETURN *rc)
{
    _Static_assert(sizeof bound->number == sizeof(int64_t), "SQL_C_SBIGINT is 64 bits wide");
    bound->number = number;
    bound->indicator = sizeof bound->number;
    *rc = sql->calls->bind_parameter(sql->calls->self, stmt, place, SQL_C_SBIGINT, SQL_BIGINT, 19,
                                     &bound->number, sizeof bound->number, &bound->indicator);
    return true;
}

static bool bind_text(struct bsc_sql *sql, SQLHSTMT stmt, SQLUSMALLINT place,
                      const struct bsc_value *value, struct bsc_sql_bound *bound, SQLRETURN *rc)
{
    size_t length = bsc_value_string_length(value);
    bound->indicator = (SQLLEN)length;
    *rc = sql->calls->bind_parameter(
        sql->calls->self, stmt, place, SQL_C_CHAR,
        length > VARCHAR_MAX ? SQL_LONGVARCHAR : SQL_VARCHAR, length == 0 ? 1 : length,
        (SQLPOINTER)(uintptr_t)bsc_value_string(value), (SQLLEN)length, &bound->indicator);
    return true;
}

/* False when the value is of a kind that no parameter can have. */
static bool bind_value(struct bsc_sql *sql, SQLHSTMT stmt, SQLUSMALLINT place,
                       const struct bsc_value *value, struct bsc_sql_bound *bound, SQLRETURN *rc)
{
    switch (bsc_value_kind(value)) {
    case BSC_VALUE_NULL:
        return bind_null(sql, stmt, place, bound, rc);
    case BSC_VALUE_BOOL:
        return bind_number(sql, stmt, place, bsc_value_truth(value) ? 1 : 0, bound, rc);
    case BSC_VALUE_INT:
        return bind_number(sql, stmt, place, bsc_value_number(value, 0), bound, rc);
    case BSC_VALUE_TEXT:
        return bind_text(sql, stmt, place, value, bound, rc);
    default:
        return false;
    }
}

/* A NUL is kept by some drivers on the way in and cut off by most on the way out, so that a text
 * that holds one cannot be read back. */
static bool is_bindable(const struct bsc_value *value, size_t number, struct bsc_err *err)
{
    enum bsc_value_kind kind = bsc_value_kind(value);
    if (kind == BSC_VALUE_LIST || kind == BSC_VALUE_MAP)
        return bsc_err_set(err, BSC_ERR_USAGE, "parameter %zu is a %s, which SQL does not know",
                           number, bsc_value_kind_name(kind));
    if (kind == BSC_VALUE_TEXT &&
        memchr(bsc_value_string(value), '\0', bsc_value_string_length(value)) != NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "parameter %zu holds a NUL byte", number);
    return true;
}

static bool count_agrees(struct bsc_sql *sql, struct bsc_sql_handle statement, size_t count,
                         struct bsc_value *messages, struct bsc_err *err)
{
    SQLSMALLINT wanted = 0;
    SQLRETURN rc = sql->calls->num_params(sql->calls->self, statement.handle, &wanted);
    if (!SQL_SUCCEEDED(rc)) {
        bsc_sql_diag_read(sql, statement, messages, "cannot count the parameters", err);
        return false;
    }
    if (wanted >= 0 && (size_t)wanted == count)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "the statement has %d question marks but %zu parameters",
                       wanted, count);
}

bool bsc_sql_bind(struct bsc_sql *sql, struct bsc_sql_handle statement,
                  const struct bsc_value *params, struct bsc_sql_binding *binding,
                  struct bsc_value *messages, struct bsc_err *err)
{
    size_t count = bsc_value_count(params);
    if (count > PARAMS_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "%zu parameters are more than %d", count,
                           PARAMS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!is_bindable(bsc_value_at(params, i), i + 1, err))
            return false;
    }
    if (!count_agrees(sql, statement, count, messages, err))
        return false;
    binding->count = count;
    binding->bound = bsc_mem_new(count, sizeof *binding->bound);
    for (size_t i = 0; i < count; i++) {
        SQLRETURN rc = SQL_ERROR;
        bind_value(sql, statement.handle, (SQLUSMALLINT)(i + 1), bsc_value_at(params, i),
                   &binding->bound[i], &rc);
        if (!SQL_SUCCEEDED(rc)) {
            bsc_sql_diag_read(sql, statement, messages, "cannot bind a parameter", err);
            return false;
        }
    }
    return true;
}

void bsc_sql_binding_release(struct bsc_sql_binding *binding)
{
    bsc_mem_free(binding->bound);
    binding->bound = NULL;
    binding->count = 0;
}
