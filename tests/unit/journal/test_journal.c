#include "unit.h"

#include <errno.h>

#include "base/mem.h"
#include "fault_sys.h"
#include "fixture.h"
#include "journal/journal_int.h"
#include "journal/reader.h"

static struct bsc_journal *journal_new(const struct bsc_sys *sys, struct ticking *ticking,
                                       struct bsc_redactor *redactor, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_journal_options options = {sys, &ticking->clock, redactor, path, false};
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    assert_non_null(journal);
    return journal;
}

static void the_journal_is_byte_for_byte_the_golden_one(void **state)
{
    char *path = fixture_journal(*state);
    size_t length = 0, golden_length = 0;
    char *bytes = unit_file_get(path, &length);
    if (getenv("BSC_UPDATE_GOLDEN") != NULL)
        unit_file_put(BSC_UNIT_GOLDEN, bytes, length);
    char *golden = unit_file_get(BSC_UNIT_GOLDEN, &golden_length);
    assert_non_null(golden);
    assert_int_equal(length, golden_length);
    assert_memory_equal(bytes, golden, length);
    free(bytes);
    free(golden);
    free(path);
}

/* The text between the first line that has `mark` and the line end after it. */
static char *line_with(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    assert_non_null(at);
    while (at > text && at[-1] != '\n')
        at--;
    return strndup(at, strcspn(at, "\n"));
}

static void the_recipe_of_the_documentation_prints_the_hash(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *fifth = NULL;
    char printed[256] = {0};
    char *path = fixture_journal(*state);
    char *doc = unit_file_get(BSC_UNIT_DOC, NULL);
    assert_non_null(doc);
    char *recipe = line_with(doc, "sha256sum");
    assert_non_null(strstr(recipe, "5p journal.jsonl"));
    char *command = NULL;
    assert_true(asprintf(&command, "cd '%s' && %s", (char *)*state, recipe) > 0);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(printed, sizeof printed, pipe));
    assert_int_equal(pclose(pipe), 0);
    char *text = unit_file_get(path, NULL);
    char *line = line_with(text, "\"seq\":5,");
    fifth = bsc_json_parse("line", line, strlen(line), &err);
    assert_memory_equal(printed, bsc_value_get_string(fifth, "hash"), 64);
    bsc_value_free(fifth);
    free(line);
    free(text);
    free(command);
    free(recipe);
    free(doc);
    free(path);
}

static void a_journal_is_private_and_never_made_twice(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct stat info = {0};
    struct ticking ticking;
    ticking_init(&ticking);
    char *path = fixture_journal(*state);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    const struct bsc_journal_options options = {bsc_sys_real(), &ticking.clock, NULL, path, false};
    assert_null(bsc_journal_create(&options, &err));
    assert_int_equal(err.code, BSC_ERR_EXISTS);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size > 0);
    free(path);
}

static void a_record_that_lacks_a_key_is_not_written(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    struct bsc_journal *journal = journal_new(bsc_sys_real(), &ticking, NULL, path);
    struct bsc_value *payload = fixture_value("{\"kind\":\"info\",\"data\":null}");
    assert_false(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, true, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_non_null(strstr(err.message, "'text'"));
    assert_int_equal(bsc_journal_seq(journal), 0);
    assert_int_equal(bsc_journal_bytes(journal), 0);
    bsc_value_set_text(payload, "text", "now it is whole");
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, true, &err));
    assert_int_equal(bsc_journal_seq(journal), 1);
    bsc_value_free(payload);
    assert_true(bsc_journal_close(journal, &err));
    free(path);
}

static void what_is_nested_too_deeply_to_be_read_is_not_written(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    struct bsc_journal *journal = journal_new(bsc_sys_real(), &ticking, NULL, path);
    struct bsc_value *payload = fixture_value("{\"kind\":\"info\",\"text\":\"t\",\"data\":null}");
    struct bsc_value *deep = bsc_value_list();
    for (int i = 0; i < 70; i++) {
        struct bsc_value *outer = bsc_value_list();
        bsc_value_append(outer, deep);
        deep = outer;
    }
    bsc_value_set(payload, "data", deep);
    assert_false(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, true, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    bsc_value_free(payload);
    assert_true(bsc_journal_close(journal, &err));
    unit_assert_file(path, "");
    free(path);
}

static void any_text_can_be_recorded_and_verifies(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    struct bsc_journal *journal = journal_new(bsc_sys_real(), &ticking, NULL, path);
    for (int c = 0; c < 256; c++) {
        const char text[] = {'a', (char)c, 'b'};
        char key[] = {'k', c == 0 ? '0' : (char)(c < 0x80 ? c : 'x'), '\0'};
        struct bsc_value *payload = bsc_value_map(), *data = bsc_value_map();
        bsc_value_set_text(payload, "kind", "info");
        bsc_value_set(payload, "text", bsc_value_bytes(text, sizeof text));
        bsc_value_set_int(data, key, INT64_MIN + c);
        bsc_value_set_int(data, "k\"", INT64_MAX - c);
        bsc_value_set_bool(data, "k\x01", true);
        bsc_value_set_text(data, "k\xC3\xA9", "\xE2\x80\x94 \xF0\x9F\x98\x80");
        bsc_value_set(payload, "data", data);
        assert_true(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, false, &err));
        bsc_value_free(payload);
    }
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.records, 256);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_NONE);
    free(path);
}

static void a_journal_that_somebody_takes_away_ends_the_run(void **state)
{
    for (int shortened = 0; shortened < 2; shortened++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct ticking ticking;
        char *path = unit_path(*state, shortened ? "shortened.jsonl" : "removed.jsonl");
        ticking_init(&ticking);
        struct bsc_journal *journal = journal_new(bsc_sys_real(), &ticking, NULL, path);
        struct bsc_value *note = fixture_value("{\"kind\":\"info\",\"text\":\"here\",\"data\":{}}");
        assert_true(bsc_journal_append(journal, BSC_JOURNAL_NOTE, note, true, &err));
        assert_int_equal(shortened ? truncate(path, 0) : unlink(path), 0);
        assert_false(bsc_journal_append(journal, BSC_JOURNAL_NOTE, note, true, &err));
        assert_int_equal(err.code, BSC_ERR_DAMAGED);
        assert_false(bsc_journal_append(journal, BSC_JOURNAL_NOTE, note, true, &err));
        bsc_value_free(note);
        (void)bsc_journal_close(journal, &err);
        free(path);
    }
}

static void no_secret_reaches_the_file_and_the_record_stays_json(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    struct bsc_redactor *redactor = bsc_redactor_new();
    bsc_redactor_add(redactor, "pass\"word", 9);
    bsc_redactor_add(redactor, "90210", 5);
    bsc_redactor_add(redactor, "0000", 4);
    ticking_init(&ticking);
    struct bsc_journal *journal = journal_new(bsc_sys_real(), &ticking, redactor, path);
    struct bsc_value *payload = fixture_value(
        "{\"kind\":\"info\",\"text\":\"PWD=pass\\\"word;\",\"data\":{\"n\":90210,\"m\":5,"
        "\"list\":[\"x90210y\",true],\"pass\\\"word\":null}}");
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, true, &err));
    bsc_value_free(payload);
    assert_true(bsc_journal_close(journal, &err));
    char *text = unit_file_get(path, NULL);
    assert_null(strstr(text, "word"));
    assert_null(strstr(text, "90210"));
    assert_non_null(strstr(text,
                           "\"data\":{\"[secret]\":null,\"list\":[\"x[secret]y\",true],\"m\":5,"
                           "\"n\":\"[secret]\"}"));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.records, 1);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_NONE);
    bsc_redactor_free(redactor);
    free(text);
    free(path);
}

/* A failed journal must have kept what it acknowledged, and all that is there must be good. */
static void assert_kept(const char *path, int acknowledged)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    if (access(path, F_OK) != 0) {
        assert_int_equal(acknowledged, 0);
        return;
    }
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_true(report.state == BSC_JOURNAL_OPEN || report.state == BSC_JOURNAL_ENDED ||
                report.state == BSC_JOURNAL_TORN);
    assert_true(report.records >= acknowledged);
    assert_true(report.records <= acknowledged + 1);
}

static void fail_every_call(const char *folder, int code, bool sticky, size_t length_max)
{
    char *path = unit_path(folder, "journal.jsonl");
    unsigned long call = 1;
    for (bool failed = true; failed; call++) {
        struct unit_sys fault;
        struct ticking ticking;
        struct bsc_err err = BSC_ERR_INIT;
        int before = unit_fd_count();
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, code, sticky);
        fault.length_max = length_max;
        ticking_init(&ticking);
        int acknowledged = fixture_write(&fault.table, &ticking, path, &err);
        failed = fault.failed;
        bool harmless = acknowledged == BSC_JOURNAL_KIND_MAX_;
        assert_true(harmless || (err.code != BSC_ERR_NONE && err.message[0] != '\0'));
        assert_kept(path, acknowledged);
        assert_int_equal(unit_fd_count(), before);
        unlink(path);
    }
    assert_true(call > 2 * BSC_JOURNAL_KIND_MAX_); /* a write and a sync for each record */
    free(path);
}

static void whichever_call_fails_what_was_acknowledged_stays(void **state)
{
    static const int codes[] = {EIO, ENOSPC, EINTR, EMFILE, ENOMEM, EDQUOT};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        fail_every_call(*state, codes[i], false, 0);
        if (codes[i] != EINTR) /* a call that is always interrupted is tried for ever */
            fail_every_call(*state, codes[i], true, 0);
    }
}

static void short_writes_are_completed_or_cut_off(void **state)
{
    fail_every_call(*state, ENOSPC, false, 100);
    fail_every_call(*state, EIO, true, 100);
}

static void a_signal_while_it_is_closed_is_nothing(void **state)
{
    static const struct {
        int error;
        bool closed;
    } cases[] = {{EINTR, true}, {EIO, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct unit_sys fault;
        struct ticking ticking;
        char *path = unit_path(*state, i == 0 ? "one.jsonl" : "two.jsonl");
        ticking_init(&ticking);
        unit_sys_init(&fault);
        struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
        assert_true(fixture_append(journal, BSC_JOURNAL_RUN_BEGIN, true, &err));
        unit_sys_fail_kind(&fault, UNIT_SYS_CLOSE, fault.counts[UNIT_SYS_CLOSE] + 1, cases[i].error,
                           false);
        assert_int_equal(bsc_journal_close(journal, &err), cases[i].closed);
        free(path);
    }
}

static void a_sync_that_failed_is_never_tried_again(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_FDATASYNC, 2, EIO, false);
    struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
    assert_true(fixture_append(journal, BSC_JOURNAL_RUN_BEGIN, true, &err));
    assert_false(fixture_append(journal, BSC_JOURNAL_INTENT, true, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    unsigned long writes = fault.counts[UNIT_SYS_WRITE];
    for (int i = 0; i < 3; i++) {
        err = (struct bsc_err)BSC_ERR_INIT;
        assert_false(fixture_append(journal, BSC_JOURNAL_OUTCOME, true, &err));
        assert_int_equal(err.code, BSC_ERR_IO);
        assert_non_null(strstr(err.message, "takes no further record"));
        assert_non_null(strstr(err.cause, "durable"));
        assert_false(bsc_journal_sync(journal, &err));
    }
    struct bsc_value *end = fixture_value(fixture_payload(BSC_JOURNAL_RUN_END));
    assert_false(bsc_journal_append_final(journal, BSC_JOURNAL_RUN_END, end, &err));
    bsc_value_free(end);
    assert_int_equal(fault.counts[UNIT_SYS_WRITE], writes);
    assert_int_equal(fault.counts[UNIT_SYS_FDATASYNC], 2);
    bsc_journal_close(journal, &err);
    assert_int_equal(fault.counts[UNIT_SYS_FDATASYNC], 2);
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_true(report.records >= 1);
    free(path);
}

static void a_record_is_one_write_and_is_synced_only_when_asked(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
    unsigned long opens = fault.counts[UNIT_SYS_OPEN];
    for (int i = 0; i < 10; i++)
        assert_true(fixture_append(journal, BSC_JOURNAL_NOTE, false, &err));
    assert_int_equal(fault.counts[UNIT_SYS_WRITE], 10);
    assert_int_equal(fault.counts[UNIT_SYS_FDATASYNC], 0);
    assert_true(bsc_journal_sync(journal, &err));
    assert_true(bsc_journal_sync(journal, &err));
    assert_int_equal(fault.counts[UNIT_SYS_FDATASYNC], 1);
    assert_int_equal(fault.counts[UNIT_SYS_OPEN], opens);
    assert_true(bsc_journal_close(journal, &err));
    assert_int_equal(fault.counts[UNIT_SYS_FDATASYNC], 1);
    free(path);
}

static void a_full_disk_still_takes_the_last_record(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
    unit_sys_fail_kind(&fault, UNIT_SYS_FALLOCATE, 2, ENOSPC, true);
    int written = 0;
    while (written < 100000 && fixture_append(journal, BSC_JOURNAL_NOTE, false, &err))
        written++;
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    /* What is still allocated behind the last record is the reserve. */
    int64_t left = BSC_JOURNAL_CHUNK - bsc_journal_bytes(journal);
    assert_true(left >= BSC_JOURNAL_RESERVE && left < BSC_JOURNAL_RESERVE + 1024);
    struct bsc_value *end = fixture_value(fixture_payload(BSC_JOURNAL_RUN_END));
    assert_true(bsc_journal_append_final(journal, BSC_JOURNAL_RUN_END, end, &err));
    bsc_value_free(end);
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    assert_int_equal(report.records, written + 1);
    free(path);
}

/* An outcome whose value has so many bytes. */
static struct bsc_value *outcome_of(size_t bytes)
{
    struct bsc_value *payload = fixture_value(fixture_payload(BSC_JOURNAL_OUTCOME));
    char *text = bsc_mem_new(bytes + 1, 1);
    memset(text, 'x', bytes);
    bsc_value_set_text(payload, "result", text);
    bsc_mem_free(text);
    return payload;
}

static void a_full_disk_still_takes_what_became_of_the_changes_under_way(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
    unit_sys_fail_kind(&fault, UNIT_SYS_FALLOCATE, 2, ENOSPC, true);
    while (fixture_append(journal, BSC_JOURNAL_NOTE, false, &err))
        continue;
    struct bsc_value *small = outcome_of(10);
    struct bsc_value *large = outcome_of(BSC_JOURNAL_RESERVE - BSC_JOURNAL_RESERVE_END);
    assert_false(bsc_journal_append_settled(journal, BSC_JOURNAL_OUTCOME, large, true, &err));
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    int settled = 0;
    while (bsc_journal_append_settled(journal, BSC_JOURNAL_OUTCOME, small, true, &err))
        settled++;
    assert_true(settled > 10);
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    int64_t left = BSC_JOURNAL_CHUNK - bsc_journal_bytes(journal);
    assert_true(left >= BSC_JOURNAL_RESERVE_END && left < BSC_JOURNAL_RESERVE_END + 1024);
    struct bsc_value *end = fixture_value(fixture_payload(BSC_JOURNAL_RUN_END));
    assert_true(bsc_journal_append_final(journal, BSC_JOURNAL_RUN_END, end, &err));
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    bsc_value_free(end);
    bsc_value_free(small);
    bsc_value_free(large);
    free(path);
}

static void a_file_system_that_cannot_reserve_is_good_enough(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_FALLOCATE, 1, EOPNOTSUPP, true);
    assert_int_equal(fixture_write(&fault.table, &ticking, path, &err), BSC_JOURNAL_KIND_MAX_);
    assert_int_equal(err.code, BSC_ERR_NONE);
    assert_int_equal(fault.counts[UNIT_SYS_FALLOCATE], 1);
    free(path);
}

static void room_that_ran_out_in_a_write_leaves_the_journal_usable(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct unit_sys fault;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    unit_sys_init(&fault);
    struct bsc_journal *journal = journal_new(&fault.table, &ticking, NULL, path);
    fault.length_max = 100; /* the record is cut short first, then there is no room */
    unit_sys_fail_kind(&fault, UNIT_SYS_WRITE, 2, ENOSPC, false);
    assert_false(fixture_append(journal, BSC_JOURNAL_NOTE, true, &err));
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    unit_assert_file(path, "");
    assert_true(fixture_append(journal, BSC_JOURNAL_NOTE, true, &err));
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.records, 1);
    assert_int_equal(report.state, BSC_JOURNAL_OPEN);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_journal_is_byte_for_byte_the_golden_one),
        UNIT_IN_FOLDER(the_recipe_of_the_documentation_prints_the_hash),
        UNIT_IN_FOLDER(a_journal_is_private_and_never_made_twice),
        UNIT_IN_FOLDER(a_record_that_lacks_a_key_is_not_written),
        UNIT_IN_FOLDER(what_is_nested_too_deeply_to_be_read_is_not_written),
        UNIT_IN_FOLDER(any_text_can_be_recorded_and_verifies),
        UNIT_IN_FOLDER(a_journal_that_somebody_takes_away_ends_the_run),
        UNIT_IN_FOLDER(no_secret_reaches_the_file_and_the_record_stays_json),
        UNIT_IN_FOLDER(whichever_call_fails_what_was_acknowledged_stays),
        UNIT_IN_FOLDER(short_writes_are_completed_or_cut_off),
        UNIT_IN_FOLDER(a_signal_while_it_is_closed_is_nothing),
        UNIT_IN_FOLDER(a_sync_that_failed_is_never_tried_again),
        UNIT_IN_FOLDER(a_record_is_one_write_and_is_synced_only_when_asked),
        UNIT_IN_FOLDER(a_full_disk_still_takes_the_last_record),
        UNIT_IN_FOLDER(a_full_disk_still_takes_what_became_of_the_changes_under_way),
        UNIT_IN_FOLDER(a_file_system_that_cannot_reserve_is_good_enough),
        UNIT_IN_FOLDER(room_that_ran_out_in_a_write_leaves_the_journal_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
