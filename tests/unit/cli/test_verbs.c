#include "cli_unit.h"

#include <errno.h>

#include "fault_sys.h"

static const char site_text[] = "site: verbs\n"
                                "data_centres:\n"
                                "  dc1: { title: A }\n"
                                "servers:\n"
                                "  db: { data_centre: dc1, platform: sqlite, folder: ., "
                                "connection: \"Driver=SQLite3\" }\n";

/* A folder with a site, a file `from` and a runbook that copies it to `to` behind a gate. */
static void furnish(const char *folder)
{
    char *site = unit_path(folder, "site.yaml");
    char *from = unit_path(folder, "from");
    char *book = unit_path(folder, "book.lua");
    char *text = bsc_mem_format("runbook \"copy\" { summary = \"Copy one file\" }\n"
                                "gate \"Copy it?\" { says = \"there is room\" }\n"
                                "step \"Copy the file\" { file.copy { from = \"%s/from\", "
                                "to = \"%s/to\" } }\n",
                                folder, folder);
    unit_file_put(site, site_text, strlen(site_text));
    unit_file_put(from, "hello", 5);
    unit_file_put(book, text, strlen(text));
    bsc_mem_free(text);
    free(site);
    free(from);
    free(book);
}

static bool has(const char *folder, const char *name)
{
    char *path = unit_path(folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* A run that is refused before it begins leaves nothing but the locks that it took. */
static void assert_no_run(const char *folder)
{
    char *runs = unit_path(folder, "runs");
    assert_int_equal(unit_entry_count(runs), 2);
    assert_true(has(folder, "runs/lock"));
    assert_true(has(folder, "runs/lock.lent"));
    free(runs);
}

static const char *const verbs[] = {"lab", "check", "observe", "plan",   "rehearse", "test",
                                    "run", "audit", "report",  "status", "agent"};

static void every_verb_refuses_what_it_does_not_know_with_exit_code_2(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct desk desk;
        desk_set(&desk);
        int code = desk_run(&desk, "%s --bogus", verbs[i]);
        if (code != BSC_EXIT_USAGE)
            fail_msg("%s ended with %d", verbs[i], code);
        assert_contains(desk.err, "error: ");
        assert_string_equal(desk.out, "");
        desk_clear(&desk);
    }
}

static void every_verb_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        struct desk desk;
        desk_set(&desk);
        assert_int_equal(desk_run(&desk, "%s --help", verbs[i]), BSC_EXIT_DONE);
        assert_contains(desk.out, "usage: bascule");
        assert_string_equal(desk.err, "");
        desk_clear(&desk);
    }
}

static void write_to_a_full_device(struct desk *desk)
{
    desk_set(desk);
    fclose(desk->cli.out);
    free(desk->out);
    desk->out = NULL;
    desk->cli.out = fopen("/dev/full", "w");
    assert_non_null(desk->cli.out);
}

static void what_cannot_be_shown_is_a_failure_of_verbs_that_only_show(void **state)
{
    (void)state;
    static const char *const lines[] = {"check %s/book.lua", "check %s/book.lua --json",
                                        "observe --site %s/site.yaml --json", "plan --help"};
    char *folder = unit_folder_make();
    furnish(folder);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct desk desk;
        char *line = bsc_mem_format(lines[i], folder);
        write_to_a_full_device(&desk);
        assert_int_equal(desk_run(&desk, "%s", line), BSC_EXIT_FAILED);
        assert_contains(desk.err, "could not write to standard output");
        assert_contains(desk.err, "No space left on device");
        desk_clear(&desk);
        bsc_mem_free(line);
    }
    unit_folder_remove(folder);
}

static void a_run_is_not_kept_on_a_network_file_system_unless_it_is_forced(void **state)
{
    (void)state;
    struct desk desk;
    struct unit_sys fault;
    char *folder = unit_folder_make();
    furnish(folder);
    unit_sys_init(&fault);
    fault.fs_magic = 0x6969;
    desk_set(&desk);
    desk.cli.sys = &fault.table;
    assert_int_equal(desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes", folder, folder),
                     BSC_EXIT_REFUSED);
    assert_contains(desk.err, "lies on a file system of kind NFS");
    assert_false(has(folder, "runs"));
    assert_false(has(folder, "to"));
    assert_int_equal(
        desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes --force", folder, folder),
        BSC_EXIT_DONE);
    assert_contains(desk.out, "warning: the runs lie on a file system of kind NFS");
    assert_true(has(folder, "to"));
    desk_clear(&desk);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "report last --site %s/site.yaml -o -", folder),
                     BSC_EXIT_DONE);
    assert_contains(desk.out, "the runs lie on a file system of kind NFS");
    desk_clear(&desk);
    unit_folder_remove(folder);
}

static void a_run_that_nobody_sees_ends_with_its_own_code(void **state)
{
    (void)state;
    struct desk desk;
    char *folder = unit_folder_make();
    furnish(folder);
    write_to_a_full_device(&desk);
    assert_int_equal(desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes", folder, folder),
                     BSC_EXIT_DONE);
    assert_true(has(folder, "to"));
    desk_clear(&desk);
    unit_folder_remove(folder);
}

static void under_json_an_error_is_one_canonical_line(void **state)
{
    static const char *const lines[] = {
        "plan --bogus --json",        "frobnicate --json",
        "run --json --yes",           "observe --json --site /no/such/site",
        "check --json /no/such/book", "plan --json a b c"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct desk desk;
        desk_set(&desk);
        int code = desk_run(&desk, "%s", lines[i]);
        struct bsc_value *value = desk_json(&desk);
        assert_int_equal(bsc_value_get_number(value, "exit", -1), code);
        assert_non_null(bsc_value_get_string(bsc_value_get(value, "error"), "message"));
        assert_string_equal(desk.err, "");
        bsc_value_free(value);
        desk_clear(&desk);
    }
}

static void an_unknown_verb_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    struct desk desk;
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "obsreve"), BSC_EXIT_USAGE);
    assert_contains(desk.err, "there is no verb \"obsreve\"");
    assert_contains(desk.err, "Did you mean \"bascule observe\"?");
    desk_clear(&desk);
}

static void without_a_verb_the_usage_is_shown(void **state)
{
    (void)state;
    struct desk desk;
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "%s", ""), BSC_EXIT_USAGE);
    assert_contains(desk.out, "usage: bascule VERB");
    desk_clear(&desk);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "--version"), BSC_EXIT_DONE);
    assert_contains(desk.out, "bascule ");
    desk_clear(&desk);
}

static void a_plan_is_shown_and_changes_nothing(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "plan %s/book.lua --site %s/site.yaml", folder, folder),
                     BSC_EXIT_DONE);
    assert_contains(desk.out, "copy ");
    assert_contains(desk.out, "1 change planned; nothing has been changed.");
    assert_false(has(folder, "to"));
    assert_false(has(folder, "runs"));
    desk_clear(&desk);
}

static void without_a_terminal_and_without_yes_nothing_is_run(void **state)
{
    static const char *const forms[] = {"", " --json"};
    const char *folder = *state;
    furnish(folder);
    for (size_t i = 0; i < 2; i++) {
        struct desk desk;
        desk_set(&desk);
        assert_int_equal(
            desk_run(&desk, "run %s/book.lua --site %s/site.yaml%s", folder, folder, forms[i]),
            BSC_EXIT_REFUSED);
        assert_contains(i == 0 ? desk.err : desk.out, "nobody can confirm the plan");
        if (i == 1)
            bsc_value_free(desk_json(&desk));
        assert_false(has(folder, "to"));
        assert_false(has(folder, "runs"));
        desk_clear(&desk);
    }
}

static void a_plan_that_is_not_confirmed_is_not_run(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    desk_type(&desk, folder, "no\n");
    assert_int_equal(desk_run(&desk, "run %s/book.lua --site %s/site.yaml", folder, folder),
                     BSC_EXIT_REFUSED);
    assert_false(has(folder, "to"));
    assert_false(has(folder, "runs"));
    desk_clear(&desk);
}

static void a_gate_that_is_answered_with_no_refuses(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    desk_type(&desk, folder, "yes\nno\n");
    assert_int_equal(desk_run(&desk, "run %s/book.lua --site %s/site.yaml", folder, folder),
                     BSC_EXIT_REFUSED);
    assert_contains(desk.out, "there is room");
    assert_contains(desk.out, "refused: 0 of 2 items, 0 changes");
    assert_false(has(folder, "to"));
    assert_true(has(folder, "runs"));
    desk_clear(&desk);
}

static void a_runbook_is_run_with_yes(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes", folder, folder),
                     BSC_EXIT_DONE);
    assert_contains(desk.out, "answered yes by --yes");
    assert_contains(desk.out, "done: 2 of 2 items, 1 change");
    assert_true(has(folder, "to"));
    desk_clear(&desk);
}

/* Runs the runbook while one system call after the other fails for good; `said` is how often each
 * of two things was told. */
static bool fail_run_at(const char *folder, unsigned long call, size_t said[2])
{
    static const char *const told[] = {"The run stopped after ",
                                       "The run came to its end (changed)"};
    struct desk desk;
    struct unit_sys fault;
    desk_set(&desk);
    unit_sys_init(&fault);
    unit_sys_fail(&fault, call, EIO, true);
    desk.cli.sys = &fault.table;
    int code = desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes", folder, folder);
    for (size_t i = 0; i < 2; i++) {
        if (strstr(desk.out, told[i]) == NULL)
            continue;
        said[i]++;
        assert_int_equal(code, BSC_EXIT_FAILED);
        assert_true(i == 0 || has(folder, "to"));
        assert_true(i == 1 || strstr(desk.err, "could not close") == NULL);
        assert_null(strstr(desk.out, "stopped after 2 of 2"));
    }
    desk_clear(&desk);
    return fault.failed;
}

static void a_run_whose_journal_fails_says_how_far_it_came(void **state)
{
    size_t said[2] = {0, 0};
    const char *folder = *state;
    char *to = unit_path(folder, "to");
    furnish(folder);
    for (unsigned long call = 1; fail_run_at(folder, call, said); call++) {
        unlink(to);
        assert_true(call < 1000);
    }
    assert_true(said[0] > 0 && said[1] > 0);
    free(to);
}

static void under_json_a_run_is_told_in_one_line(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    assert_int_equal(
        desk_run(&desk, "run %s/book.lua --site %s/site.yaml --yes --json", folder, folder),
        BSC_EXIT_DONE);
    struct bsc_value *value = desk_json(&desk);
    assert_string_equal(bsc_value_get_string(value, "outcome"), "changed");
    assert_int_equal(bsc_value_get_number(value, "changes", 0), 1);
    assert_int_equal(bsc_value_get_number(value, "exit", -1), 0);
    assert_null(bsc_value_get(value, "error"));
    assert_null(bsc_value_get(value, "report_error"));
    bsc_value_free(value);
    desk_clear(&desk);
}

static void the_plan_that_json_gives_can_be_run(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    char *path = unit_path(folder, "plan.json");
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "plan %s/book.lua --site %s/site.yaml --json", folder, folder),
                     BSC_EXIT_DONE);
    unit_file_put(path, desk.out, desk.out_length);
    desk_clear(&desk);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "run %s --yes", path), BSC_EXIT_DONE);
    assert_true(has(folder, "to"));
    desk_clear(&desk);
    free(path);
}

static void a_plan_takes_no_other_parameters(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "plan %s/book.lua --site %s/site.yaml -o %s/p.json", folder,
                              folder, folder),
                     BSC_EXIT_DONE);
    assert_int_equal(desk_run(&desk, "run %s/p.json --set pool=x --yes", folder), BSC_EXIT_USAGE);
    assert_contains(desk.err, "a plan has its parameters already");
    assert_false(has(folder, "to"));
    desk_clear(&desk);
}

static void a_plan_of_a_site_that_moved_on_is_refused(void **state)
{
    struct desk desk;
    const char *folder = *state;
    furnish(folder);
    desk_set(&desk);
    assert_int_equal(desk_run(&desk, "plan %s/book.lua --site %s/site.yaml -o %s/p.json", folder,
                              folder, folder),
                     BSC_EXIT_DONE);
    char *from = unit_path(folder, "from");
    unit_file_put(from, "hello!", 6);
    free(from);
    assert_int_equal(desk_run(&desk, "run %s/p.json --yes", folder), BSC_EXIT_REFUSED);
    assert_contains(desk.err, "the site is no longer as it was");
    assert_contains(desk.err, "Another bytes of file:");
    assert_contains(desk.err, "step 2 differs.");
    assert_contains(desk.out, "      = copy ");
    assert_contains(desk.out, "bytes after it: 5 -> 6");
    assert_false(has(folder, "to"));
    assert_no_run(folder);
    desk_clear(&desk);
}

static void a_runbook_with_errors_is_shown_line_by_line(void **state)
{
    static const char *const ways[] = {"check", "plan", "run --yes"};
    const char *folder = *state;
    furnish(folder);
    char *bad = unit_path(folder, "bad.lua");
    static const char text[] = "runbook \"x\" { summary = \"y\" }\nstep \"z\" { file.cpy {} }\n";
    unit_file_put(bad, text, sizeof text - 1);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct desk desk;
        desk_set(&desk);
        assert_int_equal(desk_run(&desk, "%s %s --site %s/site.yaml", ways[i], bad, folder),
                         BSC_EXIT_FAILED);
        assert_contains(desk.out, "bad.lua:2: ");
        assert_false(has(folder, "runs"));
        desk_clear(&desk);
    }
    free(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_refuses_what_it_does_not_know_with_exit_code_2),
        cmocka_unit_test(every_verb_has_help),
        cmocka_unit_test(what_cannot_be_shown_is_a_failure_of_verbs_that_only_show),
        cmocka_unit_test(a_run_is_not_kept_on_a_network_file_system_unless_it_is_forced),
        cmocka_unit_test(a_run_that_nobody_sees_ends_with_its_own_code),
        cmocka_unit_test(under_json_an_error_is_one_canonical_line),
        cmocka_unit_test(an_unknown_verb_is_named_with_the_nearest_one),
        cmocka_unit_test(without_a_verb_the_usage_is_shown),
        UNIT_IN_FOLDER(a_plan_is_shown_and_changes_nothing),
        UNIT_IN_FOLDER(without_a_terminal_and_without_yes_nothing_is_run),
        UNIT_IN_FOLDER(a_plan_that_is_not_confirmed_is_not_run),
        UNIT_IN_FOLDER(a_gate_that_is_answered_with_no_refuses),
        UNIT_IN_FOLDER(a_runbook_is_run_with_yes),
        UNIT_IN_FOLDER(a_run_whose_journal_fails_says_how_far_it_came),
        UNIT_IN_FOLDER(under_json_a_run_is_told_in_one_line),
        UNIT_IN_FOLDER(the_plan_that_json_gives_can_be_run),
        UNIT_IN_FOLDER(a_plan_takes_no_other_parameters),
        UNIT_IN_FOLDER(a_plan_of_a_site_that_moved_on_is_refused),
        UNIT_IN_FOLDER(a_runbook_with_errors_is_shown_line_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
