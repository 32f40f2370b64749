#include "sql_fixture.h"

#include <pthread.h>
#include <time.h>

#include "fault_odbc.h"

/* Counts for hours. */
#define ENDLESS                                                                                    \
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
/* The driver takes texts that begin with WITH for no query. */
#define ENDLESS_QUERY "SELECT n FROM (" ENDLESS_INNER ")"
#define ENDLESS_INNER                                                                              \
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c"

static int64_t ms_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(void)
{
    return ms_of(CLOCK_MONOTONIC);
}

/* How long this thread has worked: what counts of a busy machine for a statement that counts. */
static int64_t worked_ms(void)
{
    return ms_of(CLOCK_THREAD_CPUTIME_ID);
}

/* Counted by the test's calls right before the driver is entered, so that the other thread waits
 * for the statement instead of sleeping. */
struct entry {
    atomic_int entered;
};

static SQLRETURN exec_noticed(void *self, SQLHSTMT stmt, const char *text, SQLINTEGER length)
{
    struct entry *entry = self;
    if (strstr(text, "RECURSIVE") != NULL || strncmp(text, "INSERT", 6) == 0)
        atomic_fetch_add(&entry->entered, 1);
    return bsc_sql_calls_real()->exec_direct(NULL, stmt, text, length);
}

struct canceller {
    struct entry entry;
    struct bsc_sql *sql;
    atomic_bool flag;
    bool by_flag;
};

static void *cancel_when_entered(void *arg)
{
    struct canceller *canceller = arg;
    while (atomic_load(&canceller->entry.entered) == 0)
        sched_yield();
    if (canceller->by_flag)
        atomic_store(&canceller->flag, true);
    else
        bsc_sql_cancel(canceller->sql);
    return NULL;
}

static void assert_cancelled(void **state, bool by_flag, const char *text)
{
    char *path = database_make(state, by_flag ? "a.db" : "b.db");
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct canceller canceller = {.by_flag = by_flag};
    struct bsc_sql_limits limits = {.cancel = &canceller.flag};
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    pthread_t thread;
    calls.self = &canceller.entry;
    calls.exec_direct = exec_noticed;
    canceller.sql = try_open(path, true, &calls, &err);
    assert_non_null(canceller.sql);
    int64_t start = worked_ms();
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_entered, &canceller), 0);
    assert_false(bsc_sql_run(canceller.sql, text, NULL, &limits, &result, &err));
    assert_true(worked_ms() - start < 1000);
    pthread_join(thread, NULL);
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_string_equal(err.cause, "it was cancelled");
    assert_int_equal(err.native, 9);
    assert_false(bsc_sql_reusable(canceller.sql));
    bsc_sql_close(canceller.sql);
    free(path);
}

static void another_thread_cancels_a_long_statement_within_a_second(void **state)
{
    assert_cancelled(state, false, ENDLESS_QUERY);
}

static void a_flag_cancels_a_long_statement_within_a_second(void **state)
{
    assert_cancelled(state, true, ENDLESS);
}

static void a_statement_ends_when_its_time_is_up(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    struct bsc_sql_limits limits = {.timeout_ms = 50};
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    int64_t start = now_ms(), worked = worked_ms();
    assert_false(bsc_sql_run(sql, ENDLESS_QUERY, NULL, &limits, &result, &err));
    assert_true(now_ms() - start >= 50);
    assert_true(worked_ms() - worked < 1000);
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_int_equal(err.retryable, BSC_RETRY_YES);
    assert_string_equal(err.cause, "it did not end within 50 ms");
    bsc_sql_close(sql);
    free(path);
}

/* And not only when that of a call without a limit is. */
static void waiting_for_a_lock_ends_when_its_time_is_up(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *holder = open_good(path, false);
    struct bsc_sql_limits limits = {.timeout_ms = 100};
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    run_plain(holder, "CREATE TABLE t (a)");
    struct bsc_sql *waiter = open_good(path, false);
    run_plain(holder, "BEGIN EXCLUSIVE");
    int64_t start = now_ms();
    assert_false(bsc_sql_run(waiter, "INSERT INTO t VALUES (1)", NULL, &limits, &result, &err));
    assert_true(now_ms() - start >= 100);
    assert_true(now_ms() - start < 20000);
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    run_plain(holder, "COMMIT");
    bsc_sql_close(waiter);
    bsc_sql_close(holder);
    free(path);
}

/* Lets go of the lock when the statement is tried for the second time. */
static void *commit_when_entered_again(void *arg)
{
    struct canceller *canceller = arg;
    while (atomic_load(&canceller->entry.entered) < 2)
        sched_yield();
    bsc_sql_adopt(canceller->sql);
    run_plain(canceller->sql, "COMMIT");
    return NULL;
}

static SQLRETURN execute_noticed(void *self, SQLHSTMT stmt)
{
    struct entry *entry = self;
    atomic_fetch_add(&entry->entered, 1);
    return bsc_sql_calls_real()->execute(NULL, stmt);
}

static void assert_waits(void **state, const char *text, const struct bsc_value *params)
{
    char *path = database_make(state, params == NULL ? "a.db" : "b.db");
    struct bsc_sql_calls calls = *bsc_sql_calls_real();
    struct canceller canceller = {.sql = open_good(path, false)};
    struct bsc_err err = BSC_ERR_INIT;
    pthread_t thread;
    calls.self = &canceller.entry;
    calls.exec_direct = exec_noticed;
    calls.execute = execute_noticed;
    run_plain(canceller.sql, "CREATE TABLE t (a)");
    struct bsc_sql *waiter = try_open(path, false, &calls, &err);
    assert_non_null(waiter);
    run_plain(canceller.sql, "BEGIN IMMEDIATE");
    assert_int_equal(pthread_create(&thread, NULL, commit_when_entered_again, &canceller), 0);
    struct bsc_sql_result result = run_good(waiter, text, params);
    assert_int_equal(result.affected, 1);
    bsc_sql_result_release(&result);
    pthread_join(thread, NULL);
    bsc_sql_adopt(canceller.sql);
    assert_int_equal(number_of(waiter, "SELECT count(*) FROM t WHERE a = 'a;b'"), 1);
    bsc_sql_close(waiter);
    bsc_sql_close(canceller.sql);
    free(path);
}

static void a_statement_waits_for_a_lock_that_goes_away(void **state)
{
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_text("a;b"));
    assert_waits(state, "INSERT INTO t VALUES ('a;b')", NULL);
    assert_waits(state, "INSERT INTO t VALUES (?)", params);
    bsc_value_free(params);
}

/* What was cancelled must not hit what comes next. */
static void a_cancel_without_a_statement_does_nothing(void **state)
{
    char *path = database_make(state, "a.db");
    struct bsc_sql *sql = open_good(path, true);
    bsc_sql_cancel(sql);
    for (int64_t i = 0; i < 200; i++)
        assert_int_equal(number_of(sql, "SELECT 6"), 6);
    bsc_sql_close(sql);
    free(path);
}

static void a_cancel_that_has_no_effect_is_repeated(void **state)
{
    char *path = database_make(state, "a.db");
    struct fault_odbc fault;
    struct bsc_sql_limits limits = {.timeout_ms = 10};
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    fault_odbc_init(&fault);
    fault.deaf_to = 2;
    struct bsc_sql *sql = try_open(path, true, &fault.calls, &err);
    assert_non_null(sql);
    assert_false(bsc_sql_run(sql, ENDLESS_QUERY, NULL, &limits, &result, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_true(atomic_load(&fault.cancels) > 2);
    bsc_sql_close(sql);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(another_thread_cancels_a_long_statement_within_a_second),
        UNIT_IN_FOLDER(a_flag_cancels_a_long_statement_within_a_second),
        UNIT_IN_FOLDER(a_statement_ends_when_its_time_is_up),
        UNIT_IN_FOLDER(waiting_for_a_lock_ends_when_its_time_is_up),
        UNIT_IN_FOLDER(a_statement_waits_for_a_lock_that_goes_away),
        UNIT_IN_FOLDER(a_cancel_without_a_statement_does_nothing),
        UNIT_IN_FOLDER(a_cancel_that_has_no_effect_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
