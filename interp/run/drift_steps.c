#include "run/drift_int.h"

#include <string.h>

#include "base/mem.h"
#include "run/cursor.h"
#include "run/model.h"
#include "run/outcome.h"
#include "run/schema.h"

/* One item of the runbook in both plans. All borrowed. */
struct pair {
    const struct bsc_value *schema;
    const struct bsc_value *then; /* NULL: the other plan does not have it */
    const struct bsc_value *now;
    struct bsc_value *changes; /* the result: what became different */
    bool blocks;
};

static void copy_key(struct bsc_value *to, const struct bsc_value *from, const char *key)
{
    const struct bsc_value *value = bsc_value_get(from, key);
    if (value != NULL)
        bsc_value_set(to, key, bsc_value_copy(value));
}

static struct bsc_value *add_change(struct pair *pair, const char *sign)
{
    struct bsc_value *change = bsc_value_map();
    bsc_value_set_text(change, "sign", sign);
    bsc_value_append(pair->changes, change);
    return change;
}

/* ---------------------------------------------------------------- statements */

static void add_resource(void *arg, const char *id, const struct bsc_value *then,
                         const struct bsc_value *now)
{
    (void)then;
    (void)now;
    bsc_value_append(arg, bsc_value_text(id));
}

static void add_statement(struct pair *pair, const char *sign, const struct bsc_value *of)
{
    struct bsc_value *change = add_change(pair, sign);
    struct bsc_value *about = bsc_value_map(), *ids = bsc_value_list();
    copy_key(change, of, "statement");
    bsc_value_set_bool(about, bsc_value_get_string(of, "resource"), true);
    bsc_run_drift_each(about, bsc_value_get(of, "becomes"), add_resource, ids);
    bsc_value_set(change, "resources", ids);
    bsc_value_free(about);
}

/* A volatile change may find nothing left to do, as it may in the run itself. */
static void add_gone(struct pair *pair, const struct bsc_value *change)
{
    add_statement(pair, "-", change);
    pair->blocks = pair->blocks || !bsc_value_get_truth(change, "volatile");
}

static void add_new(struct pair *pair, const struct bsc_value *change)
{
    add_statement(pair, "+", change);
    pair->blocks = true;
}

/* Facts before or after a statement that is the same in both plans. */
struct shift {
    const struct bsc_value *schema; /* borrowed */
    const char *side;               /* "before" or "after" */
    const char *resource;           /* borrowed */
    struct bsc_value *facts;        /* borrowed: the result */
};

/* What a user's own query or program gave before may move by itself, and nothing says whether it
 * does; what comes after is the runbook's own word. */
static bool is_compared(const struct shift *shift, const char *key)
{
    if (strcmp(shift->side, "before") == 0 &&
        bsc_run_schema_kind(shift->schema, shift->resource) == NULL)
        return false;
    return !bsc_run_schema_moves(shift->schema, shift->resource, key);
}

static void compare_fact(void *arg, const char *key, const struct bsc_value *then,
                         const struct bsc_value *now)
{
    struct shift *shift = arg;
    if (!is_compared(shift, key) || bsc_run_model_same(then, now))
        return;
    struct bsc_value *fact = bsc_value_map();
    bsc_value_set_text(fact, "side", shift->side);
    bsc_value_set_text(fact, "resource", shift->resource);
    bsc_value_set_text(fact, "key", key);
    bsc_value_set(fact, "then", bsc_run_drift_copy(then));
    bsc_value_set(fact, "now", bsc_run_drift_copy(now));
    bsc_value_append(shift->facts, fact);
}

static void compare_resource(void *arg, const char *id, const struct bsc_value *then,
                             const struct bsc_value *now)
{
    struct shift *shift = arg;
    shift->resource = id;
    bsc_run_drift_each(then, now, compare_fact, shift);
}

static void compare_same(struct pair *pair, const struct bsc_value *then,
                         const struct bsc_value *now)
{
    struct bsc_value *facts = bsc_value_list();
    struct shift before = {pair->schema, "before", NULL, facts};
    struct shift after = {pair->schema, "after", NULL, facts};
    bsc_run_drift_each(bsc_value_get(then, "before"), bsc_value_get(now, "before"),
                       compare_resource, &before);
    bsc_run_drift_each(bsc_value_get(then, "becomes"), bsc_value_get(now, "becomes"),
                       compare_resource, &after);
    if (bsc_value_count(facts) == 0) {
        bsc_value_free(facts);
        return;
    }
    struct bsc_value *change = add_change(pair, "=");
    copy_key(change, now, "statement");
    bsc_value_set(change, "facts", facts);
    pair->blocks = true;
}

struct essence {
    char hex[BSC_DIGEST_HEX];
};

/* Returns owned. */
static struct essence *essences_of(const struct bsc_value *changes)
{
    size_t count = bsc_value_count(changes);
    struct essence *essences = bsc_mem_new(count + 1, sizeof *essences);
    for (size_t i = 0; i < count; i++)
        bsc_run_cursor_essence(bsc_value_at(changes, i), essences[i].hex);
    return essences;
}

static size_t find(const struct essence *among, size_t from, size_t count,
                   const struct essence *wanted)
{
    while (from < count && strcmp(among[from].hex, wanted->hex) != 0)
        from++;
    return from;
}

/* What is new waits until it is known which of the old it comes instead of. */
static void compare_statements(struct pair *pair)
{
    const struct bsc_value *then = bsc_value_get(pair->then, "changes");
    const struct bsc_value *now = bsc_value_get(pair->now, "changes");
    size_t then_count = bsc_value_count(then), now_count = bsc_value_count(now);
    struct essence *then_essences = essences_of(then), *now_essences = essences_of(now);
    size_t gone = 0, added = 0;
    for (size_t i = 0; i < now_count; i++) {
        size_t at = find(then_essences, gone, then_count, &now_essences[i]);
        if (at == then_count)
            continue;
        while (gone < at)
            add_gone(pair, bsc_value_at(then, gone++));
        while (added < i)
            add_new(pair, bsc_value_at(now, added++));
        compare_same(pair, bsc_value_at(then, gone++), bsc_value_at(now, added++));
    }
    while (gone < then_count)
        add_gone(pair, bsc_value_at(then, gone++));
    while (added < now_count)
        add_new(pair, bsc_value_at(now, added++));
    bsc_mem_free(then_essences);
    bsc_mem_free(now_essences);
}

/* ----------------------------------------------------------------- questions */

static bool contains(const struct bsc_value *list, const struct bsc_value *item)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        if (bsc_value_equal(bsc_value_at(list, i), item))
            return true;
    }
    return false;
}

static void add_lines(struct pair *pair, const char *sign, const struct bsc_value *lines,
                      const struct bsc_value *other)
{
    for (size_t i = 0; i < bsc_value_count(lines); i++) {
        const struct bsc_value *line = bsc_value_at(lines, i);
        if (!contains(other, line))
            bsc_value_set(add_change(pair, sign), "line", bsc_value_copy(line));
    }
    pair->blocks = true;
}

/* Only what an answer rests on is compared: the other lines may tell what moves by itself. */
static void compare_questions(struct pair *pair)
{
    const struct bsc_value *then = bsc_value_get(pair->then, "asks");
    const struct bsc_value *now = bsc_value_get(pair->now, "asks");
    size_t count =
        bsc_value_count(then) > bsc_value_count(now) ? bsc_value_count(then) : bsc_value_count(now);
    for (size_t i = 0; i < count; i++) {
        const struct bsc_value *a = bsc_value_get(bsc_value_at(then, i), "stands");
        const struct bsc_value *b = bsc_value_get(bsc_value_at(now, i), "stands");
        if (bsc_value_equal(a, b))
            continue;
        add_lines(pair, "-", a, b);
        add_lines(pair, "+", b, a);
    }
}

/* --------------------------------------------------------------------- items */

static bool same_outcome(const struct pair *pair)
{
    const char *then = bsc_value_get_string(pair->then, "outcome");
    const char *now = bsc_value_get_string(pair->now, "outcome");
    return then != NULL && now != NULL && strcmp(then, now) == 0;
}

/* Nothing left to do for what is volatile: `changed` has become `kept`. */
static bool is_eased(const struct pair *pair)
{
    const char *then = bsc_value_get_string(pair->then, "outcome");
    const char *now = bsc_value_get_string(pair->now, "outcome");
    return !pair->blocks && bsc_value_count(pair->changes) > 0 && then != NULL && now != NULL &&
           strcmp(then, "changed") == 0 && strcmp(now, "kept") == 0;
}

static void add_step(struct bsc_value *steps, struct pair *pair)
{
    static const char *const keys[] = {"index", "kind", "title", "point_of_no_return"};
    const struct bsc_value *item = pair->now != NULL ? pair->now : pair->then;
    struct bsc_value *step = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        copy_key(step, item, keys[i]);
    copy_key(step, pair->now, "reason");
    bsc_value_set(step, "then", bsc_run_drift_copy(bsc_value_get(pair->then, "outcome")));
    bsc_value_set(step, "now", bsc_run_drift_copy(bsc_value_get(pair->now, "outcome")));
    bsc_value_set_bool(step, "blocks", pair->blocks);
    bsc_value_set(step, "changes", pair->changes);
    bsc_value_append(steps, step);
}

/* One of the two may be NULL. */
static void compare_items(struct bsc_value *steps, const struct bsc_value *schema,
                          const struct bsc_value *then, const struct bsc_value *now)
{
    struct pair pair = {schema, then, now, bsc_value_list(), false};
    compare_statements(&pair);
    compare_questions(&pair);
    bool same = same_outcome(&pair);
    pair.blocks = pair.blocks || (!same && !is_eased(&pair));
    if (same && bsc_value_count(pair.changes) == 0)
        bsc_value_free(pair.changes);
    else
        add_step(steps, &pair);
}

static bool same_item(const struct bsc_value *a, const struct bsc_value *b)
{
    return bsc_value_equal(bsc_value_get(a, "kind"), bsc_value_get(b, "kind")) &&
           bsc_value_equal(bsc_value_get(a, "title"), bsc_value_get(b, "title"));
}

/* Whether the plan goes no further than its last item: what would come after is not known. */
static bool is_cut_short(const struct bsc_value *plan)
{
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(plan, "outcome"), &outcome);
    return bsc_run_outcome_exit(outcome) != 0;
}

static size_t find_item(const struct bsc_value *items, size_t from, const struct bsc_value *item)
{
    size_t count = bsc_value_count(items);
    while (from < count && !same_item(bsc_value_at(items, from), item))
        from++;
    return from;
}

/* Items are known by kind and title, in their order: the runbook may have been edited. What comes
 * behind the item that a plan stopped at is not known of that plan. */
struct bsc_value *bsc_run_drift_steps(const struct bsc_value *then, const struct bsc_value *now,
                                      const struct bsc_value *schema)
{
    struct bsc_value *steps = bsc_value_list();
    const struct bsc_value *old = bsc_value_get(then, "items"),
                           *fresh = bsc_value_get(now, "items");
    size_t old_count = bsc_value_count(old), count = bsc_value_count(fresh);
    size_t gone = 0, added = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_item(old, gone, bsc_value_at(fresh, i));
        if (at == old_count)
            continue;
        while (gone < at)
            compare_items(steps, schema, bsc_value_at(old, gone++), NULL);
        while (added < i)
            compare_items(steps, schema, NULL, bsc_value_at(fresh, added++));
        compare_items(steps, schema, bsc_value_at(old, gone++), bsc_value_at(fresh, added++));
    }
    while (gone < old_count && !is_cut_short(now))
        compare_items(steps, schema, bsc_value_at(old, gone++), NULL);
    while (added < count && !is_cut_short(then))
        compare_items(steps, schema, NULL, bsc_value_at(fresh, added++));
    return steps;
}
