#include "cli/lab.h"

#include "base/buf.h"
#include "base/mem.h"
#include "os/files.h"

struct bsc_sql *bsc_lab_sql_open(const struct bsc_lab *lab, const char *database, bool create,
                                 struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, database);
    /* An empty file is an empty database; the sql room never makes one by itself. */
    if (create && !bsc_files_write(lab->cli->sys, path, "", 0, 0600, err)) {
        bsc_mem_free(path);
        return NULL;
    }
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "Driver=SQLite3;Timeout=5000;NoCreat=Yes;Database=%s", path);
    struct bsc_sql_options options = {.name = database,
                                      .connection = text.data,
                                      .redactor = lab->cli->redactor,
                                      .calls = lab->cli->sql_calls};
    struct bsc_sql *sql = bsc_sql_open(&options, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return sql;
}

bool bsc_lab_sql_run(struct bsc_sql *sql, const char *const *statements, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    for (; *statements != NULL; statements++) {
        struct bsc_sql_result result = {0};
        if (!bsc_sql_run(sql, *statements, NULL, &limits, &result, err))
            return false;
        bsc_sql_result_release(&result);
    }
    return true;
}

bool bsc_lab_sql_number(struct bsc_sql *sql, const char *statement, int64_t *ret_number,
                        struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    struct bsc_sql_result result = {0};
    if (!bsc_sql_run(sql, statement, NULL, &limits, &result, err))
        return false;
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
    const struct bsc_value *cell = bsc_value_at(bsc_value_at(rows, 0), 0);
    bool found = bsc_value_kind(cell) == BSC_VALUE_INT;
    if (found)
        *ret_number = bsc_value_number(cell, 0);
    else
        bsc_err_set(err, BSC_ERR_SQL, "\"%s\" gave no number", statement);
    bsc_sql_result_release(&result);
    return found;
}

const struct bsc_value *bsc_lab_sql_ask(struct bsc_sql *sql, const char *statement,
                                        struct bsc_value *params, struct bsc_sql_result *ret,
                                        struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    bool ok = bsc_sql_run(sql, statement, params, &limits, ret, err);
    bsc_value_free(params);
    return ok ? bsc_value_get(bsc_value_at(ret->sets, 0), "rows") : NULL;
}
