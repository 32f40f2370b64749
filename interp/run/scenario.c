#include "run/scenario.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "run/recorded.h"
#include "run/schema.h"
#include "site/names.h"
#include "value/yaml.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const keys[] = {"facts", "change", "set", "faults"};
static const char *const fault_words[] = {"none", "single", "pairs"};

/* Sets the place of an error that has been filled in. Returns false. */
static bool at(const struct bsc_run_scenario *scenario, struct bsc_value_place place,
               struct bsc_err *err)
{
    return bsc_err_at(err, scenario->path, place.line, place.column);
}

static struct bsc_value_place key_place(const struct bsc_value *map, const char *key)
{
    for (size_t i = 0; i < bsc_value_count(map); i++) {
        if (strcmp(bsc_value_key_at(map, i), key) == 0)
            return bsc_value_key_place(map, i);
    }
    return (struct bsc_value_place){1, 1};
}

bool bsc_run_scenario_faults(const char *word, unsigned *ret)
{
    for (unsigned i = 0; i < COUNT(fault_words); i++) {
        if (strcmp(fault_words[i], word) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------- reading */

static bool check_keys(const struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    for (size_t i = 0; i < bsc_value_count(scenario->source); i++) {
        const char *key = bsc_value_key_at(scenario->source, i);
        bool known = false;
        for (size_t k = 0; k < COUNT(keys); k++)
            known = known || strcmp(key, keys[k]) == 0;
        if (known)
            continue;
        const char *nearest = bsc_site_nearest_name(key, keys, COUNT(keys));
        bsc_err_set(err, BSC_ERR_INVALID, "a scenario has no key \"%.100s\"", key);
        if (nearest != NULL)
            bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
        else
            bsc_err_hint(err, "It may say facts, change, set and faults.");
        return at(scenario, bsc_value_key_place(scenario->source, i), err);
    }
    return true;
}

/* `example` is what to write instead. */
static bool is_kind(const struct bsc_run_scenario *scenario, const char *name,
                    const struct bsc_value *value, enum bsc_value_kind kind, const char *example,
                    struct bsc_err *err)
{
    if (bsc_value_kind(value) == kind)
        return true;
    bsc_err_set(err, BSC_ERR_INVALID, "\"%.100s\" must be a %s, not %s", name,
                bsc_value_kind_name(kind), bsc_value_kind_name(bsc_value_kind(value)));
    bsc_err_hint(err, "Write it as %s", example);
    return at(scenario, bsc_value_place(value), err);
}

static bool read_facts(struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    const struct bsc_value *facts = bsc_value_get(scenario->source, "facts");
    if (facts == NULL)
        return true;
    if (!is_kind(scenario, "facts", facts, BSC_VALUE_TEXT, "facts: facts.json", err))
        return false;
    char *folder = bsc_files_folder_of(scenario->path);
    bool here = strcmp(folder, ".") == 0;
    scenario->facts = here ? bsc_mem_text(bsc_value_string(facts))
                           : bsc_files_join(folder, bsc_value_string(facts));
    bsc_mem_free(folder);
    return true;
}

static bool read_change(const struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    const struct bsc_value *change = bsc_value_get(scenario->source, "change");
    static const char example[] = "pool:chat: { state: Normal }";
    if (change == NULL)
        return true;
    if (!is_kind(scenario, "change", change, BSC_VALUE_MAP, example, err))
        return false;
    for (size_t i = 0; i < bsc_value_count(change); i++) {
        if (!is_kind(scenario, bsc_value_key_at(change, i), bsc_value_item_at(change, i),
                     BSC_VALUE_MAP, example, err))
            return false;
    }
    return true;
}

/* A parameter's value as it would be written behind --set; NULL when it could not be. */
static struct bsc_value *setting(const struct bsc_value *value)
{
    if (bsc_value_kind(value) == BSC_VALUE_TEXT)
        return bsc_value_copy(value);
    if (bsc_value_kind(value) == BSC_VALUE_INT)
        return bsc_value_format("%lld", (long long)bsc_value_number(value, 0));
    if (bsc_value_kind(value) == BSC_VALUE_BOOL)
        return bsc_value_text(bsc_value_truth(value) ? "true" : "false");
    return NULL;
}

static bool read_set(const struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    const struct bsc_value *set = bsc_value_get(scenario->source, "set");
    if (set == NULL)
        return true;
    if (!is_kind(scenario, "set", set, BSC_VALUE_MAP, "set: { pool: chat }", err))
        return false;
    for (size_t i = 0; i < bsc_value_count(set); i++) {
        const char *name = bsc_value_key_at(set, i);
        struct bsc_value *text = setting(bsc_value_item_at(set, i));
        if (text == NULL) {
            bsc_err_set(err, BSC_ERR_INVALID, "the parameter \"%.100s\" must be one value, not %s",
                        name, bsc_value_kind_name(bsc_value_kind(bsc_value_item_at(set, i))));
            bsc_err_hint(err, "Write one text, number, true or false.");
            return at(scenario, bsc_value_key_place(set, i), err);
        }
        bsc_value_set(scenario->set, name, text);
    }
    return true;
}

static bool read_faults(struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    const struct bsc_value *faults = bsc_value_get(scenario->source, "faults");
    unsigned number = 0;
    if (faults == NULL)
        return true;
    if (!is_kind(scenario, "faults", faults, BSC_VALUE_TEXT, "faults: single", err))
        return false;
    scenario->faults = bsc_value_string(faults);
    if (bsc_run_scenario_faults(scenario->faults, &number))
        return true;
    bsc_err_set(err, BSC_ERR_INVALID, "\"faults\" cannot be \"%.100s\"", scenario->faults);
    bsc_err_hint(err, "Write none, single or pairs.");
    return at(scenario, bsc_value_place(faults), err);
}

static bool is_map(const struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    if (bsc_value_kind(scenario->source) == BSC_VALUE_MAP)
        return true;
    bsc_err_set(err, BSC_ERR_INVALID, "a scenario must be a map, not %s",
                bsc_value_kind_name(bsc_value_kind(scenario->source)));
    bsc_err_hint(err, "Begin with a line such as \"facts: facts.json\".");
    return at(scenario, (struct bsc_value_place){1, 1}, err);
}

bool bsc_run_scenario_read(const struct bsc_sys *sys, const char *path,
                           struct bsc_run_scenario *ret, struct bsc_err *err)
{
    struct bsc_buf text;
    *ret = (struct bsc_run_scenario){.path = path, .set = bsc_value_map()};
    bsc_buf_init(&text);
    if (bsc_files_read(sys, path, FILE_BYTES_MAX, &text, err))
        ret->source = bsc_yaml_parse(path, text.data, text.length, err);
    else
        bsc_err_wrap(err, "could not read the scenario \"%.200s\"", path);
    bsc_buf_release(&text);
    return ret->source != NULL && is_map(ret, err) && check_keys(ret, err) &&
           read_facts(ret, err) && read_change(ret, err) && read_set(ret, err) &&
           read_faults(ret, err);
}

void bsc_run_scenario_release(struct bsc_run_scenario *scenario)
{
    bsc_value_free(scenario->source);
    bsc_value_free(scenario->set);
    bsc_mem_free(scenario->facts);
    *scenario = (struct bsc_run_scenario){0};
}

/* ---------------------------------------------------------------- parameters */

/* Whether the runbook's errors are about this parameter being set: one that could not be read has
 * no parameters at all. */
static bool is_rejected(const struct bsc_run_session *session, const char *name)
{
    const struct bsc_value *errors = bsc_run_session_errors(session);
    char *begin = bsc_mem_format("--set %s=", name);
    bool found = false;
    for (size_t i = 0; i < bsc_value_count(errors); i++) {
        const char *text = bsc_value_get_string(bsc_value_at(errors, i), "text");
        found = found || (text != NULL && strncmp(text, begin, strlen(begin)) == 0);
    }
    bsc_mem_free(begin);
    return found;
}

/* "Did you mean …?" from the keys of a map, else the words for the case that none is near. */
static void suggest(const char *name, const struct bsc_value *map, const char *otherwise,
                    struct bsc_err *err)
{
    size_t count = bsc_value_count(map);
    const char **names = bsc_mem_new(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = bsc_value_key_at(map, i);
    const char *nearest = bsc_site_nearest_name(name, names, count);
    if (nearest != NULL)
        bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        bsc_err_hint(err, "%s", otherwise);
    bsc_mem_free(names);
}

bool bsc_run_scenario_suits(const struct bsc_run_scenario *scenario,
                            const struct bsc_run_session *session, struct bsc_err *err)
{
    const struct bsc_value *set = bsc_value_get(scenario->source, "set");
    const struct bsc_value *params = bsc_value_get(bsc_run_session_runbook(session), "params");
    for (size_t i = 0; i < bsc_value_count(set); i++) {
        const char *name = bsc_value_key_at(set, i);
        if (!is_rejected(session, name))
            continue;
        bsc_err_set(err, BSC_ERR_INVALID, "the runbook has no parameter \"%.100s\"", name);
        suggest(name, params, "Delete it.", err);
        return at(scenario, bsc_value_key_place(set, i), err);
    }
    return true;
}

/* -------------------------------------------------------------------- laying */

static void add_ids(struct bsc_value *known, const struct bsc_value *ids)
{
    for (size_t i = 0; i < bsc_value_count(ids); i++)
        bsc_value_set_bool(known, bsc_value_string(bsc_value_at(ids, i)), true);
}

/* {id=true} of everything that the site, the runbook or the facts have; NULL on failure. */
static struct bsc_value *known_ids(struct bsc_run_session *session, const struct bsc_value *facts,
                                   struct bsc_err *err)
{
    struct bsc_value *site = bsc_run_session_resources(session, err);
    if (site == NULL)
        return NULL;
    struct bsc_value *known = bsc_value_map();
    add_ids(known, site);
    add_ids(known, bsc_value_get(session->listing, "resources"));
    for (size_t i = 0; i < bsc_value_count(facts); i++)
        bsc_value_set_bool(known, bsc_value_key_at(facts, i), true);
    bsc_value_free(site);
    return known;
}

static bool check_ids(const struct bsc_run_scenario *scenario, const struct bsc_value *known,
                      struct bsc_err *err)
{
    const struct bsc_value *change = bsc_value_get(scenario->source, "change");
    for (size_t i = 0; i < bsc_value_count(change); i++) {
        const char *id = bsc_value_key_at(change, i);
        if (bsc_value_get(known, id) != NULL)
            continue;
        bsc_err_set(err, BSC_ERR_INVALID, "nothing is known of \"%.100s\"", id);
        suggest(id, known, "Name it as bascule observe does.", err);
        return at(scenario, bsc_value_key_place(change, i), err);
    }
    return true;
}

/* An empty value takes a fact away, whatever its type; but there must be such a fact. */
static bool check_emptied(const struct bsc_run_scenario *scenario, const char *id,
                          const struct bsc_value *facts, const struct bsc_value *schema,
                          struct bsc_err *err)
{
    const struct bsc_value *kind = bsc_run_schema_kind(schema, id);
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const char *key = bsc_value_key_at(facts, i);
        if (bsc_value_kind(bsc_value_item_at(facts, i)) != BSC_VALUE_NULL || kind == NULL ||
            bsc_value_get(kind, key) != NULL)
            continue;
        bsc_err_set(err, BSC_ERR_INVALID, "the fact \"%.100s\" of %.200s is not in the schema", key,
                    id);
        suggest(key, kind, "Delete it.", err);
        return at(scenario, bsc_value_key_place(facts, i), err);
    }
    return true;
}

static bool complain(const struct bsc_run_scenario *scenario, const struct bsc_value *complaint,
                     struct bsc_err *err)
{
    const struct bsc_value *change = bsc_value_get(scenario->source, "change");
    const char *id = bsc_value_get_string(complaint, "resource");
    const char *key = bsc_value_get_string(complaint, "key");
    const char *hint = bsc_value_get_string(complaint, "hint");
    bsc_err_set(err, BSC_ERR_INVALID, "%s", bsc_value_get_string(complaint, "message"));
    if (hint != NULL)
        bsc_err_hint(err, "%s", hint);
    return at(scenario,
              key != NULL ? key_place(bsc_value_get(change, id), key) : key_place(change, id), err);
}

static bool check_facts(const struct bsc_run_scenario *scenario, struct bsc_run_session *session,
                        struct bsc_err *err)
{
    const struct bsc_value *change = bsc_value_get(scenario->source, "change");
    struct bsc_value *complaints = bsc_run_recorded_complaints(session, NULL, change, err);
    bool ok = complaints != NULL;
    if (bsc_value_count(complaints) > 0)
        ok = complain(scenario, bsc_value_at(complaints, 0), err);
    for (size_t i = 0; ok && i < bsc_value_count(change); i++)
        ok = check_emptied(scenario, bsc_value_key_at(change, i), bsc_value_item_at(change, i),
                           session->schema, err);
    bsc_value_free(complaints);
    return ok;
}

static void lay_over(struct bsc_value *facts, const char *id, const struct bsc_value *change)
{
    if (bsc_value_get(facts, id) == NULL)
        bsc_value_set(facts, id, bsc_value_map());
    struct bsc_value *of_id = bsc_value_get(facts, id);
    for (size_t i = 0; i < bsc_value_count(change); i++) {
        const char *key = bsc_value_key_at(change, i);
        const struct bsc_value *value = bsc_value_item_at(change, i);
        bsc_value_remove(of_id, key);
        if (bsc_value_kind(value) != BSC_VALUE_NULL)
            bsc_value_set(of_id, key, bsc_value_copy(value));
    }
}

static bool speaks_of(const struct bsc_run_session *session, const char *id)
{
    const struct bsc_value *ids = bsc_value_get(session->listing, "resources");
    for (size_t i = 0; i < bsc_value_count(ids); i++) {
        if (strcmp(bsc_value_string(bsc_value_at(ids, i)), id) == 0)
            return true;
    }
    return false;
}

struct bsc_value *bsc_run_scenario_lay(const struct bsc_run_scenario *scenario,
                                       struct bsc_run_session *session, struct bsc_value *facts,
                                       struct bsc_err *err)
{
    const struct bsc_value *change = bsc_value_get(scenario->source, "change");
    struct bsc_value *known = known_ids(session, facts, err);
    bool ok = known != NULL && check_ids(scenario, known, err) &&
              (change == NULL || check_facts(scenario, session, err));
    bsc_value_free(known);
    if (!ok)
        return NULL;
    struct bsc_value *idle = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(change); i++) {
        const char *id = bsc_value_key_at(change, i);
        if (speaks_of(session, id))
            lay_over(facts, id, bsc_value_item_at(change, i));
        else
            bsc_value_append(idle, bsc_value_text(id));
    }
    return idle;
}

bool bsc_run_scenario_blame(const struct bsc_run_scenario *scenario, struct bsc_err *err)
{
    if (err->where[0] == '\0')
        at(scenario, bsc_value_place(bsc_value_get(scenario->source, "facts")), err);
    return false;
}
