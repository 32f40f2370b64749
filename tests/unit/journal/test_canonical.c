#include "unit.h"

#include "journal/canonical_int.h"

static bool canonical(const char *text)
{
    /* A copy of exactly this length, so that reading behind its end is noticed. */
    size_t length = strlen(text);
    char *bytes = malloc(length + (length == 0));
    assert_non_null(bytes);
    memcpy(bytes, text, length);
    bool fits = bsc_journal_canonical_map(bytes, length);
    free(bytes);
    return fits;
}

static void canonical_maps_are_recognised(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":null,\"b\":true,\"c\":false,\"d\":0,\"e\":-1,\"f\":\"\",\"g\":[],\"h\":{}}",
        "{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
        "{\"a\":[1,[2,{\"x\":\"y\"}],\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"]}",
        "{\"a\":\"\x7f\"}",
        "{\"a\":\"\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xF0\x90\x80\x80 "
        "\xF4\x8F\xBF\xBF\"}",
        "{\"\":1,\"\\u0001\":1,\"\\n\":1,\" \":1,\"\\\"\":1,\"A\":1,\"\\\\\":1,\"a\":1,\"aa\":1,"
        "\"\xC3\xA9\":1}",
        "{\"long\":\"abcdefghijklmnopqrstuvwxyz0123456789\\n\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(canonical(texts[i]));
}

static void what_is_json_but_not_canonical_is_refused(void **state)
{
    static const char *const texts[] = {
        "{ }",
        "{\"a\": 1}",
        "{\"a\":1 }",
        "{\"b\":1,\"a\":1}",
        "{\"a\":1,\"a\":1}",
        "{\"aa\":1,\"a\":1}",
        "{\"\\\"\":1,\"\\n\":1}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":-0}",
        "{\"a\":9223372036854775808}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":\"\\u000a\"}",
        "{\"a\":\"\\u001F\"}",
        "{\"a\":\"\\u007f\"}",
        "{\"a\":\"\\u00e9\"}",
        "[]",
        "1",
        "{}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(canonical(texts[i]));
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "}",
        "{\"",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":[}",
        "{\"a\":tru}",
        "{\"a\":nul",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\\u00\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xC0\x80\"}",
        "{\"a\":\"\xC3\"}",
        "{\"a\":\"\xE0\x80\x80\"}",
        "{\"a\":\"\xED\xA0\x80\"}",
        "{\"a\":\"\xF0\x80\x80\x80\"}",
        "{\"a\":\"\xF4\x90\x80\x80\"}",
        "{\"a\":\"\xF5\x80\x80\x80\"}",
        "{a:1}",
        "{\"a\":1}}",
        "{\"a\":1\"b\":2}",
        "{\"a\"1}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(canonical(texts[i]));
}

static void nesting_ends_at_its_limit(void **state)
{
    char text[256] = "{\"a\":";
    (void)state;
    size_t start = strlen(text);
    for (int depth = 1; depth <= BSC_JOURNAL_DEPTH_MAX + 2; depth++) {
        size_t length = start;
        for (int i = 0; i < depth; i++)
            text[length++] = '[';
        for (int i = 0; i < depth; i++)
            text[length++] = ']';
        text[length++] = '}';
        text[length] = '\0';
        assert_int_equal(canonical(text), depth <= BSC_JOURNAL_DEPTH_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_maps_are_recognised),
        cmocka_unit_test(what_is_json_but_not_canonical_is_refused),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(nesting_ends_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
