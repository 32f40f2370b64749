#include "run/story.h"

#include <string.h>

#include "base/mem.h"
#include "run/moves.h"
#include "run/outcome.h"

static void set_copy(struct bsc_value *to, const char *key, const struct bsc_value *from)
{
    const struct bsc_value *value = bsc_value_get(from, key);
    if (value != NULL)
        bsc_value_set(to, key, bsc_value_copy(value));
}

static void set_copies(struct bsc_value *to, const struct bsc_value *from)
{
    for (size_t i = 0; i < bsc_value_count(from); i++)
        set_copy(to, bsc_value_key_at(from, i), from);
}

/* A list inside the open item, or NULL outside of any. */
static struct bsc_value *list_of(const struct bsc_run_story *story, const char *key)
{
    return story->item != NULL ? bsc_value_get(story->item, key) : NULL;
}

static struct bsc_value *last_of(const struct bsc_value *list)
{
    size_t count = bsc_value_count(list);
    return count > 0 ? bsc_value_at(list, count - 1) : NULL;
}

static struct bsc_value *change_in(const struct bsc_value *item, int64_t number)
{
    const struct bsc_value *changes = bsc_value_get(item, "changes");
    for (size_t i = bsc_value_count(changes); i > 0; i--) {
        struct bsc_value *change = bsc_value_at(changes, i - 1);
        if (bsc_value_get_number(change, "effect", -2) == number)
            return change;
    }
    return NULL;
}

/* A part, or the end of one, which may be of a change that an earlier process was at. */
static void part_seen(struct bsc_run_story *story, const struct bsc_value *payload, bool ends)
{
    int64_t number = bsc_value_get_number(payload, "effect", -1);
    struct bsc_value *change = NULL;
    for (size_t i = bsc_value_count(story->items); i > 0 && change == NULL; i--)
        change = change_in(bsc_value_at(story->items, i - 1), number);
    if (change == NULL)
        return;
    if (bsc_value_get(change, "moves") == NULL)
        bsc_value_set(change, "moves", bsc_value_map());
    if (ends)
        bsc_run_moves_end(bsc_value_get(change, "moves"), payload);
    else
        bsc_run_moves_part(bsc_value_get(change, "moves"), payload);
}

/* The change with the number that a payload gives: of the open item, or what a later process found
 * out of one that had been under way. */
static struct bsc_value *change_of(const struct bsc_run_story *story,
                                   const struct bsc_value *payload)
{
    int64_t number = bsc_value_get_number(payload, "effect", -1);
    struct bsc_value *change = NULL;
    if (story->item != NULL)
        return change_in(story->item, number);
    for (size_t i = bsc_value_count(story->items); i > 0 && change == NULL; i--)
        change = change_in(bsc_value_at(story->items, i - 1), number);
    return change;
}

/* ---------------------------------------------------------------- items and their attempts */

static bool is_undo(const struct bsc_value *item)
{
    const char *kind = bsc_value_get_string(item, "kind");
    return kind != NULL && strcmp(kind, "undo") == 0;
}

/* Each action of a step is taken back by an undo of its own with the step's number. */
static char *attempts_key(const struct bsc_value *item)
{
    return bsc_mem_format("%s%lld", is_undo(item) ? "undo " : "",
                          (long long)bsc_value_get_number(item, "item", 0));
}

static void mark_earlier(struct bsc_run_story *story, const struct bsc_value *item)
{
    int64_t number = bsc_value_get_number(item, "item", 0);
    for (size_t i = bsc_value_count(story->items); i > 0; i--) {
        struct bsc_value *earlier = bsc_value_at(story->items, i - 1);
        if (bsc_value_get_number(earlier, "item", 0) != number || is_undo(earlier) != is_undo(item))
            continue;
        bsc_value_set_bool(earlier, "again", true);
        return;
    }
}

static void count_attempt(struct bsc_run_story *story, struct bsc_value *item)
{
    char *key = attempts_key(item);
    int64_t attempt = bsc_value_get_number(story->attempts, key, 0) + 1;
    bsc_value_set_int(story->attempts, key, attempt);
    bsc_value_set_int(item, "attempt", attempt);
    bsc_value_set_int(item, "process", (int64_t)bsc_value_count(story->begins));
    if (attempt > 1)
        mark_earlier(story, item);
    else if (!is_undo(item))
        story->items_begun++;
    bsc_mem_free(key);
}

static void undo_ended(struct bsc_run_story *story, const struct bsc_value *item)
{
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    if (!bsc_run_outcome_parse(bsc_value_get_string(item, "outcome"), &outcome) ||
        !bsc_run_outcome_goes_on(outcome, false))
        return;
    char *key = attempts_key(item);
    bsc_value_remove(story->attempts, key);
    story->items_undone++;
    bsc_mem_free(key);
}

static void item_begin(struct bsc_run_story *story, const struct bsc_value *payload,
                       const char *time)
{
    static const char *const lists[] = {"changes", "notes", "asks"};
    struct bsc_value *item = bsc_value_copy(payload);
    count_attempt(story, item);
    bsc_value_set_text(item, "begin", time);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        bsc_value_set(item, lists[i], bsc_value_list());
    bsc_value_append(story->items, item);
    story->item = item;
}

static void item_end(struct bsc_run_story *story, const struct bsc_value *payload, const char *time)
{
    if (story->item == NULL)
        return;
    set_copies(story->item, payload);
    bsc_value_set_text(story->item, "end", time);
    if (is_undo(story->item))
        undo_ended(story, story->item);
    story->item = NULL;
}

static void facts_seen(struct bsc_run_story *story, const struct bsc_value *payload)
{
    const char *id = bsc_value_get_string(payload, "resource");
    struct bsc_value *known = id != NULL ? bsc_value_get(story->facts, id) : NULL;
    if (known != NULL)
        set_copies(known, bsc_value_get(payload, "facts"));
    else if (id != NULL)
        bsc_value_set(story->facts, id, bsc_value_copy(bsc_value_get(payload, "facts")));
}

static void after(struct bsc_run_story *story, const struct bsc_value *payload)
{
    struct bsc_value *change = change_of(story, payload);
    const char *id = bsc_value_get_string(payload, "resource");
    facts_seen(story, payload);
    if (change == NULL || id == NULL)
        return;
    if (bsc_value_get(change, "after") == NULL)
        bsc_value_set(change, "after", bsc_value_map());
    bsc_value_set(bsc_value_get(change, "after"), id,
                  bsc_value_copy(bsc_value_get(payload, "facts")));
}

static void note(struct bsc_run_story *story, struct bsc_value *timed)
{
    const char *kind = bsc_value_get_string(timed, "kind");
    struct bsc_value *list = list_of(story, "notes");
    if (kind != NULL && strcmp(kind, "loss") == 0)
        bsc_value_append(story->losses, bsc_value_copy(timed));
    bsc_value_append(list != NULL ? list : story->notes, bsc_value_copy(timed));
}

/* `payload` carries the record's time. */
static void record_tell(struct bsc_run_story *story, enum bsc_journal_kind kind,
                        struct bsc_value *payload, const char *time)
{
    struct bsc_value *target = NULL;
    switch (kind) {
    case BSC_JOURNAL_RUN_BEGIN:
        bsc_value_append(story->begins, bsc_value_copy(payload));
        bsc_value_free(story->end);
        story->end = NULL;
        story->item = NULL;
        break;
    case BSC_JOURNAL_ITEM_BEGIN:
        item_begin(story, payload, time);
        break;
    case BSC_JOURNAL_ITEM_END:
        item_end(story, payload, time);
        break;
    case BSC_JOURNAL_INTENT:
        target = list_of(story, "changes");
        if (target != NULL)
            bsc_value_append(target, bsc_value_copy(payload));
        break;
    case BSC_JOURNAL_OUTCOME:
        target = change_of(story, payload);
        bsc_value_remove(payload, "time");
        if (target != NULL)
            set_copies(target, payload);
        break;
    case BSC_JOURNAL_AFTER:
        after(story, payload);
        break;
    case BSC_JOURNAL_PART:
    case BSC_JOURNAL_PART_END:
        part_seen(story, payload, kind == BSC_JOURNAL_PART_END);
        break;
    case BSC_JOURNAL_OBSERVED:
        facts_seen(story, payload);
        break;
    case BSC_JOURNAL_NOTE:
        note(story, payload);
        break;
    case BSC_JOURNAL_ASK:
        target = list_of(story, "asks");
        if (target != NULL)
            bsc_value_append(target, bsc_value_copy(payload));
        break;
    case BSC_JOURNAL_ANSWER:
        target = last_of(list_of(story, "asks"));
        if (target != NULL)
            set_copies(target, payload);
        break;
    case BSC_JOURNAL_RUN_END:
        bsc_value_free(story->end);
        story->end = bsc_value_copy(payload);
        break;
    default:
        break;
    }
}

static bool record_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    bsc_value_set_text(payload, "time", record->time);
    record_tell(arg, record->kind, payload, record->time);
    bsc_value_free(payload);
    return true;
}

bool bsc_run_story_read(struct bsc_run_story *story, const struct bsc_sys *sys, const char *journal,
                        struct bsc_err *err)
{
    story->begins = bsc_value_list();
    story->items = bsc_value_list();
    story->notes = bsc_value_list();
    story->losses = bsc_value_list();
    story->facts = bsc_value_map();
    story->attempts = bsc_value_map();
    return bsc_journal_read(sys, journal, record_seen, story, &story->report, err);
}

void bsc_run_story_release(struct bsc_run_story *story)
{
    bsc_value_free(story->begins);
    bsc_value_free(story->items);
    bsc_value_free(story->notes);
    bsc_value_free(story->losses);
    bsc_value_free(story->facts);
    bsc_value_free(story->end);
    bsc_value_free(story->attempts);
    *story = (struct bsc_run_story){0};
}
