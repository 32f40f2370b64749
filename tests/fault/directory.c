#include "directory.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "fault.h"
#include "judge.h"
#include "os/files.h"

#define LEGACY "'pool01.litware.example'"
#define NEW    "'pool02.litware.example'"

/* A user has one home, but the table would hold none or two: a move that is wrong shall show. */
static const char schema[] =
    "CREATE TABLE homes (sip TEXT, pool TEXT, was TEXT, PRIMARY KEY (sip, pool));"
    "CREATE TABLE directories (id TEXT PRIMARY KEY, pool TEXT, was TEXT);"
    "CREATE TABLE numbers (uri TEXT PRIMARY KEY, pool TEXT, was TEXT);"
    "CREATE TABLE pools (name TEXT, state TEXT, version TEXT, replicated INT, store TEXT);"
    "CREATE TABLE services (pool TEXT, name TEXT, state TEXT, was TEXT);"
    "CREATE TABLE administration (pool TEXT, tool TEXT, state TEXT);"
    "CREATE TABLE talk (from_pool TEXT, to_pool TEXT, channel TEXT, delivered INT, failed INT);"
    "CREATE TABLE meetings (sip TEXT);"
    "CREATE TABLE clients (sip TEXT, version TEXT);"
    "CREATE TABLE backups (id INTEGER PRIMARY KEY, time TEXT);"
    "CREATE TABLE told (row TEXT, change TEXT);";

static const char rows[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 515)"
    " INSERT INTO homes SELECT 'sip:o''user ' || i || '\"', " LEGACY ", '' FROM n;"
    "INSERT INTO homes VALUES ('sip:ann@litware.example', " LEGACY ", ''),"
    " ('sip:bo@litware.example', " LEGACY ", ''), ('sip:cy@litware.example', " LEGACY ", ''),"
    " ('sip:test1@litware.example', " NEW ", ''), ('sip:test2@litware.example', " NEW ", '');"
    "INSERT INTO directories VALUES (1, " LEGACY ", ''), (2, " LEGACY ", '');"
    "INSERT INTO numbers VALUES ('+1', " LEGACY ", ''), ('+2', " LEGACY ", ''),"
    " ('+3', " LEGACY ", '');"
    "INSERT INTO pools VALUES (" LEGACY ", 'deployed', '2010', 1, 'sql1'),"
    " (" NEW ", 'deployed', '2013', 1, 'sql2');"
    "INSERT INTO services VALUES (" LEGACY ", 'front', 'running', ''),"
    " (" NEW ", 'front', 'stopped', ''), (" NEW ", 'media', 'stopped', '');"
    "INSERT INTO administration VALUES (" LEGACY ", 'panel', 'reachable'),"
    " (" NEW ", 'panel', 'reachable');"
    "INSERT INTO talk SELECT a.name, b.name, 'im', 9, 0 FROM pools a, pools b;"
    "INSERT INTO meetings VALUES ('sip:ann@litware.example');"
    "INSERT INTO clients VALUES ('sip:bo@litware.example', '2013');";

/* The course begins here. */
static const char beginning[] =
    "UPDATE homes SET was = pool; UPDATE directories SET was = pool;"
    "UPDATE numbers SET was = pool; UPDATE services SET was = state; DELETE FROM told;";

#define TELL(table, column, row, what)                                                             \
    "CREATE TRIGGER told_" table " AFTER UPDATE OF " column " ON " table " BEGIN"                  \
    " INSERT INTO told VALUES ('" row "', " what " || ' is ' || new." column "); END;"

static const char triggers[] = TELL("homes", "pool", "users.move", "new.sip")
    TELL("directories", "pool", "users.move", "'directory ' || new.id")
        TELL("numbers", "pool", "users.move", "new.uri")
            TELL("services", "state", "sql.execute", "new.pool || ' ' || new.name")
                TELL("pools", "state", "sql.execute", "new.name");

/* The site file that is shipped for trying this runbook on a model. */
static void copy_site(struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    char *path = bsc_mem_format("%s/site.yaml", bench->site);
    static const char from[] = FAULT_RUNBOOKS "/side_by_side/site.yaml";
    bsc_buf_init(&text);
    fault_need(bsc_files_read(bsc_sys_real(), from, (size_t)1 << 16, &text, &err), "read", from);
    fault_site_text(path, text.data, text.length);
    bsc_buf_release(&text);
    bsc_mem_free(path);
}

static void make(struct fault_bench *bench)
{
    fault_tree_remove(bench->site);
    fault_need(mkdir(bench->site, 0700) == 0, "make folder", bench->site);
    fault_site_folder(bench, "hq");
    copy_site(bench);
    fault_site_database(bench, FAULT_DIRECTORY, schema);
    fault_site_database(bench, FAULT_DIRECTORY, rows);
    fault_site_database(bench, FAULT_DIRECTORY, beginning);
    fault_site_database(bench, FAULT_DIRECTORY, triggers);
    fault_tree_load(&bench->before, bench->site);
}

void fault_directory_move_all(struct fault_bench *bench)
{
    static const char moved[] =
        "UPDATE homes SET pool = " NEW " WHERE sip NOT LIKE 'sip:test%';"
        "UPDATE directories SET pool = " NEW "; UPDATE numbers SET pool = " NEW ";"
        "UPDATE services SET state = 'running';";
    fault_site_database(bench, FAULT_DIRECTORY, moved);
    fault_site_database(bench, FAULT_DIRECTORY, beginning);
}

/* What the directory answers is to be this. */
static void check(struct fault_bench *bench, const struct fault_order *order, const char *verb,
                  const char *sql, const char *wanted)
{
    char *answer = fault_judge_ask(bench, FAULT_DIRECTORY, sql);
    if (answer == NULL || strcmp(answer, wanted) != 0)
        fault_complain(bench, order, verb, "the directory has: %s; not: %s",
                       answer != NULL ? answer : "nothing", wanted);
    bsc_mem_free(answer);
}

/* Everybody has one home at every moment, and nobody and nothing is changed twice. */
static void judge_between(struct fault_bench *bench, const struct fault_order *order)
{
    check(bench, order, "run",
          "SELECT count(*) || ' users in one pool each' FROM (SELECT sip FROM homes"
          " WHERE pool IN (" LEGACY ", " NEW ") GROUP BY sip HAVING count(*) = 1)",
          "520 users in one pool each");
    check(bench, order, "run",
          "SELECT 'twice: ' || coalesce(group_concat(change), 'nothing') FROM"
          " (SELECT change FROM told GROUP BY change HAVING count(*) > 1)",
          "twice: nothing");
}

static void judge_done(struct fault_bench *bench, const struct fault_order *order)
{
    judge_between(bench, order);
    check(bench, order, "run",
          "SELECT (SELECT count(*) FROM homes WHERE pool = name) || ' users and ' ||"
          " (SELECT count(*) FROM (SELECT pool FROM directories UNION ALL SELECT pool FROM numbers)"
          " AS others WHERE others.pool = name) || ' others in the legacy pool, which is ' || state"
          " FROM pools WHERE name = " LEGACY,
          bench->course->pool);
    if (bench->course->begin == NULL)
        check(bench, order, "run", "SELECT count(*) > 0 FROM backups", "1");
}

/* Everything is as it was, but for the backups. */
static void judge_back(struct fault_bench *bench, const struct fault_order *order)
{
    check(bench, order, "rollback",
          "SELECT 'not as before: ' || coalesce(group_concat(name, ', '), 'nothing') FROM ("
          "SELECT sip AS name FROM homes WHERE pool <> was UNION ALL "
          "SELECT id FROM directories WHERE pool <> was UNION ALL "
          "SELECT uri FROM numbers WHERE pool <> was UNION ALL "
          "SELECT name FROM services WHERE state <> was UNION ALL "
          "SELECT name FROM pools WHERE state <> 'deployed')",
          "not as before: nothing");
}

/* Of the moves each user is looked at. */
static int64_t shown(const struct fault_bench *bench, const char *row)
{
    if (strcmp(row, "sql.execute") != 0)
        return -1;
    char *told = fault_judge_ask(bench, FAULT_DIRECTORY,
                                 "SELECT count(*) FROM told WHERE row = 'sql.execute'");
    int64_t changes = 0;
    fault_need(told != NULL && bsc_num_parse(told, strlen(told), &changes), "count", row);
    bsc_mem_free(told);
    return changes;
}

const struct fault_scene fault_directory_scene = {.make = make,
                                                  .judge_between = judge_between,
                                                  .judge_done = judge_done,
                                                  .judge_back = judge_back,
                                                  .shown = shown};
