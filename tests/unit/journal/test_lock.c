#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "fault_sys.h"
#include "fixture.h"
#include "journal/lock.h"
#include "orphan.h"
#include "os/process.h"

static struct bsc_journal_lock *take(const char *runs, struct ticking *ticking, struct bsc_err *err)
{
    return bsc_journal_lock_take(bsc_sys_real(), &ticking->clock, runs, "run-1", err);
}

/* Starts a process that takes the lock, says so and then waits to be killed. */
static pid_t holder_start(const char *runs)
{
    int said[2];
    char word = 0;
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct ticking ticking;
        struct bsc_err err = BSC_ERR_INIT;
        ticking_init(&ticking);
        struct bsc_journal_lock *lock = take(runs, &ticking, &err);
        if (lock == NULL || write(said[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(said[1]);
    assert_int_equal(read(said[0], &word, 1), 1);
    close(said[0]);
    return pid;
}

static void holder_kill(pid_t pid)
{
    int status = 0;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Takes the lock, and leaves a child behind that has yet to begin its program when it is killed. */
static void hold_and_be_killed(const char *runs, int said)
{
    struct ticking ticking;
    struct bsc_err err = BSC_ERR_INIT;
    ticking_init(&ticking);
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    if (lock == NULL)
        _exit(1);
    if (fork() == 0) {
        if (write(said, "x", 1) != 1)
            _exit(1);
        usleep(100 * 1000);
        _exit(0);
    }
    for (;;)
        pause();
}

static void a_child_that_has_not_begun_is_waited_for(void **state)
{
    int said[2];
    char word = 0;
    struct ticking ticking;
    struct bsc_err err = BSC_ERR_INIT;
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0)
        hold_and_be_killed(*state, said[1]);
    close(said[1]);
    assert_int_equal(read(said[0], &word, 1), 1);
    close(said[0]);
    holder_kill(pid);
    ticking_init(&ticking);
    struct bsc_journal_lock *lock = take(*state, &ticking, &err);
    assert_non_null(lock);
    bsc_journal_lock_free(lock);
}

static bool is_held(const char *runs)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *holder = NULL;
    assert_true(bsc_journal_lock_look(bsc_sys_real(), runs, &holder, &err));
    bool held = holder != NULL;
    bsc_value_free(holder);
    return held;
}

static void a_second_process_is_refused_and_told_who_holds_it(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char text[64], host[256] = {0};
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    pid_t pid = holder_start(runs);
    assert_null(take(runs, &ticking, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    (void)snprintf(text, sizeof text, "process %ld ", (long)pid);
    assert_non_null(strstr(err.message, text));
    assert_non_null(strstr(err.message, "since 2026-11-20T23:15:01.007Z"));
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    assert_non_null(strstr(err.message, host));
    struct bsc_value *holder = NULL;
    assert_true(bsc_journal_lock_look(bsc_sys_real(), runs, &holder, &err));
    assert_int_equal(bsc_value_get_number(holder, "pid", 0), pid);
    assert_string_equal(bsc_value_get_string(holder, "run"), "run-1");
    bsc_value_free(holder);
    holder_kill(pid);
    free(runs);
}

static void the_lock_of_a_killed_process_is_free(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    holder_kill(holder_start(runs));
    assert_false(is_held(runs));
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    assert_non_null(lock);
    bsc_journal_lock_free(lock);
    free(runs);
}

static void orphan_kill(const char *runs, pid_t orphan)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_process_end(orphan, SIGKILL, 5000, &err));
    assert_false(is_held(runs));
}

static void nobody_takes_the_lock_while_a_program_has_a_share_in_it(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    struct bsc_value *holder = NULL;
    char text[64];
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    pid_t orphan = orphan_start(runs, "run-1", false);
    for (int i = 0; i < 2; i++) {
        assert_null(take(runs, &ticking, &err));
        assert_int_equal(err.code, BSC_ERR_CONFLICT);
        (void)snprintf(text, sizeof text, "still holds the lock: process %ld", (long)orphan);
        assert_non_null(strstr(err.message, text));
        assert_non_null(strstr(err.message, "which held run-1, is gone"));
    }
    assert_true(bsc_journal_lock_look(bsc_sys_real(), runs, &holder, &err));
    assert_string_equal(bsc_value_get_string(holder, "run"), "run-1");
    const struct bsc_value *orphans = bsc_value_get(holder, "orphans");
    assert_int_equal(bsc_value_count(orphans), 1);
    assert_int_equal(bsc_value_number(bsc_value_at(orphans, 0), 0), orphan);
    bsc_value_free(holder);
    orphan_kill(runs, orphan);
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    assert_non_null(lock);
    bsc_journal_lock_free(lock);
    free(runs);
}

static void what_a_program_leaves_behind_when_it_has_ended_holds_nothing(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    pid_t left = orphan_start(runs, "run-1", true);
    assert_false(is_held(runs));
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    assert_non_null(lock);
    bsc_journal_lock_free(lock);
    orphan_kill(runs, left);
    free(runs);
}

static void programs_that_run_at_once_have_a_share_each(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    struct bsc_value *holder = NULL;
    int first = -1, second = -1;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    int before = unit_fd_count();
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    assert_true(bsc_journal_lock_lend(lock, &first, &err));
    assert_true(bsc_journal_lock_lend(lock, &second, &err));
    assert_true(bsc_journal_lock_look(bsc_sys_real(), runs, &holder, &err));
    assert_null(bsc_value_get(holder, "orphans"));
    bsc_value_free(holder);
    bsc_journal_lock_recall(lock, first);
    bsc_journal_lock_recall(lock, second);
    bsc_journal_lock_free(lock);
    assert_int_equal(unit_fd_count(), before);
    assert_false(is_held(runs));
    free(runs);
}

static void a_lock_given_back_can_be_taken_again(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    for (int i = 0; i < 3; i++) {
        struct bsc_journal_lock *lock = take(runs, &ticking, &err);
        assert_non_null(lock);
        bsc_journal_lock_free(lock);
    }
    assert_false(is_held(runs));
    bsc_journal_lock_free(NULL);
    free(runs);
}

static void a_lock_says_which_run_it_is_held_for(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    static const char *const names[] = {"a much longer name than before", "short"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bsc_value *holder = NULL;
        assert_true(bsc_journal_lock_name(lock, names[i], &err));
        assert_true(bsc_journal_lock_look(bsc_sys_real(), runs, &holder, &err));
        assert_string_equal(bsc_value_get_string(holder, "run"), names[i]);
        assert_string_equal(bsc_value_get_string(holder, "since"), "2026-11-20T23:15:01.007Z");
        assert_int_equal(bsc_value_get_number(holder, "pid", 0), getpid());
        bsc_value_free(holder);
    }
    bsc_journal_lock_free(lock);
    free(runs);
}

/* Looking at the lock between any two calls of a taker never keeps it from the lock. */
static void look(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *holder = NULL;
    (void)kind;
    (void)call;
    assert_true(bsc_journal_lock_look(bsc_sys_real(), arg, &holder, &err));
    bsc_value_free(holder);
}

static void looking_opens_nothing_for_writing_and_takes_nothing(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    struct ticking ticking;
    struct stat before, after;
    char *runs = unit_path(*state, "runs");
    char *path = unit_path(*state, "runs/lock");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    fault.before = look;
    fault.before_arg = runs;
    struct bsc_journal_lock *lock =
        bsc_journal_lock_take(&fault.table, &ticking.clock, runs, "r", &err);
    assert_non_null(lock);
    bsc_journal_lock_free(lock);
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_false(is_held(runs));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(fault.counts[UNIT_SYS_LOCK], 1);
    free(path);
    free(runs);
}

static void what_cannot_be_looked_at_is_told(void **state)
{
    bool failed = true;
    char *runs = unit_path(*state, "runs");
    struct ticking ticking;
    struct bsc_err err = BSC_ERR_INIT;
    ticking_init(&ticking);
    struct bsc_journal_lock *lock = take(runs, &ticking, &err);
    int before = unit_fd_count();
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct bsc_value *holder = NULL;
        err = (struct bsc_err)BSC_ERR_INIT;
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        bool told = bsc_journal_lock_look(&fault.table, runs, &holder, &err);
        failed = fault.failed;
        assert_true(told ? holder != NULL : err.message[0] != '\0');
        bsc_value_free(holder);
        assert_int_equal(unit_fd_count(), before);
    }
    bsc_journal_lock_free(lock);
    free(runs);
}

static void whichever_call_fails_no_lock_is_left_behind(void **state)
{
    bool failed = true;
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct ticking ticking;
        struct bsc_err err = BSC_ERR_INIT;
        char name[32];
        (void)snprintf(name, sizeof name, "runs%lu", call);
        char *runs = unit_path(*state, name);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        ticking_init(&ticking);
        int before = unit_fd_count();
        struct bsc_journal_lock *lock =
            bsc_journal_lock_take(&fault.table, &ticking.clock, runs, "r", &err);
        failed = fault.failed;
        assert_true(lock != NULL || err.message[0] != '\0');
        bsc_journal_lock_free(lock);
        assert_int_equal(unit_fd_count(), before);
        free(runs);
    }
}

static void a_share_that_cannot_be_had_leaves_nothing_behind(void **state)
{
    bool failed = true;
    char *runs = unit_path(*state, "runs");
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct ticking ticking;
        struct bsc_err err = BSC_ERR_INIT;
        int fd = -1;
        unit_sys_init(&fault);
        ticking_init(&ticking);
        struct bsc_journal_lock *lock =
            bsc_journal_lock_take(&fault.table, &ticking.clock, runs, "r", &err);
        int before = unit_fd_count();
        unit_sys_fail(&fault, fault.calls + call, ENOLCK, false);
        bool lent = bsc_journal_lock_lend(lock, &fd, &err);
        failed = fault.failed;
        assert_int_equal(lent, !failed);
        assert_true(lent || strstr(err.message, "lock.lent") != NULL);
        if (lent)
            bsc_journal_lock_recall(lock, fd);
        assert_int_equal(unit_fd_count(), before);
        bsc_journal_lock_free(lock);
    }
    free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_second_process_is_refused_and_told_who_holds_it),
        UNIT_IN_FOLDER(a_child_that_has_not_begun_is_waited_for),
        UNIT_IN_FOLDER(the_lock_of_a_killed_process_is_free),
        UNIT_IN_FOLDER(nobody_takes_the_lock_while_a_program_has_a_share_in_it),
        UNIT_IN_FOLDER(what_a_program_leaves_behind_when_it_has_ended_holds_nothing),
        UNIT_IN_FOLDER(programs_that_run_at_once_have_a_share_each),
        UNIT_IN_FOLDER(a_lock_given_back_can_be_taken_again),
        UNIT_IN_FOLDER(a_lock_says_which_run_it_is_held_for),
        UNIT_IN_FOLDER(looking_opens_nothing_for_writing_and_takes_nothing),
        UNIT_IN_FOLDER(what_cannot_be_looked_at_is_told),
        UNIT_IN_FOLDER(whichever_call_fails_no_lock_is_left_behind),
        UNIT_IN_FOLDER(a_share_that_cannot_be_had_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
