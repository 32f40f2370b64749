#include "session_unit.h"

#include <errno.h>

#include "fault_sys.h"

static void a_runbook_is_loaded_with_its_parameters_and_items(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    bsc_value_set_text(stage.set, "times", "5");
    stage_open(&stage);
    const struct bsc_value *book = bsc_run_session_runbook(&stage.session);
    assert_string_equal(bsc_value_get_string(book, "name"), "copy");
    assert_int_equal(bsc_value_count(bsc_value_get(book, "items")), 1);
    assert_int_equal(
        bsc_value_get_number(bsc_value_get(bsc_value_get(book, "params"), "times"), "value", 0), 5);
    assert_int_equal(strlen(stage.session.runbook_digest), 64);
    assert_int_equal(strlen(stage.session.library_digest), 64);
    stage_strike(&stage);
}

static void a_runbook_with_errors_loads_and_lists_them(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, "runbook \"x\" { summary = \"y\" }\nstep \"z\" { file.cpy {} }\n");
    assert_true(stage_try(&stage, &err));
    const struct bsc_value *first = bsc_value_at(bsc_run_session_errors(&stage.session), 0);
    assert_int_equal(bsc_value_get_number(first, "line", 0), 2);
    stage_strike(&stage);
}

/* Opening must fail with this code and name `part`. */
static void refuse(struct stage *stage, enum bsc_err_code code, const char *part)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_false(stage_try(stage, &err));
    assert_int_equal(err.code, code);
    assert_contains(err.message, part);
}

static void a_site_that_is_missing_is_named(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage.options.site_path = "/no/such/site.yaml";
    refuse(&stage, BSC_ERR_NOT_FOUND, "/no/such/site.yaml");
    stage_strike(&stage);
}

static void a_runbook_that_is_missing_is_named(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage.options.runbook_path = "/no/such/book.lua";
    refuse(&stage, BSC_ERR_NOT_FOUND, "/no/such/book.lua");
    stage_strike(&stage);
}

static void a_runbook_of_more_than_a_megabyte_is_refused(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    char *text = bsc_mem_new(1024 * 1024 + 1, 1);
    memset(text, '-', 1024 * 1024 + 1);
    unit_file_put(stage.book, text, 1024 * 1024 + 1);
    refuse(&stage, BSC_ERR_LIMIT, "book.lua");
    bsc_mem_free(text);
    stage_strike(&stage);
}

static void a_session_that_was_never_opened_can_be_closed(void **state)
{
    (void)state;
    struct bsc_run_session session = {0};
    bsc_run_session_close(&session);
    bsc_run_session_close(&session);
}

static void without_a_site_a_runbook_can_still_be_checked(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage.options.site_path = NULL;
    stage.options.look_only = true;
    stage_open(&stage);
    assert_null(stage.session.hands);
    stage_strike(&stage);
}

static void without_a_runbook_every_resource_of_the_site_is_observed(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "%sdatabases:\n  app: { primary: { server: db, file: app.db } }\n",
                   stage_site);
    put_text(stage.site, text.data);
    bsc_buf_release(&text);
    stage.options.runbook_path = NULL;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(stage_try(&stage, &err));
    struct bsc_value *facts = stage_observe(&stage);
    assert_word(bsc_value_get(facts, "database:app.primary"), "state", "missing");
    bsc_value_free(facts);
    stage_strike(&stage);
}

static void what_the_runbook_speaks_of_is_observed(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    for (int i = 0; i < 2; i++) {
        struct bsc_value *facts = stage_observe(&stage);
        char *from = bsc_mem_format("file:%s", stage.from);
        assert_int_equal(bsc_value_get_number(bsc_value_get(facts, from), "bytes", 0), 5);
        assert_int_equal(bsc_value_count(facts), 2);
        bsc_mem_free(from);
        bsc_value_free(facts);
    }
    stage_strike(&stage);
}

static void every_failing_system_call_of_opening_is_told_and_leaves_nothing_open(void **state)
{
    struct stage stage;
    struct unit_sys fault;
    stage_set(&stage, state, COPY_BOOK);
    int fds = unit_fd_count();
    for (unsigned long n = 1;; n++) {
        struct bsc_err err = BSC_ERR_INIT;
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, false);
        stage.options.sys = &fault.table;
        bool opened = stage_try(&stage, &err);
        bsc_run_session_close(&stage.session);
        assert_int_equal(unit_fd_count(), fds);
        if (!fault.failed)
            break;
        /* what was read is whole, however badly the file is closed */
        if (opened)
            assert_int_equal(fault.failed_kind, UNIT_SYS_CLOSE);
        else
            assert_contains(err.message, *state);
        assert_true(n < 100);
    }
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_runbook_is_loaded_with_its_parameters_and_items),
        UNIT_IN_FOLDER(a_runbook_with_errors_loads_and_lists_them),
        UNIT_IN_FOLDER(a_site_that_is_missing_is_named),
        UNIT_IN_FOLDER(a_runbook_that_is_missing_is_named),
        UNIT_IN_FOLDER(a_runbook_of_more_than_a_megabyte_is_refused),
        cmocka_unit_test(a_session_that_was_never_opened_can_be_closed),
        UNIT_IN_FOLDER(without_a_site_a_runbook_can_still_be_checked),
        UNIT_IN_FOLDER(without_a_runbook_every_resource_of_the_site_is_observed),
        UNIT_IN_FOLDER(what_the_runbook_speaks_of_is_observed),
        UNIT_IN_FOLDER(every_failing_system_call_of_opening_is_told_and_leaves_nothing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
