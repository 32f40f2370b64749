#include "explore_unit.h"

#define RESTORES "a rollback restores what was there before"
#define EMPTY(becomes, undo)                                                                       \
    "step 'Empty it' { sql.change { server = 'db', file = 'q.db', statement = 'DELETE',\n"         \
    "  becomes = { [queue] = { " becomes " } }, undo = { statement = 'INSERT' " undo " } } }\n"
#define PUTS_BACK(facts) ", becomes = { [queue] = { " facts " } }"
#define LAST                                                                                       \
    "step 'Fill it' { harmless = 'a test', sql.change { server = 'db', file = 'q.db',\n"           \
    "  statement = 'INSERT', becomes = { [queue] = { rows = 9 } } } }\n"
#define OWN "local own = require 'own'\nstep 'Do it' { own(queue) }\n"

/* Two changes, each of another fact; `undo` is how both are taken back. */
#define TWO(undo)                                                                                  \
    "local function change(statement, becomes)\n"                                                  \
    "  return { statement = statement, row = 'sql.execute', args = { sql = statement },\n"         \
    "    becomes = becomes }\n"                                                                    \
    "end\n"                                                                                        \
    "return primitive { args = { { 'queue', 'facts' } },\n"                                        \
    "  wants = function() return { rows = 0, mark = 0 } end,\n"                                    \
    "  changes = function() return { change('one', { rows = 0 }),\n"                               \
    "    change('two', { mark = 0 }) } end,\n"                                                     \
    "  undo = function(_, before) return { change('back', " undo ") } end,\n"                      \
    "}\n"

struct book {
    const char *primitive; /* own.lua, or NULL */
    const char *text;
    unsigned faults;
    const char *title; /* of the one violation, or NULL when it is sound */
    const char *told;  /* part of its text */
};

static void expect(void **state, const struct book *book)
{
    struct stage stage;
    begin_with(&stage, state, book->primitive != NULL ? book->primitive : "", book->text);
    struct bsc_value *verdict = explore(&stage, book->faults);
    if (violations(verdict) != (book->title != NULL ? 1 : 0))
        fail_msg("%zu violations, the first %s: %s\n%s", violations(verdict),
                 bsc_value_get_string(violation(verdict, 0), "title"),
                 bsc_value_get_string(violation(verdict, 0), "text"), book->text);
    if (book->title != NULL) {
        assert_word(violation(verdict, 0), "title", book->title);
        assert_non_null(strstr(bsc_value_get_string(violation(verdict, 0), "text"), book->told));
        assert_int_equal(bsc_value_get_number(violation(verdict, 0), "item", 0), 1);
    }
    bsc_value_free(verdict);
    stage_strike(&stage);
}

static void an_undo_that_puts_back_something_else_is_found(void **state)
{
    static const struct book books[] = {
        {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 3")) LAST), 2, NULL, NULL},
        {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 7")) LAST), 2, RESTORES, "rows of"},
        {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 7")) LAST), 0, RESTORES, "rows of"},
        {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 7"))), 1, RESTORES, "rows of"},
    };
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++)
        expect(state, &books[i]);
}

static void behind_the_point_of_no_return_nothing_is_taken_back(void **state)
{
    const struct book book = {
        NULL,
        BOOK("step 'Empty it' { point_of_no_return = true, sql.change { server = 'db',\n"
             "  file = 'q.db', statement = 'DELETE', becomes = { [queue] = { rows = 0 } },\n"
             "  undo = { statement = 'INSERT', becomes = { [queue] = { rows = 7 } } } } }\n" LAST),
        2, NULL, NULL};
    expect(state, &book);
}

static void what_an_undo_does_not_speak_of_is_compared_too(void **state)
{
    const struct book book = {NULL, BOOK(EMPTY("rows = 0, mark = 0", PUTS_BACK("rows = 3")) LAST),
                              1, RESTORES, "mark of"};
    expect(state, &book);
}

static void an_undo_that_says_nothing_puts_back_what_was_there(void **state)
{
    const struct book book = {NULL, BOOK(EMPTY("rows = 0, mark = 0", "") LAST), 2, NULL, NULL};
    expect(state, &book);
}

static void what_a_harmless_step_has_changed_stays(void **state)
{
    const struct book book = {NULL, BOOK(LAST EMPTY("rows = 0", PUTS_BACK("rows = 9"))), 2, NULL,
                              NULL};
    expect(state, &book);
}

static void an_action_that_was_cut_off_is_taken_back_as_well(void **state)
{
    static const struct book books[] = {
        {TWO("{ rows = before.rows, mark = before.mark }"), BOOK(OWN), 2, NULL, NULL},
        {TWO("{ mark = before.mark }"), BOOK(OWN), 1, RESTORES, "rows of"},
        /* Whatever the action finds when it is resumed, the undo is that of its beginning. */
        {TWO("{ rows = before.mark == 1 and before.rows == 3 and 3 or 8, mark = 1 }"), BOOK(OWN), 2,
         NULL, NULL},
    };
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++)
        expect(state, &books[i]);
}

#define OWN_UNDO(wants, changes, undo)                                                             \
    "local function change(statement, becomes)\n"                                                  \
    "  return { statement = statement, row = 'sql.execute', args = { sql = statement },\n"         \
    "    becomes = becomes }\n"                                                                    \
    "end\n"                                                                                        \
    "return primitive { args = { { 'queue', 'facts' } },\n"                                        \
    "  wants = function() return " wants " end,\n"                                                 \
    "  changes = function() return { " changes " } end,\n"                                         \
    "  undo = function(a, before, wanted) " undo " end }\n"
#define TO_EMPTY "change('x', { rows = 0 })"

static void an_undo_that_gives_nothing_is_found(void **state)
{
    static const struct book books[] = {
        {OWN_UNDO("{ rows = 0 }", TO_EMPTY, "return {}"), BOOK(OWN), 0, RESTORES, "rows of"},
        {OWN_UNDO("{ rows = 0 }", TO_EMPTY, ""), BOOK(OWN), 1, RESTORES, "rows of"},
        {OWN_UNDO("{ rows = 0 }", TO_EMPTY, "return 'it grows again'"), BOOK(OWN), 2, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++)
        expect(state, &books[i]);
}

static void an_undo_that_breaks_something_else_is_found(void **state)
{
    const struct book book = {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 3, mark = 99"))), 1,
                              RESTORES, "mark of"};
    expect(state, &book);
}

/* Nobody knows beforehand how many there will be, and still each undo is carried out. */
static void an_undo_behind_a_bound_is_carried_out(void **state)
{
    static const struct book books[] = {
        {NULL, BOOK(EMPTY("rows = at_most(1)", PUTS_BACK("rows = 7"))), 2, RESTORES, "rows of"},
        {NULL, BOOK(EMPTY("rows = at_most(1)", PUTS_BACK("rows = 3"))), 2, NULL, NULL},
        {NULL, BOOK(EMPTY("rows = at_most(1)", "")), 2, NULL, NULL},
        {NULL, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = at_least(1)"))), 2, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++)
        expect(state, &books[i]);
}

/* Where it does not say so, it puts back all that the action changes: more than its first change
 * does, and of more than one resource. */
static void what_is_put_back_unsaid_is_all_of_it(void **state)
{
    static const struct book books[] = {
        {OWN_UNDO("{ rows = 0, mark = 0 }", TO_EMPTY ", change('y', { mark = 0 })",
                  "return change('z')"),
         BOOK(OWN), 2, NULL, NULL},
        {NULL,
         BOOK("local other = sql.facts 'other' { server = 'db', file = 'q.db', query = 'x' }\n"
              "step 'Do it' { sql.change { server = 'db', file = 'q.db', statement = 'D',\n"
              "  becomes = { [queue] = { rows = 0 }, [other] = { n = 5 } },\n"
              "  undo = { statement = 'U' } } }\n"),
         2, NULL, NULL},
        {OWN_UNDO("{ rows = 0 }", TO_EMPTY,
                  "return sql.change { server = 'db', file = 'q.db', statement = 'U' }"),
         BOOK(OWN), 2, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof books / sizeof books[0]; i++)
        expect(state, &books[i]);
}

static void what_a_harmless_action_has_changed_stays_in_a_declared_undo_too(void **state)
{
    static const char harmless[] =
        "return primitive { args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
        "  wants = function() return { mark = 5 } end,\n"
        "  changes = function() return { { statement = 'x', row = 'sql.execute', args = {} } } end "
        "}\n";
    const struct book book = {
        harmless,
        BOOK("local own = require 'own'\n"
             "step 'Empty it' { own(queue), sql.change { server = 'db', file = 'q.db',\n"
             "  statement = 'DELETE', becomes = { [queue] = { rows = 0 } } }, undo = {\n"
             "  sql.change { server = 'db', file = 'q.db', statement = 'INSERT',\n"
             "    becomes = { [queue] = { rows = 3 } } } } }\n"),
        2, NULL, NULL};
    expect(state, &book);
}

/* It was found to be done already: what follows must not be taken back to before it. */
static void a_point_of_no_return_that_was_kept_is_one(void **state)
{
    const struct book book = {
        NULL,
        BOOK("step 'Was done' { point_of_no_return = true, sql.change { server = 'db',\n"
             "  file = 'q.db', statement = 'x', becomes = { [queue] = { mark = 1 } } } }\n" EMPTY(
                 "rows = 0", PUTS_BACK("rows = 7"))),
        1, NULL, NULL};
    expect(state, &book);
}

static void a_rollback_that_is_refused_for_ever_is_charged(void **state)
{
    static const char stubborn[] =
        "return primitive { args = { { 'queue', 'facts' } }, harmless = 'a test',\n"
        "  requires = function() return 'not today' end,\n"
        "  wants = function() return { rows = 3 } end,\n"
        "  changes = function() return {} end }\n";
    const struct book book = {
        stubborn,
        BOOK("local own = require 'own'\n"
             "step 'Empty it' { sql.change { server = 'db', file = 'q.db', statement = 'DELETE',\n"
             "  becomes = { [queue] = { rows = 0 } } }, undo = { own(queue) } }\n"),
        0, "a rollback can be brought to its end", "not today"};
    expect(state, &book);
}

/* Taken back by the undo that the step declares, and a fault within that. */
static void a_rollback_is_disturbed_and_resumed_like_a_run(void **state)
{
    struct stage stage;
    begin(
        &stage, state,
        BOOK("step 'Empty it' { sql.change { server = 'db', file = 'q.db', statement = 'DELETE',\n"
             "  becomes = { [queue] = { rows = 0 } } }, undo = {\n"
             "  sql.change { server = 'db', file = 'q.db', statement = 'INSERT',\n"
             "    becomes = { [queue] = { rows = 3 } } } } }\n"));
    struct bsc_value *verdict = explore_only(&stage, 1, "1u.2:killed-after-effect");
    assert_int_equal(violations(verdict), 0);
    const struct bsc_value *ends = bsc_value_get(verdict, "ends");
    assert_int_equal(bsc_value_get_number(ends, "rolled_back", 0), 2);
    assert_int_equal(bsc_value_get_number(verdict, "tried", 0), 1);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* The way back is in the trace, and the replay leads there again. */
static void the_way_back_is_told(void **state)
{
    struct stage stage;
    begin(&stage, state, BOOK(EMPTY("rows = 0", PUTS_BACK("rows = 7"))));
    struct bsc_value *verdict = explore(&stage, 0);
    const struct bsc_value *trace = bsc_value_get(violation(verdict, 0), "trace");
    assert_int_equal(bsc_value_count(trace), 3);
    assert_string_equal(bsc_value_string(bsc_value_at(trace, 0)), "1 Empty it: DELETE");
    assert_string_equal(bsc_value_string(bsc_value_at(trace, 1)),
                        "1 Empty it: the run is taken back");
    assert_string_equal(bsc_value_string(bsc_value_at(trace, 2)), "1 take back: Empty it: INSERT");
    assert_int_equal(bsc_value_get_number(violation(verdict, 0), "line", 0), 3);
    bsc_value_free(verdict);
    stage_strike(&stage);
}

/* It may wait for its time or for an answer, and be killed when it is resumed. */
static void a_parked_run_is_resumed_and_taken_back_without_a_fault(void **state)
{
    static const char *const gates[] = {"after = '14d'", "parks = true",
                                        "after = '14d', parks = true"};
    for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
        struct stage stage;
        char *book = bsc_mem_format(
            BOOK("step 'Empty it' { sql.change { server = 'db', file = 'q.db',\n"
                 "  statement = 'DELETE', becomes = { [queue] = { rows = 0 } },\n"
                 "  undo = { statement = 'INSERT', becomes = { [queue] = { rows = 3 } } } } }\n"
                 "gate 'Go?' { %s }\n"
                 "step 'End' { warn 'the end' }\n"),
            gates[i]);
        begin(&stage, state, book);
        for (unsigned faults = 0; faults <= 2; faults++) {
            struct bsc_value *verdict = explore(&stage, faults);
            const struct bsc_value *ends = bsc_value_get(verdict, "ends");
            assert_int_equal(violations(verdict), 0);
            assert_word(bsc_value_get(verdict, "undisturbed"), "outcome", "done");
            assert_true(bsc_value_get_number(ends, "parked", 0) >= (i == 2 ? 2 : 1));
            assert_true(bsc_value_get_number(ends, "rolled_back", 0) >= 1);
            assert_true(bsc_value_get_number(ends, "done", 0) >= 1);
            bsc_value_free(verdict);
        }
        stage_strike(&stage);
        bsc_mem_free(book);
    }
}

/* What a rollback does not put back is found from where the run was parked, too. */
static void an_undo_that_is_wrong_is_found_from_where_the_run_is_parked(void **state)
{
    struct stage stage;
    begin(&stage, state,
          BOOK("step 'Empty it' { sql.change { server = 'db', file = 'q.db',\n"
               "  statement = 'DELETE', becomes = { [queue] = { rows = 0 } },\n"
               "  undo = { statement = 'INSERT', becomes = { [queue] = { rows = 7 } } } } }\n"
               "gate 'Go?' { after = '14d' }\n"
               "step 'End' { sql.change { server = 'db', file = 'q.db', statement = 'DROP',\n"
               "  becomes = { [queue] = { mark = 2 } } }, point_of_no_return = true }\n"));
    struct bsc_value *verdict = explore(&stage, 0);
    assert_int_equal(violations(verdict), 1);
    const struct bsc_value *trace = bsc_value_get(violation(verdict, 0), "trace");
    assert_string_equal(bsc_value_string(bsc_value_at(trace, 1)), "2 Go?: the run is parked");
    bsc_value_free(verdict);
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(an_undo_that_puts_back_something_else_is_found),
        UNIT_IN_FOLDER(behind_the_point_of_no_return_nothing_is_taken_back),
        UNIT_IN_FOLDER(what_an_undo_does_not_speak_of_is_compared_too),
        UNIT_IN_FOLDER(an_undo_that_says_nothing_puts_back_what_was_there),
        UNIT_IN_FOLDER(what_a_harmless_step_has_changed_stays),
        UNIT_IN_FOLDER(an_action_that_was_cut_off_is_taken_back_as_well),
        UNIT_IN_FOLDER(an_undo_that_gives_nothing_is_found),
        UNIT_IN_FOLDER(an_undo_that_breaks_something_else_is_found),
        UNIT_IN_FOLDER(an_undo_behind_a_bound_is_carried_out),
        UNIT_IN_FOLDER(what_is_put_back_unsaid_is_all_of_it),
        UNIT_IN_FOLDER(what_a_harmless_action_has_changed_stays_in_a_declared_undo_too),
        UNIT_IN_FOLDER(a_point_of_no_return_that_was_kept_is_one),
        UNIT_IN_FOLDER(a_rollback_that_is_refused_for_ever_is_charged),
        UNIT_IN_FOLDER(a_rollback_is_disturbed_and_resumed_like_a_run),
        UNIT_IN_FOLDER(the_way_back_is_told),
        UNIT_IN_FOLDER(a_parked_run_is_resumed_and_taken_back_without_a_fault),
        UNIT_IN_FOLDER(an_undo_that_is_wrong_is_found_from_where_the_run_is_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
