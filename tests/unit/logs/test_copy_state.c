#include "practice.h"

#include "../fault_sys.h"

#include "logs/copy_state.h"
#include "logs/header.h"
#include "logs/recover.h"

static void assert_fact(const char *path, const char *key, const char *wanted)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);
    const char *found = bsc_value_get_string(facts, key);

    assert_non_null(found);
    assert_string_equal(found, wanted);
    bsc_value_free(facts);
}

static void assert_reason(const char *path, const char *part)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);
    const char *found = bsc_value_get_string(facts, "reason");

    assert_non_null(found);
    if (strstr(found, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", found, part);
    bsc_value_free(facts);
}

static int64_t fact_number(const char *path, const char *key)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);
    int64_t number = bsc_value_get_number(facts, key, -1);

    bsc_value_free(facts);
    return number;
}

static bool fact_truth(const char *path, const char *key)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);
    bool truth = bsc_value_get_truth(facts, key);

    bsc_value_free(facts);
    return truth;
}

static void no_folder_is_unreachable_and_no_file_missing(void **state)
{
    char *far = unit_path(*state, "gone/a.db"), *near = unit_path(*state, "a.db");

    assert_fact(far, "state", "unreachable");
    assert_reason(far, "does not answer");
    assert_fact(near, "state", "missing");
    assert_fact(near, "log_shipping", "none");
    assert_false(fact_truth(near, "writable"));
    free(far);
    free(near);
}

/* A primary that may be alive must not pass for a dead one because nobody lets us look. */
static void what_cannot_be_looked_at_is_unknown_not_unreachable(void **state)
{
    static const struct {
        int reason;
        const char *wanted;
    } cases[] = {{EACCES, "unknown"}, {EIO, "unknown"},        {ELOOP, "unknown"},
                 {ENOENT, "missing"}, {ESTALE, "unreachable"}, {EHOSTDOWN, "unreachable"}};
    char *path = unit_path(*state, "a.db");

    unit_file_put(path, "", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned long at = 1; at <= 3; at++) {
            struct unit_sys fault;
            unit_sys_init(&fault);
            unit_sys_fail_kind(&fault, UNIT_SYS_STAT, at, cases[i].reason, true);
            struct bsc_value *facts = bsc_logs_copy_state(&fault.table, path);
            const char *found = bsc_value_get_string(facts, "state");
            bool no_folder = cases[i].reason == ENOENT && at != 2;
            assert_string_equal(found, no_folder ? "unreachable" : cases[i].wanted);
            bsc_value_free(facts);
        }
    }
    free(path);
}

static void clients_can_write_to_a_database_with_a_damaged_sidecar(void **state)
{
    char *path = unit_path(*state, "a.db"), *sidecar = unit_path(*state, "a.db.state");
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "CREATE TABLE message(id INTEGER)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    unit_file_put(sidecar, "{", 1);
    assert_fact(path, "state", "damaged");
    assert_true(fact_truth(path, "writable"));
    free(path);
    free(sidecar);
}

static void a_database_that_is_not_ours_is_online_without_identity(void **state)
{
    char *path = unit_path(*state, "a.db");
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    practice_sql(db, "CREATE TABLE message(id INTEGER)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_fact(path, "state", "online");
    assert_fact(path, "database_id", "");
    assert_true(fact_truth(path, "writable"));
    assert_int_equal(fact_number(path, "page_size"), 4096);
    free(path);
}

static void a_restoring_copy_says_how_far_it_has_come(void **state)
{
    struct practice site;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    practice_back_up(&site);
    assert_fact(site.copy, "state", "restoring");
    assert_false(fact_truth(site.copy, "writable"));
    assert_int_equal(fact_number(site.copy, "lsn"), site.files[0].first_lsn);
    practice_apply(&site);
    assert_int_equal(fact_number(site.copy, "lsn"), site.files[0].last_lsn);
    practice_close(&site);
}

static void the_lsn_of_a_primary_counts_what_is_in_its_log(void **state)
{
    struct practice site;
    int64_t before;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    practice_back_up(&site);
    before = fact_number(site.primary, "lsn");
    assert_int_equal(before, site.files[0].last_lsn);
    practice_commit(&site, 2);
    assert_true(fact_number(site.primary, "lsn") > before);
    before = fact_number(site.primary, "lsn");
    practice_back_up(&site);
    assert_int_equal(before, site.files[1].last_lsn);
    assert_fact(site.primary, "state", "online");
    practice_close(&site);
}

static void a_job_makes_log_shipping_configured(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_job job;

    practice_open(&site, *state);
    job = (struct bsc_logs_job){.share = site.share, .destination = *state, .interval_ms = 1};
    assert_fact(site.copy, "log_shipping", "none");
    assert_true(bsc_logs_job_save(bsc_sys_real(), site.copy, &job, &err));
    assert_fact(site.copy, "log_shipping", "configured");
    practice_close(&site);
}

static void a_header_and_a_sidecar_that_disagree_are_damage(void **state)
{
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    char *sidecar = NULL;

    practice_open(&site, *state);
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site.copy, BSC_LOGS_MARK_WAL, &err));
    assert_fact(site.copy, "state", "damaged");
    assert_reason(site.copy, "its header says wal, its sidecar restoring");
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site.copy, BSC_LOGS_MARK_RESTORING, &err));
    sidecar = bsc_logs_path_state(site.copy);
    assert_int_equal(unlink(sidecar), 0);
    assert_fact(site.copy, "state", "damaged");
    assert_reason(site.copy, "no sidecar");
    unit_file_put(sidecar, "{}", 2);
    assert_fact(site.copy, "state", "damaged");
    unit_file_put(site.copy, "rubbish", 7);
    assert_fact(site.copy, "state", "damaged");
    free(sidecar);
    practice_close(&site);
}

static void an_interrupted_recovery_is_still_restoring(void **state)
{
    struct practice site;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.copy, &sidecar, &err));
    sidecar.role = BSC_LOGS_PRIMARY;
    assert_true(bsc_logs_state_save(bsc_sys_real(), site.copy, &sidecar, &err));
    assert_fact(site.copy, "state", "restoring");
    assert_reason(site.copy, "recovery was interrupted");
    assert_true(bsc_logs_db_header_set(bsc_sys_real(), site.copy, BSC_LOGS_MARK_STANDBY, &err));
    assert_fact(site.copy, "state", "standby");
    assert_reason(site.copy, "recovery was interrupted");
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

static void a_recovered_copy_is_online_at_its_lsn(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    practice_back_up(&site);
    practice_apply(&site);
    assert_true(bsc_logs_recover(bsc_sys_real(), site.copy, NULL, &recovered, &err));
    assert_fact(site.copy, "state", "online");
    assert_fact(site.copy, "fork", recovered.fork);
    assert_int_equal(fact_number(site.copy, "lsn"), recovered.lsn);
    practice_close(&site);
}

static void assert_no_fact(const char *path, const char *key)
{
    struct bsc_value *facts = bsc_logs_copy_state(bsc_sys_real(), path);

    assert_null(bsc_value_get(facts, key));
    bsc_value_free(facts);
}

static void a_copy_says_where_it_was_brought_online_however_far_it_has_come(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    sqlite3 *db = NULL;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    practice_back_up(&site);
    practice_apply(&site);
    assert_no_fact(site.primary, "recovered_lsn");
    assert_no_fact(site.copy, "recovered_lsn");
    assert_true(bsc_logs_recover(bsc_sys_real(), site.copy, NULL, &recovered, &err));
    assert_int_equal(fact_number(site.copy, "recovered_lsn"), recovered.lsn);
    /* The last client to leave takes the log with it, and nobody has counted what was in it. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sqlite3_open(site.copy, &db), SQLITE_OK);
        practice_sql(db, "INSERT INTO message(text) VALUES ('after')");
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
    }
    assert_true(bsc_logs_shipping_begin(bsc_sys_real(), site.copy, &err));
    assert_fact(site.copy, "state", "online");
    assert_true(fact_number(site.copy, "lsn") > recovered.lsn);
    assert_int_equal(fact_number(site.copy, "recovered_lsn"), recovered.lsn);
    assert_no_fact(site.primary, "recovered_lsn");
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.copy, &sidecar, &err));
    assert_string_not_equal(sidecar.fork, recovered.fork);
    assert_int_equal(bsc_value_count(sidecar.own_forks), 1);
    assert_string_equal(bsc_value_string(bsc_value_at(sidecar.own_forks, 0)), recovered.fork);
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

static void a_copy_of_a_recovered_database_was_not_recovered_itself(void **state)
{
    struct practice site;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;

    practice_open(&site, *state);
    practice_commit(&site, 1);
    practice_back_up(&site);
    practice_apply(&site);
    assert_true(bsc_logs_recover(bsc_sys_real(), site.copy, NULL, &recovered, &err));
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.copy, &sidecar, &err));
    assert_int_equal(sidecar.parting.lsn, recovered.lsn);
    sidecar.role = BSC_LOGS_RESTORING;
    assert_true(bsc_logs_state_save(bsc_sys_real(), site.copy, &sidecar, &err));
    bsc_logs_state_release(&sidecar);
    sidecar = (struct bsc_logs_state)BSC_LOGS_STATE_INIT;
    assert_true(bsc_logs_state_load(bsc_sys_real(), site.copy, &sidecar, &err));
    assert_string_equal(sidecar.parting.fork, "");
    bsc_logs_state_release(&sidecar);
    practice_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(no_folder_is_unreachable_and_no_file_missing),
        UNIT_IN_FOLDER(what_cannot_be_looked_at_is_unknown_not_unreachable),
        UNIT_IN_FOLDER(clients_can_write_to_a_database_with_a_damaged_sidecar),
        UNIT_IN_FOLDER(a_database_that_is_not_ours_is_online_without_identity),
        UNIT_IN_FOLDER(a_restoring_copy_says_how_far_it_has_come),
        UNIT_IN_FOLDER(the_lsn_of_a_primary_counts_what_is_in_its_log),
        UNIT_IN_FOLDER(a_job_makes_log_shipping_configured),
        UNIT_IN_FOLDER(a_header_and_a_sidecar_that_disagree_are_damage),
        UNIT_IN_FOLDER(an_interrupted_recovery_is_still_restoring),
        UNIT_IN_FOLDER(a_recovered_copy_is_online_at_its_lsn),
        UNIT_IN_FOLDER(a_copy_says_where_it_was_brought_online_however_far_it_has_come),
        UNIT_IN_FOLDER(a_copy_of_a_recovered_database_was_not_recovered_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
