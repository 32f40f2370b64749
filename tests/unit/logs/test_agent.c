#include "practice.h"

#include <errno.h>

#include "fault_sys.h"
#include "logs/agent.h"
#include "logs/clone.h"
#include "logs/header.h"
#include "logs/shipping.h"

struct stage {
    struct practice site;
    char *destination;
    char *mirror;
    struct bsc_logs_job job; /* borrows from site and destination */
};

static void open_stage(struct stage *stage, const char *folder)
{
    practice_open(&stage->site, folder);
    stage->destination = unit_path(folder, "copied");
    stage->mirror = unit_path(folder, "mirror.db");
    stage->job = (struct bsc_logs_job){
        .share = stage->site.share, .destination = stage->destination, .interval_ms = 500};
}

static void close_stage(struct stage *stage)
{
    practice_close(&stage->site);
    free(stage->destination);
    free(stage->mirror);
}

static void ship(struct stage *stage)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_ship(bsc_sys_real(), stage->site.copy, &stage->job, &err));
}

/* The closed copy, opened under another name, holds what the primary holds. */
static void assert_holds_all(const struct stage *stage, const char *copy, const char *folder)
{
    char *open_copy = unit_path(folder, "opened.db");
    practice_copy_file(copy, open_copy);
    int fd = open(open_copy, O_RDWR);
    assert_int_equal(pwrite(fd, "\1\1", 2, 18), 2);
    assert_int_equal(close(fd), 0);
    practice_assert_same(stage->site.primary, open_copy);
    assert_int_equal(unlink(open_copy), 0);
    free(open_copy);
}

static void a_round_copies_and_applies_what_is_new(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    ship(&stage);
    for (int i = 0; i < 3; i++) {
        practice_commit(&stage.site, 2);
        practice_back_up(&stage.site);
        practice_commit(&stage.site, 1);
        practice_back_up(&stage.site);
        assert_true(bsc_logs_agent_copy_apply(bsc_sys_real(), stage.site.copy, NULL, &round, &err));
        assert_int_equal(round.copied, 2);
        assert_int_equal(round.applied, 2);
        assert_string_equal(round.problem, "");
    }
    assert_holds_all(&stage, stage.site.copy, *state);
    close_stage(&stage);
}

static void a_round_goes_up_to_a_gap_and_says_so(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    ship(&stage);
    for (int i = 0; i < 3; i++) {
        practice_commit(&stage.site, 1);
        practice_back_up(&stage.site);
    }
    char *second = unit_path(stage.site.share, stage.site.files[1].name);
    assert_int_equal(unlink(second), 0);
    assert_true(bsc_logs_agent_copy_apply(bsc_sys_real(), stage.site.copy, NULL, &round, &err));
    assert_int_equal(round.applied, 1);
    assert_int_equal(round.lsn, stage.site.files[0].last_lsn);
    assert_non_null(strstr(round.problem, "missing between"));
    free(second);
    close_stage(&stage);
}

static void without_a_job_there_is_no_round(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    assert_false(bsc_logs_agent_copy_apply(bsc_sys_real(), stage.site.copy, NULL, &round, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    close_stage(&stage);
}

static void ending_the_job_removes_it_and_may_be_done_again(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    ship(&stage);
    char *path = bsc_logs_path_shipping(stage.site.copy);
    assert_int_equal(access(path, F_OK), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(bsc_logs_unship(bsc_sys_real(), stage.site.copy, 0, &err));
        assert_int_equal(access(path, F_OK), -1);
    }
    bsc_mem_free(path);
    close_stage(&stage);
}

static void ending_the_job_waits_for_a_running_round(void **state)
{
    struct stage stage;
    struct bsc_logs_job job = BSC_LOGS_JOB_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_agent_round round;
    int fd = -1;
    open_stage(&stage, *state);
    ship(&stage);
    assert_true(bsc_logs_shipping_hold(bsc_sys_real(), stage.site.copy, &job, &fd, &err));
    assert_string_equal(job.share, stage.site.share);
    assert_int_equal(job.interval_ms, 500);
    assert_false(bsc_logs_unship(bsc_sys_real(), stage.site.copy, 40, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_false(bsc_logs_agent_copy_apply(bsc_sys_real(), stage.site.copy, NULL, &round, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_int_equal(close(fd), 0);
    assert_true(bsc_logs_unship(bsc_sys_real(), stage.site.copy, 40, &err));
    bsc_logs_job_release(&job);
    close_stage(&stage);
}

static void a_primary_takes_no_job(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    assert_false(bsc_logs_ship(bsc_sys_real(), stage.site.primary, &stage.job, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    close_stage(&stage);
}

static void install_mirror(struct stage *stage)
{
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t bytes = 0;
    const struct bsc_logs_clone_order order = {
        .sys = bsc_sys_real(), .from = stage->site.primary, .to = stage->mirror};
    if (!bsc_logs_clone(&order, &state, &bytes, &err))
        fail_msg("%s / %s", err.message, err.cause);
    assert_true(
        bsc_logs_db_header_set(bsc_sys_real(), stage->mirror, BSC_LOGS_MARK_RESTORING, &err));
    assert_true(bsc_logs_state_save(bsc_sys_real(), stage->mirror, &state, &err));
    bsc_logs_state_release(&state);
}

static struct bsc_logs_follower *follow(struct stage *stage, const struct bsc_sys *sys)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_follower *follower =
        bsc_logs_follower_open(sys, bsc_clock_real(), stage->site.primary, stage->mirror, &err);
    if (follower == NULL)
        fail_msg("%s", err.message);
    return follower;
}

static int64_t mirror_well(struct bsc_logs_follower *follower)
{
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_logs_agent_mirror(follower, &round, &err))
        fail_msg("%s / %s", err.message, err.cause);
    return round.lsn;
}

static void a_mirror_has_every_commit_after_a_round(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    install_mirror(&stage);
    struct bsc_logs_follower *follower = follow(&stage, bsc_sys_real());
    int64_t before = mirror_well(follower);
    for (int i = 0; i < 5; i++) {
        practice_commit(&stage.site, 3);
        int64_t lsn = mirror_well(follower);
        assert_true(lsn > before);
        assert_int_equal(mirror_well(follower), lsn);
        before = lsn;
        assert_holds_all(&stage, stage.mirror, *state);
    }
    assert_true(practice_is_closed(stage.mirror));
    bsc_logs_follower_close(follower);
    close_stage(&stage);
}

static void mirror_and_log_backups_go_side_by_side(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    ship(&stage);
    install_mirror(&stage);
    struct bsc_logs_follower *follower = follow(&stage, bsc_sys_real());
    stage.site.guard = bsc_logs_guard_open(bsc_sys_real(), stage.site.primary, &err);
    for (int i = 0; i < 20; i++) {
        practice_commit(&stage.site, 1 + i % 3);
        if (i % 3 != 1)
            mirror_well(follower);
        if (i % 4 == 0)
            practice_back_up(&stage.site);
    }
    practice_commit(&stage.site, 1);
    practice_back_up(&stage.site);
    mirror_well(follower);
    assert_true(bsc_logs_agent_copy_apply(bsc_sys_real(), stage.site.copy, NULL, &round, &err));
    assert_string_equal(round.problem, "");
    assert_holds_all(&stage, stage.mirror, *state);
    assert_holds_all(&stage, stage.site.copy, *state);
    bsc_logs_follower_close(follower);
    close_stage(&stage);
}

/* The log is settled in the quiet between two rounds, so that it does not grow for ever. */
static void the_log_of_a_mirrored_database_is_used_again(void **state)
{
    struct stage stage;
    struct stat first = {0}, later = {0};
    char *wal = unit_path(*state, "primary.db-wal");
    open_stage(&stage, *state);
    char *sidecar = bsc_logs_path_state(stage.site.primary);
    assert_int_equal(unlink(sidecar), 0); /* no log backups are taken of it any more */
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_shipping_begin(bsc_sys_real(), stage.site.primary, &err));
    install_mirror(&stage);
    struct bsc_logs_follower *follower = follow(&stage, bsc_sys_real());
    for (int i = 0; i < 10; i++) {
        practice_sql(stage.site.app, "UPDATE message SET text='same' WHERE id<5");
        mirror_well(follower);
        mirror_well(follower);
        assert_int_equal(stat(wal, i == 0 ? &first : &later), 0);
    }
    assert_int_equal(later.st_size, first.st_size);
    assert_holds_all(&stage, stage.mirror, *state);
    bsc_logs_follower_close(follower);
    free(sidecar);
    free(wal);
    close_stage(&stage);
}

static void a_mirror_that_missed_frames_must_be_installed_anew(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    install_mirror(&stage);
    practice_commit(&stage.site, 2);
    practice_sql(stage.site.app, "PRAGMA wal_checkpoint(TRUNCATE)");
    practice_commit(&stage.site, 2);
    struct bsc_logs_follower *follower = follow(&stage, bsc_sys_real());
    assert_false(bsc_logs_agent_mirror(follower, &round, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    bsc_logs_follower_close(follower);
    close_stage(&stage);
}

static void a_mirror_of_another_fork_is_refused(void **state)
{
    struct stage stage;
    struct bsc_logs_agent_round round;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    install_mirror(&stage);
    assert_true(bsc_logs_state_load(bsc_sys_real(), stage.mirror, &sidecar, &err));
    sidecar.fork[0] = sidecar.fork[0] == 'a' ? 'b' : 'a';
    assert_true(bsc_logs_state_save(bsc_sys_real(), stage.mirror, &sidecar, &err));
    practice_commit(&stage.site, 1);
    struct bsc_logs_follower *follower = follow(&stage, bsc_sys_real());
    assert_false(bsc_logs_agent_mirror(follower, &round, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "Install"));
    bsc_logs_follower_close(follower);
    bsc_logs_state_release(&sidecar);
    close_stage(&stage);
}

/* A follower that dies at any call; its successor brings the mirror up to date. */
static void no_moment_of_dying_spoils_a_mirror(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    install_mirror(&stage);
    bool failed = true;
    for (unsigned long n = 1; failed; n++) {
        struct unit_sys fault;
        struct bsc_logs_agent_round round;
        struct bsc_err err = BSC_ERR_INIT;
        assert_true(n < 1000);
        practice_sql(stage.site.app, "UPDATE message SET text=hex(randomblob(9)) WHERE id<4");
        unit_sys_init(&fault);
        struct bsc_logs_follower *follower = follow(&stage, &fault.table);
        unit_sys_fail(&fault, fault.calls + n, EIO, true);
        bool ok = bsc_logs_agent_mirror(follower, &round, &err);
        assert_true(ok || err.message[0] != '\0');
        bsc_logs_follower_close(follower);
        failed = fault.failed;
        practice_sweep(*state);
        follower = follow(&stage, bsc_sys_real());
        mirror_well(follower);
        mirror_well(follower);
        bsc_logs_follower_close(follower);
    }
    assert_holds_all(&stage, stage.mirror, *state);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_round_copies_and_applies_what_is_new),
        UNIT_IN_FOLDER(a_round_goes_up_to_a_gap_and_says_so),
        UNIT_IN_FOLDER(without_a_job_there_is_no_round),
        UNIT_IN_FOLDER(ending_the_job_removes_it_and_may_be_done_again),
        UNIT_IN_FOLDER(ending_the_job_waits_for_a_running_round),
        UNIT_IN_FOLDER(a_primary_takes_no_job),
        UNIT_IN_FOLDER(a_mirror_has_every_commit_after_a_round),
        UNIT_IN_FOLDER(mirror_and_log_backups_go_side_by_side),
        UNIT_IN_FOLDER(the_log_of_a_mirrored_database_is_used_again),
        UNIT_IN_FOLDER(a_mirror_that_missed_frames_must_be_installed_anew),
        UNIT_IN_FOLDER(a_mirror_of_another_fork_is_refused),
        UNIT_IN_FOLDER(no_moment_of_dying_spoils_a_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
