#include "users_fixture.h"

#include "../sql/fault_odbc.h"

static void users_open(struct users_bench *bench, void **state)
{
    char *path = unit_path(*state, "people.db");
    memset(bench, 0, sizeof *bench);
    unit_file_put(path, "", 0);
    free(path);
    bench_open(&bench->lib, state);
    bench->server = "'server':'sql1','file':'people.db'";
    users_run_sql(bench, "PRAGMA journal_mode = WAL");
    users_run_sql(bench, "CREATE TABLE homes (sip TEXT PRIMARY KEY, pool TEXT)");
    users_run_sql(bench, "CREATE TABLE moves (sip TEXT, pool TEXT)");
    users_run_sql(bench, "INSERT INTO homes VALUES ('a', 'old'), ('b', 'old'), ('c', 'old'), "
                         "('d', 'old'), ('been', 'new')");
}

/* Two statements for each, so that what is done within a transaction counts too. */
#define MOVES                                                                                      \
    USERS_LIST USERS_FIND "'move':['UPDATE homes SET pool = :to WHERE sip = :name AND pool = "     \
                          ":from','INSERT INTO moves VALUES (:name, :to)'],'batch':3,"

/* Of every user one move is on record for each time that the user was moved. */
static void assert_all_are(struct users_bench *bench, const char *pool, int64_t moves)
{
    assert_int_equal(users_in(bench, pool), strcmp(pool, "new") == 0 ? 5 : 4);
    assert_int_equal(users_number(bench, "SELECT count(*) AS n FROM moves"), moves);
}

static void call_and_forget(struct users_bench *bench, const char *args)
{
    struct bsc_value *answer = users_call(bench, "%s", args);
    bsc_value_free(answer);
}

/* The Nth call fails in the first attempt; with the SQLSTATE of a lost connection every other time.
 * `way` tells who is moved. Returns whether there was such a call. */
static bool fail_once(struct users_bench *bench, void **state, const char *way, int n)
{
    struct fault_odbc fault;
    fault_odbc_init(&fault);
    if (n % 2 == 0)
        memcpy(fault.sqlstate, "08S01", 6);
    users_run_begin(bench, state);
    users_run_sql(bench, "DELETE FROM moves");
    fault_odbc_arm(&fault, n, false);
    bench->lib.env.sql_calls = &fault.calls;
    call_and_forget(bench, way);
    bool hit = fault.hit;
    fault_odbc_arm(&fault, 0, false);
    bsc_lib_env_close_connections(&bench->lib.env);
    bench->lib.env.sql_calls = NULL;
    call_and_forget(bench, way);
    assert_all_are(bench, "new", 4);
    /* The journal knows of each of them, and of nobody else. */
    call_and_forget(bench, MOVES USERS_WAY_BACK ",'moved_by':{}");
    assert_all_are(bench, "old", 8);
    users_run_end(bench);
    return hit;
}

static void whichever_call_fails_everybody_is_moved_once_and_back(void **state)
{
    struct users_bench bench;
    int n = 1;
    users_open(&bench, state);
    while (fail_once(&bench, state, MOVES USERS_WAY, n))
        n += 3; /* which is odd, so that both kinds of failure take turns */
    assert_true(n > 50);
    bench_close(&bench.lib);
}

/* Who of those that are named is there already is not moved, whatever becomes of the others. */
static void whichever_call_fails_whoever_was_there_before_stays(void **state)
{
    struct users_bench bench;
    int n = 1;
    users_open(&bench, state);
    while (fail_once(&bench, state, MOVES USERS_WAY ",'names':['a','been','b','c','d']", n))
        n += 3;
    assert_true(n > 50);
    bench_close(&bench.lib);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(whichever_call_fails_everybody_is_moved_once_and_back),
        UNIT_IN_FOLDER(whichever_call_fails_whoever_was_there_before_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
