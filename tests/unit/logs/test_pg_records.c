/*
 * The records of PostgreSQL's log, compared with what pg_waldump says of them.
 */
#include "pg_history.h"

#include <inttypes.h>
#include <time.h>

struct told {
    unsigned high, low, previous_high, previous_low;
    unsigned xid, length;
    char manager[16];
    char what[512];
};

/* False at the end of the dump. */
static bool next_told(FILE *dump, struct told *told)
{
    static const char format[] =
        "rmgr: %15s len (rec/tot): %*u/ %u, tx: %u, lsn: %X/%X, prev %X/%X, desc: %511[^\n]";
    char line[65536];
    while (fgets(line, sizeof line, dump) != NULL)
        if (sscanf(line, format, told->manager, &told->length, &told->xid, &told->high, &told->low,
                   &told->previous_high, &told->previous_low, told->what) >= 7)
            return true;
    return false;
}

static const char *manager_name(uint8_t manager)
{
    static const char *const names[] = {
        "XLOG",       "Transaction",   "Storage", "CLOG",     "Database",
        "Tablespace", "MultiXact",     "RelMap",  "Standby",  "Heap2",
        "Heap",       "Btree",         "Hash",    "Gin",      "Gist",
        "Sequence",   "SPGist",        "BRIN",    "CommitTs", "ReplicationOrigin",
        "Generic",    "LogicalMessage"};
    return manager < sizeof names / sizeof names[0] ? names[manager] : "?";
}

/* "COMMIT 2026-11-21 11:48:50.166792 UTC; …" as microseconds. */
static int64_t told_time(const char *what)
{
    struct tm tm = {0};
    long us = 0;
    const char *at = strstr(what, " 20");
    assert_non_null(at);
    assert_int_equal(sscanf(at, " %d-%d-%d %d:%d:%d.%ld", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                            &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &us),
                     7);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000000 + us;
}

static enum bsc_logs_pg_kind told_kind(const struct told *told)
{
    if (strncmp(told->what, "COMMIT", 6) == 0 && strcmp(told->manager, "Transaction") == 0)
        return BSC_LOGS_PG_COMMIT;
    if (strncmp(told->what, "ABORT_PREPARED", 14) == 0)
        return BSC_LOGS_PG_FORGET;
    if (strncmp(told->what, "PREPARE", 7) == 0)
        return BSC_LOGS_PG_PREPARE;
    return strncmp(told->what, "SWITCH", 6) == 0 ? BSC_LOGS_PG_SWITCH : BSC_LOGS_PG_OTHER;
}

static void is_as_told(const struct bsc_logs_pg_record *record, const struct told *told)
{
    uint32_t xid = told->xid;
    assert_int_equal(record->lsn, (uint64_t)told->high << 32 | told->low);
    assert_int_equal(record->previous, (uint64_t)told->previous_high << 32 | told->previous_low);
    assert_int_equal(record->length, told->length);
    assert_string_equal(manager_name(record->manager), told->manager);
    assert_int_equal(record->kind, told_kind(told));
    if (strncmp(told->what, "COMMIT_PREPARED", 15) == 0)
        xid = (uint32_t)strtoul(told->what + 16, NULL, 10);
    else if (strncmp(told->what, "ABORT_PREPARED", 14) == 0)
        xid = (uint32_t)strtoul(told->what + 15, NULL, 10);
    assert_int_equal(record->xid, xid);
    if (record->kind == BSC_LOGS_PG_COMMIT || record->kind == BSC_LOGS_PG_PREPARE)
        assert_int_equal(record->time_us, told_time(told->what));
}

/* Returns how many records there were. */
static int compare(const struct facts *facts, uint64_t *ret_end)
{
    struct bsc_logs_pg_reader reader;
    struct told told = {0};
    int count = 0;
    char *path = unit_path(facts->cluster.folder, "dump");
    pg_shell("TZ=UTC %s/pg_waldump -p %s -s %X/%X >%s 2>%s.end || true", facts->cluster.programs,
             facts->cluster.wal, (unsigned)(facts->first >> 32), (unsigned)facts->first, path,
             path);
    FILE *dump = fopen(path, "re");
    assert_non_null(dump);
    begin(&reader, &facts->order);
    while (bsc_logs_pg_next(&reader)) {
        assert_true(next_told(dump, &told));
        is_as_told(&reader.record, &told);
        count++;
    }
    assert_false(next_told(dump, &told));
    *ret_end = reader.end_lsn;
    assert_int_equal(reader.end_lsn, reader.record.end_lsn);
    bsc_logs_pg_release(&reader);
    fclose(dump);
    free(path);
    return count;
}

static void records_are_those_that_pg_waldump_tells(void **state)
{
    uint64_t end = 0;
    assert_true(compare(*state, &end) > 9000);
}

/* The LSN of the last record of many bytes. */
static uint64_t last_long_record(const struct facts *facts)
{
    struct bsc_logs_pg_reader reader;
    uint64_t lsn = 0;
    begin(&reader, &facts->order);
    while (bsc_logs_pg_next(&reader))
        if (reader.record.length > 2 * MIB)
            lsn = reader.record.lsn;
    bsc_logs_pg_release(&reader);
    return lsn;
}

/* A server that was killed within a record goes on over it when it is started again. */
static void a_log_goes_on_over_a_record_that_was_never_finished(void **state)
{
    struct facts *facts = *state;
    struct bsc_logs_pg_reader reader;
    uint64_t end = 0, after = 0;
    pg_run(&facts->cluster, true,
           "SELECT pg_logical_emit_message(true, 'x', repeat('b', 3000000));\n\n");
    const uint64_t lsn = last_long_record(facts);
    for (uint64_t i = 1; i < 4; i++) {
        char name[BSC_LOGS_PG_NAME];
        bsc_logs_pg_name(1, lsn + i * MIB, MIB, name);
        char *path = bsc_logs_pg_path(&facts->folder, name);
        unlink(path);
        bsc_mem_free(path);
    }
    pg_run(&facts->cluster, true, "INSERT INTO t VALUES (7);\n\n");
    compare(facts, &end);
    assert_true(end > lsn);
    begin(&reader, &facts->order);
    while (bsc_logs_pg_next(&reader) && after == 0)
        after = reader.record.lsn >= lsn ? reader.record.lsn : 0;
    assert_true(after >= (lsn / MIB + 1) * MIB);
    bsc_logs_pg_release(&reader);
}

/* In this order behind the others: it changes the size of the files. */
static void so_are_those_of_files_of_another_size(void **state)
{
    struct facts *facts = *state;
    uint64_t end = 0;
    pg_run(&facts->cluster, false, "CHECKPOINT;\n\n");
    pg_shell("%s/pg_resetwal -D %s/data --wal-segsize=16 >/dev/null", facts->cluster.programs,
             facts->cluster.folder);
    pg_run(&facts->cluster, true,
           "INSERT INTO t SELECT i, repeat('y', i % 500) FROM generate_series(1, 9000) i;\n\n"
           "SELECT pg_logical_emit_message(false, 'x', repeat('a', 20000000));\n\n"
           "INSERT INTO t VALUES (6);\n\n");
    aim(facts, 16 * MIB);
    assert_true(compare(facts, &end) > 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_those_that_pg_waldump_tells),
        cmocka_unit_test(a_log_goes_on_over_a_record_that_was_never_finished),
        cmocka_unit_test(so_are_those_of_files_of_another_size),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
