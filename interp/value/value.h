/*
 * The neutral value that rooms exchange: what a site file, an effect, a fact, a journal record or
 * a plan is made of.
 *
 * Kinds: null, bool, int (64 bit), text (bytes with length, UTF-8), list, map (text keys, kept in
 * the order of insertion, no duplicates). There are no floating-point numbers: decimals are texts.
 *
 * Ownership, one rule: a function that puts a value into another *takes* it; a function that looks
 * something up *borrows* it to the caller until its parent changes; _new and _copy *return owned*.
 * bsc_value_free(NULL) is allowed. May include base and os.
 */
#ifndef BSC_VALUE_VALUE_H
#define BSC_VALUE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bsc_value_kind {
    BSC_VALUE_NULL,
    BSC_VALUE_BOOL,
    BSC_VALUE_INT,
    BSC_VALUE_TEXT,
    BSC_VALUE_LIST,
    BSC_VALUE_MAP
};

struct bsc_value;

/* Where in its source a value began; 0 when it did not come from a text. */
struct bsc_value_place {
    uint32_t line;
    uint32_t column;
};

struct bsc_value *bsc_value_null(void);
struct bsc_value *bsc_value_bool(bool truth);
struct bsc_value *bsc_value_int(int64_t number);
struct bsc_value *bsc_value_text(const char *text); /* NULL makes a null value */
struct bsc_value *bsc_value_bytes(const char *bytes, size_t length);
struct bsc_value *bsc_value_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct bsc_value *bsc_value_list(void);
struct bsc_value *bsc_value_map(void);
struct bsc_value *bsc_value_copy(const struct bsc_value *value);
void bsc_value_free(struct bsc_value *value);

enum bsc_value_kind bsc_value_kind(const struct bsc_value *value); /* NULL reads as null */
const char *bsc_value_kind_name(enum bsc_value_kind kind);
bool bsc_value_equal(const struct bsc_value *a, const struct bsc_value *b);

/* Each answers a neutral value (false, 0, NULL, fallback) when the value is of another kind. */
bool bsc_value_truth(const struct bsc_value *value);
int64_t bsc_value_number(const struct bsc_value *value, int64_t fallback);
const char *bsc_value_string(const struct bsc_value *value); /* NUL-terminated, borrowed */
size_t bsc_value_string_length(const struct bsc_value *value);

/* Lists and maps. */
size_t bsc_value_count(const struct bsc_value *value); /* 0 for other kinds */
struct bsc_value *bsc_value_at(const struct bsc_value *list, size_t index);
void bsc_value_append(struct bsc_value *list, struct bsc_value *item);         /* takes item */
struct bsc_value *bsc_value_get(const struct bsc_value *map, const char *key); /* NULL: absent */
void bsc_value_set(struct bsc_value *map, const char *key, struct bsc_value *item); /* takes */
bool bsc_value_remove(struct bsc_value *map, const char *key);
const char *bsc_value_key_at(const struct bsc_value *map, size_t index);
struct bsc_value *bsc_value_item_at(const struct bsc_value *map, size_t index);
/* Removes the entry from the map and returns it owned; NULL when absent. */
struct bsc_value *bsc_value_take(struct bsc_value *map, const char *key);

/* Makes a value unchangeable for the rest of its life, so that each copy of it is only one more
 * owner: for long lists that several holders keep. Its place is forgotten; changing it is our own
 * mistake and ends the process. Owners must be on one thread. */
void bsc_value_share(struct bsc_value *value);

/* Shorthands for maps: a missing key reads as absent. */
const char *bsc_value_get_string(const struct bsc_value *map, const char *key);
int64_t bsc_value_get_number(const struct bsc_value *map, const char *key, int64_t fallback);
bool bsc_value_get_truth(const struct bsc_value *map, const char *key);
void bsc_value_set_text(struct bsc_value *map, const char *key, const char *text);
void bsc_value_set_int(struct bsc_value *map, const char *key, int64_t number);
void bsc_value_set_bool(struct bsc_value *map, const char *key, bool truth);

/* Places: of a value, and of the key under which the index-th entry of a map was written. */
struct bsc_value_place bsc_value_place(const struct bsc_value *value);
void bsc_value_place_set(struct bsc_value *value, struct bsc_value_place place);
struct bsc_value_place bsc_value_key_place(const struct bsc_value *map, size_t index);
void bsc_value_key_place_set(struct bsc_value *map, size_t index, struct bsc_value_place place);

#endif
