#include "lib_fixture.h"

#include <pthread.h>

#include "../sql/fault_odbc.h"
#include "logs/sessions.h"

static void put_database(void **state, const char *name)
{
    char *path = unit_path(*state, name);
    unit_file_put(path, "", 0);
    free(path);
}

static struct bsc_value *execute(struct lib_bench *bench, const char *sql)
{
    return call_row(bench, "sql.execute", "{'server':'sql1','file':'a.db','sql':'%s'}", sql);
}

static void bench_with_table(struct lib_bench *bench, void **state)
{
    bench_open(bench, state);
    put_database(state, "a.db");
    assert_answer(bench, execute(bench, "CREATE TABLE t (a INTEGER, b TEXT)"), "{'rows':0}");
    assert_answer(bench, execute(bench, "INSERT INTO t VALUES (1, 2), (3, NULL)"), "{'rows':2}");
}

static void a_query_gives_columns_and_rows(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_answer(
        &bench,
        call_row(&bench, "sql.query", "{'server':'sql1','file':'a.db','sql':'SELECT a, b FROM t'}"),
        "{'columns':['a','b'],'rows':[[1,'2'],[3,null]]}");
    assert_answer(&bench,
                  call_row(&bench, "sql.query",
                           "{'server':'sql1','file':'a.db','sql':'SELECT b FROM t WHERE a = ?',"
                           "'params':[3]}"),
                  "{'columns':['b'],'rows':[[null]]}");
    bench_close(&bench);
}

#define IN_A "{'server':'sql1','file':'a.db','sql':"

static void values_stand_in_a_statement_by_name(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "sql.execute",
                           IN_A "'UPDATE t SET b = :b WHERE a = :a OR b = :b',"
                                "'named':{'a':3,'b':'it is :a'}}"),
                  "{'rows':1}");
    assert_answer(
        &bench,
        call_row(&bench, "sql.query", IN_A "'SELECT b FROM t WHERE a = :a','named':{'a':3}}"),
        "{'columns':['b'],'rows':[['it is :a']]}");
    assert_answer(&bench, call_row(&bench, "sql.query", IN_A "'SELECT a FROM t','named':{}}"),
                  "{'columns':['a'],'rows':[[1],[3]]}");
    assert_refusal(&bench, call_row(&bench, "sql.query", IN_A "'SELECT :x','named':{'a':3}}"),
                   BSC_ERR_INVALID, ":x");
    assert_refusal(&bench,
                   call_row(&bench, "sql.query", IN_A "'SELECT :a','named':{'a':3},'params':[3]}"),
                   BSC_ERR_USAGE, "not both");
    assert_refusal(&bench, call_row(&bench, "sql.query", IN_A "'SELECT 1','named':[3]}"),
                   BSC_ERR_USAGE, "must be a map");
    bench_close(&bench);
}

static void one_question_is_asked_for_many(void **state)
{
    struct lib_bench bench;
    char *path = unit_path(*state, "a.db");
    bench_with_table(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "sql.each",
                           IN_A "'SELECT b, :a FROM t WHERE a = :a','each':[{'a':3},{'a':7},"
                                "{'a':1}]}"),
                  "[[[null,3]],[],[['2',1]]]");
    assert_false(bsc_logs_sessions_ours(bsc_sys_real(), path));
    assert_answer(&bench, call_row(&bench, "sql.each", IN_A "'SELECT :a','each':[]}"), "[]");
    assert_refusal(&bench, call_row(&bench, "sql.each", IN_A "'SELECT :a','each':[{'a':1},{}]}"),
                   BSC_ERR_INVALID, ":a");
    assert_refusal(&bench, call_row(&bench, "sql.each", IN_A "'SELECT :b','each':[{'a':3}]}"),
                   BSC_ERR_INVALID, ":b");
    assert_refusal(&bench, call_row(&bench, "sql.each", IN_A "'SELECT 1','each':[{},3]}"),
                   BSC_ERR_USAGE, "must be a list of maps");
    assert_refusal(&bench, call_row(&bench, "sql.each", IN_A "'DELETE FROM t','each':[{}]}"),
                   BSC_ERR_SQL, "readonly database");
    assert_false(bsc_logs_sessions_ours(bsc_sys_real(), path));
    bench_close(&bench);
    free(path);
}

static void a_query_of_a_file_leaves_it_closed(void **state)
{
    struct lib_bench bench;
    char *path = unit_path(*state, "a.db");
    bench_open(&bench, state);
    put_database(state, "a.db");
    assert_answer(
        &bench,
        call_row(&bench, "sql.query", "{'server':'sql1','file':'a.db','sql':'SELECT 1 AS a'}"),
        "{'columns':['a'],'rows':[[1]]}");
    assert_false(bsc_logs_sessions_ours(bsc_sys_real(), path));
    bench_close(&bench);
    free(path);
}

static void a_query_can_change_nothing(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(
        &bench,
        call_row(&bench, "sql.query", "{'server':'sql1','file':'a.db','sql':'DELETE FROM t'}"),
        BSC_ERR_SQL, "readonly database");
    bench_close(&bench);
}

static void a_statement_without_a_result_is_no_query(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(
        &bench, call_row(&bench, "sql.query", "{'server':'sql1','file':'a.db','sql':'VALUES (1)'}"),
        BSC_ERR_SQL, "gives no result set");
    bench_close(&bench);
}

static void more_rows_than_allowed_are_an_error(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(&bench,
                   call_row(&bench, "sql.query",
                            "{'server':'sql1','file':'a.db','sql':'SELECT a FROM t','max_rows':1}"),
                   BSC_ERR_LIMIT, "more rows than allowed");
    assert_answer(&bench,
                  call_row(&bench, "sql.query",
                           "{'server':'sql1','file':'a.db','sql':'SELECT a FROM t','max_rows':1,"
                           "'cut':true}"),
                  "{'columns':['a'],'rows':[[1]]}");
    assert_refusal(&bench,
                   call_row(&bench, "sql.query",
                            "{'server':'sql1','file':'a.db','sql':'SELECT a FROM t','max_rows':0}"),
                   BSC_ERR_USAGE, "must be between 1 and 1000000");
    bench_close(&bench);
}

static void another_number_of_rows_is_a_conflict(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "sql.execute",
                           "{'server':'sql1','file':'a.db','sql':'UPDATE t SET b = 0 WHERE a = ?',"
                           "'params':[1],'expect_rows':1}"),
                  "{'rows':1}");
    assert_refusal(&bench,
                   call_row(&bench, "sql.execute",
                            "{'server':'sql1','file':'a.db','sql':'UPDATE t SET b = 0 WHERE a = ?',"
                            "'params':[2],'expect_rows':1}"),
                   BSC_ERR_CONFLICT, "changed 0 rows instead of 1");
    bench_close(&bench);
}

static void a_transaction_must_end_where_it_begins(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(&bench, execute(&bench, " begin; DELETE FROM t"), BSC_ERR_REFUSED,
                   "begins a transaction that it does not end");
    assert_answer(&bench, execute(&bench, "BEGIN; DELETE FROM t; COMMIT;"), "{'rows':0}");
    assert_answer(&bench,
                  call_row(&bench, "sql.query",
                           "{'server':'sql2','file':'a.db','sql':'SELECT count(*) AS n FROM t'}"),
                  "{'columns':['n'],'rows':[[0]]}");
    bench_close(&bench);
}

static void a_failed_write_lets_go_of_its_locks(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(&bench, execute(&bench, "BEGIN; DELETE FROM t; DELETE FROM nowhere; COMMIT"),
                   BSC_ERR_SQL, "nowhere");
    assert_answer(&bench,
                  call_row(&bench, "sql.execute",
                           "{'server':'sql2','file':'a.db','sql':'UPDATE t SET b = 5'}"),
                  "{'rows':2}");
    bench_close(&bench);
}

/* Calls sql.execute while the ODBC call of that name fails with a lost connection. */
static void execute_and_lose(struct lib_bench *bench, const char *failing)
{
    for (int n = 1;; n++) {
        struct fault_odbc fault;
        fault_odbc_init(&fault);
        memcpy(fault.sqlstate, "08S01", 6);
        fault_odbc_arm(&fault, n, false);
        bench->env.sql_calls = &fault.calls;
        struct bsc_value *answer = execute(bench, "UPDATE t SET b = 7");
        bsc_lib_env_close_connections(&bench->env);
        bool found = fault.failed != NULL && strcmp(fault.failed, failing) == 0;
        assert_true(fault.hit);
        if (found) {
            assert_null(answer);
            return;
        }
        bsc_value_free(answer);
    }
}

static void a_change_whose_connection_broke_is_unknown(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    bsc_lib_env_close_connections(&bench.env);
    execute_and_lose(&bench, "SQLDriverConnect");
    assert_int_equal(bench.err.code, BSC_ERR_UNREACHABLE);
    execute_and_lose(&bench, "SQLRowCount");
    assert_int_equal(bench.err.code, BSC_ERR_UNKNOWN);
    assert_string_equal(bench.err.sqlstate, "08S01");
    bench_close(&bench);
}

/* Asks over a connection that is there, and that breaks when the statement begins. */
static bool ask_and_lose(struct lib_bench *bench, const struct bsc_lib_target *target,
                         const char *sqlstate)
{
    const struct bsc_sql_limits limits = {0};
    bool good = false, reached = false;
    for (int n = 1; !reached; n++) {
        struct fault_odbc fault;
        struct bsc_sql_result result = {0};
        fault_odbc_init(&fault);
        bench->env.sql_calls = &fault.calls;
        bench->err = (struct bsc_err)BSC_ERR_INIT;
        assert_non_null(bsc_lib_env_connect(&bench->env, target, NULL, &bench->err));
        memcpy(fault.sqlstate, sqlstate, 6);
        fault_odbc_arm(&fault, n, false);
        good = bsc_lib_env_run(&bench->env, target, "SELECT a FROM t", NULL, &limits, &result,
                               &bench->err);
        assert_true(fault.hit);
        reached = strcmp(fault.failed, "SQLExecDirect") == 0;
        bsc_sql_result_release(&result);
        bsc_lib_env_close_connections(&bench->env);
    }
    return good;
}

static void a_question_is_asked_again_where_the_old_connection_is_broken(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    bsc_lib_env_close_connections(&bench.env);
    struct bsc_lib_target target = {.server = "sql1", .file = "a.db", .read_only = true};
    assert_true(ask_and_lose(&bench, &target, "08S01"));
    assert_true(ask_and_lose(&bench, &target, "57P01"));
    assert_false(ask_and_lose(&bench, &target, "42000"));
    target.read_only = false;
    assert_false(ask_and_lose(&bench, &target, "08S01"));
    bench_close(&bench);
}

static void unknown_servers_files_and_arguments_are_named(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    assert_refusal(&bench, call_row(&bench, "sql.query", "{'server':'sql7','sql':'SELECT 1'}"),
                   BSC_ERR_NOT_FOUND, "sql7");
    assert_refusal(
        &bench, call_row(&bench, "sql.query", "{'server':'sql1','file':'b.db','sql':'SELECT 1'}"),
        BSC_ERR_NOT_FOUND, "b.db");
    assert_refusal(
        &bench,
        call_row(&bench, "sql.query", "{'server':'sql1','file':'../b.db','sql':'SELECT 1'}"),
        BSC_ERR_REFUSED, "not in the folder");
    assert_refusal(&bench, call_row(&bench, "sql.query", "{'server':'sql1'}"), BSC_ERR_USAGE,
                   "argument \"sql\" is missing");
    assert_refusal(&bench, call_row(&bench, "sql.query", "{'server':'sql1','sql':'x','maxrows':1}"),
                   BSC_ERR_USAGE, "unknown argument \"maxrows\"");
    bench_close(&bench);
}

static void a_target_has_one_connection_on_each_thread(void **state)
{
    struct lib_bench bench;
    bench_with_table(&bench, state);
    struct bsc_lib_target target = {.server = "sql1", .file = "a.db", .read_only = true};
    struct bsc_sql *first = bsc_lib_env_connect(&bench.env, &target, NULL, &bench.err);
    assert_non_null(first);
    assert_ptr_equal(bsc_lib_env_connect(&bench.env, &target, NULL, &bench.err), first);
    target.read_only = false;
    struct bsc_sql *writing = bsc_lib_env_connect(&bench.env, &target, NULL, &bench.err);
    assert_ptr_not_equal(writing, first);
    target.server = "sql2";
    assert_ptr_not_equal(bsc_lib_env_connect(&bench.env, &target, NULL, &bench.err), writing);
    bsc_lib_env_close_connections(&bench.env);
    bench_close(&bench);
}

struct errand {
    struct lib_bench bench;
};

static void *connect_on_a_thread_of_its_own(void *arg)
{
    struct errand *errand = arg;
    struct bsc_lib_target target = {.server = "sql1", .file = "a.db", .read_only = true};
    assert_non_null(bsc_lib_env_connect(&errand->bench.env, &target, NULL, &errand->bench.err));
    return NULL;
}

static void connections_of_ended_threads_are_closed_at_the_end(void **state)
{
    struct errand errand;
    pthread_t thread;
    bench_with_table(&errand.bench, state);
    int fds = unit_fd_count();
    assert_int_equal(pthread_create(&thread, NULL, connect_on_a_thread_of_its_own, &errand), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(unit_fd_count() >= fds);
    bench_close(&errand.bench);
    assert_true(unit_fd_count() < fds);
}

/* Cancels until told to stop, so that it does not matter when the statement begins. */
struct stopper {
    struct lib_bench *bench;
    atomic_bool stop;
};

static void *cancel_again_and_again(void *arg)
{
    struct stopper *stopper = arg;
    while (!atomic_load(&stopper->stop)) {
        bsc_lib_env_cancel(&stopper->bench->env);
        sched_yield();
    }
    return NULL;
}

static void whatever_runs_can_be_cancelled_from_another_thread(void **state)
{
    struct lib_bench bench;
    struct stopper stopper = {.bench = &bench};
    pthread_t thread;
    bench_with_table(&bench, state);
    assert_int_equal(pthread_create(&thread, NULL, cancel_again_and_again, &stopper), 0);
    struct bsc_value *answer = call_row(
        &bench, "sql.query",
        "{'server':'sql1','file':'a.db','sql':'SELECT n FROM (WITH RECURSIVE c(x) AS (SELECT 1 "
        "UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c)'}");
    atomic_store(&stopper.stop, true);
    pthread_join(thread, NULL);
    assert_refusal(&bench, answer, BSC_ERR_CANCELLED, "it was cancelled");
    assert_answer(&bench,
                  call_row(&bench, "sql.query",
                           "{'server':'sql1','file':'a.db','sql':'SELECT count(*) AS n FROM t'}"),
                  "{'columns':['n'],'rows':[[2]]}");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_query_gives_columns_and_rows),
        UNIT_IN_FOLDER(values_stand_in_a_statement_by_name),
        UNIT_IN_FOLDER(a_query_of_a_file_leaves_it_closed),
        UNIT_IN_FOLDER(one_question_is_asked_for_many),
        UNIT_IN_FOLDER(a_query_can_change_nothing),
        UNIT_IN_FOLDER(a_statement_without_a_result_is_no_query),
        UNIT_IN_FOLDER(more_rows_than_allowed_are_an_error),
        UNIT_IN_FOLDER(another_number_of_rows_is_a_conflict),
        UNIT_IN_FOLDER(a_transaction_must_end_where_it_begins),
        UNIT_IN_FOLDER(a_failed_write_lets_go_of_its_locks),
        UNIT_IN_FOLDER(a_change_whose_connection_broke_is_unknown),
        UNIT_IN_FOLDER(a_question_is_asked_again_where_the_old_connection_is_broken),
        UNIT_IN_FOLDER(unknown_servers_files_and_arguments_are_named),
        UNIT_IN_FOLDER(a_target_has_one_connection_on_each_thread),
        UNIT_IN_FOLDER(connections_of_ended_threads_are_closed_at_the_end),
        UNIT_IN_FOLDER(whatever_runs_can_be_cancelled_from_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
