#include "standing_unit.h"

#include <errno.h>
#include <signal.h>

#include "fault_sys.h"
#include "orphan.h"
#include "os/process.h"
#include "run/outcome.h"

#define ID "20261120-231501-failover-a3f2"

static void assert_stand(const struct notes *notes, const char *word)
{
    struct bsc_run_standing standing = {0};
    read_on(&standing, notes);
    assert_string_equal(bsc_run_stand_name(standing.stand), word);
    bsc_run_standing_release(&standing);
}

static void a_run_stands_as_its_end_says(void **state)
{
    static const char *const words[] = {"done", "halted", "refused", "cancelled", "parked"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct notes notes;
        char *id = bsc_mem_format("20261120-23150%zu-failover-a3f2", i);
        notes_begin(&notes, *state, id);
        notes_run(&notes, "run");
        notes_run_end(&notes, words[i], 3);
        assert_stand(&notes, words[i]);
        notes_end(&notes);
        bsc_mem_free(id);
    }
}

static void only_the_lock_tells_a_live_run_from_one_whose_process_is_gone(void **state)
{
    struct notes notes;
    notes_begin(&notes, *state, ID);
    assert_stand(&notes, "not begun");
    struct bsc_journal_lock *lock = lock_for(&notes, ID);
    assert_stand(&notes, "running");
    notes_run(&notes, "run");
    assert_stand(&notes, "running");
    bsc_journal_lock_free(lock);
    assert_stand(&notes, "interrupted");
    lock = lock_for(&notes, "20261120-231502-another-0000");
    assert_stand(&notes, "interrupted");
    bsc_journal_lock_free(lock);
    notes_end(&notes);
}

static void a_run_goes_on_while_a_program_outlives_its_process(void **state)
{
    struct notes notes;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    struct bsc_journal_lock *lock = lock_for(&notes, ID);
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_is_orphaned(&standing));
    bsc_journal_lock_free(lock);
    pid_t orphan = orphan_start(notes.folder.runs, ID, false);
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_RUNNING);
    assert_true(bsc_run_standing_is_orphaned(&standing));
    assert_true(bsc_process_end(orphan, SIGKILL, 5000, &err));
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_INTERRUPTED);
    assert_false(bsc_run_standing_is_orphaned(&standing));
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_folder_without_a_journal_is_a_run_that_never_began(void **state)
{
    struct notes notes;
    notes_begin(&notes, *state, ID);
    fixture_close(notes.journal);
    notes.journal = NULL;
    assert_int_equal(unlink(notes.folder.journal), 0);
    assert_stand(&notes, "not begun");
    notes_end(&notes);
}

/* Wherever the file is cut, it is the torn tail of a live run or of a dead one, and never damage;
 * one byte that is changed before the last record is. */
static void a_torn_tail_does_not_count(void **state)
{
    struct notes notes;
    size_t length = 0;
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_change(&notes, 1, 1);
    char *bytes = unit_file_get(notes.folder.journal, &length);
    struct bsc_journal_lock *lock = lock_for(&notes, ID);
    for (size_t cut = 1; cut <= length; cut += 97) {
        unit_file_put(notes.folder.journal, bytes, cut);
        assert_stand(&notes, "running");
    }
    bsc_journal_lock_free(lock);
    unit_file_put(notes.folder.journal, bytes, length > 0 ? length - 1 : 0);
    assert_stand(&notes, "interrupted");
    bytes[200] ^= 1;
    unit_file_put(notes.folder.journal, bytes, length);
    assert_stand(&notes, "damaged");
    free(bytes);
    notes_end(&notes);
}

static void what_was_done_and_what_is_under_way_is_told(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_change(&notes, 1, 1);
    notes_item(&notes, 2);
    notes_intent(&notes, 2, 2);
    read_on(&standing, &notes);
    assert_int_equal(bsc_run_standing_done(&standing), 1);
    assert_int_equal(standing.items_all, 3);
    assert_int_equal(standing.changes, 1);
    assert_int_equal(standing.item, 2);
    const struct bsc_run_standing_item *first = bsc_run_standing_item(&standing, 1);
    assert_string_equal(first->title, "Item 1");
    assert_string_equal(first->outcome, "changed");
    assert_int_equal(first->end_ms - first->begin_ms, 3000);
    assert_int_equal(first->changes, 1);
    assert_null(bsc_run_standing_item(&standing, 2)->outcome);
    assert_null(bsc_run_standing_item(&standing, 3));
    assert_null(bsc_run_standing_item(&standing, 0));
    assert_string_equal(bsc_value_get_string(standing.in_flight, "statement"), "statement 2");
    assert_false(bsc_run_standing_is_past_return(&standing));
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_question_without_an_answer_is_told_and_its_time_is_not_the_items(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 1);
    fixture_append(notes.journal, BSC_JOURNAL_ASK,
                   "{\"item\":1,\"title\":\"Go on?\",\"lines\":[]}");
    read_on(&standing, &notes);
    assert_string_equal(bsc_value_get_string(standing.asked, "title"), "Go on?");
    fixture_append(notes.journal, BSC_JOURNAL_ANSWER,
                   "{\"item\":1,\"answer\":\"yes\",\"by\":\"anna\",\"reason\":null}");
    read_on(&standing, &notes);
    assert_null(standing.asked);
    assert_int_equal(bsc_run_standing_item(&standing, 1)->asked_ms, 1000);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void beyond_the_point_of_no_return_there_is_no_way_back(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_change(&notes, 1, 2);
    notes_item(&notes, 3);
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_is_past_return(&standing));
    notes_intent(&notes, 2, 3);
    read_on(&standing, &notes);
    assert_true(bsc_run_standing_is_past_return(&standing));
    notes_outcome(&notes, 2, "failed");
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_is_past_return(&standing));
    /* What can be taken back alone is not it. */
    fixture_append(notes.journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":3,\"item\":3,\"action\":1,\"resource\":\"pool:chat\","
                   "\"statement\":\"s\",\"row\":\"r\",\"args\":{},\"becomes\":{},"
                   "\"before\":{},\"returns\":true}");
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_is_past_return(&standing));
    notes_outcome(&notes, 3, "changed");
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_is_past_return(&standing));
    notes_intent(&notes, 4, 3);
    notes_outcome(&notes, 4, "changed");
    read_on(&standing, &notes);
    assert_true(bsc_run_standing_is_past_return(&standing));
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_point_of_no_return_is_passed_when_it_was_true_already_not_when_skipped(void **state)
{
    static const struct {
        const char *outcome;
        bool passed;
    } cases[] = {{"kept", true},
                 {"changed", true},
                 {"skipped", false},
                 {"refused", false},
                 {"failed", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct notes notes;
        struct bsc_run_standing standing = {0};
        char *id = bsc_mem_format("20261120-23150%zu-failover-a3f2", i);
        notes_begin(&notes, *state, id);
        notes_run(&notes, "run");
        notes_item(&notes, 3);
        notes_item_end(&notes, 3, cases[i].outcome);
        notes_change(&notes, 1, 4);
        read_on(&standing, &notes);
        assert_int_equal(bsc_run_standing_is_past_return(&standing), cases[i].passed);
        bsc_run_standing_release(&standing);
        notes_end(&notes);
        bsc_mem_free(id);
    }
}

static void what_may_have_been_changed_and_has_an_undo_can_be_taken_back(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 1);
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_has_way_back(&standing));
    notes_intent(&notes, 1, 1);
    notes_outcome(&notes, 1, "failed");
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_has_way_back(&standing));
    notes_intent(&notes, 2, 1);
    notes_outcome(&notes, 2, "timeout");
    read_on(&standing, &notes);
    assert_false(bsc_run_standing_has_way_back(&standing));
    fixture_append(notes.journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":3,\"item\":1,\"action\":1,\"resource\":\"pool:chat\","
                   "\"statement\":\"s\",\"row\":\"r\",\"args\":{},\"becomes\":{},"
                   "\"before\":{},\"undo\":{\"declared\":true}}");
    notes_outcome(&notes, 3, "unknown");
    read_on(&standing, &notes);
    assert_true(bsc_run_standing_has_way_back(&standing));
    assert_int_equal(standing.changes, 0);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_change_that_failed_in_its_middle_can_be_taken_back(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 1);
    fixture_append(notes.journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":1,\"item\":1,\"action\":1,\"resource\":\"homes:p.users\","
                   "\"statement\":\"s\",\"row\":\"users.move\",\"args\":{},\"becomes\":{},"
                   "\"before\":{},\"undo\":{\"declared\":true}}");
    fixture_append(notes.journal, BSC_JOURNAL_PART,
                   "{\"effect\":1,\"part\":1,\"names\":[\"a\",\"b\",\"c\"]}");
    fixture_append(notes.journal, BSC_JOURNAL_PART_END,
                   "{\"effect\":1,\"part\":1,\"moved\":2,\"others\":{\"c\":[\"failed\",\"x\"]}}");
    read_on(&standing, &notes);
    const struct bsc_value *moves = bsc_value_get(standing.in_flight, "moves");
    assert_int_equal(bsc_value_get_number(moves, "moved", 0), 2);
    assert_int_equal(bsc_value_get_number(moves, "failed", 0), 1);
    notes_outcome(&notes, 1, "failed");
    read_on(&standing, &notes);
    assert_int_equal(standing.doubts, 1);
    assert_true(bsc_run_standing_has_way_back(&standing));
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_change_that_failed_and_took_effect_all_the_same_is_counted(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 1);
    notes_intent(&notes, 1, 1);
    notes_outcome(&notes, 1, "failed");
    read_on(&standing, &notes);
    assert_int_equal(standing.changes, 0);
    notes_item_end(&notes, 1, "changed");
    notes_change(&notes, 2, 2);
    read_on(&standing, &notes);
    assert_int_equal(standing.changes, 2);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void a_run_taken_up_again_is_not_ended_any_more(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 1);
    notes_item_end(&notes, 1, "failed");
    notes_run_end(&notes, "halted", 1);
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_HALTED);
    assert_int_equal(bsc_run_standing_done(&standing), 0);
    notes_run(&notes, "resume");
    notes_change(&notes, 1, 1);
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_INTERRUPTED);
    assert_int_equal(bsc_run_standing_done(&standing), 1);
    assert_int_equal(standing.begins, 2);
    notes_run_end(&notes, "halted", 1);
    notes_run(&notes, "rollback");
    notes_item(&notes, 1);
    notes_item_end(&notes, 1, "failed");
    read_on(&standing, &notes);
    assert_int_equal(standing.undone, 0);
    notes_item(&notes, 1);
    notes_item_end(&notes, 1, "changed");
    notes_run_end(&notes, "done", 0);
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_ROLLED_BACK);
    assert_int_equal(standing.undone, 1);
    assert_int_equal(standing.changes, 1);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void an_item_that_no_runbook_has_is_not_believed(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    notes_item(&notes, 2000000000);
    notes_item(&notes, -1);
    notes_item_end(&notes, 7, "changed");
    read_on(&standing, &notes);
    assert_int_equal(standing.item_count, 0);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void assert_row(const char *page, const char *word)
{
    char *row = bsc_mem_format("| `%s` |", word);
    if (strstr(page, row) == NULL)
        fail_msg("the page lacks the row %s", row);
    bsc_mem_free(row);
}

static void the_page_for_the_night_has_every_state_and_every_outcome_that_halts(void **state)
{
    static const enum bsc_outcome outcomes[] = {BSC_OUTCOME_REFUSED,     BSC_OUTCOME_FAILED,
                                                BSC_OUTCOME_DIVERGED,    BSC_OUTCOME_TIMEOUT,
                                                BSC_OUTCOME_INTERRUPTED, BSC_OUTCOME_UNKNOWN};
    char *page = unit_file_get(BSC_UNIT_STOPPED, NULL);
    (void)state;
    assert_non_null(page);
    for (int i = 0; i <= BSC_RUN_STAND_DAMAGED; i++)
        assert_row(page, bsc_run_stand_name((enum bsc_run_stand)i));
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        assert_row(page, bsc_run_outcome_name(outcomes[i]));
    free(page);
}

struct ledger {
    enum bsc_journal_kind kinds[16];
    int count;
};

static void told(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload)
{
    struct ledger *ledger = arg;
    assert_non_null(bsc_value_get_string(payload, "time"));
    UNIT_IN_RANGE(ledger->count, 0, 15);
    ledger->kinds[ledger->count++] = kind;
}

static void each_record_is_told_once_however_often_it_is_looked_at(void **state)
{
    struct notes notes;
    struct ledger ledger = {0};
    struct bsc_run_standing standing = {.told = told, .told_arg = &ledger};
    notes_begin(&notes, *state, ID);
    read_on(&standing, &notes);
    assert_int_equal(ledger.count, 0);
    notes_run(&notes, "run");
    read_on(&standing, &notes);
    read_on(&standing, &notes);
    assert_int_equal(ledger.count, 1);
    notes_change(&notes, 1, 1);
    read_on(&standing, &notes);
    assert_int_equal(ledger.count, 5);
    assert_int_equal(ledger.kinds[4], BSC_JOURNAL_ITEM_END);
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

static void looking_makes_no_call_that_changes_anything(void **state)
{
    static const enum unit_sys_kind kinds[] = {
        UNIT_SYS_WRITE,     UNIT_SYS_PWRITE,    UNIT_SYS_FTRUNCATE, UNIT_SYS_FSYNC,
        UNIT_SYS_FDATASYNC, UNIT_SYS_FALLOCATE, UNIT_SYS_LOCK,      UNIT_SYS_MKDIR,
        UNIT_SYS_RENAME,    UNIT_SYS_UNLINK,    UNIT_SYS_LINK};
    struct notes notes;
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    struct bsc_journal_lock *lock = lock_for(&notes, ID);
    int before = unit_fd_count();
    bool failed = true;
    for (unsigned long call = 1; failed; call++) {
        struct unit_sys fault;
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_run_standing standing = {0};
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        bool done = bsc_run_standing_read(&standing, &fault.table, &notes.folder, &err);
        failed = fault.failed;
        assert_true(done ? standing.stand == BSC_RUN_STAND_RUNNING : err.message[0] != '\0');
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            assert_int_equal(fault.counts[kinds[i]], 0);
        bsc_run_standing_release(&standing);
        assert_int_equal(unit_fd_count(), before);
    }
    bsc_journal_lock_free(lock);
    notes_end(&notes);
}

static void a_parked_run_says_what_it_waits_for(void **state)
{
    struct notes notes;
    struct bsc_run_standing standing = {0};
    notes_begin(&notes, *state, ID);
    notes_run(&notes, "run");
    fixture_append(notes.journal, BSC_JOURNAL_RUN_END,
                   "{\"outcome\":\"parked\",\"exit\":7,\"summary\":"
                   "{\"parked\":{\"item\":2,\"title\":\"Go?\"}}}");
    read_on(&standing, &notes);
    assert_int_equal(standing.stand, BSC_RUN_STAND_PARKED);
    const struct bsc_value *parked = bsc_run_standing_parked(&standing);
    assert_int_equal(bsc_value_get_number(parked, "item", 0), 2);
    assert_string_equal(bsc_value_get_string(parked, "title"), "Go?");
    notes_run(&notes, "resume");
    read_on(&standing, &notes);
    assert_null(bsc_run_standing_parked(&standing));
    bsc_run_standing_release(&standing);
    notes_end(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_run_stands_as_its_end_says),
        UNIT_IN_FOLDER(only_the_lock_tells_a_live_run_from_one_whose_process_is_gone),
        UNIT_IN_FOLDER(a_run_goes_on_while_a_program_outlives_its_process),
        UNIT_IN_FOLDER(a_folder_without_a_journal_is_a_run_that_never_began),
        UNIT_IN_FOLDER(a_torn_tail_does_not_count),
        UNIT_IN_FOLDER(what_was_done_and_what_is_under_way_is_told),
        UNIT_IN_FOLDER(a_question_without_an_answer_is_told_and_its_time_is_not_the_items),
        UNIT_IN_FOLDER(a_point_of_no_return_is_passed_when_it_was_true_already_not_when_skipped),
        UNIT_IN_FOLDER(what_may_have_been_changed_and_has_an_undo_can_be_taken_back),
        UNIT_IN_FOLDER(a_change_that_failed_in_its_middle_can_be_taken_back),
        UNIT_IN_FOLDER(a_change_that_failed_and_took_effect_all_the_same_is_counted),
        UNIT_IN_FOLDER(beyond_the_point_of_no_return_there_is_no_way_back),
        UNIT_IN_FOLDER(a_run_taken_up_again_is_not_ended_any_more),
        UNIT_IN_FOLDER(an_item_that_no_runbook_has_is_not_believed),
        UNIT_IN_FOLDER(the_page_for_the_night_has_every_state_and_every_outcome_that_halts),
        UNIT_IN_FOLDER(each_record_is_told_once_however_often_it_is_looked_at),
        UNIT_IN_FOLDER(looking_makes_no_call_that_changes_anything),
        UNIT_IN_FOLDER(a_parked_run_says_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
