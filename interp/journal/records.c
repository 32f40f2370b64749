#include "journal/records.h"

#include <string.h>

struct kind {
    const char *name;
    const char *keys;
};

static const struct kind kinds[] = {
#define KIND_ROW(id, name, keys) {name, keys},
    BSC_JOURNAL_KINDS(KIND_ROW)
#undef KIND_ROW
};

const char *bsc_journal_kind_name(enum bsc_journal_kind kind)
{
    return (size_t)kind < BSC_JOURNAL_KIND_MAX_ ? kinds[kind].name : "unknown";
}

enum bsc_journal_kind bsc_journal_kind_of(const char *name, size_t length)
{
    for (int i = 0; i < BSC_JOURNAL_KIND_MAX_; i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
            return (enum bsc_journal_kind)i;
    return BSC_JOURNAL_KIND_MAX_;
}

static bool same_word(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

/* An empty list and an empty map look alike to Lua, so neither is held against a record. */
static bool is_container(const struct bsc_value *value)
{
    return bsc_value_kind(value) == BSC_VALUE_MAP || bsc_value_kind(value) == BSC_VALUE_LIST;
}

/* Whether a value is of the type that `type` (not NUL-terminated) names. */
static bool type_fits(const char *type, size_t length, const struct bsc_value *value)
{
    if (same_word(type, length, "any"))
        return true;
    if (length > 0 && type[length - 1] == '?') {
        if (bsc_value_kind(value) == BSC_VALUE_NULL)
            return true;
        length--;
    }
    if (bsc_value_count(value) == 0 && is_container(value))
        return same_word(type, length, "map") || same_word(type, length, "list");
    return same_word(type, length, bsc_value_kind_name(bsc_value_kind(value)));
}

/* Checks one "key:type" of `length` bytes. */
static bool key_check(enum bsc_journal_kind kind, const char *rule, size_t length,
                      const struct bsc_value *payload, struct bsc_err *err)
{
    char key[32];
    const char *colon = memchr(rule, ':', length);
    BSC_BUG_ON(colon == NULL || (size_t)(colon - rule) >= sizeof key);
    size_t key_length = (size_t)(colon - rule);
    memcpy(key, rule, key_length);
    key[key_length] = '\0';
    const char *type = colon + 1;
    size_t type_length = length - key_length - 1;
    const struct bsc_value *value = bsc_value_get(payload, key);
    if (value == NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "journal record '%s' lacks the key '%s'",
                           bsc_journal_kind_name(kind), key);
    if (!type_fits(type, type_length, value))
        return bsc_err_set(err, BSC_ERR_INVALID, "key '%s' of journal record '%s' is not %.*s", key,
                           bsc_journal_kind_name(kind), (int)type_length, type);
    return true;
}

bool bsc_journal_payload_check(enum bsc_journal_kind kind, const struct bsc_value *payload,
                               struct bsc_err *err)
{
    BSC_BUG_ON((size_t)kind >= BSC_JOURNAL_KIND_MAX_);
    if (bsc_value_kind(payload) != BSC_VALUE_MAP)
        return bsc_err_set(err, BSC_ERR_INVALID, "payload of journal record '%s' is not a map",
                           bsc_journal_kind_name(kind));
    for (const char *rule = kinds[kind].keys; *rule != '\0';) {
        size_t length = strcspn(rule, " ");
        if (!key_check(kind, rule, length, payload, err))
            return false;
        rule += length + (rule[length] == ' ');
    }
    return true;
}
