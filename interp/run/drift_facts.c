#include "run/drift_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "run/brief.h"
#include "run/model.h"
#include "run/schema.h"
#include "value/json.h"

/* Where the comparison stands. All borrowed. */
struct comparison {
    const struct bsc_value *schema;
    const char *resource;
    struct bsc_value *facts; /* the result */
};

static struct bsc_value *add_fact(struct comparison *of, const char *key,
                                  const struct bsc_value *then, const struct bsc_value *now,
                                  bool identity)
{
    struct bsc_value *fact = bsc_value_map();
    bsc_value_set_text(fact, "resource", of->resource);
    bsc_value_set_text(fact, "key", key);
    bsc_value_set(fact, "then", bsc_run_drift_copy(then));
    bsc_value_set(fact, "now", bsc_run_drift_copy(now));
    bsc_value_set_bool(fact, "identity", identity);
    bsc_value_set_bool(fact, "blocks", identity);
    bsc_run_brief_facts(fact, BSC_RUN_BRIEF_SHOWN, NULL, NULL);
    bsc_value_append(of->facts, fact);
    return fact;
}

/* ------------------------------------------------------------ counted lists */

/* An entry of a counted list as text, and where what names it ends. */
struct entry {
    char *text; /* owned */
    size_t name_length;
};

static size_t length_of_words(const char *text, int64_t words)
{
    size_t length = 0;
    if (words <= 0)
        return strlen(text);
    while (words-- > 0) {
        length += strspn(text + length, " ");
        length += strcspn(text + length, " ");
    }
    return length;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

/* In order of their texts; returns owned, and so are the texts. */
static struct entry *entries_of(const struct bsc_value *list, int64_t named_by)
{
    size_t count = bsc_value_count(list);
    struct entry *entries = bsc_mem_new(count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        struct bsc_buf text;
        const char *plain = bsc_value_string(bsc_value_at(list, i));
        bsc_buf_init(&text);
        if (plain != NULL)
            bsc_buf_add_text(&text, plain);
        else
            bsc_json_canonical(bsc_value_at(list, i), &text);
        entries[i].text = bsc_mem_text(text.data);
        entries[i].name_length = length_of_words(text.data, named_by);
        bsc_buf_release(&text);
    }
    qsort(entries, count, sizeof *entries, by_text);
    return entries;
}

static void free_entries(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bsc_mem_free(entries[i].text);
    bsc_mem_free(entries);
}

static int compare_names(const struct entry *a, const struct entry *b)
{
    size_t shorter = a->name_length < b->name_length ? a->name_length : b->name_length;
    int order = memcmp(a->text, b->text, shorter);
    if (order != 0 || a->name_length == b->name_length)
        return order;
    return a->name_length < b->name_length ? -1 : 1;
}

static void set_counts(struct bsc_value *fact, int64_t more, int64_t fewer, int64_t changed)
{
    bsc_value_set_int(fact, "more", more);
    bsc_value_set_int(fact, "fewer", fewer);
    bsc_value_set_int(fact, "changed", changed);
}

static void count_entries(struct bsc_value *fact, const struct bsc_value *then,
                          const struct bsc_value *now, int64_t named_by)
{
    size_t then_count = bsc_value_count(then), now_count = bsc_value_count(now);
    struct entry *a = entries_of(then, named_by), *b = entries_of(now, named_by);
    int64_t more = 0, fewer = 0, changed = 0;
    size_t i = 0, k = 0;
    while (i < then_count || k < now_count) {
        int order = i == then_count ? 1 : k == now_count ? -1 : compare_names(&a[i], &b[k]);
        more += order > 0 ? 1 : 0;
        fewer += order < 0 ? 1 : 0;
        changed += order == 0 && strcmp(a[i].text, b[k].text) != 0 ? 1 : 0;
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    set_counts(fact, more, fewer, changed);
    free_entries(a, then_count);
    free_entries(b, now_count);
}

/* -------------------------------------------------------------------- facts */

/* A number of things that come and go by themselves. */
static void add_number(struct comparison *of, const char *key, const char *noun,
                       const struct bsc_value *then, const struct bsc_value *now)
{
    struct bsc_value *fact = add_fact(of, key, then, now, false);
    int64_t by = bsc_value_number(now, 0) - bsc_value_number(then, 0);
    bsc_value_set_text(fact, "noun", noun);
    set_counts(fact, by > 0 ? by : 0, by < 0 ? -by : 0, 0);
}

static void add_counted(struct comparison *of, const char *key, const struct bsc_value *entry,
                        const struct bsc_value *then, const struct bsc_value *now)
{
    struct bsc_value *fact = add_fact(of, key, then, now, false);
    bsc_value_set_text(fact, "noun", bsc_value_get_string(entry, "noun"));
    count_entries(fact, then, now, bsc_value_get_number(entry, "named_by", 0));
}

static bool is_number(const struct bsc_value *entry)
{
    const char *type = bsc_value_get_string(entry, "type");
    return type != NULL && strcmp(type, "int") == 0;
}

static void compare_fact(void *arg, const char *key, const struct bsc_value *then,
                         const struct bsc_value *now)
{
    struct comparison *of = arg;
    const struct bsc_value *entry = bsc_run_schema_fact(of->schema, of->resource, key);
    if (bsc_run_model_same(then, now))
        return;
    const char *noun = bsc_value_get_string(entry, "noun");
    bool numbers = bsc_value_kind(then) == BSC_VALUE_INT && bsc_value_kind(now) == BSC_VALUE_INT;
    if (noun != NULL && numbers)
        add_number(of, key, noun, then, now);
    else if (noun != NULL && !is_number(entry))
        add_counted(of, key, entry, then, now);
    else if (!bsc_run_schema_moves(of->schema, of->resource, key))
        add_fact(of, key, then, now, bsc_value_get_truth(entry, "identity"));
}

/* A resource that only one of the plans has facts of is told as such, not fact by fact. What it
 * was cannot be compared; of a runbook's own query or program that says nothing. */
static void compare_resource(void *arg, const char *id, const struct bsc_value *then,
                             const struct bsc_value *now)
{
    struct comparison *of = arg;
    of->resource = id;
    if (then != NULL && now != NULL) {
        bsc_run_drift_each(then, now, compare_fact, of);
        return;
    }
    struct bsc_value *before = bsc_value_bool(then != NULL), *after = bsc_value_bool(now != NULL);
    bsc_value_set_bool(add_fact(of, "observed", before, after, false), "blocks",
                       bsc_run_schema_kind(of->schema, id) != NULL);
    bsc_value_free(before);
    bsc_value_free(after);
}

struct bsc_value *bsc_run_drift_facts(const struct bsc_value *then, const struct bsc_value *now,
                                      const struct bsc_value *schema)
{
    struct comparison of = {schema, NULL, bsc_value_list()};
    bsc_run_drift_each(bsc_value_get(then, "facts"), bsc_value_get(now, "facts"), compare_resource,
                       &of);
    return of.facts;
}
