#include "build.h"
#include "dials.h"
#include "hold.h"
#include "put.h"

#define FILE_NAME "dc2/app/directory.db"

#define MEMBERS(table)                                                                             \
    "list: \"SELECT n FROM " table " WHERE pool = :pool AND n > :after ORDER BY n LIMIT :limit\"," \
    " count: \"SELECT pool, count(*) FROM " table " GROUP BY pool\","                              \
    " twice: \"SELECT n FROM " table " GROUP BY n HAVING count(*) > 1\","                          \
    " find: \"SELECT pool FROM " table " WHERE n = :name\","                                       \
    " move: \"UPDATE " table " SET pool = :to WHERE n = :name AND pool = :from\""

static const char site_text[] =
    "directories:\n"
    "  people:\n"
    "    { driver: sql, server: app, file: directory.db, legacy: pool1, new: pool2,\n"
    "      users: { " MEMBERS(
        "users") " },\n"
                 "      pilot: [ ann, \"o'brien\" ],\n"
                 "      applications: { groups: { " MEMBERS("groups") " }, numbers: { " MEMBERS(
                     "numbers") " } },\n"
                                "      deployment: \"SELECT state, version, replicated, store FROM "
                                "pools WHERE n = :pool\",\n"
                                "      services: { list: \"SELECT n, state FROM services WHERE "
                                "pool = :pool ORDER BY n\",\n"
                                "        start: \"UPDATE services SET state = 'running' WHERE n = "
                                ":name AND pool = :pool\",\n"
                                "        stop: \"UPDATE services SET state = 'stopped' WHERE n = "
                                ":name AND pool = :pool\" },\n"
                                "      talk: \"SELECT * FROM talk\",\n"
                                "      caveats: { meetings: \"SELECT n FROM meetings\", clients: "
                                "\"SELECT n FROM users\" },\n"
                                "      backup: { state: \"SELECT max(id) FROM backups\",\n"
                                "        make: \"INSERT INTO backups DEFAULT VALUES\" },\n"
                                "      retire: \"UPDATE pools SET state = 'retired' WHERE n = "
                                ":pool\" }\n";

static const char schema[] =
    "CREATE TABLE users (n TEXT, pool TEXT); CREATE TABLE groups (n TEXT, pool TEXT);"
    "CREATE TABLE numbers (n TEXT, pool TEXT); CREATE TABLE meetings (n TEXT);"
    "CREATE TABLE pools (n TEXT, state TEXT, version TEXT, replicated INT, store TEXT);"
    "CREATE TABLE services (pool TEXT, n TEXT, state TEXT);"
    "CREATE TABLE talk (a TEXT, b TEXT, channel TEXT, delivered INT, failed INT);"
    "CREATE TABLE backups (id INTEGER PRIMARY KEY);"
    "INSERT INTO users VALUES ('ann', 'pool1'), ('o''brien', 'pool1'), ('J\xc3\xbcrgen M', "
    "'pool1'),"
    " ('bo', 'pool2'), ('far', 'pool9'), (' blank ', 'pool1');"
    "INSERT INTO groups VALUES ('one', 'pool1'), ('two', 'pool1'), ('three', 'pool2');"
    "INSERT INTO numbers VALUES ('+1', 'pool1');"
    "INSERT INTO meetings VALUES ('ann');"
    "INSERT INTO pools VALUES ('pool1', 'deployed', '1', 1, 's1'), ('pool2', 'deployed', '2', 1,"
    " 's2');"
    "INSERT INTO services VALUES ('pool1', 'front', 'running'), ('pool2', 'front', 'running'),"
    " ('pool2', 'media', 'running');"
    "INSERT INTO talk VALUES ('pool1', 'pool2', 'im', 3, 0), ('pool2', 'pool1', 'im', 3, 0),"
    " ('pool1', 'pool1', 'im', 3, 0), ('pool2', 'pool2', 'im', 3, 0)";

struct setting {
    const char *dial;
    const char *word;
    const char *sql;
};

static const struct setting settings[] = {
    {"homes", "moved", "UPDATE users SET pool = 'pool2' WHERE pool = 'pool1'"},
    {"homes", "all-moved",
     "UPDATE users SET pool = 'pool2'; UPDATE groups SET pool = 'pool2';"
     "UPDATE numbers SET pool = 'pool2'"},
    {"homes", "pilot-moved", "UPDATE users SET pool = 'pool2' WHERE n IN ('ann', 'o''brien')"},
    {"homes", "nobody", "DELETE FROM users; DELETE FROM groups; DELETE FROM numbers"},
    {"homes", "twice", "INSERT INTO users VALUES ('ann', 'pool2')"},
    {"homes", "no-pool", "UPDATE users SET pool = NULL WHERE n = 'bo'"},
    {"homes", "no-table", "DROP TABLE users"},
    {"homes", "refusing",
     "CREATE TRIGGER no BEFORE UPDATE ON users BEGIN SELECT raise(ABORT, 'not now'); END"},
    {"homes", "one-refusing",
     "CREATE TRIGGER no BEFORE UPDATE ON users WHEN OLD.n = 'ann' BEGIN"
     " SELECT raise(ABORT, 'not now'); END"},
    {"homes", "ignoring",
     "CREATE TRIGGER no BEFORE UPDATE ON users BEGIN SELECT raise(IGNORE); END"},
    {"pools", "no-new", "DELETE FROM pools WHERE n = 'pool2'"},
    {"pools", "new-retired", "UPDATE pools SET state = 'retired' WHERE n = 'pool2'"},
    {"pools", "legacy-retired", "UPDATE pools SET state = 'retired' WHERE n = 'pool1'"},
    {"pools", "not-replicated", "UPDATE pools SET replicated = 0"},
    {"pools", "odd-state", "UPDATE pools SET state = 'sideways'"},
    {"pools", "no-table", "DROP TABLE pools"},
    {"pools", "refusing",
     "CREATE TRIGGER nop BEFORE UPDATE ON pools BEGIN SELECT raise(ABORT, 'not now'); END"},
    {"services", "stopped", "UPDATE services SET state = 'stopped'"},
    {"services", "half", "UPDATE services SET state = 'stopped' WHERE n = 'media'"},
    {"services", "none", "DELETE FROM services"},
    {"services", "no-table", "DROP TABLE services"},
    {"services", "refusing",
     "UPDATE services SET state = 'stopped'; CREATE TRIGGER nos BEFORE UPDATE ON services BEGIN"
     " SELECT raise(ABORT, 'not now'); END"},
    {"backups", "some", "INSERT INTO backups VALUES (7)"},
    {"backups", "no-table", "DROP TABLE backups"},
    {"meetings", "none", "DELETE FROM meetings"},
    {"meetings", "no-table", "DROP TABLE meetings"},
};

const char *conform_directory_site(const struct conform_scene *scene)
{
    return conform_word(scene, "homes")[0] != '\0' ? site_text : "";
}

void conform_build_directory(const struct conform_scene *scene)
{
    if (conform_word(scene, "homes")[0] == '\0')
        return;
    conform_sql(scene, FILE_NAME, schema);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (conform_is(scene, settings[i].dial, settings[i].word))
            conform_sql(scene, FILE_NAME, settings[i].sql);
    }
    if (conform_is(scene, "homes", "no-file"))
        conform_remove(scene, FILE_NAME);
    else if (conform_is(scene, "homes", "locked"))
        conform_hold(scene, FILE_NAME, "BEGIN EXCLUSIVE");
}
