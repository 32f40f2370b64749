#include "compare.h"

#include <string.h>

#include "run/model.h"
#include "run/schema.h"
#include "value/json.h"

static void tell(struct bsc_buf *text, const char *what, const struct bsc_value *real,
                 const struct bsc_value *twin)
{
    bsc_buf_printf(text, "    %s: really ", what);
    bsc_json_canonical(real, text);
    bsc_buf_add_text(text, ", on the twin ");
    bsc_json_canonical(twin, text);
    bsc_buf_add_char(text, '\n');
}

static void compare_key(const struct bsc_value *real, const struct bsc_value *twin,
                        const char *what, const char *key, struct bsc_buf *text)
{
    const struct bsc_value *is = bsc_value_get(real, key), *should = bsc_value_get(twin, key);
    struct bsc_buf name = {0};
    if (bsc_run_model_same(should, is))
        return;
    bsc_buf_printf(&name, "%s of %s", key, what);
    tell(text, name.data, is, should);
    bsc_buf_release(&name);
}

static void compare_actions(const struct bsc_value *real, const struct bsc_value *twin,
                            struct bsc_buf *text)
{
    static const char *const keys[] = {"primitive", "resource", "outcome", "reason"};
    size_t count = bsc_value_count(twin);
    if (bsc_value_count(real) != count)
        bsc_buf_printf(text, "    actions: really %zu, on the twin %zu\n", bsc_value_count(real),
                       count);
    for (size_t i = 0; i < count; i++) {
        const char *what = bsc_value_get_string(bsc_value_at(twin, i), "primitive");
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            compare_key(bsc_value_at(real, i), bsc_value_at(twin, i), what, keys[k], text);
    }
}

static void compare_items(const struct conform_sides *sides, struct bsc_buf *text)
{
    const struct bsc_value *items = bsc_value_get(sides->plan, "items");
    if (bsc_value_count(items) != bsc_value_count(sides->results))
        bsc_buf_printf(text, "    items: really %zu, on the twin %zu\n",
                       bsc_value_count(sides->results), bsc_value_count(items));
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *twin = bsc_value_at(items, i);
        const struct bsc_value *real = bsc_value_at(sides->results, i);
        const char *title = bsc_value_get_string(twin, "title");
        compare_key(real, twin, title, "outcome", text);
        compare_key(real, twin, title, "reason", text);
        compare_actions(bsc_value_get(real, "actions"), bsc_value_get(twin, "actions"), text);
    }
}

/* The changes of all items of the plan in one list; borrowed entries by copies that are cheap. */
static struct bsc_value *planned(const struct conform_sides *sides, const char *what)
{
    struct bsc_value *all = bsc_value_list();
    const struct bsc_value *items = bsc_value_get(sides->plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *own = bsc_value_get(bsc_value_at(items, i), what);
        for (size_t k = 0; k < bsc_value_count(own); k++)
            bsc_value_append(all, bsc_value_copy(bsc_value_at(own, k)));
    }
    return all;
}

/* A volatile statement is about whatever is there at the moment: which sessions, say. */
static void compare_change(const struct bsc_value *real, const struct bsc_value *twin,
                           struct bsc_buf *text)
{
    const char *what = bsc_value_get_string(twin, "row");
    compare_key(real, twin, what, "row", text);
    compare_key(real, twin, what, "resource", text);
    if (bsc_value_get_truth(twin, "volatile"))
        return;
    compare_key(real, twin, what, "statement", text);
    compare_key(real, twin, what, "args", text);
}

static void compare_changes(const struct conform_sides *sides, bool whole, struct bsc_buf *text)
{
    struct bsc_value *twin = planned(sides, "changes");
    size_t done = bsc_value_count(sides->changes), count = bsc_value_count(twin);
    if (whole ? done != count : done > count)
        bsc_buf_printf(text, "    changes: really %zu, on the twin %zu\n", done, count);
    for (size_t i = 0; i < done && i < count; i++)
        compare_change(bsc_value_at(sides->changes, i), bsc_value_at(twin, i), text);
    bsc_value_free(twin);
}

/* The report of a loss ends with counts that nobody has before the database can be asked. */
static bool same_note(const char *real, const char *twin, bool is_loss)
{
    size_t length = is_loss ? strcspn(twin, ";") : strlen(twin) + 1;
    return strncmp(real, twin, length) == 0;
}

static void compare_notes(const struct conform_sides *sides, struct bsc_buf *text)
{
    struct bsc_value *twin = planned(sides, "notes");
    size_t count = bsc_value_count(twin);
    if (bsc_value_count(sides->notes) != count)
        bsc_buf_printf(text, "    notes: really %zu, on the twin %zu\n",
                       bsc_value_count(sides->notes), count);
    for (size_t i = 0; i < count && i < bsc_value_count(sides->notes); i++) {
        const struct bsc_value *is = bsc_value_at(sides->notes, i), *should = bsc_value_at(twin, i);
        const char *kind = bsc_value_get_string(should, "kind");
        compare_key(is, should, "a note", "kind", text);
        if (!same_note(bsc_value_get_string(is, "text"), bsc_value_get_string(should, "text"),
                       strcmp(kind, "loss") == 0))
            compare_key(is, should, "a note", "text", text);
    }
    bsc_value_free(twin);
}

struct comparison {
    const struct bsc_run_model *model;
    const struct bsc_value *becomes; /* all that was announced, by resource */
    bool announced_is_open;          /* what was announced may have happened or not */
    struct bsc_buf *text;
};

/* A fact counts unless it is free to move; one that was announced in so many words always does. Of
 * a user's own resource the reason why it cannot be asked is for people. */
static bool counts(const struct comparison *comparison, const char *resource, const char *key)
{
    bool announced = bsc_value_get(bsc_value_get(comparison->becomes, resource), key) != NULL;
    bool own = strncmp(resource, "sql:", 4) == 0 || strncmp(resource, "command:", 8) == 0;
    if (announced)
        return !comparison->announced_is_open;
    return bsc_run_model_steady(comparison->model, resource, key) &&
           !(own && strcmp(key, "reason") == 0);
}

static void compare_fact(const struct comparison *comparison, const char *resource, const char *key,
                         const struct bsc_value *real)
{
    const struct bsc_value *facts = bsc_run_model_facts(comparison->model, resource);
    if (counts(comparison, resource, key))
        compare_key(real, facts, resource, key, comparison->text);
}

static void compare_resource(const struct comparison *comparison, const char *resource,
                             const struct bsc_value *real)
{
    const struct bsc_value *twin = bsc_run_model_facts(comparison->model, resource);
    for (size_t i = 0; i < bsc_value_count(twin); i++)
        compare_fact(comparison, resource, bsc_value_key_at(twin, i), real);
    for (size_t i = 0; i < bsc_value_count(real); i++) {
        if (bsc_value_get(twin, bsc_value_key_at(real, i)) == NULL)
            compare_fact(comparison, resource, bsc_value_key_at(real, i), real);
    }
}

static void compare_facts(const struct comparison *comparison, const struct bsc_value *after)
{
    for (size_t i = 0; i < bsc_value_count(after); i++)
        compare_resource(comparison, bsc_value_key_at(after, i), bsc_value_item_at(after, i));
}

/* What the changes announce, put together, and let act on the model. */
static struct bsc_value *apply(struct bsc_run_model *model, const struct bsc_value *changes)
{
    struct bsc_run_model *all = bsc_run_model_new(NULL, bsc_value_map());
    for (size_t i = 0; i < bsc_value_count(changes); i++) {
        const struct bsc_value *becomes = bsc_value_get(bsc_value_at(changes, i), "becomes");
        bsc_run_model_apply(model, becomes);
        bsc_run_model_apply(all, becomes);
    }
    struct bsc_value *announced = bsc_value_copy(bsc_run_model_all(all));
    bsc_run_model_free(all);
    return announced;
}

static void compare_afterwards(const struct conform_sides *sides, bool open, struct bsc_buf *text)
{
    struct bsc_run_model *model =
        bsc_run_model_new(sides->session.schema, bsc_value_copy(sides->before));
    struct bsc_value *changes = planned(sides, "changes");
    struct bsc_value *becomes = apply(model, changes);
    struct comparison comparison = {model, becomes, open, text};
    compare_facts(&comparison, sides->after);
    bsc_value_free(becomes);
    bsc_value_free(changes);
    bsc_run_model_free(model);
}

/* The real platform stopped, and said why. */
static bool stopped_in_order(const struct conform_sides *sides)
{
    enum bsc_outcome outcome = sides->end.outcome;
    return !sides->end.broke && sides->end.reason[0] != '\0' &&
           (outcome == BSC_OUTCOME_REFUSED || outcome == BSC_OUTCOME_FAILED ||
            outcome == BSC_OUTCOME_DIVERGED || outcome == BSC_OUTCOME_TIMEOUT ||
            outcome == BSC_OUTCOME_UNKNOWN);
}

void conform_compare(const struct conform_sides *sides, bool unseen, struct bsc_buf *text)
{
    const char *twin = bsc_value_get_string(sides->plan, "outcome");
    bool alike = strcmp(bsc_run_outcome_name(sides->end.outcome), twin) == 0;
    if (sides->end.broke)
        bsc_buf_printf(text, "    the real run broke off: %s\n", sides->end.err.message);
    if (unseen && !alike && stopped_in_order(sides)) {
        compare_changes(sides, false, text);
        compare_afterwards(sides, true, text);
        return;
    }
    compare_items(sides, text);
    compare_changes(sides, true, text);
    compare_notes(sides, text);
    compare_afterwards(sides, false, text);
}

/* Puts the facts that only ever go up back to what they were. */
static void forget_counts(const struct bsc_value *schema, const char *resource,
                          const struct bsc_value *was, struct bsc_value *facts)
{
    for (size_t i = 0; i < bsc_value_count(was); i++) {
        const char *key = bsc_value_key_at(was, i);
        if (bsc_value_get_truth(bsc_run_schema_fact(schema, resource, key), "counts"))
            bsc_value_set(facts, key, bsc_value_copy(bsc_value_item_at(was, i)));
    }
}

/* What was taken back is as it was, but for counts of changes, which no change can lower. */
static void compare_with_before(const struct conform_sides *sides, struct bsc_buf *text)
{
    struct bsc_run_model *model =
        bsc_run_model_new(sides->session.schema, bsc_value_copy(sides->before));
    struct bsc_value *none = bsc_value_map(), *after = bsc_value_copy(sides->after_undo);
    struct comparison comparison = {model, none, false, text};
    for (size_t i = 0; i < bsc_value_count(after); i++) {
        const char *resource = bsc_value_key_at(after, i);
        forget_counts(sides->session.schema, resource, bsc_run_model_facts(model, resource),
                      bsc_value_item_at(after, i));
    }
    compare_facts(&comparison, after);
    bsc_value_free(none);
    bsc_value_free(after);
    bsc_run_model_free(model);
}

void conform_compare_undo(const struct conform_sides *sides, struct bsc_buf *text)
{
    struct bsc_run_model *model =
        bsc_run_model_new(sides->session.schema, bsc_value_copy(sides->after));
    struct bsc_value *becomes = apply(model, sides->undo);
    struct comparison comparison = {model, becomes, false, text};
    for (size_t i = 0; i < bsc_value_count(sides->undo_outcomes); i++) {
        const struct bsc_value *answer = bsc_value_at(sides->undo_outcomes, i);
        if (strcmp(bsc_value_get_string(answer, "outcome"), "changed") != 0)
            bsc_buf_printf(text, "    the undo %s: %s\n", bsc_value_get_string(answer, "outcome"),
                           bsc_value_get_string(answer, "reason"));
    }
    if (sides->after_undo != NULL) {
        compare_facts(&comparison, sides->after_undo);
        if (sides->undone)
            compare_with_before(sides, text);
    }
    bsc_value_free(becomes);
    bsc_run_model_free(model);
}

static void tell_side(struct bsc_buf *text, const char *side, const char *outcome,
                      const char *reason, const struct bsc_value *changes)
{
    bsc_buf_printf(text, "  %s: %s%s%s\n", side, outcome, reason[0] != '\0' ? ": " : "", reason);
    for (size_t i = 0; i < bsc_value_count(changes); i++)
        bsc_buf_printf(text, "    %zu. %s\n", i + 1,
                       bsc_value_get_string(bsc_value_at(changes, i), "statement"));
}

void conform_tell(const struct conform_sides *sides, struct bsc_buf *text)
{
    const char *reason = bsc_value_get_string(sides->plan, "reason");
    struct bsc_value *changes = planned(sides, "changes");
    tell_side(text, "on the twin", bsc_value_get_string(sides->plan, "outcome"),
              reason != NULL ? reason : "", changes);
    tell_side(text, "really", bsc_run_outcome_name(sides->end.outcome), sides->end.reason,
              sides->changes);
    bsc_value_free(changes);
}
