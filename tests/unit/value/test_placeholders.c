#include "unit.h"

#include "base/mem.h"
#include "value/placeholders.h"

static const char *const known[] = {"name", "from", "to", NULL};

static char *names_of(const struct bsc_placeholders *found)
{
    struct bsc_buf names;
    bsc_buf_init(&names);
    for (size_t i = 0; i < bsc_value_count(found->names); i++)
        bsc_buf_printf(&names, "%s%s", i > 0 ? " " : "",
                       bsc_value_string(bsc_value_at(found->names, i)));
    char *text = bsc_mem_text(names.data);
    bsc_buf_release(&names);
    return text;
}

static void each_placeholder_becomes_a_question_mark(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sql, *names;
    } rows[] = {
        {"", "", ""},
        {"SELECT 1", "SELECT 1", ""},
        {":name", "?", "name"},
        {"UPDATE h SET p=:to WHERE s=:name AND p=:from", "UPDATE h SET p=? WHERE s=? AND p=?",
         "to name from"},
        {"x = :name OR y = :name", "x = ? OR y = ?", "name name"},
        {"f(:name,:to)", "f(?,?)", "name to"},
        {"':name' || :to", "':name' || ?", "to"},
        {"'it''s :name' = :to", "'it''s :name' = ?", "to"},
        {"'back\\' = :name", "'back\\' = ?", "name"},
        {"E'it\\'s :name' = :to", "E'it\\'s :name' = ?", "to"},
        {"size'a\\' = :to", "size'a\\' = ?", "to"},
        {"\":name\" = :to", "\":name\" = ?", "to"},
        {"`:name` = :to", "`:name` = ?", "to"},
        {"'?' = :to", "'?' = ?", "to"},
        {"1 -- :name ' ?\n, :to", "1 -- :name ' ?\n, ?", "to"},
        {"1 /* :name /* ' */ ? */ , :to", "1 /* :name /* ' */ ? */ , ?", "to"},
        {":name::text", "?::text", "name"},
        {"x::name", "x::name", ""},
        {"x:: name", "x:: name", ""},
        {"a[1:2] = :to", "a[1:2] = ?", "to"},
        {"x := 3", "x := 3", ""},
        {"$$ :name ' $$ || :to", "$$ :name ' $$ || ?", "to"},
        {"$a1$ :name $$ $a1$ || :to", "$a1$ :name $$ $a1$ || ?", "to"},
        {"$1 || :to", "$1 || ?", "to"},
        {"a$b$c = :to", "a$b$c = ?", "to"},
        {"'open :name", "'open :name", ""},
        {"/* open :name", "/* open :name", ""},
        {"$$ open :name", "$$ open :name", ""},
        {"\xC3\xA9:to", "\xC3\xA9?", "to"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_placeholders found = {0};
        struct bsc_err err = BSC_ERR_INIT;
        if (!bsc_placeholders_parse(rows[i].text, known, &found, &err))
            fail_msg("%s: %s", rows[i].text, err.message);
        char *names = names_of(&found);
        assert_string_equal(found.sql.data, rows[i].sql);
        assert_string_equal(names, rows[i].names);
        free(names);
        bsc_placeholders_release(&found);
    }
}

static void an_unknown_name_is_told_with_those_that_there_are(void **state)
{
    (void)state;
    struct bsc_placeholders found = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_placeholders_parse("a = :nmae", known, &found, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_string_equal(err.message, "the statement has an unknown placeholder \":nmae\"");
    assert_string_equal(err.hint, "Here there are :name, :from, :to.");
}

static void a_question_mark_is_refused(void **state)
{
    (void)state;
    struct bsc_placeholders found = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(bsc_placeholders_parse("a = ?", known, &found, &err));
    assert_string_equal(err.message, "the statement has a question mark outside of a text");
}

static void it_is_known_which_are_used(void **state)
{
    (void)state;
    struct bsc_placeholders found = {0};
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_placeholders_parse("a = :to", known, &found, &err));
    assert_true(bsc_placeholders_has(&found, "to"));
    assert_false(bsc_placeholders_has(&found, "name"));
    bsc_placeholders_release(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_placeholder_becomes_a_question_mark),
        cmocka_unit_test(an_unknown_name_is_told_with_those_that_there_are),
        cmocka_unit_test(a_question_mark_is_refused),
        cmocka_unit_test(it_is_known_which_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
