#include "unit.h"

#include <errno.h>

#include "fault_sys.h"
#include "site/secret.h"

struct fixture {
    struct bsc_redactor *redactor;
    struct bsc_secret secret;
    struct bsc_err err;
};

static bool resolve(struct fixture *fixture, const struct bsc_sys *sys, const char *folder,
                    const char *reference)
{
    *fixture = (struct fixture){.redactor = bsc_redactor_new()};
    return bsc_secret_resolve(sys, folder, reference, fixture->redactor, &fixture->secret,
                              &fixture->err);
}

static void fixture_release(struct fixture *fixture)
{
    bsc_secret_release(&fixture->secret);
    bsc_redactor_free(fixture->redactor);
}

/* Resolves, expects this value, and that the redactor knows it. */
static void expect_secret(const char *folder, const char *reference, const char *value)
{
    struct fixture fixture;
    char text[128];
    if (!resolve(&fixture, bsc_sys_real(), folder, reference))
        fail_msg("%s", fixture.err.message);
    assert_string_equal(fixture.secret.text, value);
    snprintf(text, sizeof text, "<%s>", value);
    assert_true(bsc_redact_text(fixture.redactor, text, sizeof text));
    assert_string_equal(text, "<[secret]>");
    fixture_release(&fixture);
}

static void expect_refusal(const char *folder, const char *reference, enum bsc_err_code code,
                           const char *part)
{
    struct fixture fixture;
    assert_false(resolve(&fixture, bsc_sys_real(), folder, reference));
    assert_int_equal(fixture.err.code, code);
    if (strstr(fixture.err.message, part) == NULL)
        assert_string_equal(fixture.err.message, part);
    assert_null(fixture.secret.text);
    assert_null(strstr(fixture.err.message, "hunter2"));
    assert_null(strstr(fixture.err.cause, "hunter2"));
    assert_null(strstr(fixture.err.detail, "hunter2"));
    fixture_release(&fixture);
}

static void a_variable_is_looked_up(void **state)
{
    assert_int_equal(setenv("BSC_TEST_SECRET", "hunter2\n", 1), 0);
    expect_secret(*state, "env:BSC_TEST_SECRET", "hunter2\n");
    assert_int_equal(setenv("BSC_TEST_SECRET", "", 1), 0);
    expect_refusal(*state, "env:BSC_TEST_SECRET", BSC_ERR_INVALID, "the secret is empty");
    assert_int_equal(unsetenv("BSC_TEST_SECRET"), 0);
    expect_refusal(*state, "env:BSC_TEST_SECRET", BSC_ERR_NOT_FOUND, "\"BSC_TEST_SECRET\"");
}

static void a_file_is_read_without_the_line_end_at_its_end(void **state)
{
    static const struct {
        const char *content, *value;
    } rows[] = {
        {"hunter2", "hunter2"},       {"hunter2\n", "hunter2"}, {"hunter2\r\n", "hunter2"},
        {"hunter2\n\n", "hunter2\n"}, {" a b ", " a b "},
    };
    char *path = unit_path(*state, "key");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unit_file_put(path, rows[i].content, strlen(rows[i].content));
        expect_secret(*state, "file:key", rows[i].value);
    }
    char *reference = NULL;
    assert_true(asprintf(&reference, "file:%s", path) > 0);
    expect_secret("/", reference, " a b ");
    free(reference);
    free(path);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
    char *path = unit_path(*state, "key");
    unit_file_put(path, "hunter2", 7);
    static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0777};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        expect_refusal(*state, "file:key", BSC_ERR_DENIED, "is open to others");
    }
    assert_int_equal(chmod(path, 0400), 0);
    expect_secret(*state, "file:key", "hunter2");
    free(path);
}

static int fstat_of_another_user(void *self, int fd, struct stat *ret_stat)
{
    (void)self;
    int rc = fstat(fd, ret_stat);
    ret_stat->st_uid = geteuid() + 1;
    return rc;
}

static int fstat_of_root(void *self, int fd, struct stat *ret_stat)
{
    (void)self;
    int rc = fstat(fd, ret_stat);
    ret_stat->st_uid = 0;
    return rc;
}

static void a_file_belongs_to_us_or_to_root(void **state)
{
    struct fixture fixture;
    struct bsc_sys sys = *bsc_sys_real();
    char *path = unit_path(*state, "key");
    unit_file_put(path, "hunter2", 7);
    sys.fstat = fstat_of_another_user;
    assert_false(resolve(&fixture, &sys, *state, "file:key"));
    assert_int_equal(fixture.err.code, BSC_ERR_DENIED);
    assert_non_null(strstr(fixture.err.message, "belongs to another user"));
    fixture_release(&fixture);
    sys.fstat = fstat_of_root;
    assert_true(resolve(&fixture, &sys, *state, "file:key"));
    fixture_release(&fixture);
    free(path);
}

static void a_file_must_be_an_ordinary_one_with_a_text_in_it(void **state)
{
    char *path = unit_path(*state, "key");
    expect_refusal(*state, "file:key", BSC_ERR_NOT_FOUND, "could not open secret file");
    expect_refusal(*state, "file:.", BSC_ERR_INVALID, "is not an ordinary file");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal(*state, "file:key", BSC_ERR_INVALID, "is not an ordinary file");
    assert_int_equal(unlink(path), 0);
    unit_file_put(path, "\n", 1);
    expect_refusal(*state, "file:key", BSC_ERR_INVALID, "the secret is empty");
    unit_file_put(path, "hunter2\0x", 9);
    expect_refusal(*state, "file:key", BSC_ERR_INVALID, "has a NUL character");
    char *large = calloc(BSC_SECRET_MAX + 2, 1);
    assert_non_null(large);
    memset(large, 'x', BSC_SECRET_MAX + 1);
    unit_file_put(path, large, BSC_SECRET_MAX + 1);
    expect_refusal(*state, "file:key", BSC_ERR_LIMIT, "is over 64 KiB");
    free(large);
    free(path);
}

static void a_command_prints_the_secret(void **state)
{
    expect_secret(*state, "command:printf hunter2", "hunter2");
    expect_secret(*state, "command:  echo   hunter2 ", "hunter2");
    expect_secret(*state, "command:[\"printf\", \"%s\", \"a b\"]", "a b");
    /* No shell looks at the words. */
    expect_secret(*state, "command:echo $HOME;x", "$HOME;x");
}

static void a_command_that_fails_is_named_without_its_output(void **state)
{
    expect_refusal(*state, "command:[\"sh\", \"-c\", \"echo hunter2; echo hunter2 >&2; exit 3\"]",
                   BSC_ERR_INVALID, "secret command \"sh\" ended with status 3");
    expect_refusal(*state, "command:/no/such/program", BSC_ERR_NOT_FOUND,
                   "could not run secret command \"/no/such/program\"");
    expect_refusal(*state, "command:true", BSC_ERR_INVALID, "the secret is empty");
    expect_refusal(*state, "command:[\"printf\", \"hunter2\\\\000x\"]", BSC_ERR_INVALID,
                   "printed a NUL character");
    expect_refusal(*state, "command:[\"sh\", \"-c\", \"head -c 70000 /dev/zero | tr '\\\\000' x\"]",
                   BSC_ERR_LIMIT, "printed over 64 KiB");
}

static void every_system_call_on_a_secret_file_may_fail(void **state)
{
    char *path = unit_path(*state, "key");
    int descriptors = unit_fd_count();
    unsigned long failed = 0;
    unit_file_put(path, "hunter2\n", 8);
    for (unsigned long n = 1;; n++) {
        struct fixture fixture;
        struct unit_sys fault;
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, false);
        bool ok = resolve(&fixture, &fault.table, *state, "file:key");
        if (ok)
            assert_string_equal(fixture.secret.text, "hunter2");
        else
            assert_null(strstr(fixture.err.message, "hunter2"));
        fixture_release(&fixture);
        assert_int_equal(unit_fd_count(), descriptors);
        if (!fault.failed) {
            assert_true(ok);
            break;
        }
        failed++;
        assert_true(ok == (fault.failed_kind == UNIT_SYS_CLOSE));
    }
    assert_true(failed >= 4);
    free(path);
}

static void an_interrupted_call_is_tried_again(void **state)
{
    static const enum unit_sys_kind kinds[] = {UNIT_SYS_OPEN, UNIT_SYS_READ};
    char *path = unit_path(*state, "key");
    unit_file_put(path, "hunter2\n", 8);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture fixture;
        struct unit_sys fault;
        unit_sys_init(&fault);
        unit_sys_fail_kind(&fault, kinds[i], 1, EINTR, false);
        assert_true(resolve(&fixture, &fault.table, *state, "file:key"));
        assert_true(fault.failed);
        assert_string_equal(fixture.secret.text, "hunter2");
        fixture_release(&fixture);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_variable_is_looked_up),
        UNIT_IN_FOLDER(a_file_is_read_without_the_line_end_at_its_end),
        UNIT_IN_FOLDER(a_file_that_others_can_read_is_refused),
        UNIT_IN_FOLDER(a_file_belongs_to_us_or_to_root),
        UNIT_IN_FOLDER(a_file_must_be_an_ordinary_one_with_a_text_in_it),
        UNIT_IN_FOLDER(a_command_prints_the_secret),
        UNIT_IN_FOLDER(a_command_that_fails_is_named_without_its_output),
        UNIT_IN_FOLDER(every_system_call_on_a_secret_file_may_fail),
        UNIT_IN_FOLDER(an_interrupted_call_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
