#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"
#include "os/tree.h"

enum { MOST = 8, OWNER = 65533, GROUP = 65532 };

static bool work_in(const void *folder)
{
    return chdir(folder) == 0;
}

/* A child that waits in the folder. */
static pid_t settle(const char *folder)
{
    return child_begin(work_in, folder);
}

static void leave(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int set_up(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *root = bsc_mem_text("/tmp/bascule-unit-XXXXXX");
    assert_non_null(mkdtemp(root));
    static const char *const names[] = {"here/below", "here-not"};
    for (size_t i = 0; i < 2; i++) {
        char *path = bsc_files_join(root, names[i]);
        assert_true(bsc_files_make_folder(bsc_sys_real(), path, 0700, &err));
        bsc_mem_free(path);
    }
    *state = root;
    return 0;
}

static int tear_down(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    bool removed = bsc_tree_remove(bsc_sys_real(), *state, &err);
    bsc_mem_free(*state);
    return removed ? 0 : -1;
}

static void who_works_in_a_folder_or_below_it_is_found_and_nobody_else(void **state)
{
    char *here = bsc_files_join(*state, "here");
    char *below = bsc_files_join(*state, "here/below");
    char *beside = bsc_files_join(*state, "here-not");
    pid_t found[MOST] = {0};
    pid_t first = settle(here), second = settle(below), third = settle(beside);
    assert_int_equal(bsc_process_residents(here, found, MOST), 2);
    assert_true((found[0] == first && found[1] == second) ||
                (found[0] == second && found[1] == first));
    assert_true(found[0] < found[1]);
    assert_int_equal(bsc_process_residents(here, found, 1), 1);
    leave(first);
    leave(second);
    leave(third);
    assert_int_equal(bsc_process_residents(here, found, MOST), 0);
    bsc_mem_free(here);
    bsc_mem_free(below);
    bsc_mem_free(beside);
}

struct opening {
    const char *path; /* borrowed */
    int flags;
};

static bool open_it(const void *arg)
{
    const struct opening *opening = arg;
    return open(opening->path, opening->flags, 0600) >= 0;
}

/* A child that has the file open. */
static pid_t hold(const char *path, int flags)
{
    return child_begin(open_it, &(struct opening){path, flags});
}

static pid_t writer_in(const char *folder)
{
    struct bsc_process_users users = bsc_process_users(folder, folder);
    assert_int_equal(users.resident, 0);
    return users.writer;
}

/* One that was removed is written to as well as before. */
static void who_may_write_to_a_file_in_a_folder_is_found(void **state)
{
    char *here = bsc_files_join(*state, "here");
    char *file = bsc_files_join(*state, "here/below/file");
    pid_t writer = hold(file, O_WRONLY | O_CREAT);
    pid_t reader = hold(file, O_RDONLY);
    assert_int_equal(writer_in(here), writer);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(writer_in(here), writer);
    char *nowhere = bsc_files_join(*state, "nowhere");
    assert_int_equal(bsc_process_users(nowhere, here).writer, writer);
    bsc_mem_free(nowhere);
    pid_t resident = settle(here);
    assert_int_equal(bsc_process_users(here, here).resident, resident);
    leave(resident);
    leave(writer);
    assert_int_equal(writer_in(here), 0);
    leave(reader);
    bsc_mem_free(here);
    bsc_mem_free(file);
}

static void who_came_to_the_file_by_another_path_is_found(void **state)
{
    char *here = bsc_files_join(*state, "here");
    char *file = bsc_files_join(*state, "here/file");
    char *other = bsc_files_join(*state, "here-not/file");
    leave(hold(file, O_WRONLY | O_CREAT));
    assert_int_equal(link(file, other), 0);
    pid_t writer = hold(other, O_RDWR);
    assert_int_equal(writer_in(here), writer);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(writer_in(here), 0);
    leave(writer);
    assert_int_equal(unlink(other), 0);
    bsc_mem_free(here);
    bsc_mem_free(file);
    bsc_mem_free(other);
}

static void nobody_works_in_a_folder_that_is_not_there(void **state)
{
    pid_t found[MOST] = {0};
    char *nowhere = bsc_files_join(*state, "nowhere");
    assert_int_equal(bsc_process_residents(nowhere, found, MOST), 0);
    assert_int_equal(bsc_process_users(nowhere, nowhere).resident, 0);
    assert_int_equal(bsc_process_users(nowhere, nowhere).writer, 0);
    bsc_mem_free(nowhere);
}

/* In a child, since nobody can become root again. */
static int owner_after(const char *folder)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct bsc_err err = BSC_ERR_INIT;
        bool good = bsc_process_become_owner(folder, &err);
        bool other = getuid() == OWNER && geteuid() == OWNER && getegid() == GROUP;
        _exit(!good ? 2 : other && setuid(0) != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void root_becomes_the_owner_of_a_folder_for_good(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(*state, OWNER, GROUP), 0);
    assert_int_equal(owner_after(*state), 1);
}

static void the_owner_of_a_folder_that_is_not_there_is_an_error(void **state)
{
    if (geteuid() != 0)
        skip();
    char *nowhere = bsc_files_join(*state, "nowhere");
    assert_int_equal(owner_after(nowhere), 2);
    bsc_mem_free(nowhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_works_in_a_folder_or_below_it_is_found_and_nobody_else),
        cmocka_unit_test(who_may_write_to_a_file_in_a_folder_is_found),
        cmocka_unit_test(who_came_to_the_file_by_another_path_is_found),
        cmocka_unit_test(nobody_works_in_a_folder_that_is_not_there),
        cmocka_unit_test(root_becomes_the_owner_of_a_folder_for_good),
        cmocka_unit_test(the_owner_of_a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
