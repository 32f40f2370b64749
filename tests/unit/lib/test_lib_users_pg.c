#include "users_fixture.h"

#include <pthread.h>

#include "../logs/pg_cluster.h"

/* One server for all of these tests. */
struct server {
    struct pg_cluster cluster;
    char *connection; /* owned */
};

static void users_open(struct users_bench *bench, void **state, const struct server *server)
{
    char *source = bsc_mem_format("site: bench\n"
                                  "data_centres: { dc1: { title: A } }\n"
                                  "servers:\n"
                                  "  db: { data_centre: dc1, platform: postgresql, "
                                  "connection: \"%s\" }\n",
                                  server->connection);
    memset(bench, 0, sizeof *bench);
    bench_open_site(&bench->lib, state, source);
    bench->server = "'server':'db','database':'postgres'";
    bench->host = server;
    users_run_sql(bench, "DROP TABLE IF EXISTS homes, moves");
    users_run_sql(bench, "CREATE TABLE homes (sip text, pool text, PRIMARY KEY (sip, pool))");
    users_run_begin(bench, state);
    bsc_mem_free(source);
}

static void users_close(struct users_bench *bench)
{
    users_run_end(bench);
    bench_close(&bench->lib);
}

static void users_fill(struct users_bench *bench, int count)
{
    char *sql = bsc_mem_format("INSERT INTO homes SELECT 'u' || lpad(i::text, 4, '0'), 'old' "
                               "FROM generate_series(1, %d) AS i",
                               count);
    users_run_sql(bench, sql);
    bsc_mem_free(sql);
}

/* A client of its own, which holds what it has locked until it is closed. */
struct client {
    struct bsc_lib_env env;
    struct bsc_sql *sql;
};

static void client_run(struct client *client, const char *text)
{
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_sql_run(client->sql, text, NULL, NULL, &result, &err))
        fail_msg("%s: %s: %s", text, err.message, err.cause);
    bsc_sql_result_release(&result);
}

static void client_open(struct client *client, const struct users_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_lib_target target = {.server = "db", .database = "postgres"};
    bsc_lib_env_init(&client->env, bench->lib.site, bench->lib.redactor, NULL);
    client->sql = bsc_lib_env_connect(&client->env, &target, NULL, &err);
    assert_non_null(client->sql);
}

static void client_close(struct client *client)
{
    bsc_lib_env_release(&client->env);
}

static void all_are_moved_over_several_connections(struct users_bench *bench)
{
    users_fill(bench, 1234);
    assert_answer(&bench->lib, users_call(bench, USERS_ALL ",'batch':100"),
                  "{'already':0,'batches':13,'failed':0,'gone':0,'moved':1234}");
    assert_int_equal(users_in(bench, "new"), 1234);
    assert_answer(&bench->lib, users_call(bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':13,'failed':0,'gone':0,'moved':1234}");
    assert_int_equal(users_in(bench, "old"), 1234);
}

static void a_name_may_hold_anything(struct users_bench *bench)
{
    users_run_sql(bench,
                  "INSERT INTO homes VALUES ('o''neill \"x\"', 'old'), ('  blanks ', 'old'), "
                  "('a;b--c/*', 'old'), (E'back\\\\slash%_?', 'old'), (E'\xC3\xA9\\n', "
                  "'old'), (':name', 'old'), ('bob', 'new'), ('eve', 'far')");
    assert_answer(&bench->lib, users_call(bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':6}");
    assert_refusal(&bench->lib, users_call(bench, USERS_ALL ",'names':['bob','cid','eve']"),
                   BSC_ERR_SQL, "1 user could not be moved, the first is \"eve\"");
    assert_story(bench, "end 1.1 moved 6\nend 2.1 moved 0 bob=already cid=gone eve=failed\n"
                        "part 1.1 has 6\npart 2.1 has 3\n");
}

static void one_who_is_locked_fails_and_is_tried_again(struct users_bench *bench)
{
    struct client other;
    users_fill(bench, 50);
    client_open(&other, bench);
    client_run(&other, "BEGIN");
    client_run(&other, "SELECT sip FROM homes WHERE sip = 'u0007' FOR UPDATE");
    assert_refusal(&bench->lib, users_call(bench, USERS_ALL ",'batch':20,'patience_ms':500"),
                   BSC_ERR_SQL, "1 user could not be moved, the first is \"u0007\"");
    client_close(&other);
    assert_int_equal(users_in(bench, "new"), 49);
    assert_answer(&bench->lib, users_call(bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':1}");
}

static void several_statements_are_one_transaction(struct users_bench *bench)
{
    static const char moves[] = USERS_LIST USERS_FIND USERS_WAY
        ",'move':['UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from',"
        "'INSERT INTO moves VALUES (:name, :to)']";
    users_fill(bench, 20);
    users_run_sql(bench, "CREATE TABLE moves (sip text CHECK (sip <> 'u0002'), pool text)");
    assert_refusal(&bench->lib, users_call(bench, "%s", moves), BSC_ERR_SQL, "\"u0002\"");
    assert_int_equal(users_in(bench, "new"), 19);
    assert_int_equal(users_number(bench, "SELECT count(*)::int FROM moves"), 19);
    assert_answer(&bench->lib, users_call(bench, "%s,'names':['u0001','nobody']", moves),
                  "{'already':1,'batches':1,'failed':0,'gone':1,'moved':0}");
    assert_int_equal(users_number(bench, "SELECT count(*)::int FROM moves"), 19);
}

static void a_statement_may_give_back_what_it_did(struct users_bench *bench)
{
    users_fill(bench, 5);
    assert_answer(&bench->lib,
                  users_call(bench, USERS_LIST USERS_FIND USERS_WAY
                             ",'move':'UPDATE homes SET pool = :to::text WHERE sip = :name AND "
                             "pool = :from RETURNING sip'"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':5}");
}

/* Of a procedure no row is counted, of a function those that it gives. */
static void what_a_function_moves_is_counted_or_looked_for(struct users_bench *bench)
{
    static const char by[] = USERS_LIST USERS_FIND "'move':'%s(:name, :from, :to)',%s";
    users_fill(bench, 3);
    users_run_sql(bench, "CREATE FUNCTION shift(text, text, text) RETURNS SETOF text LANGUAGE sql "
                         "AS 'UPDATE homes SET pool = $3 WHERE sip = $1 AND pool = $2 "
                         "RETURNING sip'");
    users_run_sql(bench, "CREATE PROCEDURE carry(text, text, text) LANGUAGE sql "
                         "AS 'UPDATE homes SET pool = $3 WHERE sip = $1 AND pool = $2'");
    assert_answer(&bench->lib, users_call(bench, by, "SELECT * FROM shift", USERS_WAY),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':3}");
    assert_answer(&bench->lib, users_call(bench, by, "CALL carry", USERS_WAY_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':3}");
    assert_int_equal(users_in(bench, "old"), 3);
    users_run_sql(bench, "DROP FUNCTION shift");
    users_run_sql(bench, "DROP PROCEDURE carry");
}

static void cut_connections_once(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct users_bench *bench = arg;
    (void)total;
    (void)unit;
    if (done < 100 || bench->progress == NULL)
        return;
    bench->progress = NULL;
    struct client other;
    client_open(&other, bench);
    client_run(&other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                       "pg_backend_pid() AND backend_type = 'client backend'");
    client_close(&other);
}

static void start_server_anew(void *arg, int64_t done, int64_t total, const char *unit)
{
    struct users_bench *bench = arg;
    (void)total;
    (void)unit;
    if (done < 100 || bench->progress == NULL)
        return;
    bench->progress = NULL;
    const struct server *server = bench->host;
    pg_shell("%s/pg_ctl -D %s/data -m fast -w restart >%s/started", server->cluster.programs,
             server->cluster.folder, server->cluster.folder);
}

/* Whoever was being moved is looked up over a new connection, and is moved over it where he was not
 * yet: nobody has failed, and nobody is tried more than once. */
static void assert_all_are_moved_in_spite(struct users_bench *bench,
                                          void (*what)(void *arg, int64_t done, int64_t total,
                                                       const char *unit))
{
    users_fill(bench, 800);
    bench->progress = what;
    assert_answer(&bench->lib,
                  users_call(bench, USERS_ALL ",'batch':50,'total':800,'stop_after':1"),
                  "{'already':0,'batches':16,'failed':0,'gone':0,'moved':800}");
    assert_null(bench->progress);
    assert_int_equal(users_in(bench, "new"), 800);
    assert_answer(&bench->lib, users_call(bench, USERS_BACK ",'moved_by':{}"),
                  "{'already':0,'batches':16,'failed':0,'gone':0,'moved':800}");
}

static void lost_connections_are_made_anew(struct users_bench *bench)
{
    assert_all_are_moved_in_spite(bench, cut_connections_once);
}

static void a_server_may_be_started_anew(struct users_bench *bench)
{
    assert_all_are_moved_in_spite(bench, start_server_anew);
}

/* Stops everything as soon as somebody waits for a lock. */
static void *stop_when_it_waits(void *arg)
{
    struct users_bench *bench = arg;
    struct client other;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    int64_t waiting = 0;
    client_open(&other, bench);
    while (waiting == 0 && bsc_sql_run(other.sql,
                                       "SELECT count(*)::int FROM pg_locks WHERE NOT "
                                       "granted",
                                       NULL, NULL, &result, &err)) {
        const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
        waiting = bsc_value_number(bsc_value_at(bsc_value_at(rows, 0), 0), 0);
        bsc_sql_result_release(&result);
        bsc_clock_pause(5, NULL);
    }
    atomic_store(&bench->lib.cancel, true);
    client_close(&other);
    return NULL;
}

static void whoever_stops_it_waits_for_no_lock(struct users_bench *bench)
{
    struct client other;
    pthread_t thread;
    users_fill(bench, 30);
    client_open(&other, bench);
    client_run(&other, "BEGIN");
    client_run(&other, "SELECT sip FROM homes WHERE sip = 'u0003' FOR UPDATE");
    assert_int_equal(pthread_create(&thread, NULL, stop_when_it_waits, bench), 0);
    assert_refusal(&bench->lib, users_call(bench, USERS_ALL ",'parallel':1,'patience_ms':600000"),
                   BSC_ERR_CANCELLED, "when 2 had been moved");
    pthread_join(thread, NULL);
    client_close(&other);
    atomic_store(&bench->lib.cancel, false);
    assert_story(bench, "end 1.1 moved 2 left 28\npart 1.1 has 30\n");
    assert_answer(&bench->lib, users_call(bench, USERS_ALL),
                  "{'already':0,'batches':1,'failed':0,'gone':0,'moved':28}");
}

/* Of a process that was killed while it waited for a lock: its session, which goes on. All log in
 * and out on one thread, since the driver manager minds no others. */
struct left_behind {
    struct users_bench *bench;
    struct client holder;  /* has the lock until somebody waits for the session */
    struct client session; /* waits for the lock */
    struct client other;   /* looks on */
};

static int64_t ask_number(struct bsc_sql *sql, const char *text)
{
    struct bsc_sql_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_sql_run(sql, text, NULL, NULL, &result, &err));
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
    int64_t number = bsc_value_number(bsc_value_at(bsc_value_at(rows, 0), 0), -1);
    bsc_sql_result_release(&result);
    return number;
}

static void *move_behind_the_lock(void *arg)
{
    struct left_behind *left = arg;
    char *name = bsc_mem_format("SET application_name = 'bascule %s'", left->bench->folder.id);
    bsc_sql_adopt(left->session.sql);
    client_run(&left->session, name);
    client_run(&left->session,
               "UPDATE homes SET pool = 'new' WHERE sip = 'u0003' AND pool = 'old'");
    bsc_mem_free(name);
    return NULL;
}

/* The lock is given up when somebody looks whether the session is at work, or after a while. */
static void *give_up_the_lock(void *arg)
{
    struct left_behind *left = arg;
    bsc_sql_adopt(left->other.sql);
    for (int i = 0;
         i < 1000 && ask_number(left->other.sql, "SELECT count(*)::int FROM pg_stat_activity "
                                                 "WHERE query LIKE 'SELECT coalesce(%'") == 0;
         i++)
        bsc_clock_pause(5, NULL);
    bsc_sql_adopt(left->holder.sql);
    client_run(&left->holder, "COMMIT");
    return NULL;
}

static void whoever_a_killed_process_still_moves_is_waited_for(struct users_bench *bench)
{
    struct left_behind left = {.bench = bench};
    pthread_t mover, giver;
    users_fill(bench, 5);
    bench->no_ends = true;
    assert_null(users_call(bench, USERS_ALL));
    bench->no_ends = false;
    users_run_sql(bench, "UPDATE homes SET pool = 'old' WHERE sip = 'u0003'");
    client_open(&left.holder, bench);
    client_open(&left.session, bench);
    client_open(&left.other, bench);
    client_run(&left.holder, "BEGIN");
    client_run(&left.holder, "SELECT sip FROM homes WHERE sip = 'u0003' FOR UPDATE");
    assert_int_equal(pthread_create(&mover, NULL, move_behind_the_lock, &left), 0);
    while (ask_number(left.other.sql, "SELECT count(*)::int FROM pg_locks WHERE NOT granted") == 0)
        bsc_clock_pause(5, NULL);
    assert_int_equal(pthread_create(&giver, NULL, give_up_the_lock, &left), 0);
    struct bsc_value *answer = users_call(bench, USERS_BACK ",'moved_by':{}");
    pthread_join(mover, NULL);
    pthread_join(giver, NULL);
    client_close(&left.holder);
    client_close(&left.session);
    client_close(&left.other);
    assert_answer(&bench->lib, answer, "{'already':0,'batches':1,'failed':0,'gone':0,'moved':5}");
    assert_int_equal(users_in(bench, "old"), 5);
}

static void server_start(struct server *server)
{
    pg_cluster_make(&server->cluster);
    pg_shell("%s/pg_ctl -D %s/data -l %s/log -w -o \"-c listen_addresses='' -c max_connections=30 "
             "-c unix_socket_directories='%s'\" start >%s/started",
             server->cluster.programs, server->cluster.folder, server->cluster.folder,
             server->cluster.folder, server->cluster.folder);
    server->connection = bsc_mem_format(
        "Driver=PostgreSQL Unicode;Server=%s;Port=5432;UID=postgres", server->cluster.folder);
}

static void server_stop(struct server *server)
{
    pg_shell("%s/pg_ctl -D %s/data -m immediate -w stop >/dev/null", server->cluster.programs,
             server->cluster.folder);
    bsc_mem_free(server->connection);
    pg_cluster_remove(&server->cluster);
}

/* One server for all of it, since starting one takes longer than the rest. */
static void users_of_a_server_are_moved(void **state)
{
    static const struct {
        const char *name;
        void (*run)(struct users_bench *bench);
    } parts[] = {
        {"all_are_moved_over_several_connections", all_are_moved_over_several_connections},
        {"a_name_may_hold_anything", a_name_may_hold_anything},
        {"one_who_is_locked_fails", one_who_is_locked_fails_and_is_tried_again},
        {"several_statements_are_one_transaction", several_statements_are_one_transaction},
        {"a_statement_may_give_back_what_it_did", a_statement_may_give_back_what_it_did},
        {"what_a_function_moves_is_counted_or_looked_for",
         what_a_function_moves_is_counted_or_looked_for},
        {"lost_connections_are_made_anew", lost_connections_are_made_anew},
        {"a_server_may_be_started_anew", a_server_may_be_started_anew},
        {"whoever_stops_it_waits_for_no_lock", whoever_stops_it_waits_for_no_lock},
        {"whoever_a_killed_process_still_moves_is_waited_for",
         whoever_a_killed_process_still_moves_is_waited_for},
    };
    struct server server;
    server_start(&server);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct users_bench bench;
        print_message("[   PART   ] %s\n", parts[i].name);
        users_open(&bench, state, &server);
        parts[i].run(&bench);
        users_close(&bench);
    }
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(users_of_a_server_are_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
