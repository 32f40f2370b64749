#include "unit.h"

#include <errno.h>
#include <sys/wait.h>

#include "fault_sys.h"
#include "os/files.h"

/* Each operation runs against a file "f" that holds "old" and is told to fail its n-th call. */
typedef bool (*operation)(const struct bsc_sys *sys, const char *folder, const char *path,
                          struct bsc_err *err);

static bool do_read(const struct bsc_sys *sys, const char *folder, const char *path,
                    struct bsc_err *err)
{
    (void)folder;
    struct bsc_buf out = {0};
    bsc_buf_add_text(&out, ">");
    bool ok = bsc_files_read(sys, path, 100, &out, err);
    assert_string_equal(out.data, ok ? ">old" : ">");
    assert_int_equal(out.length, ok ? 4 : 1);
    bsc_buf_release(&out);
    return ok;
}

static bool do_write(const struct bsc_sys *sys, const char *folder, const char *path,
                     struct bsc_err *err)
{
    (void)folder;
    return bsc_files_write(sys, path, "new content", 11, 0600, err);
}

static bool do_make_folder(const struct bsc_sys *sys, const char *folder, const char *path,
                           struct bsc_err *err)
{
    (void)path;
    char *made = unit_path(folder, "x/y");
    bool ok = bsc_files_make_folder(sys, made, 0700, err);
    free(made);
    return ok;
}

static bool do_sync_parent(const struct bsc_sys *sys, const char *folder, const char *path,
                           struct bsc_err *err)
{
    (void)folder;
    return bsc_files_sync_parent(sys, path, err);
}

static bool do_lock(const struct bsc_sys *sys, const char *folder, const char *path,
                    struct bsc_err *err)
{
    (void)folder;
    int fd = -1;
    bool ok = bsc_files_lock(sys, path, true, &fd, err);
    assert_int_equal(fd >= 0, ok);
    if (ok)
        close(fd);
    return ok;
}

static bool do_free_space(const struct bsc_sys *sys, const char *folder, const char *path,
                          struct bsc_err *err)
{
    (void)path;
    int64_t bytes = -1;
    return bsc_files_free_space(sys, folder, &bytes, err);
}

static void assert_old_or_new(const char *path, bool must_be_new)
{
    char *found = unit_file_get(path, NULL);
    assert_non_null(found);
    if (must_be_new || strcmp(found, "old") != 0)
        assert_string_equal(found, "new content");
    free(found);
}

static void assert_made(const char *folder)
{
    struct stat info;
    char *made = unit_path(folder, "x/y");
    assert_int_equal(stat(made, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    free(made);
}

/* Whether an interruption of such a call is no failure of the operation. */
static bool may_go_on(enum unit_sys_kind kind)
{
    return kind == UNIT_SYS_OPEN || kind == UNIT_SYS_READ || kind == UNIT_SYS_WRITE ||
           kind == UNIT_SYS_CLOSE;
}

/* Fails the n-th call; returns whether there was one. */
static bool fail_nth(operation run, bool writes, unsigned long n, int reason, bool sticky)
{
    struct unit_sys fault;
    struct bsc_err err = BSC_ERR_INIT;
    char *folder = unit_folder_make();
    char *path = unit_path(folder, "f");
    unit_file_put(path, "old", 3);
    int fds = unit_fd_count();
    unit_sys_init(&fault);
    unit_sys_fail(&fault, n, reason, sticky);
    fault.length_max = 2;
    bool ok = run(&fault.table, folder, path, &err);
    /* Closing what was only read loses nothing, and a folder that is there need not be made. */
    bool survivable = fault.failed_kind == UNIT_SYS_CLOSE || reason == EINTR ||
                      (run == do_make_folder && fault.failed_kind == UNIT_SYS_MKDIR);
    if (fault.failed && ok && !survivable)
        fail_msg("call %lu (%s) failed unnoticed", n, unit_sys_name(fault.failed_kind));
    if (fault.failed && !ok && reason == EINTR && may_go_on(fault.failed_kind))
        fail_msg("an interrupted %s was not tried again", unit_sys_name(fault.failed_kind));
    assert_int_equal(unit_fd_count(), fds);
    if (!ok) {
        assert_true(fault.failed);
        assert_int_not_equal(err.code, BSC_ERR_NONE);
        assert_non_null(strstr(err.message, run == do_make_folder ? "folder '/" : folder));
        assert_true(strstr(err.message, strerror_r(reason, (char[64]){0}, 64)) != NULL ||
                    strstr(err.cause, strerror_r(reason, (char[64]){0}, 64)) != NULL);
    }
    if (writes)
        assert_old_or_new(path, ok);
    else
        unit_assert_file(path, "old");
    /* When every further call fails too, the temporary file cannot be removed either. */
    if (ok && run == do_make_folder)
        assert_made(folder);
    else if (run != do_make_folder && !sticky)
        assert_int_equal(unit_entry_count(folder), 1);
    free(path);
    unit_folder_remove(folder);
    return fault.failed;
}

/* Returns how many calls the operation makes. */
static unsigned long fail_each(operation run, bool writes)
{
    static const int reasons[] = {EIO, ENOSPC, EINTR};
    unsigned long count = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        unsigned long n = 1;
        while (fail_nth(run, writes, n, reasons[i], false))
            n++;
        count = n - 1 > count ? n - 1 : count;
    }
    for (unsigned long n = 1; fail_nth(run, writes, n, EIO, true); n++)
        continue;
    return count;
}

static void every_call_of_reading_may_fail(void **state)
{
    (void)state;
    assert_true(fail_each(do_read, false) >= 5);
}

static void every_call_of_writing_may_fail_and_the_file_is_old_or_new(void **state)
{
    (void)state;
    assert_true(fail_each(do_write, true) >= 8);
}

static void every_call_of_making_folders_may_fail(void **state)
{
    (void)state;
    assert_true(fail_each(do_make_folder, false) >= 8);
}

static void every_call_of_syncing_a_folder_may_fail(void **state)
{
    (void)state;
    assert_int_equal(fail_each(do_sync_parent, false), 3);
}

static void every_call_of_locking_may_fail(void **state)
{
    (void)state;
    assert_int_equal(fail_each(do_lock, false), 2);
}

static void asking_for_free_space_may_fail(void **state)
{
    (void)state;
    assert_int_equal(fail_each(do_free_space, false), 1);
}

static void a_failed_sync_is_never_tried_again(void **state)
{
    struct unit_sys fault;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "f");
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_FSYNC, 1, EIO, false);
    assert_false(bsc_files_write(&fault.table, path, "x", 1, 0600, &err));
    assert_int_equal(fault.counts[UNIT_SYS_FSYNC], 1);
    assert_int_equal(fault.counts[UNIT_SYS_RENAME], 0);
    assert_null(unit_file_get(path, NULL));
    free(path);
}

static void a_full_disk_is_called_so(void **state)
{
    struct unit_sys fault;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "f");
    unit_sys_init(&fault);
    /* A full disk takes a part first. */
    fault.length_max = 2;
    unit_sys_fail_kind(&fault, UNIT_SYS_WRITE, 2, ENOSPC, true);
    assert_false(bsc_files_write(&fault.table, path, "12345", 5, 0600, &err));
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    assert_int_equal(unit_entry_count(*state), 0);
    free(path);
}

struct crash {
    unsigned long at;
};

static void crash_at(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    const struct crash *crash = arg;
    (void)kind;
    if (call == crash->at)
        _exit(9);
}

/* Ends a child before its n-th call; returns whether it got that far. */
static bool crash_nth(const char *path, unsigned long n)
{
    int status = 0;
    struct crash crash = {n};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct unit_sys fault;
        struct bsc_err err = BSC_ERR_INIT;
        unit_sys_init(&fault);
        fault.before = crash_at;
        fault.before_arg = &crash;
        _exit(bsc_files_write(&fault.table, path, "new content", 11, 0600, &err) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
    return WEXITSTATUS(status) == 9;
}

static void a_crash_at_any_call_leaves_the_file_old_or_new(void **state)
{
    char *path = unit_path(*state, "f");
    unsigned long n = 0;
    bool crashed = true;
    while (crashed) {
        unit_file_put(path, "old", 3);
        n++;
        crashed = crash_nth(path, n);
        assert_old_or_new(path, !crashed);
    }
    assert_true(n > 8);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(every_call_of_reading_may_fail),
        UNIT_IN_FOLDER(every_call_of_writing_may_fail_and_the_file_is_old_or_new),
        UNIT_IN_FOLDER(every_call_of_making_folders_may_fail),
        UNIT_IN_FOLDER(every_call_of_syncing_a_folder_may_fail),
        UNIT_IN_FOLDER(every_call_of_locking_may_fail),
        UNIT_IN_FOLDER(asking_for_free_space_may_fail),
        UNIT_IN_FOLDER(a_failed_sync_is_never_tried_again),
        UNIT_IN_FOLDER(a_full_disk_is_called_so),
        UNIT_IN_FOLDER(a_crash_at_any_call_leaves_the_file_old_or_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
