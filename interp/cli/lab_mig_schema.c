#include <string.h>

#include "base/mem.h"
#include "cli/lab_mig.h"

#define LEGACY "'" BSC_LAB_MIG_LEGACY "'"
#define NEW    "'" BSC_LAB_MIG_NEW "'"

/* A user has one home, but the tables would hold none or two: a move that is wrong shall show. */
static const char *const tables[] = {
    "CREATE TABLE pools (name text PRIMARY KEY, state text NOT NULL, version text NOT NULL,"
    " replicated bigint NOT NULL, store text NOT NULL)",
    "CREATE TABLE services (pool text NOT NULL, name text NOT NULL, state text NOT NULL,"
    " PRIMARY KEY (pool, name))",
    "CREATE TABLE administration (pool text PRIMARY KEY, tool text NOT NULL, state text NOT NULL)",
    "CREATE TABLE routes (from_pool text NOT NULL, to_pool text NOT NULL, state text NOT NULL,"
    " PRIMARY KEY (from_pool, to_pool))",
    "CREATE TABLE users (sip text PRIMARY KEY)",
    "CREATE TABLE homes (sip text NOT NULL, pool text NOT NULL, PRIMARY KEY (sip, pool))",
    "CREATE TABLE applications (kind text NOT NULL, name text NOT NULL, pool text NOT NULL,"
    " PRIMARY KEY (kind, name))",
    "CREATE TABLE meetings (organiser text PRIMARY KEY, subject text NOT NULL)",
    "CREATE TABLE clients (sip text PRIMARY KEY, version text NOT NULL)",
    "CREATE TABLE backups (made text NOT NULL, sip text NOT NULL, pool text NOT NULL)",
    "CREATE INDEX backups_made ON backups (made)",
    "CREATE TABLE departed (sip text PRIMARY KEY, pool text NOT NULL)",
    "CREATE TABLE locked (sip text PRIMARY KEY)",
    "CREATE TABLE reported (from_pool text NOT NULL, to_pool text NOT NULL, channel text NOT NULL,"
    " delivered bigint NOT NULL, failed bigint NOT NULL, seconds bigint NOT NULL,"
    " PRIMARY KEY (from_pool, to_pool, channel))",
    "CREATE VIEW talk AS SELECT from_pool, to_pool, channel, delivered, failed FROM reported"
    " WHERE delivered + failed > 0 AND seconds > $seconds - 10",
    NULL};

static const char *const rows[] = {
    "INSERT INTO pools VALUES (" LEGACY ", 'deployed', '2010', 1, 'sql01\\rtc'), (" NEW
    ", 'deployed', '2013', 1, 'sql02\\rtc')",
    "INSERT INTO services VALUES (" LEGACY ", 'conferencing', 'running'), (" LEGACY ", 'im',"
    " 'running'), (" LEGACY ", 'presence', 'running'), (" NEW ", 'conferencing', 'stopped'), (" NEW
    ", 'im', 'running'), (" NEW ", 'presence', 'running')",
    "INSERT INTO administration VALUES (" LEGACY ", '2010 control panel', 'reachable'), (" NEW
    ", '2013 control panel', 'reachable')",
    "INSERT INTO routes VALUES (" LEGACY ", " NEW ", 'up'), (" NEW ", " LEGACY ", 'up')",
    "INSERT INTO applications VALUES ('response_groups', 'Help desk', " LEGACY
    "), ('response_groups', 'Reception', " LEGACY "), ('response_groups', 'Spare parts', " LEGACY
    "), ('response_groups', 'Sales & service', " LEGACY
    "), ('dial_in_numbers', '+1 404 555 0100', " LEGACY
    "), ('dial_in_numbers', '+1 404 555 0101', " LEGACY "), ('dial_in_numbers', '+49 30 "
    "5550 100', " LEGACY "), ('dial_in_numbers', '+46 8 555 010 00', " LEGACY
    "), ('dial_in_numbers', '+33 1 55 50 10 00', " LEGACY "), ('dial_in_numbers', '+81 3 5550 "
    "1000', " LEGACY "), ('conference_directories', '1', " LEGACY "), ('conference_directories',"
    " '2', " LEGACY "), ('conference_directories', '3', " LEGACY ")",
    "INSERT INTO users VALUES ('sip:ann@litware.example'), ('sip:anna maria@litware.example'),"
    " ('sip:jürgen.müller@litware.example'), ('sip:o''brien@litware.example'),"
    " ('sip:\"bob\"@litware.example'), ('sip:søren@litware.example'),"
    " ('sip:robert''); DROP TABLE homes;--@litware.example'),"
    " ('sip::name ? :pool@litware.example'), ('sip:back\\slash%@litware.example'),"
    " ('sip:test1@litware.example'), ('sip:test2@litware.example'), ('sip:test3@litware.example'),"
    " ('sip:test4@litware.example')",
    NULL};

/* Those with a name of their own are in the rows above. */
enum { NAMED_USERS = 13 };

static const char everybody_else[] =
    "WITH RECURSIVE n(i) AS (SELECT CAST(? AS bigint) UNION ALL SELECT i + 1 FROM n"
    " WHERE i < CAST(? AS bigint))"
    " INSERT INTO users SELECT 'sip:' || CASE i % 40 WHEN 10 THEN 'o''hara.' WHEN 20 THEN"
    " 'anne marie.' WHEN 30 THEN 'jörg.möller.' WHEN 39 THEN '\"ace\".' ELSE 'user' END ||"
    " substr(CAST(10000000 + i AS text), 2) || '@litware.example' FROM n";

/* The test users of a pool that is being deployed are there from the first day on. */
static const char *const at_home[] = {
    "INSERT INTO homes SELECT sip, CASE WHEN sip LIKE 'sip:test_@%' THEN " NEW " ELSE " LEGACY
    " END FROM users ORDER BY sip",
    "CREATE INDEX homes_of_pool ON homes (pool, sip)",
    "INSERT INTO clients SELECT sip, '2013' FROM users WHERE sip NOT LIKE 'sip:test%' AND"
    " (sip LIKE 'sip:%a%@%' OR sip LIKE '%_3@litware.example')",
    "INSERT INTO meetings SELECT sip, 'Weekly' FROM users WHERE sip LIKE 'sip:o%' OR sip LIKE"
    " '%_7@litware.example'",
    NULL};

/* The clients write what became of each message; the rest is done here. A message that is missing
 * between two of a conversation is lost, and one that comes after a later one has been overtaken.
 */
static const char *const messages_schema[] = {
    "PRAGMA journal_mode=WAL",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, time TEXT NOT NULL, conversation INTEGER NOT"
    " NULL, number INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, channel TEXT"
    " NOT NULL, from_pool TEXT NOT NULL, to_pool TEXT NOT NULL, error TEXT)",
    "CREATE INDEX messages_of_conversation ON messages (conversation, number)",
    "CREATE TABLE totals (from_pool TEXT NOT NULL, to_pool TEXT NOT NULL, channel TEXT NOT NULL,"
    " error TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (from_pool, to_pool, channel,"
    " error))",
    "CREATE TABLE disorder (lost INTEGER NOT NULL, overtaken INTEGER NOT NULL)",
    "INSERT INTO disorder VALUES (0, 0)",
    "CREATE TRIGGER counted AFTER INSERT ON messages BEGIN"
    " INSERT INTO totals VALUES (new.from_pool, new.to_pool, new.channel, coalesce(new.error, ''),"
    " 1) ON CONFLICT DO UPDATE SET count = count + 1;"
    " UPDATE disorder SET lost = lost + max(0, new.number - p.number - 1), overtaken = overtaken +"
    " (new.number <= p.number) FROM (SELECT coalesce(max(number), 0) AS number FROM messages"
    " WHERE conversation = new.conversation AND id < new.id) AS p"
    " WHERE new.number <> p.number + 1;"
    " DELETE FROM messages WHERE id <= new.id - 500000;"
    " END",
    NULL};

static const char *const looks_schema[] = {
    "PRAGMA journal_mode=WAL",
    "CREATE TABLE looks (count INTEGER NOT NULL, blind INTEGER NOT NULL, last TEXT)",
    "INSERT INTO looks VALUES (0, 0, NULL)",
    "CREATE TABLE violations (sip TEXT NOT NULL, pools INTEGER NOT NULL, first TEXT NOT NULL"
    " DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), last TEXT NOT NULL"
    " DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), PRIMARY KEY (sip, pools))",
    NULL};

struct bsc_sql *bsc_lab_mig_open(const struct bsc_lab *lab, struct bsc_err *err)
{
    enum { PATIENCE_MS = 5000 };
    return lab->kind->directory->open(lab, PATIENCE_MS, err);
}

void bsc_lab_mig_fill(const struct bsc_lab *lab, const char *text, struct bsc_buf *out)
{
    const struct bsc_lab_directory *directory = lab->kind->directory;
    const char *const words[][2] = {{"$now", directory->now}, {"$seconds", directory->seconds}};
    while (*text != '\0') {
        size_t taken = 0;
        for (size_t i = 0; taken == 0 && i < sizeof words / sizeof words[0]; i++) {
            if (strncmp(text, words[i][0], strlen(words[i][0])) != 0)
                continue;
            taken = strlen(words[i][0]);
            bsc_buf_add_text(out, words[i][1]);
        }
        if (taken == 0)
            bsc_buf_add_char(out, *text);
        text += taken > 0 ? taken : 1;
    }
}

bool bsc_lab_mig_run(const struct bsc_lab *lab, struct bsc_sql *sql, const char *const *statements,
                     struct bsc_err *err)
{
    bool ok = true;
    for (; ok && *statements != NULL; statements++) {
        struct bsc_buf text;
        bsc_buf_init(&text);
        bsc_lab_mig_fill(lab, *statements, &text);
        const char *const one[] = {text.data, NULL};
        ok = bsc_lab_sql_run(sql, one, err);
        bsc_buf_release(&text);
    }
    return ok;
}

bool bsc_lab_mig_directory_fill(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_mig_open(lab, err);
    bool ok = sql != NULL && bsc_lab_mig_run(lab, sql, lab->kind->directory->settings, err) &&
              bsc_lab_mig_run(lab, sql, tables, err) && bsc_lab_mig_run(lab, sql, rows, err) &&
              bsc_lab_sql_range(sql, everybody_else, NAMED_USERS + 1, lab->users, err) &&
              bsc_lab_mig_run(lab, sql, at_home, err);
    bsc_sql_close(sql);
    return ok;
}

bool bsc_lab_mig_office_make(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_database_make(lab, BSC_LAB_MIG_MESSAGES, messages_schema, err) &&
           bsc_lab_database_make(lab, BSC_LAB_MIG_LOOKS, looks_schema, err);
}
