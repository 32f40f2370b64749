#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/err.h"

static void setting_an_error_forgets_what_it_held(void **state)
{
    (void)state;
    struct bsc_err err = {.native = 7, .sqlstate = "42000", .hint = "old", .cause = "old"};
    assert_false(bsc_err_set(&err, BSC_ERR_INVALID, "'%s' is odd", "x"));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_string_equal(err.message, "'x' is odd");
    assert_int_equal(err.native, 0);
    assert_string_equal(err.sqlstate, "");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.cause, "");
}

static void an_error_may_be_filled_from_its_own_text(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    bsc_err_set(&err, BSC_ERR_IO, "inner");
    bsc_err_set(&err, BSC_ERR_SQL, "outer around %s", err.message);
    assert_string_equal(err.message, "outer around inner");
    bsc_err_wrap(&err, "twice %s", err.message);
    assert_string_equal(err.message, "twice outer around inner");
    assert_string_equal(err.cause, "outer around inner");
}

static void a_system_error_gets_its_code_and_its_reason(void **state)
{
    (void)state;
    static const struct {
        int sys_errno;
        enum bsc_err_code code;
    } rows[] = {{ENOENT, BSC_ERR_NOT_FOUND},
                {EEXIST, BSC_ERR_EXISTS},
                {EACCES, BSC_ERR_DENIED},
                {ENOSPC, BSC_ERR_NO_SPACE},
                {EDQUOT, BSC_ERR_NO_SPACE},
                {ETIMEDOUT, BSC_ERR_TIMEOUT},
                {EIO, BSC_ERR_IO},
                {ECONNREFUSED, BSC_ERR_UNREACHABLE},
                {EMFILE, BSC_ERR_LIMIT},
                {EROFS, BSC_ERR_DENIED},
                {ENOTDIR, BSC_ERR_NOT_FOUND},
                {EFBIG, BSC_ERR_NO_SPACE},
                {EHOSTUNREACH, BSC_ERR_UNREACHABLE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        assert_false(bsc_err_sys(&err, rows[i].sys_errno, "could not open '%s'", "f"));
        assert_int_equal(err.code, rows[i].code);
        assert_int_equal(err.sys_errno, rows[i].sys_errno);
        char *expected = NULL;
        assert_true(asprintf(&expected, "could not open 'f': %s",
                             strerror_r(rows[i].sys_errno, (char[64]){0}, 64)));
        assert_string_equal(err.message, expected);
        free(expected);
    }
}

static void a_long_path_does_not_push_out_the_reason(void **state)
{
    (void)state;
    char path[2000];
    struct bsc_err err = BSC_ERR_INIT;
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    bsc_err_sys(&err, ENOSPC, "could not write '%s'", path);
    assert_non_null(strstr(err.message, "ppp...: No space left on device"));
}

static void a_cut_text_says_so_and_keeps_its_characters_whole(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char text[1200] = {0};
    /* One byte first, so that the cut would fall into the middle of a two-byte character. */
    text[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    for (size_t skip = 0; skip < 2; skip++) {
        bsc_err_set(&err, BSC_ERR_IO, "%s", text + skip);
        size_t length = strlen(err.message);
        assert_true(length >= sizeof err.message - 5 && length < sizeof err.message);
        assert_string_equal(err.message + length - 3, "...");
        assert_int_equal((unsigned char)err.message[length - 4], 0xA9);
    }
}

static void wrapping_keeps_the_facts_and_makes_the_message_the_cause(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    bsc_err_set(&err, BSC_ERR_SQL, "no such table");
    bsc_err_hint(&err, "Look at %s.", "schema");
    bsc_err_detail(&err, "It is %d.", 1);
    bsc_err_at(&err, "a.lua", 3, 0);
    err.native = 208;
    assert_false(bsc_err_wrap(&err, "could not ask '%s'", "sql1"));
    assert_int_equal(err.code, BSC_ERR_SQL);
    assert_int_equal(err.native, 208);
    assert_string_equal(err.message, "could not ask 'sql1'");
    assert_string_equal(err.cause, "no such table");
    assert_string_equal(err.hint, "Look at schema.");
    assert_string_equal(err.detail, "It is 1.");
    assert_string_equal(err.where, "a.lua:3");
    bsc_err_wrap(&err, "the step failed");
    assert_string_equal(err.message, "the step failed");
    assert_string_equal(err.cause, "could not ask 'sql1': no such table");
}

static void wrapping_long_messages_over_and_over_stays_within_bounds(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char text[700];
    memset(text, 'm', sizeof text);
    text[sizeof text - 1] = '\0';
    bsc_err_set(&err, BSC_ERR_IO, "%s", text);
    for (int i = 0; i < 10; i++)
        bsc_err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.cause), sizeof err.cause - 1);
    assert_string_equal(err.cause + sizeof err.cause - 4, "...");
}

static void a_place_shows_only_what_is_known(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    bsc_err_at(&err, "site.yaml", 0, 0);
    assert_string_equal(err.where, "site.yaml");
    bsc_err_at(&err, "site.yaml", 12, 0);
    assert_string_equal(err.where, "site.yaml:12");
    bsc_err_at(&err, "site.yaml", 12, 5);
    assert_string_equal(err.where, "site.yaml:12:5");
}

static void a_long_place_keeps_the_end_of_the_path_and_the_line(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    char path[1000];
    memset(path, 'd', sizeof path);
    memcpy(path + sizeof path - 11, "/site.yaml", 11);
    bsc_err_at(&err, path, 4294967295U, 4294967295U);
    assert_int_equal(strncmp(err.where, "...ddd", 6), 0);
    assert_non_null(strstr(err.where, "/site.yaml:4294967295:4294967295"));
}

static void every_code_has_a_name_that_leads_back_to_it(void **state)
{
    (void)state;
    for (int code = BSC_ERR_NONE; code <= BSC_ERR_UNSUPPORTED; code++) {
        const char *name = bsc_err_name((enum bsc_err_code)code);
        assert_int_equal(bsc_err_code_of(name), code);
    }
    assert_int_equal(bsc_err_code_of("no such name"), BSC_ERR_NONE);
    assert_string_equal(bsc_err_name((enum bsc_err_code)999), "unknown");
}

static void our_own_mistake_ends_the_process_by_abort(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        assert_non_null(freopen("/dev/null", "w", stderr));
        BSC_BUG_ON(1 > 0);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_forgets_what_it_held),
        cmocka_unit_test(an_error_may_be_filled_from_its_own_text),
        cmocka_unit_test(a_system_error_gets_its_code_and_its_reason),
        cmocka_unit_test(a_long_path_does_not_push_out_the_reason),
        cmocka_unit_test(a_cut_text_says_so_and_keeps_its_characters_whole),
        cmocka_unit_test(wrapping_keeps_the_facts_and_makes_the_message_the_cause),
        cmocka_unit_test(wrapping_long_messages_over_and_over_stays_within_bounds),
        cmocka_unit_test(a_place_shows_only_what_is_known),
        cmocka_unit_test(a_long_place_keeps_the_end_of_the_path_and_the_line),
        cmocka_unit_test(every_code_has_a_name_that_leads_back_to_it),
        cmocka_unit_test(our_own_mistake_ends_the_process_by_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
