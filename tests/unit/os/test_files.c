#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "fault_sys.h"
#include "os/clock.h"
#include "os/files.h"

static const struct bsc_sys *sys(void)
{
    return bsc_sys_real();
}

static void a_file_is_appended_to_the_buffer_whole(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    char *path = unit_path(*state, "f");
    unit_file_put(path, "a\0b", 3);
    bsc_buf_init(&out);
    bsc_buf_add_text(&out, ">");
    assert_true(bsc_files_read(sys(), path, 3, &out, &err));
    assert_int_equal(out.length, 4);
    assert_memory_equal(out.data, ">a\0b", 5);
    bsc_buf_release(&out);
    free(path);
}

/* Gives the lease up when somebody waits for the file. */
static void *lessor(void *arg)
{
    int fd = *(int *)arg;
    while (fcntl(fd, F_GETLEASE) == F_WRLCK)
        bsc_clock_pause(1, NULL);
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return NULL;
}

static void a_file_that_somebody_has_a_lease_on_is_waited_for(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    pthread_t thread;
    char *path = unit_path(*state, "f");
    unit_file_put(path, "12345", 5);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
        bsc_buf_init(&out);
        assert_int_equal(pthread_create(&thread, NULL, lessor, &fd), 0);
        assert_true(bsc_files_read(sys(), path, 5, &out, &err));
        assert_string_equal(out.data, "12345");
        pthread_join(thread, NULL);
        bsc_buf_release(&out);
    }
    close(fd);
    free(path);
}

static void a_large_file_is_read_whole_through_short_reads(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    struct unit_sys fault;
    size_t length = 300000;
    char *path = unit_path(*state, "f");
    char *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    unit_file_put(path, bytes, length);
    unit_sys_init(&fault);
    fault.length_max = 997;
    bsc_buf_init(&out);
    assert_true(bsc_files_read(&fault.table, path, length, &out, &err));
    assert_int_equal(out.length, length);
    assert_memory_equal(out.data, bytes, length);
    bsc_buf_release(&out);
    free(bytes);
    free(path);
}

static void a_file_that_is_too_long_is_refused_and_the_buffer_left_alone(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    char *path = unit_path(*state, "f");
    unit_file_put(path, "12345", 5);
    bsc_buf_init(&out);
    bsc_buf_add_text(&out, ">");
    assert_false(bsc_files_read(sys(), path, 4, &out, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    assert_non_null(strstr(err.message, path));
    assert_string_equal(out.data, ">");
    assert_int_equal(out.length, 1);
    bsc_buf_release(&out);
    free(path);
}

static void only_ordinary_files_are_read(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out = {0};
    char *pipe_path = unit_path(*state, "pipe");
    char *none = unit_path(*state, "none");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_false(bsc_files_read(sys(), pipe_path, 100, &out, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_false(bsc_files_read(sys(), *state, 100, &out, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_non_null(strstr(err.message, "is a folder"));
    assert_false(bsc_files_read(sys(), none, 100, &out, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, none));
    bsc_buf_release(&out);
    free(pipe_path);
    free(none);
}

static void writing_creates_and_replaces_and_leaves_nothing_else(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct stat info;
    char *path = unit_path(*state, "f");
    assert_true(bsc_files_write(sys(), path, "one", 3, 0600, &err));
    unit_assert_file(path, "one");
    assert_true(bsc_files_write(sys(), path, "second", 6, 0640, &err));
    unit_assert_file(path, "second");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
    assert_true(bsc_files_write(sys(), path, NULL, 0, 0600, &err));
    unit_assert_file(path, "");
    assert_int_equal(unit_entry_count(*state), 1);
    free(path);
}

static void writing_replaces_a_link_and_spares_what_it_points_to(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct stat info;
    char *target = unit_path(*state, "target");
    char *path = unit_path(*state, "link");
    unit_file_put(target, "kept", 4);
    assert_int_equal(symlink("target", path), 0);
    assert_true(bsc_files_write(sys(), path, "new", 3, 0600, &err));
    unit_assert_file(target, "kept");
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    free(target);
    free(path);
}

static void output_goes_to_what_is_no_ordinary_file(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct stat info;
    char got[8] = "";
    char *pipe = unit_path(*state, "pipe"), *path = unit_path(*state, "link");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(symlink("pipe", path), 0);
    assert_false(bsc_files_output(sys(), path, "new", 3, 0600, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    int fd = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_true(bsc_files_output(sys(), path, "new", 3, 0600, &err));
    assert_int_equal(read(fd, got, sizeof got), 3);
    assert_memory_equal(got, "new", 3);
    close(fd);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(pipe, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(unit_entry_count(*state), 2);
    free(pipe);
    free(path);
}

static void output_replaces_an_ordinary_file_wherever_it_lies(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *own = unit_path(*state, "own");
    char *const paths[] = {bsc_mem_format("/dev/shm/bascule-output-%ld", (long)getpid()),
                           bsc_mem_format("/proc/self/root%s", own)};
    for (int i = 0; i < 4; i++) {
        assert_true(bsc_files_output(sys(), paths[i / 2], "new", 3, 0600, &err));
        unit_assert_file(paths[i / 2], "new");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(unlink(paths[i]), 0);
        bsc_mem_free(paths[i]);
    }
    free(own);
}

static void output_goes_on_where_an_open_file_has_come_to(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "log");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "one ", 4), 4);
    char *name = bsc_mem_format("/dev/fd/%d", fd);
    assert_true(bsc_files_output(sys(), name, "two ", 4, 0600, &err));
    assert_int_equal(write(fd, "three", 5), 5);
    close(fd);
    unit_assert_file(path, "one two three");
    bsc_mem_free(name);
    free(path);
}

static void a_temporary_file_left_by_a_crash_is_removed(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "f");
    char *left = unit_path(*state, ".f.0.partial");
    unit_file_put(left, "torn", 4);
    assert_true(bsc_files_write(sys(), path, "new", 3, 0600, &err));
    unit_assert_file(path, "new");
    assert_int_equal(unit_entry_count(*state), 1);
    free(path);
    free(left);
}

static void a_temporary_file_that_is_being_written_is_left_alone(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "f");
    char *held = unit_path(*state, ".f.0.partial");
    int fd = -1;
    assert_true(bsc_files_lock(sys(), held, true, &fd, &err));
    assert_true(bsc_files_write(sys(), path, "new", 3, 0600, &err));
    unit_assert_file(path, "new");
    unit_assert_file(held, "");
    sys()->close(NULL, fd);
    free(path);
    free(held);
}

enum { WRITERS = 4, WRITES = 300 };

static void *write_often(void *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    for (int i = 0; i < WRITES; i++) {
        if (!bsc_files_write(bsc_sys_real(), path, "whole", 5, 0600, &err))
            return bsc_mem_text(err.message);
    }
    return NULL;
}

static void many_writers_of_one_file_do_not_disturb_each_other(void **state)
{
    pthread_t writers[WRITERS];
    char *path = unit_path(*state, "f");
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_often, path), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *complaint = NULL;
        assert_int_equal(pthread_join(writers[i], &complaint), 0);
        if (complaint != NULL)
            fail_msg("%s", (char *)complaint);
    }
    unit_assert_file(path, "whole");
    assert_int_equal(unit_entry_count(*state), 1);
    free(path);
}

static void writing_into_a_missing_folder_names_the_path(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "none/f");
    assert_false(bsc_files_write(sys(), path, "x", 1, 0600, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    free(path);
}

static void short_writes_are_continued(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    char *path = unit_path(*state, "f");
    unit_sys_init(&fault);
    fault.length_max = 3;
    assert_true(bsc_files_write(&fault.table, path, "0123456789", 10, 0600, &err));
    assert_int_equal(fault.counts[UNIT_SYS_WRITE], 4);
    unit_assert_file(path, "0123456789");
    free(path);
}

static ssize_t write_nothing(void *self, int fd, const void *bytes, size_t length)
{
    (void)self;
    (void)fd;
    (void)bytes;
    (void)length;
    return 0;
}

static void a_write_that_makes_no_progress_is_an_error_and_no_endless_loop(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sys idle = *sys();
    idle.write = write_nothing;
    assert_false(bsc_files_write_all(&idle, 1, "x", 1, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
}

static void folders_are_made_with_their_parents_and_existing_ones_are_fine(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct stat info;
    char *path = unit_path(*state, "a//b/c/");
    for (int i = 0; i < 2; i++) {
        assert_true(bsc_files_make_folder(sys(), path, 0700, &err));
        assert_int_equal(stat(path, &info), 0);
        assert_true(S_ISDIR(info.st_mode));
    }
    assert_true(bsc_files_make_folder(sys(), "/", 0700, &err));
    assert_true(bsc_files_make_folder(sys(), ".", 0700, &err));
    free(path);
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *file = unit_path(*state, "a");
    char *below = unit_path(*state, "a/b");
    unit_file_put(file, "", 0);
    assert_false(bsc_files_make_folder(sys(), file, 0700, &err));
    assert_int_equal(err.code, BSC_ERR_EXISTS);
    assert_false(bsc_files_make_folder(sys(), below, 0700, &err));
    assert_int_equal(err.code, BSC_ERR_EXISTS);
    assert_non_null(strstr(err.message, "is not a folder"));
    assert_false(bsc_files_make_folder(sys(), "", 0700, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(file);
    free(below);
}

static void existence_is_told(void **state)
{
    char *none = unit_path(*state, "none");
    assert_true(bsc_files_exists(sys(), *state));
    assert_false(bsc_files_exists(sys(), none));
    free(none);
}

static void a_lock_keeps_others_out_until_it_is_closed(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    int first = -1;
    int second = -1;
    int before = unit_fd_count();
    char *path = unit_path(*state, "lock");
    assert_true(bsc_files_lock(sys(), path, true, &first, &err));
    assert_false(bsc_files_lock(sys(), path, true, &second, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(second, -1);
    assert_int_equal(close(first), 0);
    assert_true(bsc_files_lock(sys(), path, false, &first, &err));
    assert_true(bsc_files_lock(sys(), path, false, &second, &err));
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
    assert_int_equal(unit_fd_count(), before);
    free(path);
}

static int huge_statvfs(void *self, const char *path, struct statvfs *ret_stat)
{
    (void)self;
    (void)path;
    memset(ret_stat, 0, sizeof *ret_stat);
    ret_stat->f_bavail = INT64_MAX / 2;
    ret_stat->f_frsize = 4096;
    return 0;
}

static void free_space_is_told_and_never_overflows(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sys huge = *sys();
    int64_t bytes = -1;
    char *none = unit_path(*state, "none");
    assert_true(bsc_files_free_space(sys(), *state, &bytes, &err));
    assert_true(bytes >= 0);
    huge.statvfs = huge_statvfs;
    assert_true(bsc_files_free_space(&huge, *state, &bytes, &err));
    assert_true(bytes == INT64_MAX);
    assert_false(bsc_files_free_space(sys(), none, &bytes, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_file_is_appended_to_the_buffer_whole),
        UNIT_IN_FOLDER(a_file_that_somebody_has_a_lease_on_is_waited_for),
        UNIT_IN_FOLDER(a_large_file_is_read_whole_through_short_reads),
        UNIT_IN_FOLDER(a_file_that_is_too_long_is_refused_and_the_buffer_left_alone),
        UNIT_IN_FOLDER(only_ordinary_files_are_read),
        UNIT_IN_FOLDER(writing_creates_and_replaces_and_leaves_nothing_else),
        UNIT_IN_FOLDER(writing_replaces_a_link_and_spares_what_it_points_to),
        UNIT_IN_FOLDER(output_goes_to_what_is_no_ordinary_file),
        UNIT_IN_FOLDER(output_replaces_an_ordinary_file_wherever_it_lies),
        UNIT_IN_FOLDER(output_goes_on_where_an_open_file_has_come_to),
        UNIT_IN_FOLDER(a_temporary_file_left_by_a_crash_is_removed),
        UNIT_IN_FOLDER(a_temporary_file_that_is_being_written_is_left_alone),
        UNIT_IN_FOLDER(many_writers_of_one_file_do_not_disturb_each_other),
        UNIT_IN_FOLDER(writing_into_a_missing_folder_names_the_path),
        UNIT_IN_FOLDER(short_writes_are_continued),
        UNIT_IN_FOLDER(a_write_that_makes_no_progress_is_an_error_and_no_endless_loop),
        UNIT_IN_FOLDER(folders_are_made_with_their_parents_and_existing_ones_are_fine),
        UNIT_IN_FOLDER(a_file_in_the_way_of_a_folder_is_named),
        UNIT_IN_FOLDER(existence_is_told),
        UNIT_IN_FOLDER(a_lock_keeps_others_out_until_it_is_closed),
        UNIT_IN_FOLDER(free_space_is_told_and_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
