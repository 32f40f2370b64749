/*
 * The tail of a dead server's log is read once, for as long as nothing has changed.
 */
#include "lib_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <utime.h>

#include "../logs/pg_dead.h"

/* What the rows see: files that can be read or not, with times as fine as their file system has
 * them or whole seconds, at a moment of the test's choice. */
struct seen {
    struct lib_bench bench;
    struct site site;
    char *folder; /* owned */
    struct bsc_sys sys;
    struct bsc_clock clock;
    int64_t now_ms;
    bool readable;
    bool coarse;
};

static int64_t wall_ms(void *self)
{
    const struct seen *seen = self;
    return seen->now_ms;
}

static ssize_t read_at(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    struct seen *seen = self;
    if (seen->readable)
        return bsc_sys_real()->pread(bsc_sys_real()->self, fd, bytes, length, offset);
    errno = EIO;
    return -1;
}

static int look_at(void *self, const char *path, struct stat *ret)
{
    struct seen *seen = self;
    int rc = bsc_sys_real()->stat(bsc_sys_real()->self, path, ret);
    if (rc == 0 && seen->coarse)
        ret->st_ctim.tv_nsec = 0;
    return rc;
}

static int64_t a_while_after_ms(int64_t ms)
{
    return bsc_clock_real()->wall_ms(bsc_clock_real()->self) + ms;
}

static void seen_open(struct seen *seen, void **state)
{
    *seen = (struct seen){.folder = unit_folder_make(), .readable = true};
    void *folder = seen->folder;
    bench_open(&seen->bench, &folder);
    site_make(*state, &seen->site);
    seen->now_ms = a_while_after_ms(60000);
    seen->sys = *bsc_sys_real();
    seen->sys.self = seen;
    seen->sys.pread = read_at;
    seen->sys.stat = look_at;
    seen->clock = *bsc_clock_real();
    seen->clock.self = seen;
    seen->clock.wall_ms = wall_ms;
    seen->bench.env.sys = &seen->sys;
    seen->bench.env.clock = &seen->clock;
}

static void seen_close(struct seen *seen)
{
    bench_close(&seen->bench);
    site_remove(&seen->site);
    unit_folder_remove(seen->folder);
}

/* Returns owned: the facts of the tail; NULL on failure. */
static struct bsc_value *ask(struct seen *seen)
{
    const struct site *site = &seen->site;
    return call_row(&seen->bench, "wal.tail",
                    "{'salvage':['%s'],'destination':'%s','share':'%s','timeline':1,"
                    "'segment':%d,'system':'%llu','after_lsn':%llu}",
                    site->disk, site->destination, site->share, MIB,
                    (unsigned long long)site->system, (unsigned long long)site->half);
}

static void row_says(struct seen *seen, const char *state)
{
    struct bsc_value *facts = ask(seen);
    assert_non_null(facts);
    is_in_state(facts, state);
    bsc_value_free(facts);
}

/* Without a disk that can be read, only what was kept tells of the tail. */
static bool is_kept(struct seen *seen)
{
    seen->readable = true;
    row_says(seen, "available");
    seen->readable = false;
    struct bsc_value *facts = ask(seen);
    const char *state = facts == NULL ? NULL : bsc_value_get_string(facts, "state");
    bool kept = state != NULL && strcmp(state, "available") == 0;
    bsc_value_free(facts);
    return kept;
}

static void a_tail_is_read_once_while_its_files_are_the_same(void **state)
{
    struct seen seen;
    seen_open(&seen, state);
    assert_true(is_kept(&seen));
    char *path = dead_file(&seen.site, seen.site.half);
    assert_int_equal(utime(path, NULL), 0);
    row_says(&seen, "unavailable");
    assert_true(is_kept(&seen));
    char *copied = file_in(seen.site.destination, seen.site.half - MIB);
    assert_int_equal(utime(copied, NULL), 0);
    row_says(&seen, "unavailable");
    free(copied);
    free(path);
    seen_close(&seen);
}

static void what_is_no_log_makes_no_difference(void **state)
{
    struct seen seen;
    seen_open(&seen, state);
    assert_true(is_kept(&seen));
    char *lease = unit_path(seen.site.destination, "bascule.lease");
    char *options = unit_path(seen.site.disk, "postmaster.opts");
    unit_file_put(lease, "", 0);
    unit_file_put(options, "", 0);
    seen.readable = false;
    row_says(&seen, "available");
    free(lease);
    free(options);
    seen_close(&seen);
}

/* A file that is changed twice within a tick shows one time of change. */
static void nothing_is_kept_of_files_that_were_changed_a_moment_ago(void **state)
{
    struct seen seen;
    seen_open(&seen, state);
    char *path = dead_file(&seen.site, seen.site.half);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    seen.now_ms = (int64_t)found.st_ctim.tv_sec * 1000 + found.st_ctim.tv_nsec / 1000000;
    assert_false(is_kept(&seen));
    seen.now_ms = a_while_after_ms(60000);
    assert_true(is_kept(&seen));
    seen.coarse = true;
    assert_int_equal(utime(path, NULL), 0);
    assert_int_equal(stat(path, &found), 0);
    seen.now_ms = (int64_t)found.st_mtim.tv_sec * 1000 + 1000;
    assert_false(is_kept(&seen));
    seen.now_ms += 60000;
    assert_true(is_kept(&seen));
    free(path);
    seen_close(&seen);
}

static void a_server_that_works_there_again_is_seen_at_once(void **state)
{
    struct seen seen;
    int ready[2];
    char byte = 0;
    seen_open(&seen, state);
    assert_true(is_kept(&seen));
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(seen.site.disk) == 0 && write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    row_says(&seen, "unavailable");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    row_says(&seen, "available");
    close(ready[0]);
    close(ready[1]);
    seen_close(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tail_is_read_once_while_its_files_are_the_same),
        cmocka_unit_test(what_is_no_log_makes_no_difference),
        cmocka_unit_test(nothing_is_kept_of_files_that_were_changed_a_moment_ago),
        cmocka_unit_test(a_server_that_works_there_again_is_seen_at_once),
    };
    return cmocka_run_group_tests(tests, make_history, remove_history);
}
