#include "run/drift.h"

#include <ctype.h>
#include <string.h>

#include "run/drift_int.h"
#include "run/plan.h"

struct bsc_value *bsc_run_drift_copy(const struct bsc_value *value)
{
    return value != NULL ? bsc_value_copy(value) : bsc_value_null();
}

void bsc_run_drift_each(const struct bsc_value *then, const struct bsc_value *now,
                        void (*found)(void *arg, const char *key, const struct bsc_value *then,
                                      const struct bsc_value *now),
                        void *arg)
{
    for (size_t i = 0; i < bsc_value_count(then); i++) {
        const char *key = bsc_value_key_at(then, i);
        found(arg, key, bsc_value_item_at(then, i), bsc_value_get(now, key));
    }
    for (size_t i = 0; i < bsc_value_count(now); i++) {
        const char *key = bsc_value_key_at(now, i);
        if (bsc_value_get(then, key) == NULL)
            found(arg, key, NULL, bsc_value_item_at(now, i));
    }
}

/* ------------------------------------------------------------------ inputs */

static void add_input(struct bsc_value *inputs, const char *what, const char *name,
                      const struct bsc_value *then, const struct bsc_value *now)
{
    if (bsc_value_equal(then, now))
        return;
    struct bsc_value *input = bsc_value_map();
    bsc_value_set_text(input, "what", what);
    bsc_value_set_text(input, "name", name);
    bsc_value_set(input, "then", bsc_run_drift_copy(then));
    bsc_value_set(input, "now", bsc_run_drift_copy(now));
    bsc_value_append(inputs, input);
}

static void add_digest(struct bsc_value *inputs, const char *what, const struct bsc_value *then,
                       const struct bsc_value *now)
{
    add_input(inputs, what, bsc_value_get_string(now, "file"), bsc_value_get(then, "sha256"),
              bsc_value_get(now, "sha256"));
}

/* {name=digest} of a plan's modules; owned. */
static struct bsc_value *modules_of(const struct bsc_value *plan)
{
    const struct bsc_value *list = bsc_value_get(bsc_value_get(plan, "runbook"), "modules");
    struct bsc_value *map = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const struct bsc_value *module = bsc_value_at(list, i);
        bsc_value_set_text(map, bsc_value_get_string(module, "name"),
                           bsc_value_get_string(module, "sha256"));
    }
    return map;
}

static void add_module(void *inputs, const char *name, const struct bsc_value *then,
                       const struct bsc_value *now)
{
    add_input(inputs, "module", name, then, now);
}

static void add_parameter(void *inputs, const char *name, const struct bsc_value *then,
                          const struct bsc_value *now)
{
    add_input(inputs, "parameter", name, then, now);
}

static struct bsc_value *compare_inputs(const struct bsc_value *then, const struct bsc_value *now)
{
    struct bsc_value *inputs = bsc_value_list();
    struct bsc_value *modules_then = modules_of(then), *modules_now = modules_of(now);
    add_digest(inputs, "runbook", bsc_value_get(then, "runbook"), bsc_value_get(now, "runbook"));
    bsc_run_drift_each(modules_then, modules_now, add_module, inputs);
    add_digest(inputs, "library", bsc_value_get(then, "library"), bsc_value_get(now, "library"));
    add_digest(inputs, "site", bsc_value_get(then, "site"), bsc_value_get(now, "site"));
    bsc_run_drift_each(bsc_value_get(then, "params"), bsc_value_get(now, "params"), add_parameter,
                       inputs);
    bsc_value_free(modules_then);
    bsc_value_free(modules_now);
    return inputs;
}

bool bsc_run_drift_same_inputs(const struct bsc_value *plan, const struct bsc_run_session *session)
{
    struct bsc_value *now = bsc_value_map();
    bsc_run_plan_describe_inputs(now, session);
    struct bsc_value *different = compare_inputs(plan, now);
    bool same = bsc_value_count(different) == 0;
    bsc_value_free(different);
    bsc_value_free(now);
    return same;
}

/* ------------------------------------------------------------------- drift */

static bool none_blocks(const struct bsc_value *list)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        if (bsc_value_get_truth(bsc_value_at(list, i), "blocks"))
            return false;
    }
    return true;
}

/* How many entries came or went matters where it makes a step different. */
static struct bsc_value *without_counts(struct bsc_value *facts)
{
    struct bsc_value *kept = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const struct bsc_value *fact = bsc_value_at(facts, i);
        if (bsc_value_get(fact, "noun") == NULL)
            bsc_value_append(kept, bsc_value_copy(fact));
    }
    bsc_value_free(facts);
    return kept;
}

struct bsc_value *bsc_run_drift_between(const struct bsc_value *then, const struct bsc_value *now,
                                        const struct bsc_value *schema)
{
    struct bsc_value *drift = bsc_value_map();
    struct bsc_value *inputs = compare_inputs(then, now);
    struct bsc_value *facts = bsc_run_drift_facts(then, now, schema);
    struct bsc_value *steps = bsc_run_drift_steps(then, now, schema);
    bool same_steps = none_blocks(steps);
    if (same_steps)
        facts = without_counts(facts);
    bsc_value_set_bool(drift, "holds",
                       bsc_value_count(inputs) == 0 && none_blocks(facts) && same_steps);
    bsc_value_set(drift, "inputs", inputs);
    bsc_value_set(drift, "facts", facts);
    bsc_value_set(drift, "steps", steps);
    return drift;
}

struct bsc_value *bsc_run_drift_since(struct bsc_run_session *session, const struct bsc_value *plan,
                                      const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *now = bsc_run_plan_make(session, bsc_value_copy(facts), err);
    if (now == NULL)
        return NULL;
    struct bsc_value *drift = bsc_run_drift_between(plan, now, session->schema);
    bsc_value_free(now);
    return drift;
}

bool bsc_run_drift_any(const struct bsc_value *drift)
{
    return bsc_value_count(bsc_value_get(drift, "inputs")) > 0 ||
           bsc_value_count(bsc_value_get(drift, "facts")) > 0 ||
           bsc_value_count(bsc_value_get(drift, "steps")) > 0;
}

static const char *input_words(const struct bsc_value *input)
{
    static const char *const words[][2] = {{"runbook", "the runbook"},
                                           {"module", "a module of the runbook"},
                                           {"library", "bascule's own library"},
                                           {"site", "the site file"},
                                           {"parameter", "the parameters"}};
    const char *what = bsc_value_get_string(input, "what");
    size_t i = 0;
    while (strcmp(words[i][0], what) != 0)
        i++;
    return words[i][1];
}

bool bsc_run_drift_holds(const struct bsc_value *drift, struct bsc_err *err)
{
    const struct bsc_value *inputs = bsc_value_get(drift, "inputs");
    struct bsc_buf words;
    if (bsc_value_get_truth(drift, "holds"))
        return true;
    if (bsc_value_count(inputs) > 0)
        bsc_err_set(err, BSC_ERR_REFUSED, "%s changed since the plan was made",
                    input_words(bsc_value_at(inputs, 0)));
    else
        bsc_err_set(err, BSC_ERR_REFUSED, "the site is no longer as it was when the plan was made");
    bsc_buf_init(&words);
    bsc_run_drift_words(drift, &words);
    words.data[0] = (char)toupper((unsigned char)words.data[0]);
    bsc_err_detail(err, "%s", words.data);
    bsc_buf_release(&words);
    return bsc_err_hint(err, "Make a new plan and review it.");
}
