#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "os/process.h"

static bool detach(const char *script, const char *log_path, pid_t *ret_pid, struct bsc_err *err)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    return bsc_process_detach(argv, log_path, ret_pid, err);
}

/* Waits for the natural end of a process that is not our child. */
static void wait_end(pid_t pid)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_process_end(pid, 0, 20000, &err));
}

static void a_detached_child_goes_on_by_itself(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = -1;
    int before = unit_fd_count();
    assert_true(detach("exec sleep 1000", NULL, &pid, &err));
    assert_true(bsc_process_alive(pid));
    assert_int_equal(unit_fd_count(), before);
    /* It is nobody's child here, and neither is the process that stood between. */
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_not_equal(getsid(pid), getsid(0));
    assert_int_not_equal(getsid(pid), pid);
    assert_true(bsc_process_end(pid, SIGTERM, 5000, &err));
    assert_false(bsc_process_alive(pid));
}

static void the_output_is_appended_to_the_log(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = -1;
    char *path = unit_path(*state, "log");
    unit_file_put(path, "old\n", 4);
    assert_true(detach("echo out; echo err >&2; cat", path, &pid, &err));
    wait_end(pid);
    unit_assert_file(path, "old\nout\nerr\n");
    free(path);
}

static void the_returned_pid_is_the_one_of_the_program(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = -1;
    char expected[32];
    char *path = unit_path(*state, "log");
    assert_true(detach("echo $$", path, &pid, &err));
    wait_end(pid);
    snprintf(expected, sizeof expected, "%ld\n", (long)pid);
    unit_assert_file(path, expected);
    free(path);
}

static void a_detached_child_inherits_neither_files_nor_signals(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = -1;
    char *path = unit_path(*state, "log");
    int kept = dup(0);
    assert_true(kept >= 3);
    signal(SIGPIPE, SIG_IGN);
    setenv("BSC_SECRET", "hunter2", 1);
    assert_true(detach("ls /proc/$$/fd; grep SigIgn /proc/self/status | cut -f2;"
                       "echo ${BSC_SECRET-none}",
                       path, &pid, &err));
    wait_end(pid);
    unit_assert_file(path, "0\n1\n2\n0000000000000000\nnone\n");
    unsetenv("BSC_SECRET");
    close(kept);
    free(path);
}

/* A program that comes from the disk is long in coming; whoever looks for the process by what it
 * was started with must find it all the same. */
static void a_detached_child_shows_its_command_line_at_once(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char *own = bsc_process_own_path(&err);
    const char *argv[] = {own, "wait", NULL};
    for (int round = 0; round < 100; round++) {
        pid_t pid = -1;
        char path[64];
        char line[4096] = {0};
        int program = open(own, O_RDONLY | O_CLOEXEC);
        assert_int_equal(posix_fadvise(program, 0, 0, POSIX_FADV_DONTNEED), 0);
        close(program);
        assert_true(bsc_process_detach(argv, NULL, &pid, &err));
        snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(read(fd, line, sizeof line - 1) > 0);
        close(fd);
        assert_true(bsc_process_end(pid, SIGKILL, 5000, &err));
        assert_string_equal(line, own);
    }
    bsc_mem_free(own);
}

static void a_program_that_cannot_start_is_told_at_once(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = -1;
    const char *argv[] = {"bascule-no-such-program", NULL};
    int before = unit_fd_count();
    assert_false(bsc_process_detach(argv, NULL, &pid, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'bascule-no-such-program'"));
    assert_int_equal(pid, -1);
    char *path = unit_path(*state, "none/log");
    assert_false(detach("true", path, &pid, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(unit_fd_count(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    free(path);
}

static void the_program_knows_its_own_path(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_process_own_path(&err);
    assert_non_null(path);
    assert_int_equal(path[0], '/');
    assert_string_equal(strrchr(path, '/'), "/test_detach");
    assert_int_equal(access(path, X_OK), 0);
    free(path);
}

/* With an argument the program is the child that one of the tests starts. */
int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return pause();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_detached_child_goes_on_by_itself),
        UNIT_IN_FOLDER(the_output_is_appended_to_the_log),
        UNIT_IN_FOLDER(the_returned_pid_is_the_one_of_the_program),
        UNIT_IN_FOLDER(a_detached_child_inherits_neither_files_nor_signals),
        cmocka_unit_test(a_detached_child_shows_its_command_line_at_once),
        UNIT_IN_FOLDER(a_program_that_cannot_start_is_told_at_once),
        cmocka_unit_test(the_program_knows_its_own_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
