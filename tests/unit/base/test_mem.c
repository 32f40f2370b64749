#include "unit.h"

#include <sys/wait.h>

#include "base/mem.h"

static void new_memory_is_zeroed_even_when_nothing_is_asked_for(void **state)
{
    (void)state;
    unsigned char *bytes = bsc_mem_new(100, 3);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(bytes[i], 0);
    bsc_mem_free(bytes);
    void *nothing = bsc_mem_new(0, 8);
    assert_non_null(nothing);
    bsc_mem_free(nothing);
    bsc_mem_free(NULL);
}

static void resizing_keeps_the_bytes(void **state)
{
    (void)state;
    char *bytes = bsc_mem_resize(NULL, 4, 1);
    memcpy(bytes, "abc", 4);
    bytes = bsc_mem_resize(bytes, 1000, 8);
    assert_string_equal(bytes, "abc");
    bytes = bsc_mem_resize(bytes, 0, 8);
    assert_non_null(bytes);
    bsc_mem_free(bytes);
}

static void copies_are_whole_and_end_with_a_nul(void **state)
{
    (void)state;
    char *text = bsc_mem_text("text");
    char *bytes = bsc_mem_bytes("a\0b", 3);
    char *none = bsc_mem_bytes(NULL, 0);
    char *made = bsc_mem_format("%s-%d", "n", 7);
    assert_string_equal(text, "text");
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(none, "");
    assert_string_equal(made, "n-7");
    bsc_mem_free(text);
    bsc_mem_free(bytes);
    bsc_mem_free(none);
    bsc_mem_free(made);
}

static void a_size_that_overflows_ends_the_process_with_a_message(void **state)
{
    (void)state;
    int status = 0;
    int ends[2] = {-1, -1};
    char said[200] = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        bsc_mem_free(bsc_mem_resize(NULL, SIZE_MAX / 2, 3));
        _exit(0);
    }
    close(ends[1]);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(said, "out of memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed_even_when_nothing_is_asked_for),
        cmocka_unit_test(resizing_keeps_the_bytes),
        cmocka_unit_test(copies_are_whole_and_end_with_a_nul),
        cmocka_unit_test(a_size_that_overflows_ends_the_process_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
