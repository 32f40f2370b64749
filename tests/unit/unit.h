/*
 * What every unit test includes first: cmocka in the order it wants, and a folder of its own for
 * each test.
 *
 *     static void a_file_is_replaced_at_once(void **state)
 *     {
 *         char *path = unit_path(*state, "a");
 *         …
 *         free(path);
 *     }
 *     const struct CMUnitTest tests[] = {UNIT_IN_FOLDER(a_file_is_replaced_at_once)};
 *     return cmocka_run_group_tests(tests, NULL, NULL);
 */
#ifndef BSC_UNIT_H
#define BSC_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A number has to be one of those from `low` to `high`. What cmocka has for that goes by one name
 * up to version 1 and by another from 2 on. */
#define UNIT_IN_RANGE(value, low, high)                                                            \
    do {                                                                                           \
        const int64_t in_range = (int64_t)(value);                                                 \
        if (in_range < (int64_t)(low) || in_range > (int64_t)(high))                               \
            fail_msg("%s is %" PRId64 ", not " #low " to " #high, #value, in_range);               \
    } while (0)

/* Makes an empty folder that nobody else uses; returns its path, owned. */
static inline char *unit_folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/bascule-unit-XXXXXX", base == NULL ? "/tmp" : base) < 0)
        abort();
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int unit_remove_entry(const char *path, const struct stat *info, int kind,
                                    struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

/* Removes the folder with everything in it and frees the path. */
static inline void unit_folder_remove(char *path)
{
    int removed = nftw(path, unit_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
    assert_int_equal(removed, 0);
}

/* "folder/name", owned. */
static inline char *unit_path(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

/* cmocka setup and teardown: *state is the path of the test's own folder. */
static inline int unit_folder_setup(void **state)
{
    *state = unit_folder_make();
    return 0;
}

static inline int unit_folder_teardown(void **state)
{
    unit_folder_remove(*state);
    return 0;
}

#define UNIT_IN_FOLDER(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, unit_folder_setup, unit_folder_teardown)

/* Puts a text into a file without any of the code under test. A file that is emptied first, some
 * file systems bring to the disk at once. */
static inline void unit_file_put(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(ftruncate(fd, (off_t)length), 0);
    assert_int_equal(close(fd), 0);
}

/* The whole file, NUL-terminated and owned; NULL when there is none. */
static inline char *unit_file_get(const char *path, size_t *ret_length)
{
    struct stat info = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    assert_int_equal(fstat(fd, &info), 0);
    char *bytes = calloc((size_t)info.st_size + 1, 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)info.st_size), info.st_size);
    assert_int_equal(close(fd), 0);
    if (ret_length != NULL)
        *ret_length = (size_t)info.st_size;
    return bytes;
}

static inline void unit_assert_file(const char *path, const char *text)
{
    char *found = unit_file_get(path, NULL);
    assert_non_null(found);
    assert_string_equal(found, text);
    free(found);
}

/* How many entries a folder has, besides "." and "..". */
static inline int unit_entry_count(const char *folder)
{
    int count = 0;
    DIR *open_folder = opendir(folder);
    assert_non_null(open_folder);
    while (readdir(open_folder) != NULL)
        count++;
    closedir(open_folder);
    return count - 2;
}

/* How many descriptors the process holds: the same before and after means none was leaked. */
static inline int unit_fd_count(void)
{
    return unit_entry_count("/proc/self/fd");
}

#endif
