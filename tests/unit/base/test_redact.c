#include "unit.h"

#include <pthread.h>

#include "base/redact.h"

static void know(struct bsc_redactor *redactor, const char *secret)
{
    bsc_redactor_add(redactor, secret, strlen(secret));
}

/* Checks what becomes of a text once the secret is known. */
static void check(const char *secret, const char *text, const char *expected)
{
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_buf buf;
    know(redactor, secret);
    bsc_buf_init(&buf);
    bsc_buf_add_text(&buf, text);
    bool found = bsc_redact_apply(redactor, &buf);
    assert_string_equal(buf.data, expected);
    assert_int_equal(buf.length, strlen(expected));
    assert_int_equal(found, strcmp(text, expected) != 0);
    bsc_buf_release(&buf);
    bsc_redactor_free(redactor);
}

static void a_secret_disappears_wherever_it_stands(void **state)
{
    (void)state;
    check("hunter22", "hunter22", "[secret]");
    check("hunter22", "PWD=hunter22;UID=sa", "PWD=[secret];UID=sa");
    check("hunter22", "hunter22 and hunter22", "[secret] and [secret]");
    check("hunter22", "hunter2", "hunter2");
    check("hunter22", "", "");
}

static void a_secret_disappears_in_every_encoding(void **state)
{
    (void)state;
    check("a\"b\\c\nd", "{\"k\":\"a\\\"b\\\\c\\nd\"}", "{\"k\":\"[secret]\"}");
    check("a\"b\\c\nd", "{\"k\":\"a\\\"b\\\\c\\u000ad\"}", "{\"k\":\"[secret]\"}");
    check("pass/word+1", "x=70617373", "x=70617373");
    check("pass/word+1", "x=706173732f776f72642b31!", "x=[secret]!");
    check("pass/word+1", "x=706173732F776F72642B31!", "x=[secret]!");
    check("pass/word+1", "u=pass%2Fword%2B1&v", "u=[secret]&v");
    check("pass/word+1", "u=pass%2fword%2b1&v", "u=[secret]&v");
    check("hunter2", "h: aHVudGVyMg==", "h: [secret]g==");
    check("it's me", "VALUES ('it''s me')", "VALUES ('[secret]')");
    check("it's me", "ssh host 'it'\\''s me'", "ssh host '[secret]'");
}

static void a_secret_inside_a_longer_base64_text_disappears(void **state)
{
    (void)state;
    /* "sa:hunter22!" and "x:hunter22!" and "hunter22!": the three ways in which bytes may fall. */
    check("hunter22", "Basic c2E6aHVudGVyMjIh", "Basic c2E6[secret]Ih");
    check("hunter22", "Basic eDpodW50ZXIyMiE=", "Basic eDp[secret]iE=");
    check("hunter22", "Basic YWI6IGh1bnRlcjIyIQ==", "Basic YWI6IG[secret]IQ==");
    check("\xff\xfe\xfd\xfb\xff\xef\xbe\xff\xfb", "__79-__vvv_7", "[secret]");
}

static void overlapping_secrets_leave_nothing_between_them(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_buf buf;
    know(redactor, "abcdef");
    know(redactor, "defghi");
    know(redactor, "abc");
    bsc_buf_init(&buf);
    bsc_buf_add_text(&buf, "<abcdefghi> <abcdef> <abc> <defghi>");
    assert_true(bsc_redact_apply(redactor, &buf));
    assert_string_equal(buf.data, "<[secret]> <[secret]> <[secret]> <[secret]>");
    bsc_buf_release(&buf);
    bsc_redactor_free(redactor);
}

static void bytes_with_nul_are_redacted_too(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_buf buf;
    bsc_redactor_add(redactor, "k\0ey", 4);
    bsc_buf_init(&buf);
    bsc_buf_add(&buf, "a\0k\0ey\0b", 8);
    assert_true(bsc_redact_apply(redactor, &buf));
    assert_int_equal(buf.length, 12);
    assert_memory_equal(buf.data, "a\0[secret]\0b", 13);
    bsc_buf_release(&buf);
    bsc_redactor_free(redactor);
}

static void short_secrets_are_known_in_their_raw_form_only(void **state)
{
    (void)state;
    check("ab1", "x ab1 y", "x [secret] y");
    check("ab1", "x 616231 y", "x 616231 y");
}

static void an_empty_secret_changes_nothing(void **state)
{
    (void)state;
    check("", "text", "text");
}

static void without_secrets_nothing_is_touched(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_buf buf = {0};
    assert_false(bsc_redact_apply(redactor, &buf));
    bsc_buf_add_text(&buf, "text");
    const char *memory = buf.data;
    assert_false(bsc_redact_apply(redactor, &buf));
    assert_ptr_equal(buf.data, memory);
    bsc_buf_release(&buf);
    bsc_redactor_free(redactor);
    bsc_redactor_free(NULL);
}

static void a_text_in_an_array_is_cut_rather_than_overflowed(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    char text[12] = "ab pass cd";
    know(redactor, "pass");
    assert_true(bsc_redact_text(redactor, text, sizeof text));
    assert_string_equal(text, "ab [secret]");
    char same[12] = "ab cd";
    assert_false(bsc_redact_text(redactor, same, sizeof same));
    assert_string_equal(same, "ab cd");
    assert_false(bsc_redact_text(redactor, same, 0));
    bsc_redactor_free(redactor);
}

static void a_secret_that_was_cut_with_its_text_disappears_too(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    char text[32] = "password is correct-horse-batte";
    char dotted[32] = "password is correct-horse-ba...";
    char shorter[64] = "password is correct-horse-batte";
    know(redactor, "correct-horse-battery");
    assert_true(bsc_redact_text(redactor, text, sizeof text));
    assert_string_equal(text, "password is [secret]");
    assert_true(bsc_redact_text(redactor, dotted, sizeof dotted));
    assert_string_equal(dotted, "password is [secret]");
    assert_false(bsc_redact_text(redactor, shorter, sizeof shorter));
    bsc_redactor_free(redactor);
}

enum { THREADS = 4, ROUNDS = 200 };

static void *redact_often(void *arg)
{
    struct bsc_redactor *redactor = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char secret[32];
        struct bsc_buf buf;
        snprintf(secret, sizeof secret, "secret-%d", i % 10);
        know(redactor, secret);
        bsc_buf_init(&buf);
        bsc_buf_printf(&buf, "<%s>", secret);
        if (!bsc_redact_apply(redactor, &buf) || strcmp(buf.data, "<[secret]>") != 0)
            abort();
        bsc_buf_release(&buf);
    }
    return NULL;
}

static void several_threads_may_redact_and_add_at_once(void **state)
{
    (void)state;
    struct bsc_redactor *redactor = bsc_redactor_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, redact_often, redactor), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    bsc_redactor_free(redactor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_disappears_wherever_it_stands),
        cmocka_unit_test(a_secret_disappears_in_every_encoding),
        cmocka_unit_test(a_secret_inside_a_longer_base64_text_disappears),
        cmocka_unit_test(overlapping_secrets_leave_nothing_between_them),
        cmocka_unit_test(bytes_with_nul_are_redacted_too),
        cmocka_unit_test(short_secrets_are_known_in_their_raw_form_only),
        cmocka_unit_test(an_empty_secret_changes_nothing),
        cmocka_unit_test(without_secrets_nothing_is_touched),
        cmocka_unit_test(a_text_in_an_array_is_cut_rather_than_overflowed),
        cmocka_unit_test(a_secret_that_was_cut_with_its_text_disappears_too),
        cmocka_unit_test(several_threads_may_redact_and_add_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
