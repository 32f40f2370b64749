#include "live_table.h"

#include <time.h>

static struct bsc_value *copy_effect(const char *from, const char *to, const char *becomes)
{
    return from_json("{'op':'change','resource':'file:%s','row':'file.copy','statement':'copy it',"
                     "'args':{'from':'%s','to':'%s'},'becomes':{'file:%s':%s}}",
                     to, from, to, to, becomes);
}

/* A change by a program: `words` are JSON texts. */
static struct bsc_value *run_effect(const char *resource, const char *words, const char *becomes)
{
    return from_json("{'op':'change','resource':'%s','row':'command.run','statement':'run it',"
                     "'args':{'argv':[%s]},'becomes':%s}",
                     resource, words, becomes);
}

/* The names that most tests need: a source that is there and a target that is not. */
struct paths {
    char *from, *to, *resource;
};

static struct paths paths_make(void **state)
{
    struct paths paths = {unit_path(*state, "from"), unit_path(*state, "to"), NULL};
    paths.resource = bsc_mem_format("file:%s", paths.to);
    unit_file_put(paths.from, "hello", 5);
    return paths;
}

static void paths_release(struct paths *paths)
{
    free(paths->from);
    free(paths->to);
    bsc_mem_free(paths->resource);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void a_change_whose_facts_came_true_is_changed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to,
                                     "{'exists':true,'bytes':5,"
                                     "'sha256':{'$unknown':'sha256'}}"));
    assert_word(reply, "outcome", "changed");
    assert_null(bsc_value_get(reply, "reason"));
    assert_null(bsc_value_get(reply, "error"));
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "result"), "bytes", 0), 5);
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "facts"), "bytes", 0), 5);
    unit_assert_file(paths.to, "hello");
    assert_string_equal(rig.told.data, "<copy it changed>");
    rig_assert_kinds(rig.journal_path, "observed intent outcome after");
    rig_close(&rig);
    paths_release(&paths);
}

static void the_model_takes_what_could_not_be_foretold_from_what_is_observed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    rig_change(&rig, copy_effect(paths.from, paths.to,
                                 "{'exists':true,'bytes':5,'sha256':{'$unknown':'sha256'}}"));
    assert_string_equal(
        bsc_value_get_string(bsc_run_model_facts(rig.model, paths.resource), "sha256"),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    rig_close(&rig);
    paths_release(&paths);
}

static void of_a_resource_never_seen_before_only_the_foretold_facts_count(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to, "{'exists':true}"));
    assert_word(reply, "outcome", "changed");
    rig_close(&rig);
    paths_release(&paths);
}

static void a_row_that_failed_without_effect_is_failed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    assert_int_equal(unlink(paths.from), 0);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to, "{'exists':true}"));
    assert_word(reply, "outcome", "failed");
    assert_contains(bsc_value_get_string(reply, "reason"), "cannot open");
    assert_word(bsc_value_get(reply, "error"), "code", "not_found");
    assert_null(strstr(bsc_value_get_string(reply, "reason"), "observed afterwards"));
    rig_close(&rig);
    paths_release(&paths);
}

static void a_row_that_failed_although_its_facts_came_true_is_changed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    char *words = bsc_mem_format("'sh','-c','cp $0 $1; echo late >&2; exit 7','%s','%s'",
                                 paths.from, paths.to);
    char *becomes = bsc_mem_format("{'%s':{'exists':true,'bytes':5}}", paths.resource);
    const struct bsc_value *reply = rig_change(&rig, run_effect(paths.resource, words, becomes));
    assert_word(reply, "outcome", "changed");
    assert_contains(bsc_value_get_string(reply, "reason"), "exit code 7: late");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has taken effect all the same");
    assert_non_null(bsc_value_get(reply, "error"));
    bsc_mem_free(words);
    bsc_mem_free(becomes);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_row_that_failed_half_way_says_so(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    char *words = bsc_mem_format("'sh','-c','cp $0 $1; exit 7','%s','%s'", paths.from, paths.to);
    char *becomes = bsc_mem_format("{'%s':{'exists':true,'bytes':6}}", paths.resource);
    const struct bsc_value *reply = rig_change(&rig, run_effect(paths.resource, words, becomes));
    assert_word(reply, "outcome", "diverged");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has taken effect in part");
    bsc_mem_free(words);
    bsc_mem_free(becomes);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_fact_that_was_true_before_does_not_make_a_failure_a_success(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    char *becomes =
        bsc_mem_format("{'%s':{'exists':false,'sha256':{'$unknown':'x'}}}", paths.resource);
    const struct bsc_value *reply =
        rig_change(&rig, run_effect(paths.resource, "'false'", becomes));
    assert_word(reply, "outcome", "failed");
    bsc_mem_free(becomes);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_success_that_cannot_be_seen_is_diverged_and_shows_both_values(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    const struct bsc_value *reply = rig_change(&rig, copy_effect(paths.from, paths.to,
                                                                 "{'exists':true,'bytes':6,"
                                                                 "'sha256':{'$unknown':'x'}}"));
    assert_word(reply, "outcome", "diverged");
    char *expected = bsc_mem_format("%s: bytes is 5, predicted 6", paths.resource);
    assert_string_equal(bsc_value_get_string(reply, "reason"), expected);
    bsc_mem_free(expected);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_success_that_moved_something_else_is_diverged(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to, "{'exists':true}"));
    assert_word(reply, "outcome", "diverged");
    assert_contains(bsc_value_get_string(reply, "reason"), "bytes is 5, predicted 0");
    rig_close(&rig);
    paths_release(&paths);
}

static void only_the_very_file_is_removed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    char *resource = bsc_mem_format("file:%s", paths.from);
    rig_look(&rig, resource);
    for (int good = 0; good < 2; good++) {
        const struct bsc_value *reply = rig_change(
            &rig,
            from_json("{'op':'change','resource':'%s','row':'file.remove','statement':'remove',"
                      "'args':{'path':'%s','sha256':'%s9824'},"
                      "'becomes':{'%s':{'exists':false,'bytes':0,'sha256':null}}}",
                      resource, paths.from,
                      good ? "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b"
                           : "0000000000000000000000000000000000000000000000000000000000000",
                      resource));
        assert_word(reply, "outcome", good ? "changed" : "failed");
        assert_int_equal(is_there(paths.from), !good);
    }
    bsc_mem_free(resource);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_statement_changes_rows_and_its_facts_are_observed(void **state)
{
    struct rig rig;
    char *path = table_make(state, 0);
    rig_open(&rig, state);
    const struct bsc_value *reply =
        execute(&rig, path, "INSERT INTO t VALUES(5)", ",'expect_rows':1", "{'count':1,'top':99}");
    assert_word(reply, "outcome", "changed"); /* top is volatile */
    assert_int_equal(bsc_value_get_number(bsc_value_get(reply, "facts"), "top", 0), 5);
    rig_close(&rig);
    free(path);
}

static void a_statement_that_the_database_refuses_is_failed_with_its_sqlstate(void **state)
{
    struct rig rig;
    char *path = table_make(state, 0);
    rig_open(&rig, state);
    const struct bsc_value *reply =
        execute(&rig, path, "INSERT INTO nowhere VALUES(5)", "", "{'count':1}");
    assert_word(reply, "outcome", "failed");
    assert_word(bsc_value_get(reply, "error"), "code", "sql");
    assert_non_null(bsc_value_get_string(bsc_value_get(reply, "error"), "sqlstate"));
    rig_close(&rig);
    free(path);
}

static void a_statement_with_too_few_rows_is_judged_by_the_facts(void **state)
{
    struct rig rig;
    char *path = table_make(state, 1);
    rig_open(&rig, state);
    const struct bsc_value *reply =
        execute(&rig, path, "INSERT INTO t VALUES(2)", ",'expect_rows':5", "{'count':2}");
    assert_word(reply, "outcome", "changed");
    assert_contains(bsc_value_get_string(reply, "reason"), "1 rows instead of 5");
    rig_close(&rig);
    free(path);
}

static void volatile_facts_tell_only_when_nothing_else_does(void **state)
{
    struct rig rig;
    char *path = table_make(state, 1);
    rig_open(&rig, state);
    /* count came true, top is another than foretold: it may have moved by itself */
    const struct bsc_value *reply =
        execute(&rig, path, "INSERT INTO t VALUES(2)", ",'expect_rows':5", "{'count':2,'top':77}");
    assert_word(reply, "outcome", "changed");
    /* only top is foretold */
    reply = execute(&rig, path, "INSERT INTO t VALUES(9)", ",'expect_rows':5", "{'top':9}");
    assert_word(reply, "outcome", "changed");
    reply = execute(&rig, path, "INSERT INTO t VALUES(10)", ",'expect_rows':5", "{'top':11}");
    assert_word(reply, "outcome", "unknown");
    rig_close(&rig);
    free(path);
}

static void what_cannot_be_observed_afterwards_is_unknown(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    const struct bsc_value *reply = rig_change(&rig, run_effect("odd:x", "'true'", "{}"));
    assert_word(reply, "outcome", "unknown");
    assert_string_equal(bsc_value_get_string(reply, "reason"), "cannot observe odd:x: no eyes");
    reply = rig_change(&rig, run_effect("odd:x", "'false'", "{}"));
    assert_word(reply, "outcome", "unknown");
    assert_contains(bsc_value_get_string(reply, "reason"),
                    "exit code 1; cannot observe odd:x: no eyes");
    rig_close(&rig);
}

static void an_observation_may_only_look(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    assert_null(rig_look(&rig, "odd:write"));
    assert_contains(rig.err.cause, "\"file.remove\" is not a row that only looks");
    assert_null(rig_look(&rig, "odd:effect"));
    assert_contains(rig.err.cause, "an observation may only call rows");
    assert_null(rig_look(&rig, "odd:list"));
    assert_contains(rig.err.cause, "list, not a map");
    rig_close(&rig);
}

static void a_change_that_ran_out_of_time_is_a_timeout_when_it_left_nothing_behind(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    char *becomes = bsc_mem_format("{'%s':{'exists':true}}", paths.resource);
    struct bsc_value *effect = run_effect(paths.resource, "'sleep','60'", becomes);
    bsc_value_set_int(effect, "timeout_ms", 20);
    const struct bsc_value *reply = rig_change(&rig, effect);
    assert_word(reply, "outcome", "timeout");
    assert_word(bsc_value_get(reply, "error"), "code", "timeout");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has not taken effect");
    bsc_mem_free(becomes);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_change_that_ran_out_of_time_is_unknown_when_nothing_was_foretold(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *effect = run_effect("none:x", "'sleep','60'", "{}");
    bsc_value_set_int(effect, "timeout_ms", 20);
    const struct bsc_value *reply = rig_change(&rig, effect);
    assert_word(reply, "outcome", "unknown");
    assert_contains(bsc_value_get_string(reply, "reason"), "nothing that can be observed tells");
    rig_close(&rig);
}

static void a_time_limit_beyond_all_clocks_is_no_limit(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *effect = run_effect("none:x", "'true'", "{}");
    bsc_value_set_int(effect, "timeout_ms", INT64_MAX);
    assert_word(rig_change(&rig, effect), "outcome", "changed");
    rig_close(&rig);
}

static void after_a_timeout_the_next_change_has_its_own_time(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *effect = run_effect("none:x", "'sleep','60'", "{}");
    bsc_value_set_int(effect, "timeout_ms", 20);
    rig_change(&rig, effect);
    assert_word(rig_change(&rig, run_effect("none:x", "'true'", "{}")), "outcome", "changed");
    rig_close(&rig);
}

static void nothing_begins_after_a_cancel(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    bsc_run_hands_cancel(rig.hands);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to, "{'exists':true}"));
    assert_word(reply, "outcome", "interrupted");
    assert_false(is_there(paths.to));
    rig_assert_kinds(rig.journal_path, "");
    rig_close(&rig);
    paths_release(&paths);
}

static void a_cancel_between_intent_and_row_leaves_the_site_alone(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig.change_begun = rig_cancel_at_once;
    rig_look(&rig, paths.resource);
    const struct bsc_value *reply =
        rig_change(&rig, copy_effect(paths.from, paths.to, "{'exists':true}"));
    assert_word(reply, "outcome", "interrupted");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has not taken effect");
    assert_false(is_there(paths.to));
    rig_assert_kinds(rig.journal_path, "observed intent outcome after");
    rig_close(&rig);
    paths_release(&paths);
}

static void a_cancel_ends_the_program_under_way_and_looks_what_it_did(void **state)
{
    struct rig rig;
    struct timespec begin, end;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    rig.poll_for = paths.to;
    rig.change_begun = rig_cancel_once_begun;
    char *words =
        bsc_mem_format("'sh','-c','cp $0 $1; exec sleep 60','%s','%s'", paths.from, paths.to);
    char *becomes = bsc_mem_format("{'%s':{'exists':true,'bytes':6}}", paths.resource);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    const struct bsc_value *reply = rig_change(&rig, run_effect(paths.resource, words, becomes));
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 2);
    assert_word(reply, "outcome", "interrupted");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has taken effect in part");
    assert_true(bsc_value_get_truth(bsc_value_get(reply, "facts"), "exists"));
    bsc_mem_free(words);
    bsc_mem_free(becomes);
    rig_close(&rig);
    paths_release(&paths);
}

static void what_was_not_planned_is_not_executed(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    struct bsc_value *effect = copy_effect(paths.from, paths.to, "{'exists':true}");
    const struct bsc_value *reply = rig_perform(&rig, effect);
    assert_word(reply, "outcome", "diverged");
    assert_contains(bsc_value_get_string(reply, "reason"), "this was not planned: copy it");
    assert_false(is_there(paths.to));
    assert_string_equal(rig.told.data, " diverged>");
    rig_assert_kinds(rig.journal_path, "");
    bsc_value_free(effect);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_failed_change_may_be_tried_again(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    rig_look(&rig, paths.resource);
    char *aside = unit_path(*state, "aside");
    assert_int_equal(rename(paths.from, aside), 0);
    struct bsc_value *effect =
        copy_effect(paths.from, paths.to, "{'exists':true,'bytes':5,'sha256':{'$unknown':'x'}}");
    assert_word(rig_change(&rig, bsc_value_copy(effect)), "outcome", "failed");
    assert_int_equal(rename(aside, paths.from), 0);
    assert_word(rig_perform(&rig, effect), "outcome", "changed");
    assert_word(rig_perform(&rig, effect), "outcome", "diverged");
    bsc_value_free(effect);
    free(aside);
    rig_close(&rig);
    paths_release(&paths);
}

static void a_change_that_makes_no_sense_breaks_the_run_and_changes_nothing(void **state)
{
    struct rig rig;
    struct paths paths = paths_make(state);
    rig_open(&rig, state);
    struct bsc_value *effect = copy_effect(paths.from, paths.to, "{}");
    bsc_value_set_text(effect, "row", "file.state");
    assert_null(rig_change(&rig, effect));
    assert_int_equal(rig.err.code, BSC_ERR_SCRIPT);
    assert_false(is_there(paths.to));
    rig_assert_kinds(rig.journal_path, "");
    rig_close(&rig);
    paths_release(&paths);
}

static void the_intent_is_in_the_file_before_the_effect_starts(void **state)
{
    struct rig rig;
    char *copy = unit_path(*state, "copy.jsonl");
    rig_open(&rig, state);
    char *words = bsc_mem_format("'cp','%s','%s'", rig.journal_path, copy);
    const struct bsc_value *reply = rig_change(&rig, run_effect("none:x", words, "{}"));
    assert_word(reply, "outcome", "changed");
    rig_assert_kinds(copy, "intent");
    struct bsc_value *records = rig_records(copy);
    const struct bsc_value *payload = bsc_value_get(bsc_value_at(records, 0), "payload");
    assert_word(payload, "statement", "run it");
    assert_int_equal(bsc_value_get_number(payload, "effect", 0), 1);
    bsc_value_free(records);
    bsc_mem_free(words);
    free(copy);
    rig_close(&rig);
}

static void changes_are_numbered_through_the_run(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *effect = run_effect("none:x", "'true'", "{}");
    struct bsc_value *changes = bsc_value_list();
    for (int i = 0; i < 3; i++)
        bsc_value_append(changes, bsc_value_copy(effect));
    rig_plan(&rig, changes);
    for (int i = 0; i < 3; i++)
        rig_perform(&rig, effect);
    struct bsc_value *records = rig_records(rig.journal_path);
    assert_int_equal(bsc_value_count(records), 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(
            bsc_value_get_number(bsc_value_get(bsc_value_at(records, i), "payload"), "effect", 0),
            i / 3 + 1);
    bsc_value_free(records);
    bsc_value_free(effect);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_change_whose_facts_came_true_is_changed),
        UNIT_IN_FOLDER(the_model_takes_what_could_not_be_foretold_from_what_is_observed),
        UNIT_IN_FOLDER(of_a_resource_never_seen_before_only_the_foretold_facts_count),
        UNIT_IN_FOLDER(a_row_that_failed_without_effect_is_failed),
        UNIT_IN_FOLDER(a_row_that_failed_although_its_facts_came_true_is_changed),
        UNIT_IN_FOLDER(a_row_that_failed_half_way_says_so),
        UNIT_IN_FOLDER(a_fact_that_was_true_before_does_not_make_a_failure_a_success),
        UNIT_IN_FOLDER(a_success_that_cannot_be_seen_is_diverged_and_shows_both_values),
        UNIT_IN_FOLDER(a_success_that_moved_something_else_is_diverged),
        UNIT_IN_FOLDER(only_the_very_file_is_removed),
        UNIT_IN_FOLDER(a_statement_changes_rows_and_its_facts_are_observed),
        UNIT_IN_FOLDER(a_statement_that_the_database_refuses_is_failed_with_its_sqlstate),
        UNIT_IN_FOLDER(a_statement_with_too_few_rows_is_judged_by_the_facts),
        UNIT_IN_FOLDER(volatile_facts_tell_only_when_nothing_else_does),
        UNIT_IN_FOLDER(what_cannot_be_observed_afterwards_is_unknown),
        UNIT_IN_FOLDER(an_observation_may_only_look),
        UNIT_IN_FOLDER(a_change_that_ran_out_of_time_is_a_timeout_when_it_left_nothing_behind),
        UNIT_IN_FOLDER(a_change_that_ran_out_of_time_is_unknown_when_nothing_was_foretold),
        UNIT_IN_FOLDER(a_time_limit_beyond_all_clocks_is_no_limit),
        UNIT_IN_FOLDER(after_a_timeout_the_next_change_has_its_own_time),
        UNIT_IN_FOLDER(nothing_begins_after_a_cancel),
        UNIT_IN_FOLDER(a_cancel_between_intent_and_row_leaves_the_site_alone),
        UNIT_IN_FOLDER(a_cancel_ends_the_program_under_way_and_looks_what_it_did),
        UNIT_IN_FOLDER(what_was_not_planned_is_not_executed),
        UNIT_IN_FOLDER(a_failed_change_may_be_tried_again),
        UNIT_IN_FOLDER(a_change_that_makes_no_sense_breaks_the_run_and_changes_nothing),
        UNIT_IN_FOLDER(the_intent_is_in_the_file_before_the_effect_starts),
        UNIT_IN_FOLDER(changes_are_numbered_through_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
