/*
 * How many users a second the row users.move moves, with what became of each on record, beside a
 * bare loop of the same statements; how much memory that takes; and how soon a migration of which
 * half is done goes on.
 *
 *     bench_migration FOLDER [USERS [CONNECTION]]
 *
 * In FOLDER, which must be there and is left with what was made in it, a directory of USERS
 * (200,000) is made on SQLite; the figures of memory and resuming are of five times as many. With
 * the CONNECTION of a PostgreSQL server, as a site file has it, a directory of a tenth is made in a
 * table `homes` there, which is replaced. Row and loop take turns; figures are medians of several
 * rounds.
 */
#include <sql.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#include "base/mem.h"
#include "base/num.h"
#include "journal/journal.h"
#include "lib/env.h"
#include "lib/row.h"
#include "os/crew.h"
#include "os/files.h"
#include "site/site.h"

enum { ROUNDS = 5, USERS = 200000, CONNECTIONS = 8, BATCH = 500 };

static const char move_text[] = "UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from";

struct bench {
    struct bsc_redactor *redactor;
    struct bsc_site *site;
    struct bsc_lib_env env;
    struct bsc_lib_target target;
    struct bsc_journal *journal;
    struct bsc_lib_log log;
    char *path; /* of the journal */
    int64_t users;
    double began_us;
    double first_us; /* when the first were moved */
    int64_t stop_at; /* how many to move before it is cancelled; 0: all */
    atomic_bool cancel;
};

static bool record(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload,
                   bool durable, struct bsc_err *err)
{
    struct bench *bench = arg;
    return bsc_journal_append(bench->journal, kind, payload, durable, err);
}

static void progress(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct bench *bench = arg;
    (void)total;
    (void)unit;
    if (bench->first_us == 0)
        bench->first_us = bench_now_us();
    if (bench->stop_at != 0 && done >= bench->stop_at)
        atomic_store(&bench->cancel, true);
}

static void bench_open(struct bench *bench, const char *folder, const char *connection,
                       const char *journal, int64_t users)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_site_errors errors;
    char *source = bsc_mem_format(
        "site: bench\ndata_centres: { dc1: { title: A } }\nservers:\n"
        "  lite: { data_centre: dc1, platform: sqlite, folder: ., connection: Driver=SQLite3 }\n"
        "  full: { data_centre: dc1, platform: postgresql, connection: \"%s\" }\n",
        connection != NULL ? connection : "Driver=PostgreSQL Unicode");
    memset(bench, 0, sizeof *bench);
    bsc_site_errors_init(&errors);
    bench->redactor = bsc_redactor_new();
    bench->site =
        bsc_site_parse(bsc_sys_real(), "site.yaml", folder, source, strlen(source), &errors);
    if (bench->site == NULL)
        bench_die(errors.items[0].message, NULL);
    bsc_site_errors_release(&errors);
    bsc_lib_env_init(&bench->env, bench->site, bench->redactor, NULL);
    bench->target = connection != NULL
                        ? (struct bsc_lib_target){.server = "full", .database = "postgres"}
                        : (struct bsc_lib_target){.server = "lite", .file = "people.db"};
    bench->users = users;
    bench->path = bsc_files_join(folder, journal);
    const struct bsc_journal_options options = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .path = bench->path};
    bench->journal = access(bench->path, F_OK) == 0 ? bsc_journal_open(&options, NULL, &err)
                                                    : bsc_journal_create(&options, &err);
    if (bench->journal == NULL)
        bench_die(bench->path, &err);
    bench->log = (struct bsc_lib_log){
        .record = record, .arg = bench, .path = bench->path, .item = 1, .action = 1};
    bsc_mem_free(source);
}

static void bench_close(struct bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_journal_close(bench->journal, &err))
        bench_die("journal", &err);
    bsc_lib_env_release(&bench->env);
    bsc_site_free(bench->site);
    bsc_redactor_free(bench->redactor);
    bsc_mem_free(bench->path);
}

static int64_t run_sql(struct bench *bench, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    if (!bsc_lib_env_run(&bench->env, &bench->target, text, NULL, NULL, &result, &err))
        bench_die(text, &err);
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
    int64_t number = bsc_value_number(bsc_value_at(bsc_value_at(rows, 0), 0), 0);
    bsc_sql_result_release(&result);
    bsc_lib_env_close_connections(&bench->env);
    return number;
}

/* Everybody in the old pool. */
static void fill(struct bench *bench)
{
    bool lite = bench->target.file != NULL;
    const char *way = lite ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                             "i < %lld) INSERT INTO homes SELECT "
                             "printf('sip:user%%08d@litware.example', i), 'old' FROM n"
                           : "INSERT INTO homes SELECT 'sip:user' || lpad(i::text, 8, '0') || "
                             "'@litware.example', 'old' FROM generate_series(1, %lld) AS i";
    char *text = bsc_mem_format(way, (long long)bench->users);
    run_sql(bench, "DROP TABLE IF EXISTS homes");
    run_sql(bench, "CREATE TABLE homes (sip varchar(100) PRIMARY KEY, pool varchar(100))");
    run_sql(bench, text);
    run_sql(bench, "CREATE INDEX homes_by_pool ON homes (pool, sip)");
    if (!lite)
        run_sql(bench, "VACUUM ANALYZE homes");
    bsc_mem_free(text);
}

static struct bsc_value *args_of(const struct bench *bench, const char *from, const char *to)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "server", bench->target.server);
    if (bench->target.file != NULL)
        bsc_value_set_text(args, "file", bench->target.file);
    else
        bsc_value_set_text(args, "database", bench->target.database);
    bsc_value_set_text(args, "list",
                       "SELECT sip FROM homes WHERE pool = :pool AND sip > :after ORDER BY sip "
                       "LIMIT :limit");
    bsc_value_set_text(args, "find", "SELECT pool FROM homes WHERE sip = :name");
    bsc_value_set_text(args, "move", move_text);
    bsc_value_set_text(args, "from", from);
    bsc_value_set_text(args, "to", to);
    bsc_value_set_int(args, "batch", BATCH);
    bsc_value_set_int(args, "parallel", CONNECTIONS);
    bsc_value_set_int(args, "total", bench->users);
    return args;
}

static void record_intent(struct bench *bench, const struct bsc_value *args)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *intent = bsc_value_map();
    static const char *const texts[] = {"resource", "statement"}, *const maps[] = {"becomes",
                                                                                   "before"};
    bsc_value_set_int(intent, "effect", ++bench->log.effect);
    bsc_value_set_int(intent, "item", 1);
    bsc_value_set_int(intent, "action", 1);
    for (size_t i = 0; i < 2; i++) {
        bsc_value_set_text(intent, texts[i], "homes:people.users");
        bsc_value_set(intent, maps[i], bsc_value_map());
    }
    bsc_value_set_text(intent, "row", "users.move");
    bsc_value_set(intent, "args", bsc_value_copy(args));
    if (!bsc_journal_append(bench->journal, BSC_JOURNAL_INTENT, intent, true, &err))
        bench_die("intent", &err);
    bsc_value_free(intent);
}

/* Carries the row out; returns how many were moved in a second. */
static double move_by_row(struct bench *bench, const char *from, const char *to)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *ret = NULL, *args = args_of(bench, from, to);
    atomic_store(&bench->cancel, false);
    bench->first_us = 0;
    record_intent(bench, args);
    struct bsc_lib_call call = {.env = &bench->env,
                                .args = args,
                                .cancel = &bench->cancel,
                                .progress = progress,
                                .progress_arg = bench,
                                .log = &bench->log};
    bench->began_us = bench_now_us();
    bool good = bsc_lib_find("users.move")->run(&call, &ret, &err);
    double took_us = bench_now_us() - bench->began_us;
    if (!good && bench->stop_at == 0)
        bench_die("users.move", &err);
    int64_t moved = bsc_value_get_number(ret, "moved", 0);
    if (good && bench->stop_at == 0 && moved == 0)
        bench_die("nobody was moved", NULL);
    bsc_value_free(ret);
    bsc_value_free(args);
    return (double)moved * 1e6 / took_us;
}

/* ---------------------------------------------------------------- the bare loop */

/* Nothing but the driver: what a program would do that has this one thing to do. */
struct loop {
    const struct bench *bench;
    const char *connection;
    const char *from;
    const char *to;
    int64_t connections;
    atomic_llong next; /* the next connection's number */
};

static void check(SQLRETURN rc, SQLSMALLINT type, SQLHANDLE handle, const char *what)
{
    SQLCHAR state[6] = "", text[512] = "";
    if (SQL_SUCCEEDED(rc))
        return;
    SQLGetDiagRec(type, handle, 1, state, NULL, text, sizeof text, NULL);
    fprintf(stderr, "%s: %s %s\n", what, (char *)state, (char *)text);
    exit(1);
}

static SQLCHAR *words(const char *text)
{
    return (SQLCHAR *)(uintptr_t)text;
}

static void bare_bind(SQLHSTMT stmt, SQLUSMALLINT place, const char *text, SQLLEN *length)
{
    *length = (SQLLEN)strlen(text);
    check(SQLBindParameter(stmt, place, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 100, 0,
                           words(text), *length, length),
          SQL_HANDLE_STMT, stmt, "bind");
}

static void bare_move(const struct loop *loop, SQLHSTMT stmt, int64_t number)
{
    char name[64];
    SQLLEN lengths[3], changed = 0;
    snprintf(name, sizeof name, "sip:user%08lld@litware.example", (long long)number);
    bare_bind(stmt, 1, loop->to, &lengths[0]);
    bare_bind(stmt, 2, name, &lengths[1]);
    bare_bind(stmt, 3, loop->from, &lengths[2]);
    check(SQLExecute(stmt), SQL_HANDLE_STMT, stmt, name);
    check(SQLRowCount(stmt, &changed), SQL_HANDLE_STMT, stmt, name);
    if (changed != 1)
        bench_die(name, NULL);
}

static void bare_text(SQLHDBC dbc, const char *text)
{
    SQLHSTMT stmt = SQL_NULL_HSTMT;
    check(SQLAllocHandle(SQL_HANDLE_STMT, dbc, &stmt), SQL_HANDLE_DBC, dbc, text);
    check(SQLExecDirect(stmt, words(text), SQL_NTS), SQL_HANDLE_STMT, stmt, text);
    SQLFreeHandle(SQL_HANDLE_STMT, stmt);
}

/* Every so manyth user over this connection; on SQLite all of them, in transactions. */
static void bare_users(struct loop *loop, SQLHDBC dbc)
{
    SQLHSTMT stmt = SQL_NULL_HSTMT;
    bool lite = loop->bench->target.file != NULL;
    int64_t count = 0, users = loop->bench->users, step = loop->connections;
    check(SQLAllocHandle(SQL_HANDLE_STMT, dbc, &stmt), SQL_HANDLE_DBC, dbc, "statement");
    check(SQLPrepare(stmt, words("UPDATE homes SET pool = ? WHERE sip = ? AND pool = ?"), SQL_NTS),
          SQL_HANDLE_STMT, stmt, "prepare");
    for (int64_t i = atomic_fetch_add(&loop->next, 1); i <= users; i += step) {
        if (lite && count % BATCH == 0)
            bare_text(dbc, "BEGIN IMMEDIATE");
        bare_move(loop, stmt, i);
        count++;
        if (lite && (count % BATCH == 0 || i + step > users))
            bare_text(dbc, "COMMIT");
    }
    SQLFreeHandle(SQL_HANDLE_STMT, stmt);
}

static void bare_work(void *arg)
{
    struct loop *loop = arg;
    SQLHENV env = SQL_NULL_HENV;
    SQLHDBC dbc = SQL_NULL_HDBC;
    SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &env);
    SQLSetEnvAttr(env, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)(uintptr_t)SQL_OV_ODBC3, 0);
    check(SQLAllocHandle(SQL_HANDLE_DBC, env, &dbc), SQL_HANDLE_ENV, env, "connection");
    check(SQLDriverConnect(dbc, NULL, words(loop->connection), SQL_NTS, NULL, 0, NULL,
                           SQL_DRIVER_NOPROMPT),
          SQL_HANDLE_DBC, dbc, "connect");
    bare_users(loop, dbc);
    SQLDisconnect(dbc);
    SQLFreeHandle(SQL_HANDLE_DBC, dbc);
    SQLFreeHandle(SQL_HANDLE_ENV, env);
}

static double move_by_loop(struct bench *bench, const char *folder, const char *connection,
                           const char *from, const char *to)
{
    struct bsc_err err = BSC_ERR_INIT;
    bool lite = connection == NULL;
    char *string =
        lite ? bsc_mem_format("Driver=SQLite3;Database=%s/people.db;SyncPragma=FULL", folder)
             : bsc_mem_format("%s;Database=postgres", connection);
    struct loop loop = {.bench = bench,
                        .connection = string,
                        .from = from,
                        .to = to,
                        .connections = lite ? 1 : CONNECTIONS,
                        .next = 1};
    double began_us = bench_now_us();
    bsc_crew_join(bsc_crew_start((size_t)loop.connections, bare_work, &loop, &err));
    bsc_mem_free(string);
    return (double)bench->users * 1e6 / (bench_now_us() - began_us);
}

/* ---------------------------------------------------------------- figures */

/* Row and loop take turns, and so does the way that the users go. */
static void side_by_side(const char *folder, const char *connection, const char *title,
                         int64_t users)
{
    struct bench bench;
    double rows[ROUNDS], loops[ROUNDS], ratios[ROUNDS];
    bench_open(&bench, folder, connection, connection != NULL ? "full.jsonl" : "lite.jsonl", users);
    fill(&bench);
    for (int i = 0; i < ROUNDS; i++) {
        bool row_first = i % 2 == 0;
        if (connection != NULL)
            run_sql(&bench, "VACUUM homes");
        if (row_first)
            rows[i] = move_by_row(&bench, "old", "new");
        loops[i] = move_by_loop(&bench, folder, connection, row_first ? "new" : "old",
                                row_first ? "old" : "new");
        if (!row_first)
            rows[i] = move_by_row(&bench, "new", "old");
        ratios[i] = rows[i] / loops[i];
    }
    printf("%-12s %8lld users: row %7.0f/s, bare loop %7.0f/s, ratio %.2f\n", title,
           (long long)users, bench_median(rows, ROUNDS), bench_median(loops, ROUNDS),
           bench_median(ratios, ROUNDS));
    fflush(stdout);
    bench_close(&bench);
}

/* In a process of its own, so that its memory is all that is counted. */
static double in_child(void (*work)(const char *folder, int64_t users), const char *folder,
                       int64_t users)
{
    struct rusage used;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        work(folder, users);
        exit(0);
    }
    if (wait4(pid, &status, 0, &used) != pid || status != 0)
        bench_die("a child failed", NULL);
    return (double)used.ru_maxrss / 1024;
}

static void fill_many(const char *folder, int64_t users)
{
    struct bench bench;
    bench_open(&bench, folder, NULL, "none.jsonl", users);
    fill(&bench);
    bench_close(&bench);
}

static void move_half(const char *folder, int64_t users)
{
    struct bench bench;
    bench_open(&bench, folder, NULL, "many.jsonl", users);
    bench.stop_at = users / 2;
    move_by_row(&bench, "old", "new");
    bench_close(&bench);
}

static void move_rest(const char *folder, int64_t users)
{
    struct bench bench;
    bench_open(&bench, folder, NULL, "many.jsonl", users);
    bench.log.effect = 1;
    move_by_row(&bench, "old", "new");
    printf("resume of %lld users of which half are moved: first new move after %.0f ms\n",
           (long long)users, (bench.first_us - bench.began_us) / 1000);
    fflush(stdout);
    bench_close(&bench);
}

int main(int argc, char **argv)
{
    int64_t users = USERS;
    if (argc < 2 || argc > 4 || (argc > 2 && !bsc_num_parse(argv[2], strlen(argv[2]), &users)))
        bench_die("usage: bench_migration FOLDER [USERS [CONNECTION]]", NULL);
    char *path = bsc_files_join(argv[1], "people.db");
    struct bsc_err err = BSC_ERR_INIT;
    if (access(path, F_OK) != 0 && !bsc_files_write(bsc_sys_real(), path, "", 0, 0600, &err))
        bench_die(path, &err);
    bsc_mem_free(path);
    bsc_mem_share_between_threads();
    side_by_side(argv[1], NULL, "SQLite", users);
    if (argc > 3)
        side_by_side(argv[1], argv[3], "PostgreSQL", users / 10);
    in_child(fill_many, argv[1], users * 5);
    double half = in_child(move_half, argv[1], users * 5);
    double rest = in_child(move_rest, argv[1], users * 5);
    printf("memory at %lld users: %.0f MiB at the most, %.0f MiB after a resume\n",
           (long long)users * 5, half, rest);
    return 0;
}
