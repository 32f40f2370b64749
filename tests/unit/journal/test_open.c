#include "unit.h"

#include <errno.h>

#include "fault_sys.h"
#include "fixture.h"
#include "journal/reader.h"

static struct bsc_journal *reopen(const struct bsc_sys *sys, struct ticking *ticking,
                                  const char *path, const struct bsc_journal_report *known,
                                  struct bsc_err *err)
{
    const struct bsc_journal_options options = {sys, &ticking->clock, NULL, path, false};
    return bsc_journal_open(&options, known, err);
}

static struct bsc_journal_report verified(const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    return report;
}

static void an_open_journal_goes_on_where_it_stopped(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = fixture_journal(*state);
    struct bsc_journal_report report = verified(path);
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    ticking_init(&ticking);
    struct bsc_journal *journal = reopen(bsc_sys_real(), &ticking, path, NULL, &err);
    assert_non_null(journal);
    assert_int_equal(bsc_journal_seq(journal), BSC_JOURNAL_KIND_MAX_);
    assert_string_equal(bsc_journal_hash(journal), report.hash);
    assert_true(fixture_append(journal, BSC_JOURNAL_RUN_BEGIN, true, &err));
    assert_true(bsc_journal_close(journal, &err));
    report = verified(path);
    assert_int_equal(report.state, BSC_JOURNAL_OPEN);
    assert_int_equal(report.records, BSC_JOURNAL_KIND_MAX_ + 1);
    assert_int_equal(report.counts[BSC_JOURNAL_RUN_BEGIN], 2);
    free(path);
}

static void what_was_read_under_the_same_lock_is_gone_on_from(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = fixture_journal(*state);
    struct bsc_journal_report known = verified(path);
    ticking_init(&ticking);
    struct bsc_journal *journal = reopen(bsc_sys_real(), &ticking, path, &known, &err);
    assert_non_null(journal);
    assert_int_equal(bsc_journal_seq(journal), BSC_JOURNAL_KIND_MAX_);
    assert_true(fixture_append(journal, BSC_JOURNAL_RUN_BEGIN, true, &err));
    assert_true(bsc_journal_close(journal, &err));
    assert_int_equal(verified(path).records, BSC_JOURNAL_KIND_MAX_ + 1);
    assert_int_equal(verified(path).fault, BSC_JOURNAL_FAULT_NONE);
    free(path);
}

static void a_journal_that_lost_what_was_read_of_it_is_refused(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = fixture_journal(*state);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    struct bsc_journal_report known = verified(path);
    ticking_init(&ticking);
    unit_file_put(path, bytes, length - 1);
    assert_null(reopen(bsc_sys_real(), &ticking, path, &known, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_int_equal(unit_entry_count(*state), 1);
    free(bytes);
    free(path);
}

static void every_torn_tail_is_put_aside_and_told(void **state)
{
    struct ticking ticking;
    char *path = fixture_journal(*state);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    size_t start = length - 1;
    while (bytes[start - 1] != '\n')
        start--;
    ticking_init(&ticking);
    for (size_t cut = start + 1; cut < length; cut++) {
        struct bsc_err err = BSC_ERR_INIT;
        unit_file_put(path, bytes, cut);
        struct bsc_journal_report report = verified(path);
        assert_int_equal(report.state, BSC_JOURNAL_TORN);
        struct bsc_journal *journal =
            reopen(bsc_sys_real(), &ticking, path, cut % 2 == 0 ? &report : NULL, &err);
        assert_non_null(journal);
        assert_int_equal(bsc_journal_seq(journal), BSC_JOURNAL_KIND_MAX_);
        assert_true(bsc_journal_close(journal, &err));
        report = verified(path);
        assert_int_equal(report.state, BSC_JOURNAL_OPEN);
        assert_int_equal(report.records, BSC_JOURNAL_KIND_MAX_);
        assert_int_equal(report.counts[BSC_JOURNAL_NOTE], 2);
        char *aside = NULL;
        assert_true(asprintf(&aside, "%s.torn-%zu", path, start) > 0);
        size_t kept = 0;
        char *tail = unit_file_get(aside, &kept);
        assert_non_null(tail);
        assert_int_equal(kept, cut - start);
        assert_memory_equal(tail, bytes + start, kept);
        char *whole = unit_file_get(path, NULL);
        assert_non_null(strstr(whole, "\"kind\":\"journal\""));
        assert_non_null(strstr(whole, strrchr(aside, '/') + 1));
        unlink(aside);
        free(whole);
        free(tail);
        free(aside);
    }
    free(bytes);
    free(path);
}

static void a_second_torn_tail_does_not_replace_the_first(void **state)
{
    struct ticking ticking;
    char *path = fixture_journal(*state);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    ticking_init(&ticking);
    for (int i = 0; i < 3; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        unit_file_put(path, bytes, length - 5 - (size_t)i);
        struct bsc_journal *journal = reopen(bsc_sys_real(), &ticking, path, NULL, &err);
        assert_non_null(journal);
        assert_true(bsc_journal_close(journal, &err));
    }
    assert_int_equal(unit_entry_count(*state), 4);
    free(bytes);
    free(path);
}

static void a_damaged_journal_is_refused_and_left_alone(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = fixture_journal(*state);
    size_t length = 0, after = 0;
    char *bytes = unit_file_get(path, &length);
    bytes[length / 2] ^= 1;
    unit_file_put(path, bytes, length);
    ticking_init(&ticking);
    int before = unit_fd_count();
    assert_null(reopen(bsc_sys_real(), &ticking, path, NULL, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, "line "));
    assert_int_equal(unit_fd_count(), before);
    char *now = unit_file_get(path, &after);
    assert_int_equal(after, length);
    assert_memory_equal(now, bytes, length);
    assert_int_equal(unit_entry_count(*state), 1);
    free(now);
    free(bytes);
    free(path);
}

/* Opens and adds a record with the n-th call failing, then again without: nothing is lost. */
static bool open_with_fault(const char *path, unsigned long call, int code, bool sticky)
{
    struct unit_sys fault;
    struct ticking ticking;
    struct bsc_err err = BSC_ERR_INIT;
    int before = unit_fd_count();
    unit_sys_init(&fault);
    unit_sys_fail(&fault, call, code, sticky);
    ticking_init(&ticking);
    struct bsc_journal *journal = reopen(&fault.table, &ticking, path, NULL, &err);
    if (journal == NULL)
        assert_true(err.code != BSC_ERR_NONE && err.code != BSC_ERR_DAMAGED);
    bsc_journal_close(journal, &err);
    assert_int_equal(unit_fd_count(), before);
    return fault.failed;
}

/* Returns whether there was an n-th call to fail. */
static bool tail_survives_fault(const char *bytes, size_t length, unsigned long call, int code,
                                bool sticky)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *folder = unit_folder_make();
    char *path = unit_path(folder, "journal.jsonl");
    unit_file_put(path, bytes, length);
    bool failed = open_with_fault(path, call, code, sticky);
    ticking_init(&ticking);
    struct bsc_journal *journal = reopen(bsc_sys_real(), &ticking, path, NULL, &err);
    assert_non_null(journal);
    assert_true(bsc_journal_close(journal, &err));
    assert_true(verified(path).records >= BSC_JOURNAL_KIND_MAX_ - 1);
    assert_int_equal(verified(path).fault, BSC_JOURNAL_FAULT_NONE);
    assert_true(unit_entry_count(folder) >= 2);
    free(path);
    unit_folder_remove(folder);
    return failed;
}

static void whichever_call_fails_while_a_tail_is_put_aside_it_is_not_lost(void **state)
{
    static const int codes[] = {EIO, ENOSPC, EMFILE};
    char *path = fixture_journal(*state);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (unsigned long call = 1;
             tail_survives_fault(bytes, length - 10, call, codes[i], false);)
            call++;
        for (unsigned long call = 1; tail_survives_fault(bytes, length - 10, call, codes[i], true);)
            call++;
    }
    free(bytes);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(an_open_journal_goes_on_where_it_stopped),
        UNIT_IN_FOLDER(what_was_read_under_the_same_lock_is_gone_on_from),
        UNIT_IN_FOLDER(a_journal_that_lost_what_was_read_of_it_is_refused),
        UNIT_IN_FOLDER(every_torn_tail_is_put_aside_and_told),
        UNIT_IN_FOLDER(a_second_torn_tail_does_not_replace_the_first),
        UNIT_IN_FOLDER(a_damaged_journal_is_refused_and_left_alone),
        UNIT_IN_FOLDER(whichever_call_fails_while_a_tail_is_put_aside_it_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
