#include "site/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "site/names.h"

enum { ERRORS_MAX = 100, CANDIDATES_MAX = 256 };

struct bsc_err *bsc_site_problem(struct bsc_site_check *check, struct bsc_value_place place,
                                 const char *format, ...)
{
    struct bsc_site_errors *errors = check->errors;
    if (errors->count == ERRORS_MAX)
        errors->more = true;
    else
        errors->count++;
    if (errors->count > errors->capacity) {
        errors->capacity = errors->capacity == 0 ? 4 : errors->capacity * 2;
        errors->items = bsc_mem_resize(errors->items, errors->capacity, sizeof *errors->items);
    }
    struct bsc_err *err = &errors->items[errors->count - 1];
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    bsc_err_set(err, BSC_ERR_INVALID, "%s", message);
    bsc_err_at(err, check->name, place.line, place.column);
    return err;
}

void bsc_site_suggest(struct bsc_err *err, const char *name, const struct bsc_value *map)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    for (; count < bsc_value_count(map) && count < CANDIDATES_MAX; count++)
        candidates[count] = bsc_value_key_at(map, count);
    const char *nearest = bsc_site_nearest_name(name, candidates, count);
    if (nearest != NULL)
        bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
}

/* "databases.mgc" for messages; the top level has no name. */
static const char *here(const struct bsc_site_check *check)
{
    return check->path.length == 0 ? "the site" : check->path.data;
}

/* Steps into a part of the tree; returns what path_leave needs to step back. */
static size_t path_enter(struct bsc_site_check *check, const char *name)
{
    size_t before = check->path.length;
    if (before > 0)
        bsc_buf_add_char(&check->path, '.');
    bsc_buf_add_text(&check->path, name);
    return before;
}

static void path_leave(struct bsc_site_check *check, size_t before)
{
    check->path.length = before;
    check->path.data[before] = '\0';
}

static const struct bsc_site_key *key_find(const struct bsc_site_kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->count; i++) {
        if (strcmp(kind->keys[i].name, name) == 0)
            return &kind->keys[i];
    }
    return NULL;
}

static void keys_list(const struct bsc_site_kind *kind, struct bsc_err *err)
{
    struct bsc_buf names;
    bsc_buf_init(&names);
    for (size_t i = 0; i < kind->count; i++)
        bsc_buf_printf(&names, "%s%s", i == 0 ? "" : ", ", kind->keys[i].name);
    bsc_err_hint(err, "Possible here: %s.", names.data);
    bsc_buf_release(&names);
}

/* Passwords under a key of their own are the mistake most worth a better answer. */
static bool means_secret(const struct bsc_site_kind *kind, const char *name)
{
    static const char *const words[] = {"password", "pwd", "passwd", "pass"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (bsc_site_name_distance(name, words[i]) == 0)
            return key_find(kind, "secret") != NULL;
    }
    return false;
}

static void key_refuse(struct bsc_site_check *check, const struct bsc_site_kind *kind,
                       const char *name, struct bsc_value_place place)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = 0;
    for (; count < kind->count && count < CANDIDATES_MAX; count++)
        candidates[count] = kind->keys[count].name;
    const char *nearest = bsc_site_nearest_name(name, candidates, count);
    struct bsc_err *err =
        bsc_site_problem(check, place, "unknown key \"%.64s\" in %.200s", name, here(check));
    if (means_secret(kind, name))
        bsc_err_hint(err, "Name where the password is found: secret: file:PATH.");
    else if (nearest != NULL)
        bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
    else
        keys_list(kind, err);
}

static void kind_refuse(struct bsc_site_check *check, const char *name, const struct bsc_value *raw,
                        const char *wanted)
{
    bsc_site_problem(check, bsc_value_place(raw), "\"%.64s\" must be %s, not %s", name, wanted,
                     bsc_value_kind_name(bsc_value_kind(raw)));
}

static struct bsc_value *object_read(struct bsc_site_check *check, const struct bsc_site_kind *kind,
                                     const struct bsc_value *raw);

static struct bsc_value *named_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                    const struct bsc_value *raw)
{
    struct bsc_value *map = bsc_value_map();
    if ((int64_t)bsc_value_count(raw) < key->least)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must not be empty", key->name);
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const char *name = bsc_value_key_at(raw, i);
        struct bsc_value_place place = bsc_value_key_place(raw, i);
        if (!bsc_site_name_valid(name)) {
            struct bsc_err *err =
                bsc_site_problem(check, place, "\"%.64s\" is not a valid name", name);
            bsc_err_hint(err, "Use at most 63 small letters, digits, _ and -, a letter first.");
        }
        size_t before = path_enter(check, name);
        const struct bsc_value *item = bsc_value_item_at(raw, i);
        if (bsc_value_kind(item) == BSC_VALUE_MAP || bsc_value_kind(item) == BSC_VALUE_NULL)
            bsc_value_set(map, name, object_read(check, key->of, item));
        else
            kind_refuse(check, name, item, "a map");
        path_leave(check, before);
        if (bsc_value_get(map, name) != NULL)
            bsc_value_key_place_set(map, bsc_value_count(map) - 1, place);
    }
    return map;
}

static struct bsc_value *objects_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                      const struct bsc_value *raw)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const struct bsc_value *item = bsc_value_at(raw, i);
        if (bsc_value_kind(item) == BSC_VALUE_MAP)
            bsc_value_append(list, object_read(check, key->of, item));
        else
            kind_refuse(check, key->name, item, "a list of maps");
    }
    return list;
}

static struct bsc_value *references_read(struct bsc_site_check *check,
                                         const struct bsc_site_key *key,
                                         const struct bsc_value *raw)
{
    struct bsc_value *list = bsc_value_list();
    int64_t count = (int64_t)bsc_value_count(raw);
    if (count < key->least || count > key->most) {
        const char *words = key->least == key->most ? "exactly" : "at least";
        int64_t bound = count > key->most ? key->most : key->least;
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must name %s %lld, not %lld",
                         key->name,
                         count > key->most && key->least != key->most ? "at most" : words,
                         (long long)bound, (long long)count);
    }
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const struct bsc_value *item = bsc_value_at(raw, i);
        if (!bsc_site_name_known(check, key->target, item))
            continue;
        for (size_t j = 0; j < bsc_value_count(list); j++) {
            if (bsc_value_equal(bsc_value_at(list, j), item))
                bsc_site_problem(check, bsc_value_place(item), "\"%s\" names \"%s\" twice",
                                 key->name, bsc_value_string(item));
        }
        bsc_value_append(list, bsc_value_copy(item));
    }
    return list;
}

/* A program is found by its name, and an argument may be empty. */
static struct bsc_value *words_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                    const struct bsc_value *raw)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const struct bsc_value *item = bsc_value_at(raw, i);
        const char *word = bsc_value_string(item);
        if (word == NULL)
            kind_refuse(check, key->name, item, "a list of texts");
        else if (strlen(word) != bsc_value_string_length(item) || (i == 0 && word[0] == '\0'))
            bsc_site_problem(check, bsc_value_place(item), "\"%s\" names no program", key->name);
        else
            bsc_value_append(list, bsc_value_copy(item));
    }
    return list;
}

static bool is_map(enum bsc_site_type type)
{
    return type == BSC_SITE_OBJECT || type == BSC_SITE_NAMED;
}

static bool is_list(enum bsc_site_type type)
{
    return type == BSC_SITE_OBJECTS || type == BSC_SITE_REFERENCES || type == BSC_SITE_WORDS;
}

/* What may be a list, and is one when it is left out. */
static bool may_be_list(enum bsc_site_type type)
{
    return is_list(type) || type == BSC_SITE_STATEMENTS || type == BSC_SITE_MEMBERS;
}

/* What an optional key is when it is not written. */
static struct bsc_value *absent_value(struct bsc_site_check *check, const struct bsc_site_key *key)
{
    if (key->type == BSC_SITE_NAMED)
        return bsc_value_map();
    if (may_be_list(key->type))
        return bsc_value_list();
    if (key->type == BSC_SITE_SECRET)
        return bsc_value_bool(false);
    if (key->preset == NULL)
        return bsc_value_null();
    struct bsc_value *preset = NULL;
    if (key->type == BSC_SITE_TRUTH) {
        preset = bsc_value_bool(strcmp(key->preset, "true") == 0);
    } else if (key->type == BSC_SITE_NUMBER) {
        int64_t number = 0;
        BSC_BUG_ON(!bsc_num_parse(key->preset, strlen(key->preset), &number));
        preset = bsc_value_int(number);
    } else {
        preset = bsc_value_text(key->preset);
    }
    struct bsc_value *value = bsc_site_scalar(check, key, preset);
    bsc_value_free(preset);
    return value;
}

static struct bsc_value *item_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                   const struct bsc_value *raw)
{
    enum bsc_value_kind kind = bsc_value_kind(raw);
    if ((is_map(key->type) && kind != BSC_VALUE_MAP) ||
        (is_list(key->type) && kind != BSC_VALUE_LIST)) {
        kind_refuse(check, key->name, raw, bsc_site_type_words(key->type));
        return absent_value(check, key);
    }
    switch (key->type) {
    case BSC_SITE_OBJECT:
        return object_read(check, key->of, raw);
    case BSC_SITE_NAMED:
        return named_read(check, key, raw);
    case BSC_SITE_OBJECTS:
        return objects_read(check, key, raw);
    case BSC_SITE_REFERENCES:
        return references_read(check, key, raw);
    case BSC_SITE_WORDS:
        return words_read(check, key, raw);
    case BSC_SITE_STATEMENTS:
        return bsc_site_statements(check, key, raw);
    case BSC_SITE_MEMBERS:
        return bsc_site_members(check, key, raw);
    default:
        return bsc_site_scalar(check, key, raw);
    }
}

/* A key without a value, as in "note:", is a key that is not written. */
static struct bsc_value *key_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                  const struct bsc_value *raw, struct bsc_value_place object)
{
    if (bsc_value_kind(raw) != BSC_VALUE_NULL) {
        size_t before = path_enter(check, key->name);
        struct bsc_value *value = item_read(check, key, raw);
        path_leave(check, before);
        bsc_value_place_set(value, bsc_value_place(raw));
        return value;
    }
    if (key->required) {
        struct bsc_value_place place = raw != NULL ? bsc_value_place(raw) : object;
        struct bsc_err *err = bsc_site_problem(check, place, "key \"%s\" is missing in %.200s",
                                               key->name, here(check));
        bsc_err_hint(err, "Add \"%s\": %s", key->name, key->doc);
    }
    struct bsc_value *value = absent_value(check, key);
    bsc_value_place_set(value, object);
    return value;
}

static struct bsc_value *object_read(struct bsc_site_check *check, const struct bsc_site_kind *kind,
                                     const struct bsc_value *raw)
{
    struct bsc_value *object = bsc_value_map();
    bsc_value_place_set(object, bsc_value_place(raw));
    for (size_t i = 0; i < bsc_value_count(raw); i++) {
        const char *name = bsc_value_key_at(raw, i);
        const struct bsc_site_key *key = key_find(kind, name);
        if (key == NULL) {
            key_refuse(check, kind, name, bsc_value_key_place(raw, i));
            continue;
        }
        const struct bsc_value *item = bsc_value_item_at(raw, i);
        bsc_value_set(object, name, key_read(check, key, item, bsc_value_place(raw)));
        if (bsc_value_kind(item) != BSC_VALUE_NULL)
            bsc_value_key_place_set(object, bsc_value_count(object) - 1,
                                    bsc_value_key_place(raw, i));
    }
    for (size_t i = 0; i < kind->count; i++) {
        const struct bsc_site_key *key = &kind->keys[i];
        if (bsc_value_get(raw, key->name) == NULL)
            bsc_value_set(object, key->name, key_read(check, key, NULL, bsc_value_place(raw)));
    }
    return object;
}

struct bsc_value *bsc_site_check_schema(struct bsc_site_check *check)
{
    return object_read(check, bsc_site_schema(), check->source);
}
