#include "run/story.h"

#include <string.h>

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

/* The change with the number that a payload gives, in the open item. */
static struct bsc_value *change_of(const struct bsc_run_story *story,
                                   const struct bsc_value *payload)
{
    const struct bsc_value *changes = list_of(story, "changes");
    int64_t number = bsc_value_get_number(payload, "effect", -1);
    for (size_t i = bsc_value_count(changes); i > 0; i--) {
        struct bsc_value *change = bsc_value_at(changes, i - 1);
        if (bsc_value_get_number(change, "effect", -2) == number)
            return change;
    }
    return NULL;
}

static void item_begin(struct bsc_run_story *story, const struct bsc_value *payload,
                       const char *time)
{
    static const char *const lists[] = {"changes", "notes", "asks"};
    struct bsc_value *item = bsc_value_copy(payload);
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
    *story = (struct bsc_run_story){0};
}
