/*
 * A log that is read in parts ends where it ends for whoever reads it as a whole, whatever is wrong
 * with it; or it is not read in parts.
 */
#include "pg_dead.h"

#include <unistd.h>

#include "logs/pg_parts.h"

struct end {
    enum bsc_logs_pg_end end;
    uint64_t end_lsn;
    uint64_t bad_lsn;
    uint64_t previous; /* where the last record begins */
    int64_t time_us;
};

static struct end end_of(const struct bsc_logs_pg_reader *reader, int64_t time_us)
{
    return (struct end){reader->end, reader->end_lsn, reader->bad_lsn, reader->previous, time_us};
}

static struct end read_whole(const struct bsc_logs_pg_order *order)
{
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t time_us = 0;
    assert_true(bsc_logs_pg_open(&reader, order, &err));
    while (bsc_logs_pg_next(&reader)) {
        if (reader.record.kind != BSC_LOGS_PG_PREPARE && reader.record.time_us != 0)
            time_us = reader.record.time_us;
    }
    struct end end = end_of(&reader, time_us);
    bsc_logs_pg_release(&reader);
    return end;
}

/* Whether it was read in parts. */
static bool agrees(const struct bsc_logs_pg_order *order, uint64_t last_file)
{
    struct bsc_logs_pg_reader reader;
    int64_t time_us = 0;
    if (!bsc_logs_pg_parts_read(order, last_file, &reader, &time_us))
        return false;
    struct end whole = read_whole(order), parts = end_of(&reader, time_us);
    bsc_logs_pg_release(&reader);
    assert_int_equal(parts.end, whole.end);
    assert_int_equal(parts.end_lsn, whole.end_lsn);
    assert_int_equal(parts.bad_lsn, whole.bad_lsn);
    assert_int_equal(parts.previous, whole.previous);
    assert_int_equal(parts.time_us, whole.time_us);
    return true;
}

static struct bsc_logs_pg_order order_of(const struct bsc_logs_pg_folder *folder,
                                         const struct site *site)
{
    return (struct bsc_logs_pg_order){.sys = bsc_sys_real(),
                                      .folders = folder,
                                      .folder_count = 1,
                                      .timeline = 1,
                                      .segment = MIB,
                                      .first_lsn = site->first,
                                      .find = true};
}

static uint64_t last_file_of(const struct site *site)
{
    return (site->last - 1) / MIB * MIB;
}

static void a_whole_log_is_read_in_parts(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    const struct bsc_logs_pg_folder folder = {.path = wal};
    struct bsc_logs_pg_order order = order_of(&folder, &site);
    const bool can = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    assert_int_equal(agrees(&order, last_file_of(&site)), can);
    assert_false(agrees(&order, site.first)); /* one file */
    free(wal);
    site_remove(&site);
}

static void flip(const char *path, off_t offset)
{
    unsigned char byte = 0;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &byte, 1, offset) == 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    assert_int_equal(close(fd), 0);
}

/* Each byte of the headers at a file's top says something; the rest is records. */
static void damage_anywhere_is_found_as_by_one_reader(void **state)
{
    static const off_t places[] = {0,  2,  4,   8,    16,   24,   32,    36,     40,
                                   44, 48, 100, 8191, 8192, 8200, 70001, 500000, 1048575};
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    const struct bsc_logs_pg_folder folder = {.path = wal};
    struct bsc_logs_pg_order order = order_of(&folder, &site);
    for (uint64_t lsn = site.first; lsn < site.last; lsn += MIB) {
        char *path = dead_file(&site, lsn);
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            flip(path, places[i]);
            (void)agrees(&order, last_file_of(&site));
            flip(path, places[i]);
        }
        free(path);
    }
    free(wal);
    site_remove(&site);
}

/* A file that is missing, and one that has the bytes of another. */
static void files_in_each_others_place_are_no_log(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    const struct bsc_logs_pg_folder folder = {.path = wal};
    struct bsc_logs_pg_order order = order_of(&folder, &site);
    for (uint64_t lsn = site.first + MIB; lsn < last_file_of(&site); lsn += MIB) {
        char *path = dead_file(&site, lsn), *other = dead_file(&site, lsn - MIB);
        char *aside = unit_path(site.folder, "aside");
        assert_int_equal(rename(path, aside), 0);
        (void)agrees(&order, last_file_of(&site));
        assert_int_equal(link(other, path), 0);
        (void)agrees(&order, last_file_of(&site));
        assert_int_equal(rename(aside, path), 0);
        free(path);
        free(other);
        free(aside);
    }
    free(wal);
    site_remove(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_is_read_in_parts),
        cmocka_unit_test(damage_anywhere_is_found_as_by_one_reader),
        cmocka_unit_test(files_in_each_others_place_are_no_log),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
