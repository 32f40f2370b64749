#include "act.h"
#include "journal/journal.h"
#include "run/change.h"
#include "run/cursor.h"
#include "run/model.h"

/* The undo of all that was changed, last first; NULL when there is none. */
static struct bsc_value *collect(const struct bsc_value *begun)
{
    struct bsc_value *all = bsc_value_list();
    for (size_t i = bsc_value_count(begun); i > 0; i--) {
        const struct bsc_value *undo = bsc_value_get(bsc_value_at(begun, i - 1), "undo");
        const struct bsc_value *changes = bsc_value_get(undo, "changes");
        for (size_t u = 0; u < bsc_value_count(changes); u++)
            bsc_value_append(all, bsc_value_copy(bsc_value_at(changes, u)));
    }
    if (bsc_value_count(all) > 0)
        return all;
    bsc_value_free(all);
    return NULL;
}

static struct bsc_run_cursor *cursor_of(const struct bsc_value *changes)
{
    struct bsc_value *plan = bsc_value_map(), *items = bsc_value_list(), *item = bsc_value_map();
    bsc_value_set_int(item, "index", 1);
    bsc_value_set(item, "changes", bsc_value_copy(changes));
    bsc_value_append(items, item);
    bsc_value_set(plan, "items", items);
    struct bsc_run_cursor *cursor = bsc_run_cursor_new(plan);
    bsc_run_cursor_enter(cursor, 1);
    bsc_value_free(plan);
    return cursor;
}

struct wait {
    struct conform_sides *sides;
    struct bsc_err *err;
    bool waiting;
    bool over;
    bool ok;
};

static void changed(void *arg, struct bsc_value *answer, const struct bsc_err *err)
{
    struct wait *wait = arg;
    wait->over = true;
    wait->ok = answer != NULL;
    if (answer == NULL)
        *wait->err = *err;
    else
        bsc_value_append(wait->sides->undo_outcomes, answer);
    if (wait->waiting)
        bsc_loop_stop(wait->sides->session.loop);
}

static bool perform(struct conform_sides *sides, const struct bsc_run_live_options *with,
                    struct bsc_err *err)
{
    int64_t count = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(sides->undo); i++) {
        struct wait wait = {.sides = sides, .err = err};
        bsc_run_change(with, bsc_value_at(sides->undo, i), (struct bsc_run_place){1, 1}, &count,
                       changed, &wait);
        wait.waiting = !wait.over;
        if (wait.waiting)
            bsc_loop_run(sides->session.loop);
        ok = wait.ok;
    }
    return ok;
}

bool conform_act_undo(const struct conform_scene *scene, struct conform_sides *sides,
                      struct bsc_err *err)
{
    struct bsc_run_live_hooks hooks = {0};
    struct bsc_run_session *session = &sides->session;
    sides->undo = collect(sides->changes);
    if (sides->undo == NULL)
        return true;
    struct bsc_journal *journal = conform_journal(scene, sides, "undo.jsonl", err);
    if (journal == NULL)
        return false;
    struct bsc_run_live_options with = {
        .vm = session->vm,
        .hands = session->hands,
        .model = bsc_run_model_new(session->schema, bsc_value_copy(sides->after)),
        .cursor = cursor_of(sides->undo),
        .journal = journal,
        .loop = session->loop,
        .clock = session->with.clock,
        .hooks = &hooks};
    sides->undo_outcomes = bsc_value_list();
    bool ok = perform(sides, &with, err);
    bsc_run_cursor_free(with.cursor);
    bsc_run_model_free(with.model);
    ok = bsc_journal_close(journal, err) && ok;
    sides->after_undo = ok ? conform_observe(sides, err) : NULL;
    return sides->after_undo != NULL;
}
