#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_sys.h"
#include "fixture.h"
#include "journal/lease.h"
#include "journal/lock.h"
#include "base/mem.h"
#include "orphan.h"
#include "os/files.h"
#include "os/process.h"

/* One who asks for leases: its runs folder, with the lock that says whether it is at work. */
struct controller {
    struct bsc_journal_lock *lock;
    char *path; /* of the lock */
    struct bsc_journal_claim claim;
};

struct scene {
    struct ticking ticking;
    char *lease;
    struct controller a, b;
};

static void controller_open(struct controller *one, const char *folder, const char *name,
                            struct ticking *ticking)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *runs = unit_path(folder, name);
    one->lock = bsc_journal_lock_take(bsc_sys_real(), &ticking->clock, runs, name, &err);
    assert_non_null(one->lock);
    one->path = bsc_files_join(runs, "lock");
    one->claim = (struct bsc_journal_claim){name, one->path, "anna", NULL};
    free(runs);
}

static void controller_close(struct controller *one)
{
    bsc_journal_lock_free(one->lock);
    bsc_mem_free(one->path);
}

static void scene_open(struct scene *scene, const char *folder)
{
    ticking_init(&scene->ticking);
    scene->lease = unit_path(folder, "mgc.db.lease");
    controller_open(&scene->a, folder, "a", &scene->ticking);
    controller_open(&scene->b, folder, "b", &scene->ticking);
}

static void scene_close(struct scene *scene)
{
    controller_close(&scene->a);
    controller_close(&scene->b);
    free(scene->lease);
}

static struct bsc_journal_lease *take(struct scene *scene, const struct controller *one,
                                      int64_t known, struct bsc_err *err)
{
    struct bsc_journal_lease *lease = NULL;
    *err = (struct bsc_err)BSC_ERR_INIT;
    bool taken = bsc_journal_lease_take(bsc_sys_real(), &scene->ticking.clock, scene->lease,
                                        &one->claim, known, &lease, err);
    assert_true(taken == (lease != NULL));
    return lease;
}

static int64_t epoch_of(const struct bsc_journal_lease *lease)
{
    return bsc_value_get_number(bsc_journal_lease_text(lease), "epoch", 0);
}

static enum bsc_journal_lease_stand stand(const struct scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lease_view view = {0};
    assert_true(bsc_journal_lease_look(bsc_sys_real(), scene->lease, &view, &err));
    enum bsc_journal_lease_stand found = view.stand;
    bsc_journal_lease_view_release(&view);
    return found;
}

static void write_lease(const struct scene *scene, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_files_write(bsc_sys_real(), scene->lease, text, strlen(text), 0600, &err));
}

static void each_taking_raises_the_epoch(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_FREE);
    for (int64_t epoch = 1; epoch <= 4; epoch++) {
        struct bsc_journal_lease *lease =
            take(&scene, epoch % 2 == 0 ? &scene.a : &scene.b, 0, &err);
        assert_int_equal(epoch_of(lease), epoch);
        assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_HELD);
        bsc_journal_lease_free(lease);
        assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_FREE);
    }
    bsc_journal_lease_free(NULL);
    scene_close(&scene);
}

static void whoever_is_at_work_keeps_others_out(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    struct bsc_journal_lease *lease = take(&scene, &scene.a, 0, &err);
    assert_null(take(&scene, &scene.b, 0, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "run a has the lease"));
    assert_non_null(strstr(err.message, "of anna on host"));
    assert_non_null(strstr(err.message, "is at work"));
    assert_non_null(strstr(err.hint, "--take-over"));
    assert_true(bsc_journal_lease_hold(lease, &err));
    bsc_journal_lease_rest(lease);
    bsc_journal_lease_free(lease);
    scene_close(&scene);
}

static void the_lease_of_one_that_is_gone_is_taken_without_ceremony(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    pid_t pid = fork();
    if (pid == 0)
        _exit(take(&scene, &scene.a, 0, &err) != NULL ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_HELD);
    bsc_journal_lock_free(scene.a.lock);
    scene.a.lock = NULL;
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_LEFT);
    struct bsc_journal_lease *lease = take(&scene, &scene.b, 0, &err);
    assert_int_equal(epoch_of(lease), 2);
    assert_null(bsc_value_get(bsc_journal_lease_text(lease), "from"));
    bsc_journal_lease_free(lease);
    scene_close(&scene);
}

static void a_lease_is_held_while_a_program_outlives_its_process(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    char *runs = unit_path(*state, "a");
    scene_open(&scene, *state);
    struct bsc_journal_lease *left = take(&scene, &scene.a, 0, &err);
    bsc_journal_lock_free(scene.a.lock);
    scene.a.lock = NULL;
    pid_t orphan = orphan_start(runs, "a", false);
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_HELD);
    assert_null(take(&scene, &scene.b, 0, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_true(bsc_process_end(orphan, SIGKILL, 5000, &err));
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_LEFT);
    bsc_journal_lease_free(left);
    scene_close(&scene);
    free(runs);
}

static void whoever_lost_a_lease_cannot_hold_it_and_learns_why(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    struct bsc_journal_lease *lost = take(&scene, &scene.a, 0, &err);
    scene.b.claim.reason = "host a hangs";
    struct bsc_journal_lease *lease = take(&scene, &scene.b, 0, &err);
    const struct bsc_value *text = bsc_journal_lease_text(lease);
    assert_string_equal(bsc_value_get_string(text, "reason"), "host a hangs");
    assert_string_equal(bsc_value_get_string(bsc_value_get(text, "from"), "run"), "a");
    assert_false(bsc_journal_lease_hold(lost, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "run b of anna on host"));
    assert_non_null(strstr(err.message, "host a hangs"));
    bsc_journal_lease_free(lost);
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_HELD);
    assert_true(bsc_journal_lease_hold(lease, &err));
    bsc_journal_lease_free(lease);
    scene_close(&scene);
}

static void nobody_takes_over_within_a_change(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    struct bsc_journal_lease *lease = take(&scene, &scene.a, 0, &err);
    assert_true(bsc_journal_lease_hold(lease, &err));
    scene.b.claim.reason = "host a hangs";
    assert_null(take(&scene, &scene.b, 0, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "in the midst of a change"));
    bsc_journal_lease_rest(lease);
    struct bsc_journal_lease *taken = take(&scene, &scene.b, 0, &err);
    assert_int_equal(epoch_of(taken), 2);
    bsc_journal_lease_free(lease);
    bsc_journal_lease_free(taken);
    scene_close(&scene);
}

static void whoever_comes_back_after_another_one_must_say_why(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    bsc_journal_lease_free(take(&scene, &scene.a, 0, &err));
    bsc_journal_lease_free(take(&scene, &scene.a, 1, &err));
    bsc_journal_lease_free(take(&scene, &scene.b, 0, &err));
    assert_null(take(&scene, &scene.a, 2, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "since this run stopped, run b"));
    scene.a.claim.reason = "b is done";
    struct bsc_journal_lease *lease = take(&scene, &scene.a, 2, &err);
    assert_int_equal(epoch_of(lease), 4);
    bsc_journal_lease_free(lease);
    scene_close(&scene);
}

static void another_one_counts_although_the_epochs_began_anew(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    for (int64_t known = 1; known <= 2; known++) {
        assert_int_equal(unlink(scene.lease), known == 1 ? -1 : 0);
        bsc_journal_lease_free(take(&scene, &scene.b, 0, &err));
        assert_null(take(&scene, &scene.a, known, &err));
        assert_int_equal(err.code, BSC_ERR_CONFLICT);
        assert_non_null(strstr(err.message, "since this run stopped, run b"));
    }
    scene_close(&scene);
}

static void what_nobody_can_read_is_taken_only_with_a_reason(void **state)
{
    static const char *const texts[] = {"x", "{}", "[1]", "{\"epoch\":1,\"run\":\"r\"}",
                                        "{\"epoch\":0,\"lock\":\"l\",\"run\":\"r\"}"};
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_lease(&scene, texts[i]);
        assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_UNREADABLE);
        scene.a.claim.reason = NULL;
        assert_null(take(&scene, &scene.a, 0, &err));
        assert_int_equal(err.code, BSC_ERR_CONFLICT);
        scene.a.claim.reason = "it was damaged";
        bsc_journal_lease_free(take(&scene, &scene.a, 0, &err));
    }
    scene_close(&scene);
}

static void what_was_never_written_to_its_end_is_nobodys(void **state)
{
    static const char zeros[4096];
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    for (size_t length = 0; length <= sizeof zeros; length += 1024) {
        assert_true(bsc_files_write(bsc_sys_real(), scene.lease, zeros, length, 0600, &err));
        assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_FREE);
        struct bsc_journal_lease *lease = take(&scene, &scene.a, 0, &err);
        assert_non_null(lease);
        bsc_journal_lease_free(lease);
    }
    scene_close(&scene);
}

static void of_another_host_nobody_can_tell(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    scene_open(&scene, *state);
    write_lease(&scene, "{\"epoch\":7,\"host\":\"elsewhere\",\"lock\":\"/runs/lock\",\"pid\":1,"
                        "\"run\":\"r\",\"state\":\"held\"}");
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_UNTOLD);
    assert_null(take(&scene, &scene.a, 0, &err));
    assert_non_null(strstr(err.message, "it cannot be told here"));
    scene_close(&scene);
}

static void without_a_folder_there_is_no_lease(void **state)
{
    struct scene scene;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lease *lease = NULL;
    scene_open(&scene, *state);
    char *path = unit_path(*state, "missing/mgc.db.lease");
    assert_true(bsc_journal_lease_take(bsc_sys_real(), &scene.ticking.clock, path, &scene.a.claim,
                                       0, &lease, &err));
    assert_null(lease);
    free(path);
    scene_close(&scene);
}

static void whoever_has_no_right_to_a_lease_is_told_what_to_do(void **state)
{
    struct scene scene;
    struct unit_sys fault;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lease *lease = NULL;
    scene_open(&scene, *state);
    unit_sys_init(&fault);
    unit_sys_fail(&fault, 1, EACCES, false);
    assert_false(bsc_journal_lease_take(&fault.table, &scene.ticking.clock, scene.lease,
                                        &scene.a.claim, 0, &lease, &err));
    assert_non_null(strstr(err.message, "could not open lease"));
    assert_non_null(strstr(err.hint, "chmod --reference"));
    scene_close(&scene);
}

/* Taken, held, given back, with one call failing: never two who have it, never a descriptor lost,
 * and always a word. */
static ssize_t half_written(void *self, int fd, const void *bytes, size_t length, off_t offset)
{
    const struct bsc_sys *real = bsc_sys_real();
    (void)self;
    return real->pwrite(real->self, fd, bytes, length / 2, offset);
}

static void a_disk_that_becomes_full_leaves_the_lease_free(void **state)
{
    struct scene scene;
    struct bsc_sys full = *bsc_sys_real();
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lease *lease = NULL;
    full.pwrite = half_written;
    scene_open(&scene, *state);
    assert_false(bsc_journal_lease_take(&full, &scene.ticking.clock, scene.lease, &scene.a.claim, 0,
                                        &lease, &err));
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_non_null(strstr(err.message, "could not write lease"));
    assert_int_equal(stand(&scene), BSC_JOURNAL_LEASE_FREE);
    bsc_journal_lease_free(take(&scene, &scene.b, 0, &err));
    scene_close(&scene);
}

static void whichever_call_fails_nobody_has_it_wrongly(void **state)
{
    bool failed = true;
    struct scene scene;
    scene_open(&scene, *state);
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_journal_lease *lease = NULL;
        int before = unit_fd_count();
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        bool done = bsc_journal_lease_take(&fault.table, &scene.ticking.clock, scene.lease,
                                           &scene.a.claim, 0, &lease, &err) &&
                    bsc_journal_lease_hold(lease, &err);
        bsc_journal_lease_free(lease);
        failed = fault.failed;
        assert_true(done || err.message[0] != '\0');
        assert_int_equal(unit_fd_count(), before);
        scene.b.claim.reason = "whatever is left";
        struct bsc_journal_lease *next = take(&scene, &scene.b, 0, &err);
        assert_non_null(next);
        bsc_journal_lease_free(next);
    }
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(each_taking_raises_the_epoch),
        UNIT_IN_FOLDER(whoever_is_at_work_keeps_others_out),
        UNIT_IN_FOLDER(the_lease_of_one_that_is_gone_is_taken_without_ceremony),
        UNIT_IN_FOLDER(a_lease_is_held_while_a_program_outlives_its_process),
        UNIT_IN_FOLDER(whoever_lost_a_lease_cannot_hold_it_and_learns_why),
        UNIT_IN_FOLDER(nobody_takes_over_within_a_change),
        UNIT_IN_FOLDER(whoever_comes_back_after_another_one_must_say_why),
        UNIT_IN_FOLDER(another_one_counts_although_the_epochs_began_anew),
        UNIT_IN_FOLDER(what_nobody_can_read_is_taken_only_with_a_reason),
        UNIT_IN_FOLDER(what_was_never_written_to_its_end_is_nobodys),
        UNIT_IN_FOLDER(of_another_host_nobody_can_tell),
        UNIT_IN_FOLDER(without_a_folder_there_is_no_lease),
        UNIT_IN_FOLDER(a_disk_that_becomes_full_leaves_the_lease_free),
        UNIT_IN_FOLDER(whoever_has_no_right_to_a_lease_is_told_what_to_do),
        UNIT_IN_FOLDER(whichever_call_fails_nobody_has_it_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
