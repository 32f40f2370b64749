#include "live_table.h"
#include "run_fixture.h"

#include "run/moves.h"
#include "run/report.h"

static void take_in(struct bsc_value *moves, bool ends, const char *payload)
{
    struct bsc_value *value = from_json("%s", payload);
    if (ends)
        bsc_run_moves_end(moves, value);
    else
        bsc_run_moves_part(moves, value);
    bsc_value_free(value);
}

static void assert_said(const struct bsc_value *moves, const char *expected)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_run_moves_say(moves, &text);
    assert_string_equal(text.data, expected);
    bsc_buf_release(&text);
}

static void whoever_has_no_end_is_in_flight(void **state)
{
    struct bsc_value *moves = bsc_value_map();
    (void)state;
    assert_said(moves, "0 moved");
    take_in(moves, false, "{'effect':1,'part':1,'names':['a','b','c','d','e','f']}");
    assert_said(moves, "6 in flight");
    take_in(moves, false, "{'effect':1,'part':2,'names':['g']}");
    take_in(moves, true,
            "{'effect':1,'part':1,'moved':1,'others':{'b':['failed','locked'],'c':['gone',null],"
            "'d':['already',null]},'left':2}");
    assert_said(moves, "1 moved, 1 there already, 1 gone, 1 failed, 2 not begun, 1 in flight");
    take_in(moves, true, "{'effect':1,'part':2,'moved':1,'others':{},'settled':true}");
    assert_int_equal(bsc_run_moves_in_flight(moves), 0);
    bsc_value_free(moves);
}

static void only_so_many_failures_are_listed(void **state)
{
    struct bsc_value *moves = bsc_value_map();
    (void)state;
    for (int i = 0; i < BSC_RUN_MOVES_FAILURES + 7; i++)
        take_in(moves, true, "{'effect':1,'part':1,'moved':0,'others':{'b':['failed','locked']}}");
    assert_int_equal(bsc_value_count(bsc_value_get(moves, "failures")), BSC_RUN_MOVES_FAILURES);
    assert_int_equal(bsc_value_get_number(moves, "unlisted", 0), 7);
    bsc_value_free(moves);
}

/* ---------------------------------------------------------------- on the live world */

static void table_run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* Whoever is moved leaves table t. */
static char *homes_make(void **state)
{
    char *path = table_make(state, 0);
    table_run(path, "DROP TABLE t; CREATE TABLE homes (sip TEXT PRIMARY KEY, pool TEXT);"
                    "CREATE VIEW t AS SELECT 1 AS n FROM homes WHERE pool = 'old';"
                    "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 9)"
                    "INSERT INTO homes SELECT 'u' || n, 'old' FROM i");
    return path;
}

static const struct bsc_value *move_all(struct rig *rig, const char *path, const char *from,
                                        const char *to, const char *more, int left)
{
    char *resource = bsc_mem_format("sql:%s", path);
    rig_look(rig, resource);
    struct bsc_value *effect =
        from_json("{'op':'change','resource':'%s','row':'users.move','statement':'move them',"
                  "'args':{'server':'db','file':'%s','from':'%s','to':'%s','batch':4,"
                  "'list':'SELECT sip FROM homes WHERE pool = :pool AND sip > :after ORDER BY sip "
                  "LIMIT :limit','find':'SELECT pool FROM homes WHERE sip = :name','move':'UPDATE "
                  "homes SET pool = :to WHERE sip = :name AND pool = :from'%s},"
                  "'becomes':{'%s':{'count':%d}}}",
                  resource, path, from, to, more, resource, left);
    bsc_mem_free(resource);
    return rig_change(rig, effect);
}

/* How many records of that kind the journal has. */
static size_t count_of(const struct rig *rig, const char *kind)
{
    size_t count = 0;
    struct bsc_value *records = rig_records(rig->journal_path);
    for (size_t i = 0; i < bsc_value_count(records); i++) {
        const char *found = bsc_value_get_string(bsc_value_at(records, i), "kind");
        count += strcmp(found, kind) == 0 ? 1 : 0;
    }
    bsc_value_free(records);
    return count;
}

static void parts_stand_between_intent_and_outcome(void **state)
{
    struct rig rig;
    char *path = homes_make(state);
    rig_open(&rig, state);
    const struct bsc_value *reply = move_all(&rig, path, "old", "new", "", 0);
    assert_word(reply, "outcome", "changed");
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "result"), "moved", 0), 9);
    assert_int_equal(count_of(&rig, "part"), 3);
    assert_int_equal(count_of(&rig, "part_end"), 3);
    struct bsc_value *records = rig_records(rig.journal_path);
    size_t all = bsc_value_count(records);
    assert_word(bsc_value_at(records, 1), "kind", "intent");
    assert_word(bsc_value_at(records, 2), "kind", "part");
    assert_word(bsc_value_at(records, all - 3), "kind", "part_end");
    assert_word(bsc_value_at(records, all - 2), "kind", "outcome");
    bsc_value_free(records);
    rig_close(&rig);
    bsc_mem_free(path);
}

/* One that fails leaves a part of the work, which whoever goes on does. */
static void what_failed_is_done_by_the_next_and_taken_back_by_the_one_after(void **state)
{
    struct rig rig;
    char *path = homes_make(state);
    table_run(path, "CREATE TRIGGER locked BEFORE UPDATE ON homes WHEN OLD.sip = 'u3' "
                    "BEGIN SELECT RAISE(ABORT, 'is locked'); END");
    rig_open(&rig, state);
    const struct bsc_value *reply = move_all(&rig, path, "old", "new", "", 0);
    assert_word(reply, "outcome", "failed");
    assert_non_null(strstr(bsc_value_get_string(reply, "reason"), "1 user could not be moved, the "
                                                                  "first is \"u3\""));
    table_run(path, "DROP TRIGGER locked");
    reply = move_all(&rig, path, "old", "new", "", 0);
    assert_word(reply, "outcome", "changed");
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "result"), "moved", 0), 1);
    reply = move_all(&rig, path, "new", "old", ",'moved_by':{'item':1}", 9);
    assert_word(reply, "outcome", "changed");
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "result"), "moved", 0), 9);
    rig_close(&rig);
    bsc_mem_free(path);
}

/* ---------------------------------------------------------------- in the report */

static void the_report_counts_them_and_lists_who_failed(void **state)
{
    static const char *const texts[] = {
        "<p>4 moved, 1 failed</p>",
        "<tr><td>sip:o&#39;neill</td><td>the user is &lt;locked&gt;</td></tr>",
    };
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf page;
    struct bsc_journal *journal = fixture_open(*state);
    fixture_append(journal, BSC_JOURNAL_ITEM_BEGIN,
                   "{\"item\":1,\"title\":\"Move\",\"kind\":\"step\",\"attempt\":1}");
    fixture_append(journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":1,\"item\":1,\"action\":1,\"resource\":\"homes:people.users\","
                   "\"statement\":\"move\",\"row\":\"users.move\",\"args\":{},\"becomes\":{},"
                   "\"before\":{}}");
    fixture_append(journal, BSC_JOURNAL_PART,
                   "{\"effect\":1,\"part\":1,\"names\":[\"a\",\"b\",\"sip:o'neill\"]}");
    fixture_append(journal, BSC_JOURNAL_PART, "{\"effect\":1,\"part\":2,\"names\":[\"c\",\"d\"]}");
    fixture_append(journal, BSC_JOURNAL_PART_END,
                   "{\"effect\":1,\"part\":1,\"moved\":2,\"others\":{\"sip:o'neill\":[\"failed\","
                   "\"the user is <locked>\"]}}");
    /* Settled by a process that came later. */
    fixture_append(journal, BSC_JOURNAL_ITEM_BEGIN,
                   "{\"item\":1,\"title\":\"Move\",\"kind\":\"step\",\"attempt\":1}");
    fixture_append(journal, BSC_JOURNAL_PART_END,
                   "{\"effect\":1,\"part\":2,\"moved\":2,\"others\":{},\"settled\":true}");
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
    bsc_buf_init(&page);
    if (!bsc_run_report_html(bsc_sys_real(), *state, NULL, &page, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strstr(page.data, texts[i]) == NULL)
            fail_msg("the page does not say: %s", texts[i]);
    }
    bsc_buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_has_no_end_is_in_flight),
        cmocka_unit_test(only_so_many_failures_are_listed),
        UNIT_IN_FOLDER(parts_stand_between_intent_and_outcome),
        UNIT_IN_FOLDER(what_failed_is_done_by_the_next_and_taken_back_by_the_one_after),
        UNIT_IN_FOLDER(the_report_counts_them_and_lists_who_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
