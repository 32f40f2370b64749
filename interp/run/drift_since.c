#include "run/drift.h"

#include <string.h>

#include "journal/reader.h"
#include "run/drift_int.h"
#include "run/model.h"
#include "run/record.h"
#include "value/json.h"

/* ------------------------------------------------- what was seen last */

/* What was looked at replaces what is known of a resource; after a change only the facts are told
 * that it was to make others. Resources that nobody compares are of no interest. */
static void lay_over(struct bsc_value *known, enum bsc_journal_kind kind,
                     const struct bsc_value *payload)
{
    const char *id = bsc_value_get_string(payload, "resource");
    const struct bsc_value *facts = bsc_value_get(payload, "facts");
    struct bsc_value *of = id != NULL ? bsc_value_get(known, id) : NULL;
    if (of != NULL && kind == BSC_JOURNAL_OBSERVED)
        bsc_value_set(known, id, of = bsc_value_map());
    for (size_t i = 0; of != NULL && i < bsc_value_count(facts); i++)
        bsc_value_set(of, bsc_value_key_at(facts, i), bsc_value_copy(bsc_value_item_at(facts, i)));
}

static bool record_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    if (record->kind != BSC_JOURNAL_OBSERVED && record->kind != BSC_JOURNAL_AFTER)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    lay_over(arg, record->kind, payload);
    bsc_value_free(payload);
    return true;
}

/* ------------------------------------------------- long lists */

static int64_t count_of(const struct bsc_value *fact)
{
    return bsc_value_kind(fact) == BSC_VALUE_MAP ? bsc_value_get_number(fact, "$count", 0)
                                                 : (int64_t)bsc_value_count(fact);
}

/* Of a long list the journal has the length and the digest: where the digest is another one, only
 * the lengths can be compared. */
static void compare_lengths(struct bsc_value *then, struct bsc_value *now, const char *key)
{
    const struct bsc_value *was = bsc_value_get(then, key), *is = bsc_value_get(now, key);
    struct bsc_value *in_short = is != NULL ? bsc_run_record_short(is) : bsc_value_null();
    bool same = bsc_value_equal(was, in_short);
    bsc_value_free(in_short);
    int64_t before = count_of(was), after = count_of(is);
    bsc_value_set_int(then, key, same ? after : before);
    bsc_value_set_int(now, key, after);
}

static void shorten(struct bsc_value *then, struct bsc_value *now)
{
    struct bsc_value *keys = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(then); i++) {
        if (bsc_value_get(bsc_value_item_at(then, i), "$count") != NULL)
            bsc_value_append(keys, bsc_value_text(bsc_value_key_at(then, i)));
    }
    for (size_t i = 0; i < bsc_value_count(keys); i++)
        compare_lengths(then, now, bsc_value_string(bsc_value_at(keys, i)));
    bsc_value_free(keys);
}

/* ------------------------------------------------- the comparison */

/* The facts of what both know; returned owned. */
static struct bsc_value *common(const struct bsc_value *of, const struct bsc_value *with)
{
    struct bsc_value *map = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(of); i++) {
        const char *id = bsc_value_key_at(of, i);
        if (bsc_value_get(with, id) != NULL)
            bsc_value_set(map, id, bsc_value_copy(bsc_value_item_at(of, i)));
    }
    return map;
}

/* Takes a {id=facts} as the facts of a plan. */
static struct bsc_value *as_plan(struct bsc_value *facts)
{
    struct bsc_value *plan = bsc_value_map();
    bsc_value_set(plan, "facts", facts);
    return plan;
}

struct bsc_value *bsc_run_drift_last_seen(const struct bsc_sys *sys, const char *journal,
                                          const struct bsc_value *planned,
                                          const struct bsc_value *observed,
                                          const struct bsc_value *schema, struct bsc_err *err)
{
    struct bsc_journal_report report;
    struct bsc_value *then = common(planned, observed), *now = common(observed, planned);
    bool read = bsc_journal_read(sys, journal, record_seen, then, &report, err);
    for (size_t i = 0; i < bsc_value_count(then); i++)
        shorten(bsc_value_item_at(then, i), bsc_value_get(now, bsc_value_key_at(then, i)));
    struct bsc_value *before = as_plan(then), *after = as_plan(now);
    struct bsc_value *facts = read ? bsc_run_drift_facts(before, after, schema) : NULL;
    bsc_value_free(before);
    bsc_value_free(after);
    return facts;
}

/* ------------------------------------------------- in words */

/* Facts that are told one by one; the data of the note have all. */
enum { FACTS_TOLD = 20 };

static void add_value(struct bsc_buf *out, const struct bsc_value *value)
{
    if (bsc_value_kind(value) == BSC_VALUE_TEXT)
        bsc_buf_add_text(out, bsc_value_string(value));
    else
        bsc_json_canonical(value, out);
}

static void add_fact(struct bsc_buf *out, const struct bsc_value *fact)
{
    bsc_buf_printf(out, "%s of %s: ", bsc_value_get_string(fact, "key"),
                   bsc_value_get_string(fact, "resource"));
    if (bsc_value_get(fact, "noun") != NULL) {
        bsc_run_drift_count_words(fact, out);
        return;
    }
    add_value(out, bsc_value_get(fact, "then"));
    bsc_buf_add_text(out, " -> ");
    add_value(out, bsc_value_get(fact, "now"));
}

void bsc_run_drift_since_words(const struct bsc_value *facts, struct bsc_buf *out)
{
    size_t count = bsc_value_count(facts);
    bsc_buf_add_text(out, "since the run was parked: ");
    for (size_t i = 0; i < count && i < FACTS_TOLD; i++) {
        bsc_buf_add_text(out, i > 0 ? "; " : "");
        add_fact(out, bsc_value_at(facts, i));
    }
    if (count > FACTS_TOLD)
        bsc_buf_printf(out, "; and %zu more facts", count - FACTS_TOLD);
}
