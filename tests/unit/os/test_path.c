#include "unit.h"

#include "os/files.h"

static void joining_puts_one_slash_between(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"},
        {"", "b", "b"},    {"a", "/b", "/b"},  {"a/b", "c/d", "a/b/c/d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = bsc_files_join(rows[i][0], rows[i][1]);
        assert_string_equal(path, rows[i][2]);
        free(path);
    }
}

static void the_folder_of_a_path_is_what_stands_before_its_name(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a", "."},     {"a/b", "a"},     {"/a", "/"}, {"/", "/"},   {"a/b/", "a"}, {"a//b", "a"},
        {"/a/b", "/a"}, {"a/b/c", "a/b"}, {"", "."},   {"//a", "/"}, {"./a", "."},  {"a/", "."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *folder = bsc_files_folder_of(rows[i][0]);
        assert_string_equal(folder, rows[i][1]);
        free(folder);
    }
}

static void the_name_of_a_path_is_its_last_part(void **state)
{
    (void)state;
    assert_string_equal(bsc_files_name_of("a/b"), "b");
    assert_string_equal(bsc_files_name_of("a"), "a");
    assert_string_equal(bsc_files_name_of("/"), "");
}

static void the_real_path_has_no_links_and_no_dots(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *file = unit_path(*state, "file");
    char *link_path = unit_path(*state, "link");
    char *detour = unit_path(*state, "./link");
    unit_file_put(file, "", 0);
    assert_int_equal(symlink("file", link_path), 0);
    char *expected = bsc_files_real_path(file, &err);
    char *found = bsc_files_real_path(detour, &err);
    assert_string_equal(found, expected);
    assert_int_equal(found[0], '/');
    free(expected);
    free(found);
    free(file);
    free(link_path);
    free(detour);
}

static void the_real_path_of_nothing_is_an_error_that_names_it(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "none");
    assert_null(bsc_files_real_path(path, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining_puts_one_slash_between),
        cmocka_unit_test(the_folder_of_a_path_is_what_stands_before_its_name),
        cmocka_unit_test(the_name_of_a_path_is_its_last_part),
        UNIT_IN_FOLDER(the_real_path_has_no_links_and_no_dots),
        UNIT_IN_FOLDER(the_real_path_of_nothing_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
