/*
 * A table that the live world's `sql:FILE` looks at, and changes of it.
 */
#ifndef BSC_UNIT_RUN_LIVE_TABLE_H
#define BSC_UNIT_RUN_LIVE_TABLE_H

#include "live_unit.h"

#include <sqlite3.h>

/* A table t(n) with so many ones; returns the file's path, owned. */
static inline char *table_make(void **state, int rows)
{
    sqlite3 *db = NULL;
    char *path = unit_path(*state, "app.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(n INTEGER)", NULL, NULL, NULL), SQLITE_OK);
    char *sql = bsc_mem_format("WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i "
                               "LIMIT %d) INSERT INTO t SELECT 1 FROM i",
                               rows);
    assert_int_equal(sqlite3_exec(db, rows > 0 ? sql : "", NULL, NULL, NULL), SQLITE_OK);
    bsc_mem_free(sql);
    sqlite3_close(db);
    return path;
}

/* Looks, and then carries out a statement; `more` are further arguments of the row. */
static inline const struct bsc_value *execute(struct rig *rig, const char *path, const char *sql,
                                              const char *more, const char *becomes)
{
    char *resource = bsc_mem_format("sql:%s", path);
    rig_look(rig, resource);
    struct bsc_value *effect =
        from_json("{'op':'change','resource':'%s','row':'sql.execute','statement':'%s',"
                  "'args':{'server':'db','file':'%s','sql':'%s'%s},'becomes':{'%s':%s}}",
                  resource, sql, path, sql, more, resource, becomes);
    bsc_mem_free(resource);
    return rig_change(rig, effect);
}

#endif
