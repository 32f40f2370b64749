#include "run/back.h"

#include <string.h>

/* The member with this number from 1, or NULL. */
static const struct bsc_value *part_of(const struct bsc_value *list, int64_t number)
{
    return number >= 1 && (size_t)number <= bsc_value_count(list)
               ? bsc_value_at(list, (size_t)number - 1)
               : NULL;
}

static int64_t line_of(const struct bsc_value *origin, int64_t action)
{
    const struct bsc_value *part = part_of(bsc_value_get(origin, "actions"), action);
    return bsc_value_get_number(part, "line", bsc_value_get_number(origin, "line", 0));
}

struct bsc_value *bsc_run_back_item(const struct bsc_value *origin, int64_t action,
                                    const struct bsc_value *undo)
{
    struct bsc_value *item = bsc_value_map();
    if (bsc_value_get_truth(undo, "declared"))
        action = 0;
    bsc_value_set_text(item, "kind", "undo");
    bsc_value_set_int(item, "index", bsc_value_get_number(origin, "index", 0));
    bsc_value_set_int(item, "action", action);
    bsc_value_set(item, "title",
                  bsc_value_format("take back: %s", bsc_value_get_string(origin, "title")));
    bsc_value_set_int(item, "line", line_of(origin, action));
    bsc_value_set(item, "undo", bsc_value_copy(undo));
    return item;
}

bool bsc_run_back_is(const struct bsc_value *item)
{
    const char *kind = bsc_value_get_string(item, "kind");
    return kind != NULL && strcmp(kind, "undo") == 0;
}

struct bsc_value *bsc_run_back_arguments(const struct bsc_value *item)
{
    static const char *const keys[] = {"index", "action", "undo"};
    struct bsc_value *args = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        bsc_value_set(args, keys[i], bsc_value_copy(bsc_value_get(item, keys[i])));
    return args;
}

struct bsc_value *bsc_run_back_items(const struct bsc_value *items, const struct bsc_value *trail)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = bsc_value_count(trail); i > 0; i--) {
        const struct bsc_value *entry = bsc_value_at(trail, i - 1);
        const struct bsc_value *item = part_of(items, bsc_value_get_number(entry, "item", 0));
        if (item != NULL)
            bsc_value_append(list, bsc_run_back_item(item, bsc_value_get_number(entry, "action", 0),
                                                     bsc_value_get(entry, "undo")));
    }
    return list;
}

struct bsc_value *bsc_run_back_stays(const struct bsc_value *items, const struct bsc_value *stays)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(stays); i++) {
        const struct bsc_value *entry = bsc_value_at(stays, i);
        const struct bsc_value *item = part_of(items, bsc_value_get_number(entry, "item", 0));
        const struct bsc_value *action =
            part_of(bsc_value_get(item, "actions"), bsc_value_get_number(entry, "action", 0));
        if (action == NULL || bsc_value_get_string(action, "harmless") != NULL)
            continue;
        struct bsc_value *text = bsc_value_format(
            "step %lld, %s: what %s has changed stays, for it has no undo",
            (long long)bsc_value_get_number(item, "index", 0), bsc_value_get_string(item, "title"),
            bsc_value_get_string(action, "primitive"));
        bsc_value_append(list, text);
    }
    return list;
}
