#include "run/record.h"

#include "journal/records.h"
#include "run/errors.h"
#include "value/digest.h"

enum { LIST_MAX = 32 };

/* Takes the payload. */
static bool append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                   struct bsc_value *payload, bool durable, struct bsc_err *err)
{
    bool ok = bsc_journal_append(journal, kind, payload, durable, err);
    bsc_value_free(payload);
    return ok;
}

static void set_copy(struct bsc_value *map, const char *key, const struct bsc_value *value)
{
    bsc_value_set(map, key, value != NULL ? bsc_value_copy(value) : bsc_value_null());
}

bool bsc_run_record_begin(struct bsc_journal *journal, const struct bsc_value *about,
                          struct bsc_err *err)
{
    return bsc_journal_append(journal, BSC_JOURNAL_RUN_BEGIN, about, true, err);
}

bool bsc_run_record_item_begin(struct bsc_journal *journal, const struct bsc_value *item,
                               struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    set_copy(payload, "item", bsc_value_get(item, "index"));
    set_copy(payload, "title", bsc_value_get(item, "title"));
    set_copy(payload, "kind", bsc_value_get(item, "kind"));
    bsc_value_set_int(payload, "attempt", 1);
    return append(journal, BSC_JOURNAL_ITEM_BEGIN, payload, false, err);
}

struct bsc_run_place bsc_run_record_place(const struct bsc_value *intent)
{
    return (struct bsc_run_place){bsc_value_get_number(intent, "item", 0),
                                  bsc_value_get_number(intent, "action", 0)};
}

bool bsc_run_record_action_begin(struct bsc_journal *journal, struct bsc_run_place at,
                                 struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", at.item);
    bsc_value_set_int(payload, "action", at.action);
    return append(journal, BSC_JOURNAL_ACTION_BEGIN, payload, false, err);
}

bool bsc_run_record_item_end(struct bsc_journal *journal, const struct bsc_value *item,
                             const struct bsc_value *result, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    set_copy(payload, "item", bsc_value_get(item, "index"));
    set_copy(payload, "outcome", bsc_value_get(result, "outcome"));
    set_copy(payload, "reason", bsc_value_get(result, "reason"));
    const struct bsc_value *actions = bsc_value_get(result, "actions");
    bool listed = bsc_value_kind(actions) == BSC_VALUE_LIST;
    bsc_value_set(payload, "actions", listed ? bsc_value_copy(actions) : bsc_value_list());
    if (bsc_value_get(result, "spent") != NULL)
        set_copy(payload, "spent", bsc_value_get(result, "spent"));
    if (bsc_value_get(result, "parked") != NULL)
        set_copy(payload, "parked", bsc_value_get(result, "parked"));
    return append(journal, BSC_JOURNAL_ITEM_END, payload, true, err);
}

bool bsc_run_record_settled(struct bsc_journal *journal, int64_t number, const char *outcome,
                            const char *by, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "effect", number);
    bsc_value_set_text(payload, "outcome", outcome);
    bsc_value_set(payload, "result", bsc_value_null());
    bsc_value_set(payload, "error", bsc_value_null());
    bsc_value_set_int(payload, "duration_us", 0);
    bsc_value_set_text(payload, "settled_by", by);
    bool ok = bsc_journal_append_settled(journal, BSC_JOURNAL_OUTCOME, payload, true, err);
    bsc_value_free(payload);
    return ok;
}

struct bsc_value *bsc_run_record_short(const struct bsc_value *fact)
{
    if (bsc_value_kind(fact) != BSC_VALUE_LIST || bsc_value_count(fact) <= LIST_MAX)
        return bsc_value_copy(fact);
    char hex[BSC_DIGEST_HEX];
    bsc_digest_value(fact, hex);
    struct bsc_value *form = bsc_value_map();
    bsc_value_set_int(form, "$count", (int64_t)bsc_value_count(fact));
    bsc_value_set_text(form, "$sha256", hex);
    return form;
}

static struct bsc_value *short_facts(const struct bsc_value *facts)
{
    struct bsc_value *map = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(facts); i++)
        bsc_value_set(map, bsc_value_key_at(facts, i),
                      bsc_run_record_short(bsc_value_item_at(facts, i)));
    return map;
}

bool bsc_run_record_observed(struct bsc_journal *journal, int64_t item, const char *resource,
                             const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", item);
    bsc_value_set_text(payload, "resource", resource);
    bsc_value_set(payload, "facts", short_facts(facts));
    return append(journal, BSC_JOURNAL_OBSERVED, payload, false, err);
}

bool bsc_run_record_now(struct bsc_journal *journal, int64_t item, int64_t wall_ms,
                        struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", item);
    bsc_value_set_int(payload, "wall_ms", wall_ms);
    return append(journal, BSC_JOURNAL_NOW, payload, false, err);
}

bool bsc_run_record_intent(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                           struct bsc_err *err)
{
    static const char *const keys[] = {"resource", "statement", "row", "args", "becomes"};
    static const char *const optional[] = {"volatile", "timeout_ms", "assumed", "once",
                                           "undo",     "returns",    "bound",   "settles"};
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "effect", change->number);
    bsc_value_set_int(payload, "item", change->at.item);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        set_copy(payload, keys[i], bsc_value_get(change->effect, keys[i]));
    set_copy(payload, "before", change->before);
    bsc_value_set_int(payload, "action", change->at.action);
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (bsc_value_kind(bsc_value_get(change->effect, optional[i])) != BSC_VALUE_NULL)
            set_copy(payload, optional[i], bsc_value_get(change->effect, optional[i]));
    }
    return append(journal, BSC_JOURNAL_INTENT, payload, true, err);
}

bool bsc_run_record_part(struct bsc_journal *journal, enum bsc_journal_kind kind,
                         const struct bsc_value *payload, bool durable, struct bsc_err *err)
{
    if (kind == BSC_JOURNAL_PART_END)
        return bsc_journal_append_settled(journal, kind, payload, durable, err);
    return bsc_journal_append(journal, kind, payload, durable, err);
}

/* That a change was made must not be lost for what it had to say: on a full disk the value is left
 * out where there is no room for it. */
static bool append_outcome(struct bsc_journal *journal, struct bsc_value *payload,
                           struct bsc_err *err)
{
    struct bsc_err full = BSC_ERR_INIT;
    if (bsc_journal_append_settled(journal, BSC_JOURNAL_OUTCOME, payload, false, &full))
        return true;
    *err = full;
    if (full.code != BSC_ERR_NO_SPACE)
        return false;
    bsc_value_set(payload, "result", bsc_value_null());
    bsc_value_set_bool(payload, "cut", true);
    return bsc_journal_append_settled(journal, BSC_JOURNAL_OUTCOME, payload, false, err);
}

bool bsc_run_record_outcome(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                            const char *outcome, const struct bsc_value *result,
                            const struct bsc_err *error, int64_t duration_us, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "effect", change->number);
    bsc_value_set_text(payload, "outcome", outcome);
    set_copy(payload, "result", result);
    bsc_value_set(payload, "error", error != NULL ? bsc_run_error_value(error) : bsc_value_null());
    bsc_value_set_int(payload, "duration_us", duration_us);
    bool ok = append_outcome(journal, payload, err);
    bsc_value_free(payload);
    return ok;
}

bool bsc_run_record_after(struct bsc_journal *journal, const struct bsc_run_record_change *change,
                          const char *resource, const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "effect", change->number);
    bsc_value_set_text(payload, "resource", resource);
    bsc_value_set(payload, "facts", short_facts(facts));
    return append(journal, BSC_JOURNAL_AFTER, payload, false, err);
}

bool bsc_run_record_lease(struct bsc_journal *journal, const char *path,
                          const struct bsc_value *text, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_text(payload, "place", path);
    set_copy(payload, "epoch", bsc_value_get(text, "epoch"));
    set_copy(payload, "reason", bsc_value_get(text, "reason"));
    set_copy(payload, "from", bsc_value_get(text, "from"));
    return append(journal, BSC_JOURNAL_LEASE, payload, false, err);
}

bool bsc_run_record_note(struct bsc_journal *journal, int64_t item, const struct bsc_value *effect,
                         struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", item);
    set_copy(payload, "kind", bsc_value_get(effect, "kind"));
    set_copy(payload, "text", bsc_value_get(effect, "text"));
    set_copy(payload, "data", bsc_value_get(effect, "data"));
    return append(journal, BSC_JOURNAL_NOTE, payload, false, err);
}

bool bsc_run_record_ask(struct bsc_journal *journal, int64_t item, const struct bsc_value *effect,
                        struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", item);
    set_copy(payload, "title", bsc_value_get(effect, "title"));
    const struct bsc_value *lines = bsc_value_get(effect, "lines");
    bool listed = bsc_value_kind(lines) == BSC_VALUE_LIST;
    bsc_value_set(payload, "lines", listed ? bsc_value_copy(lines) : bsc_value_list());
    return append(journal, BSC_JOURNAL_ASK, payload, false, err);
}

bool bsc_run_record_answer(struct bsc_journal *journal, int64_t item,
                           const struct bsc_value *answer, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_int(payload, "item", item);
    set_copy(payload, "answer", bsc_value_get(answer, "answer"));
    set_copy(payload, "by", bsc_value_get(answer, "by"));
    set_copy(payload, "reason", bsc_value_get(answer, "reason"));
    return append(journal, BSC_JOURNAL_ANSWER, payload, true, err);
}

bool bsc_run_record_end(struct bsc_journal *journal, const char *outcome, int exit_code,
                        const struct bsc_value *summary, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_value_map();
    bsc_value_set_text(payload, "outcome", outcome);
    bsc_value_set_int(payload, "exit", exit_code);
    set_copy(payload, "summary", summary);
    bool ok = bsc_journal_append_final(journal, BSC_JOURNAL_RUN_END, payload, err);
    bsc_value_free(payload);
    return ok;
}
