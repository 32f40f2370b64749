#include "run/model.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "run/brief.h"
#include "run/schema.h"
#include "value/json.h"

struct bsc_run_model {
    const struct bsc_value *schema; /* borrowed */
    struct bsc_value *facts;        /* owned */
    bool light;                     /* of long volatile lists only the length is kept */
};

/* As much as a site may have of what a change empties, sessions above all; and little against the
 * backlog that a run can meet. */
enum { LIST_MAX = 4096 };

struct bsc_run_model *bsc_run_model_new(const struct bsc_value *schema, struct bsc_value *facts)
{
    struct bsc_run_model *model = bsc_mem_new(1, sizeof *model);
    model->schema = schema;
    model->facts = facts;
    return model;
}

void bsc_run_model_free(struct bsc_run_model *model)
{
    if (model == NULL)
        return;
    bsc_value_free(model->facts);
    bsc_mem_free(model);
}

const struct bsc_value *bsc_run_model_facts(const struct bsc_run_model *model, const char *resource)
{
    return bsc_value_get(model->facts, resource);
}

const struct bsc_value *bsc_run_model_all(const struct bsc_run_model *model)
{
    return model->facts;
}

struct light_facts {
    const struct bsc_run_model *model; /* borrowed */
    const char *resource;              /* borrowed */
};

static bool is_volatile(const void *arg, const char *key)
{
    const struct light_facts *light = arg;
    return !bsc_run_model_steady(light->model, light->resource, key);
}

static void lighten(const struct bsc_run_model *model, const char *resource,
                    struct bsc_value *facts)
{
    struct light_facts light = {model, resource};
    bsc_run_brief_facts(facts, LIST_MAX, is_volatile, &light);
}

void bsc_run_model_travel_light(struct bsc_run_model *model)
{
    model->light = true;
    for (size_t i = 0; i < bsc_value_count(model->facts); i++)
        lighten(model, bsc_value_key_at(model->facts, i), bsc_value_item_at(model->facts, i));
}

void bsc_run_model_put(struct bsc_run_model *model, const char *resource, struct bsc_value *facts)
{
    if (model->light)
        lighten(model, resource, facts);
    bsc_value_set(model->facts, resource, facts);
}

void bsc_run_model_apply(struct bsc_run_model *model, const struct bsc_value *becomes)
{
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const char *resource = bsc_value_key_at(becomes, i);
        const struct bsc_value *changed = bsc_value_item_at(becomes, i);
        struct bsc_value *facts = bsc_value_get(model->facts, resource);
        if (facts == NULL) {
            facts = bsc_value_map();
            bsc_value_set(model->facts, resource, facts);
        }
        for (size_t k = 0; k < bsc_value_count(changed); k++)
            bsc_value_set(facts, bsc_value_key_at(changed, k),
                          bsc_value_copy(bsc_value_item_at(changed, k)));
    }
}

static const struct bsc_value *schema_of(const struct bsc_run_model *model, const char *resource)
{
    return bsc_run_schema_kind(model->schema, resource);
}

/* What has no schema is expected to stay of its kind. */
static struct bsc_value *unknown_fact(const struct bsc_value *fact)
{
    if (bsc_value_get(fact, "$unknown") != NULL)
        return bsc_value_copy(fact);
    bool told = bsc_value_kind(fact) != BSC_VALUE_NULL;
    struct bsc_value *unknown = bsc_value_map();
    bsc_value_set_text(unknown, "$unknown",
                       told ? bsc_value_kind_name(bsc_value_kind(fact)) : "any");
    return unknown;
}

static struct bsc_value *unknown_of(const struct bsc_value *facts)
{
    struct bsc_value *unknown = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(facts); i++)
        bsc_value_set(unknown, bsc_value_key_at(facts, i),
                      unknown_fact(bsc_value_item_at(facts, i)));
    return unknown;
}

void bsc_run_model_act(struct bsc_run_model *model, const struct bsc_value *effect)
{
    const char *resource = bsc_value_get_string(effect, "resource");
    const struct bsc_value *becomes = bsc_value_get(effect, "becomes");
    const struct bsc_value *facts = bsc_value_get(model->facts, resource);
    if (facts != NULL && bsc_value_get_truth(effect, "assumed") &&
        schema_of(model, resource) == NULL)
        bsc_value_set(model->facts, resource, unknown_of(facts));
    bsc_run_model_apply(model, becomes);
}

struct bsc_value *bsc_run_model_present(const struct bsc_run_model *model,
                                        const struct bsc_value *becomes)
{
    struct bsc_value *present = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const char *resource = bsc_value_key_at(becomes, i);
        const struct bsc_value *changed = bsc_value_item_at(becomes, i);
        const struct bsc_value *facts = bsc_value_get(model->facts, resource);
        struct bsc_value *keys = bsc_value_map();
        for (size_t k = 0; k < bsc_value_count(changed); k++) {
            const char *key = bsc_value_key_at(changed, k);
            const struct bsc_value *value = bsc_value_get(facts, key);
            bsc_value_set(keys, key, value != NULL ? bsc_value_copy(value) : bsc_value_null());
        }
        bsc_value_set(present, resource, keys);
    }
    return present;
}

static bool compared(const struct bsc_value *schema, const struct bsc_value *only, const char *key)
{
    if (schema == NULL)
        return bsc_value_get(only, key) != NULL;
    const struct bsc_value *entry = bsc_value_get(schema, key);
    return entry != NULL && !bsc_value_get_truth(entry, "volatile");
}

bool bsc_run_model_steady(const struct bsc_run_model *model, const char *resource, const char *key)
{
    const struct bsc_value *schema = schema_of(model, resource);
    return schema == NULL || compared(schema, NULL, key);
}

static bool is_empty(const struct bsc_value *value)
{
    enum bsc_value_kind kind = bsc_value_kind(value);
    return (kind == BSC_VALUE_LIST || kind == BSC_VALUE_MAP) && bsc_value_count(value) == 0;
}

bool bsc_run_model_is_unknown(const struct bsc_value *fact)
{
    return bsc_value_get(fact, "$unknown") != NULL;
}

bool bsc_run_model_same(const struct bsc_value *predicted, const struct bsc_value *observed)
{
    return bsc_run_model_is_unknown(predicted) || bsc_value_equal(predicted, observed) ||
           (is_empty(predicted) && is_empty(observed));
}

static void tell_difference(struct bsc_buf *text, const char *resource, const char *key,
                            const struct bsc_value *predicted, const struct bsc_value *observed)
{
    if (text->length > 0)
        bsc_buf_add_text(text, "; ");
    bsc_buf_printf(text, "%s: %s is ", resource, key);
    bsc_json_canonical(observed, text);
    bsc_buf_add_text(text, ", predicted ");
    bsc_json_canonical(predicted, text);
}

static bool agrees_one_way(const struct bsc_value *keys_of, const struct bsc_value *predicted,
                           const struct bsc_value *observed, const struct bsc_value *schema,
                           const struct bsc_value *only, const char *resource,
                           struct bsc_buf *ret_text)
{
    bool agrees = true;
    for (size_t i = 0; i < bsc_value_count(keys_of); i++) {
        const char *key = bsc_value_key_at(keys_of, i);
        const struct bsc_value *before = bsc_value_get(predicted, key);
        const struct bsc_value *now = bsc_value_get(observed, key);
        bool seen_already = keys_of == observed && before != NULL;
        if (seen_already || !compared(schema, only, key) || bsc_run_model_same(before, now))
            continue;
        agrees = false;
        if (ret_text != NULL)
            tell_difference(ret_text, resource, key, before, now);
    }
    return agrees;
}

bool bsc_run_model_agrees(const struct bsc_run_model *model, const char *resource,
                          const struct bsc_value *observed, const struct bsc_value *only,
                          struct bsc_buf *ret_text)
{
    const struct bsc_value *schema = schema_of(model, resource);
    const struct bsc_value *predicted = bsc_value_get(model->facts, resource);
    bool forth = agrees_one_way(predicted, predicted, observed, schema, only, resource, ret_text);
    bool back = agrees_one_way(observed, predicted, observed, schema, only, resource, ret_text);
    return forth && back;
}
