/*
 * The tail of a dead PostgreSQL server's log: looked at, and handed to a standby. The log was
 * written by a real PostgreSQL, which was killed; its first half was shipped.
 */
#include "pg_dead.h"

#include <errno.h>

#include "../fault_sys.h"
#include "logs/pg_mark.h"
#include "logs/segments.h"
#include "os/clock.h"

static void what_was_not_shipped_is_told_commit_by_commit(void **state)
{
    struct site site;
    site_make(*state, &site);
    struct bsc_value *facts = tail_of(&site);
    const struct bsc_value *list = bsc_value_get(facts, "commit_list");
    is_in_state(facts, "available");
    assert_int_equal(bsc_value_get_number(facts, "first_lsn", 0), site.half);
    assert_int_equal(bsc_value_get_number(facts, "last_lsn", 0), site.last);
    assert_int_equal(bsc_value_get_number(facts, "commits", 0), site.commits);
    assert_true(site.commits >= 3);
    assert_int_equal(bsc_value_count(list), site.commits);
    assert_int_equal(bsc_value_get_number(facts, "prepared", 0), 1);
    const char *last = bsc_value_string(bsc_value_at(list, (size_t)site.commits - 1));
    const char *time = bsc_value_get_string(facts, "time");
    assert_memory_equal(last, time, strlen(time));
    site.order.list_from = 1;
    site.order.list_max = site.commits - 2;
    struct bsc_value *part = tail_of(&site);
    assert_int_equal(bsc_value_get_number(part, "commits", 0), site.commits);
    assert_int_equal(bsc_value_count(bsc_value_get(part, "commit_list")), site.commits - 2);
    for (size_t i = 1; i < (size_t)site.commits - 1; i++)
        assert_string_equal(
            bsc_value_string(bsc_value_at(list, i)),
            bsc_value_string(bsc_value_at(bsc_value_get(part, "commit_list"), i - 1)));
    bsc_value_free(part);
    bsc_value_free(facts);
    site_remove(&site);
}

/* What the standby will find in its folder alone. */
static void is_handed_over(const struct site *site)
{
    struct bsc_logs_pg_survey survey = survey_of(site->destination, site->first, true);
    assert_int_equal(survey.last_lsn, site->last);
    assert_true(survey.end == BSC_LOGS_PG_END_ZEROS || survey.end == BSC_LOGS_PG_END_MISSING);
    bsc_logs_pg_survey_release(&survey);
    for (uint64_t lsn = site->first; lsn < site->last; lsn += MIB) {
        struct stat found;
        char *path = file_in(site->destination, lsn);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_size, MIB);
        free(path);
    }
}

static void it_is_handed_over_as_whole_files(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(salvaged.last_lsn, site.last);
    assert_int_equal(salvaged.commits, site.commits);
    assert_int_equal(salvaged.files, (site.last - site.half + MIB - 1) / MIB);
    is_handed_over(&site);
    site.order.after_lsn = site.last;
    struct bsc_value *facts = tail_of(&site);
    is_in_state(facts, "salvaged");
    assert_int_equal(bsc_value_get_number(facts, "first_lsn", 0), site.half);
    assert_int_equal(bsc_value_get_number(facts, "commits", 0), site.commits);
    bsc_value_free(facts);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(salvaged.files, 0);
    site_remove(&site);
}

static void is_refused(struct site *site, const struct bsc_logs_pg_told *told)
{
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *path = file_in(site->destination, site->half);
    site->order.told = told;
    assert_false(bsc_logs_pg_salvage(&site->order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_int_not_equal(access(path, F_OK), 0);
    free(path);
}

/* Whatever was told, what is handed over is what was read of it. */
static void what_was_told_of_it_need_not_be_read_again(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    struct bsc_value *before = tail_of(&site);
    struct bsc_logs_pg_told told = {.last_lsn = site.last, .commits = site.commits + 1};
    is_refused(&site, &told);
    told = (struct bsc_logs_pg_told){.last_lsn = site.half + MIB / 2, .commits = site.commits};
    is_refused(&site, &told);
    told = (struct bsc_logs_pg_told){.last_lsn = site.last, .commits = site.commits};
    assert_true(bsc_clock_parse(bsc_value_get_string(before, "time"), &told.time_ms));
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(salvaged.last_lsn, site.last);
    assert_int_equal(salvaged.commits, site.commits);
    is_handed_over(&site);
    site.order.after_lsn = site.last;
    struct bsc_value *after = tail_of(&site);
    is_in_state(after, "salvaged");
    assert_string_equal(bsc_value_get_string(after, "time"), bsc_value_get_string(before, "time"));
    bsc_value_free(before);
    bsc_value_free(after);
    site_remove(&site);
}

/* A half file under the right name was left by a copy job, one of a partial name by a server. */
static void files_that_are_there_in_part_are_replaced(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    char *half = file_in(site.destination, site.half);
    char *partial = bsc_mem_format("%s.partial", half);
    char *wal = unit_path(site.disk, "pg_wal");
    copy_range(wal, site.destination, site.half, site.half + MIB);
    copy_range(wal, site.share, site.half, site.half + MIB);
    assert_int_equal(rename(half, partial), 0);
    copy_range(wal, site.destination, site.half, site.half + MIB);
    assert_int_equal(truncate(half, 70000), 0);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    is_handed_over(&site);
    bsc_mem_free(partial);
    free(half);
    free(wal);
    site_remove(&site);
}

/* Where the tail begins in the middle of a file, of which the disk may have only what follows. */
static void a_tail_begins_anywhere(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    struct bsc_logs_pg_survey shipped = survey_of(site.destination, site.first, true);
    char *wal = unit_path(site.disk, "pg_wal");
    copy_range(wal, site.destination, site.half, site.half + MIB);
    struct bsc_logs_pg_survey more = survey_of(site.destination, shipped.last_lsn, false);
    assert_true(more.last_lsn > site.half && more.last_lsn < site.half + MIB);
    char *gone = dead_file(&site, site.half);
    assert_int_equal(unlink(gone), 0);
    site.order.after_lsn = more.last_lsn;
    tail_is(&site, "available");
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    is_handed_over(&site);
    bsc_logs_pg_survey_release(&shipped);
    bsc_logs_pg_survey_release(&more);
    free(gone);
    free(wal);
    site_remove(&site);
}

/* What lies before the tail is whole where it was shipped to, and bad on the dead disk. */
static void what_the_standby_has_replayed_stays_as_it_was_shipped(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal"), *dead = dead_file(&site, site.half);
    copy_range(wal, site.destination, site.half, site.half + MIB);
    struct bsc_logs_pg_survey shipped = survey_of(site.destination, site.half, false);
    site.order.after_lsn = shipped.last_lsn;
    overwrite(dead, 5000, "a sector that went bad");
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    struct bsc_logs_pg_survey now = survey_of(site.destination, site.half, false);
    assert_int_equal(now.last_lsn, site.last);
    bsc_logs_pg_survey_release(&now);
    bsc_logs_pg_survey_release(&shipped);
    free(dead);
    free(wal);
    site_remove(&site);
}

/* A copy job that was killed has left a part of a file that is there whole by now. */
static void what_others_left_over_is_not_touched(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal");
    copy_range(wal, site.destination, site.half, site.half + MIB);
    struct bsc_logs_pg_survey shipped = survey_of(site.destination, site.half, false);
    char *whole = file_in(site.destination, site.half);
    const char *name = whole + strlen(site.destination) + 1;
    char *left = bsc_mem_format("%s/.%s.partial", site.destination, name);
    unit_file_put(left, "half", 4);
    char *gone = dead_file(&site, site.half);
    assert_int_equal(unlink(gone), 0);
    site.order.after_lsn = shipped.last_lsn;
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    is_handed_over(&site);
    assert_int_equal(access(left, F_OK), 0);
    bsc_logs_pg_survey_release(&shipped);
    bsc_mem_free(left);
    free(gone);
    free(whole);
    free(wal);
    site_remove(&site);
}

/* The disk has a part of a file that was shipped whole. */
static void a_file_is_handed_over_from_where_it_was_read(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    char *wal = unit_path(site.disk, "pg_wal"), *part = dead_file(&site, site.half);
    copy_range(wal, site.share, site.half, site.half + MIB);
    assert_int_equal(truncate(part, 70000), 0);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(salvaged.last_lsn, site.last);
    is_handed_over(&site);
    free(part);
    free(wal);
    site_remove(&site);
}

/* The server comes back after its tail was salvaged, and goes on in the same file. */
static void what_a_server_ships_after_all_replaces_what_was_salvaged(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_logs_segments_result copied = {0};
    struct bsc_err err = BSC_ERR_INIT;
    size_t length = 0;
    uint64_t mark = 0;
    site_make(*state, &site);
    char *dead = dead_file(&site, site.half), *here = file_in(site.destination, site.half);
    char *later = dead_file(&site, site.half + MIB), *bytes = unit_file_get(dead, &length);
    char *there = file_in(site.share, site.half), *cut = unit_file_get(dead, NULL);
    assert_true(bytes != NULL && cut != NULL && length == MIB);
    memset(cut + 500000, 0, MIB - 500000);
    unit_file_put(dead, cut, length);
    assert_int_equal(unlink(later), 0);
    const char *name = bsc_files_name_of(here);
    const struct bsc_logs_segments_order order = {.sys = bsc_sys_real(),
                                                  .share = site.share,
                                                  .destination = site.destination,
                                                  .names = &name,
                                                  .count = 1,
                                                  .segment_bytes = MIB,
                                                  .system_id = site.system};
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_true(bsc_logs_pg_mark_read(order.sys, order.destination, name, &mark));
    assert_int_equal(mark, salvaged.last_lsn);
    cut[300] ^= 1; /* of a server that went another way */
    unit_file_put(there, cut, length);
    assert_false(bsc_logs_segments_copy(&order, &copied, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    err = (struct bsc_err)BSC_ERR_INIT;
    unit_file_put(there, bytes, length);
    assert_true(bsc_logs_segments_copy(&order, &copied, &err));
    assert_int_equal(copied.copied, 1);
    assert_false(bsc_logs_pg_mark_read(order.sys, order.destination, name, &mark));
    char *now = unit_file_get(here, NULL);
    assert_memory_equal(now, bytes, MIB);
    free(now);
    free(bytes);
    free(cut);
    free(dead);
    free(later);
    free(here);
    free(there);
    site_remove(&site);
}

/* Whoever owns the folder cannot have root write elsewhere. */
static void nothing_is_written_through_a_link(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    size_t length = 0;
    site_make(*state, &site);
    const struct bsc_logs_pg_folder staged = {.path = site.destination, .staged = true};
    char name[BSC_LOGS_PG_NAME];
    bsc_logs_pg_name(1, site.half, MIB, name);
    char *trap = bsc_logs_pg_path(&staged, name), *victim = unit_path(site.folder, "victim");
    unit_file_put(victim, "mine", 4);
    assert_int_equal(symlink(victim, trap), 0);
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    is_handed_over(&site);
    char *bytes = unit_file_get(victim, &length);
    assert_int_equal(length, 4);
    free(bytes);
    free(victim);
    bsc_mem_free(trap);
    site_remove(&site);
}

static void what_is_not_in_a_copy_that_was_brought_online_is_too_late(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    site.order.parted = true;
    struct bsc_value *facts = tail_of(&site);
    is_in_state(facts, "too_late");
    assert_int_equal(bsc_value_get_number(facts, "commits", 0), site.commits);
    assert_int_equal(bsc_value_count(bsc_value_get(facts, "commit_list")), site.commits);
    bsc_value_free(facts);
    assert_false(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    site.order.after_lsn = site.last;
    tail_is(&site, "empty");
    site_remove(&site);
}

static void a_log_that_was_shipped_to_its_end_has_no_tail(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    for (uint64_t lsn = site.half; lsn < site.last; lsn += MIB) {
        char *path = dead_file(&site, lsn);
        assert_int_equal(unlink(path), 0);
        free(path);
    }
    tail_is(&site, "empty");
    assert_false(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    site_remove(&site);
}

static void a_tail_without_its_beginning_is_damaged(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half);
    assert_int_equal(unlink(path), 0);
    tail_says(&site, "damaged", "is gone from its log");
    free(path);
    site_remove(&site);
}

static void one_of_another_system_or_history_is_not_taken(void **state)
{
    struct site site;
    site_make(*state, &site);
    site.order.system++;
    tail_says(&site, "damaged", "is of another system");
    site.order.system--;
    site.order.after_lsn = site.half - 8;
    tail_is(&site, "damaged");
    site_remove(&site);
}

static void up_to_a_hole_it_is_salvaged_and_the_rest_is_said_to_be_lost(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half);
    overwrite(path, 500000, "a sector that went bad");
    tail_says(&site, "available", "is lost");
    assert_true(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_true(salvaged.last_lsn > site.half && salvaged.last_lsn < site.half + 500100);
    struct bsc_logs_pg_survey survey = survey_of(site.destination, site.half, false);
    assert_int_equal(survey.last_lsn, salvaged.last_lsn);
    bsc_logs_pg_survey_release(&survey);
    site.order.after_lsn = salvaged.last_lsn;
    tail_says(&site, "salvaged", "is lost");
    free(path);
    site_remove(&site);
}

static void the_disk_that_tells_more_is_taken(void **state)
{
    struct site site;
    site_make(*state, &site);
    char *nothing = unit_path(site.folder, "nothing");
    char *shorter = unit_path(site.folder, "shorter");
    char *wal = unit_path(site.disk, "pg_wal");
    assert_int_equal(mkdir(shorter, 0700), 0);
    copy_range(wal, shorter, site.half, site.half + MIB);
    const char *disks[] = {nothing, shorter, wal};
    site.order.salvage = disks;
    site.order.salvage_count = 2;
    struct bsc_value *facts = tail_of(&site);
    is_in_state(facts, "available");
    assert_true(bsc_value_get_number(facts, "last_lsn", 0) < (int64_t)site.half + MIB);
    bsc_value_free(facts);
    site.order.salvage_count = 3;
    facts = tail_of(&site);
    assert_int_equal(bsc_value_get_number(facts, "last_lsn", 0), site.last);
    bsc_value_free(facts);
    site.order.salvage_count = 1;
    tail_says(&site, "unavailable", "does not answer");
    site.order.salvage_count = 0;
    tail_says(&site, "unavailable", "names no place");
    free(nothing);
    free(shorter);
    free(wal);
    site_remove(&site);
}

/* No file under its own name ever holds anything but the tail, or what was there before. */
static void is_never_wrong(const struct site *site, const char *before)
{
    for (uint64_t lsn = site->half; lsn < site->last; lsn += MIB) {
        char *path = file_in(site->destination, lsn), *truth = dead_file(site, lsn);
        size_t length = 0;
        char *bytes = unit_file_get(path, &length), *right = unit_file_get(truth, NULL);
        const uint64_t used = site->last - lsn < MIB ? site->last - lsn : MIB;
        const bool is_old = bytes != NULL && lsn == site->half && memcmp(bytes, before, MIB) == 0;
        if (bytes != NULL && !is_old) {
            assert_int_equal(length, MIB);
            assert_memory_equal(bytes, right, used);
            unlink(path);
        }
        free(bytes);
        free(right);
        free(path);
        free(truth);
    }
}

static void whatever_fails_no_wrong_file_is_handed_over(void **state)
{
    struct site site;
    struct unit_sys fault;
    site_make(*state, &site);
    char *last = dead_file(&site, site.last); /* two files are enough */
    assert_int_equal(unlink(last), 0);
    struct bsc_value *facts = tail_of(&site);
    site.last = (uint64_t)bsc_value_get_number(facts, "last_lsn", 0);
    assert_true(site.last > site.half + MIB);
    site.order.last_lsn = site.last;
    bsc_value_free(facts);
    free(last);
    char *here = file_in(site.destination, site.half), *dead = dead_file(&site, site.half);
    char *old = unit_file_get(dead, NULL); /* of a tail that was salvaged when it was shorter */
    assert_non_null(old);
    memset(old + 500000, 0, MIB - 500000);
    const int before = unit_fd_count();
    for (unsigned long n = 1;; n++) {
        struct bsc_logs_pg_salvaged salvaged = {0};
        struct bsc_err err = BSC_ERR_INIT;
        if (access(here, F_OK) != 0)
            unit_file_put(here, old, MIB);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, n % 2 == 0 ? EIO : ENOSPC, n % 3 == 0);
        site.order.sys = &fault.table;
        bool ok = bsc_logs_pg_salvage(&site.order, &salvaged, &err);
        if (ok)
            is_handed_over(&site);
        else
            assert_true(fault.failed);
        is_never_wrong(&site, old);
        assert_int_equal(unit_fd_count(), before);
        if (!fault.failed)
            break;
    }
    free(old);
    free(here);
    free(dead);
    site_remove(&site);
}

static void cancel(void *arg, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    atomic_store((atomic_bool *)arg, true);
}

/* Before it begins, and after its first file. */
static void salvaging_can_be_cancelled(void **state)
{
    struct site site;
    struct bsc_logs_pg_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    atomic_bool cancelled = true;
    struct bsc_files_list before = {0}, after = {0};
    site_make(*state, &site);
    assert_true(bsc_files_list(site.destination, &before, &err));
    site.order.cancel = &cancelled;
    assert_false(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    cancelled = false;
    err = (struct bsc_err)BSC_ERR_INIT;
    site.order.progress = cancel;
    site.order.progress_arg = &cancelled;
    assert_false(bsc_logs_pg_salvage(&site.order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    err = (struct bsc_err)BSC_ERR_INIT;
    assert_true(bsc_files_list(site.destination, &after, &err));
    assert_int_equal(after.count, before.count);
    bsc_files_list_release(&before);
    bsc_files_list_release(&after);
    site_remove(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_shipped_is_told_commit_by_commit),
        cmocka_unit_test(it_is_handed_over_as_whole_files),
        cmocka_unit_test(what_was_told_of_it_need_not_be_read_again),
        cmocka_unit_test(files_that_are_there_in_part_are_replaced),
        cmocka_unit_test(a_tail_begins_anywhere),
        cmocka_unit_test(what_the_standby_has_replayed_stays_as_it_was_shipped),
        cmocka_unit_test(what_others_left_over_is_not_touched),
        cmocka_unit_test(a_file_is_handed_over_from_where_it_was_read),
        cmocka_unit_test(what_a_server_ships_after_all_replaces_what_was_salvaged),
        cmocka_unit_test(nothing_is_written_through_a_link),
        cmocka_unit_test(what_is_not_in_a_copy_that_was_brought_online_is_too_late),
        cmocka_unit_test(a_log_that_was_shipped_to_its_end_has_no_tail),
        cmocka_unit_test(a_tail_without_its_beginning_is_damaged),
        cmocka_unit_test(one_of_another_system_or_history_is_not_taken),
        cmocka_unit_test(up_to_a_hole_it_is_salvaged_and_the_rest_is_said_to_be_lost),
        cmocka_unit_test(the_disk_that_tells_more_is_taken),
        cmocka_unit_test(whatever_fails_no_wrong_file_is_handed_over),
        cmocka_unit_test(salvaging_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
