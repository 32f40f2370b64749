#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"
#include "run/model.h"
#include "run/outcome.h"

/* One halted run that is taken back. */
struct retreat {
    const struct bsc_run_explorer *explorer; /* borrowed */
    struct bsc_run_model *model;             /* owned: the site, from where the run halted */
    struct bsc_value *undone;                /* owned list of {changes, spot}: last first */
};

static void add_undo(struct retreat *retreat, const struct bsc_value *changes,
                     const struct bsc_run_spot *end)
{
    struct bsc_value *entry = bsc_value_map();
    if (bsc_value_count(changes) == 0) {
        bsc_value_free(entry);
        return;
    }
    bsc_value_set(entry, "changes", bsc_value_copy(changes));
    bsc_value_set_int(entry, "spot", (int64_t)end->number);
    bsc_value_append(retreat->undone, entry);
}

/* What takes an item back: what the step declares, else what its actions do, last first. */
static void add_item(struct retreat *retreat, const struct bsc_run_spot *end)
{
    const struct bsc_value *declared = bsc_value_get(end->value, "undo");
    const struct bsc_value *actions = bsc_value_get(end->value, "actions");
    if (declared != NULL) {
        add_undo(retreat, declared, end);
        return;
    }
    for (size_t i = bsc_value_count(actions); i > 0; i--)
        add_undo(retreat, bsc_value_get(bsc_value_at(actions, i - 1), "undo"), end);
}

bool bsc_run_explore_is_of_rollback(const struct bsc_run_explorer *explorer,
                                    const struct bsc_run_spot *end)
{
    struct retreat retreat = {.explorer = explorer, .undone = bsc_value_list()};
    add_item(&retreat, end);
    bool counts = bsc_value_count(retreat.undone) > 0;
    bsc_value_free(retreat.undone);
    return counts;
}

/* Everything that the run did on its way to the state; a state may be reached in other ways too,
 * and then with the same facts. A halted run and its resumption may end at the same spot: that item
 * is taken back once. */
static void collect(struct retreat *retreat, uint32_t number)
{
    const struct bsc_run_spot *here = bsc_run_state_spot(retreat->explorer, number), *last = NULL;
    if (here->op == BSC_RUN_OP_END)
        add_item(retreat, last = here);
    for (number = retreat->explorer->edges[number].trail; number != BSC_RUN_NOWHERE;
         number = retreat->explorer->edges[number].trail) {
        const struct bsc_run_spot *spot = bsc_run_state_spot(retreat->explorer, number);
        if (spot != last)
            add_item(retreat, spot);
        last = spot;
    }
}

static const struct bsc_value *first_fact(const struct bsc_run_explorer *explorer,
                                          const char *resource, const char *key)
{
    return bsc_value_get(bsc_value_get(explorer->order->facts, resource), key);
}

/* The first fact that an undo was to put back and that is not as it was in the beginning. */
static bool is_restored(const struct retreat *retreat, const struct bsc_value *change,
                        struct bsc_buf *ret_text)
{
    const struct bsc_value *becomes = bsc_value_get(change, "becomes");
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const char *resource = bsc_value_key_at(becomes, i);
        const struct bsc_value *keys = bsc_value_item_at(becomes, i);
        const struct bsc_value *now = bsc_run_model_facts(retreat->model, resource);
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            const char *key = bsc_value_key_at(keys, k);
            const struct bsc_value *was = first_fact(retreat->explorer, resource, key);
            if (!bsc_run_model_steady(retreat->model, resource, key) ||
                bsc_run_model_same(bsc_value_get(now, key), was))
                continue;
            bsc_buf_printf(ret_text, "after the rollback %s of %s is not as it was before the run",
                           key, resource);
            return false;
        }
    }
    return true;
}

static void tell(struct bsc_run_explorer *explorer, uint32_t number,
                 const struct bsc_run_spot *spot, const char *text)
{
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "title", "a rollback restores what was there before");
    bsc_value_set_text(about, "text", text);
    bsc_value_set_text(about, "mend", "Let the undo put back the facts that it is given.");
    bsc_run_explore_violated(explorer, number, spot, BSC_RUN_FAULT_NONE, about);
}

static void perform(const struct retreat *retreat)
{
    for (size_t i = 0; i < bsc_value_count(retreat->undone); i++) {
        const struct bsc_value *changes =
            bsc_value_get(bsc_value_at(retreat->undone, i), "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++)
            bsc_run_model_act(retreat->model, bsc_value_at(changes, k));
    }
}

static void compare(struct bsc_run_explorer *explorer, const struct retreat *retreat,
                    uint32_t number)
{
    for (size_t i = 0; i < bsc_value_count(retreat->undone); i++) {
        const struct bsc_value *entry = bsc_value_at(retreat->undone, i);
        const struct bsc_value *changes = bsc_value_get(entry, "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++) {
            struct bsc_buf text;
            bsc_buf_init(&text);
            if (!is_restored(retreat, bsc_value_at(changes, k), &text))
                tell(explorer, number,
                     bsc_run_script_spot(explorer->script,
                                         (size_t)bsc_value_get_number(entry, "spot", 0)),
                     text.data);
            bsc_buf_release(&text);
        }
    }
}

bool bsc_run_explore_rollback(struct bsc_run_explorer *explorer, uint32_t number,
                              const struct bsc_run_state *halted)
{
    struct retreat retreat = {.explorer = explorer, .undone = bsc_value_list()};
    collect(&retreat, number);
    bool goes_back = !halted->beyond && bsc_value_count(retreat.undone) > 0;
    if (goes_back) {
        retreat.model = bsc_run_model_new(explorer->order->session->schema,
                                          bsc_run_explore_world(explorer, halted));
        perform(&retreat);
        compare(explorer, &retreat, number);
        bsc_run_model_free(retreat.model);
    }
    bsc_value_free(retreat.undone);
    return goes_back;
}
