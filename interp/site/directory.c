#include "site/check.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "value/placeholders.h"

enum { MEMBERS_MAX = 1000 };

static bool list_has(const struct bsc_value *list, const char *text)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        if (strcmp(bsc_value_string(bsc_value_at(list, i)), text) == 0)
            return true;
    }
    return false;
}

/* Adds the values that one statement uses to `used`. */
static bool statement_scan(struct bsc_site_check *check, const struct bsc_site_key *key,
                           const struct bsc_value *raw, struct bsc_value *used)
{
    struct bsc_err failure = BSC_ERR_INIT;
    struct bsc_placeholders found = {0};
    if (!bsc_placeholders_parse(bsc_value_string(raw), key->values, &found, &failure)) {
        struct bsc_err *err =
            bsc_site_problem(check, bsc_value_place(raw), "\"%s\": %s", key->name, failure.message);
        if (failure.hint[0] != '\0')
            bsc_err_hint(err, "%s", failure.hint);
        return false;
    }
    for (size_t i = 0; i < bsc_value_count(found.names); i++)
        bsc_value_append(used, bsc_value_copy(bsc_value_at(found.names, i)));
    bsc_placeholders_release(&found);
    return true;
}

void bsc_site_values_check(struct bsc_site_check *check, const struct bsc_site_key *key,
                           const struct bsc_value *statements, struct bsc_value_place place)
{
    bool fine = true;
    struct bsc_value *used = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(statements); i++)
        fine = statement_scan(check, key, bsc_value_at(statements, i), used) && fine;
    for (int64_t i = 0; i < key->least && fine; i++) {
        if (list_has(used, key->values[i]))
            continue;
        struct bsc_err *err =
            bsc_site_problem(check, place, "\"%s\" does not use :%s", key->name, key->values[i]);
        bsc_err_hint(err, "%s", key->doc);
    }
    bsc_value_free(used);
}

/* Reads each entry as one of the given type; those that are wrong are left out. */
static struct bsc_value *entries_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                      enum bsc_site_type type, const struct bsc_value *raw)
{
    struct bsc_site_key one = *key;
    struct bsc_value *list = bsc_value_list();
    one.type = type;
    one.values = NULL;
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const struct bsc_value *item = bsc_value_at(raw, i);
        struct bsc_value *entry = bsc_site_scalar(check, &one, item);
        bsc_value_place_set(entry, bsc_value_place(item));
        if (bsc_value_string(entry) != NULL)
            bsc_value_append(list, entry);
        else
            bsc_value_free(entry);
    }
    return list;
}

struct bsc_value *bsc_site_statements(struct bsc_site_check *check, const struct bsc_site_key *key,
                                      const struct bsc_value *raw)
{
    struct bsc_value *list = NULL;
    size_t problems = check->errors->count;
    if (bsc_value_kind(raw) == BSC_VALUE_LIST) {
        list = entries_read(check, key, BSC_SITE_SQL, raw);
    } else if (bsc_value_kind(raw) != BSC_VALUE_TEXT) {
        bsc_value_free(bsc_site_scalar(check, key, raw));
        list = bsc_value_list();
    } else {
        struct bsc_value *single = bsc_value_list();
        bsc_value_append(single, bsc_value_copy(raw));
        bsc_value_place_set(bsc_value_at(single, 0), bsc_value_place(raw));
        list = entries_read(check, key, BSC_SITE_SQL, single);
        bsc_value_free(single);
    }
    if (bsc_value_count(list) == 0 && check->errors->count == problems)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" holds no statement", key->name);
    if (key->values != NULL && check->errors->count == problems)
        bsc_site_values_check(check, key, list, bsc_value_place(raw));
    return list;
}

struct bsc_value *bsc_site_members(struct bsc_site_check *check, const struct bsc_site_key *key,
                                   const struct bsc_value *raw)
{
    struct bsc_site_key one = *key;
    one.type = BSC_SITE_SQL;
    if (bsc_value_kind(raw) != BSC_VALUE_LIST)
        return bsc_site_scalar(check, bsc_value_kind(raw) == BSC_VALUE_TEXT ? &one : key, raw);
    struct bsc_value *names = entries_read(check, key, BSC_SITE_TEXT, raw);
    size_t count = bsc_value_count(names);
    if (count > MEMBERS_MAX)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must name at most %d, not %zu",
                         key->name, MEMBERS_MAX, count);
    for (size_t i = 0; i < count; i++) {
        const struct bsc_value *name = bsc_value_at(names, i);
        for (size_t k = 0; k < i; k++) {
            if (bsc_value_equal(bsc_value_at(names, k), name))
                bsc_site_problem(check, bsc_value_place(name), "\"%s\" names \"%.64s\" twice",
                                 key->name, bsc_value_string(name));
        }
    }
    return names;
}

/* Pools are told apart by their names alone, and some directories do not mind case. */
static void pools_differ_check(struct bsc_site_check *check, const char *what,
                               const struct bsc_value *directory)
{
    const char *legacy = bsc_value_get_string(directory, "legacy");
    const char *new = bsc_value_get_string(directory, "new");
    if (legacy == NULL || new == NULL || strcasecmp(legacy, new) != 0)
        return;
    struct bsc_err *err =
        bsc_site_problem(check, bsc_value_place(bsc_value_get(directory, "new")),
                         "%s: the new pool has the name of the legacy pool", what);
    bsc_err_hint(err, "Only a pool of another name can be deployed beside it.");
}

/* Each of a directory's own names stands in names of resources, and all applications together are
 * called so too. */
static void applications_check(struct bsc_site_check *check, const struct bsc_value *directory)
{
    static const char *const taken[] = {"users", "pilot", "applications", "legacy", "new"};
    const struct bsc_value *applications = bsc_value_get(directory, "applications");
    for (size_t i = 0; i < bsc_value_count(applications); i++) {
        const char *name = bsc_value_key_at(applications, i);
        for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++) {
            if (strcmp(name, taken[k]) == 0)
                bsc_site_problem(check, bsc_value_key_place(applications, i),
                                 "an application cannot be called \"%s\"", name);
        }
    }
}

void bsc_site_check_directories(struct bsc_site_check *check, struct bsc_value *site)
{
    struct bsc_value *directories = bsc_value_get(site, "directories");
    for (size_t i = 0; i < bsc_value_count(directories); i++) {
        struct bsc_value *directory = bsc_value_item_at(directories, i);
        char *what = bsc_mem_format("directories.%s", bsc_value_key_at(directories, i));
        bsc_site_check_store(check, site, what, "database", directory);
        pools_differ_check(check, what, directory);
        applications_check(check, directory);
        bsc_mem_free(what);
    }
}
