#include "practice.h"

#include <ftw.h>

#include "fault_sys.h"
#include "logs/recover.h"
#include "logs/tail.h"

/* A site whose primary is dead: its files lie in rescued/ as a kill left them. */
struct wreck {
    struct practice site;
    char *salvage;     /* owned */
    char *destination; /* owned */
};

static void keep_time(const char *from, const char *to)
{
    struct stat status = {0};

    assert_int_equal(stat(from, &status), 0);
    assert_int_equal(
        utimensat(AT_FDCWD, to, (struct timespec[2]){status.st_atim, status.st_mtim}, 0), 0);
}

static void copy_beside(const char *from, const char *to, const char *ending)
{
    char *source = bsc_mem_format("%s%s", from, ending);
    char *target = bsc_mem_format("%s%s", to, ending);

    practice_copy_file(source, target);
    keep_time(source, target);
    free(source);
    free(target);
}

static void rescue(struct wreck *wreck)
{
    copy_beside(wreck->site.primary, wreck->salvage, "");
    copy_beside(wreck->site.primary, wreck->salvage, "-wal");
    copy_beside(wreck->site.primary, wreck->salvage, ".state");
}

/* Two backups taken, of which the second is not applied yet, and commits after it. */
static void wreck_open(struct wreck *wreck, const char *folder, int commits)
{
    char *rescued = unit_path(folder, "rescued");

    *wreck = (struct wreck){.destination = unit_path(folder, "copied")};
    practice_open(&wreck->site, folder);
    assert_int_equal(mkdir(rescued, 0700), 0);
    assert_int_equal(mkdir(wreck->destination, 0700), 0);
    wreck->salvage = unit_path(rescued, "primary.db");
    practice_commit(&wreck->site, 2);
    practice_back_up(&wreck->site);
    practice_apply(&wreck->site);
    practice_commit(&wreck->site, 20);
    practice_back_up(&wreck->site);
    practice_commit(&wreck->site, commits);
    rescue(wreck);
    free(rescued);
}

static void wreck_close(struct wreck *wreck)
{
    practice_close(&wreck->site);
    free(wreck->salvage);
    free(wreck->destination);
}

static int64_t shipped(const struct wreck *wreck)
{
    return wreck->site.files[wreck->site.count - 1].last_lsn;
}

static struct bsc_logs_tail_order order_of(const struct wreck *wreck)
{
    return (struct bsc_logs_tail_order){.sys = bsc_sys_real(),
                                        .salvage = wreck->salvage,
                                        .destination = wreck->destination,
                                        .copy = wreck->site.copy,
                                        .after_lsn = shipped(wreck)};
}

static void assert_tail(const struct bsc_logs_tail_order *order, const char *state,
                        const char *reason)
{
    struct bsc_value *facts = bsc_logs_tail(order);
    const char *found = bsc_value_get_string(facts, "reason");

    assert_string_equal(bsc_value_get_string(facts, "state"), state);
    if (strstr(found, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", found, reason);
    bsc_value_free(facts);
}

static int64_t number_of(const struct bsc_logs_tail_order *order, const char *key)
{
    struct bsc_value *facts = bsc_logs_tail(order);
    int64_t number = bsc_value_get_number(facts, key, -1);

    bsc_value_free(facts);
    return number;
}

static void assert_refused(const struct bsc_logs_tail_order *order, const char *part)
{
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;

    assert_false(bsc_logs_salvage(order, &salvaged, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    if (strstr(err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
}

/* Applies all log backups, and of the tail what `salvaged` names, and brings the copy online. */
static void recover_with(struct wreck *wreck, const struct bsc_logs_salvaged *salvaged)
{
    struct bsc_logs_apply_order order = practice_apply_order(&wreck->site);
    struct bsc_logs_apply_file file = {0};
    struct bsc_logs_apply_result result = {0};
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_logs_apply(&order, &result, &err));
    if (salvaged != NULL) {
        file = (struct bsc_logs_apply_file){.name = salvaged->file,
                                            .first_lsn = salvaged->first_lsn,
                                            .last_lsn = salvaged->last_lsn};
        order.folder = wreck->destination;
        order.files = &file;
        order.count = 1;
        assert_true(bsc_logs_apply(&order, &result, &err));
    }
    assert_true(bsc_logs_recover(bsc_sys_real(), wreck->site.copy, NULL, &recovered, &err));
}

/* Applies the second backup and what was salvaged, recovers, and compares with the primary. */
static void assert_complete(struct wreck *wreck, const struct bsc_logs_salvaged *salvaged)
{
    recover_with(wreck, salvaged);
    practice_assert_same(wreck->site.primary, wreck->site.copy);
}

static void a_tail_is_found_salvaged_and_applied(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    assert_tail(&order, "available", "");
    assert_int_equal(number_of(&order, "first_lsn"), shipped(&wreck));
    assert_int_equal(number_of(&order, "commits"), 3);
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    assert_int_equal(salvaged.first_lsn, shipped(&wreck));
    assert_int_equal(salvaged.commits, 3);
    assert_tail(&order, "salvaged", "");
    assert_int_equal(number_of(&order, "commits"), 3);
    order.after_lsn = salvaged.last_lsn;
    assert_tail(&order, "salvaged", "");
    assert_int_equal(number_of(&order, "first_lsn"), shipped(&wreck));
    assert_complete(&wreck, &salvaged);
    bsc_logs_salvaged_release(&salvaged);
    wreck_close(&wreck);
}

static void a_tail_that_got_in_before_recovery_is_salvaged_afterwards_too(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    int64_t last;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    last = number_of(&order, "last_lsn");
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    recover_with(&wreck, &salvaged);
    order.after_lsn = last + 100; /* what the new fork has come to does not count */
    assert_tail(&order, "salvaged", "");
    assert_int_equal(number_of(&order, "last_lsn"), last);
    bsc_logs_salvaged_release(&salvaged);
    wreck_close(&wreck);
}

static void a_tail_that_did_not_get_in_is_too_late_after_recovery_and_says_how_much(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    int64_t last;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    last = number_of(&order, "last_lsn");
    recover_with(&wreck, NULL);
    assert_tail(&order, "too_late", "brought online at LSN");
    assert_int_equal(number_of(&order, "first_lsn"), shipped(&wreck));
    assert_int_equal(number_of(&order, "last_lsn"), last);
    assert_int_equal(number_of(&order, "commits"), 3);
    assert_refused(&order, "brought online");
    wreck_close(&wreck);
}

/* The copy was brought online after the first backup, and the log began anew after the second. */
static void a_log_that_began_after_the_recovery_still_says_how_far_it_goes(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    int64_t last, shipped_lsn;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    last = number_of(&order, "last_lsn");
    shipped_lsn = shipped(&wreck);
    wreck.site.count = 1;
    recover_with(&wreck, NULL);
    wreck.site.count = 2;
    assert_tail(&order, "too_late", "brought online at LSN");
    assert_int_equal(number_of(&order, "first_lsn"), shipped_lsn);
    assert_int_equal(number_of(&order, "last_lsn"), last);
    assert_refused(&order, "brought online");
    wreck_close(&wreck);
}

static void an_empty_log_still_says_how_far_the_primary_had_come(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    char *wal = NULL;

    wreck_open(&wreck, *state, 0);
    order = order_of(&wreck);
    wal = bsc_logs_path_wal(wreck.salvage);
    assert_int_equal(truncate(wal, 0), 0);
    free(wal);
    wreck.site.count = 1;
    recover_with(&wreck, NULL);
    wreck.site.count = 2;
    assert_tail(&order, "too_late", "brought online at LSN");
    assert_int_equal(number_of(&order, "last_lsn"), shipped(&wreck));
    assert_int_equal(number_of(&order, "commits"), 0);
    wreck_close(&wreck);
}

static void change_sidecar(const char *db, void (*change)(struct bsc_logs_state *sidecar))
{
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_logs_state_load(bsc_sys_real(), db, &sidecar, &err));
    change(&sidecar);
    assert_true(bsc_logs_state_save(bsc_sys_real(), db, &sidecar, &err));
    bsc_logs_state_release(&sidecar);
}

static void grown_out(struct bsc_logs_state *sidecar)
{
    memcpy(sidecar->previous_fork, sidecar->fork, sizeof sidecar->fork);
    memset(sidecar->fork, 'a', BSC_LOGS_ID_HEX - 1);
    sidecar->fork_lsn = sidecar->lsn;
}

static void a_fork_that_grew_out_of_that_of_the_copy_goes_equally_far_after_recovery(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    int64_t last;

    wreck_open(&wreck, *state, 3);
    change_sidecar(wreck.salvage, grown_out);
    order = order_of(&wreck);
    assert_tail(&order, "available", "");
    last = number_of(&order, "last_lsn");
    recover_with(&wreck, NULL);
    assert_tail(&order, "too_late", "brought online at LSN");
    assert_int_equal(number_of(&order, "last_lsn"), last);
    wreck_close(&wreck);
}

static void a_salvaged_tail_that_was_not_applied_is_too_late_after_recovery(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    recover_with(&wreck, NULL);
    assert_tail(&order, "too_late", "brought online at LSN");
    bsc_logs_salvaged_release(&salvaged);
    wreck_close(&wreck);
}

static void salvaging_again_gives_the_same_file(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged one = {0}, two = {0};
    struct bsc_err err = BSC_ERR_INIT;

    wreck_open(&wreck, *state, 2);
    order = order_of(&wreck);
    assert_true(bsc_logs_salvage(&order, &one, &err));
    assert_true(bsc_logs_salvage(&order, &two, &err));
    assert_string_equal(one.file, two.file);
    assert_int_equal(one.last_lsn, two.last_lsn);
    assert_int_equal(unit_entry_count(wreck.destination), 1);
    bsc_logs_salvaged_release(&one);
    bsc_logs_salvaged_release(&two);
    wreck_close(&wreck);
}

static void the_destination_is_made_when_it_is_not_there(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;

    wreck_open(&wreck, *state, 2);
    order = order_of(&wreck);
    assert_int_equal(rmdir(wreck.destination), 0);
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    assert_int_equal(unit_entry_count(wreck.destination), 1);
    bsc_logs_salvaged_release(&salvaged);
    wreck_close(&wreck);
}

static void nothing_after_the_last_backup_is_an_empty_tail(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;

    wreck_open(&wreck, *state, 0);
    order = order_of(&wreck);
    assert_tail(&order, "empty", "");
    assert_refused(&order, "nothing was committed");
    wreck_close(&wreck);
}

static void what_cannot_be_read_is_unavailable(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;

    wreck_open(&wreck, *state, 1);
    order = order_of(&wreck);
    order.salvage = NULL;
    assert_tail(&order, "unavailable", "names no place");
    order.salvage = "/nonexistent/primary.db";
    assert_tail(&order, "unavailable", "does not answer");
    assert_refused(&order, "does not answer");
    wreck_close(&wreck);
}

static void read_it(const char *path)
{
    static sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "SELECT count(*) FROM message", NULL, NULL, NULL) != SQLITE_OK)
        _exit(1);
}

static void a_primary_that_somebody_uses_is_not_dead(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    pid_t child;

    wreck_open(&wreck, *state, 1);
    order = order_of(&wreck);
    order.path = wreck.site.primary;
    child = practice_child(wreck.site.primary, read_it);
    assert_tail(&order, "unavailable", "not dead");
    assert_refused(&order, "not dead");
    assert_int_equal(kill(child, SIGKILL), 0);
    (void)practice_reap(child);
    assert_tail(&order, "available", "");
    wreck_close(&wreck);
}

static void other_fork(struct bsc_logs_state *sidecar)
{
    memset(sidecar->fork, 'a', BSC_LOGS_ID_HEX - 1);
}

static void other_database(struct bsc_logs_state *sidecar)
{
    memset(sidecar->database_id, 'b', BSC_LOGS_ID_HEX - 1);
}

static void other_log(struct bsc_logs_state *sidecar)
{
    sidecar->place.salt1 ^= 1;
    sidecar->settled.known = false;
}

static void a_tail_of_another_history_is_not_trusted(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;

    wreck_open(&wreck, *state, 1);
    order = order_of(&wreck);
    change_sidecar(wreck.salvage, other_fork);
    assert_tail(&order, "damaged", "recovery fork");
    assert_refused(&order, "recovery fork");
    change_sidecar(wreck.salvage, other_database);
    assert_tail(&order, "damaged", "another database");
    wreck_close(&wreck);
}

static void a_log_that_was_reset_is_a_gap_and_says_after_which_lsn(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    char *lsn = NULL;

    wreck_open(&wreck, *state, 1);
    order = order_of(&wreck);
    change_sidecar(wreck.salvage, other_log);
    lsn = bsc_mem_format("after LSN %lld", (long long)shipped(&wreck));
    assert_tail(&order, "damaged", lsn);
    free(lsn);
    rescue(&wreck);
    order.after_lsn = 1;
    assert_tail(&order, "damaged", "is gone from it");
    assert_refused(&order, "LSN 1 ");
    wreck_close(&wreck);
}

/* The log that began after the last backup is shorter than the one before: what stood behind that
 * one's end is still there and proves that nothing was lost between the two. */
static void a_copied_disk_without_its_times_is_proven_by_its_log(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    const struct timespec epoch[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    wreck_open(&wreck, *state, 1);
    order = order_of(&wreck);
    assert_int_equal(utimensat(AT_FDCWD, wreck.salvage, epoch, 0), 0);
    assert_tail(&order, "available", "");
    wreck_close(&wreck);
}

static void a_copied_disk_that_proves_nothing_is_refused_with_the_reason(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    const struct timespec epoch[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    wreck_open(&wreck, *state, 40);
    order = order_of(&wreck);
    assert_tail(&order, "available", "");
    assert_int_equal(utimensat(AT_FDCWD, wreck.salvage, epoch, 0), 0);
    assert_tail(&order, "damaged", "must keep the times");
    wreck_close(&wreck);
}

static void a_torn_end_stops_at_the_last_commit_and_is_said(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *wal = NULL;
    int64_t frames;

    wreck_open(&wreck, *state, 3);
    order = order_of(&wreck);
    wal = bsc_logs_path_wal(wreck.salvage);
    /* The log began anew after the last backup, so its frames are those of the tail. */
    frames = number_of(&order, "last_lsn") - number_of(&order, "first_lsn");
    assert_int_equal(truncate(wal, 32 + frames * (24 + 4096) - 100), 0);
    assert_tail(&order, "available", "left out");
    assert_int_equal(number_of(&order, "commits"), 2);
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    assert_int_equal(salvaged.commits, 2);
    bsc_logs_salvaged_release(&salvaged);
    free(wal);
    wreck_close(&wreck);
}

static int forbid_writing(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)place;
    return chmod(path, kind == FTW_D || kind == FTW_DP ? 0500 : 0400);
}

static void the_rescued_disk_is_left_as_it_is(void **state)
{
    struct wreck wreck;
    struct bsc_logs_tail_order order;
    struct bsc_logs_salvaged salvaged = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *rescued = unit_path(*state, "rescued"), *wal = NULL, *before = unit_path(*state, "wal");

    wreck_open(&wreck, *state, 2);
    order = order_of(&wreck);
    wal = bsc_logs_path_wal(wreck.salvage);
    practice_copy_file(wal, before);
    assert_int_equal(nftw(rescued, forbid_writing, 8, FTW_DEPTH), 0);
    assert_true(bsc_logs_salvage(&order, &salvaged, &err));
    assert_int_equal(unit_entry_count(rescued), 3);
    practice_assert_bytes(wal, before);
    practice_assert_bytes(wreck.salvage, wreck.site.primary);
    assert_int_equal(chmod(rescued, 0700), 0);
    bsc_logs_salvaged_release(&salvaged);
    free(rescued);
    free(wal);
    free(before);
    wreck_close(&wreck);
}

static void every_failing_call_leaves_a_tail_that_can_still_be_salvaged(void **state)
{
    struct wreck wreck;
    struct unit_sys fault;
    unsigned long call = 1;

    wreck_open(&wreck, *state, 2);
    for (;; call++) {
        struct bsc_logs_tail_order order = order_of(&wreck);
        struct bsc_logs_salvaged salvaged = {0};
        struct bsc_err err = BSC_ERR_INIT;
        int descriptors = unit_fd_count();

        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        order.sys = &fault.table;
        bool ok = bsc_logs_salvage(&order, &salvaged, &err);
        if (!fault.failed) {
            bsc_logs_salvaged_release(&salvaged);
            break;
        }
        assert_int_equal(unit_fd_count(), descriptors);
        bsc_logs_salvaged_release(&salvaged);
        assert_true(ok || err.code != BSC_ERR_NONE);
        order.sys = bsc_sys_real();
        assert_true(bsc_logs_salvage(&order, &salvaged, &err));
        assert_int_equal(salvaged.commits, 2);
        char *path = unit_path(wreck.destination, salvaged.file);
        assert_int_equal(unlink(path), 0);
        free(path);
        bsc_logs_salvaged_release(&salvaged);
    }
    assert_true(call > 20);
    wreck_close(&wreck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_tail_is_found_salvaged_and_applied),
        UNIT_IN_FOLDER(a_tail_that_got_in_before_recovery_is_salvaged_afterwards_too),
        UNIT_IN_FOLDER(a_tail_that_did_not_get_in_is_too_late_after_recovery_and_says_how_much),
        UNIT_IN_FOLDER(a_log_that_began_after_the_recovery_still_says_how_far_it_goes),
        UNIT_IN_FOLDER(an_empty_log_still_says_how_far_the_primary_had_come),
        UNIT_IN_FOLDER(a_fork_that_grew_out_of_that_of_the_copy_goes_equally_far_after_recovery),
        UNIT_IN_FOLDER(a_salvaged_tail_that_was_not_applied_is_too_late_after_recovery),
        UNIT_IN_FOLDER(salvaging_again_gives_the_same_file),
        UNIT_IN_FOLDER(the_destination_is_made_when_it_is_not_there),
        UNIT_IN_FOLDER(nothing_after_the_last_backup_is_an_empty_tail),
        UNIT_IN_FOLDER(what_cannot_be_read_is_unavailable),
        UNIT_IN_FOLDER(a_primary_that_somebody_uses_is_not_dead),
        UNIT_IN_FOLDER(a_tail_of_another_history_is_not_trusted),
        UNIT_IN_FOLDER(a_log_that_was_reset_is_a_gap_and_says_after_which_lsn),
        UNIT_IN_FOLDER(a_copied_disk_without_its_times_is_proven_by_its_log),
        UNIT_IN_FOLDER(a_copied_disk_that_proves_nothing_is_refused_with_the_reason),
        UNIT_IN_FOLDER(a_torn_end_stops_at_the_last_commit_and_is_said),
        UNIT_IN_FOLDER(the_rescued_disk_is_left_as_it_is),
        UNIT_IN_FOLDER(every_failing_call_leaves_a_tail_that_can_still_be_salvaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
