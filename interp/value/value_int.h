/*
 * How a value lies in memory: private to the room.
 *
 * Every kind starts with the same eight bytes and holds no more than it needs, so that ten
 * thousand small maps (one for each log backup) stay within a few megabytes. Items keep their
 * address for life: a list or map that grows moves only its array of pointers.
 */
#ifndef BSC_VALUE_VALUE_INT_H
#define BSC_VALUE_VALUE_INT_H

#include "value/value.h"

struct bsc_value {
    uint32_t kind : 3;
    uint32_t shared : 1; /* cannot change any more: a copy is one more owner */
    uint32_t line : 28;
    uint32_t column; /* of a shared value: its owners besides the first */
};

/* bool and int */
struct bsc_value_number {
    struct bsc_value head;
    int64_t number;
};

struct bsc_value_text {
    struct bsc_value head;
    size_t length; /* bytes without the NUL */
    char bytes[];
};

struct bsc_value_list {
    struct bsc_value head;
    uint32_t count;
    uint32_t capacity;
    struct bsc_value **items; /* owned */
};

struct bsc_value_map {
    struct bsc_value head;
    uint32_t count;
    uint32_t capacity;
    struct bsc_value_body *body; /* owned; NULL while the map is empty */
};

/* Frees the entries and what they hold, not the map itself. */
void bsc_value_map_release(struct bsc_value_map *map);

/* For a reader that knows how many entries come, none of them twice: makes room for `count`, and
 * adds one whose key is not in the map. Takes the item, which is not NULL. */
void bsc_value_map_reserve(struct bsc_value *map, size_t count);
void bsc_value_map_add(struct bsc_value *map, const char *key, struct bsc_value *item);

#endif
