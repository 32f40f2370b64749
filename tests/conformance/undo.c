#include "act.h"

#include <string.h>

#include "base/mem.h"
#include "journal/journal.h"
#include "put.h"
#include "run/back.h"
#include "run/cursor.h"
#include "run/execute.h"
#include "run/past.h"
#include "run/plan.h"

/* What each change that was begun says of its undo, as the trail of the run. What only puts right
 * an action that was left half done takes nothing back. */
static struct bsc_value *trail_of(const struct bsc_value *begun)
{
    struct bsc_value *trail = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(begun); i++) {
        const struct bsc_value *undo = bsc_value_get(bsc_value_at(begun, i), "undo");
        if (undo == NULL || bsc_value_get_truth(undo, "mends"))
            continue;
        struct bsc_value *entry = bsc_value_map();
        bsc_value_set_int(entry, "item", 1);
        bsc_value_set_int(entry, "action", 1);
        bsc_value_set(entry, "undo", bsc_value_copy(undo));
        bsc_value_append(trail, entry);
    }
    return trail;
}

static void change_end(void *self, const struct bsc_value *effect, const char *outcome,
                       const char *reason)
{
    struct conform_sides *sides = self;
    struct bsc_value *ended = bsc_value_map();
    bsc_value_set_text(ended, "outcome", outcome);
    bsc_value_set_text(ended, "reason", reason != NULL ? reason : "");
    bsc_value_append(sides->undo, bsc_value_copy(effect));
    bsc_value_append(sides->undo_outcomes, ended);
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct conform_sides *sides = self;
    const char *outcome = bsc_value_get_string(result, "outcome");
    (void)item;
    (void)err;
    sides->undone = strcmp(outcome, "changed") == 0 || strcmp(outcome, "kept") == 0;
    return true;
}

/* Reads what the run has written: changes of the way back are counted from there on. */
static bool read_past(const struct conform_scene *scene, const struct conform_sides *sides,
                      struct bsc_run_past *past, struct bsc_err *err)
{
    char *path = conform_path(scene, CONFORM_JOURNAL);
    past->schema = sides->session.schema;
    past->items = bsc_value_get(bsc_run_session_runbook(&sides->session), "items");
    bool ok = bsc_run_past_read(past, bsc_sys_real(), path, err);
    bsc_mem_free(path);
    return ok;
}

/* Does what was planned on the twin. */
static bool carry_out(const struct conform_scene *scene, struct conform_sides *sides,
                      struct bsc_run_order *order, struct bsc_err *err)
{
    struct bsc_run_end end;
    struct bsc_run_past past = {0};
    bool ok = read_past(scene, sides, &past, err);
    order->journal = ok ? conform_journal(scene, sides, "rollback", err) : NULL;
    order->past = &past;
    if (order->journal == NULL) {
        bsc_run_cursor_free(order->cursor);
        bsc_value_free(order->facts);
        bsc_run_past_release(&past);
        return false;
    }
    ok = bsc_run_execute(order, &end, err);
    bsc_run_past_release(&past);
    return bsc_journal_close(order->journal, err) && ok;
}

/* Plans on the twin what takes it back, and does it. */
static bool perform(const struct conform_scene *scene, struct conform_sides *sides,
                    const struct bsc_value *items, struct bsc_err *err)
{
    struct bsc_run_live_hooks live = {.self = sides, .change_end = change_end};
    struct bsc_run_hooks hooks = {.self = sides, .item_end = item_end};
    const struct bsc_run_rest rest = {.items = items};
    struct bsc_value *plan =
        bsc_run_plan_make_of(&sides->session, &rest, bsc_value_copy(sides->after), err);
    if (plan == NULL)
        return false;
    struct bsc_run_order order = {.session = &sides->session,
                                  .items = items,
                                  .cursor = bsc_run_cursor_new(plan),
                                  .facts = bsc_value_copy(sides->after),
                                  .hooks = &hooks,
                                  .live = &live};
    bsc_value_free(plan);
    return carry_out(scene, sides, &order, err);
}

bool conform_act_undo(const struct conform_scene *scene, struct conform_sides *sides,
                      struct bsc_err *err)
{
    struct bsc_value *trail = trail_of(sides->changes);
    const struct bsc_value *runbook = bsc_run_session_runbook(&sides->session);
    struct bsc_value *items = bsc_run_back_items(bsc_value_get(runbook, "items"), trail);
    bool any = bsc_value_count(items) > 0;
    sides->undo = bsc_value_list();
    sides->undo_outcomes = bsc_value_list();
    bool ok = !any || perform(scene, sides, items, err);
    sides->after_undo = any && ok ? conform_observe(sides, err) : NULL;
    bsc_value_free(trail);
    bsc_value_free(items);
    return ok && (!any || sides->after_undo != NULL);
}
