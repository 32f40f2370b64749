/*
 * The loader's table, the JSON Schema for editors and the reference page say the same. Whoever
 * changes one and not the others fails here.
 */
#include "unit.h"

#include "site/reference.h"
#include "site/schema.h"
#include "site/site.h"
#include "value/json.h"

static char *doc_read(const char *name)
{
    char *path = unit_path(BSC_DOCS, name);
    char *text = unit_file_get(path, NULL);
    assert_non_null(text);
    free(path);
    return text;
}

static struct bsc_value *schema_read(void)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *text = doc_read("site.schema.json");
    struct bsc_value *schema = bsc_json_parse("site.schema.json", text, strlen(text), &err);
    assert_non_null(schema);
    free(text);
    return schema;
}

static bool list_has(const struct bsc_value *list, const char *text)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *item = bsc_value_string(bsc_value_at(list, i));
        if (item != NULL && strcmp(item, text) == 0)
            return true;
    }
    return false;
}

/* The JSON type that belongs to a type of ours; sizes may be a text or a number. */
static void type_check(const struct bsc_site_key *key, const struct bsc_value *property)
{
    const struct bsc_value *type = bsc_value_get(property, "type");
    const char *name = bsc_value_string(type);
    switch (key->type) {
    case BSC_SITE_TRUTH:
        assert_string_equal(name, "boolean");
        break;
    case BSC_SITE_NUMBER:
        assert_string_equal(name, "integer");
        assert_int_equal(bsc_value_get_number(property, "minimum", -1), key->least);
        assert_int_equal(bsc_value_get_number(property, "maximum", -1), key->most);
        break;
    case BSC_SITE_SIZE:
        assert_int_equal(bsc_value_count(type), 2);
        assert_true(list_has(type, "string") && list_has(type, "integer"));
        break;
    case BSC_SITE_REFERENCES:
        assert_int_equal(bsc_value_get_number(property, "minItems", -1), key->least);
        assert_int_equal(bsc_value_get_number(property, "maxItems", -1), key->most);
        assert_true(bsc_value_get_truth(property, "uniqueItems"));
        assert_string_equal(name, "array");
        break;
    case BSC_SITE_WORDS:
        assert_string_equal(bsc_value_get_string(bsc_value_get(property, "items"), "type"),
                            "string");
        assert_string_equal(name, "array");
        break;
    case BSC_SITE_STATEMENTS:
    case BSC_SITE_MEMBERS:
        assert_int_equal(bsc_value_count(type), 2);
        assert_true(list_has(type, "string") && list_has(type, "array"));
        break;
    case BSC_SITE_OBJECTS:
        assert_string_equal(name, "array");
        break;
    case BSC_SITE_NAMED:
        assert_string_equal(name, "object");
        assert_int_equal(bsc_value_get_number(property, "minProperties", 0), key->least);
        assert_non_null(bsc_value_get(bsc_value_get(property, "propertyNames"), "pattern"));
        break;
    case BSC_SITE_OBJECT:
        assert_null(type);
        break;
    default:
        assert_string_equal(name, "string");
        break;
    }
}

static void pattern_check(const struct bsc_site_key *key, const struct bsc_value *property)
{
    bool has = bsc_value_get(property, "pattern") != NULL;
    switch (key->type) {
    case BSC_SITE_NAME:
    case BSC_SITE_REFERENCE:
        assert_string_equal(bsc_value_get_string(property, "pattern"), "^[a-z][a-z0-9_-]{0,62}$");
        break;
    case BSC_SITE_SIZE:
    case BSC_SITE_DURATION:
    case BSC_SITE_SECRET:
    case BSC_SITE_IDENTIFIER:
    case BSC_SITE_FILE:
        assert_true(has);
        break;
    default:
        assert_false(has);
        break;
    }
}

static void choices_check(const struct bsc_site_key *key, const struct bsc_value *property)
{
    const struct bsc_value *choices = bsc_value_get(property, "enum");
    size_t count = 0;
    while (key->choices != NULL && key->choices[count] != NULL) {
        assert_true(list_has(choices, key->choices[count]));
        count++;
    }
    assert_int_equal(bsc_value_count(choices), count);
}

static void default_check(const struct bsc_site_key *key, const struct bsc_value *property)
{
    const struct bsc_value *preset = bsc_value_get(property, "default");
    if (key->preset == NULL) {
        assert_null(preset);
        return;
    }
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (bsc_value_string(preset) != NULL)
        bsc_buf_add_text(&text, bsc_value_string(preset));
    else
        bsc_json_canonical(preset, &text);
    assert_string_equal(text.data, key->preset);
    bsc_buf_release(&text);
}

static void kind_check(const struct bsc_value *root, const struct bsc_value *object,
                       const struct bsc_site_kind *kind);

/* Follows "#/$defs/copy" from wherever the property keeps it. */
static void inner_check(const struct bsc_value *root, const struct bsc_value *property,
                        const struct bsc_site_key *key)
{
    static const char prefix[] = "#/$defs/";
    if (key->of == NULL)
        return;
    const struct bsc_value *holder = property;
    if (key->type == BSC_SITE_OBJECTS)
        holder = bsc_value_get(property, "items");
    else if (key->type == BSC_SITE_NAMED)
        holder = bsc_value_get(property, "additionalProperties");
    const char *reference = bsc_value_get_string(holder, "$ref");
    assert_non_null(reference);
    assert_memory_equal(reference, prefix, sizeof prefix - 1);
    const struct bsc_value *inner =
        bsc_value_get(bsc_value_get(root, "$defs"), reference + sizeof prefix - 1);
    assert_non_null(inner);
    kind_check(root, inner, key->of);
}

static void kind_check(const struct bsc_value *root, const struct bsc_value *object,
                       const struct bsc_site_kind *kind)
{
    const struct bsc_value *properties = bsc_value_get(object, "properties");
    const struct bsc_value *required = bsc_value_get(object, "required");
    const struct bsc_value *others = bsc_value_get(object, "additionalProperties");
    size_t required_count = 0;
    assert_string_equal(bsc_value_get_string(object, "description"), kind->doc);
    assert_int_equal(bsc_value_kind(others), BSC_VALUE_BOOL);
    assert_false(bsc_value_truth(others));
    assert_int_equal(bsc_value_count(properties), kind->count);
    for (size_t i = 0; i < kind->count; i++) {
        const struct bsc_site_key *key = &kind->keys[i];
        const struct bsc_value *property = bsc_value_get(properties, key->name);
        assert_non_null(property);
        assert_string_equal(bsc_value_get_string(property, "description"), key->doc);
        assert_int_equal(list_has(required, key->name), key->required);
        required_count += key->required;
        type_check(key, property);
        pattern_check(key, property);
        choices_check(key, property);
        default_check(key, property);
        inner_check(root, property, key);
    }
    assert_int_equal(bsc_value_count(required), required_count);
}

static void the_schema_for_editors_agrees_with_the_loader(void **state)
{
    (void)state;
    struct bsc_value *schema = schema_read();
    assert_string_equal(bsc_value_get_string(schema, "$schema"),
                        "https://json-schema.org/draft/2020-12/schema");
    kind_check(schema, schema, bsc_site_schema());
    size_t kinds = 0;
    bsc_site_kinds(&kinds);
    assert_int_equal(bsc_value_count(bsc_value_get(schema, "$defs")), kinds - 1);
    bsc_value_free(schema);
}

static void the_page_holds_the_reference_as_the_table_gives_it(void **state)
{
    (void)state;
    char *page = doc_read("site.md");
    struct bsc_buf reference;
    bsc_buf_init(&reference);
    bsc_site_reference_write(&reference);
    const char *start = strstr(page, "## Every key\n\n");
    assert_non_null(start);
    /* The last section ends in one line end in the file and in two as it is written. */
    reference.data[reference.length - 1] = '\0';
    assert_string_equal(start + strlen("## Every key\n\n"), reference.data);
    bsc_buf_release(&reference);
    free(page);
}

static void the_example_of_the_page_loads(void **state)
{
    (void)state;
    char *page = doc_read("site.md");
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    char *start = strstr(page, "```yaml\n");
    assert_non_null(start);
    start += strlen("```yaml\n");
    char *end = strstr(start, "```");
    assert_non_null(end);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "site.md", "/site", start, (size_t)(end - start), &errors);
    if (site == NULL)
        fail_msg("%s: %s", errors.items[0].where, errors.items[0].message);
    assert_int_equal(bsc_value_count(bsc_value_get(bsc_site_value(site), "servers")), 10);
    assert_int_equal(bsc_value_count(bsc_value_get(bsc_site_value(site), "databases")), 2);
    bsc_site_free(site);
    bsc_site_errors_release(&errors);
    free(page);
}

/* The second example continues the first one. */
static void the_directory_of_the_page_loads(void **state)
{
    (void)state;
    char *page = doc_read("site.md");
    struct bsc_site_errors errors;
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_site_errors_init(&errors);
    const char *at = page;
    for (int block = 0; block < 2; block++) {
        at = strstr(at, "```yaml\n");
        assert_non_null(at);
        at += strlen("```yaml\n");
        const char *end = strstr(at, "```");
        assert_non_null(end);
        bsc_buf_printf(&text, "%.*s", (int)(end - at), at);
        at = end + strlen("```");
    }
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "site.md", "/site", text.data, text.length, &errors);
    if (site == NULL)
        fail_msg("%s: %s", errors.items[0].where, errors.items[0].message);
    assert_int_equal(bsc_value_count(bsc_value_get(bsc_site_value(site), "directories")), 1);
    bsc_site_free(site);
    bsc_site_errors_release(&errors);
    bsc_buf_release(&text);
    free(page);
}

/* The mistake that the page shows, made in the page's own example. */
static void the_error_of_the_page_is_the_one_that_comes(void **state)
{
    (void)state;
    char *page = doc_read("site.md");
    char *start = strstr(page, "```yaml\n") + strlen("```yaml\n");
    *strstr(start, "```") = '\0';
    char *shown = start + strlen(start) + 1;
    char *right = strstr(start, "secondary_mirror:");
    assert_non_null(right);
    memmove(right + 6, right + 7, strlen(right + 7) + 1);
    assert_memory_equal(right, "secondry_mirror:", 16);
    memcpy(right, "seconday_mirror:", 16);
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    assert_null(
        bsc_site_parse(bsc_sys_real(), "site.yaml", "/site", start, strlen(start), &errors));
    assert_int_equal(errors.count, 1);
    char *line = NULL;
    assert_true(asprintf(&line, "%s: %s\n  %s\n", errors.items[0].where, errors.items[0].message,
                         errors.items[0].hint) > 0);
    if (strstr(shown, line) == NULL)
        fail_msg("the page does not show: %s", line);
    free(line);
    bsc_site_errors_release(&errors);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_for_editors_agrees_with_the_loader),
        cmocka_unit_test(the_page_holds_the_reference_as_the_table_gives_it),
        cmocka_unit_test(the_example_of_the_page_loads),
        cmocka_unit_test(the_directory_of_the_page_loads),
        cmocka_unit_test(the_error_of_the_page_is_the_one_that_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
