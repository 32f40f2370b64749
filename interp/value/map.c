/*
 * Maps keep their entries in order of insertion. All keys of a map lie in one run of memory. A
 * small map is searched from front to back; a larger one also keeps the order of its keys by
 * bytes, so that a lookup is a binary search whatever keys a hostile input chooses.
 */
#include "value/value.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "value/value_int.h"

enum { LINEAR_MAX = 8 };

struct entry {
    uint32_t key; /* offset into the run of keys */
    struct bsc_value *item;
};

struct bsc_value_body {
    char *keys; /* owned; NUL-terminated texts one after another */
    uint32_t keys_length;
    uint32_t keys_capacity;
    uint32_t *order;                /* owned; entries by key; NULL up to LINEAR_MAX entries */
    struct bsc_value_place *places; /* owned; NULL until a key's place is set */
    struct entry entries[];
};

static const struct bsc_value_map *map_of(const struct bsc_value *value)
{
    return bsc_value_kind(value) == BSC_VALUE_MAP ? (const struct bsc_value_map *)value : NULL;
}

static const char *key_of(const struct bsc_value_map *map, uint32_t index)
{
    return map->body->keys + map->body->entries[index].key;
}

void bsc_value_map_release(struct bsc_value_map *map)
{
    if (map->body == NULL)
        return;
    for (uint32_t i = 0; i < map->count; i++)
        bsc_value_free(map->body->entries[i].item);
    bsc_mem_free(map->body->keys);
    bsc_mem_free(map->body->order);
    bsc_mem_free(map->body->places);
    bsc_mem_free(map->body);
    map->body = NULL;
    map->count = map->capacity = 0;
}

/* The first position in `order` whose key is not before `key`. */
static uint32_t order_find(const struct bsc_value_map *map, const char *key, uint32_t count)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(key_of(map, map->body->order[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The index of the entry, or map->count when there is none. */
static uint32_t entry_find(const struct bsc_value_map *map, const char *key)
{
    if (map->body != NULL && map->body->order != NULL) {
        uint32_t at = order_find(map, key, map->count);
        if (at < map->count && strcmp(key_of(map, map->body->order[at]), key) == 0)
            return map->body->order[at];
        return map->count;
    }
    uint32_t index = 0;
    while (index < map->count && strcmp(key_of(map, index), key) != 0)
        index++;
    return index;
}

static void capacity_set(struct bsc_value_map *map, uint32_t capacity)
{
    bool fresh = map->body == NULL;
    map->capacity = capacity;
    struct bsc_value_body *body =
        bsc_mem_resize(map->body, 1, sizeof *body + map->capacity * sizeof body->entries[0]);
    if (fresh)
        memset(body, 0, sizeof *body);
    map->body = body;
    if (body->order != NULL)
        body->order = bsc_mem_resize(body->order, map->capacity, sizeof *body->order);
    if (body->places != NULL)
        body->places = bsc_mem_resize(body->places, map->capacity, sizeof *body->places);
}

static void entries_grow(struct bsc_value_map *map)
{
    if (map->count < map->capacity)
        return;
    BSC_BUG_ON(map->capacity > UINT32_MAX / 2);
    capacity_set(map, map->body == NULL ? 4 : map->capacity * 2);
}

static uint32_t key_add(struct bsc_value_body *body, const char *key)
{
    size_t size = strlen(key) + 1;
    BSC_BUG_ON(size > UINT32_MAX / 4 || body->keys_length > UINT32_MAX / 4);
    uint32_t needed = body->keys_length + (uint32_t)size;
    if (needed > body->keys_capacity) {
        uint32_t doubled = body->keys_capacity == 0 ? 24 : body->keys_capacity * 2;
        body->keys_capacity = needed > doubled ? needed : doubled;
        body->keys = bsc_mem_resize(body->keys, body->keys_capacity, 1);
    }
    uint32_t at = body->keys_length;
    memcpy(body->keys + at, key, size);
    body->keys_length = needed;
    return at;
}

/* Puts the entry at `index`, the last one, into the order by key; starts that order when the map
 * has outgrown the linear search. */
static void order_add(struct bsc_value_map *map, uint32_t index)
{
    struct bsc_value_body *body = map->body;
    uint32_t first = index;
    if (body->order == NULL) {
        if (index < LINEAR_MAX)
            return;
        body->order = bsc_mem_new(map->capacity, sizeof *body->order);
        first = 0;
    }
    for (uint32_t i = first; i <= index; i++) {
        bool is_last = i > 0 && strcmp(key_of(map, body->order[i - 1]), key_of(map, i)) < 0;
        uint32_t at = is_last ? i : order_find(map, key_of(map, i), i);
        memmove(body->order + at + 1, body->order + at, (i - at) * sizeof *body->order);
        body->order[at] = i;
    }
}

static void entry_add(struct bsc_value_map *map, const char *key, struct bsc_value *item)
{
    uint32_t index = map->count;
    entries_grow(map);
    map->body->entries[index].key = key_add(map->body, key);
    map->body->entries[index].item = item;
    if (map->body->places != NULL)
        map->body->places[index] = (struct bsc_value_place){0, 0};
    order_add(map, index);
    map->count++;
}

struct bsc_value *bsc_value_get(const struct bsc_value *map, const char *key)
{
    const struct bsc_value_map *self = map_of(map);
    if (self == NULL)
        return NULL;
    uint32_t index = entry_find(self, key);
    return index < self->count ? self->body->entries[index].item : NULL;
}

void bsc_value_set(struct bsc_value *map, const char *key, struct bsc_value *item)
{
    BSC_BUG_ON(map_of(map) == NULL || map->shared || item == map);
    struct bsc_value_map *self = (struct bsc_value_map *)map;
    struct bsc_value *taken = item == NULL ? bsc_value_null() : item;
    uint32_t index = entry_find(self, key);
    if (index < self->count) {
        struct bsc_value *before = self->body->entries[index].item;
        self->body->entries[index].item = taken;
        if (before != taken)
            bsc_value_free(before);
        return;
    }
    entry_add(self, key, taken);
}

void bsc_value_map_reserve(struct bsc_value *map, size_t count)
{
    struct bsc_value_map *self = (struct bsc_value_map *)map;
    if (count > self->capacity && count <= UINT32_MAX / 2)
        capacity_set(self, (uint32_t)count);
}

void bsc_value_map_add(struct bsc_value *map, const char *key, struct bsc_value *item)
{
    entry_add((struct bsc_value_map *)map, key, item);
}

/* Drops the key's bytes and closes the hole, so that a map which often changes does not grow. */
static void key_remove(struct bsc_value_map *map, uint32_t index)
{
    struct bsc_value_body *body = map->body;
    uint32_t from = body->entries[index].key;
    uint32_t size = (uint32_t)strlen(body->keys + from) + 1;
    memmove(body->keys + from, body->keys + from + size, body->keys_length - from - size);
    body->keys_length -= size;
    for (uint32_t i = 0; i < map->count; i++) {
        if (body->entries[i].key > from)
            body->entries[i].key -= size;
    }
}

static void order_remove(struct bsc_value_map *map, uint32_t index)
{
    uint32_t *order = map->body->order;
    uint32_t kept = 0;
    for (uint32_t i = 0; order != NULL && i < map->count; i++) {
        if (order[i] != index)
            order[kept++] = order[i] > index ? order[i] - 1 : order[i];
    }
}

struct bsc_value *bsc_value_take(struct bsc_value *map, const char *key)
{
    if (map_of(map) == NULL)
        return NULL;
    struct bsc_value_map *self = (struct bsc_value_map *)map;
    uint32_t index = entry_find(self, key);
    if (index == self->count)
        return NULL;
    BSC_BUG_ON(map->shared);
    struct bsc_value_body *body = self->body;
    struct bsc_value *item = body->entries[index].item;
    size_t after = self->count - index - 1;
    key_remove(self, index);
    order_remove(self, index);
    memmove(body->entries + index, body->entries + index + 1, after * sizeof body->entries[0]);
    if (body->places != NULL)
        memmove(body->places + index, body->places + index + 1, after * sizeof body->places[0]);
    self->count--;
    return item;
}

bool bsc_value_remove(struct bsc_value *map, const char *key)
{
    struct bsc_value *item = bsc_value_take(map, key);
    bsc_value_free(item);
    return item != NULL;
}

const char *bsc_value_key_at(const struct bsc_value *map, size_t index)
{
    const struct bsc_value_map *self = map_of(map);
    return self != NULL && index < self->count ? key_of(self, (uint32_t)index) : NULL;
}

struct bsc_value *bsc_value_item_at(const struct bsc_value *map, size_t index)
{
    const struct bsc_value_map *self = map_of(map);
    return self != NULL && index < self->count ? self->body->entries[index].item : NULL;
}

struct bsc_value_place bsc_value_key_place(const struct bsc_value *map, size_t index)
{
    const struct bsc_value_map *self = map_of(map);
    if (self == NULL || index >= self->count || self->body->places == NULL)
        return (struct bsc_value_place){0, 0};
    return self->body->places[index];
}

void bsc_value_key_place_set(struct bsc_value *map, size_t index, struct bsc_value_place place)
{
    BSC_BUG_ON(map_of(map) == NULL || index >= bsc_value_count(map));
    struct bsc_value_map *self = (struct bsc_value_map *)map;
    if (self->body->places == NULL)
        self->body->places = bsc_mem_new(self->capacity, sizeof *self->body->places);
    self->body->places[index] = place;
}
