#include "practice.h"

#include "fault_sys.h"
#include "logs/recover.h"

enum { CHILD_WAS_LET_IN = 77, CALLS_MAX = 2000 };

static void load(const struct practice *site, struct bsc_logs_state *sidecar)
{
    struct bsc_err err = BSC_ERR_INIT;

    *sidecar = (struct bsc_logs_state)BSC_LOGS_STATE_INIT;
    if (!bsc_logs_state_load(bsc_sys_real(), site->copy, sidecar, &err))
        fail_msg("%s", err.message);
}

static int64_t lsn_of(const struct practice *site)
{
    struct bsc_logs_state sidecar;
    int64_t lsn;

    load(site, &sidecar);
    lsn = sidecar.lsn;
    bsc_logs_state_release(&sidecar);
    return lsn;
}

static void make_backups(struct practice *site, int count)
{
    for (int i = 0; i < count; i++) {
        practice_commit(site, 1 + i % 3);
        practice_back_up(site);
    }
}

static void recover(const struct practice *site)
{
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_recover(bsc_sys_real(), site->copy, NULL, &recovered, &err))
        fail_msg("%s", err.message);
}

static void every_failing_call_is_reported_and_the_next_run_finishes(void **state)
{
    struct practice site;
    struct unit_sys fault;
    char *untouched = unit_path(*state, "untouched"), *sidecar = NULL;
    char *sidecar_untouched = unit_path(*state, "untouched.state");
    char *wanted = unit_path(*state, "wanted");
    unsigned long call = 1;

    practice_open(&site, *state);
    make_backups(&site, 3);
    sidecar = bsc_logs_path_state(site.copy);
    practice_copy_file(site.copy, untouched);
    practice_copy_file(sidecar, sidecar_untouched);
    practice_apply(&site);
    practice_copy_file(site.copy, wanted);
    for (; call < CALLS_MAX; call++) {
        struct bsc_logs_apply_order order = practice_apply_order(&site);
        struct bsc_logs_apply_result result = {0};
        struct bsc_err err = BSC_ERR_INIT;
        int descriptors = unit_fd_count();

        practice_copy_file(untouched, site.copy);
        practice_copy_file(sidecar_untouched, sidecar);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        order.sys = &fault.table;
        bool ok = bsc_logs_apply(&order, &result, &err);
        if (!fault.failed)
            break;
        /* Looking for sessions and closing files may fail without harm; all else is reported. */
        assert_true(ok || err.code != BSC_ERR_NONE);
        assert_int_equal(unit_fd_count(), descriptors);
        assert_true(practice_is_closed(site.copy));
        practice_apply(&site);
        practice_assert_bytes(site.copy, wanted);
    }
    assert_true(call > 20 && call < CALLS_MAX);
    free(untouched);
    free(sidecar);
    free(sidecar_untouched);
    free(wanted);
    practice_close(&site);
}

struct crash {
    unsigned long at;
    const char *path;
};

static void crash_here(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    const struct crash *crash = arg;

    (void)kind;
    if (call != crash->at)
        return;
    _exit(practice_is_closed(crash->path) ? 1 : CHILD_WAS_LET_IN);
}

/* Runs in a child that ends right before its n-th call; 0 when there was none. */
static int apply_and_crash(const struct practice *site, int64_t sync_bytes, unsigned long at)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct bsc_logs_apply_order order = practice_apply_order(site);
        struct bsc_logs_apply_result result = {0};
        struct bsc_err err = BSC_ERR_INIT;
        struct crash crash = {.at = at, .path = site->copy};
        struct unit_sys fault;

        unit_sys_init(&fault);
        fault.before = crash_here;
        fault.before_arg = &crash;
        order.sys = &fault.table;
        order.sync_bytes = sync_bytes;
        _exit(bsc_logs_apply(&order, &result, &err) ? 0 : 2);
    }
    return WEXITSTATUS(practice_reap(pid));
}

static void assert_any_kill_is_survived(void **state, int64_t sync_bytes)
{
    struct practice site;
    char *untouched = unit_path(*state, "untouched"), *sidecar = NULL;
    char *sidecar_untouched = unit_path(*state, "untouched.state");
    char *wanted = unit_path(*state, "wanted");
    unsigned long call = 1;
    int outcome = 1, interrupted = 0;

    practice_open(&site, *state);
    make_backups(&site, 3);
    sidecar = bsc_logs_path_state(site.copy);
    practice_copy_file(site.copy, untouched);
    practice_copy_file(sidecar, sidecar_untouched);
    practice_apply(&site);
    practice_copy_file(site.copy, wanted);
    for (; outcome != 0 && call < CALLS_MAX; call++) {
        struct bsc_logs_recovered recovered = {0};
        struct bsc_logs_state left;
        struct bsc_err err = BSC_ERR_INIT;

        practice_copy_file(untouched, site.copy);
        practice_copy_file(sidecar_untouched, sidecar);
        outcome = apply_and_crash(&site, sync_bytes, call);
        assert_true(outcome == 0 || outcome == 1);
        assert_true(practice_is_closed(site.copy));
        load(&site, &left);
        if (left.applying) {
            interrupted++;
            assert_false(bsc_logs_recover(bsc_sys_real(), site.copy, NULL, &recovered, &err));
            assert_int_equal(err.code, BSC_ERR_REFUSED);
        }
        bsc_logs_state_release(&left);
        practice_apply(&site);
        practice_assert_bytes(site.copy, wanted);
        assert_int_equal(lsn_of(&site), site.files[2].last_lsn);
    }
    assert_int_equal(outcome, 0);
    assert_true(interrupted > 1);
    recover(&site);
    practice_assert_same(site.primary, site.copy);
    free(untouched);
    free(sidecar);
    free(sidecar_untouched);
    free(wanted);
    practice_close(&site);
}

static void a_kill_at_any_call_lets_nobody_in_and_the_next_run_finishes(void **state)
{
    assert_any_kill_is_survived(state, 0);
}

static void a_kill_is_survived_too_when_every_file_is_synced(void **state)
{
    assert_any_kill_is_survived(state, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(every_failing_call_is_reported_and_the_next_run_finishes),
        UNIT_IN_FOLDER(a_kill_at_any_call_lets_nobody_in_and_the_next_run_finishes),
        UNIT_IN_FOLDER(a_kill_is_survived_too_when_every_file_is_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
