#include "session_unit.h"

static char *plan_bytes(const struct bsc_value *plan)
{
    struct bsc_buf text;
    struct bsc_value *copy = bsc_value_copy(plan);
    bsc_value_remove(copy, "made");
    bsc_buf_init(&text);
    bsc_json_canonical(copy, &text);
    bsc_value_free(copy);
    char *bytes = bsc_mem_text(text.data);
    bsc_buf_release(&text);
    return bytes;
}

static void a_plan_holds_every_change_with_the_facts_before_and_after(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    assert_word(plan, "outcome", "changed");
    assert_int_equal(bsc_run_plan_change_count(plan), 1);
    const struct bsc_value *item = bsc_value_at(bsc_value_get(plan, "items"), 0);
    const struct bsc_value *change = bsc_value_at(bsc_value_get(item, "changes"), 0);
    char *id = bsc_mem_format("file:%s", stage.to);
    assert_word(change, "row", "file.copy");
    assert_word(change, "resource", id);
    assert_false(bsc_value_get_truth(bsc_value_get(bsc_value_get(change, "before"), id), "exists"));
    assert_true(bsc_value_get_truth(bsc_value_get(bsc_value_get(change, "becomes"), id), "exists"));
    assert_json(bsc_value_get(plan, "params"), "{'times':3}");
    assert_int_equal(access(stage.to, F_OK), -1);
    bsc_mem_free(id);
    bsc_value_free(plan);
    stage_strike(&stage);
}

static void the_same_inputs_give_the_same_plan(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    char *bytes[2];
    for (int i = 0; i < 2; i++) {
        stage_open(&stage);
        struct bsc_value *plan = stage_plan(&stage);
        bytes[i] = plan_bytes(plan);
        bsc_value_free(plan);
    }
    assert_string_equal(bytes[0], bytes[1]);
    bsc_mem_free(bytes[0]);
    bsc_mem_free(bytes[1]);
    stage_strike(&stage);
}

static void other_facts_give_another_digest(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *one = stage_plan(&stage);
    put_text(stage.from, "hello!");
    struct bsc_value *two = stage_plan(&stage);
    assert_string_not_equal(bsc_value_get_string(one, "digest"),
                            bsc_value_get_string(two, "digest"));
    bsc_value_free(one);
    bsc_value_free(two);
    stage_strike(&stage);
}

static void a_plan_is_not_kept_when_a_secret_stands_in_what_is_kept(void **state)
{
    static const struct {
        const char *secret;
        const char *place;
    } cases[] = {{"sqlite", "site file"}, {"file.copy", "runbook"}, {"outcome", "plan"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        struct bsc_err err = BSC_ERR_INIT;
        stage_set(&stage, state, COPY_BOOK);
        stage_open(&stage);
        struct bsc_value *plan = stage_plan(&stage);
        bsc_redactor_add(stage.redactor, "hunter22", 8);
        assert_true(bsc_run_plan_can_be_kept(&stage.session, plan, &err));
        bsc_redactor_add(stage.redactor, cases[i].secret, strlen(cases[i].secret));
        assert_false(bsc_run_plan_can_be_kept(&stage.session, plan, &err));
        assert_int_equal(err.code, BSC_ERR_REFUSED);
        assert_non_null(strstr(err.message, cases[i].place));
        bsc_value_free(plan);
        stage_strike(&stage);
    }
}

static void a_plan_that_was_written_is_read_back(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    char *path = unit_path(*state, "plan.json");
    assert_true(bsc_run_plan_write(&stage.session, path, plan, &err));
    struct bsc_value *read = bsc_run_plan_read(bsc_sys_real(), path, &err);
    assert_non_null(read);
    assert_true(bsc_value_equal(plan, read));
    bsc_value_free(read);
    bsc_value_free(plan);
    free(path);
    stage_strike(&stage);
}

static void assert_head(const char *path, const struct bsc_value *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *head = bsc_run_plan_read_head(bsc_sys_real(), path, &err);
    assert_non_null(head);
    assert_true(bsc_value_equal(head, expected));
    bsc_value_free(head);
}

/* A blank is not in the form that this program writes, and the plan is the same. */
static void the_head_of_a_plan_is_read_without_its_items(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    char *path = unit_path(*state, "plan.json");
    assert_true(bsc_run_plan_write(&stage.session, path, plan, &err));
    bsc_value_remove(plan, "items");
    assert_head(path, plan);
    size_t length = 0;
    char *text = unit_file_get(path, &length);
    char *spaced = bsc_mem_format("{ %.*s", (int)length - 1, text + 1);
    put_text(path, spaced);
    assert_head(path, plan);
    bsc_mem_free(spaced);
    free(text);
    bsc_value_free(plan);
    free(path);
    stage_strike(&stage);
}

static void refuse_text(void **state, const char *text, enum bsc_err_code code)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "plan.json");
    put_text(path, text);
    assert_null(bsc_run_plan_read(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, code);
    assert_true(strstr(err.message, "plan.json") != NULL || strstr(err.where, "plan.json") != NULL);
    err = (struct bsc_err)BSC_ERR_INIT;
    assert_null(bsc_run_plan_read_head(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, code);
    free(path);
}

static void a_plan_that_was_changed_is_refused(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    const struct bsc_value *item = bsc_value_at(bsc_value_get(plan, "items"), 0);
    struct bsc_value *change = bsc_value_at(bsc_value_get(item, "changes"), 0);
    bsc_value_set_text(bsc_value_get(change, "args"), "to", "/etc/passwd");
    char *text = plan_bytes(plan);
    refuse_text(state, text, BSC_ERR_REFUSED);
    bsc_mem_free(text);
    bsc_value_remove(plan, "digest");
    text = plan_bytes(plan);
    refuse_text(state, text, BSC_ERR_REFUSED);
    bsc_mem_free(text);
    bsc_value_free(plan);
    stage_strike(&stage);
}

static void what_is_no_plan_is_refused(void **state)
{
    refuse_text(state, "{}", BSC_ERR_INVALID);
    refuse_text(state, "[1]", BSC_ERR_INVALID);
    refuse_text(state, "{\"format\":2}", BSC_ERR_INVALID);
    refuse_text(state, "no json", BSC_ERR_INVALID);
    refuse_text(state, "", BSC_ERR_INVALID);
    refuse_text(state, "{\"format\":1,\"digest\":7}", BSC_ERR_REFUSED);
}

static void no_secret_is_written_into_a_plan(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    char *path = unit_path(*state, "plan.json");
    bsc_value_set_text(plan, "reason", "the password is hunter2hunter2");
    bsc_redactor_add(stage.redactor, "hunter2hunter2", 14);
    assert_true(bsc_run_plan_write(&stage.session, path, plan, &err));
    char *text = unit_file_get(path, NULL);
    assert_null(strstr(text, "hunter2"));
    assert_contains(text, "the password is [secret]");
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    free(text);
    free(path);
    bsc_value_free(plan);
    stage_strike(&stage);
}

static void a_guard_that_does_not_hold_makes_a_plan_that_is_refused(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    unlink(stage.from);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    assert_word(plan, "outcome", "refused");
    assert_contains(bsc_value_get_string(plan, "reason"), "there is no file");
    assert_int_equal(bsc_run_plan_change_count(plan), 0);
    bsc_value_free(plan);
    stage_strike(&stage);
}

static void notes_and_questions_are_in_the_plan(void **state)
{
    struct stage stage;
    stage_set(&stage, state,
              "runbook \"n\" { summary = \"s\" }\n"
              "gate \"Go on?\" { says = \"really\" }\n"
              "step \"Tell\" { warn \"careful\" }\n");
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    const struct bsc_value *items = bsc_value_get(plan, "items");
    assert_json(bsc_value_get(bsc_value_at(items, 0), "asks"),
                "[{'title':'Go on?','lines':['really']}]");
    assert_json(bsc_value_get(bsc_value_at(items, 1), "notes"),
                "[{'kind':'warning','text':'careful'}]");
    bsc_value_free(plan);
    stage_strike(&stage);
}

static void a_lightened_plan_keeps_its_digest_and_how_long_its_lists_were(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *facts = stage_observe(&stage);
    struct bsc_value *lists = from_json("{'short':[1]}");
    struct bsc_value *entries = bsc_value_list();
    for (int64_t i = 0; i < 33; i++)
        bsc_value_append(entries, bsc_value_int(i));
    bsc_value_set(lists, "long", entries);
    bsc_value_set(facts, "command:x", lists);
    struct bsc_value *plan = bsc_run_plan_make(&stage.session, facts, &err);
    char *digest = bsc_mem_text(bsc_value_get_string(plan, "digest"));
    bsc_run_plan_lighten(plan);
    assert_int_equal(bsc_run_plan_change_count(plan), 0);
    assert_int_equal(bsc_value_count(bsc_value_get(plan, "items")), 1);
    assert_json(bsc_value_get(bsc_value_get(plan, "facts"), "command:x"),
                "{'long':{'$entries':33},'short':[1]}");
    assert_word(plan, "digest", digest);
    bsc_mem_free(digest);
    bsc_value_free(plan);
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_plan_holds_every_change_with_the_facts_before_and_after),
        UNIT_IN_FOLDER(the_same_inputs_give_the_same_plan),
        UNIT_IN_FOLDER(other_facts_give_another_digest),
        UNIT_IN_FOLDER(a_plan_is_not_kept_when_a_secret_stands_in_what_is_kept),
        UNIT_IN_FOLDER(a_plan_that_was_written_is_read_back),
        UNIT_IN_FOLDER(the_head_of_a_plan_is_read_without_its_items),
        UNIT_IN_FOLDER(a_plan_that_was_changed_is_refused),
        UNIT_IN_FOLDER(what_is_no_plan_is_refused),
        UNIT_IN_FOLDER(no_secret_is_written_into_a_plan),
        UNIT_IN_FOLDER(a_guard_that_does_not_hold_makes_a_plan_that_is_refused),
        UNIT_IN_FOLDER(notes_and_questions_are_in_the_plan),
        UNIT_IN_FOLDER(a_lightened_plan_keeps_its_digest_and_how_long_its_lists_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
