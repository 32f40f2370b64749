#include "unit.h"

#include "mirrors/pg.h"

static void assert_conninfo(struct bsc_mirrors_pg_way way, const char *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    bsc_buf_init(&out);
    way.name = "sql4";
    assert_true(bsc_mirrors_pg_conninfo(&way, &out, &err));
    assert_string_equal(out.data, expected);
    bsc_buf_release(&out);
}

static void a_connection_string_is_put_into_the_words_of_libpq(void **state)
{
    (void)state;
    assert_conninfo((struct bsc_mirrors_pg_way){.connection =
                                                    "Driver=PostgreSQL Unicode;Servername="
                                                    "/srv/a b;Port=5432;UID=bascule;"},
                    "host='/srv/a b' port='5432' user='bascule' application_name='sql4'");
    assert_conninfo((struct bsc_mirrors_pg_way){.connection = "driver={PostgreSQL};server={it's\\};"
                                                              "username={a}}b;c}; SSLmode=require",
                                                .passfile = "/d.pgpass"},
                    "host='it\\'s\\\\' user='a}b;c' sslmode='require' application_name='sql4'"
                    " passfile='/d.pgpass'");
}

static void own_words_count_instead(void **state)
{
    (void)state;
    assert_conninfo((struct bsc_mirrors_pg_way){.connection = "Servername=db1;UID=bascule",
                                                .conninfo = "host=db1.example user=replicator"},
                    "host=db1.example user=replicator application_name='sql4'");
}

static void a_connection_that_leads_nowhere_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Driver=PostgreSQL Unicode;UID=x", "", ";;", "Servername", "Servername=;Port=1", "DSN=pg"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_buf out;
        struct bsc_mirrors_pg_way way = {.connection = wrong[i], .name = "sql4"};
        bsc_buf_init(&out);
        assert_false(bsc_mirrors_pg_conninfo(&way, &out, &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
        bsc_buf_release(&out);
    }
}

static void a_connection_string_tells_where_the_server_listens(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Driver=PostgreSQL Unicode;Servername=/srv/a b;Port=6432", "/srv/a b/.s.PGSQL.6432"},
        {"SERVER=db1;UID=bascule", "db1:5432"},
        {"Servername={::1};Port=5433;", "[::1]:5433"},
        {"Servername=db1;pqopt={sslcert=/x sslkey=/y}", "db1:5432"},
        {"Servername=db1;pqopt={sslcert=/x hostaddr=10.0.0.7}", ""},
        {"Servername=db1;pqopt={port=6432}", ""},
        {"Servername=db1;D5={sslcert=/x}", ""},
        {"Driver=x;DSN=pg;Servername=db1;Port=6432", ""},
        {"Servername=db1,db2", ""},
        {"DSN=pg;Port=5433", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_buf out;
        bsc_buf_init(&out);
        assert_int_equal(bsc_mirrors_pg_address(cases[i][0], &out), cases[i][1][0] != '\0');
        assert_string_equal(out.data, cases[i][1]);
        bsc_buf_release(&out);
    }
}

/* What libpq takes from the environment says more than a string that is silent about it. */
static void the_environment_may_say_where_a_server_listens(void **state)
{
    static const char *const cases[][2] = {{"PGPORT", "Servername=db1"},
                                           {"PGHOSTADDR", "Servername=db1;Port=1"},
                                           {"PGSERVICE", "Servername=db1;Port=1"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_buf out;
        bsc_buf_init(&out);
        assert_true(bsc_mirrors_pg_address(cases[i][1], &out));
        assert_int_equal(setenv(cases[i][0], "6432", 1), 0);
        assert_false(bsc_mirrors_pg_address(cases[i][1], &out));
        assert_int_equal(unsetenv(cases[i][0]), 0);
        bsc_buf_release(&out);
    }
}

static void a_uri_is_refused_for_nothing_can_be_added_to_it(void **state)
{
    (void)state;
    static const char *const uris[] = {"postgresql://db3/?user=x", "postgres:///mgc"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_buf out;
        struct bsc_mirrors_pg_way way = {.conninfo = uris[i], .name = "sql4"};
        bsc_buf_init(&out);
        assert_false(bsc_mirrors_pg_conninfo(&way, &out, &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
        bsc_buf_release(&out);
    }
}

static void commits_are_not_left_waiting_for_one_that_does_not_answer(void **state)
{
    (void)state;
    assert_string_equal(bsc_mirrors_pg_without("sql4", ""), "");
    assert_string_equal(bsc_mirrors_pg_without("sql4", "FIRST 1 (a, b)"), "FIRST 1 (a, b)");
    assert_string_equal(bsc_mirrors_pg_without("sql4", "sql4"), "");
}

static void a_password_is_written_as_libpq_reads_it(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf out;
    bsc_buf_init(&out);
    assert_true(bsc_mirrors_pg_passfile("a:b\\c d", &out, &err));
    assert_string_equal(out.data, "*:*:*:*:a\\:b\\\\c d\n");
    bsc_buf_clear(&out);
    assert_false(bsc_mirrors_pg_passfile("two\nlines", &out, &err));
    assert_null(strstr(err.message, "two"));
    bsc_buf_release(&out);
}

static void settings_of_the_mirror_come_after_those_it_was_cloned_with(void **state)
{
    (void)state;
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_mirrors_pg_settings("work_mem = '8MB'", "host='it\\'s' x", &out);
    assert_string_equal(out.data, "work_mem = '8MB'\n"
                                  "primary_conninfo = 'host=''it\\\\''s'' x'\n"
                                  "recovery_target_timeline = 'latest'\n"
                                  "recovery_min_apply_delay = 0\n"
                                  "primary_slot_name = ''\n"
                                  "restore_command = ''\n"
                                  "recovery_target = ''\n"
                                  "recovery_target_lsn = ''\n"
                                  "recovery_target_name = ''\n"
                                  "recovery_target_time = ''\n"
                                  "recovery_target_xid = ''\n"
                                  "synchronous_standby_names = ''\n");
    bsc_buf_clear(&out);
    bsc_mirrors_pg_literal("a'b\\c", &out);
    assert_string_equal(out.data, "'a''b\\c'");
    bsc_buf_release(&out);
}

static void settings_of_a_standby_that_is_fed_come_after_its_own(void **state)
{
    (void)state;
    struct bsc_buf out;
    const struct bsc_mirrors_pg_feed feed = {.restore_command = "get '%f'",
                                             .timeline = "current",
                                             .handed_over_lsn = 7,
                                             .follows = 3,
                                             .follows_lsn = 9};
    const struct bsc_mirrors_pg_feed own = {.timeline = "latest"};
    bsc_buf_init(&out);
    bsc_mirrors_pg_feed_settings("", &feed, &out);
    assert_string_equal(out.data, "primary_conninfo = ''\n"
                                  "primary_slot_name = ''\n"
                                  "recovery_target = ''\n"
                                  "recovery_target_lsn = ''\n"
                                  "recovery_target_name = ''\n"
                                  "recovery_target_time = ''\n"
                                  "recovery_target_xid = ''\n"
                                  "synchronous_standby_names = ''\n"
                                  "restore_command = 'get ''%f'''\n"
                                  "recovery_target_timeline = 'current'\n"
                                  "recovery_min_apply_delay = 0\n"
                                  "bascule.handed_over = '7'\n"
                                  "bascule.follows = '3 9'\n");
    bsc_buf_clear(&out);
    bsc_mirrors_pg_feed_settings("restore_command = 'mine'\n", &own, &out);
    assert_null(strstr(out.data + 1, "restore_command"));
    bsc_buf_release(&out);
}

static void a_restore_command_finds_folders_of_any_name(void **state)
{
    (void)state;
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_mirrors_pg_restore_command("/srv/it's 5%", &out);
    assert_string_equal(out.data, "test -e '/srv/it'\\''s 5%%/%f' &&"
                                  " cp -- '/srv/it'\\''s 5%%/%f' \"%p\"");
    bsc_buf_release(&out);
}

/* What was told of the progress, as "done/total ". */
static void note(void *arg, int64_t done, int64_t total)
{
    bsc_buf_printf(arg, "%lld/%lld ", (long long)done, (long long)total);
}

static void assert_heard(const char *said, const char *progress, const char *words)
{
    for (size_t piece = 1; piece <= 7; piece += 3) {
        struct bsc_buf noted;
        bsc_buf_init(&noted);
        struct bsc_mirrors_pg_ear ear = {.progress = note, .progress_arg = &noted};
        for (size_t at = 0; said[at] != '\0'; at += strnlen(said + at, piece))
            bsc_mirrors_pg_hear(&ear, said + at, strnlen(said + at, piece));
        assert_string_equal(noted.data, progress);
        assert_string_equal(ear.words, words);
        bsc_buf_release(&noted);
    }
}

static void progress_is_told_in_bytes(void **state)
{
    (void)state;
    assert_heard("waiting for checkpoint\n"
                 "    0/44821 kB (0%), 0/1 tablespace (...4/data.installing/backup_label)\r"
                 "30000/44821 kB (66%), 0/1 tablespace\n"
                 "44900/44821 kB (100%), 1/1 tablespace\n"
                 "1/2 of it\n12/ kB\n/3 kB\n99999999999999999999/1 kB\n",
                 "0/45896704 30720000/45896704 45977600/45977600 ", "99999999999999999999/1 kB");
}

static void the_first_error_is_what_is_told(void **state)
{
    (void)state;
    assert_heard("pg_basebackup: error: could not write to file \"base/1\": No space left\n"
                 "pg_basebackup: error: child process exited with exit code 1\n"
                 "pg_basebackup: removing data directory \"/d\"\n",
                 "", "could not write to file \"base/1\": No space left");
    assert_heard("pg_basebackup: hint\nlast words\n\n", "", "last words");
}

static void a_line_without_end_is_cut(void **state)
{
    (void)state;
    struct bsc_mirrors_pg_ear ear = {.progress = NULL};
    for (int i = 0; i < 1000; i++)
        bsc_mirrors_pg_hear(&ear, "xy", 2);
    bsc_mirrors_pg_hear(&ear, "\n", 1);
    assert_int_equal(strlen(ear.words), sizeof ear.words - 1);
}

static void the_control_file_tells_whose_copy_it_is(void **state)
{
    (void)state;
    struct bsc_mirrors_pg_control control;
    static const char text[] = "pg_control version number:            1300\n"
                               "Database system identifier:           7710593041989510255\n"
                               "Database cluster state:               %s\n";
    static const struct {
        const char *state;
        bool standby;
        bool shut_down;
    } cases[] = {{"in archive recovery", true, false},
                 {"shut down in recovery", true, false},
                 {"in crash recovery", false, false},
                 {"in production", false, false},
                 {"shut down", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_buf said;
        bsc_buf_init(&said);
        bsc_buf_printf(&said, text, cases[i].state);
        assert_true(bsc_mirrors_pg_control_read(said.data, &control));
        assert_string_equal(control.system, "7710593041989510255");
        assert_int_equal(control.standby, cases[i].standby);
        assert_int_equal(control.shut_down, cases[i].shut_down);
        assert_string_equal(control.file, "");
        bsc_buf_release(&said);
    }
    assert_false(bsc_mirrors_pg_control_read("Database system identifier: 1\n", &control));
    assert_false(bsc_mirrors_pg_control_read("", &control));
}

static void the_control_file_tells_where_its_log_ends(void **state)
{
    (void)state;
    struct bsc_mirrors_pg_control control;
    static const char text[] = "Database system identifier:           1\n"
                               "Database cluster state:               shut down\n"
                               "Latest checkpoint location:           %s\n"
                               "Latest checkpoint's REDO WAL file:    0000000200000001000000A3\n"
                               "Bytes per WAL segment:                16777216\n";
    static const char *const wrong[] = {"A3000028", "1/", "/A3000028", "1/A30G"};
    struct bsc_buf said;
    bsc_buf_init(&said);
    bsc_buf_printf(&said, text, "1/A3000028");
    assert_true(bsc_mirrors_pg_control_read(said.data, &control));
    assert_string_equal(control.file, "0000000200000001000000A3");
    assert_int_equal(control.lsn, 0x1A3000028);
    assert_int_equal(control.segment, 16777216);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bsc_buf_clear(&said);
        bsc_buf_printf(&said, text, wrong[i]);
        assert_true(bsc_mirrors_pg_control_read(said.data, &control));
        assert_string_equal(control.file, "");
    }
    bsc_buf_release(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_string_is_put_into_the_words_of_libpq),
        cmocka_unit_test(own_words_count_instead),
        cmocka_unit_test(a_connection_that_leads_nowhere_is_refused),
        cmocka_unit_test(a_connection_string_tells_where_the_server_listens),
        cmocka_unit_test(the_environment_may_say_where_a_server_listens),
        cmocka_unit_test(a_uri_is_refused_for_nothing_can_be_added_to_it),
        cmocka_unit_test(commits_are_not_left_waiting_for_one_that_does_not_answer),
        cmocka_unit_test(a_password_is_written_as_libpq_reads_it),
        cmocka_unit_test(settings_of_the_mirror_come_after_those_it_was_cloned_with),
        cmocka_unit_test(progress_is_told_in_bytes),
        cmocka_unit_test(the_first_error_is_what_is_told),
        cmocka_unit_test(a_line_without_end_is_cut),
        cmocka_unit_test(the_control_file_tells_whose_copy_it_is),
        cmocka_unit_test(the_control_file_tells_where_its_log_ends),
        cmocka_unit_test(settings_of_a_standby_that_is_fed_come_after_its_own),
        cmocka_unit_test(a_restore_command_finds_folders_of_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
