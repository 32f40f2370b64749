#include "unit.h"

#include "base/buf.h"
#include "value/json.h"
#include "value/yaml.h"

struct row {
    const char *source;
    const char *expected; /* canonical JSON, or "place: message" of the error */
};

static char *outcome(const char *source, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    bsc_buf_init(&out);
    struct bsc_value *value = bsc_yaml_parse("f", source, length, &err);
    if (value != NULL) {
        bsc_json_canonical(value, &out);
    } else {
        bsc_buf_printf(&out, "%s: %s", err.where, err.message);
        assert_true(err.hint[0] != '\0' || err.code == BSC_ERR_LIMIT);
    }
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

static void the_subset_is_read_into_typed_values(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "null"},
        {"# nothing but a comment\n", "null"},
        {"--- \n", "null"},
        {"a: 1\n...\n", "{\"a\":1}"},
        {"a: -12", "{\"a\":-12}"},
        {"a: 9223372036854775807", "{\"a\":9223372036854775807}"},
        {"a: -9223372036854775808", "{\"a\":-9223372036854775808}"},
        {"a: true\nb: false", "{\"a\":true,\"b\":false}"},
        {"a:\nb: ''", "{\"a\":null,\"b\":\"\"}"},
        {"a: 'yes'\nb: \"010\"\nc: \"1e3\"", "{\"a\":\"yes\",\"b\":\"010\",\"c\":\"1e3\"}"},
        {"a: 10.0.0.7\nb: 256MiB\nc: 5s", "{\"a\":\"10.0.0.7\",\"b\":\"256MiB\",\"c\":\"5s\"}"},
        {"a: 2026-11-20\nb: v1.2\nc: e\nd: '-'", "{\"a\":\"2026-11-20\",\"b\":\"v1.2\",\"c\":\"e\","
                                                 "\"d\":\"-\"}"},
        {"- a\n- [1, {b: c}]\n-\n", "[\"a\",[1,{\"b\":\"c\"}],null]"},
        {"a: |\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\"}"},
        {"a: \"\\t\\u20ac\"", "{\"a\":\"\\t\xE2\x82\xAC\"}"},
        {"\xEF\xBB\xBF"
         "a: \xC3\xA9",
         "{\"a\":\"\xC3\xA9\"}"},
        {"a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
        {"7: seven", "{\"7\":\"seven\"}"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void what_readers_of_yaml_disagree_about_is_refused(void **state)
{
    (void)state;
    static const char *const words[] = {
        "yes",   "No",   "ON",       "off", "y",    "N",      "True",  "FALSE", "~",
        "null",  "NULL", "Null",     "010", "-010", "+5",     "0x1F",  "0o17",  "0b11",
        "1_000", "1e3",  "1.5",      ".5",  "5.",   "1.5e+3", "-1.5",  ".inf",  "-.Inf",
        ".NaN",  "1:30", "12:30:45", "-0",  "00",   "1:30.5", "-0x1F",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char source[64];
        char expected[128];
        snprintf(source, sizeof source, "k:\n  - %s\n", words[i]);
        snprintf(expected, sizeof expected, "f:2:5: \"%s\" can be read in more than one way",
                 words[i]);
        char *found = outcome(source, strlen(source));
        assert_string_equal(found, expected);
        free(found);
    }
}

static void what_is_outside_the_subset_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a: &x 1", "f:1:4: an anchor is not allowed"},
        {"&x a: 1", "f:1:1: an anchor is not allowed"},
        {"a: *x", "f:1:4: an alias is not allowed"},
        {"&a [*a]", "f:1:1: an anchor is not allowed"},
        {"a: !!str 1", "f:1:4: a tag is not allowed"},
        {"a: !mine {}", "f:1:4: a tag is not allowed"},
        {"a: ! x", "f:1:4: a tag is not allowed"},
        {"b: 1\n<<: {a: 1}", "f:2:1: a merge key is not allowed"},
        {"a: 1\nb:\n  c: 2\n  c: 3\n", "f:4:3: key \"c\" appears twice"},
        {"{a: 1, \"a\": 2}", "f:1:8: key \"a\" appears twice"},
        {"[a]: 1", "f:1:1: a key that is a list or map is not allowed"},
        {"? {a: b}\n: 1", "f:1:3: a key that is a list or map is not allowed"},
        {"on: 1", "f:1:1: \"on\" can be read in more than one way"},
        {"true: 1\nTrue: 2", "f:2:1: \"True\" can be read in more than one way"},
        {"\"\": 1", "f:1:1: an empty key is not allowed"},
        {"a: 1\n---\nb: 2", "f:2:1: a second document is not allowed"},
        {"%YAML 1.1\n---\na: 1", "f:1:1: a YAML directive is not allowed"},
        {"%TAG ! tag:x,2026:\n---\na: 1", "f:1:1: a YAML directive is not allowed"},
        {"a:\n\tb: 1", "f:2:1: a tab is not allowed"},
        {"a: 1 #\tx", "f:1:7: a tab is not allowed"},
        {"a: \"\\0\"", "f:1:4: a NUL character is not allowed"},
        {"\"\\0\": 1", "f:1:1: a key with a NUL character is not allowed"},
        {"a: \x01", "f:1:4: a control character is not allowed"},
        {"a: \x7F", "f:1:4: a control character is not allowed"},
        {"a: \xC2\x80", "f:1:4: a control character is not allowed"},
        {"a: \xC2\x85", "f:1:4: an unusual line break is not allowed"},
        {"a: 1\n\xEF\xBB\xBF"
         "b: 2",
         "f:2:1: a byte order mark inside the file is not allowed"},
        {"\xC3\xA9: \xFF", "f:1:4: not valid UTF-8"},
        {"a: \xED\xA0\x80", "f:1:4: not valid UTF-8"},
        {"a: 9223372036854775808", "f:1:4: the number is too large"},
        {"a: -9223372036854775809", "f:1:4: the number is too large"},
        {"a: b: c", "f:1:5: not valid YAML: mapping values are not allowed in this context"},
        {"a: [1, 2", "f:2:1: not valid YAML: did not find expected ',' or ']'"},
        {"a: 'x", "f:1:6: not valid YAML: found unexpected end of stream"},
        {"a: @x", "f:1:4: not valid YAML: found character that cannot start any token"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void a_nul_byte_in_the_file_is_refused(void **state)
{
    (void)state;
    char *found = outcome("a: 1\nb: \0\n", 10);
    assert_string_equal(found, "f:2:4: a control character is not allowed");
    free(found);
}

static void every_value_and_key_knows_its_place(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    const char *source = "a: 1\n\xC3\xA9t\xC3\xA9:  [x, {b: z}]\n";
    struct bsc_value *map = bsc_yaml_parse("f", source, strlen(source), &err);
    assert_non_null(map);
    struct bsc_value *list = bsc_value_item_at(map, 1);
    struct bsc_value *inner = bsc_value_at(list, 1);
    assert_int_equal(bsc_value_place(map).line, 1);
    assert_int_equal(bsc_value_key_place(map, 1).line, 2);
    assert_int_equal(bsc_value_key_place(map, 1).column, 1);
    assert_int_equal(bsc_value_place(list).column, 7);
    assert_int_equal(bsc_value_place(inner).column, 11);
    assert_int_equal(bsc_value_key_place(inner, 0).column, 12);
    assert_int_equal(bsc_value_place(bsc_value_get(inner, "b")).column, 15);
    bsc_value_free(map);
}

static void repeated_check(const char *piece, size_t times, const char *expected)
{
    size_t size = strlen(piece);
    char *text = calloc(size * times + 1, 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * size, piece, size);
    char *found = outcome(text, size * times);
    assert_string_equal(found, expected);
    free(found);
    free(text);
}

/* libyaml alone needs seconds for some of these. That each is refused at its 65th level or its
 * first odd key, and not at the end, shows that the limits strike while it streams. */
static void hostile_files_are_refused_at_once(void **state)
{
    (void)state;
    repeated_check("[", 50000, "f:1:65: nested deeper than 64 levels");
    repeated_check("{a: ", 50000, "f:1:257: nested deeper than 64 levels");
    repeated_check("- ", 50000, "f:1:129: nested deeper than 64 levels");
    repeated_check("? ", 50000, "f:1:3: a key that is a list or map is not allowed");
    repeated_check("- x\n", 250001, "f:250000:3: more than 250000 values");
    repeated_check("x", 1024 * 1024 + 1, "f: the file is larger than 1 MiB");
}

static void an_alias_bomb_is_refused_at_its_first_anchor(void **state)
{
    (void)state;
    char *found = outcome("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 43);
    assert_string_equal(found, "f:1:4: an anchor is not allowed");
    free(found);
}

static void sixty_four_levels_are_allowed_and_no_more(void **state)
{
    (void)state;
    char text[200] = {0};
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    char *found = outcome(text, 128);
    assert_string_equal(found, text);
    free(found);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    found = outcome(text, 130);
    assert_string_equal(found, "f:1:65: nested deeper than 64 levels");
    free(found);
}

static void a_file_of_just_one_mebibyte_is_read(void **state)
{
    (void)state;
    enum { SIZE = 1024 * 1024 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    memcpy(text, "- '", 3);
    text[SIZE - 1] = '\'';
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *list = bsc_yaml_parse("f", text, SIZE, &err);
    assert_non_null(list);
    assert_int_equal(bsc_value_string_length(bsc_value_at(list, 0)), SIZE - 4);
    bsc_value_free(list);
    free(text);
}

/* Cuts a file at every byte, and damages every byte: whatever comes out, nothing may crash or
 * leak, and a refusal says why. */
static void damaged_files_never_crash(void **state)
{
    (void)state;
    static const char source[] = "site: x\nlinks:\n  - { between: [a, b], low: false }\n"
                                 "servers:\n  s: { t: \"q\\u20ac\", u: 'v' }\nnote: |\n  text\n";
    static const char damage[] = "\0\t[{:&*!|'\"%-?\xFF\n";
    for (size_t i = 0; i < sizeof source; i++) {
        free(outcome(source, i));
        for (size_t j = 0; j < sizeof damage; j++) {
            char copy[sizeof source];
            memcpy(copy, source, sizeof source);
            copy[i] = damage[j];
            free(outcome(copy, sizeof source - 1));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_subset_is_read_into_typed_values),
        cmocka_unit_test(what_readers_of_yaml_disagree_about_is_refused),
        cmocka_unit_test(what_is_outside_the_subset_is_refused_with_its_place),
        cmocka_unit_test(a_nul_byte_in_the_file_is_refused),
        cmocka_unit_test(every_value_and_key_knows_its_place),
        cmocka_unit_test(hostile_files_are_refused_at_once),
        cmocka_unit_test(an_alias_bomb_is_refused_at_its_first_anchor),
        cmocka_unit_test(sixty_four_levels_are_allowed_and_no_more),
        cmocka_unit_test(a_file_of_just_one_mebibyte_is_read),
        cmocka_unit_test(damaged_files_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
