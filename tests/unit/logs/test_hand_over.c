#include "practice.h"

#include "fault_sys.h"
#include "logs/catch_up.h"
#include "logs/hand_over.h"
#include "logs/recover.h"
#include "logs/reseed.h"
#include "logs/shipping.h"

enum { CALLS_MAX = 2000, CALLS_MIN = 10 };

static struct bsc_logs_state load(const char *db)
{
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_state_load(bsc_sys_real(), db, &sidecar, &err))
        fail_msg("%s", err.message);
    return sidecar;
}

/* The clients leave, and the log stays as it is. */
static void leave(struct practice *site)
{
    struct bsc_err err = BSC_ERR_INIT;

    if (site->guard == NULL)
        site->guard = bsc_logs_guard_open(bsc_sys_real(), site->primary, &err);
    assert_non_null(site->guard);
    assert_int_equal(sqlite3_close(site->app), SQLITE_OK);
    bsc_logs_guard_close(site->guard);
    site->app = NULL;
    site->guard = NULL;
}

/* Its copy is one log backup behind, and some commits are in none. */
static void open_left(struct practice *site, const char *folder)
{
    practice_open(site, folder);
    practice_commit(site, 2);
    practice_back_up(site);
    practice_commit(site, 2);
    leave(site);
}

static bool hand_over(const struct bsc_sys *sys, const struct practice *site, struct bsc_err *err)
{
    const struct bsc_logs_backup_order order = {
        .sys = sys, .clock = bsc_clock_real(), .db = site->primary, .share = site->share};
    struct bsc_logs_handed_over handed_over = {0};

    return bsc_logs_hand_over(&order, &handed_over, err);
}

static bool reopen(const struct bsc_sys *sys, const struct practice *site, struct bsc_err *err)
{
    int64_t lsn = 0;

    return bsc_logs_reopen(sys, site->primary, &lsn, err);
}

static bool catch_up(const struct practice *site, struct bsc_err *err)
{
    const struct bsc_logs_catch_up_order order = {.sys = bsc_sys_real(),
                                                  .clock = bsc_clock_real(),
                                                  .from = site->primary,
                                                  .to = site->copy,
                                                  .share = site->share};
    struct bsc_logs_caught_up caught_up = {0};

    return bsc_logs_catch_up(&order, &caught_up, err);
}

static void recover_copy(const struct practice *site)
{
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_recover(bsc_sys_real(), site->copy, NULL, &recovered, &err))
        fail_msg("%s", err.message);
}

static void nobody_opens_a_copy_that_was_handed_over(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;

    open_left(&site, *state);
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    assert_true(practice_is_closed(site.primary));
    struct bsc_logs_state sidecar = load(site.primary);
    assert_int_equal(sidecar.role, BSC_LOGS_RESTORING);
    assert_true(bsc_logs_state_is_handed_over(&sidecar));
    bsc_logs_state_release(&sidecar);
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    practice_close(&site);
}

static void sides_change_and_log_shipping_goes_on_the_other_way(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_job job = {.destination = NULL};

    open_left(&site, *state);
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    assert_true(catch_up(&site, &err));
    struct bsc_logs_state gave = load(site.primary), took = load(site.copy);
    assert_int_equal(gave.lsn, took.lsn);
    recover_copy(&site);
    job = (struct bsc_logs_job){site.share, site.share, 1000};
    assert_true(bsc_logs_ship_from(bsc_sys_real(), site.copy, site.primary, &job, &err));
    bsc_logs_state_release(&gave);
    bsc_logs_state_release(&took);
    gave = load(site.primary);
    took = load(site.copy);
    assert_string_equal(gave.fork, took.fork);
    assert_false(reopen(bsc_sys_real(), &site, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    bsc_logs_state_release(&gave);
    bsc_logs_state_release(&took);
    practice_close(&site);
}

static void a_copy_that_ends_elsewhere_takes_no_log_backups_of_the_other(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_job job = {.destination = NULL};

    open_left(&site, *state);
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    recover_copy(&site); /* without the last log backups */
    job = (struct bsc_logs_job){site.share, site.share, 1000};
    assert_false(bsc_logs_ship_from(bsc_sys_real(), site.copy, site.primary, &job, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "does not end where"));
    practice_close(&site);
}

static void a_copy_opened_again_is_the_primary_that_it_was(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;

    open_left(&site, *state);
    struct bsc_logs_state before = load(site.primary);
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    assert_true(reopen(bsc_sys_real(), &site, &err));
    assert_true(reopen(bsc_sys_real(), &site, &err));
    struct bsc_logs_state after = load(site.primary);
    assert_int_equal(after.role, BSC_LOGS_PRIMARY);
    assert_string_equal(after.fork, before.fork);
    assert_true(after.backed_up);
    assert_null(after.handed_over);
    /* Its log backups still fit its copy. */
    assert_true(catch_up(&site, &err));
    assert_true(hand_over(bsc_sys_real(), &site, &err));
    bsc_logs_state_release(&before);
    bsc_logs_state_release(&after);
    practice_close(&site);
}

static void a_copy_that_is_open_is_not_handed_over(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    assert_false(hand_over(bsc_sys_real(), &site, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    practice_commit(&site, 1);
    practice_close(&site);
}

static void what_was_there_is_renamed_and_gets_its_name_back(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;
    char *kept = unit_path(*state, "kept");

    practice_open(&site, *state);
    practice_copy_file(site.copy, kept);
    practice_commit(&site, 2);
    const struct bsc_logs_seed_order order = {.sys = bsc_sys_real(),
                                              .clock = bsc_clock_real(),
                                              .db = site.primary,
                                              .share = site.share,
                                              .copy = site.copy};
    struct bsc_logs_state before = load(site.copy);
    assert_true(bsc_logs_reseed(&order, &lsn, &bytes, &err));
    struct bsc_logs_state after = load(site.copy);
    assert_true(after.lsn > before.lsn);
    assert_true(bsc_logs_unseed(bsc_sys_real(), site.primary, site.copy, true, &err));
    bsc_logs_state_release(&after);
    after = load(site.copy);
    assert_int_equal(after.lsn, before.lsn);
    practice_assert_bytes(site.copy, kept);
    bsc_logs_state_release(&before);
    bsc_logs_state_release(&after);
    free(kept);
    practice_close(&site);
}

static void what_can_be_written_to_is_not_renamed(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;

    practice_open(&site, *state);
    recover_copy(&site);
    const struct bsc_logs_seed_order order = {.sys = bsc_sys_real(),
                                              .clock = bsc_clock_real(),
                                              .db = site.primary,
                                              .share = site.share,
                                              .copy = site.copy};
    assert_false(bsc_logs_reseed(&order, &lsn, &bytes, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    practice_assert_answer(site.copy, "PRAGMA integrity_check", "ok");
    practice_close(&site);
}

/* Counts the calls after which the site may be another. */
struct crash {
    unsigned long at;
    unsigned long seen;
};

static bool is_changing(enum unit_sys_kind kind)
{
    return kind == UNIT_SYS_WRITE || kind == UNIT_SYS_PWRITE || kind == UNIT_SYS_FSYNC ||
           kind == UNIT_SYS_FDATASYNC || kind == UNIT_SYS_RENAME || kind == UNIT_SYS_UNLINK ||
           kind == UNIT_SYS_LINK || kind == UNIT_SYS_LOCK;
}

static void crash_here(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    struct crash *crash = arg;

    (void)call;
    if (is_changing(kind) && ++crash->seen == crash->at)
        _exit(1);
}

typedef bool (*operation)(const struct bsc_sys *sys, const struct practice *site,
                          struct bsc_err *err);

static int crash_in(operation run, const struct practice *site, unsigned long at)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct bsc_err err = BSC_ERR_INIT;
        struct crash crash = {.at = at};
        struct unit_sys fault;

        unit_sys_init(&fault);
        fault.before = crash_here;
        fault.before_arg = &crash;
        _exit(run(&fault.table, site, &err) ? 0 : 2);
    }
    return WEXITSTATUS(practice_reap(pid));
}

/* Killed between opening the file and noting how it looks then: nobody can say afterwards whether a
 * client was quicker, so that it is counted anew, on another fork. */
static bool is_uncounted(const struct practice *site)
{
    struct bsc_logs_state sidecar = load(site->primary);
    bool uncounted =
        sidecar.role == BSC_LOGS_PRIMARY && !sidecar.placed && !practice_is_closed(site->primary);

    bsc_logs_state_release(&sidecar);
    return uncounted;
}

/* However it was left: handed over it gives everything to the copy, opened again it has it. */
static void assert_can_go_either_way(const struct practice *site, bool on)
{
    struct bsc_err err = BSC_ERR_INIT;

    if (!on && !reopen(bsc_sys_real(), site, &err))
        fail_msg("opening again: %s", err.message);
    if (!on && is_uncounted(site)) {
        assert_true(bsc_logs_shipping_begin(bsc_sys_real(), site->primary, &err));
        practice_assert_answer(site->primary, "SELECT count(*) FROM message", "140");
        return;
    }
    if (!hand_over(bsc_sys_real(), site, &err))
        fail_msg("handing over: %s", err.message);
    assert_true(practice_is_closed(site->primary));
    if (!catch_up(site, &err))
        fail_msg("catching up: %s", err.message);
    recover_copy(site);
    practice_assert_answer(site->copy, "SELECT count(*) FROM message", "140");
}

/* Every call at which a process can end, in a site of its own each time. */
static void crash_everywhere(const char *folder, operation prepare, operation run)
{
    unsigned long call = 1;
    int outcome = 1;

    for (; outcome != 0 && call < CALLS_MAX; call++) {
        struct practice site;
        struct bsc_err err = BSC_ERR_INIT;
        char *name = bsc_mem_format("%lu", call);
        char *own = unit_path(folder, name);
        assert_int_equal(mkdir(own, 0700), 0);
        open_left(&site, own);
        assert_true(prepare == NULL || prepare(bsc_sys_real(), &site, &err));
        outcome = crash_in(run, &site, call);
        assert_int_not_equal(outcome, 2);
        practice_sweep(own);
        practice_sweep(site.share);
        assert_can_go_either_way(&site, call % 2 == 0 && prepare == NULL);
        practice_close(&site);
        free(own);
        bsc_mem_free(name);
    }
    assert_true(call > CALLS_MIN && call < CALLS_MAX);
}

static void a_hand_over_that_was_killed_is_completed_or_taken_back(void **state)
{
    crash_everywhere(*state, NULL, hand_over);
}

static void an_opening_that_was_killed_is_completed_or_taken_back(void **state)
{
    crash_everywhere(*state, hand_over, reopen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(nobody_opens_a_copy_that_was_handed_over),
        UNIT_IN_FOLDER(sides_change_and_log_shipping_goes_on_the_other_way),
        UNIT_IN_FOLDER(a_copy_that_ends_elsewhere_takes_no_log_backups_of_the_other),
        UNIT_IN_FOLDER(a_copy_opened_again_is_the_primary_that_it_was),
        UNIT_IN_FOLDER(a_copy_that_is_open_is_not_handed_over),
        UNIT_IN_FOLDER(what_was_there_is_renamed_and_gets_its_name_back),
        UNIT_IN_FOLDER(what_can_be_written_to_is_not_renamed),
        UNIT_IN_FOLDER(a_hand_over_that_was_killed_is_completed_or_taken_back),
        UNIT_IN_FOLDER(an_opening_that_was_killed_is_completed_or_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
