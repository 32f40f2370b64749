#include "unit.h"

#include "base/buf.h"
#include "value/json.h"

struct row {
    const char *source;
    const char *expected; /* canonical form, or "place: message" of the error */
};

static char *outcome(const char *source, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    bsc_buf_init(&out);
    struct bsc_value *value = bsc_json_parse("f", source, length, &err);
    if (value != NULL)
        bsc_json_canonical(value, &out);
    else
        bsc_buf_printf(&out, "%s: %s", err.where, err.message);
    assert_int_equal(err.code, value == NULL ? BSC_ERR_INVALID : BSC_ERR_NONE);
    bsc_value_free(value);
    char *text = bsc_buf_take(&out);
    bsc_buf_release(&out);
    return text;
}

static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *found = outcome(rows[i].source, strlen(rows[i].source));
        assert_string_equal(found, rows[i].expected);
        free(found);
    }
}

static void the_canonical_form_is_always_the_same_bytes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"null", "null"},
        {" true ", "true"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"-0", "0"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"{\"b\":1,\"a\":{\"d\":2,\"c\":[1, 2]}}", "{\"a\":{\"c\":[1,2],\"d\":2},\"b\":1}"},
        /* The property names of the sorting example of RFC 8785, by bytes of UTF-8. */
        {"{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,"
         "\"\\u00f6\":7}",
         "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"\xC3\xB6\":7,\"\xE2\x82\xAC\":1,\"\xEF\xAC\xB3\":3,"
         "\"\xF0\x9F\x98\x80\":5}"},
        /* Capital letters come before small ones, a prefix before what it begins. */
        {"{\"ab\":1,\"a\":2,\"B\":3,\"\":4}", "{\"\":4,\"B\":3,\"a\":2,\"ab\":1}"},
        {"\"\\u0000\\u0008\\u0009\\u000a\\u000b\\u000c\\u000d\\u001f\"",
         "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\""},
        {"\"\\\"\\\\\\/\\u007f\\u00e9\\u2028\"", "\"\\\"\\\\/\x7F\xC3\xA9\xE2\x80\xA8\""},
        {"\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
         "\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void what_is_not_strict_json_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1.0", "f:1:1: a number with a fraction or exponent is not allowed"},
        {"{\"a\":\n  [1, -1e3]}", "f:2:7: a number with a fraction or exponent is not allowed"},
        {"[\"1.5\", 1E2]", "f:1:9: a number with a fraction or exponent is not allowed"},
        {"9223372036854775808",
         "f:1:19: not valid JSON: too big integer near '9223372036854775808'"},
        {"-9223372036854775809",
         "f:1:20: not valid JSON: too big negative integer near '-9223372036854775809'"},
        {"{\"a\":1,\"a\":2}", "f:1:10: not valid JSON: duplicate object key near '\"a\"'"},
        {"[1,]", "f:1:4: not valid JSON: unexpected token near ']'"},
        {"[1] 2", "f:1:5: not valid JSON: end of file expected near '2'"},
        {"[", "f:1:1: not valid JSON: ']' expected near end of file"},
        {"01", "f:1:1: not valid JSON: invalid token near '0'"},
        {"\"\\ud800\"", "f:1:8: not valid JSON: invalid Unicode '\\uD800' near '\"\\ud800\"'"},
        {"\"a\nb\"", "f:1:2: not valid JSON: unexpected newline near '\"a'"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void bad_utf8_is_refused_on_the_way_in(void **state)
{
    (void)state;
    static const char *const sources[] = {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"",
                                          "\xEF\xBB\xBF[]"};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        assert_null(bsc_json_parse("f", sources[i], strlen(sources[i]), &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
}

static void bytes_that_are_not_utf8_become_replacement_characters_on_the_way_out(void **state)
{
    (void)state;
    struct bsc_value *text = bsc_value_bytes("a\xFF\xE2\x82z\xC3\xA9", 7);
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_json_canonical(text, &out);
    assert_string_equal(out.data, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xC3\xA9\"");
    bsc_buf_release(&out);
    bsc_value_free(text);
}

static char *nested(size_t depth)
{
    char *text = calloc(depth * 2 + 1, 1);
    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void sixty_four_levels_are_allowed_and_no_more(void **state)
{
    (void)state;
    char *text = nested(64);
    char *found = outcome(text, 128);
    assert_string_equal(found, text);
    free(found);
    free(text);
    text = nested(65);
    found = outcome(text, 130);
    assert_string_equal(found, "f:1:65: nested deeper than 64 levels");
    free(found);
    free(text);
    text = nested(50000);
    found = outcome(text, 50000);
    assert_string_equal(found, "f:1:65: nested deeper than 64 levels");
    free(found);
    free(text);
}

static void brackets_and_dots_inside_a_text_count_for_nothing(void **state)
{
    (void)state;
    char source[300] = "";
    char brackets[101] = "";
    memset(brackets, '[', sizeof brackets - 1);
    snprintf(source, sizeof source, "[\"%s\\\"1.5{\", \"\\\\\", 1]", brackets);
    char *found = outcome(source, strlen(source));
    assert_memory_equal(found, "[\"[[[[", 6);
    free(found);
}

static void canonical_text_reads_back_as_the_same_value(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char bytes[256];
    for (size_t i = 0; i < 128; i++)
        bytes[i] = (char)i;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set(map, "all", bsc_value_bytes(bytes, 128));
    bsc_value_set(map, "list", bsc_value_list());
    bsc_value_set_int(map, "\x01\"", INT64_MIN);
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_json_canonical(map, &out);
    struct bsc_value *again = bsc_json_parse("f", out.data, out.length, &err);
    assert_non_null(again);
    assert_true(bsc_value_equal(map, again));
    bsc_value_free(again);
    bsc_buf_release(&out);
    bsc_value_free(map);
}

struct gathered {
    struct bsc_buf text;
    int pieces;
    int pieces_max;
};

static bool gather(void *self, const char *bytes, size_t length)
{
    struct gathered *gathered = self;
    if (gathered->pieces == gathered->pieces_max)
        return false;
    gathered->pieces++;
    bsc_buf_add(&gathered->text, bytes, length);
    return true;
}

static struct bsc_value *long_list(void)
{
    struct bsc_value *list = bsc_value_list();
    for (int i = 0; i < 10000; i++)
        bsc_value_append(list, bsc_value_format("line %d of a long value", i));
    return list;
}

static void the_pieces_of_a_long_value_are_its_canonical_form(void **state)
{
    (void)state;
    struct gathered gathered = {.pieces_max = 1000};
    struct bsc_json_sink sink = {&gathered, gather};
    struct bsc_value *list = long_list();
    struct bsc_buf whole;
    bsc_buf_init(&whole);
    bsc_buf_init(&gathered.text);
    bsc_json_canonical(list, &whole);
    assert_true(bsc_json_canonical_to(list, &sink));
    assert_true(gathered.pieces > 3);
    assert_string_equal(gathered.text.data, whole.data);
    bsc_buf_release(&whole);
    bsc_buf_release(&gathered.text);
    bsc_value_free(list);
}

static void a_sink_that_refuses_gets_nothing_more(void **state)
{
    (void)state;
    struct gathered gathered = {.pieces_max = 2};
    struct bsc_json_sink sink = {&gathered, gather};
    struct bsc_value *list = long_list();
    bsc_buf_init(&gathered.text);
    assert_false(bsc_json_canonical_to(list, &sink));
    assert_int_equal(gathered.pieces, 2);
    bsc_buf_release(&gathered.text);
    bsc_value_free(list);
}

static void a_member_is_found_with_one_comma(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *rest;
    } cases[] = {
        {"{\"a\":1,\"b\":[{\"c\":2},\"]\\\",\"],\"c\":3}", "b", "{\"a\":1,\"c\":3}"},
        {"{\"a\":1,\"b\":{\"c\":2},\"c\":3}", "c", "{\"a\":1,\"b\":{\"c\":2}}"},
        {"{\"a\":1,\"b\":2}", "a", "{\"b\":2}"},
        {"{\"a\":{}}", "a", "{}"},
        {"{\"ab\":\"\\\"b\\\":1\"}", "b", NULL},
        {"{\"a\":1", "a", NULL},
        {"{\"a\":\"1", "a", NULL},
        {"{\"a\":\"\\", "a", NULL},
        {"{\"a", "a", NULL},
        {"{}", "a", NULL},
        {"", "a", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text;
        struct bsc_json_piece piece = bsc_json_find(text, strlen(text), cases[i].key);
        struct bsc_buf rest;
        bsc_buf_init(&rest);
        bsc_buf_add(&rest, text, piece.at);
        bsc_buf_add_text(&rest, text + piece.at + piece.length);
        assert_int_equal(piece.length > 0, cases[i].rest != NULL);
        assert_string_equal(rest.data, cases[i].rest != NULL ? cases[i].rest : text);
        bsc_buf_release(&rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_canonical_form_is_always_the_same_bytes),
        cmocka_unit_test(what_is_not_strict_json_is_refused_with_its_place),
        cmocka_unit_test(bad_utf8_is_refused_on_the_way_in),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters_on_the_way_out),
        cmocka_unit_test(sixty_four_levels_are_allowed_and_no_more),
        cmocka_unit_test(brackets_and_dots_inside_a_text_count_for_nothing),
        cmocka_unit_test(the_pieces_of_a_long_value_are_its_canonical_form),
        cmocka_unit_test(a_sink_that_refuses_gets_nothing_more),
        cmocka_unit_test(a_member_is_found_with_one_comma),
        cmocka_unit_test(canonical_text_reads_back_as_the_same_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
