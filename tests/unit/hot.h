/*
 * A database whose writer was killed within a change: part of the change is in the file, and what
 * takes it back in the journal beside it. Needs SQLite's own library.
 */
#ifndef BSC_UNIT_HOT_H
#define BSC_UNIT_HOT_H

#include "unit.h"

#include <sqlite3.h>

struct unit_hot {
    char *path, *journal;
    char *bytes, *journal_bytes; /* as the writer left them */
    size_t length, journal_length;
};

/* Leaves the database at `path` (borrowed) as a writer does that is killed after `change` (SQL) and
 * before its commit. A small cache makes SQLite write to the file before it commits. */
static inline void unit_hot_make(struct unit_hot *hot, const char *path, const char *change)
{
    sqlite3 *db = NULL;
    hot->path = strdup(path);
    hot->journal = malloc(strlen(path) + sizeof "-journal");
    (void)snprintf(hot->journal, strlen(path) + sizeof "-journal", "%s-journal", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA cache_size = 1; BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, change, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TABLE half (bytes);"
                                  "INSERT INTO half WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                                  "SELECT i + 1 FROM n WHERE i < 60) "
                                  "SELECT randomblob(4000) FROM n",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    hot->bytes = unit_file_get(path, &hot->length);
    hot->journal_bytes = unit_file_get(hot->journal, &hot->journal_length);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(hot->journal_length > 0);
    unit_file_put(path, hot->bytes, hot->length);
    unit_file_put(hot->journal, hot->journal_bytes, hot->journal_length);
}

/* Nobody has taken the change back. */
static inline void unit_hot_assert_untouched(const struct unit_hot *hot)
{
    size_t length = 0, journal_length = 0;
    char *bytes = unit_file_get(hot->path, &length);
    char *journal = unit_file_get(hot->journal, &journal_length);
    assert_int_equal(length, hot->length);
    assert_int_equal(journal_length, hot->journal_length);
    assert_memory_equal(bytes, hot->bytes, length);
    assert_memory_equal(journal, hot->journal_bytes, journal_length);
    free(bytes);
    free(journal);
}

static inline void unit_hot_release(struct unit_hot *hot)
{
    free(hot->path);
    free(hot->journal);
    free(hot->bytes);
    free(hot->journal_bytes);
}

#endif
