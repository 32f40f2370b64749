#include "unit.h"

#include <errno.h>

#include "fault_sys.h"

static void calls_are_passed_on_and_counted_by_kind(void **state)
{
    struct unit_sys fault;
    char *path = unit_path(*state, "f");
    unit_sys_init(&fault);
    int fd = fault.table.open(fault.table.self, path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd > 2);
    assert_int_equal(fault.table.write(fault.table.self, fd, "abc", 3), 3);
    assert_int_equal(fault.table.fsync(fault.table.self, fd), 0);
    assert_int_equal(fault.table.close(fault.table.self, fd), 0);
    unit_assert_file(path, "abc");
    assert_int_equal(fault.calls, 4);
    assert_int_equal(fault.counts[UNIT_SYS_WRITE], 1);
    assert_int_equal(fault.counts[UNIT_SYS_FSYNC], 1);
    assert_int_equal(fault.counts[UNIT_SYS_RENAME], 0);
    assert_false(fault.failed);
    free(path);
}

static void the_chosen_call_fails_once_or_for_ever(void **state)
{
    struct unit_sys fault;
    struct stat info;
    for (int sticky = 0; sticky < 2; sticky++) {
        unit_sys_init(&fault);
        unit_sys_fail(&fault, 2, ENOSPC, sticky != 0);
        assert_int_equal(fault.table.stat(fault.table.self, *state, &info), 0);
        errno = 0;
        assert_int_equal(fault.table.stat(fault.table.self, *state, &info), -1);
        assert_int_equal(errno, ENOSPC);
        assert_true(fault.failed);
        assert_int_equal(fault.failed_kind, UNIT_SYS_STAT);
        assert_int_equal(fault.table.stat(fault.table.self, *state, &info), -sticky);
    }
}

static void a_kind_is_counted_by_itself(void **state)
{
    struct unit_sys fault;
    struct stat info;
    struct statvfs space;
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_STATVFS, 2, EIO, false);
    assert_int_equal(fault.table.statvfs(fault.table.self, *state, &space), 0);
    assert_int_equal(fault.table.stat(fault.table.self, *state, &info), 0);
    assert_int_equal(fault.table.stat(fault.table.self, *state, &info), 0);
    assert_int_equal(fault.table.statvfs(fault.table.self, *state, &space), -1);
    assert_int_equal(fault.table.statvfs(fault.table.self, *state, &space), 0);
}

static void a_failed_close_has_closed(void **state)
{
    struct unit_sys fault;
    int before = unit_fd_count();
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_CLOSE, 1, EIO, false);
    int fd = fault.table.open(fault.table.self, *state, O_RDONLY, 0);
    errno = 0;
    assert_int_equal(fault.table.close(fault.table.self, fd), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(unit_fd_count(), before);
}

static void reads_and_writes_can_be_cut_short(void **state)
{
    struct unit_sys fault;
    char *path = unit_path(*state, "f");
    char bytes[8] = {0};
    unit_sys_init(&fault);
    fault.length_max = 2;
    int fd = fault.table.open(fault.table.self, path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(fault.table.write(fault.table.self, fd, "abcdef", 6), 2);
    assert_int_equal(fault.table.pwrite(fault.table.self, fd, "CDEF", 4, 2), 2);
    assert_int_equal(fault.table.pread(fault.table.self, fd, bytes, 8, 1), 2);
    assert_string_equal(bytes, "bC");
    assert_int_equal(fault.table.close(fault.table.self, fd), 0);
    free(path);
}

static void note(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    char *text = arg;
    size_t length = strlen(text);
    snprintf(text + length, 64 - length, "%lu:%s ", call, unit_sys_name(kind));
}

static void every_call_can_be_watched(void **state)
{
    struct unit_sys fault;
    struct stat info;
    char seen[64] = "";
    unit_sys_init(&fault);
    fault.before = note;
    fault.before_arg = seen;
    fault.table.stat(fault.table.self, *state, &info);
    fault.table.fsync(fault.table.self, -1);
    assert_string_equal(seen, "1:stat 2:fsync ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(calls_are_passed_on_and_counted_by_kind),
        UNIT_IN_FOLDER(the_chosen_call_fails_once_or_for_ever),
        UNIT_IN_FOLDER(a_kind_is_counted_by_itself),
        UNIT_IN_FOLDER(a_failed_close_has_closed),
        UNIT_IN_FOLDER(reads_and_writes_can_be_cut_short),
        UNIT_IN_FOLDER(every_call_can_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
