#include "run/amend.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "run/drift_int.h"
#include "run/inputs.h"

int64_t bsc_run_amend_reached(const struct bsc_run_past *past)
{
    int64_t reached = (int64_t)past->items_done;
    int64_t open = bsc_value_get_number(past->open, "item", 0);
    reached = past->reached > reached ? past->reached : reached;
    return open > reached ? open : reached;
}

/* -------------------------------------------------------------- what was kept */

static bool is_kept(const struct bsc_journal_folder *folder, const char *file, const char *found,
                    const struct bsc_value *of_plan, struct bsc_err *err)
{
    const char *wanted = bsc_value_get_string(of_plan, "sha256");
    if (wanted != NULL && strcmp(wanted, found) == 0)
        return true;
    bsc_err_set(err, BSC_ERR_DAMAGED, "\"%s\" in %s is not what the run was planned with", file,
                folder->path);
    return bsc_err_hint(err, "bascule audit verify names every file that differs.");
}

static bool modules_are_kept(const struct bsc_run_session *session,
                             const struct bsc_journal_folder *folder, const struct bsc_value *plan,
                             struct bsc_err *err)
{
    const struct bsc_value *kept = bsc_value_get(bsc_value_get(plan, "runbook"), "modules");
    const struct bsc_value *found = bsc_value_get(session->listing, "modules");
    bool same = bsc_value_count(found) == bsc_value_count(kept);
    for (size_t i = 0; same && i < bsc_value_count(found); i++) {
        const struct bsc_value *source = bsc_value_get(bsc_value_at(found, i), "source");
        char hex[BSC_DIGEST_HEX];
        bsc_digest_text(bsc_value_string(source), bsc_value_string_length(source), hex);
        same = is_kept(folder, bsc_value_get_string(bsc_value_at(found, i), "name"), hex,
                       bsc_value_at(kept, i), err);
        if (!same)
            return false;
    }
    return same || bsc_err_set(err, BSC_ERR_DAMAGED, "a module is missing in %s", folder->path);
}

static bool loads_as_kept(const struct bsc_run_session *session,
                          const struct bsc_journal_folder *folder, const struct bsc_value *plan,
                          struct bsc_err *err)
{
    if (!is_kept(folder, BSC_JOURNAL_RUNBOOK_FILE, session->runbook_digest,
                 bsc_value_get(plan, "runbook"), err) ||
        !is_kept(folder, BSC_JOURNAL_SITE_FILE, bsc_site_digest(session->site),
                 bsc_value_get(plan, "site"), err) ||
        !modules_are_kept(session, folder, plan, err))
        return false;
    if (bsc_value_count(bsc_run_session_errors(session)) == 0)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "this bascule cannot read the runbook that the run was begun with");
    return bsc_err_hint(err, "Go on with the bascule that it was begun with.");
}

static char *kept_path(const struct bsc_journal_folder *folder, int64_t number, const char *name)
{
    char *file = bsc_run_inputs_file(number, name);
    char *path = bsc_journal_folder_file(folder, file);
    bsc_mem_free(file);
    return path;
}

bool bsc_run_amend_open(struct bsc_run_session *session, const struct bsc_run_session_options *with,
                        const struct bsc_journal_folder *folder, int64_t number,
                        const struct bsc_value *plan, struct bsc_err *err)
{
    struct bsc_run_session_options options = *with;
    char *runbook = kept_path(folder, number, BSC_JOURNAL_RUNBOOK_FILE);
    char *site = kept_path(folder, number, BSC_JOURNAL_SITE_FILE);
    char *modules = kept_path(folder, number, BSC_JOURNAL_MODULES);
    char *site_folder =
        bsc_files_folder_of(bsc_value_get_string(bsc_value_get(plan, "made"), "site"));
    options.runbook_path = runbook;
    options.modules_folder = modules;
    options.site_path = site;
    options.site_folder = site_folder;
    options.site_errors = NULL;
    options.set = bsc_value_get(plan, "params");
    options.look_only = true;
    bool ok =
        bsc_run_session_open(session, &options, err) && loads_as_kept(session, folder, plan, err);
    /* All of it has been read, and the names go. */
    session->with = (struct bsc_run_session_options){.sys = with->sys, .clock = with->clock};
    bsc_mem_free(site_folder);
    bsc_mem_free(modules);
    bsc_mem_free(site);
    bsc_mem_free(runbook);
    return ok;
}

struct bsc_value *bsc_run_amend_set(const struct bsc_value *said, const struct bsc_value *plan)
{
    const struct bsc_value *params = bsc_value_get(plan, "params");
    const struct bsc_value *defaults = bsc_value_get(said, "defaults");
    struct bsc_value *set = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(params); i++) {
        const char *name = bsc_value_key_at(params, i);
        const struct bsc_value *value = bsc_value_item_at(params, i);
        if (!bsc_value_equal(bsc_value_get(defaults, name), value))
            bsc_value_set(set, name, bsc_value_copy(value));
    }
    return set;
}

/* -------------------------------------------------------------- what is said */

static void add_id(void *arg, const char *id, const struct bsc_value *then,
                   const struct bsc_value *now)
{
    (void)then;
    (void)now;
    bsc_value_append(arg, bsc_value_text(id));
}

/* {item=ids}: every resource that the changes of these items are about. */
static struct bsc_value *resources_of(const struct bsc_value *plan, int64_t reached)
{
    struct bsc_value *map = bsc_value_map();
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items) && (int64_t)i < reached; i++) {
        char key[32];
        struct bsc_value *ids = bsc_value_list();
        const struct bsc_value *changes = bsc_value_get(bsc_value_at(items, i), "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++) {
            const struct bsc_value *change = bsc_value_at(changes, k);
            const struct bsc_value *undo = bsc_value_get(change, "undo");
            add_id(ids, bsc_value_get_string(change, "resource"), NULL, NULL);
            bsc_run_drift_each(bsc_value_get(change, "becomes"), bsc_value_get(undo, "now"), add_id,
                               ids);
        }
        snprintf(key, sizeof key, "%zu", i + 1);
        bsc_value_set(map, key, ids);
    }
    return map;
}

struct bsc_value *bsc_run_amend_said(struct bsc_run_session *session, int64_t reached,
                                     const struct bsc_value *plan, struct bsc_err *err)
{
    char modules[BSC_DIGEST_HEX];
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_int(args, "reached", reached);
    bsc_value_set(args, "resources", resources_of(plan, reached));
    struct bsc_value *said = bsc_vm_call(session->vm, "said", args, err);
    bsc_value_free(args);
    if (said == NULL)
        return NULL;
    bsc_digest_value(bsc_value_get(session->listing, "modules"), modules);
    bsc_value_set_text(said, "modules", modules);
    bsc_value_set_text(said, "runbook", session->runbook_digest);
    return said;
}

/* -------------------------------------------------------------- comparing */

/* A path into a value and what is different there. */
struct place {
    const char *path;
    struct bsc_value *how; /* borrowed list */
};

static void differ(const struct place *at, const struct bsc_value *then,
                   const struct bsc_value *now);

static void differ_below(const struct place *at, const char *format, const char *key,
                         const struct bsc_value *then, const struct bsc_value *now)
{
    struct bsc_buf path;
    bsc_buf_init(&path);
    bsc_buf_printf(&path, "%s%s%s%s", at->path, at->path[0] != '\0' ? format : "", key,
                   format[0] == '[' ? "]" : "");
    const struct place below = {path.data, at->how};
    differ(&below, then, now);
    bsc_buf_release(&path);
}

static void differ_at_key(void *arg, const char *key, const struct bsc_value *then,
                          const struct bsc_value *now)
{
    differ_below(arg, ".", key, then, now);
}

static void differ_in_lists(const struct place *at, const struct bsc_value *then,
                            const struct bsc_value *now)
{
    size_t count =
        bsc_value_count(then) > bsc_value_count(now) ? bsc_value_count(then) : bsc_value_count(now);
    for (size_t i = 0; i < count; i++) {
        char number[32];
        snprintf(number, sizeof number, "%zu", i + 1);
        differ_below(at, "[", number, bsc_value_at(then, i), bsc_value_at(now, i));
    }
}

/* Both are at most as deep as what crosses the border from Lua. */
static void differ(const struct place *at, const struct bsc_value *then,
                   const struct bsc_value *now)
{
    enum bsc_value_kind kind = bsc_value_kind(then);
    struct place below = *at;
    if (bsc_value_equal(then, now))
        return;
    if (kind == bsc_value_kind(now) && kind == BSC_VALUE_MAP) {
        bsc_run_drift_each(then, now, differ_at_key, &below);
    } else if (kind == bsc_value_kind(now) && kind == BSC_VALUE_LIST) {
        differ_in_lists(at, then, now);
    } else {
        struct bsc_value *entry = bsc_value_map();
        bsc_value_set_text(entry, "key", at->path);
        bsc_value_set(entry, "then", bsc_run_drift_copy(then));
        bsc_value_set(entry, "now", bsc_run_drift_copy(now));
        bsc_value_append(at->how, entry);
    }
}

/* The list is owned by the caller. */
static struct bsc_value *differences(const char *path, const struct bsc_value *then,
                                     const struct bsc_value *now)
{
    const struct place top = {path, bsc_value_list()};
    differ(&top, then, now);
    return top.how;
}

/* -------------------------------------------------------------- items */

struct comparison {
    const struct bsc_value *then; /* borrowed: what they say */
    const struct bsc_value *now;
    int64_t reached;
    size_t gone, added;      /* items behind which both have been compared */
    struct bsc_value *items; /* borrowed: the result */
};

static const struct bsc_value *items_of(const struct bsc_value *said)
{
    return bsc_value_get(said, "items");
}

/* An item that differs. One that is only in one of the two has the other NULL. Returns borrowed. */
static struct bsc_value *add_item(struct comparison *of, const struct bsc_value *then,
                                  const struct bsc_value *now, bool reached)
{
    static const char *const keys[] = {"index", "kind", "title", "file", "line"};
    const struct bsc_value *any = now != NULL ? now : then;
    struct bsc_value *entry = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        bsc_value_set(entry, keys[i], bsc_run_drift_copy(bsc_value_get(any, keys[i])));
    bsc_value_set(entry, "was", bsc_run_drift_copy(bsc_value_get(then, "index")));
    bsc_value_set(entry, "was_line", bsc_run_drift_copy(bsc_value_get(then, "line")));
    bsc_value_set_text(entry, "what", then == NULL ? "new" : now == NULL ? "gone" : "differs");
    bsc_value_set_bool(entry, "reached", reached);
    bsc_value_set(entry, "how", bsc_value_list());
    bsc_value_append(of->items, entry);
    return entry;
}

static void take_gone(struct comparison *of)
{
    const struct bsc_value *item = bsc_value_at(items_of(of->then), of->gone++);
    add_item(of, item, NULL, (int64_t)of->gone <= of->reached);
}

/* What comes in front of an item that was reached would have had to be done before it. */
static void take_added(struct comparison *of)
{
    const struct bsc_value *item = bsc_value_at(items_of(of->now), of->added++);
    add_item(of, NULL, item, (int64_t)of->gone < of->reached);
}

/* What is no data, such as a user's own functions, is the same where its file is. */
static void compare_code(const struct comparison *of, const struct bsc_value *then,
                         const struct bsc_value *now, struct bsc_value *how)
{
    static const char *const files[] = {"modules", "runbook"};
    const char *code_then = bsc_value_get_string(then, "code");
    const char *code_now = bsc_value_get_string(now, "code");
    const char *code = code_then != NULL ? code_then : code_now;
    if (code == NULL)
        return;
    bool in_runbook =
        strcmp(code, "runbook") == 0 || (code_now != NULL && strcmp(code_now, "runbook") == 0);
    for (size_t i = 0; i < (in_runbook ? 2 : 1); i++) {
        char path[32];
        snprintf(path, sizeof path, "code in %s", files[i]);
        const struct place at = {path, how};
        differ(&at, bsc_value_get(of->then, files[i]), bsc_value_get(of->now, files[i]));
    }
}

static void compare_pair(struct comparison *of)
{
    const struct bsc_value *then = bsc_value_at(items_of(of->then), of->gone++);
    const struct bsc_value *now = bsc_value_at(items_of(of->now), of->added++);
    struct bsc_value *how =
        differences("", bsc_value_get(then, "says"), bsc_value_get(now, "says"));
    compare_code(of, then, now, how);
    if (bsc_value_count(how) == 0)
        bsc_value_free(how);
    else
        bsc_value_set(add_item(of, then, now, (int64_t)of->gone <= of->reached), "how", how);
}

static bool same_name(const struct bsc_value *a, const struct bsc_value *b)
{
    return bsc_value_equal(bsc_value_get(a, "kind"), bsc_value_get(b, "kind")) &&
           bsc_value_equal(bsc_value_get(a, "title"), bsc_value_get(b, "title"));
}

/* Items are known by kind and title, in their order. */
static void compare_items(struct comparison *of)
{
    const struct bsc_value *then = items_of(of->then), *now = items_of(of->now);
    size_t then_count = bsc_value_count(then), now_count = bsc_value_count(now);
    for (size_t i = 0; i < now_count; i++) {
        size_t at = of->gone;
        while (at < then_count && !same_name(bsc_value_at(then, at), bsc_value_at(now, i)))
            at++;
        if (at == then_count)
            continue;
        while (of->gone < at)
            take_gone(of);
        while (of->added < i)
            take_added(of);
        compare_pair(of);
    }
    while (of->gone < then_count)
        take_gone(of);
    while (of->added < now_count)
        take_added(of);
}

static bool is_listed(const struct bsc_value *items, int64_t index)
{
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        if (bsc_value_get_number(item, "index", 0) == index ||
            bsc_value_get_number(item, "was", 0) == index)
            return true;
    }
    return false;
}

/* An item that says the same but was planned to do something else: the library is another one. */
static void compare_plans(struct comparison *of, const struct bsc_value *drift)
{
    const struct bsc_value *steps = bsc_value_get(drift, "steps");
    for (size_t i = 0; i < bsc_value_count(steps); i++) {
        const struct bsc_value *step = bsc_value_at(steps, i);
        int64_t index = bsc_value_get_number(step, "index", 0);
        const struct bsc_value *then = bsc_value_at(items_of(of->then), (size_t)index - 1);
        const struct bsc_value *now = bsc_value_at(items_of(of->now), (size_t)index - 1);
        if (index > of->reached || !bsc_value_get_truth(step, "blocks") ||
            is_listed(of->items, index))
            continue;
        struct bsc_value *how = bsc_value_get(add_item(of, then, now, true), "how");
        const struct place at = {"plan", how};
        differ(&at, bsc_value_get(step, "then"), bsc_value_get(step, "now"));
    }
}

static bool is_another_library(const struct bsc_value *drift)
{
    const struct bsc_value *inputs = bsc_value_get(drift, "inputs");
    for (size_t i = 0; i < bsc_value_count(inputs); i++) {
        if (strcmp(bsc_value_get_string(bsc_value_at(inputs, i), "what"), "library") == 0)
            return true;
    }
    return false;
}

/* Where the new plan stops too early, nobody knows what another library would have done. */
static void compare_extent(struct comparison *of, const struct bsc_value *drift)
{
    int64_t planned = bsc_value_get_number(drift, "planned", INT64_MAX);
    if (planned >= of->reached || !is_another_library(drift) || is_listed(of->items, planned + 1))
        return;
    const struct bsc_value *then = bsc_value_at(items_of(of->then), (size_t)planned);
    const struct bsc_value *now = bsc_value_at(items_of(of->now), (size_t)planned);
    struct bsc_value *how = bsc_value_get(add_item(of, then, now, true), "how");
    struct bsc_value *entry = bsc_value_map();
    bsc_value_set_text(entry, "key", "plan");
    bsc_value_set_text(entry, "then", "known");
    bsc_value_set_text(entry, "now", "not known: it stops before this item");
    bsc_value_append(how, entry);
}

/* -------------------------------------------------------------- site */

static void compare_part(void *site, const char *path, const struct bsc_value *then,
                         const struct bsc_value *now)
{
    int64_t item = bsc_value_get_number(then != NULL ? then : now, "item", 0);
    struct bsc_value *how =
        differences(path, bsc_value_get(then, "value"), bsc_value_get(now, "value"));
    for (size_t i = 0; i < bsc_value_count(how); i++) {
        struct bsc_value *entry = bsc_value_copy(bsc_value_at(how, i));
        bsc_value_set_int(entry, "item", item);
        bsc_value_append(site, entry);
    }
    bsc_value_free(how);
}

static bool none_was_reached(const struct bsc_value *items)
{
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        if (bsc_value_get_truth(bsc_value_at(items, i), "reached"))
            return false;
    }
    return true;
}

struct bsc_value *bsc_run_amend_compare(const struct bsc_value *then, const struct bsc_value *now,
                                        const struct bsc_value *drift, int64_t reached)
{
    struct comparison of = {then, now, reached, 0, 0, bsc_value_list()};
    struct bsc_value *site = bsc_value_list(), *amendment = bsc_value_map();
    compare_items(&of);
    compare_plans(&of, drift);
    compare_extent(&of, drift);
    bsc_run_drift_each(bsc_value_get(then, "site"), bsc_value_get(now, "site"), compare_part, site);
    bsc_value_set_bool(amendment, "holds",
                       bsc_value_count(site) == 0 && none_was_reached(of.items));
    bsc_value_set_int(amendment, "reached", reached);
    bsc_value_set(amendment, "items", of.items);
    bsc_value_set(amendment, "site", site);
    return amendment;
}
