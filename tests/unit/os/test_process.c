#include "unit.h"

#include <pthread.h>
#include <signal.h>

#include "os/clock.h"
#include "os/process.h"

/* Runs a shell script as the child. */
static bool run(const char *script, struct bsc_process_order order,
                struct bsc_process_result *result, struct bsc_err *err)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    order.argv = argv;
    if (order.output_max == 0)
        order.output_max = 4096;
    if (order.timeout_ms == 0)
        order.timeout_ms = 30000;
    return bsc_process_run(&order, result, err);
}

static void check(const char *script, const char *out)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    assert_true(run(script, (struct bsc_process_order){0}, &result, &err));
    assert_string_equal(result.out.data, out);
    bsc_process_result_release(&result);
}

static void both_streams_and_the_exit_status_are_kept(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    int before = unit_fd_count();
    assert_true(
        run("echo out; echo err >&2; exit 7", (struct bsc_process_order){0}, &result, &err));
    assert_int_equal(result.exit_status, 7);
    assert_int_equal(result.signal_number, 0);
    assert_string_equal(result.out.data, "out\n");
    assert_string_equal(result.err.data, "err\n");
    assert_false(result.output_cut);
    assert_int_equal(unit_fd_count(), before);
    bsc_process_result_release(&result);
    bsc_process_result_release(&result);
    bsc_process_result_release(&(struct bsc_process_result){0});
}

static void arguments_reach_the_child_as_they_are(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    const char *argv[] = {"printf", "<%s>", "a b", "$HOME", "'; false", "", NULL};
    struct bsc_process_order order = {.argv = argv, .output_max = 100};
    assert_true(bsc_process_run(&order, &result, &err));
    assert_string_equal(result.out.data, "<a b><$HOME><'; false><>");
    bsc_process_result_release(&result);
}

static void the_child_reads_what_it_is_given_and_then_the_end(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    char input[BSC_PROCESS_INPUT];
    memset(input, 'x', sizeof input);
    int before = unit_fd_count();
    struct bsc_process_order order = {.input = input, .input_length = sizeof input};
    assert_true(run("wc -c", order, &result, &err));
    assert_string_equal(result.out.data, "65536\n");
    assert_int_equal(unit_fd_count(), before);
    bsc_process_result_release(&result);
}

static void append(void *arg, const char *bytes, size_t length)
{
    bsc_buf_add(arg, bytes, length);
}

static void all_errors_are_heard_however_few_are_kept(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    struct bsc_buf heard;
    bsc_buf_init(&heard);
    struct bsc_process_order order = {.output_max = 3, .heard = append, .heard_arg = &heard};
    assert_true(run("echo out; echo one >&2; echo two >&2", order, &result, &err));
    assert_string_equal(heard.data, "one\ntwo\n");
    assert_string_equal(result.err.data, "one");
    bsc_buf_release(&heard);
    bsc_process_result_release(&result);
}

static void an_end_by_signal_is_told(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    assert_true(run("kill -USR1 $$", (struct bsc_process_order){0}, &result, &err));
    assert_int_equal(result.exit_status, -1);
    assert_int_equal(result.signal_number, SIGUSR1);
    bsc_process_result_release(&result);
}

static void long_output_is_cut_at_the_limit_and_does_not_stop_the_child(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    struct bsc_process_order order = {.output_max = 10};
    assert_true(run("head -c 1000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2; exit 3",
                    order, &result, &err));
    assert_string_equal(result.out.data, "xxxxxxxxxx");
    assert_int_equal(result.err.length, 10);
    assert_true(result.output_cut);
    assert_int_equal(result.exit_status, 3);
    bsc_process_result_release(&result);
}

static void long_output_is_kept_whole_below_the_limit(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    struct bsc_process_order order = {.output_max = 2000000};
    assert_true(run("head -c 1000000 /dev/zero", order, &result, &err));
    assert_int_equal(result.out.length, 1000000);
    assert_false(result.output_cut);
    bsc_process_result_release(&result);
}

static void the_child_gets_a_minimal_environment(void **state)
{
    (void)state;
    setenv("BSC_SECRET", "hunter2", 1);
    setenv("HOME", "/somewhere", 1);
    check(
        "env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | cut -d= -f1 | sort | tr '\\n' ' '",
        "HOME LANG PATH ");
    check("echo $LANG $HOME", "C.UTF-8 /somewhere\n");
    unsetenv("HOME");
    check("echo ${HOME-none}", "none\n");
    unsetenv("BSC_SECRET");
}

static void a_given_environment_is_the_only_one(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    const char *env[] = {"COLOUR=blue", NULL};
    struct bsc_process_order order = {.env = env};
    assert_true(run("echo $COLOUR ${LANG-none}", order, &result, &err));
    assert_string_equal(result.out.data, "blue none\n");
    bsc_process_result_release(&result);
}

static void the_child_starts_in_the_folder_it_is_given(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    struct bsc_process_order order = {.folder = *state};
    char *file = unit_path(*state, "here");
    unit_file_put(file, "", 0);
    assert_true(run("ls", order, &result, &err));
    assert_string_equal(result.out.data, "here\n");
    bsc_process_result_release(&result);
    free(file);
}

static void a_missing_program_or_folder_is_named(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    const char *argv[] = {"bascule-no-such-program", NULL};
    struct bsc_process_order order = {.argv = argv, .output_max = 100};
    int before = unit_fd_count();
    assert_false(bsc_process_run(&order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'bascule-no-such-program'"));
    assert_true(err.hint[0] != '\0');
    bsc_process_result_release(&result);
    char *none = unit_path(*state, "none");
    assert_false(run("true", (struct bsc_process_order){.folder = none}, &result, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, none));
    bsc_process_result_release(&result);
    assert_int_equal(unit_fd_count(), before);
    free(none);
}

static void the_child_has_no_input_no_terminal_and_none_of_our_files(void **state)
{
    (void)state;
    check("cat; echo end", "end\n");
    int fd = dup(0);
    assert_true(fd >= 3);
    check("ls /proc/$$/fd; true", "0\n1\n2\n");
    close(fd);
    /* Fields 5 and 6 are the process group and the session; field 7 the terminal. */
    check("set -- $(cat /proc/$$/stat); test $5 = $$ && test $6 = $$ && test $7 = 0 && echo own",
          "own\n");
}

static void the_child_starts_with_standard_signals(void **state)
{
    (void)state;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    check("grep SigBlk /proc/self/status | cut -f2", "0000000000000000\n");
    /* The C library keeps the signals 32 and 33 for itself. */
    check("grep SigIgn /proc/self/status | cut -f2 | tail -c 9 | tr 89abcdef 01234567",
          "00000000\n");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int64_t now_us(void)
{
    return bsc_clock_real()->mono_us(NULL);
}

static void a_child_that_takes_too_long_is_ended(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    struct bsc_process_order order = {.timeout_ms = 60};
    int64_t started_us = now_us();
    assert_false(run("exec sleep 1000", order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_non_null(strstr(err.message, "60 ms"));
    assert_true(now_us() - started_us >= 60000);
    assert_int_equal(result.exit_status, -1);
    assert_int_equal(result.signal_number, SIGTERM);
    bsc_process_result_release(&result);
}

/* A child that is cancelled as soon as it has made the file "ready" in its folder. */
struct ready {
    char *path;
    atomic_bool cancel;
};

static void *cancel_when_ready(void *arg)
{
    struct ready *ready = arg;
    int64_t until_us = now_us() + 30000000;
    while (access(ready->path, F_OK) != 0 && now_us() < until_us)
        bsc_clock_pause(2, NULL);
    atomic_store(&ready->cancel, true);
    return NULL;
}

static void cancel_once_ready(const char *folder, const char *script,
                              struct bsc_process_result *result)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ready ready = {.path = unit_path(folder, "ready"), .cancel = false};
    struct bsc_process_order order = {.folder = folder, .cancel = &ready.cancel};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_ready, &ready), 0);
    bool ok = run(script, order, result, &err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(ok);
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    free(ready.path);
}

static void cancelling_ends_the_child(void **state)
{
    struct bsc_process_result result;
    cancel_once_ready(*state, ">ready; exec sleep 1000", &result);
    assert_int_equal(result.signal_number, SIGTERM);
    bsc_process_result_release(&result);
}

static void a_child_that_is_cancelled_before_it_starts_ends_too(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    atomic_bool cancel = true;
    assert_false(
        run("exec sleep 1000", (struct bsc_process_order){.cancel = &cancel}, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    bsc_process_result_release(&result);
}

static void the_whole_group_is_asked_to_end(void **state)
{
    struct bsc_process_result result;
    cancel_once_ready(*state,
                      "trap : TERM;"
                      "(trap 'echo bye; exit' TERM; >ready; sleep 1000 & wait) & other=$!;"
                      "wait $other; wait $other; echo end",
                      &result);
    assert_string_equal(result.out.data, "bye\nend\n");
    bsc_process_result_release(&result);
}

static void nobody_of_the_group_outlives_the_child(void **state)
{
    struct bsc_process_result result;
    cancel_once_ready(*state,
                      "(trap '' TERM; >deaf; exec sleep 1000) & other=$!;"
                      "while [ ! -e deaf ]; do sleep 0.01; done; echo $other; >ready; wait",
                      &result);
    pid_t other = (pid_t)strtol(result.out.data, NULL, 10);
    assert_true(other > 0);
    for (int i = 0; i < 2000 && bsc_process_alive(other); i++)
        bsc_clock_pause(5, NULL);
    assert_false(bsc_process_alive(other));
    bsc_process_result_release(&result);
}

static void a_child_that_ignores_the_polite_signal_is_killed(void **state)
{
    struct bsc_process_result result;
    cancel_once_ready(*state, "trap '' TERM; echo deaf; >ready; while :; do sleep 1000; done",
                      &result);
    assert_int_equal(result.signal_number, SIGKILL);
    assert_string_equal(result.out.data, "deaf\n");
    bsc_process_result_release(&result);
}

static void a_child_may_put_its_house_in_order_when_asked_to_end(void **state)
{
    struct bsc_process_result result;
    cancel_once_ready(*state, "trap 'echo bye; exit 5' TERM; >ready; sleep 1000 & wait", &result);
    assert_int_equal(result.exit_status, 5);
    assert_string_equal(result.out.data, "bye\n");
    bsc_process_result_release(&result);
}

static void a_child_of_the_child_that_keeps_the_pipes_is_not_waited_for(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    assert_true(run("sleep 1000 & echo $!", (struct bsc_process_order){0}, &result, &err));
    assert_int_equal(result.exit_status, 0);
    pid_t left = (pid_t)strtol(result.out.data, NULL, 10);
    assert_true(bsc_process_alive(left));
    assert_true(bsc_process_end(left, SIGTERM, 5000, &err));
    bsc_process_result_release(&result);
}

static void *run_some(void *arg)
{
    bool *wrong = arg;
    for (int i = 0; i < 10; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_process_result result;
        const char *argv[] = {"/bin/sh", "-c", "echo $0; exit 4", "x", NULL};
        struct bsc_process_order order = {.argv = argv, .output_max = 10};
        bool ok = bsc_process_run(&order, &result, &err);
        *wrong = *wrong || !ok || result.exit_status != 4 || strcmp(result.out.data, "x\n") != 0;
        bsc_process_result_release(&result);
    }
    return NULL;
}

static void several_threads_may_run_children_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool wrong[4] = {false, false, false, false};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_some, &wrong[i]), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(wrong[i]);
    }
}

static void ends_are_noticed_although_the_system_reaps_children(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    signal(SIGCHLD, SIG_IGN);
    bool ok = run("echo out", (struct bsc_process_order){0}, &result, &err);
    signal(SIGCHLD, SIG_DFL);
    assert_true(ok);
    assert_string_equal(result.out.data, "out\n");
    assert_int_equal(result.exit_status, -1);
    bsc_process_result_release(&result);
}

/* What the child sees when it shall hold one of several open descriptors of a file. */
static void check_held(const char *path, bool as_input, const char *script, const char *out)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_process_result result;
    int fds[8];
    for (size_t i = 0; i < 8; i++) {
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fds[i] > 2);
    }
    for (size_t i = 0; i < 8; i++) {
        struct bsc_process_order order = {.held_fd = fds[i], .held_as_input = as_input};
        assert_true(run(script, order, &result, &err));
        assert_string_equal(result.out.data, out);
        bsc_process_result_release(&result);
    }
    for (size_t i = 0; i < 8; i++)
        close(fds[i]);
}

static void the_child_holds_the_one_descriptor_it_is_given_and_no_other(void **state)
{
    char *path = unit_path(*state, "held");
    unit_file_put(path, "", 0);
    check_held(path, false, "ls /proc/$$/fd; true", "0\n1\n2\n3\n");
    check_held(path, false, "cd /proc/$$/fd; readlink 0; basename $(readlink 3)",
               "/dev/null\nheld\n");
    free(path);
}

static void a_descriptor_may_be_the_input_of_the_child_as_well(void **state)
{
    char *path = unit_path(*state, "held");
    unit_file_put(path, "", 0);
    check_held(path, true, "exec 3<&-; basename $(readlink /proc/$$/fd/0); cat; echo end",
               "held\nend\n");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_streams_and_the_exit_status_are_kept),
        cmocka_unit_test(arguments_reach_the_child_as_they_are),
        cmocka_unit_test(the_child_reads_what_it_is_given_and_then_the_end),
        cmocka_unit_test(all_errors_are_heard_however_few_are_kept),
        cmocka_unit_test(an_end_by_signal_is_told),
        cmocka_unit_test(long_output_is_cut_at_the_limit_and_does_not_stop_the_child),
        cmocka_unit_test(long_output_is_kept_whole_below_the_limit),
        cmocka_unit_test(the_child_gets_a_minimal_environment),
        cmocka_unit_test(a_given_environment_is_the_only_one),
        UNIT_IN_FOLDER(the_child_starts_in_the_folder_it_is_given),
        UNIT_IN_FOLDER(a_missing_program_or_folder_is_named),
        cmocka_unit_test(the_child_has_no_input_no_terminal_and_none_of_our_files),
        UNIT_IN_FOLDER(the_child_holds_the_one_descriptor_it_is_given_and_no_other),
        UNIT_IN_FOLDER(a_descriptor_may_be_the_input_of_the_child_as_well),
        cmocka_unit_test(the_child_starts_with_standard_signals),
        cmocka_unit_test(a_child_that_takes_too_long_is_ended),
        UNIT_IN_FOLDER(cancelling_ends_the_child),
        cmocka_unit_test(a_child_that_is_cancelled_before_it_starts_ends_too),
        UNIT_IN_FOLDER(the_whole_group_is_asked_to_end),
        UNIT_IN_FOLDER(nobody_of_the_group_outlives_the_child),
        UNIT_IN_FOLDER(a_child_that_ignores_the_polite_signal_is_killed),
        UNIT_IN_FOLDER(a_child_may_put_its_house_in_order_when_asked_to_end),
        cmocka_unit_test(a_child_of_the_child_that_keeps_the_pipes_is_not_waited_for),
        cmocka_unit_test(several_threads_may_run_children_at_once),
        cmocka_unit_test(ends_are_noticed_although_the_system_reaps_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
