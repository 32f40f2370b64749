#include "run/past.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "journal/reader.h"
#include "run/cursor.h"
#include "run/held.h"
#include "run/inputs.h"
#include "run/judge.h"
#include "run/outcome.h"
#include "run/record.h"
#include "run/trail.h"
#include "run/wait.h"

struct reading {
    struct bsc_run_past *past; /* borrowed */
    struct bsc_value *intent;  /* owned: the last one, not concluded yet, or NULL */
    struct bsc_value *outcome; /* owned: its, or NULL */
    struct bsc_value *seen;    /* owned {id=facts}: what was looked at afterwards */
    size_t taken_back;         /* of the trail, the last first */
    struct bsc_run_held item;  /* of the item under way, from its beginning on */
    struct bsc_run_held last; /* of the last item before it that was passed and changed something */
    bool passed_over;         /* an item was, and the next process may begin there once more */
};

/* Set in an intent of a rollback: one of the way forward may be settled when that has begun. */
static const char of_undo[] = "of_undo";

static const struct bsc_value *planned_item(const struct bsc_value *items, int64_t index)
{
    return index >= 1 && (size_t)index <= bsc_value_count(items)
               ? bsc_value_at(items, (size_t)index - 1)
               : NULL;
}

/* ---------------------------------------------------------------- what was made */

struct key {
    char text[32];
};

static struct key key_of(int64_t number)
{
    struct key key;
    snprintf(key.text, sizeof key.text, "%lld", (long long)number);
    return key;
}

/* {item={action={essence=count}}}, one level down; made where it is missing. */
static struct bsc_value *level(struct bsc_value *map, int64_t number)
{
    struct key key = key_of(number);
    if (bsc_value_get(map, key.text) == NULL)
        bsc_value_set(map, key.text, bsc_value_map());
    return bsc_value_get(map, key.text);
}

bool bsc_run_past_has_changed(const struct bsc_run_past *past, int64_t item)
{
    return bsc_value_get_truth(past->changed, key_of(item).text);
}

/* An undo has places of its own. */
static struct bsc_value *counts_of(const struct bsc_run_past *past, struct bsc_run_place at,
                                   bool goes_back)
{
    return level(level(past->made, goes_back ? -at.item : at.item), at.action);
}

int64_t bsc_run_past_count(const struct bsc_run_past *past, struct bsc_run_place at,
                           const struct bsc_value *change)
{
    char essence[BSC_DIGEST_HEX];
    bsc_run_cursor_essence(change, essence);
    return bsc_value_get_number(counts_of(past, at, past->goes_back), essence, 0);
}

static void count(struct bsc_run_past *past, const struct bsc_value *intent)
{
    char essence[BSC_DIGEST_HEX];
    struct bsc_value *counts =
        counts_of(past, bsc_run_record_place(intent), bsc_value_get_truth(intent, of_undo));
    bsc_run_cursor_essence(intent, essence);
    bsc_value_set_int(counts, essence, bsc_value_get_number(counts, essence, 0) + 1);
}

/* ---------------------------------------------------------------- one change */

static void pass_return(struct bsc_run_past *past, int64_t item)
{
    past->beyond = item;
    past->skipped = 0;
}

static void conclude_as(struct bsc_run_past *past, const struct bsc_value *intent,
                        enum bsc_run_made made)
{
    struct bsc_run_place at = bsc_run_record_place(intent);
    if (made == BSC_RUN_MADE_NOT) {
        bsc_run_trail_leave_mends(past, intent);
        return;
    }
    if (made == BSC_RUN_MADE && bsc_value_get_truth(intent, "once"))
        count(past, intent);
    if (bsc_value_get_truth(intent, of_undo)) {
        bsc_value_set_bool(past->changed, key_of(-at.item).text, true);
        return;
    }
    if (at.item > (int64_t)past->items_done)
        bsc_value_set_bool(past->changed, key_of(at.item).text, true);
    bsc_run_trail_leave(past, intent);
    if (bsc_value_get_truth(planned_item(past->items, at.item), "point_of_no_return") &&
        !bsc_value_get_truth(intent, "returns"))
        pass_return(past, at.item);
}

void bsc_run_past_settle(struct bsc_run_past *past, enum bsc_run_made made)
{
    struct bsc_value *open = past->open;
    past->open = NULL;
    conclude_as(past, open, made);
    bsc_value_free(open);
}

enum bsc_run_made bsc_run_past_look(const struct bsc_value *schema, const struct bsc_value *intent,
                                    const struct bsc_value *seen, bool *ret_told)
{
    struct bsc_run_model *model =
        bsc_run_model_new(schema, bsc_value_copy(bsc_value_get(intent, "before")));
    const struct bsc_run_judgement of = {.becomes = bsc_value_get(intent, "becomes"),
                                         .before = bsc_value_get(intent, "before"),
                                         .seen = seen};
    enum bsc_run_trace trace = bsc_run_judge_trace(model, &of);
    bsc_run_model_free(model);
    *ret_told = trace != BSC_RUN_TRACE_UNTOLD;
    return trace == BSC_RUN_TRACE_ALL    ? BSC_RUN_MADE
           : trace == BSC_RUN_TRACE_NONE ? BSC_RUN_MADE_NOT
                                         : BSC_RUN_MADE_MAYBE;
}

/* What became of a change that has an outcome. A look afterwards counts more than what was
 * reported, and where nothing can be seen the report does: then *ret_told is false. */
static enum bsc_run_made made_of(const struct reading *reading, bool *ret_told)
{
    const char *word = bsc_value_get_string(reading->outcome, "outcome");
    bool changed = word != NULL && strcmp(word, "changed") == 0;
    *ret_told = bsc_value_get(reading->outcome, "settled_by") != NULL;
    if (*ret_told)
        return changed                                        ? BSC_RUN_MADE
               : word != NULL && strcmp(word, "unknown") == 0 ? BSC_RUN_MADE_MAYBE
                                                              : BSC_RUN_MADE_NOT;
    enum bsc_run_made made =
        bsc_run_past_look(reading->past->schema, reading->intent, reading->seen, ret_told);
    /* What was ordered and may still happen was not seen yet. */
    if (word != NULL && strcmp(word, "unknown") == 0 && made == BSC_RUN_MADE_NOT)
        return BSC_RUN_MADE_MAYBE;
    if (*ret_told || word == NULL)
        return made;
    bool failed = strcmp(word, "failed") == 0 || strcmp(word, "refused") == 0;
    return changed ? BSC_RUN_MADE : failed ? BSC_RUN_MADE_NOT : BSC_RUN_MADE_MAYBE;
}

/* A change that only is reported to have failed may have left something behind. */
static void reach(struct bsc_run_past *past, const struct bsc_value *intent)
{
    int64_t item = bsc_run_record_place(intent).item;
    if (!bsc_value_get_truth(intent, of_undo) && item > past->reached)
        past->reached = item;
}

/* A change whose row says of it, at any time, whether it may still happen. */
static bool is_settled_later(const struct bsc_value *intent)
{
    return bsc_value_get_string(intent, "settles") != NULL;
}

/* What became of the open change, as far as nobody has found out before another came. One that may
 * still happen stays open beside the others of its item: what they do tells nothing of it. Once it
 * was made again there is one of it to be settled, the last. */
static void pass_open(struct bsc_run_past *past, const struct bsc_value *intent,
                      enum bsc_run_made made)
{
    if (past->open == NULL)
        return;
    bool stays = is_settled_later(past->open) && !bsc_value_get_truth(intent, of_undo) &&
                 bsc_run_record_place(intent).item == bsc_run_record_place(past->open).item;
    if (!stays) {
        bsc_run_past_settle(past, BSC_RUN_MADE_MAYBE);
    } else if (is_settled_later(intent) && made != BSC_RUN_MADE_NOT) {
        bsc_value_free(past->open);
        past->open = NULL;
    }
}

/* Nothing more will be said of the last change. */
static void conclude(struct reading *reading)
{
    struct bsc_run_past *past = reading->past;
    bool told = false;
    if (reading->intent == NULL)
        return;
    enum bsc_run_made made =
        reading->outcome != NULL ? made_of(reading, &told) : BSC_RUN_MADE_MAYBE;
    if (made != BSC_RUN_MADE_NOT || !told)
        reach(past, reading->intent);
    bool is_open = reading->outcome == NULL ||
                   (made == BSC_RUN_MADE_MAYBE && (bsc_value_get_truth(reading->intent, "once") ||
                                                   is_settled_later(reading->intent)));
    pass_open(past, reading->intent, made);
    if (is_open && past->open != NULL)
        bsc_run_past_settle(past, BSC_RUN_MADE_MAYBE);
    if (is_open)
        past->open = bsc_value_copy(reading->intent);
    else
        conclude_as(past, reading->intent, made);
    bsc_value_free(reading->intent);
    bsc_value_free(reading->outcome);
    bsc_value_free(reading->seen);
    reading->intent = reading->outcome = reading->seen = NULL;
}

/* ---------------------------------------------------------------- records */

static void intent_seen(struct reading *reading, struct bsc_value *payload)
{
    conclude(reading);
    if (reading->past->goes_back)
        bsc_value_set_bool(payload, of_undo, true);
    reading->intent = payload;
    reading->seen = bsc_value_map();
    reading->past->tried = true;
    reading->past->changes = bsc_value_get_number(payload, "effect", 0);
}

/* The outcome of the last change, or of one that has been open until somebody found out; one of
 * neither must not pass for that of the next change. */
static void outcome_seen(struct reading *reading, struct bsc_value *payload)
{
    struct bsc_run_past *past = reading->past;
    if (reading->intent == NULL && past->open != NULL) {
        reading->intent = past->open;
        reading->seen = bsc_value_map();
        past->open = NULL;
    }
    if (reading->intent == NULL) {
        bsc_value_free(payload);
        return;
    }
    bsc_value_free(reading->outcome);
    reading->outcome = payload;
}

/* Long lists are recorded in a short form, which must not pass for another list. */
static void after_seen(struct reading *reading, const struct bsc_value *payload)
{
    const char *resource = bsc_value_get_string(payload, "resource");
    const struct bsc_value *facts = bsc_value_get(payload, "facts");
    const struct bsc_value *foretold =
        bsc_value_get(bsc_value_get(reading->intent, "becomes"), resource);
    struct bsc_value *seen = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const char *key = bsc_value_key_at(facts, i);
        const struct bsc_value *fact = bsc_value_item_at(facts, i);
        const struct bsc_value *wanted = bsc_value_get(foretold, key);
        struct bsc_value *in_short = wanted != NULL ? bsc_run_record_short(wanted) : NULL;
        bool same = in_short != NULL && bsc_value_equal(in_short, fact);
        bsc_value_set(seen, key, bsc_value_copy(same ? wanted : fact));
        bsc_value_free(in_short);
    }
    if (reading->seen != NULL)
        bsc_value_set(reading->seen, resource, seen);
    else
        bsc_value_free(seen);
}

static void item_begins(struct reading *reading, const struct bsc_value *payload)
{
    struct bsc_run_past *past = reading->past;
    int64_t index = bsc_value_get_number(payload, "item", 0);
    if (past->goes_back)
        return;
    past->at = (struct bsc_run_place){.item = index};
    past->items_done = index > 0 ? (size_t)index - 1 : 0;
    past->tried = false;
}

/* An undo is never optional, whatever it takes back. The last change of the way forward may still
 * be open: then it was taken for one that may have been made, and is what was taken back first. */
static void undo_ends(struct reading *reading, int64_t index, enum bsc_outcome outcome)
{
    struct bsc_run_past *past = reading->past;
    if (!bsc_run_outcome_goes_on(outcome, false))
        return;
    if (past->open != NULL && !bsc_value_get_truth(past->open, of_undo))
        bsc_run_past_settle(past, BSC_RUN_MADE_MAYBE);
    reading->taken_back++;
    bsc_value_remove(past->made, key_of(-index).text);
    bsc_value_remove(past->changed, key_of(-index).text);
}

static void item_passed(struct bsc_run_past *past, int64_t index, enum bsc_outcome outcome)
{
    const struct bsc_value *item = planned_item(past->items, index);
    bool skipped = outcome == BSC_OUTCOME_SKIPPED;
    if (!skipped && bsc_value_get_truth(item, "point_of_no_return"))
        pass_return(past, index);
    if (past->skipped == index)
        past->skipped = 0;
    if (skipped && bsc_value_get_truth(item, "optional") && past->skipped == 0)
        past->skipped = index;
    past->items_done = (size_t)index;
    past->at = (struct bsc_run_place){.item = index + 1};
    past->tried = false;
    bsc_value_remove(past->changed, key_of(index).text);
}

/* Whatever became of it, the item does not wait for it any more. */
static void pass_open_of(struct bsc_run_past *past, int64_t index)
{
    if (past->open != NULL && bsc_run_record_place(past->open).item == index &&
        !bsc_value_get_truth(past->open, of_undo) && is_settled_later(past->open))
        bsc_run_past_settle(past, BSC_RUN_MADE_MAYBE);
}

static bool is_done(enum bsc_outcome outcome)
{
    return outcome == BSC_OUTCOME_KEPT || outcome == BSC_OUTCOME_CHANGED;
}

static void item_ends(struct reading *reading, const struct bsc_value *payload)
{
    struct bsc_run_past *past = reading->past;
    int64_t index = bsc_value_get_number(payload, "item", 0);
    bool optional = bsc_value_get_truth(planned_item(past->items, index), "optional");
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(payload, "outcome"), &outcome);
    conclude(reading);
    bsc_run_wait_keep(past->waits, bsc_value_get(payload, "parked"));
    if (past->goes_back)
        undo_ends(reading, index, outcome);
    else if (bsc_run_outcome_goes_on(outcome, optional)) {
        pass_open_of(past, index);
        item_passed(past, index, outcome);
    }
    reading->passed_over =
        reading->passed_over || (!is_done(outcome) && bsc_run_outcome_goes_on(outcome, optional));
}

static void keep_text(char **place, const char *text)
{
    if (text == NULL)
        return;
    bsc_mem_free(*place);
    *place = bsc_mem_text(text);
}

static void run_begins(struct reading *reading, const struct bsc_value *payload)
{
    const char *mode = bsc_value_get_string(payload, "mode");
    conclude(reading);
    keep_text(&reading->past->folder, bsc_value_get_string(payload, "folder"));
    keep_text(&reading->past->working_folder, bsc_value_get_string(payload, "working_folder"));
    reading->past->goes_back =
        reading->past->goes_back || (mode != NULL && strcmp(mode, "rollback") == 0);
    reading->past->begun = true;
    reading->past->inputs = bsc_run_inputs_of(payload);
    reading->past->ended = false;
    bsc_value_free(reading->past->parked);
    reading->past->parked = NULL;
}

/* It has given its leases back on purpose, for others to work meanwhile: whoever had one since then
 * is not held against it. */
static void forget_epochs(struct bsc_run_past *past)
{
    struct bsc_value *places = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(past->leases); i++)
        bsc_value_set_int(places, bsc_value_key_at(past->leases, i), 0);
    bsc_value_free(past->leases);
    past->leases = places;
}

static void run_ends(struct reading *reading, const struct bsc_value *payload)
{
    const char *outcome = bsc_value_get_string(payload, "outcome");
    conclude(reading);
    reading->past->ended = outcome != NULL && strcmp(outcome, "done") == 0;
    const struct bsc_value *parked = bsc_value_get(bsc_value_get(payload, "summary"), "parked");
    if (parked == NULL)
        return;
    reading->past->parked = bsc_value_copy(parked);
    forget_epochs(reading->past);
}

/* Takes the payload. */
static void take_in(struct reading *reading, enum bsc_journal_kind kind, struct bsc_value *payload)
{
    if (kind == BSC_JOURNAL_INTENT) {
        intent_seen(reading, payload);
        return;
    }
    if (kind == BSC_JOURNAL_OUTCOME) {
        outcome_seen(reading, payload);
        return;
    }
    if (kind == BSC_JOURNAL_AFTER)
        after_seen(reading, payload);
    else if (kind == BSC_JOURNAL_ITEM_BEGIN)
        item_begins(reading, payload);
    else if (kind == BSC_JOURNAL_ACTION_BEGIN && !reading->past->goes_back)
        reading->past->at.action = bsc_value_get_number(payload, "action", 0);
    else if (kind == BSC_JOURNAL_ITEM_END)
        item_ends(reading, payload);
    else if (kind == BSC_JOURNAL_LEASE)
        bsc_value_set_int(reading->past->leases, bsc_value_get_string(payload, "place"),
                          bsc_value_get_number(payload, "epoch", 0));
    else if (kind == BSC_JOURNAL_RUN_BEGIN)
        run_begins(reading, payload);
    else if (kind == BSC_JOURNAL_RUN_END)
        run_ends(reading, payload);
    bsc_value_free(payload);
}

static bool is_wanted(enum bsc_journal_kind kind)
{
    return kind == BSC_JOURNAL_INTENT || kind == BSC_JOURNAL_OUTCOME || kind == BSC_JOURNAL_AFTER ||
           kind == BSC_JOURNAL_ITEM_BEGIN || kind == BSC_JOURNAL_ACTION_BEGIN ||
           kind == BSC_JOURNAL_ITEM_END || kind == BSC_JOURNAL_RUN_BEGIN ||
           kind == BSC_JOURNAL_RUN_END || kind == BSC_JOURNAL_LEASE;
}

static bool record_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    take_in(arg, record->kind, payload);
    return true;
}

/* ---------------------------------------------------------------- what is held back */

/*
 * Whoever goes on forwards needs to know of an item that was done only that it was, and of all of
 * them what became of the last change: the records between are most of a long journal, and are not
 * looked into. Behind an item that was passed over everything counts, since the next process may
 * begin there once more and must not make again what was made.
 */

static bool is_of_a_change(enum bsc_journal_kind kind)
{
    return kind == BSC_JOURNAL_INTENT || kind == BSC_JOURNAL_OUTCOME || kind == BSC_JOURNAL_AFTER;
}

static bool change_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    return !is_of_a_change(record->kind) || record_seen(arg, record, err);
}

/* The last item that was passed comes late: where the run stands is known already. */
static bool last_seen(struct reading *reading, struct bsc_err *err)
{
    struct bsc_run_past *past = reading->past;
    const struct bsc_run_past stands = *past;
    if (bsc_run_held_is_empty(&reading->last))
        return true;
    bool ok = bsc_run_held_each(&reading->last, change_seen, reading, err);
    conclude(reading);
    if (past->open != NULL && bsc_run_record_place(past->open).item <= (int64_t)past->items_done)
        pass_open_of(past, bsc_run_record_place(past->open).item);
    past->at = stands.at;
    past->tried = stands.tried;
    past->beyond = stands.beyond;
    past->skipped = stands.skipped;
    bsc_run_held_clear(&reading->last);
    return ok;
}

static bool held_seen(struct reading *reading, struct bsc_err *err)
{
    bool ok =
        last_seen(reading, err) && bsc_run_held_each(&reading->item, record_seen, reading, err);
    bsc_run_held_clear(&reading->item);
    return ok;
}

static bool is_passed(const struct bsc_value *payload)
{
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(payload, "outcome"), &outcome);
    return is_done(outcome);
}

static void forget_item(struct reading *reading)
{
    if (reading->item.has_change) {
        struct bsc_run_held before = reading->last;
        reading->last = reading->item;
        reading->item = before;
    }
    bsc_run_held_clear(&reading->item);
}

static bool item_end_seen(struct reading *reading, const struct bsc_journal_record *record,
                          struct bsc_err *err)
{
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    bool passed = is_passed(payload);
    if (passed)
        forget_item(reading);
    bool ok = payload != NULL && (passed || held_seen(reading, err));
    if (ok)
        take_in(reading, record->kind, payload);
    else
        bsc_value_free(payload);
    return ok;
}

static bool is_within_item(const struct reading *reading, enum bsc_journal_kind kind)
{
    return kind == BSC_JOURNAL_ITEM_BEGIN ||
           (!bsc_run_held_is_empty(&reading->item) && !bsc_run_held_is_full(&reading->item) &&
            (kind == BSC_JOURNAL_ACTION_BEGIN || is_of_a_change(kind)));
}

/* A record that waits, or that settles what the waiting ones are worth. */
static bool record_held(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct reading *reading = arg;
    bool is_held = !reading->past->goes_back && !reading->past->with_trail && !reading->passed_over;
    if (!bsc_run_denied_seen(&reading->past->denied, record, err))
        return false;
    if (!is_wanted(record->kind))
        return true;
    if (is_held && record->kind == BSC_JOURNAL_ITEM_END && !bsc_run_held_is_empty(&reading->item))
        return item_end_seen(reading, record, err);
    is_held = is_held && is_within_item(reading, record->kind);
    bool is_next = !is_held || record->kind == BSC_JOURNAL_ITEM_BEGIN;
    if (is_next && !bsc_run_held_is_empty(&reading->item) && !held_seen(reading, err))
        return false;
    if (is_held)
        bsc_run_held_add(&reading->item, record);
    return is_held || (last_seen(reading, err) && record_seen(reading, record, err));
}

bool bsc_run_past_read(struct bsc_run_past *past, const struct bsc_sys *sys, const char *journal,
                       struct bsc_err *err)
{
    struct reading reading = {.past = past};
    past->at = (struct bsc_run_place){.item = 1};
    past->changed = bsc_value_map();
    past->made = bsc_value_map();
    past->trail = bsc_value_list();
    past->leases = bsc_value_map();
    past->stays = bsc_value_list();
    past->waits = bsc_value_map();
    bsc_run_denied_init(&past->denied);
    bsc_run_held_init(&reading.item);
    bsc_run_held_init(&reading.last);
    bool ok = bsc_journal_read(sys, journal, record_held, &reading, &past->report, err) &&
              held_seen(&reading, err);
    conclude(&reading);
    bsc_run_trail_shorten(past, reading.taken_back);
    bsc_run_held_release(&reading.item);
    bsc_run_held_release(&reading.last);
    return ok && (past->report.state != BSC_JOURNAL_DAMAGED ||
                  bsc_journal_report_err(journal, &past->report, err));
}

void bsc_run_past_release(struct bsc_run_past *past)
{
    bsc_mem_free(past->folder);
    bsc_mem_free(past->working_folder);
    bsc_value_free(past->open);
    bsc_value_free(past->changed);
    bsc_value_free(past->made);
    bsc_value_free(past->trail);
    bsc_value_free(past->leases);
    bsc_value_free(past->stays);
    bsc_value_free(past->parked);
    bsc_value_free(past->waits);
    bsc_run_denied_release(&past->denied);
    *past = (struct bsc_run_past){0};
}
