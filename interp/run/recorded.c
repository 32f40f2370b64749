#include "run/recorded.h"

#include <string.h>

#include "os/files.h"
#include "value/json.h"
#include "value/yaml.h"

enum { FACTS_BYTES_MAX = 64 * 1024 * 1024 };

struct bsc_value *bsc_run_recorded_read(const struct bsc_sys *sys, const char *path,
                                        struct bsc_err *err)
{
    struct bsc_buf text;
    struct bsc_value *facts = NULL;
    bsc_buf_init(&text);
    if (bsc_files_read(sys, path, FACTS_BYTES_MAX, &text, err))
        facts = bsc_json_parse(path, text.data, text.length, err);
    if (facts != NULL && bsc_value_kind(facts) != BSC_VALUE_MAP) {
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" does not hold facts", path);
        bsc_err_hint(err, "bascule observe --site SITE -o FILE writes such a file.");
        bsc_value_free(facts);
        facts = NULL;
    }
    bsc_buf_release(&text);
    return facts;
}

static bool complain(const char *path, const struct bsc_value *complaints, struct bsc_err *err)
{
    const struct bsc_value *first = bsc_value_at(complaints, 0);
    const char *hint = bsc_value_get_string(first, "hint");
    struct bsc_buf more;
    bsc_buf_init(&more);
    bsc_err_set(err, BSC_ERR_INVALID, "%s", bsc_value_get_string(first, "message"));
    for (size_t i = 1; i < bsc_value_count(complaints); i++)
        bsc_buf_printf(&more, "%s%s", i > 1 ? "; " : "Besides: ",
                       bsc_value_get_string(bsc_value_at(complaints, i), "message"));
    bsc_err_detail(err, "%s", more.data);
    if (hint != NULL)
        bsc_err_hint(err, "%s", hint);
    bsc_buf_release(&more);
    return bsc_err_at(err, path, (unsigned)bsc_value_get_number(first, "line", 0),
                      (unsigned)bsc_value_get_number(first, "column", 0));
}

/* The file once more, with places; NULL when it cannot be had so. JSON is YAML as well, and only
 * the reader of YAML keeps places. */
static struct bsc_value *read_with_places(const struct bsc_sys *sys, const char *path)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *facts = NULL;
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (bsc_files_read(sys, path, FACTS_BYTES_MAX, &text, &ignored))
        facts = bsc_yaml_parse(path, text.data, text.length, &ignored);
    bsc_buf_release(&text);
    return facts;
}

static void add_place(struct bsc_value *complaint, const struct bsc_value *facts)
{
    const char *id = bsc_value_get_string(complaint, "resource");
    const char *key = bsc_value_get_string(complaint, "key");
    const struct bsc_value *map = key != NULL ? bsc_value_get(facts, id) : facts;
    for (size_t i = 0; i < bsc_value_count(map); i++) {
        if (strcmp(bsc_value_key_at(map, i), key != NULL ? key : id) == 0) {
            struct bsc_value_place place = bsc_value_key_place(map, i);
            bsc_value_set_int(complaint, "line", place.line);
            bsc_value_set_int(complaint, "column", place.column);
        }
    }
}

struct bsc_value *bsc_run_recorded_complaints(struct bsc_run_session *session, const char *path,
                                              const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set(args, "facts", bsc_value_copy(facts));
    struct bsc_value *complaints = bsc_vm_call(session->vm, "complaints", args, err);
    bsc_value_free(args);
    if (path == NULL || bsc_value_count(complaints) == 0)
        return complaints;
    struct bsc_value *placed = read_with_places(session->with.sys, path);
    for (size_t i = 0; i < bsc_value_count(complaints); i++)
        add_place(bsc_value_at(complaints, i), placed);
    bsc_value_free(placed);
    return complaints;
}

static bool keeps_schema(struct bsc_run_session *session, const char *path,
                         const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *complaints = bsc_run_recorded_complaints(session, path, facts, err);
    bool ok = complaints != NULL;
    if (bsc_value_count(complaints) > 0)
        ok = complain(path, complaints, err);
    bsc_value_free(complaints);
    return ok;
}

static void add_all(struct bsc_value *set, const struct bsc_value *ids)
{
    for (size_t i = 0; i < bsc_value_count(ids); i++)
        bsc_value_set_bool(set, bsc_value_string(bsc_value_at(ids, i)), true);
}

/* Of the resources that the runbook speaks of, those without facts: the site's or the others. */
static struct bsc_value *missing_of(const struct bsc_value *ids, const struct bsc_value *facts,
                                    const struct bsc_value *of_site, bool wanted)
{
    struct bsc_value *missing = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(ids); i++) {
        const char *id = bsc_value_string(bsc_value_at(ids, i));
        if (bsc_value_get(facts, id) == NULL && bsc_value_get_truth(of_site, id) == wanted)
            bsc_value_append(missing, bsc_value_text(id));
    }
    return missing;
}

static bool refuse(const char *path, const struct bsc_value *missing, struct bsc_err *err)
{
    size_t count = bsc_value_count(missing);
    struct bsc_buf names;
    bsc_buf_init(&names);
    for (size_t i = 0; i < count; i++)
        bsc_buf_printf(&names, "%s%s", i > 0 ? ", " : "",
                       bsc_value_string(bsc_value_at(missing, i)));
    bsc_err_set(err, BSC_ERR_INVALID,
                "\"%s\" has no facts of %zu resource%s that the runbook speaks of", path, count,
                count == 1 ? "" : "s");
    bsc_err_detail(err, "Missing: %s", names.data);
    bsc_buf_release(&names);
    return bsc_err_hint(err, "bascule observe --site SITE -o FILE writes the facts of the whole "
                             "site.");
}

static void keep_only(struct bsc_value *facts, const struct bsc_value *ids)
{
    struct bsc_value *wanted = bsc_value_map();
    add_all(wanted, ids);
    for (size_t i = bsc_value_count(facts); i-- > 0;) {
        if (bsc_value_get(wanted, bsc_value_key_at(facts, i)) == NULL)
            bsc_value_remove(facts, bsc_value_key_at(facts, i));
    }
    bsc_value_free(wanted);
}

struct bsc_value *bsc_run_recorded_settle(struct bsc_run_session *session, const char *path,
                                          struct bsc_value *facts, struct bsc_err *err)
{
    const struct bsc_value *ids = bsc_value_get(session->listing, "resources");
    if (!keeps_schema(session, path, facts, err))
        return NULL;
    struct bsc_value *site = bsc_run_session_resources(session, err);
    if (site == NULL)
        return NULL;
    struct bsc_value *of_site = bsc_value_map();
    add_all(of_site, site);
    struct bsc_value *missing = missing_of(ids, facts, of_site, true);
    struct bsc_value *untold = missing_of(ids, facts, of_site, false);
    if (bsc_value_count(missing) > 0) {
        refuse(path, missing, err);
        bsc_value_free(untold);
        untold = NULL;
    } else {
        keep_only(facts, ids);
    }
    bsc_value_free(missing);
    bsc_value_free(of_site);
    bsc_value_free(site);
    return untold;
}
