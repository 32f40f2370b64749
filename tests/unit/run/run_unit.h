/*
 * Shorthands of the tests of running: values from short JSON, and a machine's items.
 */
#ifndef BSC_UNIT_RUN_H
#define BSC_UNIT_RUN_H

#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "value/json.h"
#include "value/value.h"

/* A value from JSON in which `'` stands for `"`; owned. */
static inline struct bsc_value *from_json(const char *format, ...)
{
    struct bsc_err err = BSC_ERR_INIT;
    char text[8192];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    assert_true(length > 0 && (size_t)length < sizeof text);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    struct bsc_value *value = bsc_json_parse("test", text, strlen(text), &err);
    if (value == NULL)
        fail_msg("%s: %s", text, err.message);
    return value;
}

/* The value in canonical JSON must be this, `'` standing for `"`. */
static inline void assert_json(const struct bsc_value *value, const char *expected)
{
    struct bsc_value *wanted = from_json("%s", expected);
    struct bsc_buf is, should;
    bsc_buf_init(&is);
    bsc_buf_init(&should);
    bsc_json_canonical(value, &is);
    bsc_json_canonical(wanted, &should);
    assert_string_equal(is.data, should.data);
    bsc_buf_release(&is);
    bsc_buf_release(&should);
    bsc_value_free(wanted);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text != NULL ? text : "(null)");
}

static inline void assert_word(const struct bsc_value *map, const char *key, const char *word)
{
    const char *is = bsc_value_get_string(map, key);
    if (is == NULL || strcmp(is, word) != 0)
        fail_msg("%s is %s, not %s (%s)", key, is != NULL ? is : "absent", word,
                 bsc_value_get_string(map, "reason") != NULL ? bsc_value_get_string(map, "reason")
                                                             : "no reason");
}

#endif
