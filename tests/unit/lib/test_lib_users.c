#include "users_fixture.h"

static void users_open(struct users_bench *bench, void **state)
{
    char *path = unit_path(*state, "people.db");
    memset(bench, 0, sizeof *bench);
    unit_file_put(path, "", 0);
    free(path);
    bench_open(&bench->lib, state);
    bench->server = "'server':'sql1','file':'people.db'";
    users_run_sql(bench, "CREATE TABLE homes (sip TEXT, pool TEXT, PRIMARY KEY (sip, pool))");
    users_run_begin(bench, state);
}

static void users_close(struct users_bench *bench)
{
    users_run_end(bench);
    bench_close(&bench->lib);
}

/* u001, u002… in the old pool. */
static void users_fill(struct users_bench *bench, int count)
{
    char *sql = bsc_mem_format("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                               "WHERE i < %d) INSERT INTO homes "
                               "SELECT printf('u%%03d', i), 'old' FROM n",
                               count);
    users_run_sql(bench, sql);
    bsc_mem_free(sql);
}

/* Whoever moves that user is refused. */
static void users_lock(struct users_bench *bench, const char *name)
{
    char *sql = bsc_mem_format("CREATE TRIGGER locked_%s BEFORE UPDATE ON homes WHEN OLD.sip = "
                               "'%s' BEGIN SELECT RAISE(ABORT, 'the user is locked'); END",
                               name, name);
    users_run_sql(bench, sql);
    bsc_mem_free(sql);
}

static void all_are_moved_in_batches(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 25);
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':10"),
                  "{'already':0,'batches':3,'failed':0,'gone':0,'moved':25}");
    assert_int_equal(users_in(&bench, "new"), 25);
    assert_story(&bench, "end 1.1 moved 10\nend 1.2 moved 10\nend 1.3 moved 5\n"
                         "part 1.1 has 10\npart 1.2 has 10\npart 1.3 has 5\n");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':10"),
                  "{'already':0,'batches':0,'failed':0,'gone':0,'moved':0}");
    users_close(&bench);
}

static void whoever_joins_meanwhile_is_moved_too(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 4);
    users_run_sql(&bench, "CREATE TRIGGER joins AFTER UPDATE ON homes WHEN OLD.sip = 'u003' "
                          "BEGIN INSERT INTO homes VALUES ('ann', 'old'); END");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':3"),
                  "{'already':0,'batches':3,'failed':0,'gone':0,'moved':5}");
    assert_int_equal(users_in(&bench, "old"), 0);
    assert_story(&bench, "end 1.1 moved 3\nend 1.2 moved 1\nend 1.3 moved 1\n"
                         "part 1.1 has 3\npart 1.2 has 1\npart 1.3 has 1\n");
    users_close(&bench);
}

static void a_name_may_hold_anything(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('o''neill \"x\"', 'old'), ('  two  blanks ', "
                          "'old'), ('a;b--c/*', 'old'), ('back\\slash%_?', 'old'), ('\xC3\xA9\n', "
                          "'old'), (':name', 'old')");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':6}");
    assert_int_equal(users_in(&bench, "new"), 6);
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':6}");
    assert_int_equal(users_in(&bench, "old"), 6);
    users_close(&bench);
}

/* Nobody could be moved back by a journal that does not show the name. */
static void a_name_with_a_secret_is_not_moved(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 3);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('ann-hunter2', 'old')");
    bsc_redactor_add(bench.lib.redactor, "hunter2", 7);
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL), BSC_ERR_REFUSED,
                   "when 0 had been moved");
    assert_string_equal(bench.lib.err.cause,
                        "the name \"ann-[secret]\" holds the value of a secret");
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL ",'directory':'hunter2'"),
                   BSC_ERR_REFUSED, "directory \"[secret]\" holds the value of a secret");
    assert_int_equal(users_in(&bench, "old"), 4);
    assert_story(&bench, "");
    users_close(&bench);
}

static void whoever_is_listed_twice_is_in_a_part_once(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 3);
    assert_answer(&bench.lib,
                  users_call(&bench,
                             "'list':'SELECT sip FROM homes, (SELECT 1 AS n UNION ALL SELECT "
                             "2) WHERE pool = :pool AND sip > :after ORDER BY n, sip LIMIT "
                             ":limit'," USERS_FIND USERS_MOVE USERS_WAY),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':3}");
    assert_story(&bench, "end 1.1 moved 3\npart 1.1 has 3\n");
    users_close(&bench);
}

static void whoever_is_not_where_he_was_is_looked_up(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('ann', 'old'), ('bob', 'new'), ('eve', 'far'),"
                          " ('sam', 'old'), ('sam', 'new')");
    assert_refusal(&bench.lib,
                   users_call(&bench, USERS_ALL ",'names':['ann','bob','cid','eve','ann','sam']"),
                   BSC_ERR_SQL, "2 users could not be moved, the first is \"eve\": it is in pool");
    assert_story(&bench, "end 1.1 moved 1 bob=already cid=gone eve=failed sam=failed\n"
                         "part 1.1 has 5\n");
    users_close(&bench);
}

static void one_that_fails_keeps_nobody_else(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 6);
    users_lock(&bench, "u003");
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL ",'batch':4"), BSC_ERR_SQL,
                   "1 user could not be moved, the first is \"u003\"");
    assert_non_null(strstr(bench.lib.err.message, "the user is locked"));
    assert_int_equal(users_in(&bench, "new"), 5);
    users_run_sql(&bench, "DROP TRIGGER locked_u003");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':4"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':1}");
    assert_int_equal(users_in(&bench, "new"), 6);
    users_close(&bench);
}

static void after_some_failures_nothing_new_is_begun(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 9);
    users_lock(&bench, "u002");
    users_lock(&bench, "u004");
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL ",'batch':6,'stop_after':2"),
                   BSC_ERR_SQL, "2 users could not be moved");
    assert_non_null(strstr(bench.lib.err.hint, "Nothing more was begun"));
    assert_int_equal(users_in(&bench, "new"), 2);
    /* What was on record behind it was left as a whole. */
    assert_int_equal(users_number(&bench, "SELECT count(*) FROM homes WHERE pool = 'new' AND sip > "
                                          "'u004'"),
                     0);
    users_close(&bench);
}

static void several_statements_are_one_transaction(void **state)
{
    static const char moves[] = USERS_LIST USERS_FIND USERS_WAY
        ",'move':['UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from',"
        "'INSERT INTO moves VALUES (:name, :to)']";
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 4);
    users_run_sql(&bench, "CREATE TABLE moves (sip TEXT CHECK (sip <> 'u002'), pool TEXT)");
    assert_refusal(&bench.lib, users_call(&bench, "%s", moves), BSC_ERR_SQL, "\"u002\"");
    assert_int_equal(users_in(&bench, "new"), 3);
    assert_int_equal(users_number(&bench, "SELECT count(*) FROM moves"), 3);
    /* Whom the first does not meet, the others do not touch. */
    assert_answer(&bench.lib, users_call(&bench, "%s,'names':['u001','nobody']", moves),
                  "{'already':1,'batches':1,'failed':0,'gone':1,'moved':0}");
    assert_int_equal(users_number(&bench, "SELECT count(*) FROM moves"), 3);
    users_close(&bench);
}

/* SQLite counts no row of what a trigger does in the place of a statement. */
static void what_no_row_is_counted_of_is_looked_for(void **state)
{
    static const char moves[] =
        USERS_LIST USERS_FIND "'move':['UPDATE people SET pool = :to WHERE sip = :name AND pool = "
                              ":from','INSERT INTO moves VALUES (:name, :to)'],";
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 4);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('been', 'new'), ('stuck', 'old')");
    users_run_sql(&bench, "CREATE TABLE moves (sip TEXT, pool TEXT)");
    users_run_sql(&bench, "CREATE VIEW people AS SELECT sip, pool FROM homes");
    users_run_sql(&bench, "CREATE TRIGGER shift INSTEAD OF UPDATE ON people WHEN OLD.sip <> "
                          "'stuck' BEGIN UPDATE homes SET pool = NEW.pool WHERE sip = OLD.sip; "
                          "END");
    assert_answer(
        &bench.lib,
        users_call(&bench, "%s" USERS_WAY ",'names':['u001','been','u002','nobody']", moves),
        "{'already':1,'batches':1,'failed':0,'gone':1,'moved':2}");
    assert_refusal(&bench.lib, users_call(&bench, "%s" USERS_WAY, moves), BSC_ERR_SQL,
                   "the first is \"stuck\": nothing was changed");
    assert_story(&bench, "end 1.1 moved 2 been=already nobody=gone\n"
                         "end 2.1 moved 2 stuck=failed\npart 1.1 has 4\npart 2.1 has 3\n");
    assert_int_equal(users_number(&bench, "SELECT count(*) FROM moves"), 4);
    assert_answer(&bench.lib, users_call(&bench, "%s" USERS_WAY_BACK ",'moved_by':{}", moves),
                  "{'already':0,'batches':2,'failed':0,'gone':0,'moved':4}");
    assert_int_equal(users_in(&bench, "new"), 1);
    users_close(&bench);
}

static void a_part_that_was_in_flight_is_settled(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 7);
    users_lock(&bench, "u002");
    bench.no_ends = true;
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL), BSC_ERR_IO, "cannot be written");
    assert_story(&bench, "part 1.1 has 7\n");
    bench.no_ends = false;
    users_run_sql(&bench, "DROP TRIGGER locked_u002");
    users_run_sql(&bench, "UPDATE homes SET pool = 'old' WHERE sip = 'u006'");
    users_run_sql(&bench, "DELETE FROM homes WHERE sip = 'u007'");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':2}");
    assert_story(&bench, "end 1.1 moved 4 u002=left u006=left u007=gone settled\n"
                         "end 2.1 moved 2\npart 1.1 has 7\npart 2.1 has 2\n");
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':2,'failed':0,'gone':0,'moved':6}");
    assert_int_equal(users_in(&bench, "old"), 6);
    users_close(&bench);
}

/* Who of those that were named was there before the part began was not moved by it. */
static void whoever_was_there_before_is_not_settled_as_moved(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 2);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('been', 'new')");
    bench.no_ends = true;
    assert_null(users_call(&bench, USERS_ALL ",'names':['u001','been','u002']"));
    char *first = bsc_mem_text(bench.folder.id);
    bench.no_ends = false;
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':2}");
    assert_story(&bench, "end 1.1 moved 2 been=already settled\nend 2.1 moved 2\n"
                         "part 1.1 has 3\npart 2.1 has 2\n");
    bench.no_ends = true;
    assert_null(users_call(&bench, USERS_ALL ",'names':['u001','been','u002']"));
    users_run_end(&bench);
    users_run_begin(&bench, state);
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'}", first),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':2}");
    assert_int_equal(users_in(&bench, "new"), 1);
    bsc_mem_free(first);
    users_close(&bench);
}

/* The rollback settles what it finds as well. */
static void a_way_back_begins_with_what_was_in_flight(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 5);
    users_lock(&bench, "u002");
    bench.no_ends = true;
    assert_null(users_call(&bench, USERS_ALL));
    bench.no_ends = false;
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':4}");
    assert_story(&bench, "end 1.1 moved 4 u002=left settled\nend 2.1 moved 4\n"
                         "part 1.1 has 5\npart 2.1 has 4\n");
    users_close(&bench);
}

static void the_way_back_is_of_whom_that_action_moved(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 8);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('been', 'new')");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'names':['u001','u002','been']"),
                  "{'already':1,'batches':1,'failed':0,'gone':0,'moved':2}");
    bench.log.item = 2;
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':4"),
                  "{'already':0,'batches':2,'failed':0,'gone':0,'moved':6}");
    users_run_sql(&bench, "DELETE FROM homes WHERE sip = 'u005'");
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'item':2,'action':1}"),
                  "{'already':0,'batches':2,'failed':0,'gone':1,'moved':5}");
    assert_int_equal(users_in(&bench, "new"), 3);
    /* Once more: what was taken back whole is not looked at again. */
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'item':2,'action':1}"),
                  "{'already':0,'batches':0,'failed':0,'gone':0,'moved':0}");
    bench.log.item = 1;
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':2}");
    assert_int_equal(users_number(&bench, "SELECT count(*) FROM homes WHERE sip = 'been' AND pool "
                                          "= 'new'"),
                     1);
    users_close(&bench);
}

static void a_way_back_that_was_cut_off_goes_on(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 12);
    bsc_value_free(users_call(&bench, USERS_ALL ",'batch':4"));
    users_lock(&bench, "u006");
    assert_refusal(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'item':1}"), BSC_ERR_SQL,
                   "u006");
    users_run_sql(&bench, "DROP TRIGGER locked_u006");
    /* Of the part of the one that failed all are tried again. */
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'item':1}"),
                  "{'already':3,'batches':1,'failed':0,'gone':0,'moved':1}");
    assert_int_equal(users_in(&bench, "old"), 12);
    users_close(&bench);
}

static void another_run_takes_back_what_a_run_moved(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 9);
    users_run_sql(&bench, "INSERT INTO homes VALUES ('been', 'new')");
    bench.no_ends = true;
    assert_null(users_call(&bench, USERS_ALL ",'batch':3"));
    char *first = bsc_mem_text(bench.folder.id);
    int64_t moved = users_in(&bench, "new") - 1;
    assert_true(moved >= 3);
    users_run_end(&bench);
    users_run_begin(&bench, state);
    struct bsc_value *answer = users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'}", first);
    assert_non_null(answer);
    assert_int_equal(bsc_value_get_number(answer, "moved", 0), moved);
    bsc_value_free(answer);
    assert_int_equal(users_in(&bench, "old"), 9);
    assert_int_equal(users_in(&bench, "new"), 1);
    assert_refusal(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'run':'20200101-x'}"),
                   BSC_ERR_NOT_FOUND, "20200101-x");
    assert_refusal(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'run':'last'}"),
                   BSC_ERR_USAGE, "run 'last' is this very run");
    bsc_mem_free(first);
    users_close(&bench);
}

/* The word for one of them is for people: that of `policy` and `policies` is the same. */
static void kinds_of_one_noun_are_taken_back_apart(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 4);
    bsc_value_free(users_call(&bench, USERS_ALL ",'noun':'policy','kind':'policies'"));
    users_run_sql(&bench, "INSERT INTO homes VALUES ('late', 'new')");
    assert_answer(&bench.lib,
                  users_call(&bench, USERS_BACK ",'moved_by':{},'noun':'policy','kind':'policy'"),
                  "{'already':0,'batches':0,'failed':0,'gone':0,'moved':0}");
    assert_answer(&bench.lib,
                  users_call(&bench, USERS_BACK ",'moved_by':{},'noun':'policy','kind':'policies'"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':4}");
    users_close(&bench);
}

/* What it has done so far is in its own journal, not in that of the other run. */
static void another_run_that_was_cut_off_goes_on(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 6);
    bsc_value_free(users_call(&bench, USERS_ALL ",'batch':2"));
    char *first = bsc_mem_text(bench.folder.id);
    users_run_end(&bench);
    users_run_begin(&bench, state);
    bench.no_ends = true;
    assert_null(users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'},'batch':2", first));
    bench.no_ends = false;
    users_run_sql(&bench, "UPDATE homes SET pool = 'old'");
    bsc_value_free(users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'}", first));
    /* Every part of it has an end, and what was back needs no second look. */
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'}", first),
                  "{'already':0,'batches':0,'failed':0,'gone':0,'moved':0}");
    bsc_mem_free(first);
    users_close(&bench);
}

static void what_a_run_took_back_itself_is_not_taken_back_again(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 4);
    bsc_value_free(users_call(&bench, USERS_ALL ",'batch':2"));
    bsc_value_free(users_call(&bench, USERS_BACK ",'moved_by':{}"));
    assert_int_equal(users_in(&bench, "old"), 4);
    char *first = bsc_mem_text(bench.folder.id);
    users_run_end(&bench);
    /* Another one has moved them since. */
    users_run_sql(&bench, "UPDATE homes SET pool = 'new'");
    users_run_begin(&bench, state);
    assert_answer(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'run':'%s'}", first),
                  "{'already':0,'batches':0,'failed':0,'gone':0,'moved':0}");
    assert_int_equal(users_in(&bench, "new"), 4);
    bsc_mem_free(first);
    users_close(&bench);
}

static void keep_unit(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct users_bench *bench = arg;
    snprintf(bench->unit, sizeof bench->unit, "%lld of %lld %s", (long long)done, (long long)total,
             unit);
}

static void progress_counts_each_outcome(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 5);
    users_lock(&bench, "u002");
    bench.progress = keep_unit;
    assert_null(users_call(&bench, USERS_ALL ",'total':9"));
    assert_string_equal(bench.unit, "5 of 9 users (1 failed)");
    assert_null(users_call(&bench, USERS_ALL ",'names':['u001','u002','nobody'],'noun':'group'"));
    assert_string_equal(bench.unit, "3 of 3 groups (1 failed, 1 gone, 1 there already)");
    users_close(&bench);
}

static void stop_at_once(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct users_bench *bench = arg;
    (void)done;
    (void)total;
    (void)unit;
    atomic_store(&bench->lib.cancel, true);
}

static void whoever_stops_it_leaves_nothing_open(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 30);
    bench.progress = stop_at_once;
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL ",'batch':10,'total':30"),
                   BSC_ERR_CANCELLED, "when 10 had been moved");
    assert_int_equal(users_in(&bench, "new"), 10);
    bench.progress = NULL;
    atomic_store(&bench.lib.cancel, false);
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL ",'batch':10"),
                  "{'already':0,'batches':2,'failed':0,'gone':0,'moved':20}");
    users_close(&bench);
}

static void no_more_are_moved_than_the_rate_allows(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 31);
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t began_us = clock->mono_us(clock->self);
    bsc_value_free(users_call(&bench, USERS_ALL ",'rate':200"));
    /* The last 10 begin when the first 21 have had their time. */
    assert_true(clock->mono_us(clock->self) - began_us >= 100000);
    assert_int_equal(users_in(&bench, "new"), 31);
    users_close(&bench);
}

static void a_locked_database_is_not_waited_for_for_ever(void **state)
{
    struct users_bench bench, other;
    users_open(&bench, state);
    users_fill(&bench, 3);
    memset(&other, 0, sizeof other);
    bench_open(&other.lib, state);
    struct bsc_lib_target target = {.server = "sql1", .file = "people.db"};
    struct bsc_sql *sql = bsc_lib_env_connect(&other.lib.env, &target, NULL, &other.lib.err);
    assert_true(bsc_sql_begin(sql, NULL, &other.lib.err));
    assert_refusal(&bench.lib, users_call(&bench, USERS_ALL ",'patience_ms':20"), BSC_ERR_TIMEOUT,
                   "when 0 had been moved");
    bench_close(&other.lib);
    assert_story(&bench, "end 1.1 moved 0 left 3\npart 1.1 has 3\n");
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':3}");
    users_close(&bench);
}

static void a_list_that_goes_round_in_circles_is_told(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 3);
    assert_refusal(&bench.lib,
                   users_call(&bench, "'list':'SELECT sip FROM homes WHERE sip > ^a^ OR sip > "
                                      ":after LIMIT :limit'," USERS_FIND USERS_MOVE USERS_WAY),
                   BSC_ERR_INVALID, "gives \"u003\" again behind itself");
    users_close(&bench);
}

static void wrong_arguments_are_told(void **state)
{
    static const struct {
        const char *args, *part;
        enum bsc_err_code code;
    } rows[] = {
        {USERS_FIND USERS_MOVE USERS_WAY, "\"list\" is missing", BSC_ERR_USAGE},
        {USERS_LIST USERS_MOVE USERS_WAY, "\"find\" is missing", BSC_ERR_USAGE},
        {USERS_LIST USERS_FIND USERS_WAY, "\"move\" must have 1 to 16", BSC_ERR_USAGE},
        {USERS_LIST USERS_FIND USERS_WAY ",'move':'UPDATE x SET y = :to'", "does not use :name",
         BSC_ERR_USAGE},
        {USERS_LIST USERS_FIND USERS_WAY ",'move':'UPDATE x SET y = :too'", "placeholder \":too\"",
         BSC_ERR_INVALID},
        {USERS_LIST USERS_FIND USERS_MOVE "'from':'a','to':'a'", "the same pool", BSC_ERR_USAGE},
        {USERS_ALL ",'batch':0", "\"batch\" must be between 1 and 100000", BSC_ERR_USAGE},
        {USERS_ALL ",'parallel':65", "\"parallel\" must be between 1 and 64", BSC_ERR_USAGE},
        {USERS_ALL ",'stop_after':0", "\"stop_after\" must be", BSC_ERR_USAGE},
        {USERS_ALL ",'bacth':1", "bacth", BSC_ERR_USAGE},
        {USERS_ALL ",'names':['']", "a name that is empty", BSC_ERR_INVALID},
    };
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refusal(&bench.lib, users_call(&bench, "%s", rows[i].args), rows[i].code,
                       rows[i].part);
    assert_int_equal(users_in(&bench, "old"), 1);
    users_close(&bench);
}

static void it_works_without_a_journal(void **state)
{
    struct users_bench bench;
    users_open(&bench, state);
    users_fill(&bench, 3);
    users_run_end(&bench);
    assert_answer(&bench.lib, users_call(&bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':3}");
    assert_refusal(&bench.lib, users_call(&bench, USERS_BACK ",'moved_by':{'item':1}"),
                   BSC_ERR_USAGE, "\"moved_by\" needs a run");
    users_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(all_are_moved_in_batches),
        UNIT_IN_FOLDER(whoever_joins_meanwhile_is_moved_too),
        UNIT_IN_FOLDER(a_name_may_hold_anything),
        UNIT_IN_FOLDER(a_name_with_a_secret_is_not_moved),
        UNIT_IN_FOLDER(whoever_is_listed_twice_is_in_a_part_once),
        UNIT_IN_FOLDER(whoever_is_not_where_he_was_is_looked_up),
        UNIT_IN_FOLDER(one_that_fails_keeps_nobody_else),
        UNIT_IN_FOLDER(after_some_failures_nothing_new_is_begun),
        UNIT_IN_FOLDER(several_statements_are_one_transaction),
        UNIT_IN_FOLDER(what_no_row_is_counted_of_is_looked_for),
        UNIT_IN_FOLDER(a_part_that_was_in_flight_is_settled),
        UNIT_IN_FOLDER(whoever_was_there_before_is_not_settled_as_moved),
        UNIT_IN_FOLDER(a_way_back_begins_with_what_was_in_flight),
        UNIT_IN_FOLDER(the_way_back_is_of_whom_that_action_moved),
        UNIT_IN_FOLDER(a_way_back_that_was_cut_off_goes_on),
        UNIT_IN_FOLDER(another_run_takes_back_what_a_run_moved),
        UNIT_IN_FOLDER(kinds_of_one_noun_are_taken_back_apart),
        UNIT_IN_FOLDER(another_run_that_was_cut_off_goes_on),
        UNIT_IN_FOLDER(what_a_run_took_back_itself_is_not_taken_back_again),
        UNIT_IN_FOLDER(progress_counts_each_outcome),
        UNIT_IN_FOLDER(whoever_stops_it_leaves_nothing_open),
        UNIT_IN_FOLDER(no_more_are_moved_than_the_rate_allows),
        UNIT_IN_FOLDER(a_locked_database_is_not_waited_for_for_ever),
        UNIT_IN_FOLDER(a_list_that_goes_round_in_circles_is_told),
        UNIT_IN_FOLDER(wrong_arguments_are_told),
        UNIT_IN_FOLDER(it_works_without_a_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
