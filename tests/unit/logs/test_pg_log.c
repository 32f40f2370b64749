/*
 * Reading PostgreSQL's log. What is read was written by a real PostgreSQL while the test runs, and
 * is compared with what pg_waldump says of it.
 */
#include "pg_cluster.h"

#include <inttypes.h>
#include <time.h>

#include "logs/pg_log.h"
#include "os/files.h"

enum { MIB = 1 << 20, RECORDS = 200000 };

struct facts {
    struct pg_cluster cluster;
    struct bsc_logs_pg_folder folder;
    struct bsc_logs_pg_order order;
    uint64_t first; /* LSN of the first file there is */
};

static const char history[] =
    "CREATE TABLE t (a int, b text);\n\n"
    "INSERT INTO t SELECT i, repeat('x', i % 500) FROM generate_series(1, 9000) i;\n\n"
    "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'one';\n\n"
    "BEGIN; CREATE TABLE u (a int); DROP TABLE u; SAVEPOINT s; INSERT INTO t VALUES (2); "
    "RELEASE s; PREPARE TRANSACTION 'two';\n\n"
    "COMMIT PREPARED 'two';\n\n"
    "COMMIT PREPARED 'one';\n\n"
    "SELECT pg_logical_emit_message(true, 'x', repeat('a', 3000000));\n\n"
    "BEGIN; INSERT INTO t VALUES (3); ROLLBACK;\n\n"
    "CHECKPOINT;\n\n"
    "SELECT pg_switch_wal();\n\n"
    "UPDATE t SET a = a + 1;\n\n"
    "DELETE FROM t WHERE a % 7 = 0;\n\n"
    "INSERT INTO t VALUES (5);\n\n";

static uint64_t first_file(const char *folder, uint32_t segment)
{
    struct bsc_files_list list = {0};
    struct bsc_err err = BSC_ERR_INIT;
    uint64_t lsn = 0;
    assert_true(bsc_files_list(folder, &list, &err));
    for (size_t i = 0; lsn == 0 && i < list.count; i++)
        if (strlen(list.names[i]) == 24)
            lsn = strtoull(list.names[i] + 16, NULL, 16) * segment;
    bsc_files_list_release(&list);
    return lsn;
}

static void aim(struct facts *facts, uint32_t segment)
{
    facts->first = first_file(facts->cluster.wal, segment);
    facts->folder = (struct bsc_logs_pg_folder){.path = facts->cluster.wal};
    facts->order = (struct bsc_logs_pg_order){.sys = bsc_sys_real(),
                                              .folders = &facts->folder,
                                              .folder_count = 1,
                                              .timeline = 1,
                                              .segment = segment,
                                              .first_lsn = facts->first,
                                              .find = true};
}

static int make_history(void **state)
{
    struct facts *facts = bsc_mem_new(1, sizeof *facts);
    pg_cluster_make(&facts->cluster);
    pg_run(&facts->cluster, true, history);
    aim(facts, MIB);
    *state = facts;
    return 0;
}

static int remove_history(void **state)
{
    struct facts *facts = *state;
    pg_cluster_remove(&facts->cluster);
    bsc_mem_free(facts);
    return 0;
}

static void begin(struct bsc_logs_pg_reader *reader, const struct bsc_logs_pg_order *order)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_open(reader, order, &err));
}

/* Comparison with pg_waldump */

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

/* Ends */

/* A log of our own to spoil: its first files, in a folder that belongs to the test. */
struct spoilt {
    struct bsc_logs_pg_folder folder;
    struct bsc_logs_pg_order order;
    char *paths[3]; /* owned */
};

static void copy_file(const char *from, const char *to)
{
    size_t length = 0;
    char *bytes = unit_file_get(from, &length);
    assert_non_null(bytes);
    unit_file_put(to, bytes, length);
    free(bytes);
}

static void spoilt_make(const struct facts *facts, struct spoilt *spoilt)
{
    spoilt->folder = (struct bsc_logs_pg_folder){.path = unit_folder_make()};
    spoilt->order = facts->order;
    for (uint64_t i = 0; i < 3; i++) {
        char name[BSC_LOGS_PG_NAME];
        bsc_logs_pg_name(1, facts->first + i * MIB, MIB, name);
        char *from = bsc_logs_pg_path(&facts->folder, name);
        spoilt->paths[i] = bsc_logs_pg_path(&spoilt->folder, name);
        copy_file(from, spoilt->paths[i]);
        bsc_mem_free(from);
    }
    spoilt->order.folders = &spoilt->folder;
}

static void spoilt_remove(struct spoilt *spoilt)
{
    for (size_t i = 0; i < 3; i++)
        bsc_mem_free(spoilt->paths[i]);
    unit_folder_remove((char *)spoilt->folder.path);
}

static void overwrite(const char *path, off_t offset, const void *bytes, size_t length)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, offset), length);
    close(fd);
}

/* Reads to the end; returns the LSN behind the last record. */
static uint64_t ends(const struct spoilt *spoilt, enum bsc_logs_pg_end end)
{
    struct bsc_logs_pg_reader reader;
    uint64_t last = 0;
    begin(&reader, &spoilt->order);
    while (bsc_logs_pg_next(&reader))
        last = reader.record.end_lsn;
    assert_string_equal(bsc_logs_pg_end_name(reader.end), bsc_logs_pg_end_name(end));
    assert_true(last == 0 || reader.end_lsn == last);
    assert_true(reader.bad_lsn >= reader.end_lsn || end == BSC_LOGS_PG_END_MISSING);
    assert_true(reader.reason[0] != '\0');
    assert_false(bsc_logs_pg_next(&reader));
    bsc_logs_pg_release(&reader);
    return last;
}

static void a_log_ends_where_there_is_no_next_file(void **state)
{
    struct spoilt spoilt;
    spoilt_make(*state, &spoilt);
    uint64_t last = ends(&spoilt, BSC_LOGS_PG_END_MISSING);
    const uint64_t whole = spoilt.order.first_lsn + 3 * MIB;
    assert_true(last <= whole && last > whole - MIB);
    assert_int_equal(unlink(spoilt.paths[1]), 0);
    assert_true(ends(&spoilt, BSC_LOGS_PG_END_MISSING) <= spoilt.order.first_lsn + MIB);
    assert_int_equal(unlink(spoilt.paths[0]), 0);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_MISSING), 0);
    spoilt_remove(&spoilt);
}

static void the_end_of_a_crashed_log_is_known(void **state)
{
    struct facts *facts = *state;
    struct bsc_logs_pg_reader reader;
    begin(&reader, &facts->order);
    while (bsc_logs_pg_next(&reader))
        continue;
    assert_int_equal(reader.end, BSC_LOGS_PG_END_ZEROS);
    assert_int_equal(reader.record.kind, BSC_LOGS_PG_COMMIT);
    assert_false(bsc_logs_pg_resume(&reader));
    bsc_logs_pg_release(&reader);
}

static void zeros_and_older_files_end_a_log(void **state)
{
    static const unsigned char zeros[8192] = {0};
    struct spoilt spoilt;
    spoilt_make(*state, &spoilt);
    copy_file(spoilt.paths[0], spoilt.paths[2]);
    uint64_t last = ends(&spoilt, BSC_LOGS_PG_END_RECYCLED);
    assert_true(last <= spoilt.order.first_lsn + 2 * MIB);
    overwrite(spoilt.paths[1], 0, zeros, sizeof zeros);
    last = ends(&spoilt, BSC_LOGS_PG_END_ZEROS);
    assert_true(last <= spoilt.order.first_lsn + MIB);
    spoilt_remove(&spoilt);
}

static void a_file_that_was_cut_short_ends_a_log(void **state)
{
    struct spoilt spoilt;
    spoilt_make(*state, &spoilt);
    assert_int_equal(truncate(spoilt.paths[1], 100000), 0);
    uint64_t last = ends(&spoilt, BSC_LOGS_PG_END_SHORT);
    assert_true(last <= spoilt.order.first_lsn + MIB + 100000);
    assert_int_equal(truncate(spoilt.paths[0], 7), 0);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_SHORT), 0);
    spoilt_remove(&spoilt);
}

static void a_file_that_is_shorter_than_another_is_passed_over(void **state)
{
    const struct facts *facts = *state;
    struct spoilt spoilt;
    spoilt_make(facts, &spoilt);
    assert_int_equal(truncate(spoilt.paths[1], 100000), 0);
    const struct bsc_logs_pg_folder both[] = {spoilt.folder, facts->folder};
    spoilt.order.folders = both;
    spoilt.order.folder_count = 2;
    assert_true(ends(&spoilt, BSC_LOGS_PG_END_ZEROS) > spoilt.order.first_lsn + 3 * MIB);
    spoilt_remove(&spoilt);
}

static void another_system_or_timeline_or_version_is_no_part_of_a_log(void **state)
{
    const unsigned char other[8] = {1, 2, 3, 4, 5, 6, 7, 8}, later[4] = {2},
                        newer[2] = {0x16, 0xd1};
    struct spoilt spoilt;
    spoilt_make(*state, &spoilt);
    overwrite(spoilt.paths[2], 24, other, sizeof other);
    assert_true(ends(&spoilt, BSC_LOGS_PG_END_FOREIGN) <= spoilt.order.first_lsn + 2 * MIB);
    overwrite(spoilt.paths[1], 8192 + 4, later, sizeof later);
    assert_true(ends(&spoilt, BSC_LOGS_PG_END_FOREIGN) <= spoilt.order.first_lsn + MIB + 8192);
    spoilt.order.system = 4711;
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_FOREIGN), 0);
    spoilt.order.system = 0;
    overwrite(spoilt.paths[0], 0, newer, sizeof newer);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_VERSION), 0);
    spoilt_remove(&spoilt);
}

/* The records of the first file that begin before `limit`. */
static size_t list_records(const struct bsc_logs_pg_order *order, uint64_t limit, uint64_t *lsns)
{
    struct bsc_logs_pg_reader reader;
    size_t count = 0;
    begin(&reader, order);
    while (bsc_logs_pg_next(&reader) && reader.record.lsn < limit && count < RECORDS)
        lsns[count++] = reader.record.lsn;
    bsc_logs_pg_release(&reader);
    return count;
}

static void a_wrong_byte_ends_a_log_and_what_is_behind_it_can_be_found(void **state)
{
    const struct facts *facts = *state;
    struct spoilt spoilt;
    struct bsc_logs_pg_reader reader;
    uint64_t *lsns = bsc_mem_new(RECORDS, sizeof *lsns);
    spoilt_make(facts, &spoilt);
    size_t count = list_records(&spoilt.order, facts->first + MIB, lsns);
    assert_true(count > 20);
    const uint64_t victim = lsns[count / 2];
    overwrite(spoilt.paths[0], (off_t)(victim - facts->first) + 30, "\xde\xad", 2);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_TORN), victim);
    begin(&reader, &spoilt.order);
    while (bsc_logs_pg_next(&reader))
        continue;
    assert_int_equal(reader.bad_lsn, victim);
    assert_true(bsc_logs_pg_resume(&reader));
    bool found = false;
    for (size_t i = count / 2; i < count; i++)
        found = found || lsns[i] == reader.record.lsn;
    assert_true(found || reader.record.lsn >= facts->first + MIB);
    while (bsc_logs_pg_next(&reader))
        continue;
    assert_true(reader.end_lsn > facts->first + 2 * MIB);
    bsc_logs_pg_release(&reader);
    bsc_mem_free(lsns);
    spoilt_remove(&spoilt);
}

static void reading_begins_at_any_record_and_any_place(void **state)
{
    const struct facts *facts = *state;
    struct bsc_logs_pg_order order = facts->order;
    struct bsc_logs_pg_reader reader;
    uint64_t *lsns = bsc_mem_new(RECORDS, sizeof *lsns);
    size_t count = list_records(&order, facts->first + 2 * MIB, lsns);
    for (size_t i = 0; i < count; i += 97) {
        order.find = false;
        order.first_lsn = lsns[i];
        begin(&reader, &order);
        assert_true(bsc_logs_pg_next(&reader));
        assert_int_equal(reader.record.lsn, lsns[i]);
        bsc_logs_pg_release(&reader);
        order.find = true;
        order.first_lsn = lsns[i] + 1;
        begin(&reader, &order);
        assert_true(bsc_logs_pg_next(&reader));
        assert_true(reader.record.lsn > lsns[i]);
        bsc_logs_pg_release(&reader);
    }
    bsc_mem_free(lsns);
}

static void is_refused(const struct bsc_logs_pg_order *order)
{
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_logs_pg_open(&reader, order, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    bsc_logs_pg_release(&reader);
}

static void what_cannot_be_asked_is_refused(void **state)
{
    const struct facts *facts = *state;
    const uint32_t wrong[] = {0, 4096, MIB + 1, 3 * MIB, 1U << 31};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bsc_logs_pg_order order = facts->order;
        order.segment = wrong[i];
        is_refused(&order);
    }
    struct bsc_logs_pg_order far = facts->order, none = facts->order, odd = facts->order;
    far.first_lsn = UINT64_MAX;
    is_refused(&far);
    none.timeline = 0;
    is_refused(&none);
    odd.find = false;
    odd.first_lsn++;
    is_refused(&odd);
}

static void reading_can_be_cancelled(void **state)
{
    const struct facts *facts = *state;
    atomic_bool cancel = true;
    struct spoilt spoilt = {.order = facts->order};
    spoilt.order.cancel = &cancel;
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_CANCELLED), 0);
}

/* Anything at all */

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* Overwrites a few bytes, a stretch, or a number that matters; returns the first place. */
static size_t spoil(unsigned char *bytes, size_t length, uint64_t *random)
{
    static const uint32_t numbers[] = {0, 1, 23, 24, 25, 8191, 0x3fffffff, 0x40000000, 0xffffffff};
    size_t at = draw(random) % length, size = 1 + draw(random) % 16;
    switch (draw(random) % 4) {
    case 0:
        at = at / 8192 * 8192; /* a page's header */
        break;
    case 1:
        size = 1 + draw(random) % 20000;
        break;
    case 2:
        at = at / 8 * 8;
        size = 4;
        break;
    default:
        break;
    }
    size = size < length - at ? size : length - at;
    const uint32_t number = numbers[draw(random) % (sizeof numbers / sizeof numbers[0])];
    for (size_t i = 0; i < size; i++)
        bytes[at + i] =
            size == 4 ? (unsigned char)(number >> 8 * i) : (unsigned char)(draw(random) >> 3);
    return at;
}

/* What was read before the place that was spoilt is right; and reading ends. */
static void read_spoilt(const struct spoilt *spoilt, uint64_t bad, const uint64_t *lsns,
                        size_t count)
{
    struct bsc_logs_pg_reader reader;
    size_t read = 0, resumed = 0;
    begin(&reader, &spoilt->order);
    while (bsc_logs_pg_next(&reader)) {
        if (reader.record.end_lsn <= bad) {
            assert_true(read < count);
            assert_int_equal(reader.record.lsn, lsns[read]);
        }
        read++;
    }
    assert_true(reader.end != BSC_LOGS_PG_END_NONE);
    assert_true(read >= count || reader.end_lsn > bad - MIB);
    for (; resumed < 1000 && bsc_logs_pg_resume(&reader); resumed++)
        while (bsc_logs_pg_next(&reader))
            continue;
    bsc_logs_pg_release(&reader);
}

static void whatever_a_file_holds_reading_ends(void **state)
{
    const struct facts *facts = *state;
    struct spoilt spoilt;
    uint64_t random = 88172645463325252ULL;
    uint64_t *lsns = bsc_mem_new(RECORDS, sizeof *lsns);
    size_t length = 0;
    const int before = unit_fd_count();
    spoilt_make(facts, &spoilt);
    size_t count = list_records(&facts->order, facts->first + 2 * MIB, lsns);
    unsigned char *good = (unsigned char *)unit_file_get(spoilt.paths[1], &length);
    unsigned char *bytes = bsc_mem_new(length, 1);
    for (int round = 0; round < 400; round++) {
        size_t first = length, used = round % 10 == 9 ? draw(&random) % length : length;
        memcpy(bytes, good, length);
        for (uint64_t i = 0; i <= draw(&random) % 3; i++) {
            size_t at = spoil(bytes, length, &random);
            first = at < first ? at : first;
        }
        unit_file_put(spoilt.paths[1], bytes, used);
        first = used < first ? used : first;
        read_spoilt(&spoilt, facts->first + MIB + first, lsns, count);
    }
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)draw(&random);
    unit_file_put(spoilt.paths[0], bytes, length);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_TORN), 0);
    bsc_mem_free(bytes);
    free(good);
    bsc_mem_free(lsns);
    spoilt_remove(&spoilt);
    assert_int_equal(unit_fd_count(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_those_that_pg_waldump_tells),
        cmocka_unit_test(a_log_ends_where_there_is_no_next_file),
        cmocka_unit_test(the_end_of_a_crashed_log_is_known),
        cmocka_unit_test(zeros_and_older_files_end_a_log),
        cmocka_unit_test(a_file_that_was_cut_short_ends_a_log),
        cmocka_unit_test(a_file_that_is_shorter_than_another_is_passed_over),
        cmocka_unit_test(another_system_or_timeline_or_version_is_no_part_of_a_log),
        cmocka_unit_test(a_wrong_byte_ends_a_log_and_what_is_behind_it_can_be_found),
        cmocka_unit_test(reading_begins_at_any_record_and_any_place),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(reading_can_be_cancelled),
        cmocka_unit_test(whatever_a_file_holds_reading_ends),
        cmocka_unit_test(so_are_those_of_files_of_another_size),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
