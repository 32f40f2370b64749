#include "unit.h"

#include <errno.h>
#include <sys/wait.h>

#include "os/sys.h"

static void a_file_never_lands_on_the_standard_descriptors(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(0);
        close(1);
        close(2);
        int fd = sys->open(sys->self, *state, O_RDONLY, 0);
        bool freed = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
        _exit(fd >= 3 && freed && fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void every_file_is_closed_on_exec(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    int fd = sys->open(sys->self, *state, O_RDONLY, 0);
    assert_true(fd >= 3);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(sys->close(sys->self, fd), 0);
}

static void a_failed_open_leaves_errno(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *path = unit_path(*state, "none");
    assert_int_equal(sys->open(sys->self, path, O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT);
    free(path);
}

static void every_call_does_what_its_name_says(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *a = unit_path(*state, "a");
    char *b = unit_path(*state, "b");
    char *folder = unit_path(*state, "folder");
    char bytes[16] = {0};
    struct stat info;
    struct statvfs space;
    int fd = sys->open(sys->self, a, O_RDWR | O_CREAT, 0640);
    assert_int_equal(sys->write(sys->self, fd, "hello", 5), 5);
    assert_int_equal(sys->pwrite(sys->self, fd, "J", 1, 0), 1);
    assert_int_equal(sys->pread(sys->self, fd, bytes, 5, 0), 5);
    assert_string_equal(bytes, "Jello");
    assert_int_equal(sys->read(sys->self, fd, bytes, 5), 0);
    assert_int_equal(sys->fsync(sys->self, fd), 0);
    assert_int_equal(sys->fdatasync(sys->self, fd), 0);
    assert_int_equal(sys->fallocate(sys->self, fd, 0, 0, 100), 0);
    assert_int_equal(sys->fstat(sys->self, fd, &info), 0);
    assert_int_equal(info.st_size, 100);
    assert_int_equal(sys->ftruncate(sys->self, fd, 5), 0);
    assert_int_equal(sys->link(sys->self, a, b), 0);
    assert_int_equal(sys->stat(sys->self, b, &info), 0);
    assert_int_equal(info.st_nlink, 2);
    assert_int_equal(sys->unlink(sys->self, a), 0);
    assert_int_equal(sys->rename(sys->self, b, a), 0);
    unit_assert_file(a, "Jello");
    assert_int_equal(sys->mkdir(sys->self, folder, 0700), 0);
    assert_int_equal(sys->statvfs(sys->self, folder, &space), 0);
    assert_true(space.f_frsize > 0);
    assert_int_equal(sys->close(sys->self, fd), 0);
    free(a);
    free(b);
    free(folder);
}

static void ranges_are_copied_between_files(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *from_path = unit_path(*state, "from");
    char *to_path = unit_path(*state, "to");
    off_t from_offset = 2;
    off_t to_offset = 0;
    unit_file_put(from_path, "abcdef", 6);
    int from = sys->open(sys->self, from_path, O_RDONLY, 0);
    int to = sys->open(sys->self, to_path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(sys->copy_file_range(sys->self, from, &from_offset, to, &to_offset, 3), 3);
    assert_int_equal(sys->close(sys->self, from), 0);
    assert_int_equal(sys->close(sys->self, to), 0);
    unit_assert_file(to_path, "cde");
    free(from_path);
    free(to_path);
}

static void a_lock_belongs_to_the_open_file_and_not_to_the_process(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *path = unit_path(*state, "lock");
    int first = sys->open(sys->self, path, O_RDWR | O_CREAT, 0600);
    int second = sys->open(sys->self, path, O_RDWR, 0);
    int third = sys->open(sys->self, path, O_RDWR, 0);
    assert_int_equal(sys->lock(sys->self, first, true), 0);
    assert_int_equal(sys->lock(sys->self, second, true), -1);
    assert_int_equal(errno, EAGAIN);
    /* Closing another descriptor of the file would drop a classic record lock. */
    assert_int_equal(sys->close(sys->self, third), 0);
    assert_int_equal(sys->lock(sys->self, second, false), -1);
    assert_int_equal(sys->close(sys->self, first), 0);
    assert_int_equal(sys->lock(sys->self, second, true), 0);
    assert_int_equal(sys->close(sys->self, second), 0);
    free(path);
}

static void a_lock_is_given_back_whoever_has_inherited_it(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *path = unit_path(*state, "lock");
    int first = sys->open(sys->self, path, O_RDONLY | O_CREAT, 0600);
    int heir = dup(first);
    int second = sys->open(sys->self, path, O_RDONLY, 0);
    assert_int_equal(sys->lock(sys->self, first, false), 0);
    assert_int_equal(sys->locked(sys->self, second), 1);
    assert_int_equal(sys->unlock(sys->self, first), 0);
    assert_int_equal(sys->locked(sys->self, second), 0);
    assert_int_equal(sys->lock(sys->self, first, false), 0);
    assert_int_equal(sys->close(sys->self, first), 0);
    assert_int_equal(sys->locked(sys->self, second), 1);
    assert_int_equal(close(heir), 0);
    assert_int_equal(sys->locked(sys->self, second), 0);
    assert_int_equal(sys->close(sys->self, second), 0);
    free(path);
}

static void shared_locks_go_together(void **state)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *path = unit_path(*state, "lock");
    int first = sys->open(sys->self, path, O_RDWR | O_CREAT, 0600);
    int second = sys->open(sys->self, path, O_RDWR, 0);
    assert_int_equal(sys->lock(sys->self, first, false), 0);
    assert_int_equal(sys->lock(sys->self, second, false), 0);
    assert_int_equal(sys->lock(sys->self, second, true), -1);
    assert_int_equal(sys->close(sys->self, first), 0);
    assert_int_equal(sys->close(sys->self, second), 0);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_file_never_lands_on_the_standard_descriptors),
        UNIT_IN_FOLDER(every_file_is_closed_on_exec),
        UNIT_IN_FOLDER(a_failed_open_leaves_errno),
        UNIT_IN_FOLDER(every_call_does_what_its_name_says),
        UNIT_IN_FOLDER(ranges_are_copied_between_files),
        UNIT_IN_FOLDER(a_lock_belongs_to_the_open_file_and_not_to_the_process),
        UNIT_IN_FOLDER(a_lock_is_given_back_whoever_has_inherited_it),
        UNIT_IN_FOLDER(shared_locks_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
