/*
 * What a living server goes on to write is no tail: who works in its folder, or writes to its log,
 * is not dead.
 */
#include "pg_dead.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

/* Its log files lie elsewhere than its data; whoever only reads them does no harm. */
static void one_that_writes_to_its_log_is_not_dead_wherever_it_works(void **state)
{
    struct site site;
    int ready[2];
    char byte = 0;
    site_make(*state, &site);
    char *path = dead_file(&site, site.half);
    const int modes[] = {O_RDONLY, O_RDWR};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            if (open(path, modes[i]) >= 0 && write(ready[1], "", 1) == 1)
                pause();
            _exit(1);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        tail_is(&site, modes[i] == O_RDONLY ? "available" : "unavailable");
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        close(ready[1]);
    }
    free(path);
    site_remove(&site);
}

/* In a place of its own for mounts: gives false where that may not be had. */
static bool mount_again(const char *folder, const char *place)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(folder, place, NULL, MS_BIND, NULL) == 0;
}

/* The exit code tells what was found in a folder while `guest` works in it by another path. */
static int look_by_another_path(struct site *site, const char *place)
{
    struct bsc_err err = BSC_ERR_INIT;
    const char *disks[] = {place};
    if (!mount_again(site->disk, place))
        return 2;
    site->order.salvage = disks;
    struct bsc_value *facts = bsc_logs_pg_tail(&site->order, &err);
    return facts != NULL && strcmp(bsc_value_get_string(facts, "state"), "unavailable") == 0 ? 0
                                                                                             : 1;
}

static void one_that_works_there_by_another_path_is_not_dead(void **state)
{
    struct site site;
    int ready[2], status = 0;
    char byte = 0;
    site_make(*state, &site);
    char *place = unit_path(site.folder, "place"), *path = dead_file(&site, site.half);
    assert_int_equal(mkdir(place, 0700), 0);
    for (size_t i = 0; i < 2; i++) { /* it works in the folder, or writes to its log */
        assert_int_equal(pipe(ready), 0);
        pid_t guest = fork();
        if (guest == 0) {
            if ((i == 0 ? chdir(site.disk) == 0 : open(path, O_RDWR) >= 0) &&
                write(ready[1], "", 1) == 1)
                pause();
            _exit(1);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        pid_t child = fork();
        if (child == 0)
            _exit(look_by_another_path(&site, place));
        assert_int_equal(waitpid(child, &status, 0), child);
        kill(guest, SIGKILL);
        waitpid(guest, NULL, 0);
        close(ready[0]);
        close(ready[1]);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 2)
            print_message("who may not mount anything cannot test this\n");
        else
            assert_int_equal(WEXITSTATUS(status), 0);
    }
    free(path);
    free(place);
    site_remove(&site);
}

static void a_server_that_still_works_there_is_not_dead(void **state)
{
    struct site site;
    int ready[2];
    char byte = 0;
    site_make(*state, &site);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(site.disk) == 0 && write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    tail_says(&site, "unavailable", "the server is not dead");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    tail_is(&site, "available");
    close(ready[0]);
    close(ready[1]);
    site_remove(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_writes_to_its_log_is_not_dead_wherever_it_works),
        cmocka_unit_test(one_that_works_there_by_another_path_is_not_dead),
        cmocka_unit_test(a_server_that_still_works_there_is_not_dead),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
