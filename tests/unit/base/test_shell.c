#include "unit.h"

#include "base/shell.h"

static void words_are_bare_where_they_can_be_and_quoted_where_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *word, *text;
    } rows[] = {
        {"site.yaml", "site.yaml"},   {"/srv/a_b-c/x@y%z+1:2,3", "/srv/a_b-c/x@y%z+1:2,3"},
        {"pool=chat", "pool=chat"},   {"", "''"},
        {"two words", "'two words'"}, {"$HOME", "'$HOME'"},
        {"it's", "'it'\\''s'"},       {"'", "''\\'''"},
        {"a\"b", "'a\"b'"},           {"`id`", "'`id`'"},
        {"a;b&c|d", "'a;b&c|d'"},     {"*?[a]", "'*?[a]'"},
        {"~ada", "'~ada'"},           {"#1", "'#1'"},
        {"a\nb", "'a\nb'"},           {"a\\b", "'a\\b'"},
        {"dépôt", "'dépôt'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_buf line;
        bsc_buf_init(&line);
        bsc_buf_add_text(&line, "do ");
        bsc_shell_add(&line, rows[i].word);
        assert_string_equal(line.data + 3, rows[i].text);
        bsc_buf_release(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_bare_where_they_can_be_and_quoted_where_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
