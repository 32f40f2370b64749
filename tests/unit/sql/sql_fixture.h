/*
 * Databases and shorthands for the tests of connections.
 */
#ifndef BSC_SQL_FIXTURE_H
#define BSC_SQL_FIXTURE_H

#include "unit.h"

#include "base/mem.h"
#include "sql/calls_int.h"
#include "sql/sql.h"

/* An empty file is a good, empty database. */
static inline char *database_make(void **state, const char *name)
{
    char *path = unit_path(*state, name);
    unit_file_put(path, "", 0);
    return path;
}

static inline struct bsc_sql *try_open(const char *path, bool read_only,
                                       const struct bsc_sql_calls *calls, struct bsc_err *err)
{
    char *string = bsc_mem_format("Driver=SQLite3;Database={%s}", path);
    struct bsc_sql_options options = {
        .name = "sql1", .connection = string, .read_only = read_only, .calls = calls};
    struct bsc_sql *sql = bsc_sql_open(&options, err);
    bsc_mem_free(string);
    return sql;
}

static inline struct bsc_sql *open_good(const char *path, bool read_only)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql *sql = try_open(path, read_only, NULL, &err);
    if (sql == NULL)
        print_error("%s: %s\n", err.message, err.cause);
    assert_non_null(sql);
    return sql;
}

/* The result is owned by the caller. */
static inline struct bsc_sql_result run_good(struct bsc_sql *sql, const char *text,
                                             const struct bsc_value *params)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    if (!bsc_sql_run(sql, text, params, NULL, &result, &err))
        fail_msg("%s: %s: %s", text, err.message, err.cause);
    return result;
}

static inline void run_plain(struct bsc_sql *sql, const char *text)
{
    struct bsc_sql_result result = run_good(sql, text, NULL);
    bsc_sql_result_release(&result);
}

static inline const struct bsc_value *rows_of(const struct bsc_sql_result *result, size_t set)
{
    return bsc_value_get(bsc_value_at(result->sets, set), "rows");
}

static inline const struct bsc_value *cell(const struct bsc_sql_result *result, size_t row,
                                           size_t column)
{
    return bsc_value_at(bsc_value_at(rows_of(result, 0), row), column);
}

/* The only value of a query's only row, as a number. */
static inline int64_t number_of(struct bsc_sql *sql, const char *text)
{
    struct bsc_sql_result result = run_good(sql, text, NULL);
    assert_int_equal(bsc_value_kind(cell(&result, 0, 0)), BSC_VALUE_INT);
    int64_t number = bsc_value_number(cell(&result, 0, 0), -1);
    bsc_sql_result_release(&result);
    return number;
}

static inline void assert_text(const struct bsc_value *value, const char *text)
{
    assert_int_equal(bsc_value_kind(value), BSC_VALUE_TEXT);
    assert_string_equal(bsc_value_string(value), text);
}

#endif
