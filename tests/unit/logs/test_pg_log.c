/*
 * Where PostgreSQL's log ends, and why; and what is made of a log that somebody has spoilt.
 */
#include "pg_history.h"

enum { RECORDS = 200000 };

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
                        newer[2] = {0xff, 0xd1};
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

/* Changes a byte of a record's header and makes its checksum right again; does it twice to have the
 * record as it was. False where it does not lie whole on its page. */
static bool reseal(const char *path, off_t offset, size_t at)
{
    unsigned char record[8192];
    uint32_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && pread(fd, &length, sizeof length, offset) == sizeof length);
    const bool fits = length >= 24 && offset % 8192 + length <= 8192;
    assert_true(!fits || pread(fd, record, length, offset) == (ssize_t)length);
    close(fd);
    if (!fits)
        return false;
    record[at] ^= 0x40;
    const uint32_t crc = bsc_logs_crc32c(bsc_logs_crc32c(0, record + 24, length - 24), record, 20);
    memcpy(record + 20, &crc, sizeof crc);
    overwrite(path, offset, record, length);
    return true;
}

/* That its checksum is right does not make a record one of this log. */
static void a_record_that_names_another_before_it_or_is_of_no_kind_ends_a_log(void **state)
{
    enum { PREVIOUS_AT = 8, MANAGER_AT = 17 };
    const struct facts *facts = *state;
    struct spoilt spoilt;
    uint64_t *lsns = bsc_mem_new(RECORDS, sizeof *lsns);
    int checked = 0;
    spoilt_make(facts, &spoilt);
    const uint64_t whole = ends(&spoilt, BSC_LOGS_PG_END_MISSING);
    const size_t count = list_records(&spoilt.order, facts->first + MIB, lsns);
    for (size_t i = count / 2; i < count && checked < 10; i++) {
        const off_t offset = (off_t)(lsns[i] - facts->first);
        for (size_t at = PREVIOUS_AT; at <= MANAGER_AT; at += MANAGER_AT - PREVIOUS_AT) {
            if (!reseal(spoilt.paths[0], offset, at))
                continue;
            assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_TORN), lsns[i]);
            assert_true(reseal(spoilt.paths[0], offset, at));
            checked++;
        }
    }
    assert_int_equal(checked, 10);
    assert_int_equal(ends(&spoilt, BSC_LOGS_PG_END_MISSING), whole);
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

enum how { HERE, PUT_TOGETHER, SKIMMED, PLAIN };

static bool go_on(struct bsc_logs_pg_reader *reader, enum how how)
{
    if (how == PUT_TOGETHER)
        reader->page = NULL; /* no record lies whole on a page that is not there */
    return how == SKIMMED ? bsc_logs_pg_skim(reader, UINT64_MAX) : bsc_logs_pg_next(reader);
}

/* What is told of the transactions of a log, as one number, and where it ends. */
struct gist {
    uint32_t crc;
    int64_t records; /* of transactions */
    uint64_t previous;
    uint64_t end_lsn;
    uint64_t bad_lsn;
    enum bsc_logs_pg_end end;
};

static struct gist read_gist(const struct bsc_logs_pg_order *order, enum how how)
{
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    struct bsc_logs_pg_reader reader;
    struct gist gist = {0};
    begin(&reader, order);
    (void)bsc_logs_crc32c_ways(ways);
    if (how == PLAIN)
        reader.crc32c = ways[0];
    while (go_on(&reader, how)) {
        const struct bsc_logs_pg_record *record = &reader.record;
        if (record->manager != 1)
            continue;
        const uint64_t told[] = {
            record->lsn, record->end_lsn, record->previous,       record->length,
            record->xid, record->info,    (uint64_t)record->kind, (uint64_t)record->time_us};
        gist.crc = bsc_logs_crc32c(gist.crc, told, sizeof told);
        gist.records++;
    }
    gist.previous = reader.previous;
    gist.end_lsn = reader.end_lsn;
    gist.bad_lsn = reader.bad_lsn;
    gist.end = reader.end;
    bsc_logs_pg_release(&reader);
    return gist;
}

/* Where a record is, and which way its checksum is made, is all one. */
static int64_t agree(const struct bsc_logs_pg_order *order)
{
    static const enum how others[] = {PUT_TOGETHER, SKIMMED, PLAIN};
    const struct gist here = read_gist(order, HERE);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct gist other = read_gist(order, others[i]);
        assert_int_equal(other.crc, here.crc);
        assert_int_equal(other.records, here.records);
        assert_int_equal(other.previous, here.previous);
        assert_int_equal(other.end_lsn, here.end_lsn);
        assert_int_equal(other.bad_lsn, here.bad_lsn);
        assert_int_equal(other.end, here.end);
    }
    return here.records;
}

static void a_log_is_the_same_however_it_is_read(void **state)
{
    const struct facts *facts = *state;
    assert_true(agree(&facts->order) > 5);
}

/* The records in between are passed over, the one at the place that was asked for is not. */
static void skimming_tells_the_record_at_its_end(void **state)
{
    const struct facts *facts = *state;
    struct bsc_logs_pg_reader reader;
    uint64_t *lsns = bsc_mem_new(RECORDS, sizeof *lsns);
    const size_t count = list_records(&facts->order, facts->first + MIB, lsns);
    for (size_t i = 1; i < count; i += 7) {
        size_t told = 0;
        begin(&reader, &facts->order);
        do {
            assert_true(bsc_logs_pg_skim(&reader, lsns[i] - i % 8));
            told++;
        } while (reader.record.lsn < lsns[i]);
        assert_int_equal(reader.record.lsn, lsns[i]);
        assert_int_equal(reader.record.previous, lsns[i - 1]);
        assert_true(told <= i + 1 && (i < 1000 || told < i));
        bsc_logs_pg_release(&reader);
    }
    bsc_mem_free(lsns);
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
        if (round % 4 == 0)
            (void)agree(&spoilt.order);
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
        cmocka_unit_test(a_log_ends_where_there_is_no_next_file),
        cmocka_unit_test(the_end_of_a_crashed_log_is_known),
        cmocka_unit_test(zeros_and_older_files_end_a_log),
        cmocka_unit_test(a_file_that_was_cut_short_ends_a_log),
        cmocka_unit_test(a_file_that_is_shorter_than_another_is_passed_over),
        cmocka_unit_test(another_system_or_timeline_or_version_is_no_part_of_a_log),
        cmocka_unit_test(a_wrong_byte_ends_a_log_and_what_is_behind_it_can_be_found),
        cmocka_unit_test(a_record_that_names_another_before_it_or_is_of_no_kind_ends_a_log),
        cmocka_unit_test(reading_begins_at_any_record_and_any_place),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(reading_can_be_cancelled),
        cmocka_unit_test(a_log_is_the_same_however_it_is_read),
        cmocka_unit_test(skimming_tells_the_record_at_its_end),
        cmocka_unit_test(whatever_a_file_holds_reading_ends),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
