#include "cli_unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/prompt.h"
#include "cli/show.h"

static void expect_said(bool colour, const char *said, const char *shown)
{
    struct desk desk;
    desk_set(&desk);
    desk.cli.colour = colour;
    bsc_cli_say(&desk.cli, "%s", said);
    desk_read(&desk);
    assert_string_equal(desk.out, shown);
    desk_clear(&desk);
}

static void ordinary_text_is_said_as_it_is(void **state)
{
    (void)state;
    expect_said(false, "a\tb\nÄ — 漢 🌉\n", "a\tb\nÄ — 漢 🌉\n");
    expect_said(false, "", "");
}

static void nothing_steers_the_terminal(void **state)
{
    (void)state;
    expect_said(true, "\x1b]0;title\x07\x1b[2J\r\b\x7f", "?]0;title??[2J???");
    expect_said(true,
                "\xc2\x9b"
                "31m",
                "??31m"); /* the same as ESC [ in one character */
    expect_said(true,
                "a\xe2\x80\xae"
                "b\xe2\x81\xa6"
                "c",
                "a???b???c");                 /* writes backwards */
    expect_said(true, "\x9b\xff\xc3", "???"); /* no UTF-8 at all */
    expect_said(true, "\x1b[31;5mx", "?[31;5mx");
}

static void only_bascule_begins_a_line_of_the_plan(void **state)
{
    (void)state;
    static const char text[] =
        "{\"runbook\":{\"name\":\"n\\n@\",\"summary\":\"s\\n\\n@\"},\"digest\":\"d\","
        "\"params\":{\"p\\n@\":\"v\\n@\"},\"items\":[{\"index\":1,\"kind\":\"step\","
        "\"title\":\"t\\n@\",\"phase\":\"h\\r\\n@\",\"outcome\":\"kept\",\"reason\":\"r\\n@\","
        "\"notes\":[{\"kind\":\"info\",\"text\":\"i\\n@\"}]}]}";
    struct desk desk;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *plan = bsc_json_parse("plan", text, sizeof text - 1, &err);
    assert_non_null(plan);
    desk_set(&desk);
    bsc_cli_show_plan(&desk.cli, plan);
    bsc_cli_prompt(&desk.cli, "q\n@");
    desk_read(&desk);
    assert_non_null(strstr(desk.out, "Plan    n?@: s??@\nwith    p?@ = v?@\n"));
    assert_non_null(strstr(desk.out, "h??@\n  1 step  t?@\n"));
    assert_non_null(strstr(desk.out, "q?@ Type yes"));
    assert_null(strstr(desk.out, "\n@"));
    desk_clear(&desk);
    bsc_value_free(plan);
}

static void a_setting_that_nobody_gave_is_not_unknown(void **state)
{
    (void)state;
    static const char text[] = "{\"runbook\":{\"name\":\"n\",\"summary\":\"s\"},\"digest\":\"d\","
                               "\"params\":{\"early\":null,\"pool\":\"p\"},\"items\":[]}";
    struct desk desk;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *plan = bsc_json_parse("plan", text, sizeof text - 1, &err);
    assert_non_null(plan);
    desk_set(&desk);
    bsc_cli_show_plan(&desk.cli, plan);
    desk_read(&desk);
    assert_contains(desk.out,
                    "Plan    n: s\nwith    pool = p\nunset   early, so it waives nothing: "
                    "that takes --set early=REASON\n");
    desk_clear(&desk);
    bsc_value_free(plan);
}

static void what_is_known_only_afterwards_is_shown_by_what_it_will_be(void **state)
{
    (void)state;
    static const char text[] =
        "{\"runbook\":{},\"digest\":\"d\",\"items\":[{\"index\":1,\"kind\":\"step\","
        "\"outcome\":\"changed\",\"changes\":[{\"statement\":\"x\","
        "\"becomes\":{\"a:b\":{\"lsn\":{\"$unknown\":\"lsn\"}}},"
        "\"before\":{\"a:b\":{\"lsn\":7}}}]}]}";
    struct desk desk;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *plan = bsc_json_parse("plan", text, sizeof text - 1, &err);
    assert_non_null(plan);
    desk_set(&desk);
    bsc_cli_show_plan(&desk.cli, plan);
    desk_read(&desk);
    assert_contains(desk.out, "a:b  lsn: 7 -> unknown<lsn>\n");
    desk_clear(&desk);
    bsc_value_free(plan);
}

static void our_own_styles_pass_only_where_there_is_colour(void **state)
{
    (void)state;
    expect_said(true, "\x1b[32mgood\x1b[0m", "\x1b[32mgood\x1b[0m");
    expect_said(false, "\x1b[32mgood\x1b[0m", "?[32mgood?[0m");
}

static void there_are_no_styles_without_colour(void **state)
{
    (void)state;
    struct desk desk;
    desk_set(&desk);
    assert_string_equal(bsc_cli_style(&desk.cli, BSC_STYLE_BAD), "");
    desk.cli.colour = true;
    assert_string_equal(bsc_cli_style(&desk.cli, BSC_STYLE_BAD), "\x1b[31m");
    assert_string_equal(bsc_cli_style(&desk.cli, BSC_STYLE_PLAIN), "\x1b[0m");
    desk_clear(&desk);
}

static void under_json_nothing_is_said(void **state)
{
    (void)state;
    struct desk desk;
    desk_set(&desk);
    desk.cli.json = true;
    bsc_cli_say(&desk.cli, "hello");
    desk_read(&desk);
    assert_string_equal(desk.out, "");
    desk_clear(&desk);
}

static void no_secret_is_said_shown_or_told_in_an_error(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct desk desk;
        struct bsc_err err = BSC_ERR_INIT;
        desk_set(&desk);
        desk.cli.json = json == 1;
        bsc_redactor_add(desk.cli.redactor, "hunter2 hunter2", 15);
        bsc_cli_say(&desk.cli, "it is hunter2 hunter2\n");
        bsc_err_set(&err, BSC_ERR_SQL, "login with hunter2 hunter2 failed");
        bsc_err_wrap(&err, "no way in with hunter2 hunter2");
        bsc_err_detail(&err, "PWD=hunter2 hunter2");
        bsc_err_hint(&err, "Try hunter2 hunter2.");
        assert_int_equal(bsc_cli_fail(&desk.cli, &err), BSC_EXIT_FAILED);
        desk_read(&desk);
        assert_null(strstr(desk.out, "hunter2"));
        assert_null(strstr(desk.err, "hunter2"));
        assert_contains(json == 1 ? desk.out : desk.err, "[secret]");
        desk_clear(&desk);
    }
}

static void a_secret_is_known_before_its_text_is_folded(void **state)
{
    (void)state;
    struct desk desk;
    desk_set(&desk);
    bsc_redactor_add(desk.cli.redactor, "correct horse battery staple", 28);
    char *text = bsc_mem_format("%-80scorrect horse battery staple", "a fold in the password:");
    bsc_cli_show_statement(&desk.cli, text);
    bsc_mem_free(text);
    desk_read(&desk);
    assert_null(strstr(desk.out, "horse"));
    assert_null(strstr(desk.out, "staple"));
    assert_contains(desk.out, "[secret]");
    desk_clear(&desk);
}

static void a_statement_is_folded_at_blanks_and_never_cut(void **state)
{
    (void)state;
    struct desk desk;
    struct bsc_buf text;
    desk_set(&desk);
    bsc_buf_init(&text);
    for (int i = 0; i < 30; i++)
        bsc_buf_add_text(&text, "word ");
    for (int i = 0; i < 150; i++)
        bsc_buf_add_text(&text, "é");
    bsc_buf_add_text(&text, " end\n\nlast");
    bsc_cli_show_statement(&desk.cli, text.data);
    desk_read(&desk);
    assert_null(strchr(desk.out, '?'));
    assert_contains(desk.out, "end\n");
    assert_contains(desk.out, "      last\n");
    size_t words = 0;
    for (const char *c = desk.out; (c = strstr(c, "word")) != NULL; c++)
        words++;
    assert_int_equal(words, 30);
    bsc_buf_release(&text);
    desk_clear(&desk);
}

static void an_error_has_its_place_cause_and_hint_on_lines_of_their_own(void **state)
{
    (void)state;
    struct desk desk;
    struct bsc_err err = BSC_ERR_INIT;
    desk_set(&desk);
    bsc_err_set(&err, BSC_ERR_IO, "disk gone");
    bsc_err_wrap(&err, "cannot read \"x\"");
    bsc_err_at(&err, "x.lua", 3, 0);
    bsc_err_hint(&err, "Mend the disk.");
    assert_int_equal(bsc_cli_fail(&desk.cli, &err), BSC_EXIT_FAILED);
    desk_read(&desk);
    assert_string_equal(desk.err, "x.lua:3: error: cannot read \"x\"\n"
                                  "  cause: disk gone\n"
                                  "  Mend the disk.\n");
    assert_string_equal(desk.out, "");
    desk_clear(&desk);
}

static void the_exit_code_fits_the_kind_of_error(void **state)
{
    (void)state;
    static const struct {
        enum bsc_err_code code;
        int exit_code;
    } rows[] = {{BSC_ERR_USAGE, 2},   {BSC_ERR_REFUSED, 3}, {BSC_ERR_CONFLICT, 3},
                {BSC_ERR_UNKNOWN, 6}, {BSC_ERR_IO, 1},      {BSC_ERR_SCRIPT, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct desk desk;
        struct bsc_err err = BSC_ERR_INIT;
        desk_set(&desk);
        desk.cli.json = true;
        bsc_err_set(&err, rows[i].code, "it");
        assert_int_equal(bsc_cli_fail(&desk.cli, &err), rows[i].exit_code);
        desk_read(&desk);
        struct bsc_value *value = desk_json(&desk);
        assert_int_equal(bsc_value_get_number(value, "exit", -1), rows[i].exit_code);
        assert_string_equal(bsc_value_get_string(bsc_value_get(value, "error"), "code"),
                            bsc_err_name(rows[i].code));
        bsc_value_free(value);
        desk_clear(&desk);
    }
}

static void json_gives_programs_the_bytes_as_they_are(void **state)
{
    (void)state;
    struct desk desk;
    struct bsc_value *value = bsc_value_map();
    desk_set(&desk);
    desk.cli.json = true;
    bsc_value_set_text(value, "text", "\x7f \xc2\x9b \xe2\x80\xae \x1b[31m\r\n");
    bsc_cli_json(&desk.cli, value);
    desk_read(&desk);
    struct bsc_value *again = desk_json(&desk);
    assert_true(bsc_value_equal(value, again));
    bsc_value_free(again);
    bsc_value_free(value);
    desk_clear(&desk);
}

static void json_stays_json_whatever_the_secret_is(void **state)
{
    static const char *const secrets[] = {"1", "\"", "e", ":", "{", "true", "[secret]"};
    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        struct desk desk;
        struct bsc_value *value = bsc_value_map();
        desk_set(&desk);
        desk.cli.json = true;
        bsc_redactor_add(desk.cli.redactor, secrets[i], strlen(secrets[i]));
        bsc_value_set_int(value, "number", 4711);
        bsc_value_set_text(value, "te\"xt", "{a: true}");
        bsc_cli_json(&desk.cli, value);
        desk_read(&desk);
        bsc_value_free(desk_json(&desk));
        bsc_value_free(value);
        desk_clear(&desk);
    }
}

static void expect_answer(void **state, const char *typed, enum bsc_cli_answer first,
                          enum bsc_cli_answer second)
{
    struct desk desk;
    desk_set(&desk);
    desk_type(&desk, *state, typed);
    assert_int_equal(bsc_cli_prompt(&desk.cli, "Run \x1b[2Jthis?"), first);
    assert_int_equal(bsc_cli_prompt(&desk.cli, "Really?"), second);
    desk_read(&desk);
    assert_contains(desk.out, "Run ?[2Jthis? Type yes to go on: ");
    desk_clear(&desk);
}

/* A person who reads the question to its end and only then types. */
struct reader {
    int screen, keyboard;
};

static void *read_then_refuse(void *arg)
{
    struct reader *reader = arg;
    char last = '\0';
    while (last != ':' && read(reader->screen, &last, 1) == 1)
        continue;
    return write(reader->keyboard, "no\n", 3) == 3 ? reader : NULL;
}

static void what_was_typed_before_the_question_is_no_answer(void **state)
{
    (void)state;
    int screen[2];
    struct desk desk;
    pthread_t person;
    desk_set(&desk);
    struct reader reader = {.keyboard = posix_openpt(O_RDWR | O_NOCTTY)};
    assert_int_equal(grantpt(reader.keyboard) + unlockpt(reader.keyboard) + pipe(screen), 0);
    reader.screen = screen[0];
    FILE *memory = desk.cli.out;
    fclose(desk.cli.in);
    desk.cli.in = fopen(ptsname(reader.keyboard), "r");
    desk.cli.out = fdopen(screen[1], "w");
    assert_int_equal(write(reader.keyboard, "yes\n", 4), 4);
    assert_int_equal(pthread_create(&person, NULL, read_then_refuse, &reader), 0);
    assert_int_equal(bsc_cli_prompt(&desk.cli, "Sure?"), BSC_ANSWER_NO);
    assert_int_equal(pthread_join(person, NULL), 0);
    fclose(desk.cli.out);
    close(screen[0]);
    close(reader.keyboard);
    desk.cli.out = memory;
    desk_clear(&desk);
}

static void a_nul_neither_ends_a_line_nor_hides_its_rest(void **state)
{
    struct desk desk;
    char *path = unit_path(*state, "typed");
    desk_set(&desk);
    unit_file_put(path, "yes\0\nyes\n", 9);
    fclose(desk.cli.in);
    desk.cli.in = fopen(path, "r");
    assert_int_equal(bsc_cli_prompt(&desk.cli, "Sure?"), BSC_ANSWER_NO);
    assert_int_equal(bsc_cli_prompt(&desk.cli, "Sure?"), BSC_ANSWER_YES);
    desk_clear(&desk);
    free(path);
}

static void only_yes_is_yes(void **state)
{
    expect_answer(state, "yes\nno\n", BSC_ANSWER_YES, BSC_ANSWER_NO);
    expect_answer(state, "y\nYES\n", BSC_ANSWER_NO, BSC_ANSWER_NO);
    expect_answer(state, "yes\r\nyes", BSC_ANSWER_YES, BSC_ANSWER_YES);
    expect_answer(state, "", BSC_ANSWER_NO, BSC_ANSWER_NO);
}

static void the_end_of_a_long_line_does_not_answer_the_next_question(void **state)
{
    char line[128];
    memset(line, 'n', sizeof line);
    memcpy(line + 63, "yes\n", 5);
    expect_answer(state, line, BSC_ANSWER_NO, BSC_ANSWER_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_is_said_as_it_is),
        cmocka_unit_test(nothing_steers_the_terminal),
        cmocka_unit_test(only_bascule_begins_a_line_of_the_plan),
        cmocka_unit_test(a_setting_that_nobody_gave_is_not_unknown),
        cmocka_unit_test(what_is_known_only_afterwards_is_shown_by_what_it_will_be),
        cmocka_unit_test(our_own_styles_pass_only_where_there_is_colour),
        cmocka_unit_test(there_are_no_styles_without_colour),
        cmocka_unit_test(under_json_nothing_is_said),
        cmocka_unit_test(no_secret_is_said_shown_or_told_in_an_error),
        cmocka_unit_test(a_secret_is_known_before_its_text_is_folded),
        cmocka_unit_test(a_statement_is_folded_at_blanks_and_never_cut),
        cmocka_unit_test(an_error_has_its_place_cause_and_hint_on_lines_of_their_own),
        cmocka_unit_test(the_exit_code_fits_the_kind_of_error),
        cmocka_unit_test(json_gives_programs_the_bytes_as_they_are),
        cmocka_unit_test(json_stays_json_whatever_the_secret_is),
        cmocka_unit_test(what_was_typed_before_the_question_is_no_answer),
        UNIT_IN_FOLDER(a_nul_neither_ends_a_line_nor_hides_its_rest),
        UNIT_IN_FOLDER(only_yes_is_yes),
        UNIT_IN_FOLDER(the_end_of_a_long_line_does_not_answer_the_next_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
