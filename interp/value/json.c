#include "value/json.h"

#include <jansson.h>
#include <string.h>

#include "value/value_int.h"

enum { DEPTH_MAX = 64 };

/* Reads ahead of jansson for what it cannot place or allows: depth and real numbers. */
struct scan {
    const char *text;
    size_t length;
    size_t at;
    unsigned line;
    size_t line_start;
    unsigned depth;
};

static bool scan_fail(const struct scan *scan, const char *name, struct bsc_err *err,
                      const char *message)
{
    bsc_err_set(err, BSC_ERR_INVALID, "%s", message);
    return bsc_err_at(err, name, scan->line, (unsigned)(scan->at - scan->line_start) + 1);
}

static void scan_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->length && scan->text[scan->at] != '"'; scan->at++) {
        if (scan->text[scan->at] == '\\')
            scan->at++;
    }
    scan->at++;
}

static bool scan_number(struct scan *scan, const char *name, struct bsc_err *err)
{
    size_t end = scan->at;
    while (end < scan->length && memchr("+-.0123456789eE", scan->text[end], 15) != NULL)
        end++;
    for (size_t i = scan->at; i < end; i++) {
        if (memchr(".eE", scan->text[i], 3) != NULL) {
            scan_fail(scan, name, err, "a number with a fraction or exponent is not allowed");
            return bsc_err_hint(err, "Write a whole number, or the decimal as a text in quotes.");
        }
    }
    scan->at = end;
    return true;
}

static bool scan_all(struct scan *scan, const char *name, struct bsc_err *err)
{
    while (scan->at < scan->length) {
        char c = scan->text[scan->at];
        if (c == '"') {
            scan_string(scan);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            if (!scan_number(scan, name, err))
                return false;
        } else {
            if ((c == '[' || c == '{') && ++scan->depth > DEPTH_MAX)
                return scan_fail(scan, name, err, "nested deeper than 64 levels");
            if ((c == ']' || c == '}') && scan->depth > 0)
                scan->depth--;
            scan->at++;
            if (c == '\n') {
                scan->line++;
                scan->line_start = scan->at;
            }
        }
    }
    return true;
}

/* Moves on to the end of the value under way: a comma or bracket of its own level, or the end. */
static void scan_value(struct scan *scan)
{
    for (unsigned depth = 0; scan->at < scan->length; scan->at++) {
        char c = scan->text[scan->at];
        if (c == '"') {
            scan_string(scan);
            scan->at--;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (depth == 0 && (c == ',' || c == ']' || c == '}')) {
            return;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
}

static bool is_member(const struct scan *scan, const char *key)
{
    size_t length = strlen(key);
    return scan->length - scan->at > length + 2 && scan->text[scan->at] == '"' &&
           memcmp(scan->text + scan->at + 1, key, length) == 0 &&
           memcmp(scan->text + scan->at + 1 + length, "\":", 2) == 0;
}

struct bsc_json_piece bsc_json_find(const char *text, size_t length, const char *key)
{
    struct scan scan = {.text = text, .length = length};
    for (size_t begin = 1; begin < length; begin = scan.at + 1) {
        scan.at = begin;
        bool found = is_member(&scan, key);
        scan_value(&scan);
        if (scan.at >= length)
            break;
        bool last = text[scan.at] != ',';
        size_t first = last && begin > 1 ? begin - 1 : begin;
        if (found)
            return (struct bsc_json_piece){first, scan.at + (last ? 0 : 1) - first};
        if (last)
            break;
    }
    return (struct bsc_json_piece){0, 0};
}

static struct bsc_value *value_of(json_t *json);

static struct bsc_value *map_of(json_t *json)
{
    struct bsc_value *map = bsc_value_map();
    const char *key = NULL;
    json_t *item = NULL;
    bsc_value_map_reserve(map, json_object_size(json));
    json_object_foreach(json, key, item) bsc_value_map_add(map, key, value_of(item));
    return map;
}

static struct bsc_value *list_of(json_t *json)
{
    struct bsc_value *list = bsc_value_list();
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(json, index, item) bsc_value_append(list, value_of(item));
    return list;
}

static struct bsc_value *value_of(json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return map_of(json);
    case JSON_ARRAY:
        return list_of(json);
    case JSON_STRING:
        return bsc_value_bytes(json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return bsc_value_int((int64_t)json_integer_value(json));
    case JSON_TRUE:
        return bsc_value_bool(true);
    case JSON_FALSE:
        return bsc_value_bool(false);
    default:
        return bsc_value_null();
    }
}

struct bsc_value *bsc_json_parse(const char *name, const char *text, size_t length,
                                 struct bsc_err *err)
{
    struct scan scan = {.text = text, .length = length, .line = 1};
    if (!scan_all(&scan, name, err))
        return NULL;
    json_error_t problem;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *json = json_loadb(text, length, flags, &problem);
    if (json == NULL) {
        bsc_err_set(err, BSC_ERR_INVALID, "not valid JSON: %s", problem.text);
        bsc_err_at(err, name, problem.line > 0 ? (unsigned)problem.line : 0,
                   problem.column > 0 ? (unsigned)problem.column : 0);
        return NULL;
    }
    struct bsc_value *value = value_of(json);
    json_decref(json);
    return value;
}
