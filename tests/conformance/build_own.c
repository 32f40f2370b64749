#include <string.h>

#include "base/mem.h"
#include "build.h"
#include "dials.h"
#include "hold.h"
#include "put.h"

#define POOL "dc2/app/pool.db"
#define NOTE "dc2/app/note.db"

static const char pool_schema[] =
    "CREATE TABLE pool (name TEXT PRIMARY KEY, state TEXT NOT NULL, active_servers TEXT NOT NULL,"
    " version INTEGER NOT NULL)";

struct setting {
    const char *word;
    const char *sql;
};

static const struct setting pool_settings[] = {
    {"failed-over", "UPDATE pool SET state = 'FailedOver'"},
    {"no-row", "DELETE FROM pool"},
    {"odd-state", "UPDATE pool SET state = 'Sideways'"},
    {"refusing",
     "CREATE TRIGGER no BEFORE UPDATE ON pool BEGIN SELECT raise(ABORT, 'not now'); END"},
    {"ignoring", "CREATE TRIGGER no BEFORE UPDATE ON pool BEGIN SELECT raise(IGNORE); END"},
    {"near", "UPDATE pool SET active_servers = 'chat5,chat7'"},
    {"nobody", "UPDATE pool SET active_servers = ''"},
    {"both", "UPDATE pool SET active_servers = 'chat1,chat5'"},
    {"late", "UPDATE pool SET version = 41"}};

static const struct setting note_settings[] = {
    {"one", "INSERT INTO note VALUES (1, 'first')"},
    {"taken", "INSERT INTO note VALUES (7, 'it''s here')"},
    {"no-table", "DROP TABLE note"},
    {"refusing",
     "CREATE TRIGGER no BEFORE INSERT ON note BEGIN SELECT raise(ABORT, 'not now'); END"},
    {"ignoring", "CREATE TRIGGER no BEFORE INSERT ON note BEGIN SELECT raise(IGNORE); END"}};

static void set(const struct conform_scene *scene, const char *dial, const char *file,
                const struct setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (conform_is(scene, dial, settings[i].word))
            conform_sql(scene, file, settings[i].sql);
    }
}

static void set_pool(const struct conform_scene *scene, const char *dial)
{
    set(scene, dial, POOL, pool_settings, sizeof pool_settings / sizeof pool_settings[0]);
}

/* Not there, or in the hands of somebody who does not let go. */
static void withhold(const struct conform_scene *scene, const char *dial, const char *file)
{
    if (conform_is(scene, dial, "no-file"))
        conform_remove(scene, file);
    else if (conform_is(scene, dial, "locked"))
        conform_hold(scene, file, "BEGIN EXCLUSIVE");
}

void conform_build_pool(const struct conform_scene *scene)
{
    conform_sql(scene, POOL, pool_schema);
    conform_sql(scene, POOL, "INSERT INTO pool VALUES ('chat', 'Normal', 'chat1', 1)");
    set_pool(scene, "active");
    set_pool(scene, "version");
    set_pool(scene, "pool");
    withhold(scene, "pool", POOL);
}

static void build_ledger(const struct conform_scene *scene)
{
    conform_sql(scene, "dc2/app/ledger.db",
                "CREATE TABLE acknowledged (id INTEGER PRIMARY KEY);"
                "INSERT INTO acknowledged WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                " SELECT i+1 FROM n WHERE i < 90) SELECT i FROM n");
    if (conform_is(scene, "ledger", "missing"))
        conform_remove(scene, "dc2/app/ledger.db");
    conform_sql(scene, "dc2/app/mgccomp.db",
                "CREATE TABLE waiting (id INTEGER PRIMARY KEY); INSERT INTO waiting VALUES (1)");
}

static void build_files(const struct conform_scene *scene)
{
    const char *from = conform_word(scene, "from"), *to = conform_word(scene, "to");
    conform_make_folder(scene, "own");
    if (strcmp(from, "missing") != 0)
        conform_put_text(scene, "own/from", strcmp(from, "empty") == 0 ? "" : "what is copied");
    if (strcmp(to, "same") == 0 || strcmp(to, "other") == 0)
        conform_put_text(scene, "own/to", strcmp(to, "same") == 0 ? "what is copied" : "another");
    if (conform_is(scene, "marker", "present"))
        conform_put_text(scene, "own/marker", "");
}

void conform_build_own(const struct conform_scene *scene)
{
    conform_sql(scene, NOTE, "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)");
    set(scene, "note", NOTE, note_settings, sizeof note_settings / sizeof note_settings[0]);
    withhold(scene, "note", NOTE);
    build_ledger(scene);
    build_files(scene);
}
