#include "run_fixture.h"

#include "../fault_sys.h"
#include "run/evidence.h"

#include <errno.h>

static struct bsc_run_evidence read_evidence(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_evidence evidence = {0};
    if (!bsc_run_evidence_read(&evidence, bsc_sys_real(), folder, &err))
        fail_msg("%s", err.message);
    return evidence;
}

static void make_run(const char *folder)
{
    struct bsc_journal *journal = fixture_open(folder);
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
}

static void a_run_with_all_its_files_is_sound(void **state)
{
    make_run(*state);
    struct bsc_run_evidence evidence = read_evidence(*state);
    for (size_t i = 0; i < bsc_value_count(evidence.files); i++)
        print_error("%s\n", bsc_value_get_string(bsc_value_at(evidence.files, i), "what"));
    assert_true(evidence.sound);
    assert_int_equal(evidence.journal.records, 2);
    bsc_run_evidence_release(&evidence);
}

static void a_run_without_an_end_is_not_sound(void **state)
{
    fixture_close(fixture_open(*state));
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_int_equal(evidence.journal.state, BSC_JOURNAL_OPEN);
    assert_int_equal(bsc_value_count(evidence.files), 0);
    assert_false(evidence.sound);
    bsc_run_evidence_release(&evidence);
}

static void every_file_that_was_changed_or_taken_away_is_named(void **state)
{
    static const char *const files[] = {"plan.json", "runbook.lua", "site.yaml",
                                        "modules/steps.lua"};
    make_run(*state);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = unit_path(*state, files[i]);
        size_t length = 0;
        char *bytes = unit_file_get(path, &length);
        for (int gone = 0; gone < 2; gone++) {
            bytes[0] ^= 1;
            unit_file_put(path, bytes, length);
            bytes[0] ^= 1;
            if (gone)
                unlink(path);
            struct bsc_run_evidence evidence = read_evidence(*state);
            assert_false(evidence.sound);
            assert_int_equal(evidence.journal.state, BSC_JOURNAL_ENDED);
            assert_int_equal(bsc_value_count(evidence.files), 1);
            assert_string_equal(bsc_value_get_string(bsc_value_at(evidence.files, 0), "file"),
                                files[i]);
            bsc_run_evidence_release(&evidence);
        }
        unit_file_put(path, bytes, length);
        free(bytes);
        free(path);
    }
}

static void what_cannot_be_read_proves_nothing(void **state)
{
    struct unit_sys fault;
    make_run(*state);
    for (unsigned long at = 1;; at++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_run_evidence evidence = {0};
        unit_sys_init(&fault);
        unit_sys_fail(&fault, at, EIO, false);
        bool read = bsc_run_evidence_read(&evidence, &fault.table, *state, &err);
        if (read)
            assert_true(evidence.sound);
        else
            assert_int_equal(err.code, BSC_ERR_IO);
        bsc_run_evidence_release(&evidence);
        if (!fault.failed)
            break;
    }
}

static void nothing_outside_of_the_folder_is_read_for_a_journal(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "journal.jsonl");
    const struct bsc_journal_options options = {bsc_sys_real(), bsc_clock_real(), NULL, path, true};
    struct bsc_value *begin = fixture_begin(*state);
    struct bsc_value *module = bsc_value_at(bsc_value_get(begin, "modules"), 0);
    bsc_value_set_text(module, "name", "../modules/steps"); /* with the right digest */
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    assert_non_null(journal);
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_RUN_BEGIN, begin, false, &err));
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_false(evidence.sound);
    assert_int_equal(bsc_value_count(evidence.files), 1);
    assert_string_equal(bsc_value_get_string(bsc_value_at(evidence.files, 0), "file"), "modules");
    bsc_run_evidence_release(&evidence);
    bsc_value_free(begin);
    free(path);
}

static void another_plan_with_a_right_digest_is_noticed(void **state)
{
    char hex[BSC_DIGEST_HEX];
    make_run(*state);
    fixture_plan(*state, "{\"format\":1,\"runbook\":{\"name\":\"other\"}}", hex);
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_int_equal(bsc_value_count(evidence.files), 1);
    assert_non_null(strstr(bsc_value_get_string(bsc_value_at(evidence.files, 0), "what"),
                           "not the plan that the run began with"));
    bsc_run_evidence_release(&evidence);
}

static void a_folder_without_a_journal_is_an_error(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_evidence evidence = {0};
    assert_false(bsc_run_evidence_read(&evidence, bsc_sys_real(), *state, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    bsc_run_evidence_release(&evidence);
}

/* Another process goes on with the run, with these inputs. */
static void go_on_with(struct bsc_journal *journal, const struct bsc_value *begin, int64_t inputs,
                       const char *runbook_digest)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *other = bsc_value_copy(begin);
    bsc_value_set_text(other, "mode", "resume");
    if (inputs > 0)
        bsc_value_set_int(other, "inputs", inputs);
    if (runbook_digest != NULL)
        bsc_value_set_text(other, "runbook_digest", runbook_digest);
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_RUN_BEGIN, other, false, &err));
    bsc_value_free(other);
}

/* The folder of a run that was begun; its journal, and the payload with which it was. */
static struct bsc_journal *begin_run(const char *folder, struct bsc_value **ret_begin)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(folder, "journal.jsonl");
    const struct bsc_journal_options options = {bsc_sys_real(), bsc_clock_real(), NULL, path, true};
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    assert_non_null(journal);
    *ret_begin = fixture_begin(folder);
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_RUN_BEGIN, *ret_begin, false, &err));
    free(path);
    return journal;
}

static void end_run(struct bsc_journal *journal, struct bsc_value *begin)
{
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
    bsc_value_free(begin);
}

static void copy_inputs(const char *folder)
{
    char *command = bsc_mem_format("cd '%s' && mkdir -p inputs/2 && cp -r plan.json runbook.lua "
                                   "site.yaml modules inputs/2",
                                   folder);
    assert_int_equal(system(command), 0);
    bsc_mem_free(command);
}

static void what_was_accepted_later_is_looked_at_like_what_it_began_with(void **state)
{
    static const char *const files[] = {"plan.json", "inputs/2/plan.json", "inputs/2/runbook.lua",
                                        "inputs/2/site.yaml", "inputs/2/modules/steps.lua"};
    char other[BSC_DIGEST_HEX];
    struct bsc_value *begin = NULL;
    struct bsc_journal *journal = begin_run(*state, &begin);
    copy_inputs(*state);
    fixture_file(*state, "inputs/2/runbook.lua", "mended");
    fixture_digest("mended", other);
    go_on_with(journal, begin, 0, NULL);
    go_on_with(journal, begin, 2, other);
    go_on_with(journal, begin, 2, other);
    end_run(journal, begin);
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_true(evidence.sound);
    assert_int_equal(bsc_value_count(evidence.begins), 2);
    bsc_run_evidence_release(&evidence);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = unit_path(*state, files[i]);
        size_t length = 0;
        char *bytes = unit_file_get(path, &length);
        unlink(path);
        evidence = read_evidence(*state);
        assert_false(evidence.sound);
        assert_string_equal(bsc_value_get_string(bsc_value_at(evidence.files, 0), "file"),
                            files[i]);
        bsc_run_evidence_release(&evidence);
        unit_file_put(path, bytes, length);
        free(bytes);
        free(path);
    }
}

static void nobody_goes_on_with_other_files_without_keeping_them(void **state)
{
    struct bsc_value *begin = NULL;
    struct bsc_journal *journal = begin_run(*state, &begin);
    go_on_with(journal, begin, 0, "other");
    end_run(journal, begin);
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_false(evidence.sound);
    assert_string_equal(bsc_value_get_string(bsc_value_at(evidence.files, 0), "file"),
                        "journal.jsonl");
    bsc_run_evidence_release(&evidence);
}

static void nobody_goes_back_to_files_that_were_replaced(void **state)
{
    struct bsc_value *begin = NULL;
    struct bsc_journal *journal = begin_run(*state, &begin);
    copy_inputs(*state);
    go_on_with(journal, begin, 2, NULL);
    go_on_with(journal, begin, 0, NULL);
    end_run(journal, begin);
    struct bsc_run_evidence evidence = read_evidence(*state);
    assert_false(evidence.sound);
    bsc_run_evidence_release(&evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_run_with_all_its_files_is_sound),
        UNIT_IN_FOLDER(a_run_without_an_end_is_not_sound),
        UNIT_IN_FOLDER(every_file_that_was_changed_or_taken_away_is_named),
        UNIT_IN_FOLDER(what_cannot_be_read_proves_nothing),
        UNIT_IN_FOLDER(nothing_outside_of_the_folder_is_read_for_a_journal),
        UNIT_IN_FOLDER(another_plan_with_a_right_digest_is_noticed),
        UNIT_IN_FOLDER(a_folder_without_a_journal_is_an_error),
        UNIT_IN_FOLDER(what_was_accepted_later_is_looked_at_like_what_it_began_with),
        UNIT_IN_FOLDER(nobody_goes_on_with_other_files_without_keeping_them),
        UNIT_IN_FOLDER(nobody_goes_back_to_files_that_were_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
