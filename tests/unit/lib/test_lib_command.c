#include "lib_fixture.h"

#include <signal.h>

#include "journal/lock.h"
#include "os/process.h"

static void a_probe_returns_what_the_command_wrote(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_answer(
        &bench,
        call_row(&bench, "command.probe", "{'argv':['sh','-c','echo out; echo err >&2; exit 3']}"),
        "{'cut':false,'err':'err\\n','exit':3,'out':'out\\n'}");
    bench_close(&bench);
}

static void no_secret_comes_out_of_a_command(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    bsc_redactor_add(bench.env.redactor, "hunter22", 8);
    assert_answer(&bench,
                  call_row(&bench, "command.probe",
                           "{'argv':['sh','-c','echo hunter22; echo PWD=hunter22 >&2']}"),
                  "{'cut':false,'err':'PWD=[secret]\\n','exit':0,'out':'[secret]\\n'}");
    bench_close(&bench);
}

static void words_reach_the_command_as_they_are(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_answer(
        &bench, call_row(&bench, "command.run", "{'argv':['printf','%%s|','a b','$HOME','','*']}"),
        "{'cut':false,'err':'','exit':0,'out':'a b|$HOME||*|'}");
    bench_close(&bench);
}

static void another_exit_code_is_an_error_that_quotes_the_last_line(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_refusal(
        &bench,
        call_row(&bench, "command.run",
                 "{'argv':['sh','-c','echo first >&2; echo no such thing >&2; exit 4']}"),
        BSC_ERR_IO, "command \"sh\" ended with exit code 4: no such thing");
    assert_answer(&bench,
                  call_row(&bench, "command.run", "{'argv':['sh','-c','exit 4'],'expect_exit':4}"),
                  "{'cut':false,'err':'','exit':4,'out':''}");
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':['sh','-c','kill -9 $$']}"),
                   BSC_ERR_IO, "exit code 137");
    bench_close(&bench);
}

static void long_output_is_cut_and_says_so(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    struct bsc_value *answer =
        call_row(&bench, "command.probe", "{'argv':['head','-c','70000','/dev/zero']}");
    assert_non_null(answer);
    assert_true(bsc_value_get_truth(answer, "cut"));
    assert_int_equal(bsc_value_string_length(bsc_value_get(answer, "out")), 65536);
    bsc_value_free(answer);
    bench_close(&bench);
}

static void a_missing_program_and_wrong_arguments_are_named(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':['no-such-program-here']}"),
                   BSC_ERR_NOT_FOUND, "no-such-program-here");
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':[]}"), BSC_ERR_USAGE,
                   "names no program");
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':['a',1]}"), BSC_ERR_USAGE,
                   "word 2 of \"argv\" must be text, not int");
    assert_refusal(&bench, call_row(&bench, "command.run", "{}"), BSC_ERR_USAGE,
                   "argument \"argv\" is missing");
    assert_refusal(&bench, call_row(&bench, "command.probe", "{'argv':['a'],'expect_exit':1}"),
                   BSC_ERR_USAGE, "unknown argument \"expect_exit\"");
    bench_close(&bench);
}

static void a_command_ends_when_its_time_is_up(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_refusal(&bench,
                   call_row(&bench, "command.run", "{'argv':['sleep','30'],'timeout_ms':50}"),
                   BSC_ERR_TIMEOUT, "");
    bench.deadline_us = bench.env.clock->mono_us(bench.env.clock->self) + 50000;
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':['sleep','30']}"),
                   BSC_ERR_TIMEOUT, "");
    atomic_store(&bench.cancel, true);
    assert_refusal(&bench, call_row(&bench, "command.run", "{'argv':['sleep','30']}"),
                   BSC_ERR_CANCELLED, "");
    bench_close(&bench);
}

/* Puts a program named ssh first into PATH: it drops the options that are expected of us, shows the
 * host and runs the rest in a shell, as the far side of a real one does. */
static void put_ssh(void **state)
{
    static const char script[] = "#!/bin/sh\n"
                                 "test \"$1 $2 $3 $4 $5 $6 $7\" = \"-o BatchMode=yes "
                                 "-o ConnectTimeout=10 -o LogLevel=ERROR --\" || exit 9\n"
                                 "test \"$8\" = away && { echo no route >&2; exit 255; }\n"
                                 "test $# = 9 || exit 8\n"
                                 "printf '%s:' \"$8\"\n"
                                 "exec /bin/sh -c \"$9\"\n";
    char *path = unit_path(*state, "ssh");
    unit_file_put(path, script, sizeof script - 1);
    assert_int_equal(chmod(path, 0700), 0);
    char *search = bsc_mem_format("%s:/usr/bin:/bin", (char *)*state);
    assert_int_equal(setenv("PATH", search, 1), 0);
    bsc_mem_free(search);
    free(path);
}

static void words_for_another_host_are_quoted_for_its_shell(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put_ssh(state);
    assert_answer(&bench,
                  call_row(&bench, "command.run",
                           "{'host':'db1','argv':['printf','<%%s>','a b','$HOME;`id`','',"
                           "'*','\\u0027q\\u0027']}"),
                  "{'cut':false,'err':'','exit':0,'out':'db1:<a b><$HOME;`id`><><*><'q'>'}");
    bench_close(&bench);
}

static void a_host_out_of_reach_is_told_from_a_failed_command(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put_ssh(state);
    assert_refusal(&bench, call_row(&bench, "command.probe", "{'host':'away','argv':['true']}"),
                   BSC_ERR_UNREACHABLE, "ssh to \"away\" ended with exit code 255: no route");
    assert_refusal(&bench, call_row(&bench, "command.run", "{'host':'away','argv':['true']}"),
                   BSC_ERR_UNKNOWN, "ssh to \"away\" ended with exit code 255: no route");
    assert_refusal(&bench, call_row(&bench, "command.run", "{'host':'db1','argv':['false']}"),
                   BSC_ERR_IO, "command");
    bench_close(&bench);
}

/* Opens the bench with a lock, as a run does. */
static struct bsc_journal_lock *bench_lock(struct lib_bench *bench, void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lock *lock =
        bsc_journal_lock_take(bsc_sys_real(), bsc_clock_real(), *state, "r", &err);
    assert_non_null(lock);
    bench->env.lock = lock;
    return lock;
}

/* What the command's input and its descriptor 3 lead to; no pipe, which would be one more. */
#define HELD "{'argv':['sh','-c','readlink /proc/$$/fd/0; readlink /proc/$$/fd/3; exit 0']}"

static void assert_held(struct lib_bench *bench, const char *row, const char *folder, bool shares)
{
    char *out = bsc_mem_format("{'cut':false,'err':'','exit':0,'out':'/dev/null\\n%s%s'}",
                               shares ? folder : "", shares ? "/lock.lent\\n" : "");
    assert_answer(bench, call_row(bench, row, HELD), out);
    bsc_mem_free(out);
}

static void a_command_that_changes_something_shares_in_the_lock_of_the_run(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_held(&bench, "command.run", *state, false);
    struct bsc_journal_lock *lock = bench_lock(&bench, state);
    assert_held(&bench, "command.run", *state, true);
    assert_held(&bench, "command.probe", *state, false);
    bench.env.lock = NULL;
    bsc_journal_lock_free(lock);
    bench_close(&bench);
}

/* ssh closes whatever is above its streams. */
static void a_command_on_another_host_shares_in_the_lock_by_its_input(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put_ssh(state);
    struct bsc_journal_lock *lock = bench_lock(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "command.run",
                           "{'host':'db1','argv':['sh','-c',"
                           "'cat; basename $(readlink /proc/$$/fd/0)']}"),
                  "{'cut':false,'err':'','exit':0,'out':'db1:lock.lent\\n'}");
    bench.env.lock = NULL;
    bsc_journal_lock_free(lock);
    bench_close(&bench);
}

static void what_a_command_leaves_behind_does_not_share_in_the_lock(void **state)
{
    struct lib_bench bench;
    struct bsc_err err = BSC_ERR_INIT;
    bench_open(&bench, state);
    struct bsc_journal_lock *lock = bench_lock(&bench, state);
    struct bsc_value *answer =
        call_row(&bench, "command.run", "{'argv':['sh','-c','sleep 1000 & echo $!']}");
    pid_t left = (pid_t)strtol(bsc_value_get_string(answer, "out"), NULL, 10);
    bsc_value_free(answer);
    bench.env.lock = NULL;
    bsc_journal_lock_free(lock);
    assert_true(bsc_process_alive(left));
    lock = bench_lock(&bench, state);
    bench.env.lock = NULL;
    bsc_journal_lock_free(lock);
    assert_true(bsc_process_end(left, SIGTERM, 5000, &err));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_probe_returns_what_the_command_wrote),
        UNIT_IN_FOLDER(no_secret_comes_out_of_a_command),
        UNIT_IN_FOLDER(words_reach_the_command_as_they_are),
        UNIT_IN_FOLDER(another_exit_code_is_an_error_that_quotes_the_last_line),
        UNIT_IN_FOLDER(long_output_is_cut_and_says_so),
        UNIT_IN_FOLDER(a_missing_program_and_wrong_arguments_are_named),
        UNIT_IN_FOLDER(a_command_ends_when_its_time_is_up),
        UNIT_IN_FOLDER(words_for_another_host_are_quoted_for_its_shell),
        UNIT_IN_FOLDER(a_host_out_of_reach_is_told_from_a_failed_command),
        UNIT_IN_FOLDER(a_command_that_changes_something_shares_in_the_lock_of_the_run),
        UNIT_IN_FOLDER(a_command_on_another_host_shares_in_the_lock_by_its_input),
        UNIT_IN_FOLDER(what_a_command_leaves_behind_does_not_share_in_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
