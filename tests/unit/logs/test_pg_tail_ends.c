/*
 * When nothing was found behind the shipped log: only a disk that shows where its log ends tells
 * that nothing was committed there.
 */
#include "pg_dead.h"

#include <inttypes.h>

#include "logs/crc32c.h"

static const char zeros[512];

static void overwrite_with_zeros(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 0), sizeof zeros);
    close(fd);
}

static void remove_range(const char *folder, uint64_t first, uint64_t last)
{
    for (uint64_t lsn = first; lsn < last; lsn += MIB) {
        char *path = file_in(folder, lsn);
        unlink(path);
        free(path);
    }
}

/* Where the first commit behind an LSN begins. */
static uint64_t first_commit(const struct site *site, uint64_t after_lsn)
{
    char *wal = unit_path(site->disk, "pg_wal");
    const struct bsc_logs_pg_folder folder = {.path = wal};
    const struct bsc_logs_pg_order order = {.sys = bsc_sys_real(),
                                            .folders = &folder,
                                            .folder_count = 1,
                                            .timeline = 1,
                                            .segment = MIB,
                                            .first_lsn = after_lsn};
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_open(&reader, &order, &err));
    do
        assert_true(bsc_logs_pg_next(&reader));
    while (reader.record.kind != BSC_LOGS_PG_COMMIT);
    uint64_t lsn = reader.record.lsn;
    bsc_logs_pg_release(&reader);
    free(wal);
    return lsn;
}

static void a_folder_without_a_log_tells_nothing(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *nothing = unit_path(site.folder, "nothing"), *gone = unit_path(site.folder, "gone");
    const char *disks[] = {nothing, nothing};
    assert_int_equal(mkdir(nothing, 0700), 0);
    site.order.salvage = disks;
    tail_says(&site, "unavailable", "shows that its log reaches");
    disks[0] = gone;
    site.order.salvage_count = 2;
    site.order.mirrors = 1;
    tail_says(&site, "unavailable", "does not answer");
    free(nothing);
    free(gone);
    site_remove(&site);
}

/* It has the log up to some earlier LSN. */
static void a_disk_that_lags_tells_nothing(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.half - MIB, site.last);
    tail_says(&site, "unavailable", "shows that its log reaches");
    free(wal);
    site_remove(&site);
}

static void a_mirror_does_not_tell_that_the_primary_had_no_more(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.half, site.last);
    tail_is(&site, "empty");
    site.order.mirrors = 1;
    tail_says(&site, "unavailable", "the primary's may go on");
    free(wal);
    site_remove(&site);
}

static void a_bad_first_sector_is_no_end(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *first = dead_file(&site, site.half);
    overwrite_with_zeros(first);
    tail_says(&site, "damaged", "is gone from its log");
    char *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.half + MIB, site.last);
    tail_says(&site, "damaged", "is gone from its log");
    free(wal);
    free(first);
    site_remove(&site);
}

/* The tail begins within a file that is bad on the disk and was shipped whole. */
static void a_bad_file_is_taken_from_where_it_is_whole(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal"), *first = dead_file(&site, site.half);
    copy_range(wal, site.share, site.half, site.half + MIB);
    struct bsc_logs_pg_survey shipped = survey_of(site.share, site.half, false);
    overwrite_with_zeros(first);
    site.order.after_lsn = shipped.last_lsn;
    struct bsc_value *facts = tail_of(&site);
    is_in_state(facts, "available");
    assert_int_equal(bsc_value_get_number(facts, "last_lsn", 0), site.last);
    bsc_value_free(facts);
    bsc_logs_pg_survey_release(&shipped);
    free(first);
    free(wal);
    site_remove(&site);
}

static void a_whole_record_before_a_bad_one_changes_nothing(void **state)
{
    struct site site;
    site_make(*state, &site);
    const uint64_t commit = first_commit(&site, site.half);
    char *path = dead_file(&site, commit);
    assert_true(commit > site.half + 100);
    overwrite(path, (off_t)(commit % MIB) + 30, "a sector that went bad");
    tail_says(&site, "damaged", "is gone from its log");
    assert_int_equal(truncate(path, (off_t)(commit % MIB) + 8), 0);
    tail_is(&site, "damaged");
    free(path);
    site_remove(&site);
}

static void what_was_salvaged_long_before_tells_nothing_of_what_came_later(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    char *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.first, site.last);
    site.order.after_lsn = site.last;
    tail_says(&site, "salvaged", "shows that its log ended");
    site.order.after_lsn = site.last + 10 * (uint64_t)MIB;
    tail_says(&site, "unavailable", "shows that its log reaches");
    free(wal);
    site_remove(&site);
}

/* Without the file, and with nothing but zeros in it. */
static void behind_a_missing_file_the_rest_is_said_to_be_lost(void **state)
{
    struct site site;
    site_make(*state, &site);
    const uint64_t hole = site.last - site.last % MIB - MIB;
    char *path = dead_file(&site, hole);
    assert_true(hole > site.half);
    assert_int_equal(unlink(path), 0);
    tail_says(&site, "available", "is lost");
    char *bytes = bsc_mem_new(MIB, 1);
    memset(bytes, 0, MIB);
    unit_file_put(path, bytes, MIB);
    tail_says(&site, "available", "is lost");
    bsc_mem_free(bytes);
    free(path);
    site_remove(&site);
}

/* A server that was cloned before goes on from the same place, but from another record. */
static void a_log_that_does_not_go_on_from_the_shipped_one_is_not_taken(void **state)
{
    struct site site;
    size_t length = 0;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half);
    unsigned char *bytes = (unsigned char *)unit_file_get(path, &length), *record = bytes + 40;
    const uint32_t size = (uint32_t)record[0] | (uint32_t)record[1] << 8;
    assert_true(size > 24 && size < 8000);
    record[8] ^= 0x40; /* the record before it begins elsewhere */
    const uint32_t crc = bsc_logs_crc32c(bsc_logs_crc32c(0, record + 24, size - 24), record, 20);
    for (int i = 0; i < 4; i++)
        record[20 + i] = (unsigned char)(crc >> 8 * i);
    unit_file_put(path, (const char *)bytes, length);
    tail_says(&site, "damaged", "does not follow the one before it");
    free(bytes);
    free(path);
    site_remove(&site);
}

/* Where the record begins that comes before the last commit. */
static uint64_t before_last_commit(const struct site *site)
{
    uint64_t at = 0;
    char *wal = unit_path(site->disk, "pg_wal");
    const struct bsc_logs_pg_folder folder = {.path = wal};
    const struct bsc_logs_pg_order order = {.sys = bsc_sys_real(),
                                            .folders = &folder,
                                            .folder_count = 1,
                                            .timeline = 1,
                                            .segment = MIB,
                                            .first_lsn = site->half};
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_open(&reader, &order, &err));
    while (bsc_logs_pg_next(&reader))
        if (reader.record.kind == BSC_LOGS_PG_COMMIT)
            at = reader.record.previous;
    bsc_logs_pg_release(&reader);
    free(wal);
    return at;
}

static void a_bad_record_on_the_last_page_is_no_end(void **state)
{
    struct site site;
    site_make(*state, &site);
    const uint64_t bad = before_last_commit(&site);
    char *path = dead_file(&site, bad);
    overwrite(path, (off_t)(bad % MIB) + 26, "bad");
    tail_says(&site, "available", "is lost");
    site.order.parted = true;
    tail_says(&site, "too_late", "is lost");
    free(path);
    site_remove(&site);
}

static void a_log_that_went_on_on_a_later_timeline_has_more(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half), *later = dead_file(&site, site.half);
    later[strlen(later) - 17] = '2';
    assert_int_equal(rename(path, later), 0);
    tail_says(&site, "damaged", "goes on on timeline 2");
    site.order.after_lsn = site.last + MIB;
    tail_is(&site, "unavailable");
    free(path);
    free(later);
    site_remove(&site);
}

/* Nothing was written there yet but when it began, and where. */
static void so_has_one_of_which_the_history_alone_is_there(void **state)
{
    struct site site;
    char text[64];
    site_make(*state, &site);
    char *path = unit_path(site.disk, "pg_wal/00000002.history");
    snprintf(text, sizeof text, "1\t0/%X\tno recovery target specified\n", (unsigned)site.last);
    unit_file_put(path, text, strlen(text));
    tail_says(&site, "damaged", "goes on on timeline 2");
    snprintf(text, sizeof text, "1\t0/%X\tgiven up\n", (unsigned)site.half - 8);
    unit_file_put(path, text, strlen(text));
    tail_is(&site, "available");
    unit_file_put(path, "", 0);
    tail_says(&site, "damaged", "goes on on timeline 2");
    free(path);
    site_remove(&site);
}

/* The last record of what was shipped goes on in the next file: without that one it is not known
 * what comes behind it. */
static void a_record_that_goes_on_in_a_missing_file_is_no_end(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    copy_range(wal, site.share, site.half, site.half + MIB);
    struct bsc_logs_pg_survey shipped = survey_of(site.share, site.half, false);
    assert_true(shipped.bad_lsn > shipped.last_lsn);
    remove_range(wal, site.half + MIB, site.last);
    tail_says(&site, "available", "is not there");
    site.order.after_lsn = shipped.last_lsn;
    tail_says(&site, "unavailable", "is not there");
    bsc_logs_pg_survey_release(&shipped);
    free(wal);
    site_remove(&site);
}

/* A file is used again for what comes later. */
static void a_page_of_a_later_place_is_no_end(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half), *later = dead_file(&site, site.half + MIB);
    assert_int_equal(rename(later, path), 0);
    char *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.half + MIB, site.last);
    tail_says(&site, "damaged", "holds the page of LSN");
    free(wal);
    free(path);
    free(later);
    site_remove(&site);
}

static void a_page_that_lost_its_beginning_is_no_end(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal"), *path = dead_file(&site, site.half);
    remove_range(wal, site.half, site.last);
    char *bytes = bsc_mem_new(MIB, 1);
    memset(bytes, 0, MIB);
    unit_file_put(path, bytes, MIB);
    tail_is(&site, "empty");
    overwrite(path, 600, "what was written");
    tail_is(&site, "damaged");
    bsc_mem_free(bytes);
    free(wal);
    free(path);
    site_remove(&site);
}

/* Puts pages over those of a file of the dead disk, from the 40th to the 79th. */
static void overwrite_pages(const struct site *site, const char *bytes)
{
    enum { PAGE = 8192, FIRST = 40, PAGES = 40 };
    char *path = dead_file(site, site->half);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, (size_t)PAGE * PAGES, (off_t)PAGE * FIRST), PAGE * PAGES);
    close(fd);
    free(path);
}

/* Pages that were never written to, and those that an older file has left. */
static void the_log_is_found_again_behind_many_pages_that_are_none_of_it(void **state)
{
    struct site site;
    char words[64];
    site_make(*state, &site);
    snprintf(words, sizeof words, "up to LSN %" PRIu64 ", is lost", site.last);
    char *blank = bsc_mem_new(MIB, 1), *older = file_in(site.destination, site.half - MIB);
    memset(blank, 0, MIB);
    overwrite_pages(&site, blank);
    tail_says(&site, "available", words);
    size_t length = 0;
    char *left = unit_file_get(older, &length);
    assert_int_equal(length, MIB);
    overwrite_pages(&site, left);
    tail_says(&site, "available", words);
    bsc_mem_free(blank);
    free(left);
    free(older);
    site_remove(&site);
}

static void another_disk_may_show_that_there_was_more(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal"), *mirror = unit_path(site.folder, "mirror");
    char *later = unit_path(mirror, "00000002.history"), text[64];
    const char *disks[] = {wal, mirror};
    assert_int_equal(mkdir(mirror, 0700), 0);
    copy_range(wal, mirror, site.first, site.last);
    remove_range(wal, site.half, site.last);
    site.order.salvage = disks;
    site.order.salvage_count = 2;
    site.order.mirrors = 1;
    remove_range(mirror, site.half, site.last);
    tail_is(&site, "empty");
    snprintf(text, sizeof text, "1\t0/%X\tno recovery target specified\n", (unsigned)site.half);
    unit_file_put(later, text, strlen(text));
    tail_says(&site, "damaged", "goes on beyond that");
    free(later);
    free(mirror);
    free(wal);
    site_remove(&site);
}

/* Whether a page was ever written to is asked with two bytes: a stop ends that. */
struct stopper {
    struct bsc_sys sys;
    atomic_bool cancel;
    int asked;
};

static ssize_t stopping_pread(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    struct stopper *stopper = self;
    if (length == 2) {
        atomic_store(&stopper->cancel, true);
        stopper->asked++;
    }
    return pread(fd, bytes, length, offset);
}

static void looking_for_the_end_of_a_closed_file_can_be_cancelled(void **state)
{
    struct site site;
    struct bsc_err err = BSC_ERR_INIT;
    struct stopper stopper = {.sys = *bsc_sys_real()};
    site_make(*state, &site);
    stopper.sys.self = &stopper;
    stopper.sys.pread = stopping_pread;
    site.order.sys = &stopper.sys;
    site.order.cancel = &stopper.cancel;
    assert_null(bsc_logs_pg_tail(&site.order, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_int_equal(stopper.asked, 1);
    site_remove(&site);
}

/* What the disk does not tell, and what is no answer at all. */
static void a_look_that_fails_is_told_from_a_disk_that_cannot_be_read(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    atomic_bool cancelled = true;
    site_make(*state, &site);
    site.order.cancel = &cancelled;
    assert_null(bsc_logs_pg_tail(&site.order, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    err = (struct bsc_err)BSC_ERR_INIT;
    site.order.cancel = NULL;
    site.order.after_lsn++;
    assert_null(bsc_logs_pg_tail(&site.order, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    err = (struct bsc_err)BSC_ERR_INIT;
    site.order.after_lsn--;
    char *path = dead_file(&site, site.half), *wal = unit_path(site.disk, "pg_wal");
    remove_range(wal, site.half, site.last);
    assert_int_equal(mkdir(path, 0700), 0);
    tail_says(&site, "unavailable", "is a folder");
    assert_false(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    free(path);
    free(wal);
    site_remove(&site);
}

/* Where the zeros begin that a file was closed with. */
static size_t closed_at(const char *path)
{
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    assert_non_null(bytes);
    while (length > 0 && bytes[length - 1] == 0)
        length--;
    free(bytes);
    return length;
}

static void a_file_that_was_closed_early_is_read_near_its_last_record_only(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    const char *folders[] = {site.destination, site.share, wal};
    for (size_t i = 0; i < 3; i++) {
        char *last = file_in(folders[i], site.half - MIB);
        UNIT_IN_RANGE(closed_at(last), 300 * 1024, 700 * 1024);
        overwrite(last, 20000, "damaged");
        free(last);
    }
    struct bsc_value *facts = tail_of(&site);
    is_in_state(facts, "available");
    assert_string_equal(bsc_value_get_string(facts, "reason"), "");
    bsc_value_free(facts);
    free(wal);
    site_remove(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_was_closed_early_is_read_near_its_last_record_only),
        cmocka_unit_test(looking_for_the_end_of_a_closed_file_can_be_cancelled),
        cmocka_unit_test(a_folder_without_a_log_tells_nothing),
        cmocka_unit_test(a_disk_that_lags_tells_nothing),
        cmocka_unit_test(a_mirror_does_not_tell_that_the_primary_had_no_more),
        cmocka_unit_test(a_bad_first_sector_is_no_end),
        cmocka_unit_test(a_bad_file_is_taken_from_where_it_is_whole),
        cmocka_unit_test(a_whole_record_before_a_bad_one_changes_nothing),
        cmocka_unit_test(what_was_salvaged_long_before_tells_nothing_of_what_came_later),
        cmocka_unit_test(behind_a_missing_file_the_rest_is_said_to_be_lost),
        cmocka_unit_test(a_log_that_does_not_go_on_from_the_shipped_one_is_not_taken),
        cmocka_unit_test(a_bad_record_on_the_last_page_is_no_end),
        cmocka_unit_test(a_log_that_went_on_on_a_later_timeline_has_more),
        cmocka_unit_test(so_has_one_of_which_the_history_alone_is_there),
        cmocka_unit_test(a_record_that_goes_on_in_a_missing_file_is_no_end),
        cmocka_unit_test(a_page_of_a_later_place_is_no_end),
        cmocka_unit_test(a_page_that_lost_its_beginning_is_no_end),
        cmocka_unit_test(the_log_is_found_again_behind_many_pages_that_are_none_of_it),
        cmocka_unit_test(another_disk_may_show_that_there_was_more),
        cmocka_unit_test(a_look_that_fails_is_told_from_a_disk_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
