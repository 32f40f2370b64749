#include "lib_fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"

static void put(void **state, const char *name, const char *text)
{
    char *path = unit_path(*state, name);
    unit_file_put(path, text, strlen(text));
    free(path);
}

/* The answer without the free bytes, which are those of the machine. */
static struct bsc_value *list_folder(struct lib_bench *bench, void **state, const char *name)
{
    struct bsc_value *answer =
        call_row(bench, "folder.list", "{'path':'%s/%s'}", (char *)*state, name);
    assert_non_null(answer);
    assert_true(bsc_value_get_number(answer, "free_bytes", -1) >= 0);
    bsc_value_remove(answer, "free_bytes");
    return answer;
}

static void a_folder_is_listed_with_sizes_and_only_ordinary_files(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    char *folder = unit_path(*state, "f");
    char *below = unit_path(*state, "f/below");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(below, 0700), 0);
    put(state, "f/b", "hello\n");
    put(state, "f/a file", "");
    assert_answer(&bench, list_folder(&bench, state, "f"),
                  "{'entries':3,'exists':true,'files':['0 a file','6 b'],'parent':true}");
    assert_answer(&bench, list_folder(&bench, state, "g"),
                  "{'entries':0,'exists':false,'files':[],'parent':true}");
    assert_answer(&bench, list_folder(&bench, state, "g/h"),
                  "{'entries':0,'exists':false,'files':[],'parent':false}");
    free(folder);
    free(below);
    bench_close(&bench);
}

static void what_is_no_folder_is_an_error(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "plain", "x");
    assert_null(call_row(&bench, "folder.list", "{'path':'%s/plain'}", (char *)*state));
    assert_refusal(&bench, call_row(&bench, "folder.list", "{'path':'f'}"), BSC_ERR_USAGE,
                   "must be an absolute path");
    bench_close(&bench);
}

static void a_process_is_known_by_its_pid_file(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    char *own = bsc_mem_format("%ld\nmore\n", (long)getpid());
    put(state, "pid", own);
    struct bsc_value *answer =
        call_row(&bench, "process.state", "{'pid_file':'%s/pid'}", (char *)*state);
    assert_non_null(answer);
    assert_true(bsc_value_get_truth(answer, "alive"));
    assert_int_equal(bsc_value_get_number(answer, "pid", 0), getpid());
    assert_non_null(strstr(bsc_value_get_string(answer, "program"), "test_lib_folder"));
    bsc_value_free(answer);
    bsc_mem_free(own);
    bench_close(&bench);
}

static void without_a_pid_file_nobody_is_alive(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "process.state", "{'pid_file':'%s/none'}", (char *)*state),
                  "{'alive':false,'is_job':false,'pid':0,'program':''}");
    put(state, "wrong", "soon\n");
    assert_refusal(&bench,
                   call_row(&bench, "process.state", "{'pid_file':'%s/wrong'}", (char *)*state),
                   BSC_ERR_INVALID, "does not hold the pid of a process");
    put(state, "all", "-1\n");
    assert_refusal(&bench,
                   call_row(&bench, "process.state", "{'pid_file':'%s/all'}", (char *)*state),
                   BSC_ERR_INVALID, "does not hold the pid of a process");
    bench_close(&bench);
}

/* Until a child has become its program it looks like this one. */
static void await_job(struct lib_bench *bench, const char *folder, const char *words, bool is_job)
{
    bool found = !is_job;
    for (int tries = 0; found != is_job && tries < 1000; tries++) {
        struct bsc_value *seen =
            call_row(bench, "process.state", "{'pid_file':'%s/pid','job':%s}", folder, words);
        assert_non_null(seen);
        found = bsc_value_get_truth(seen, "is_job");
        bsc_value_free(seen);
        if (found != is_job)
            bsc_clock_pause(10, NULL);
        else if (!is_job)
            return;
    }
    assert_int_equal(found, is_job);
}

static void only_the_program_that_is_named_is_ended(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    char *text = bsc_mem_format("%ld\n", (long)pid);
    put(state, "pid", text);
    assert_refusal(&bench,
                   call_row(&bench, "process.end", "{'pid_file':'%s/pid','program':'sleep 1'}",
                            (char *)*state),
                   BSC_ERR_CONFLICT, "is another program");
    await_job(&bench, *state, "['sleep','1000']", true);
    await_job(&bench, *state, "['1000']", true);
    await_job(&bench, *state, "['sleep']", true);
    await_job(&bench, *state, "['1000','sleep']", false);
    await_job(&bench, *state, "['sleep','100']", false);
    await_job(&bench, *state, "['sleep','1000','1000']", false);
    await_job(&bench, *state, "[]", false);
    struct bsc_value *seen =
        call_row(&bench, "process.state", "{'pid_file':'%s/pid'}", (char *)*state);
    const char *program = bsc_value_get_string(seen, "program");
    assert_int_equal(strncmp(program, "sleep (command line ", 20), 0);
    assert_null(strstr(program, "1000"));
    struct bsc_value *answer = call_row(
        &bench, "process.end", "{'pid_file':'%s/pid','program':'%s'}", (char *)*state, program);
    bsc_value_free(seen);
    assert_non_null(answer);
    assert_int_equal(bsc_value_get_number(answer, "pid", 0), pid);
    bsc_value_free(answer);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_answer(&bench,
                  call_row(&bench, "process.end", "{'pid_file':'%s/none','program':'sleep 1000'}",
                           (char *)*state),
                  "{'pid':0}");
    bsc_mem_free(text);
    bench_close(&bench);
}

/* A command that only tells a job to end comes back before the job has. */
static void a_job_that_a_command_ends_has_ended_afterwards(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    char *script =
        bsc_mem_format("until test -e %s/told; do sleep 0.01; done; sleep 0.3", (char *)*state);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(1);
    }
    char *text = bsc_mem_format("%ld\n", (long)pid);
    put(state, "pid", text);
    await_job(&bench, *state, "['sh','-c']", true);
    struct bsc_value *seen =
        call_row(&bench, "process.state", "{'pid_file':'%s/pid'}", (char *)*state);
    assert_refusal(&bench,
                   call_row(&bench, "process.end",
                            "{'pid_file':'%s/pid','program':'%s','argv':['false']}", (char *)*state,
                            bsc_value_get_string(seen, "program")),
                   BSC_ERR_IO, "ended with exit code 1");
    assert_true(bsc_process_alive(pid));
    bsc_value_free(call_row(&bench, "process.end",
                            "{'pid_file':'%s/pid','program':'%s','argv':['touch','%s/told']}",
                            (char *)*state, bsc_value_get_string(seen, "program"), (char *)*state));
    assert_false(bsc_process_alive(pid));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    bsc_value_free(seen);
    bsc_mem_free(text);
    bsc_mem_free(script);
    bench_close(&bench);
}

/* Runs a shell that leaves a job behind: a script to which the pid file is given. */
static struct bsc_value *begin(struct lib_bench *bench, void **state, const char *script,
                               const char *known)
{
    put(state, "script", script);
    return call_row(bench, "process.begin",
                    "{'pid_file':'%s/pid','argv':['sh','%s/script','%s/pid'],%s}", (char *)*state,
                    (char *)*state, (char *)*state, known);
}

/* Ends the job that was begun and is in the pid file, and waits until it is gone: while it is
 * there, the next one that is begun counts as at work at once. Returns owned what it was. */
static struct bsc_value *end_job(struct lib_bench *bench, void **state, struct bsc_value *begun)
{
    if (begun == NULL)
        fail_msg("%s: %s", bench->err.message, bench->err.cause);
    struct bsc_value *seen = call_row(
        bench, "process.state", "{'pid_file':'%s/pid','job':['sleep','1000']}", (char *)*state);
    assert_true(bsc_value_get_truth(seen, "is_job"));
    assert_int_equal(bsc_value_get_number(begun, "pid", 0), bsc_value_get_number(seen, "pid", 1));
    assert_int_equal(kill((pid_t)bsc_value_get_number(seen, "pid", 0), SIGKILL), 0);
    await_job(bench, *state, "['sleep','1000']", false);
    bsc_value_free(begun);
    return seen;
}

#define LEAVES " </dev/null >/dev/null 2>&1 &\n"

/* A command may come back before there is a pid file, and before the job is in its process. */
static void a_job_that_a_command_begins_is_at_work_afterwards(void **state)
{
    static const char later[] = "(sleep 0.3; sleep 1000 & echo $! >\"$1\")" LEAVES;
    static const char becomes[] =
        "sh -c 'echo $$ >\"$0\"; sleep 0.3; exec sleep 1000' \"$1\"" LEAVES;
    static const char words[] = "'job':['sleep','1000']";
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "pid", "2147483647\n");
    struct bsc_value *was = end_job(&bench, state, begin(&bench, state, later, words));
    bsc_value_free(end_job(&bench, state, begin(&bench, state, becomes, words)));
    char *mark = bsc_mem_format("'program':'%s'", bsc_value_get_string(was, "program"));
    bsc_value_free(end_job(&bench, state, begin(&bench, state, becomes, mark)));
    bsc_mem_free(mark);
    bsc_value_free(was);
    bench_close(&bench);
}

static void assert_late(struct lib_bench *bench, void **state, const char *script, const char *why)
{
    bench->deadline_us = bench->env.clock->mono_us(bench->env.clock->self) + 300000;
    assert_refusal(bench, begin(bench, state, script, "'job':['sleep','1000']"), BSC_ERR_TIMEOUT,
                   "the job is not seen at work");
    if (strstr(bench->err.cause, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", bench->err.cause, why);
    bench->deadline_us = 0;
}

static void a_job_that_does_not_come_is_waited_for_until_the_deadline(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_refusal(&bench, begin(&bench, state, "exit 3", "'job':['sleep']"), BSC_ERR_IO,
                   "ended with exit code 3");
    assert_late(&bench, state, "true", "there is no ");
    put(state, "pid", "2147483647\n");
    assert_late(&bench, state, "true", "has ended");
    assert_late(&bench, state, ">\"$1\"", "does not hold the pid of a process");
    char *own = bsc_mem_format("%ld\n", (long)getpid());
    put(state, "pid", own);
    assert_late(&bench, state, "true", "/pid\", is ");
    bsc_mem_free(own);
    bench_close(&bench);
}

/* The operator wants an end while the pid file is looked at for the second time. */
struct stopper {
    struct bsc_sys sys;
    atomic_bool *cancel;
    int looks;
};

static int open_and_stop(void *self, const char *path, int flags, mode_t mode)
{
    struct stopper *stopper = self;
    const struct bsc_sys *real = bsc_sys_real();
    if (strstr(path, "/pid") != NULL && ++stopper->looks == 2)
        atomic_store(stopper->cancel, true);
    return real->open(real->self, path, flags, mode);
}

static void a_job_that_does_not_come_is_waited_for_until_the_operator_stops(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    struct stopper stopper = {.sys = *bsc_sys_real(), .cancel = &bench.cancel};
    stopper.sys.self = &stopper;
    stopper.sys.open = open_and_stop;
    put(state, "pid", "2147483647\n");
    bench.env.sys = &stopper.sys;
    assert_refusal(&bench, begin(&bench, state, "true", "'job':['sleep']"), BSC_ERR_CANCELLED,
                   "the job is not seen at work");
    assert_int_equal(stopper.looks, 2);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_listed_with_sizes_and_only_ordinary_files,
                                        unit_folder_setup, unit_folder_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_folder_is_an_error, unit_folder_setup,
                                        unit_folder_teardown),
        cmocka_unit_test_setup_teardown(a_process_is_known_by_its_pid_file, unit_folder_setup,
                                        unit_folder_teardown),
        cmocka_unit_test_setup_teardown(without_a_pid_file_nobody_is_alive, unit_folder_setup,
                                        unit_folder_teardown),
        UNIT_IN_FOLDER(only_the_program_that_is_named_is_ended),
        UNIT_IN_FOLDER(a_job_that_a_command_ends_has_ended_afterwards),
        UNIT_IN_FOLDER(a_job_that_a_command_begins_is_at_work_afterwards),
        UNIT_IN_FOLDER(a_job_that_does_not_come_is_waited_for_until_the_deadline),
        UNIT_IN_FOLDER(a_job_that_does_not_come_is_waited_for_until_the_operator_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
