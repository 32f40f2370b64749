#include "live_unit.h"

#include <errno.h>

#include "fault_sys.h"
#include "run/record.h"

/* One change under a journal whose system calls fail on demand. */
struct attempt {
    struct rig rig;
    struct unit_sys fault;
    enum unit_sys_kind last;       /* the call before this moment that was more than a look */
    unsigned long calls_until_row; /* calls that were made when the row began; 0: it did not */
    char *target;
};

static struct attempt *attempt_of(struct rig *rig)
{
    return (struct attempt *)((char *)rig - offsetof(struct attempt, rig));
}

static void row_begins(struct rig *rig)
{
    struct attempt *attempt = attempt_of(rig);
    attempt->calls_until_row = attempt->fault.calls;
    assert_int_equal(attempt->last, UNIT_SYS_FDATASYNC);
}

/* Looks at the disk at every call: the effect may not have happened before the intent was synced.
 */
static void look(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    struct attempt *attempt = arg;
    (void)call;
    if (kind != UNIT_SYS_STAT && kind != UNIT_SYS_FSTAT)
        attempt->last = kind;
    if (attempt->calls_until_row == 0)
        assert_int_equal(access(attempt->target, F_OK), -1);
}

/* Returns whether the whole change went through. */
static bool try_change(struct attempt *attempt, const char *folder, unsigned long fail_at, int code,
                       bool sticky)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct rig *rig = &attempt->rig;
    char *source = unit_path(folder, "from");
    attempt->target = unit_path(folder, "to");
    attempt->calls_until_row = 0;
    unit_file_put(source, "hello", 5);
    unlink(attempt->target);
    rig_open_base(rig, folder);
    unlink(rig->journal_path);
    unit_sys_init(&attempt->fault);
    attempt->fault.before = look;
    attempt->fault.before_arg = attempt;
    unit_sys_fail(&attempt->fault, fail_at, code, sticky);
    rig->change_begun = row_begins;
    const struct bsc_value *reply = NULL;
    if (rig_journal(rig, &attempt->fault.table, &err)) {
        reply =
            rig_change(rig, from_json("{'op':'change','resource':'file:%s','row':'file.copy',"
                                      "'statement':'copy','args':{'from':'%s','to':'%s'},"
                                      "'becomes':{'file:%s':{'exists':true}}}",
                                      attempt->target, source, attempt->target, attempt->target));
        if (reply != NULL)
            assert_word(reply, "outcome", "changed");
        else
            assert_true(rig->err.message[0] != '\0');
    } else {
        assert_true(err.message[0] != '\0');
    }
    free(source);
    return reply != NULL;
}

static void attempt_end(struct attempt *attempt)
{
    rig_close(&attempt->rig);
    free(attempt->target);
}

static bool has_kind(const char *path, const char *kind)
{
    struct bsc_value *records = rig_records(path);
    bool found = false;
    for (size_t i = 0; i < bsc_value_count(records); i++)
        found = found || strcmp(bsc_value_get_string(bsc_value_at(records, i), "kind"), kind) == 0;
    bsc_value_free(records);
    return found;
}

static void fail_each(void **state, int code, bool sticky)
{
    struct attempt attempt;
    assert_true(try_change(&attempt, *state, 0, 0, false));
    unsigned long until_row = attempt.calls_until_row;
    unsigned long all = attempt.fault.calls;
    assert_true(until_row > 0 && all > until_row);
    attempt_end(&attempt);
    for (unsigned long n = 1; n <= all; n++) {
        int fds = unit_fd_count();
        bool whole = try_change(&attempt, *state, n, code, sticky);
        assert_true(attempt.fault.failed);
        /* Room refused once may be there in a smaller piece, and for an outcome without its value;
         * closing a folder loses nothing. */
        enum unit_sys_kind kind = attempt.fault.failed_kind;
        bool outcome = kind == UNIT_SYS_WRITE && code == ENOSPC && n > until_row;
        if (whole && kind != UNIT_SYS_FALLOCATE && kind != UNIT_SYS_CLOSE && !outcome)
            fail_msg("call %lu, %s, was ignored", n, unit_sys_name(kind));
        bool there = access(attempt.target, F_OK) == 0;
        assert_int_equal(there, whole || n > until_row);
        if (there)
            assert_true(has_kind(attempt.rig.journal_path, "intent"));
        attempt_end(&attempt);
        assert_int_equal(unit_fd_count(), fds);
    }
}

static void no_effect_without_a_durable_intent_when_one_call_fails(void **state)
{
    fail_each(state, EIO, false);
    fail_each(state, ENOSPC, false);
}

static void no_effect_without_a_durable_intent_when_the_disk_is_gone(void **state)
{
    fail_each(state, EIO, true);
    fail_each(state, ENOSPC, true);
}

/* What a run writes besides its changes. */
static void records_that_cannot_be_written_stop_the_run(void **state)
{
    static const char *const effects[] = {"{'op':'now'}", "{'op':'note','kind':'info','text':'t'}",
                                          "{'op':'ask','title':'t','lines':[]}",
                                          "{'op':'observe','resource':'none:x'}"};
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        struct attempt attempt;
        struct bsc_err err = BSC_ERR_INIT;
        rig_open_base(&attempt.rig, *state);
        unlink(attempt.rig.journal_path);
        unit_sys_init(&attempt.fault);
        assert_true(rig_journal(&attempt.rig, &attempt.fault.table, &err));
        rig_plan(&attempt.rig, bsc_value_list());
        unit_sys_fail(&attempt.fault, attempt.fault.calls + 1, EIO, true);
        struct bsc_value *effect = from_json("%s", effects[i]);
        assert_null(rig_perform(&attempt.rig, effect));
        assert_contains(attempt.rig.err.message, "journal");
        assert_string_equal(attempt.rig.told.data, "");
        bsc_value_free(effect);
        rig_close(&attempt.rig);
    }
}

static void a_full_disk_leaves_room_for_the_end_of_the_run(void **state)
{
    struct attempt attempt;
    struct bsc_err err = BSC_ERR_INIT;
    rig_open_base(&attempt.rig, *state);
    unit_sys_init(&attempt.fault);
    assert_true(rig_journal(&attempt.rig, &attempt.fault.table, &err));
    rig_plan(&attempt.rig, bsc_value_list());
    unit_sys_fail_kind(&attempt.fault, UNIT_SYS_WRITE, attempt.fault.counts[UNIT_SYS_WRITE] + 1,
                       ENOSPC, false);
    struct bsc_value *effect = from_json("{'op':'now'}");
    struct bsc_value *summary = from_json("{'text':'disk full'}");
    assert_null(rig_perform(&attempt.rig, effect));
    assert_int_equal(attempt.rig.err.code, BSC_ERR_NO_SPACE);
    assert_true(bsc_run_record_end(attempt.rig.journal, "halted", 1, summary, &err));
    rig_assert_kinds(attempt.rig.journal_path, "run_end");
    bsc_value_free(summary);
    bsc_value_free(effect);
    rig_close(&attempt.rig);
}

/* Fills the journal up to its reserve. */
static void fill(struct attempt *attempt)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *note = from_json("{'kind':'info','text':'t','data':null}");
    unit_sys_fail_kind(&attempt->fault, UNIT_SYS_FALLOCATE,
                       attempt->fault.counts[UNIT_SYS_FALLOCATE] + 1, ENOSPC, true);
    while (bsc_run_record_note(attempt->rig.journal, 1, note, &err))
        continue;
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    bsc_value_free(note);
}

/* How the last outcome in the journal was recorded; returns owned. */
static struct bsc_value *last_outcome(const char *path)
{
    struct bsc_value *records = rig_records(path), *found = NULL;
    for (size_t i = bsc_value_count(records); i-- > 0 && found == NULL;) {
        const struct bsc_value *record = bsc_value_at(records, i);
        if (strcmp(bsc_value_get_string(record, "kind"), "outcome") == 0)
            found = bsc_value_copy(bsc_value_get(record, "payload"));
    }
    bsc_value_free(records);
    assert_non_null(found);
    return found;
}

static void a_full_disk_takes_what_became_of_a_change_if_need_be_without_its_value(void **state)
{
    static const size_t lengths[] = {10, 30000, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct attempt attempt;
        struct bsc_err err = BSC_ERR_INIT;
        rig_open_base(&attempt.rig, *state);
        unlink(attempt.rig.journal_path);
        unit_sys_init(&attempt.fault);
        assert_true(rig_journal(&attempt.rig, &attempt.fault.table, &err));
        fill(&attempt);
        char *text = bsc_mem_new(lengths[i] + 1, 1);
        memset(text, 'x', lengths[i]);
        struct bsc_value *result = bsc_value_text(text), *summary = from_json("{'text':'full'}");
        const struct bsc_run_record_change change = {.number = 1};
        assert_true(
            bsc_run_record_outcome(attempt.rig.journal, &change, "changed", result, NULL, 7, &err));
        assert_true(bsc_run_record_end(attempt.rig.journal, "halted", 1, summary, &err));
        struct bsc_value *outcome = last_outcome(attempt.rig.journal_path);
        assert_string_equal(bsc_value_get_string(outcome, "outcome"), "changed");
        bool cut = lengths[i] > 50000;
        assert_int_equal(bsc_value_get_truth(outcome, "cut"), cut);
        assert_int_equal(bsc_value_string_length(bsc_value_get(outcome, "result")),
                         cut ? 0 : lengths[i]);
        bsc_value_free(outcome);
        bsc_value_free(summary);
        bsc_value_free(result);
        bsc_mem_free(text);
        rig_close(&attempt.rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(no_effect_without_a_durable_intent_when_one_call_fails),
        UNIT_IN_FOLDER(no_effect_without_a_durable_intent_when_the_disk_is_gone),
        UNIT_IN_FOLDER(records_that_cannot_be_written_stop_the_run),
        UNIT_IN_FOLDER(a_full_disk_leaves_room_for_the_end_of_the_run),
        UNIT_IN_FOLDER(a_full_disk_takes_what_became_of_a_change_if_need_be_without_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
