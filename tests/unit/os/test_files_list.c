#include "unit.h"

#include <errno.h>

#include "os/files.h"

DIR *__real_opendir(const char *path);
struct dirent *__real_readdir(DIR *folder);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *folder);

static unsigned long calls;
static unsigned long fail_at;

static bool fails(void)
{
    calls++;
    if (calls != fail_at)
        return false;
    errno = EIO;
    return true;
}

DIR *__wrap_opendir(const char *path)
{
    return fails() ? NULL : __real_opendir(path);
}

struct dirent *__wrap_readdir(DIR *folder)
{
    return fails() ? NULL : __real_readdir(folder);
}

static void put(const char *folder, const char *name)
{
    char *path = unit_path(folder, name);
    unit_file_put(path, "", 0);
    free(path);
}

static void the_entries_are_sorted_by_bytes(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    static const char *const expected[] = {".hidden", "B", "a", "a.b", "ab", "\xC3\xA9"};
    put(*state, "ab");
    put(*state, "B");
    put(*state, "\xC3\xA9");
    put(*state, ".hidden");
    put(*state, "a.b");
    put(*state, "a");
    fail_at = 0;
    assert_true(bsc_files_list(*state, &list, &err));
    assert_int_equal(list.count, 6);
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.names[i], expected[i]);
    bsc_files_list_release(&list);
    assert_int_equal(list.count, 0);
    bsc_files_list_release(&list);
}

static void an_empty_folder_has_no_entries(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    fail_at = 0;
    assert_true(bsc_files_list(*state, &list, &err));
    assert_int_equal(list.count, 0);
    bsc_files_list_release(&list);
}

static void thousands_of_entries_are_listed(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    char name[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "%06d", i);
        put(*state, name);
    }
    fail_at = 0;
    assert_true(bsc_files_list(*state, &list, &err));
    assert_int_equal(list.count, 3000);
    assert_string_equal(list.names[2999], "002999");
    bsc_files_list_release(&list);
}

static void a_missing_folder_is_named(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    char *none = unit_path(*state, "none");
    fail_at = 0;
    assert_false(bsc_files_list(none, &list, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, none));
    free(none);
}

static void every_call_of_listing_may_fail(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    put(*state, "a");
    put(*state, "b");
    for (unsigned long n = 1;; n++) {
        fail_at = 0;
        int fds = unit_fd_count();
        fail_at = n;
        calls = 0;
        bool ok = bsc_files_list(*state, &list, &err);
        bool failed = calls >= n;
        fail_at = 0;
        assert_int_equal(unit_fd_count(), fds);
        if (!failed) {
            /* One to open, one for each entry with the two dots, one for the end. */
            assert_int_equal(n, 7);
            assert_true(ok);
            break;
        }
        assert_false(ok);
        assert_int_equal(err.code, BSC_ERR_IO);
        assert_null(list.names);
    }
    bsc_files_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_entries_are_sorted_by_bytes),
        UNIT_IN_FOLDER(an_empty_folder_has_no_entries),
        UNIT_IN_FOLDER(thousands_of_entries_are_listed),
        UNIT_IN_FOLDER(a_missing_folder_is_named),
        UNIT_IN_FOLDER(every_call_of_listing_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
