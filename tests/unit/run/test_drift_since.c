#include "run_unit.h"
#include "standing_unit.h"

#include "base/mem.h"
#include "run/drift.h"
#include "run/record.h"

#define ID "20261120-231501-move-a3f2"
#define SCHEMA                                                                                     \
    "{'homes':{'state':{'type':'text'},'legacy':{'type':'int','volatile':true,'noun':'user'},"     \
    "'lsn':{'type':'int','volatile':true},"                                                        \
    "'names':{'type':'list','advances':true,'noun':'user'},'tags':{'type':'list'}}}"

/* A list of this many numbers, as JSON; owned. */
static char *numbers(int count)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (int i = 0; i < count; i++)
        bsc_buf_printf(&text, "%s'%d'", i > 0 ? "," : "", i);
    char *list = bsc_mem_format("[%s]", text.data);
    bsc_buf_release(&text);
    return list;
}

static void seen(struct notes *notes, const char *resource, struct bsc_value *facts)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_run_record_observed(notes->journal, 0, resource, facts, &err));
    bsc_value_free(facts);
}

/* What has become different of facts that were planned from, and then were seen. Owned. */
static struct bsc_value *since(struct notes *notes, const char *planned, const char *observed)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *schema = from_json(SCHEMA);
    struct bsc_value *then = from_json("%s", planned), *now = from_json("%s", observed);
    struct bsc_value *facts =
        bsc_run_drift_last_seen(bsc_sys_real(), notes->folder.journal, then, now, schema, &err);
    assert_non_null(facts);
    bsc_value_free(schema);
    bsc_value_free(then);
    bsc_value_free(now);
    return facts;
}

static void assert_says(struct bsc_value *facts, const char *words)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_run_drift_since_words(facts, &text);
    assert_string_equal(text.data, words);
    bsc_buf_release(&text);
    bsc_value_free(facts);
}

static void what_was_seen_last_counts_and_not_what_was_planned_from(void **state)
{
    struct notes notes;
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    seen(&notes, "homes:a", from_json("{'state':'online','legacy':100000,'lsn':1}"));
    seen(&notes, "homes:unheard", from_json("{'state':'online'}"));
    notes_intent(&notes, 1, 1);
    fixture_append(notes.journal, BSC_JOURNAL_AFTER,
                   "{\"effect\":1,\"resource\":\"homes:a\",\"facts\":{\"state\":\"moved\"}}");
    assert_says(since(&notes, "{'homes:a':{'state':'new','legacy':7,'old':1},'homes:gone':{}}",
                      "{'homes:a':{'state':'moved','legacy':99874,'lsn':2},'homes:more':{}}"),
                "since the run was parked: legacy of homes:a: 100,000 -> 99,874, 126 fewer users");
    assert_says(since(&notes, "{'homes:a':{}}", "{'homes:a':{'state':'x','legacy':100001}}"),
                "since the run was parked: legacy of homes:a: 100,000 -> 100,001, 1 more user; "
                "state of homes:a: moved -> x");
    struct bsc_value *same = since(&notes, "{'homes:a':{'state':'x'},'sql:b':{'n':2}}",
                                   "{'homes:a':{'state':'moved','legacy':100000},'sql:b':{'n':2}}");
    assert_int_equal(bsc_value_count(same), 0);
    bsc_value_free(same);
    notes_end(&notes);
}

static void a_long_list_is_compared_by_what_the_journal_has_of_it(void **state)
{
    struct notes notes;
    char *forty = numbers(40), *more = numbers(42);
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    seen(&notes, "homes:a", from_json("{'names':%s,'tags':['x']}", forty));
    char *now = bsc_mem_format("{'homes:a':{'names':%s,'tags':['x']}}", forty);
    struct bsc_value *same = since(&notes, "{'homes:a':{}}", now);
    assert_int_equal(bsc_value_count(same), 0);
    bsc_value_free(same);
    bsc_mem_free(now);
    now = bsc_mem_format("{'homes:a':{'names':%s,'tags':['x','y']}}", more);
    assert_says(since(&notes, "{'homes:a':{}}", now),
                "since the run was parked: names of homes:a: 40 -> 42, 2 more users; "
                "tags of homes:a: [\"x\"] -> [\"x\",\"y\"]");
    bsc_mem_free(now);
    bsc_mem_free(more);
    bsc_mem_free(forty);
    notes_end(&notes);
}

static void a_journal_that_cannot_be_read_is_told(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *none = bsc_value_map();
    char *path = unit_path(*state, "none.jsonl");
    assert_null(bsc_run_drift_last_seen(bsc_sys_real(), path, none, none, none, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    bsc_value_free(none);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_was_seen_last_counts_and_not_what_was_planned_from),
        UNIT_IN_FOLDER(a_long_list_is_compared_by_what_the_journal_has_of_it),
        UNIT_IN_FOLDER(a_journal_that_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
