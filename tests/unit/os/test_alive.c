#include "child.h"

#include <signal.h>
#include <sys/wait.h>

#include "os/process.h"
#include "os/sys.h"

static bool be_deaf(const void *arg)
{
    const bool *deaf = arg;
    signal(SIGTERM, *deaf ? SIG_IGN : SIG_DFL);
    return true;
}

/* A child that waits; when `deaf`, TERM does not end it. */
static pid_t start_child(bool deaf)
{
    return child_begin(be_deaf, &deaf);
}

static int reap(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void a_process_lives_until_it_has_ended_even_unreaped(void **state)
{
    (void)state;
    siginfo_t info = {0};
    assert_true(bsc_process_alive(getpid()));
    assert_true(bsc_process_alive(1));
    pid_t pid = start_child(false);
    assert_true(bsc_process_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(bsc_process_alive(pid));
    reap(pid);
    assert_false(bsc_process_alive(pid));
}

static void what_is_no_pid_does_not_live(void **state)
{
    (void)state;
    assert_false(bsc_process_alive(0));
    assert_false(bsc_process_alive(-1));
    assert_false(bsc_process_alive(INT32_MAX));
}

static void a_polite_process_ends_by_the_first_signal(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    int before = unit_fd_count();
    pid_t pid = start_child(false);
    assert_true(bsc_process_end(pid, SIGTERM, 10000, &err));
    assert_int_equal(reap(pid), SIGTERM);
    assert_int_equal(unit_fd_count(), before);
}

static void a_deaf_process_is_killed_after_the_wait(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = start_child(true);
    assert_true(bsc_process_end(pid, SIGTERM, 50, &err));
    assert_int_equal(reap(pid), SIGKILL);
}

static void ending_what_is_gone_is_a_success(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = start_child(false);
    assert_int_equal(kill(pid, SIGKILL), 0);
    reap(pid);
    assert_true(bsc_process_end(pid, SIGTERM, 1000, &err));
}

static void groups_and_everybody_are_not_processes(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_process_end(0, SIGTERM, 0, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_false(bsc_process_end(-1, SIGTERM, 0, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
}

static void a_signal_that_does_not_exist_is_an_error(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = start_child(false);
    assert_false(bsc_process_end(pid, 9999, 0, &err));
    assert_true(bsc_process_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    reap(pid);
}

static bool is_the_one(void *arg, pid_t pid)
{
    return *(const pid_t *)arg == pid;
}

static void who_is_asked_to_stop_is_not_killed(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    atomic_bool cancel = false;
    int before = unit_fd_count();
    pid_t pid = start_child(false);
    assert_true(bsc_process_stop(pid, is_the_one, &pid, 10000, NULL, &err));
    assert_true(bsc_process_stop(pid, is_the_one, &pid, 10000, NULL, &err));
    assert_int_equal(reap(pid), SIGTERM);
    assert_true(bsc_process_stop(pid, is_the_one, &pid, 10000, NULL, &err));
    pid = start_child(true);
    assert_false(bsc_process_stop(pid, is_the_one, &pid, 60, NULL, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    atomic_store(&cancel, true);
    assert_false(bsc_process_stop(pid, is_the_one, &pid, 60000, &cancel, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_true(bsc_process_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(reap(pid), SIGKILL);
    assert_int_equal(unit_fd_count(), before);
}

static void another_program_with_the_pid_is_left_alone(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = start_child(false), other = 1;
    assert_false(bsc_process_stop(pid, is_the_one, &other, 1000, NULL, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_true(bsc_process_alive(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(reap(pid), SIGKILL);
}

static void whoever_holds_a_lock_on_a_file_is_found(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *path = unit_path(*state, "lock");
    pid_t found[4] = {0};
    int held = sys->open(sys->self, path, O_RDONLY | O_CREAT, 0600);
    int other = sys->open(sys->self, path, O_RDONLY, 0);
    assert_int_equal(sys->lock(sys->self, held, false), 0);
    assert_int_equal(bsc_process_lock_holders(path, found, 4), 0);
    pid_t first = start_child(false);
    pid_t second = start_child(false);
    assert_int_equal(bsc_process_lock_holders(path, found, 4), 2);
    assert_int_equal(found[0], first < second ? first : second);
    assert_int_equal(found[1], first < second ? second : first);
    assert_int_equal(bsc_process_lock_holders(path, found, 1), 1);
    /* Both still have both descriptors. */
    assert_int_equal(sys->unlock(sys->self, held), 0);
    assert_int_equal(bsc_process_lock_holders(path, found, 4), 0);
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(kill(second, SIGKILL), 0);
    reap(first);
    reap(second);
    assert_int_equal(bsc_process_lock_holders("/nowhere/at/all", found, 4), 0);
    sys->close(sys->self, held);
    sys->close(sys->self, other);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(whoever_holds_a_lock_on_a_file_is_found),
        cmocka_unit_test(a_process_lives_until_it_has_ended_even_unreaped),
        cmocka_unit_test(what_is_no_pid_does_not_live),
        cmocka_unit_test(a_polite_process_ends_by_the_first_signal),
        cmocka_unit_test(a_deaf_process_is_killed_after_the_wait),
        cmocka_unit_test(ending_what_is_gone_is_a_success),
        cmocka_unit_test(groups_and_everybody_are_not_processes),
        cmocka_unit_test(a_signal_that_does_not_exist_is_an_error),
        cmocka_unit_test(who_is_asked_to_stop_is_not_killed),
        cmocka_unit_test(another_program_with_the_pid_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
