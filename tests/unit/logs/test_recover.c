#include "practice.h"

#include "fault_sys.h"
#include "logs/header.h"
#include "logs/recover.h"

enum { CHILD_WAS_LET_IN = 77, CALLS_MAX = 2000 };

static bool recover(const struct practice *site, struct bsc_logs_recovered *ret,
                    struct bsc_err *err)
{
    return bsc_logs_recover(bsc_sys_real(), site->copy, NULL, ret, err);
}

static struct bsc_logs_state load(const char *db)
{
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_state_load(bsc_sys_real(), db, &sidecar, &err))
        fail_msg("%s", err.message);
    return sidecar;
}

static void save(const char *db, const struct bsc_logs_state *sidecar)
{
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_logs_state_save(bsc_sys_real(), db, sidecar, &err));
}

static void open_applied(struct practice *site, const char *folder)
{
    practice_open(site, folder);
    practice_commit(site, 2);
    practice_back_up(site);
    practice_apply(site);
}

static void a_recovered_copy_is_a_primary_on_a_fork_of_its_own(void **state)
{
    struct practice site;
    struct bsc_logs_state before, after;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    open_applied(&site, *state);
    before = load(site.copy);
    assert_true(recover(&site, &recovered, &err));
    after = load(site.copy);
    assert_int_equal(after.role, BSC_LOGS_PRIMARY);
    assert_string_equal(after.previous_fork, before.fork);
    assert_string_not_equal(after.fork, before.fork);
    assert_string_equal(after.database_id, before.database_id);
    assert_string_equal(recovered.fork, after.fork);
    assert_int_equal(recovered.lsn, before.lsn);
    assert_int_equal(after.fork_lsn, before.lsn);
    assert_string_equal(after.parting.fork, before.fork);
    assert_int_equal(after.parting.lsn, before.lsn);
    assert_int_equal(after.parting.time_ms, before.time_ms);
    practice_assert_same(site.primary, site.copy);
    practice_close(&site);
}

static void any_client_can_write_to_a_recovered_copy(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    sqlite3 *db = NULL;

    open_applied(&site, *state);
    assert_true(recover(&site, &recovered, &err));
    assert_int_equal(sqlite3_open(site.copy, &db), SQLITE_OK);
    practice_sql(db, "DELETE FROM message; INSERT INTO message(text) VALUES ('after')");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    practice_assert_answer(site.copy, PRACTICE_CONTENT, "1:after");
    practice_assert_answer(site.copy, "PRAGMA journal_mode", "wal");
    practice_close(&site);
}

static void what_clients_do_after_a_recovery_is_counted_from_its_lsn(void **state)
{
    struct practice site, second = {0};
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    open_applied(&site, *state);
    assert_true(recover(&site, &recovered, &err));
    second = (struct practice){.primary = bsc_mem_text(site.copy),
                               .share = bsc_mem_text(site.share),
                               .copy = unit_path(*state, "none.db")};
    assert_int_equal(sqlite3_open(second.primary, &second.app), SQLITE_OK);
    practice_sql(second.app, "PRAGMA wal_autocheckpoint=0");
    practice_commit(&second, 1);
    practice_back_up(&second);
    assert_int_equal(second.files[0].first_lsn, recovered.lsn);
    practice_close(&second);
    practice_close(&site);
}

static void recovering_twice_is_refused(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    open_applied(&site, *state);
    assert_true(recover(&site, &recovered, &err));
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "online already"));
    practice_close(&site);
}

static void a_copy_with_half_a_backup_is_refused(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    open_applied(&site, *state);
    sidecar = load(site.copy);
    sidecar.applying = true;
    sidecar.applying_first = 4711;
    sidecar.applying_last = 4712;
    save(site.copy, &sidecar);
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "4711"));
    assert_non_null(strstr(err.message, "4712"));
    assert_true(practice_is_closed(site.copy));
    practice_close(&site);
}

static void a_mirror_and_a_disagreeing_copy_are_refused(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    open_applied(&site, *state);
    sidecar = load(site.copy);
    sidecar.role = BSC_LOGS_MIRROR;
    save(site.copy, &sidecar);
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    sidecar.role = BSC_LOGS_RESTORING;
    save(site.copy, &sidecar);
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site.copy, BSC_LOGS_MARK_WAL, &err));
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    practice_close(&site);
}

static void only_open(const char *path)
{
    if (open(path, O_RDONLY) < 0)
        _exit(1);
}

static void a_copy_that_is_open_anywhere_is_refused_and_the_process_named(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *number = NULL;
    pid_t child;

    open_applied(&site, *state);
    child = practice_child(site.copy, only_open);
    number = bsc_mem_format("%d", (int)child);
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, number));
    assert_int_equal(kill(child, SIGKILL), 0);
    (void)practice_reap(child);
    assert_true(recover(&site, &recovered, &err));
    free(number);
    practice_close(&site);
}

static void an_unsound_copy_is_refused_and_stays_closed(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char garbage[4096];
    int fd;

    open_applied(&site, *state);
    memset(garbage, 0x55, sizeof garbage);
    fd = open(site.copy, O_RDWR);
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, 2 * 4096), sizeof garbage);
    assert_int_equal(close(fd), 0);
    assert_false(recover(&site, &recovered, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_true(practice_is_closed(site.copy));
    practice_close(&site);
}

static void a_log_of_an_earlier_life_is_kept_under_another_name(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *wal = NULL;
    int before;

    open_applied(&site, *state);
    wal = bsc_logs_path_wal(site.copy);
    unit_file_put(wal, "old", 3);
    before = unit_entry_count(*state);
    assert_true(recover(&site, &recovered, &err));
    assert_null(unit_file_get(wal, NULL));
    assert_int_equal(unit_entry_count(*state), before);
    practice_assert_same(site.primary, site.copy);
    free(wal);
    practice_close(&site);
}

struct crash {
    unsigned long at;
};

static void crash_here(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    const struct crash *crash = arg;

    (void)kind;
    if (call == crash->at)
        _exit(1);
}

static int recover_and_crash(const struct practice *site, unsigned long at)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct bsc_logs_recovered recovered = {0};
        struct bsc_err err = BSC_ERR_INIT;
        struct crash crash = {.at = at};
        struct unit_sys fault;

        unit_sys_init(&fault);
        fault.before = crash_here;
        fault.before_arg = &crash;
        _exit(bsc_logs_recover(&fault.table, site->copy, NULL, &recovered, &err) ? 0 : 2);
    }
    return WEXITSTATUS(practice_reap(pid));
}

/* A state in which a client may come in is one in which the sidecar says primary on a new fork. */
static void assert_settled_by_the_next_run(const struct practice *site, const char *old_fork,
                                           const char *wanted)
{
    struct bsc_logs_state sidecar = load(site->copy);
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char fork_before[BSC_LOGS_ID_HEX];

    memcpy(fork_before, sidecar.fork, sizeof fork_before);
    if (sidecar.role != BSC_LOGS_PRIMARY)
        assert_true(practice_is_closed(site->copy));
    if (!recover(site, &recovered, &err)) {
        assert_non_null(strstr(err.message, "online already"));
        assert_true(sidecar.settled.known);
    } else if (sidecar.role == BSC_LOGS_PRIMARY) {
        assert_string_equal(recovered.fork, fork_before);
    }
    sidecar = load(site->copy);
    assert_int_equal(sidecar.role, BSC_LOGS_PRIMARY);
    assert_string_equal(sidecar.previous_fork, old_fork);
    practice_assert_bytes(site->copy, wanted);
}

static void a_kill_at_any_call_is_settled_by_the_next_run(void **state)
{
    struct practice site;
    char *untouched = unit_path(*state, "untouched"), *sidecar = NULL;
    char *sidecar_untouched = unit_path(*state, "untouched.state");
    char *wanted = unit_path(*state, "wanted");
    struct bsc_logs_state before;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    int outcome = 1;
    unsigned long call = 1;

    open_applied(&site, *state);
    before = load(site.copy);
    sidecar = bsc_logs_path_state(site.copy);
    practice_copy_file(site.copy, untouched);
    practice_copy_file(sidecar, sidecar_untouched);
    assert_true(recover(&site, &recovered, &err));
    practice_copy_file(site.copy, wanted);
    for (; outcome != 0 && call < CALLS_MAX; call++) {
        practice_copy_file(untouched, site.copy);
        practice_copy_file(sidecar_untouched, sidecar);
        outcome = recover_and_crash(&site, call);
        assert_true(outcome == 0 || outcome == 1);
        assert_settled_by_the_next_run(&site, before.fork, wanted);
    }
    assert_int_equal(outcome, 0);
    assert_true(call > 20);
    free(untouched);
    free(sidecar);
    free(sidecar_untouched);
    free(wanted);
    practice_close(&site);
}

static void make_standby(const struct practice *site)
{
    struct bsc_logs_state sidecar = load(site->copy);
    struct bsc_err err = BSC_ERR_INIT;

    sidecar.role = BSC_LOGS_STANDBY;
    save(site->copy, &sidecar);
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site->copy, BSC_LOGS_MARK_STANDBY, &err));
}

static void a_standby_killed_at_any_call_is_brought_online_by_the_next_run(void **state)
{
    struct practice site;
    char *untouched = unit_path(*state, "untouched"), *sidecar = NULL;
    char *sidecar_untouched = unit_path(*state, "untouched.state");
    int outcome = 1;
    unsigned long call = 1;

    open_applied(&site, *state);
    make_standby(&site);
    sidecar = bsc_logs_path_state(site.copy);
    practice_copy_file(site.copy, untouched);
    practice_copy_file(sidecar, sidecar_untouched);
    for (; outcome != 0 && call < CALLS_MAX; call++) {
        struct bsc_logs_recovered recovered = {0};
        struct bsc_err err = BSC_ERR_INIT;

        practice_copy_file(untouched, site.copy);
        practice_copy_file(sidecar_untouched, sidecar);
        outcome = recover_and_crash(&site, call);
        if (!recover(&site, &recovered, &err) && strstr(err.message, "online already") == NULL)
            fail_msg("killed at call %lu: %s", call, err.message);
    }
    assert_int_equal(outcome, 0);
    free(untouched);
    free(sidecar);
    free(sidecar_untouched);
    practice_close(&site);
}

static void every_failing_call_is_settled_by_the_next_run(void **state)
{
    struct practice site;
    struct unit_sys fault;
    char *untouched = unit_path(*state, "untouched"), *sidecar = NULL;
    char *sidecar_untouched = unit_path(*state, "untouched.state");
    char *wanted = unit_path(*state, "wanted");
    struct bsc_logs_state before;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;
    unsigned long call = 1;

    open_applied(&site, *state);
    before = load(site.copy);
    sidecar = bsc_logs_path_state(site.copy);
    practice_copy_file(site.copy, untouched);
    practice_copy_file(sidecar, sidecar_untouched);
    assert_true(recover(&site, &recovered, &err));
    practice_copy_file(site.copy, wanted);
    for (; call < CALLS_MAX; call++) {
        int descriptors = unit_fd_count();

        practice_copy_file(untouched, site.copy);
        practice_copy_file(sidecar_untouched, sidecar);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        (void)bsc_logs_recover(&fault.table, site.copy, NULL, &recovered, &err);
        if (!fault.failed)
            break;
        assert_int_equal(unit_fd_count(), descriptors);
        assert_settled_by_the_next_run(&site, before.fork, wanted);
    }
    assert_true(call > 20 && call < CALLS_MAX);
    free(untouched);
    free(sidecar);
    free(sidecar_untouched);
    free(wanted);
    practice_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_recovered_copy_is_a_primary_on_a_fork_of_its_own),
        UNIT_IN_FOLDER(any_client_can_write_to_a_recovered_copy),
        UNIT_IN_FOLDER(what_clients_do_after_a_recovery_is_counted_from_its_lsn),
        UNIT_IN_FOLDER(recovering_twice_is_refused),
        UNIT_IN_FOLDER(a_copy_with_half_a_backup_is_refused),
        UNIT_IN_FOLDER(a_mirror_and_a_disagreeing_copy_are_refused),
        UNIT_IN_FOLDER(a_copy_that_is_open_anywhere_is_refused_and_the_process_named),
        UNIT_IN_FOLDER(an_unsound_copy_is_refused_and_stays_closed),
        UNIT_IN_FOLDER(a_log_of_an_earlier_life_is_kept_under_another_name),
        UNIT_IN_FOLDER(a_kill_at_any_call_is_settled_by_the_next_run),
        UNIT_IN_FOLDER(a_standby_killed_at_any_call_is_brought_online_by_the_next_run),
        UNIT_IN_FOLDER(every_failing_call_is_settled_by_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
