#include "run/standing.h"

#include <string.h>

#include "base/mem.h"
#include "journal/lock.h"
#include "os/clock.h"
#include "os/files.h"
#include "run/moves.h"
#include "run/outcome.h"

enum {
    /* No runbook has more items; a journal that says so is not believed. */
    ITEMS_MAX = 1 << 20,
    /* A run that ends and begins again while we look at it twice is looked at once more. */
    LOOKS_MAX = 4
};

struct stand {
    const char *name;
    const char *text;
};

static const struct stand stands[] = {
#define STAND_ROW(id, name, text) {name, text},
    BSC_RUN_STANDS(STAND_ROW)
#undef STAND_ROW
};

const char *bsc_run_stand_name(enum bsc_run_stand stand)
{
    return (size_t)stand < sizeof stands / sizeof stands[0] ? stands[stand].name : "unknown";
}

const char *bsc_run_stand_text(enum bsc_run_stand stand)
{
    return (size_t)stand < sizeof stands / sizeof stands[0] ? stands[stand].text : "unknown";
}

const char *bsc_run_standing_mode(const struct bsc_run_standing *standing)
{
    const char *mode = bsc_value_get_string(standing->begin, "mode");
    return mode != NULL ? mode : "run";
}

const struct bsc_value *bsc_run_standing_parked(const struct bsc_run_standing *standing)
{
    return standing->stand == BSC_RUN_STAND_PARKED
               ? bsc_value_get(bsc_value_get(standing->end, "summary"), "parked")
               : NULL;
}

bool bsc_run_standing_is_orphaned(const struct bsc_run_standing *standing)
{
    return standing->stand == BSC_RUN_STAND_RUNNING &&
           bsc_value_get(standing->holder, "orphans") != NULL;
}

static bool rolls_back(const struct bsc_run_standing *standing)
{
    return strcmp(bsc_run_standing_mode(standing), "rollback") == 0;
}

static int64_t time_of(const struct bsc_value *timed)
{
    int64_t ms = 0;
    const char *text = bsc_value_get_string(timed, "time");
    return text != NULL && bsc_clock_parse(text, &ms) ? ms : 0;
}

static void set_text(char **text, const char *value)
{
    bsc_mem_free(*text);
    *text = value != NULL ? bsc_mem_text(value) : NULL;
}

static void keep(struct bsc_value **place, struct bsc_value *value)
{
    bsc_value_free(*place);
    *place = value;
}

/* These keys of a map, as far as it has them; returns owned. */
static struct bsc_value *copy_of(const struct bsc_value *map, const char *const *keys, size_t count)
{
    struct bsc_value *copy = bsc_value_map();
    for (size_t i = 0; i < count; i++) {
        const struct bsc_value *value = bsc_value_get(map, keys[i]);
        if (value != NULL)
            bsc_value_set(copy, keys[i], bsc_value_copy(value));
    }
    return copy;
}

/* -------------------------------------------------------------------- items */

const struct bsc_run_standing_item *bsc_run_standing_item(const struct bsc_run_standing *standing,
                                                          int64_t index)
{
    if (index < 1 || (size_t)index > standing->item_count)
        return NULL;
    const struct bsc_run_standing_item *item = &standing->items[index - 1];
    return item->title != NULL ? item : NULL;
}

static struct bsc_run_standing_item *item_of(struct bsc_run_standing *standing,
                                             const struct bsc_value *payload)
{
    int64_t index = bsc_value_get_number(payload, "item", 0);
    bool begun = bsc_run_standing_item(standing, index) != NULL;
    return begun ? &standing->items[index - 1] : NULL;
}

static struct bsc_run_standing_item *item_make(struct bsc_run_standing *standing, int64_t index)
{
    size_t count = standing->item_count;
    if (index < 1 || index > ITEMS_MAX)
        return NULL;
    if ((size_t)index > count) {
        standing->items = bsc_mem_resize(standing->items, (size_t)index, sizeof *standing->items);
        memset(standing->items + count, 0, ((size_t)index - count) * sizeof *standing->items);
        standing->item_count = (size_t)index;
    }
    return &standing->items[index - 1];
}

/* A rollback goes over the items again, which stay what they became when they were carried out. */
static void item_begin(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    int64_t index = bsc_value_get_number(payload, "item", 0);
    standing->item = index;
    struct bsc_run_standing_item *item = item_make(standing, index);
    if (item == NULL || (rolls_back(standing) && item->title != NULL))
        return;
    const char *title = bsc_value_get_string(payload, "title");
    set_text(&item->title, title != NULL ? title : "");
    set_text(&item->kind, bsc_value_get_string(payload, "kind"));
    set_text(&item->outcome, NULL);
    set_text(&item->reason, NULL);
    item->begin_ms = time_of(payload);
    item->end_ms = 0;
    item->asked_ms = 0;
}

/* By the verdict on all of it: what was reported of a change may be an error although it took
 * effect. */
static bool has_become(const struct bsc_run_standing_item *item, const char *word)
{
    return item->outcome != NULL && strcmp(item->outcome, word) == 0;
}

static struct bsc_value *stuck_of(const struct bsc_value *payload)
{
    static const char *const keys[] = {"item", "outcome", "reason"};
    return copy_of(payload, keys, sizeof keys / sizeof keys[0]);
}

static void item_end(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    struct bsc_run_standing_item *item = item_of(standing, payload);
    standing->item = 0;
    if (rolls_back(standing)) {
        enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
        bool ended = bsc_run_outcome_parse(bsc_value_get_string(payload, "outcome"), &outcome);
        bool undone = ended && bsc_run_outcome_goes_on(outcome, false);
        standing->undone += undone ? 1 : 0;
        if (!undone)
            keep(&standing->stuck, stuck_of(payload));
        return;
    }
    if (item == NULL)
        return;
    set_text(&item->outcome, bsc_value_get_string(payload, "outcome"));
    set_text(&item->reason, bsc_value_get_string(payload, "reason"));
    item->end_ms = time_of(payload);
    /* Its change reported an error, and was seen to have taken effect all the same. */
    if (has_become(item, "changed") && item->changes == 0) {
        item->changes = 1;
        standing->changes++;
    }
}

size_t bsc_run_standing_done(const struct bsc_run_standing *standing)
{
    size_t done = 0;
    for (size_t i = 0; i < standing->item_count; i++) {
        const char *word = standing->items[i].outcome;
        enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
        /* What was optional did not keep the next one from beginning. */
        bool passed = bsc_run_outcome_parse(word, &outcome) &&
                      bsc_run_outcome_goes_on(outcome, i + 1 < standing->item_count);
        done += passed ? 1 : 0;
    }
    return done;
}

bool bsc_run_standing_has_way_back(const struct bsc_run_standing *standing)
{
    bool changed = standing->changes > 0 || standing->doubts > 0 || standing->in_flight != NULL;
    for (size_t i = 0; i < standing->item_count && !changed; i++)
        changed = has_become(&standing->items[i], "changed");
    return changed && standing->has_undo;
}

bool bsc_run_standing_is_past_return(const struct bsc_run_standing *standing)
{
    int64_t point = bsc_value_get_number(standing->begin, "point_of_no_return", 0);
    const struct bsc_run_standing_item *item = bsc_run_standing_item(standing, point);
    if (item == NULL)
        return false;
    bool at_it = bsc_value_get_number(standing->in_flight, "item", 0) == point &&
                 !bsc_value_get_truth(standing->in_flight, "returns");
    return at_it || item->final > 0 || has_become(item, "changed") || has_become(item, "kept");
}

/* -------------------------------------------------------------------- records */

/* Only what is shown: arguments and facts may be long. */
static struct bsc_value *shown_of(const struct bsc_value *payload)
{
    static const char *const keys[] = {"effect", "item",    "resource", "statement",
                                       "title",  "returns", "time"};
    return copy_of(payload, keys, sizeof keys / sizeof keys[0]);
}

static void run_begin(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    int64_t items = bsc_value_get_number(payload, "items", 0);
    keep(&standing->begin, bsc_value_copy(payload));
    keep(&standing->end, NULL);
    keep(&standing->asked, NULL);
    keep(&standing->stuck, NULL);
    standing->begins++;
    standing->item = 0;
    if (items > 0)
        standing->items_all = (size_t)items;
}

static void part(struct bsc_run_standing *standing, const struct bsc_value *payload, bool ends)
{
    struct bsc_value *change = standing->in_flight;
    if (bsc_value_get_number(payload, "effect", -1) != bsc_value_get_number(change, "effect", -2))
        return;
    if (bsc_value_get(change, "moves") == NULL)
        bsc_value_set(change, "moves", bsc_value_map());
    if (ends)
        bsc_run_moves_end(bsc_value_get(change, "moves"), payload);
    else
        bsc_run_moves_part(bsc_value_get(change, "moves"), payload);
}

/* Whatever it was called: of a change that moves one by one something may be done. */
static bool is_partly_made(const struct bsc_value *change)
{
    const struct bsc_value *moves = bsc_value_get(change, "moves");
    return bsc_value_get_number(moves, "moved", 0) > 0 || bsc_run_moves_in_flight(moves) > 0;
}

static void outcome(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    struct bsc_run_standing_item *item = item_of(standing, standing->in_flight);
    if (bsc_value_get_number(payload, "effect", -1) !=
        bsc_value_get_number(standing->in_flight, "effect", -2))
        return;
    if (!rolls_back(standing)) {
        enum bsc_outcome word = BSC_OUTCOME_UNKNOWN;
        bsc_run_outcome_parse(bsc_value_get_string(payload, "outcome"), &word);
        bool returns = bsc_value_get_truth(standing->in_flight, "returns");
        bool made = word == BSC_OUTCOME_CHANGED;
        bool failed = word == BSC_OUTCOME_FAILED || word == BSC_OUTCOME_REFUSED;
        bool doubted = !made && (!failed || is_partly_made(standing->in_flight));
        standing->changes += made ? 1 : 0;
        standing->doubts += doubted ? 1 : 0;
        if (item != NULL) {
            item->changes += made ? 1 : 0;
            item->doubts += doubted ? 1 : 0;
            item->final += (made || doubted) && !returns ? 1 : 0;
        }
    }
    keep(&standing->in_flight, NULL);
}

static void answer(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    struct bsc_run_standing_item *item = item_of(standing, payload);
    if (item != NULL && standing->asked != NULL)
        item->asked_ms += time_of(payload) - time_of(standing->asked);
    keep(&standing->asked, NULL);
}

static void run_end(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    keep(&standing->end, bsc_value_copy(payload));
    keep(&standing->asked, NULL);
    standing->item = 0;
}

static void lease(struct bsc_run_standing *standing, const struct bsc_value *payload)
{
    if (standing->leases == NULL)
        standing->leases = bsc_value_map();
    bsc_value_set_int(standing->leases, bsc_value_get_string(payload, "place"),
                      bsc_value_get_number(payload, "epoch", 0));
}

static void take_in(struct bsc_run_standing *standing, enum bsc_journal_kind kind,
                    const struct bsc_value *payload)
{
    switch (kind) {
    case BSC_JOURNAL_RUN_BEGIN:
        run_begin(standing, payload);
        break;
    case BSC_JOURNAL_LEASE:
        lease(standing, payload);
        break;
    case BSC_JOURNAL_ITEM_BEGIN:
        item_begin(standing, payload);
        break;
    case BSC_JOURNAL_INTENT:
        standing->has_undo = standing->has_undo || bsc_value_get(payload, "undo") != NULL;
        keep(&standing->in_flight, shown_of(payload));
        break;
    case BSC_JOURNAL_OUTCOME:
        outcome(standing, payload);
        break;
    case BSC_JOURNAL_PART:
    case BSC_JOURNAL_PART_END:
        part(standing, payload, kind == BSC_JOURNAL_PART_END);
        break;
    case BSC_JOURNAL_ASK:
        keep(&standing->asked, shown_of(payload));
        break;
    case BSC_JOURNAL_ANSWER:
        answer(standing, payload);
        break;
    case BSC_JOURNAL_ITEM_END:
        item_end(standing, payload);
        break;
    case BSC_JOURNAL_RUN_END:
        run_end(standing, payload);
        break;
    default:
        break;
    }
}

/* Facts are most of a journal, and say nothing here. */
static bool is_wanted(enum bsc_journal_kind kind)
{
    return kind != BSC_JOURNAL_OBSERVED && kind != BSC_JOURNAL_AFTER && kind != BSC_JOURNAL_NOW &&
           kind != BSC_JOURNAL_KIND_MAX_;
}

static bool record_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_run_standing *standing = arg;
    if (!is_wanted(record->kind))
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    bsc_value_set_text(payload, "time", record->time);
    take_in(standing, record->kind, payload);
    if (standing->told != NULL)
        standing->told(standing->told_arg, record->kind, payload);
    bsc_value_free(payload);
    return true;
}

/* -------------------------------------------------------------------- the whole */

static enum bsc_run_stand ended_as(const struct bsc_run_standing *standing)
{
    const char *word = bsc_value_get_string(standing->end, "outcome");
    if (word == NULL)
        return BSC_RUN_STAND_HALTED;
    if (strcmp(word, "done") == 0)
        return rolls_back(standing) ? BSC_RUN_STAND_ROLLED_BACK : BSC_RUN_STAND_DONE;
    for (size_t i = 0; i < sizeof stands / sizeof stands[0]; i++)
        if (strcmp(stands[i].name, word) == 0)
            return (enum bsc_run_stand)i;
    return BSC_RUN_STAND_HALTED;
}

static enum bsc_run_stand stand_of(const struct bsc_run_standing *standing)
{
    if (standing->report.state == BSC_JOURNAL_DAMAGED)
        return BSC_RUN_STAND_DAMAGED;
    if (standing->end != NULL)
        return ended_as(standing);
    if (standing->holder != NULL)
        return BSC_RUN_STAND_RUNNING;
    return standing->report.records == 0 ? BSC_RUN_STAND_NOT_BEGUN : BSC_RUN_STAND_INTERRUPTED;
}

/* Who holds the lock, if it is held for this run. */
static bool look(struct bsc_run_standing *standing, const struct bsc_sys *sys,
                 const struct bsc_journal_folder *folder, struct bsc_err *err)
{
    struct bsc_value *holder = NULL;
    if (!bsc_journal_lock_look(sys, folder->runs, &holder, err))
        return false;
    const char *run = bsc_value_get_string(holder, "run");
    if (run == NULL || strcmp(run, folder->id) != 0) {
        bsc_value_free(holder);
        holder = NULL;
    }
    keep(&standing->holder, holder);
    return true;
}

/* A run's folder is there before its journal is. */
static bool journal_read(struct bsc_run_standing *standing, const struct bsc_sys *sys,
                         const struct bsc_journal_folder *folder, struct bsc_err *err)
{
    struct bsc_err own = BSC_ERR_INIT;
    bool on = standing->report.records > 0;
    bool done =
        on ? bsc_journal_read_on(sys, folder->journal, record_seen, standing, &standing->report,
                                 &own)
           : bsc_journal_read(sys, folder->journal, record_seen, standing, &standing->report, &own);
    if (done || (!on && own.code == BSC_ERR_NOT_FOUND && bsc_files_exists(sys, folder->path)))
        return true;
    *err = own;
    return false;
}

bool bsc_run_standing_read(struct bsc_run_standing *standing, const struct bsc_sys *sys,
                           const struct bsc_journal_folder *folder, struct bsc_err *err)
{
    /* A run may begin or end while its journal is read: it is live or gone only when the lock says
     * so both before and after. */
    for (int i = 0; i < LOOKS_MAX; i++) {
        if (!look(standing, sys, folder, err))
            return false;
        bool live = standing->holder != NULL;
        if (!journal_read(standing, sys, folder, err) || !look(standing, sys, folder, err))
            return false;
        if (live == (standing->holder != NULL))
            break;
    }
    standing->stand = stand_of(standing);
    return true;
}

void bsc_run_standing_release(struct bsc_run_standing *standing)
{
    for (size_t i = 0; i < standing->item_count; i++) {
        bsc_mem_free(standing->items[i].title);
        bsc_mem_free(standing->items[i].kind);
        bsc_mem_free(standing->items[i].outcome);
        bsc_mem_free(standing->items[i].reason);
    }
    bsc_mem_free(standing->items);
    bsc_value_free(standing->holder);
    bsc_value_free(standing->begin);
    bsc_value_free(standing->end);
    bsc_value_free(standing->in_flight);
    bsc_value_free(standing->leases);
    bsc_value_free(standing->asked);
    bsc_value_free(standing->stuck);
    *standing = (struct bsc_run_standing){0};
}
