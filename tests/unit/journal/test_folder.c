#include "unit.h"

#include <errno.h>

#include "base/mem.h"
#include "fault_sys.h"
#include "fixture.h"
#include "journal/folder.h"

static void make(const char *runs, struct ticking *ticking, const char *name,
                 struct bsc_journal_folder *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(
        bsc_journal_folder_create(bsc_sys_real(), &ticking->clock, runs, name, folder, &err));
}

static void a_run_gets_a_private_folder_with_time_and_name(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder folder = {0};
    struct stat info = {0};
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    make(runs, &ticking, "Fail over: Übung!", &folder);
    assert_int_equal(strncmp(folder.id, "20261120-231501-fail-over-bung-", 31), 0);
    assert_int_equal(strlen(folder.id), 31 + 4);
    assert_int_equal(stat(folder.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(bsc_journal_folder_write(&folder, "plan.json", "{}", 2, &err));
    assert_true(bsc_journal_folder_write(&folder, "modules/steps.lua", "return 1", 8, &err));
    char *file = bsc_journal_folder_file(&folder, "modules/steps.lua");
    unit_assert_file(file, "return 1");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    bsc_mem_free(file);
    bsc_journal_folder_release(&folder);
    free(runs);
}

static void an_id_tells_of_which_runbook_a_run_may_be(void **state)
{
    static const char *const names[] = {"Fail over: Übung!", "fail", "ÜÜ", "fail-over",
                                        "a name that is longer than what of it is kept in an id"};
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bsc_journal_folder folder = {0};
        make(runs, &ticking, names[i], &folder);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            assert_int_equal(bsc_journal_folder_is_of(folder.id, names[k]), i == k);
        bsc_journal_folder_release(&folder);
    }
    assert_false(bsc_journal_folder_is_of("lock", "lock"));
    assert_false(bsc_journal_folder_is_of("20261120-231501-fail", "fail"));
    free(runs);
}

static void the_last_run_is_the_newest_even_within_one_second(void **state)
{
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    for (int i = 0; i < 20; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_journal_folder made = {0}, found = {0};
        make(runs, &ticking, i % 2 == 0 ? "zebra" : "ape", &made);
        assert_true(bsc_journal_folder_find(bsc_sys_real(), runs, "last", &found, &err));
        assert_string_equal(found.id, made.id);
        assert_string_equal(found.journal, made.journal);
        bsc_journal_folder_release(&made);
        bsc_journal_folder_release(&found);
    }
    free(runs);
}

static void a_run_from_a_wrong_clock_does_not_pull_later_ones_into_the_future(void **state)
{
    struct ticking ticking;
    struct bsc_journal_folder folder = {0};
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    ticking.now_ms += 86400000;
    make(runs, &ticking, "a", &folder);
    bsc_journal_folder_release(&folder);
    ticking.now_ms -= 86400000;
    make(runs, &ticking, "b", &folder);
    assert_int_equal(strncmp(folder.id, "20261120-231501-b-", 18), 0);
    bsc_journal_folder_release(&folder);
    free(runs);
}

static void a_run_is_found_by_id_and_by_folder(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder made = {0}, found = {0};
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    make(runs, &ticking, "failover", &made);
    unit_file_put(made.journal, "", 0);
    assert_true(bsc_journal_folder_find(bsc_sys_real(), runs, made.id, &found, &err));
    assert_string_equal(found.path, made.path);
    bsc_journal_folder_release(&found);
    assert_true(bsc_journal_folder_find(bsc_sys_real(), "/nowhere", made.path, &found, &err));
    assert_string_equal(found.id, made.id);
    assert_string_equal(found.journal, made.journal);
    bsc_journal_folder_release(&found);
    bsc_journal_folder_release(&made);
    free(runs);
}

static void what_is_no_run_is_not_found(void **state)
{
    static const char *const names[] = {"last",   "20261120-231501-x-0000", "..", ".", "", "/",
                                        "no/such"};
    struct bsc_journal_folder found = {0};
    char *runs = unit_path(*state, "runs");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        assert_false(bsc_journal_folder_find(bsc_sys_real(), runs, names[i], &found, &err));
        assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
        assert_null(found.path);
    }
    free(runs);
}

static void the_beginning_of_an_id_will_do_while_it_is_the_only_one(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder made = {0}, other = {0}, found = {0};
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    make(runs, &ticking, "failover", &made);
    assert_true(bsc_journal_folder_find(bsc_sys_real(), runs, "20261120", &found, &err));
    assert_string_equal(found.id, made.id);
    bsc_journal_folder_release(&found);
    make(runs, &ticking, "failback", &other);
    assert_true(
        bsc_journal_folder_find(bsc_sys_real(), runs, "20261120-231502-failb", &found, &err));
    assert_string_equal(found.id, other.id);
    bsc_journal_folder_release(&found);
    assert_false(bsc_journal_folder_find(bsc_sys_real(), runs, "20261120-2315", &found, &err));
    assert_int_equal(err.code, BSC_ERR_USAGE);
    assert_string_equal(err.message, "2 runs begin with '20261120-2315'");
    assert_non_null(strstr(err.hint, made.id));
    assert_non_null(strstr(err.hint, other.id));
    assert_null(found.path);
    static const char *const none[] = {"2026112", "20261121", "2026-11-20"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(bsc_journal_folder_find(bsc_sys_real(), runs, none[i], &found, &err));
        assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
        assert_null(found.path);
    }
    bsc_journal_folder_release(&made);
    bsc_journal_folder_release(&other);
    free(runs);
}

static void other_entries_of_the_runs_folder_are_no_runs(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list ids = {0};
    struct bsc_journal_folder folder = {0};
    struct ticking ticking;
    char *runs = unit_path(*state, "runs");
    ticking_init(&ticking);
    make(runs, &ticking, "failover", &folder);
    char *lock = unit_path(runs, "lock");
    unit_file_put(lock, "", 0);
    assert_true(bsc_journal_folder_list(bsc_sys_real(), runs, &ids, &err));
    assert_int_equal(ids.count, 1);
    assert_string_equal(ids.names[0], folder.id);
    bsc_files_list_release(&ids);
    bsc_journal_folder_release(&folder);
    free(lock);
    free(runs);
}

static void runs_lie_beside_the_site_unless_told_otherwise(void **state)
{
    (void)state;
    char *beside = bsc_journal_runs_folder("/srv/lab/site.yaml", NULL);
    char *told = bsc_journal_runs_folder("/srv/lab/site.yaml", "/var/runs");
    char *here = bsc_journal_runs_folder(NULL, NULL);
    assert_string_equal(beside, "/srv/lab/runs");
    assert_string_equal(told, "/var/runs");
    assert_string_equal(here, "runs");
    bsc_mem_free(beside);
    bsc_mem_free(told);
    bsc_mem_free(here);
}

static void whichever_call_fails_making_a_folder_says_so(void **state)
{
    bool failed = true;
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct ticking ticking;
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_journal_folder folder = {0};
        char name[32];
        (void)snprintf(name, sizeof name, "runs%lu", call);
        char *runs = unit_path(*state, name);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        ticking_init(&ticking);
        int before = unit_fd_count();
        bool done =
            bsc_journal_folder_create(&fault.table, &ticking.clock, runs, "f", &folder, &err) &&
            bsc_journal_folder_write(&folder, "plan.json", "{}", 2, &err);
        failed = fault.failed;
        assert_true(done || err.message[0] != '\0');
        assert_int_equal(unit_fd_count(), before);
        bsc_journal_folder_release(&folder);
        free(runs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_run_gets_a_private_folder_with_time_and_name),
        UNIT_IN_FOLDER(an_id_tells_of_which_runbook_a_run_may_be),
        UNIT_IN_FOLDER(the_last_run_is_the_newest_even_within_one_second),
        UNIT_IN_FOLDER(a_run_from_a_wrong_clock_does_not_pull_later_ones_into_the_future),
        UNIT_IN_FOLDER(a_run_is_found_by_id_and_by_folder),
        UNIT_IN_FOLDER(what_is_no_run_is_not_found),
        UNIT_IN_FOLDER(the_beginning_of_an_id_will_do_while_it_is_the_only_one),
        UNIT_IN_FOLDER(other_entries_of_the_runs_folder_are_no_runs),
        UNIT_IN_FOLDER(runs_lie_beside_the_site_unless_told_otherwise),
        UNIT_IN_FOLDER(whichever_call_fails_making_a_folder_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
