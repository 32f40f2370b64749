#include "value/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "value/value_int.h"

static void *value_new(enum bsc_value_kind kind, size_t size)
{
    struct bsc_value *value = bsc_mem_new(1, size);
    value->kind = (uint32_t)kind & 7u;
    return value;
}

struct bsc_value *bsc_value_null(void)
{
    return value_new(BSC_VALUE_NULL, sizeof(struct bsc_value));
}

struct bsc_value *bsc_value_bool(bool truth)
{
    struct bsc_value_number *value = value_new(BSC_VALUE_BOOL, sizeof *value);
    value->number = truth;
    return &value->head;
}

struct bsc_value *bsc_value_int(int64_t number)
{
    struct bsc_value_number *value = value_new(BSC_VALUE_INT, sizeof *value);
    value->number = number;
    return &value->head;
}

struct bsc_value *bsc_value_text(const char *text)
{
    return text == NULL ? bsc_value_null() : bsc_value_bytes(text, strlen(text));
}

struct bsc_value *bsc_value_bytes(const char *bytes, size_t length)
{
    struct bsc_value_text *value = value_new(BSC_VALUE_TEXT, sizeof *value + length + 1);
    value->length = length;
    if (length > 0)
        memcpy(value->bytes, bytes, length);
    return &value->head;
}

struct bsc_value *bsc_value_format(const char *format, ...)
{
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    BSC_BUG_ON(length < 0);
    char *room = bsc_buf_room(&buf, (size_t)length);
    vsnprintf(room, (size_t)length + 1, format, again);
    va_end(again);
    struct bsc_value *value = bsc_value_bytes(room, (size_t)length);
    bsc_buf_release(&buf);
    return value;
}

struct bsc_value *bsc_value_list(void)
{
    return value_new(BSC_VALUE_LIST, sizeof(struct bsc_value_list));
}

struct bsc_value *bsc_value_map(void)
{
    return value_new(BSC_VALUE_MAP, sizeof(struct bsc_value_map));
}

static struct bsc_value *list_copy(const struct bsc_value *value)
{
    struct bsc_value *copy = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(value); i++)
        bsc_value_append(copy, bsc_value_copy(bsc_value_at(value, i)));
    return copy;
}

static struct bsc_value *map_copy(const struct bsc_value *value)
{
    struct bsc_value *copy = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(value); i++) {
        bsc_value_set(copy, bsc_value_key_at(value, i),
                      bsc_value_copy(bsc_value_item_at(value, i)));
        struct bsc_value_place place = bsc_value_key_place(value, i);
        if (place.line != 0)
            bsc_value_key_place_set(copy, i, place);
    }
    return copy;
}

static struct bsc_value *scalar_copy(const struct bsc_value *value)
{
    switch (bsc_value_kind(value)) {
    case BSC_VALUE_BOOL:
        return bsc_value_bool(bsc_value_truth(value));
    case BSC_VALUE_INT:
        return bsc_value_int(bsc_value_number(value, 0));
    case BSC_VALUE_TEXT:
        return bsc_value_bytes(bsc_value_string(value), bsc_value_string_length(value));
    default:
        return bsc_value_null();
    }
}

void bsc_value_share(struct bsc_value *value)
{
    if (value == NULL || value->shared)
        return;
    value->shared = 1;
    value->line = 0;
    value->column = 0;
}

/* Counting an owner does not change what the value says. */
static struct bsc_value *add_owner(const struct bsc_value *value)
{
    struct bsc_value *counted = (struct bsc_value *)(uintptr_t)value;
    BSC_BUG_ON(counted->column == UINT32_MAX);
    counted->column++;
    return counted;
}

struct bsc_value *bsc_value_copy(const struct bsc_value *value)
{
    struct bsc_value *copy = NULL;
    if (value != NULL && value->shared)
        return add_owner(value);
    if (bsc_value_kind(value) == BSC_VALUE_LIST)
        copy = list_copy(value);
    else if (bsc_value_kind(value) == BSC_VALUE_MAP)
        copy = map_copy(value);
    else
        copy = scalar_copy(value);
    bsc_value_place_set(copy, bsc_value_place(value));
    return copy;
}

void bsc_value_free(struct bsc_value *value)
{
    if (value == NULL)
        return;
    if (value->shared && value->column > 0) {
        value->column--;
        return;
    }
    if (value->kind == BSC_VALUE_LIST) {
        struct bsc_value_list *list = (struct bsc_value_list *)value;
        for (uint32_t i = 0; i < list->count; i++)
            bsc_value_free(list->items[i]);
        bsc_mem_free(list->items);
    } else if (value->kind == BSC_VALUE_MAP) {
        bsc_value_map_release((struct bsc_value_map *)value);
    }
    bsc_mem_free(value);
}

enum bsc_value_kind bsc_value_kind(const struct bsc_value *value)
{
    return value == NULL ? BSC_VALUE_NULL : (enum bsc_value_kind)value->kind;
}

const char *bsc_value_kind_name(enum bsc_value_kind kind)
{
    static const char *const names[] = {"null", "bool", "int", "text", "list", "map"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

static bool list_equal(const struct bsc_value *a, const struct bsc_value *b)
{
    for (size_t i = 0; i < bsc_value_count(a); i++) {
        if (!bsc_value_equal(bsc_value_at(a, i), bsc_value_at(b, i)))
            return false;
    }
    return true;
}

static bool map_equal(const struct bsc_value *a, const struct bsc_value *b)
{
    for (size_t i = 0; i < bsc_value_count(a); i++) {
        const struct bsc_value *other = bsc_value_get(b, bsc_value_key_at(a, i));
        if (other == NULL || !bsc_value_equal(bsc_value_item_at(a, i), other))
            return false;
    }
    return true;
}

bool bsc_value_equal(const struct bsc_value *a, const struct bsc_value *b)
{
    enum bsc_value_kind kind = bsc_value_kind(a);
    if (kind != bsc_value_kind(b) || bsc_value_count(a) != bsc_value_count(b))
        return false;
    switch (kind) {
    case BSC_VALUE_NULL:
        return true;
    case BSC_VALUE_BOOL:
        return bsc_value_truth(a) == bsc_value_truth(b);
    case BSC_VALUE_INT:
        return bsc_value_number(a, 0) == bsc_value_number(b, 0);
    case BSC_VALUE_TEXT:
        return bsc_value_string_length(a) == bsc_value_string_length(b) &&
               memcmp(bsc_value_string(a), bsc_value_string(b), bsc_value_string_length(a)) == 0;
    case BSC_VALUE_LIST:
        return list_equal(a, b);
    case BSC_VALUE_MAP:
        return map_equal(a, b);
    }
    return false;
}

bool bsc_value_truth(const struct bsc_value *value)
{
    return bsc_value_kind(value) == BSC_VALUE_BOOL &&
           ((const struct bsc_value_number *)value)->number != 0;
}

int64_t bsc_value_number(const struct bsc_value *value, int64_t fallback)
{
    if (bsc_value_kind(value) != BSC_VALUE_INT)
        return fallback;
    return ((const struct bsc_value_number *)value)->number;
}

const char *bsc_value_string(const struct bsc_value *value)
{
    if (bsc_value_kind(value) != BSC_VALUE_TEXT)
        return NULL;
    return ((const struct bsc_value_text *)value)->bytes;
}

size_t bsc_value_string_length(const struct bsc_value *value)
{
    if (bsc_value_kind(value) != BSC_VALUE_TEXT)
        return 0;
    return ((const struct bsc_value_text *)value)->length;
}

size_t bsc_value_count(const struct bsc_value *value)
{
    if (bsc_value_kind(value) == BSC_VALUE_LIST)
        return ((const struct bsc_value_list *)value)->count;
    if (bsc_value_kind(value) == BSC_VALUE_MAP)
        return ((const struct bsc_value_map *)value)->count;
    return 0;
}

struct bsc_value *bsc_value_at(const struct bsc_value *list, size_t index)
{
    if (bsc_value_kind(list) != BSC_VALUE_LIST || index >= bsc_value_count(list))
        return NULL;
    return ((const struct bsc_value_list *)list)->items[index];
}

void bsc_value_append(struct bsc_value *list, struct bsc_value *item)
{
    BSC_BUG_ON(bsc_value_kind(list) != BSC_VALUE_LIST || list->shared || item == list);
    struct bsc_value_list *body = (struct bsc_value_list *)list;
    if (body->count == body->capacity) {
        BSC_BUG_ON(body->capacity > UINT32_MAX / 2);
        body->capacity = body->capacity == 0 ? 2 : body->capacity * 2;
        body->items = bsc_mem_resize(body->items, body->capacity, sizeof *body->items);
    }
    body->items[body->count++] = item == NULL ? bsc_value_null() : item;
}

const char *bsc_value_get_string(const struct bsc_value *map, const char *key)
{
    return bsc_value_string(bsc_value_get(map, key));
}

int64_t bsc_value_get_number(const struct bsc_value *map, const char *key, int64_t fallback)
{
    return bsc_value_number(bsc_value_get(map, key), fallback);
}

bool bsc_value_get_truth(const struct bsc_value *map, const char *key)
{
    return bsc_value_truth(bsc_value_get(map, key));
}

void bsc_value_set_text(struct bsc_value *map, const char *key, const char *text)
{
    bsc_value_set(map, key, bsc_value_text(text));
}

void bsc_value_set_int(struct bsc_value *map, const char *key, int64_t number)
{
    bsc_value_set(map, key, bsc_value_int(number));
}

void bsc_value_set_bool(struct bsc_value *map, const char *key, bool truth)
{
    bsc_value_set(map, key, bsc_value_bool(truth));
}

struct bsc_value_place bsc_value_place(const struct bsc_value *value)
{
    struct bsc_value_place place = {0, 0};
    if (value != NULL && !value->shared) {
        place.line = value->line;
        place.column = value->column;
    }
    return place;
}

void bsc_value_place_set(struct bsc_value *value, struct bsc_value_place place)
{
    if (value->shared)
        return;
    value->line = place.line & 0x0FFFFFFFu;
    value->column = place.column;
}
