#include "practice.h"

#include "logs/agent.h"
#include "logs/check.h"
#include "logs/clone.h"
#include "logs/copy_state.h"
#include "logs/header.h"

static void clone_to(const struct practice *site, const char *path, struct bsc_logs_state *sidecar)
{
    const struct bsc_logs_clone_order order = {
        .sys = bsc_sys_real(), .from = site->primary, .to = path};
    struct bsc_err err = BSC_ERR_INIT;
    struct stat status = {0};
    int64_t bytes = 0;

    *sidecar = (struct bsc_logs_state)BSC_LOGS_STATE_INIT;
    if (!bsc_logs_clone(&order, sidecar, &bytes, &err))
        fail_msg("%s", err.message);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, bytes);
}

static int64_t lsn_of(const char *path)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);
    int64_t lsn = bsc_value_get_number(facts, "lsn", -1);

    bsc_value_free(facts);
    return lsn;
}

static void a_clone_has_the_content_and_the_lsn_of_its_moment(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    char *path = unit_path(*state, "clone.db");

    practice_open(&site, *state);
    practice_commit(&site, 4);
    unit_file_put(path, "rest of a killed run", 20);
    clone_to(&site, path, &sidecar);
    assert_int_equal(sidecar.lsn, lsn_of(site.primary));
    assert_int_equal(sidecar.role, BSC_LOGS_MIRROR);
    practice_assert_same(site.primary, path);
    bsc_logs_state_release(&sidecar);
    free(path);
    practice_close(&site);
}

static void a_cancelled_clone_stops(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    char *path = unit_path(*state, "clone.db");
    atomic_bool cancel = true;
    struct bsc_logs_clone_order order = {.sys = bsc_sys_real(), .to = path, .cancel = &cancel};
    struct bsc_err err = BSC_ERR_INIT;
    int64_t bytes = 0;

    practice_open(&site, *state);
    order.from = site.primary;
    assert_false(bsc_logs_clone(&order, &sidecar, &bytes, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    bsc_logs_state_release(&sidecar);
    free(path);
    practice_close(&site);
}

/* The application does not stop for the clone: it commits between any two pieces. */
static void commit_meanwhile(void *arg, int64_t done, int64_t total)
{
    assert_true(done <= total);
    practice_commit(arg, 1);
}

static void a_mirror_follows_while_a_writer_writes(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_logs_clone_order order = {
        .sys = bsc_sys_real(), .progress = commit_meanwhile, .progress_arg = &site};
    struct bsc_logs_follower *follower;
    struct bsc_logs_agent_round round = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "mirror.db");
    int64_t bytes = 0, first_lsn;

    practice_open(&site, *state);
    practice_commit(&site, 300);
    order.from = site.primary;
    order.to = path;
    if (!bsc_logs_clone(&order, &sidecar, &bytes, &err))
        fail_msg("%s", err.message);
    first_lsn = sidecar.lsn;
    assert_true(first_lsn < lsn_of(site.primary));
    assert_true(bsc_logs_check(path, BSC_LOGS_CHECK_FULL, NULL, &err));
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), path, BSC_LOGS_MARK_RESTORING, &err));
    assert_true(bsc_logs_state_save(bsc_sys_real(), path, &sidecar, &err));
    bsc_logs_state_release(&sidecar);
    follower = bsc_logs_follower_open(bsc_sys_real(), bsc_clock_real(), site.primary, path, &err);
    assert_non_null(follower);
    for (int i = 0; i < 5; i++) {
        if (!bsc_logs_agent_mirror(follower, &round, &err))
            fail_msg("%s: %s", err.message, err.cause);
        assert_int_equal(round.lsn, lsn_of(site.primary));
        assert_int_equal(lsn_of(path), round.lsn);
        assert_true(practice_is_closed(path));
        practice_commit(&site, i);
    }
    assert_true(bsc_logs_agent_mirror(follower, &round, &err));
    assert_true(round.lsn > first_lsn);
    bsc_logs_follower_close(follower);
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), path, BSC_LOGS_MARK_WAL, &err));
    practice_assert_same(site.primary, path);
    free(path);
    practice_close(&site);
}

static void a_check_sees_through_the_mark_and_changes_nothing(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    char *before = unit_path(*state, "before");
    char garbage[512];
    atomic_bool cancel = true;
    int fd;

    practice_open(&site, *state);
    practice_copy_file(site.copy, before);
    assert_true(bsc_logs_check(site.copy, BSC_LOGS_CHECK_FULL, NULL, &err));
    practice_assert_bytes(site.copy, before);
    memset(garbage, 0x55, sizeof garbage);
    fd = open(site.copy, O_RDWR);
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, 4096), sizeof garbage);
    assert_int_equal(close(fd), 0);
    assert_false(bsc_logs_check(site.copy, BSC_LOGS_CHECK_QUICK, NULL, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_false(bsc_logs_check("/nonexistent/a.db", BSC_LOGS_CHECK_QUICK, NULL, &err));
    assert_false(bsc_logs_check(site.copy, BSC_LOGS_CHECK_QUICK, &cancel, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    free(before);
    practice_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_clone_has_the_content_and_the_lsn_of_its_moment),
        UNIT_IN_FOLDER(a_cancelled_clone_stops),
        UNIT_IN_FOLDER(a_mirror_follows_while_a_writer_writes),
        UNIT_IN_FOLDER(a_check_sees_through_the_mark_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
