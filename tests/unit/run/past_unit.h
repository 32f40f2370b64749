/*
 * The journal of a run that has stopped, written record by record, and what is read from it.
 *
 * The plan has four items: the second is optional, the third a point of no return.
 */
#ifndef BSC_UNIT_PAST_H
#define BSC_UNIT_PAST_H

#include "run_unit.h"
#include "standing_unit.h"

#include "run/amend.h"
#include "run/past.h"

#define PAST_ID "20261120-231501-failover-a3f2"

static const char past_schema[] = "{'pool':{'state':{'type':'text'},'servers':{'type':'list'},"
                                  "'seen':{'type':'int','volatile':true}}}";
static const char past_plan[] = "{'items':[{'index':1,'title':'one'},{'index':2,'optional':true},"
                                "{'index':3,'point_of_no_return':true},{'index':4}]}";

/* What the intent of a change says: one that shows, one that nothing shows, and one of both kinds,
 * which its action would make again. */
#define FLIP "'becomes':{'pool:chat':{'state':'B'}},'before':{'pool:chat':{'state':'A'}}"
#define TWO_FLIP                                                                                   \
    "'becomes':{'pool:chat':{'state':'B','servers':['x']}},"                                       \
    "'before':{'pool:chat':{'state':'A','servers':[]}}"
#define BLIND     "'becomes':{},'before':{},'once':true,'assumed':true"
#define ONCE_FLIP FLIP ",'once':true"
/* What it makes of the pool is seen only afterwards. */
#define NEW_FLIP                                                                                   \
    "'becomes':{'pool:chat':{'state':{'$unknown':'text'},'servers':{'$unknown':'list'}}},"         \
    "'before':{'pool:chat':{'state':'A','servers':['x']}},'once':true"
/* One that may still happen when it is not seen. */
#define ORDER      FLIP ",'settles':'standby.order'"
#define UNDO(word) ",'undo':{'before':{'state':'" word "'},'wanted':{},'now':{}}"
/* What puts right what it left half done, and restores nothing. */
#define MENDS(word) ",'undo':{'before':{'state':'" word "'},'wanted':{},'mends':true}"
#define DECLARED    ",'undo':{'declared':true}"

/* What is seen of it. */
#define A "{'state':'A'}"
#define B "{'state':'B'}"

struct story {
    struct notes notes;
    struct bsc_value *schema, *plan;
    struct bsc_run_past past;
};

static inline void story_begin(struct story *story, void **state)
{
    memset(story, 0, sizeof *story);
    notes_begin(&story->notes, *state, PAST_ID);
    story->schema = from_json("%s", past_schema);
    story->plan = from_json("%s", past_plan);
    notes_run(&story->notes, "run");
}

static inline void story_end(struct story *story)
{
    bsc_run_past_release(&story->past);
    bsc_value_free(story->schema);
    bsc_value_free(story->plan);
    notes_end(&story->notes);
}

/* Takes the payload. */
static inline void put(struct story *story, enum bsc_journal_kind kind, struct bsc_value *payload)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_journal_append(story->notes.journal, kind, payload, false, &err))
        fail_msg("%s", err.message);
    bsc_value_free(payload);
}

static inline void action_begins(struct story *story, int item, int action)
{
    put(story, BSC_JOURNAL_ACTION_BEGIN, from_json("{'item':%d,'action':%d}", item, action));
}

/* `statement` tells one change from another. */
static inline void intend_this(struct story *story, int effect, struct bsc_run_place at,
                               const char *statement, const char *says)
{
    put(story, BSC_JOURNAL_INTENT,
        from_json("{'effect':%d,'item':%d,'action':%d,'resource':'pool:chat','statement':'%s',"
                  "'row':'r','args':{},%s}",
                  effect, (int)at.item, (int)at.action, statement, says));
}

static inline void intend(struct story *story, int effect, int item, const char *says)
{
    intend_this(story, effect, (struct bsc_run_place){item, 1}, "flip", says);
}

static inline void after(struct story *story, int effect, const char *facts)
{
    put(story, BSC_JOURNAL_AFTER,
        from_json("{'effect':%d,'resource':'pool:chat','facts':%s}", effect, facts));
}

static inline void settled(struct story *story, int effect, const char *outcome, const char *by)
{
    put(story, BSC_JOURNAL_OUTCOME,
        from_json("{'effect':%d,'outcome':'%s','result':null,'error':null,'duration_us':0,"
                  "'settled_by':'%s'}",
                  effect, outcome, by));
}

/* A change that takes effect, and is looked at where that shows. */
static inline void change(struct story *story, int effect, int item, const char *says)
{
    intend(story, effect, item, says);
    notes_outcome(&story->notes, effect, "changed");
    if (strstr(says, "'state':'B'") != NULL)
        after(story, effect, "{'state':'B'}");
}

static inline void read_as(struct story *story, struct bsc_run_past *past, bool with_trail)
{
    struct bsc_err err = BSC_ERR_INIT;
    past->schema = story->schema;
    past->items = bsc_value_get(story->plan, "items");
    past->with_trail = with_trail;
    if (!bsc_run_past_read(past, bsc_sys_real(), story->notes.folder.journal, &err))
        fail_msg("%s", err.message);
}

static inline void assert_same_value(const struct bsc_value *one, const struct bsc_value *other)
{
    assert_int_equal(one == NULL, other == NULL);
    assert_true(one == NULL || bsc_value_equal(one, other));
}

/* What was made of items that were not passed yet, and of undos. */
static inline void assert_same_made(const struct bsc_run_past *one,
                                    const struct bsc_run_past *other)
{
    for (size_t i = 0; i < bsc_value_count(one->made); i++) {
        const char *key = bsc_value_key_at(one->made, i);
        if (key[0] == '-' || strtoll(key, NULL, 10) > (int64_t)one->items_done)
            assert_same_value(bsc_value_item_at(one->made, i), bsc_value_get(other->made, key));
    }
}

/* Whoever goes on forwards is told the same as whoever goes back, but for the trail. */
static inline void assert_same_forwards(struct story *story)
{
    const struct bsc_run_past *whole = &story->past;
    struct bsc_run_past past = {0};
    read_as(story, &past, false);
    assert_int_equal(past.items_done, whole->items_done);
    assert_int_equal(past.at.item, whole->at.item);
    assert_int_equal(past.at.action, whole->at.action);
    assert_int_equal(past.tried, whole->tried);
    assert_int_equal(past.skipped, whole->skipped);
    assert_int_equal(past.changes, whole->changes);
    assert_int_equal(past.begun, whole->begun);
    assert_int_equal(past.inputs, whole->inputs);
    assert_int_equal(past.ended, whole->ended);
    assert_int_equal(past.goes_back, whole->goes_back);
    assert_int_equal(past.beyond, whole->beyond);
    assert_int_equal(bsc_run_amend_reached(&past), bsc_run_amend_reached(whole));
    assert_same_value(past.open, whole->open);
    assert_same_value(past.changed, whole->changed);
    assert_same_value(past.leases, whole->leases);
    assert_same_made(whole, &past);
    assert_same_made(&past, whole);
    bsc_run_past_release(&past);
}

static inline const struct bsc_run_past *read_past(struct story *story)
{
    bsc_run_past_release(&story->past);
    read_as(story, &story->past, true);
    assert_same_forwards(story);
    return &story->past;
}

/* Where it goes on. */
static inline void assert_at(const struct bsc_run_past *past, int done, int item, int action)
{
    assert_int_equal(past->items_done, done);
    assert_int_equal(past->at.item, item);
    assert_int_equal(past->at.action, action);
}

/* How often the change "flip" was made by the first action of the item. */
static inline int64_t times(const struct story *story, int item)
{
    struct bsc_value *flip = from_json("{'resource':'pool:chat','statement':'flip','row':'r',"
                                       "'args':{}}");
    int64_t number = bsc_run_past_count(&story->past, (struct bsc_run_place){item, 1}, flip);
    bsc_value_free(flip);
    return number;
}

/* The trail as "1.1 A, 2.0 -": item, action, and the state before that its undo carries. */
static inline void assert_trail(const struct bsc_run_past *past, const char *expected)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, "");
    for (size_t i = 0; i < bsc_value_count(past->trail); i++) {
        const struct bsc_value *entry = bsc_value_at(past->trail, i);
        const struct bsc_value *before = bsc_value_get(bsc_value_get(entry, "undo"), "before");
        const char *word = bsc_value_get_string(before, "state");
        bsc_buf_printf(&text, "%s%lld.%lld %s", i > 0 ? ", " : "",
                       (long long)bsc_value_get_number(entry, "item", -1),
                       (long long)bsc_value_get_number(entry, "action", -1),
                       word != NULL ? word : "-");
    }
    assert_string_equal(text.length > 0 ? text.data : "", expected);
    bsc_buf_release(&text);
}

#endif
