#include "run/effect.h"

#include <string.h>

/* The first thing that a change lacks, or NULL. */
static const char *lacking(const struct bsc_value *effect)
{
    if (bsc_value_get_string(effect, "resource") == NULL)
        return "resource";
    if (bsc_value_get_string(effect, "statement") == NULL)
        return "statement";
    if (bsc_value_get_string(effect, "row") == NULL)
        return "row";
    return bsc_value_kind(bsc_value_get(effect, "args")) == BSC_VALUE_MAP ? NULL : "args";
}

const struct bsc_lib_row *bsc_run_effect_row(const struct bsc_value *effect, struct bsc_err *err)
{
    const char *key = lacking(effect);
    const char *resource = bsc_value_get_string(effect, "resource");
    if (key != NULL) {
        bsc_err_set(err, BSC_ERR_SCRIPT, "a change of \"%s\" does not say its \"%s\"",
                    resource != NULL ? resource : "", key);
        return NULL;
    }
    const char *name = bsc_value_get_string(effect, "row");
    const struct bsc_lib_row *row = bsc_lib_find(name);
    if (row != NULL && row->effect == BSC_LIB_WRITE)
        return row;
    bsc_err_set(err, BSC_ERR_SCRIPT, "a change of \"%s\" asks for \"%s\", which %s", resource, name,
                row == NULL ? "is no row of this program" : "changes nothing");
    return NULL;
}

struct bsc_value *bsc_run_effect_essence(const struct bsc_value *effect)
{
    static const char *const keys[] = {"resource", "row", "statement", "args"};
    struct bsc_value *essence = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (bsc_value_get(effect, keys[i]) != NULL)
            bsc_value_set(essence, keys[i], bsc_value_copy(bsc_value_get(effect, keys[i])));
    }
    return essence;
}

struct bsc_value *bsc_run_effect_args(const struct bsc_value *effect)
{
    const struct bsc_value *bound = bsc_value_get(effect, "bound");
    struct bsc_value *args = bsc_value_copy(bsc_value_get(effect, "args"));
    for (size_t i = 0; i < bsc_value_count(bound); i++)
        bsc_value_set(args, bsc_value_key_at(bound, i),
                      bsc_value_copy(bsc_value_item_at(bound, i)));
    return args;
}

struct bsc_value *bsc_run_effect_resources(const struct bsc_value *effect)
{
    const char *own = bsc_value_get_string(effect, "resource");
    const struct bsc_value *becomes = bsc_value_get(effect, "becomes");
    struct bsc_value *list = bsc_value_list();
    bsc_value_append(list, bsc_value_text(own));
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        if (strcmp(bsc_value_key_at(becomes, i), own) != 0)
            bsc_value_append(list, bsc_value_text(bsc_value_key_at(becomes, i)));
    }
    return list;
}
