#include "run/plan.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "run/brief.h"
#include "run/effect.h"
#include "run/machine.h"
#include "run/model.h"
#include "run/outcome.h"
#include "run/twin.h"
#include "value/digest.h"

enum { PLAN_FORMAT = 1 };

/* A plan in the making. */
struct draft {
    struct bsc_value *items;         /* borrowed from the plan */
    struct bsc_value *item;          /* borrowed: the one being performed */
    struct bsc_run_twin *twin;       /* borrowed */
    const struct bsc_run_past *past; /* borrowed: of a run that is gone on with, or NULL */
    struct bsc_run_end end;
    bool over;
};

static void copy_key(struct bsc_value *to, const struct bsc_value *from, const char *key)
{
    const struct bsc_value *value = bsc_value_get(from, key);
    if (value != NULL)
        bsc_value_set(to, key, bsc_value_copy(value));
}

/* How sure it is what each action makes true. */
static struct bsc_value *labels_of(const struct bsc_value *item)
{
    struct bsc_value *labels = bsc_value_list();
    const struct bsc_value *actions = bsc_value_get(item, "actions");
    for (size_t i = 0; i < bsc_value_count(actions); i++)
        bsc_value_append(labels,
                         bsc_value_text(bsc_value_get_string(bsc_value_at(actions, i), "label")));
    return labels;
}

/* A gate that has parked the run waits since then. */
static void set_since(struct draft *draft)
{
    const struct bsc_value *waits = draft->past != NULL ? draft->past->waits : NULL;
    const char *title = bsc_value_get_string(draft->item, "title");
    int64_t since_ms = title != NULL ? bsc_value_get_number(waits, title, 0) : 0;
    if (since_ms > 0) {
        char text[BSC_CLOCK_TEXT];
        bsc_clock_format(since_ms, text);
        bsc_value_set_text(draft->item, "since", text);
    }
}

static bool item_begin(void *self, const struct bsc_value *item, struct bsc_err *err)
{
    static const char *const keys[] = {"index",
                                       "kind",
                                       "title",
                                       "phase",
                                       "line",
                                       "optional",
                                       "harmless",
                                       "after",
                                       "after_ms",
                                       "parks",
                                       "point_of_no_return"};
    struct draft *draft = self;
    (void)err;
    draft->item = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        copy_key(draft->item, item, keys[i]);
    set_since(draft);
    bsc_value_set(draft->item, "labels", labels_of(item));
    bsc_value_set(draft->item, "changes", bsc_value_list());
    bsc_value_set(draft->item, "notes", bsc_value_list());
    bsc_value_set(draft->item, "asks", bsc_value_list());
    bsc_value_append(draft->items, draft->item);
    bsc_run_twin_enter(draft->twin, bsc_value_get_number(item, "index", 0));
    return true;
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct draft *draft = self;
    (void)item;
    (void)err;
    copy_key(draft->item, result, "outcome");
    copy_key(draft->item, result, "reason");
    copy_key(draft->item, result, "actions");
    return true;
}

static void draft_change(void *self, const struct bsc_value *effect, const struct bsc_value *before)
{
    static const char *const keys[] = {"resource", "statement", "row",        "args",
                                       "becomes",  "volatile",  "timeout_ms", "undo"};
    struct draft *draft = self;
    struct bsc_value *change = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        copy_key(change, effect, keys[i]);
    bsc_value_set(change, "before", bsc_value_copy(before));
    bsc_value_append(bsc_value_get(draft->item, "changes"), change);
}

static void draft_note(void *self, const struct bsc_value *effect)
{
    struct draft *draft = self;
    struct bsc_value *note = bsc_value_map();
    copy_key(note, effect, "kind");
    copy_key(note, effect, "text");
    bsc_value_append(bsc_value_get(draft->item, "notes"), note);
}

static void draft_ask(void *self, const struct bsc_value *effect)
{
    struct draft *draft = self;
    struct bsc_value *ask = bsc_value_map();
    copy_key(ask, effect, "title");
    copy_key(ask, effect, "lines");
    copy_key(ask, effect, "stands");
    bsc_value_append(bsc_value_get(draft->item, "asks"), ask);
}

static void drafted(void *arg, const struct bsc_run_end *end)
{
    struct draft *draft = arg;
    draft->end = *end;
    draft->over = true;
}

static struct bsc_value *digested_modules(const struct bsc_run_session *session)
{
    struct bsc_value *list = bsc_value_list();
    const struct bsc_value *modules = bsc_value_get(session->listing, "modules");
    for (size_t i = 0; i < bsc_value_count(modules); i++) {
        const struct bsc_value *module = bsc_value_at(modules, i);
        const struct bsc_value *source = bsc_value_get(module, "source");
        char hex[BSC_DIGEST_HEX];
        bsc_digest_text(bsc_value_string(source), bsc_value_string_length(source), hex);
        struct bsc_value *entry = bsc_value_map();
        copy_key(entry, module, "name");
        bsc_value_set_text(entry, "sha256", hex);
        bsc_value_append(list, entry);
    }
    return list;
}

static struct bsc_value *file_and_digest(const char *file, const char *sha256)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "file", file);
    bsc_value_set_text(map, "sha256", sha256);
    return map;
}

void bsc_run_plan_describe_inputs(struct bsc_value *plan, const struct bsc_run_session *session)
{
    const struct bsc_value *runbook = bsc_run_session_runbook(session);
    struct bsc_value *about =
        file_and_digest(bsc_files_name_of(session->with.runbook_path), session->runbook_digest);
    copy_key(about, runbook, "name");
    copy_key(about, runbook, "summary");
    bsc_value_set(about, "modules", digested_modules(session));
    bsc_value_set(plan, "runbook", about);
    struct bsc_value *library = bsc_value_map();
    bsc_value_set_text(library, "sha256", session->library_digest);
    bsc_value_set(plan, "library", library);
    if (session->site != NULL)
        bsc_value_set(plan, "site",
                      file_and_digest(bsc_files_name_of(session->with.site_path),
                                      bsc_site_digest(session->site)));
    struct bsc_value *params = bsc_value_map();
    const struct bsc_value *declared = bsc_value_get(runbook, "params");
    for (size_t i = 0; i < bsc_value_count(declared); i++) {
        const struct bsc_value *value = bsc_value_get(bsc_value_item_at(declared, i), "value");
        bsc_value_set(params, bsc_value_key_at(declared, i), bsc_value_copy(value));
    }
    bsc_value_set(plan, "params", params);
}

static void set_digest(struct bsc_value *plan)
{
    char hex[BSC_DIGEST_HEX];
    struct bsc_value *made = bsc_value_take(plan, "made");
    bsc_value_remove(plan, "digest");
    bsc_digest_value(plan, hex);
    bsc_value_set_text(plan, "digest", hex);
    if (made != NULL)
        bsc_value_set(plan, "made", made);
}

static void set_real_path(struct bsc_value *map, const char *key, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *real = path != NULL ? bsc_files_real_path(path, &err) : NULL;
    bsc_value_set_text(map, key, real);
    bsc_mem_free(real);
}

void bsc_run_plan_place(struct bsc_value *plan, const struct bsc_run_session *session)
{
    struct bsc_value *made = bsc_value_get(plan, "made");
    set_real_path(made, "runbook", session->with.runbook_path);
    set_real_path(made, "site", session->with.site_path);
}

static void describe_making(struct bsc_value *plan, const struct bsc_run_session *session)
{
    const struct bsc_clock *clock = session->with.clock;
    char time[BSC_CLOCK_TEXT];
    struct bsc_value *made = bsc_value_map();
    bsc_clock_format(clock->wall_ms(clock->self), time);
    bsc_value_set_text(made, "time", time);
    bsc_value_set(plan, "made", made);
    bsc_run_plan_place(plan, session);
}

static void rehearse(struct bsc_run_session *session, const struct bsc_run_rest *rest,
                     struct bsc_run_model *model, struct draft *draft)
{
    const struct bsc_clock *clock = session->with.clock;
    struct bsc_run_twin_hooks seen = {draft, draft_change, draft_note, draft_ask};
    struct bsc_run_hooks hooks = {draft, item_begin, item_end};
    struct bsc_run_twin *twin = bsc_run_twin_new(model, clock->wall_ms(clock->self), &seen);
    struct bsc_run_machine *machine =
        bsc_run_machine_new(session->vm, rest->items, bsc_run_twin_world(twin), &hooks);
    draft->twin = twin;
    draft->past = rest->past;
    bsc_run_twin_remember(twin, rest->past);
    bsc_run_machine_skip_to(machine, &rest->start);
    bsc_run_machine_start(machine, drafted, draft);
    BSC_BUG_ON(!draft->over);
    bsc_run_machine_free(machine);
    bsc_run_twin_free(twin);
}

struct bsc_value *bsc_run_plan_make(struct bsc_run_session *session, struct bsc_value *facts,
                                    struct bsc_err *err)
{
    const struct bsc_run_rest all = {.items =
                                         bsc_value_get(bsc_run_session_runbook(session), "items")};
    return bsc_run_plan_make_of(session, &all, facts, err);
}

struct bsc_value *bsc_run_plan_make_of(struct bsc_run_session *session,
                                       const struct bsc_run_rest *rest, struct bsc_value *facts,
                                       struct bsc_err *err)
{
    struct draft draft = {0};
    struct bsc_value *plan = bsc_value_map();
    bsc_value_set_int(plan, "format", PLAN_FORMAT);
    bsc_value_set_text(plan, "bascule", BSC_VERSION);
    bsc_run_plan_describe_inputs(plan, session);
    draft.items = bsc_value_list();
    bsc_value_set(plan, "items", draft.items);
    bsc_value_set(plan, "facts", bsc_value_copy(facts));
    struct bsc_run_model *model = bsc_run_model_new(session->schema, facts);
    rehearse(session, rest, model, &draft);
    bsc_run_model_free(model);
    if (draft.end.broke) {
        *err = draft.end.err;
        bsc_value_free(plan);
        return NULL;
    }
    bsc_value_set_text(plan, "outcome", bsc_run_outcome_name(draft.end.outcome));
    bsc_value_set_text(plan, "reason", draft.end.reason);
    describe_making(plan, session);
    set_digest(plan);
    return plan;
}

void bsc_run_plan_complete(struct bsc_value *plan, const struct bsc_value *ahead)
{
    struct bsc_value *items = bsc_value_get(plan, "items");
    const struct bsc_value *further = bsc_value_get(ahead, "items");
    for (size_t i = 0; i < bsc_value_count(further); i++) {
        const struct bsc_value *item = bsc_value_at(further, i);
        if (bsc_value_get_number(item, "index", 0) == (int64_t)bsc_value_count(items) + 1)
            bsc_value_append(items, bsc_value_copy(item));
    }
    set_digest(plan);
}

void bsc_run_plan_lighten(struct bsc_value *plan)
{
    struct bsc_value *items = bsc_value_get(plan, "items");
    struct bsc_value *facts = bsc_value_get(plan, "facts");
    for (size_t i = 0; i < bsc_value_count(items); i++)
        bsc_value_remove(bsc_value_at(items, i), "changes");
    for (size_t i = 0; i < bsc_value_count(facts); i++)
        bsc_run_brief_facts(bsc_value_item_at(facts, i), BSC_RUN_BRIEF_SHOWN, NULL, NULL);
    bsc_mem_trim();
}

static void add_targets(struct bsc_value *found, const struct bsc_value *change)
{
    struct bsc_value *ids = bsc_run_effect_resources(change);
    for (size_t i = 0; i < bsc_value_count(ids); i++)
        bsc_value_set_bool(found, bsc_value_string(bsc_value_at(ids, i)), true);
    bsc_value_free(ids);
}

struct bsc_value *bsc_run_plan_targets(const struct bsc_value *plan)
{
    struct bsc_value *found = bsc_value_map(), *list = bsc_value_list();
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *changes = bsc_value_get(bsc_value_at(items, i), "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++)
            add_targets(found, bsc_value_at(changes, k));
    }
    for (size_t i = 0; i < bsc_value_count(found); i++)
        bsc_value_append(list, bsc_value_text(bsc_value_key_at(found, i)));
    bsc_value_free(found);
    return list;
}

size_t bsc_run_plan_change_count(const struct bsc_value *plan)
{
    size_t count = 0;
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++)
        count += bsc_value_count(bsc_value_get(bsc_value_at(items, i), "changes"));
    return count;
}
