#include "lib_fixture.h"

#include <errno.h>

#include "../fault_sys.h"

/* SHA-256 of "hello\n" and of no bytes at all. */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void put(void **state, const char *name, const char *text)
{
    char *path = unit_path(*state, name);
    unit_file_put(path, text, strlen(text));
    free(path);
}

static void assert_holds(void **state, const char *name, const char *text)
{
    char *path = unit_path(*state, name);
    unit_assert_file(path, text);
    free(path);
}

static struct bsc_value *copy_row(struct lib_bench *bench, void **state, const char *from,
                                  const char *to)
{
    return call_row(bench, "file.copy", "{'from':'%s/%s','to':'%s/%s'}", (char *)*state, from,
                    (char *)*state, to);
}

static void the_state_of_a_file_is_its_length_and_digest(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    put(state, "b", "");
    assert_answer(&bench, call_row(&bench, "file.state", "{'path':'%s/a'}", (char *)*state),
                  "{'bytes':6,'exists':true,'sha256':'" HELLO "'}");
    assert_answer(&bench, call_row(&bench, "file.state", "{'path':'%s/b'}", (char *)*state),
                  "{'bytes':0,'exists':true,'sha256':'" EMPTY "'}");
    assert_answer(&bench, call_row(&bench, "file.state", "{'path':'%s/c'}", (char *)*state),
                  "{'bytes':0,'exists':false,'sha256':null}");
    assert_answer(&bench, call_row(&bench, "file.state", "{'path':'%s/a/b'}", (char *)*state),
                  "{'bytes':0,'exists':false,'sha256':null}");
    bench_close(&bench);
}

static void what_is_no_ordinary_file_is_refused(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    char *pipe = unit_path(*state, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_refusal(&bench, call_row(&bench, "file.state", "{'path':'%s'}", pipe), BSC_ERR_INVALID,
                   "is not an ordinary file");
    assert_refusal(&bench, call_row(&bench, "file.state", "{'path':'%s'}", (char *)*state),
                   BSC_ERR_INVALID, "is not an ordinary file");
    assert_refusal(&bench, call_row(&bench, "file.state", "{'path':'a'}"), BSC_ERR_USAGE,
                   "must be an absolute path");
    free(pipe);
    bench_close(&bench);
}

static void a_copy_has_the_bytes_and_the_rights(void **state)
{
    struct lib_bench bench;
    struct stat found;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    char *from = unit_path(*state, "a"), *to = unit_path(*state, "b");
    assert_int_equal(chmod(from, 0640), 0);
    assert_answer(&bench, copy_row(&bench, state, "a", "b"), "{'bytes':6,'sha256':'" HELLO "'}");
    assert_holds(state, "b", "hello\n");
    assert_int_equal(stat(to, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0640);
    assert_int_equal(unit_entry_count(*state), 2);
    assert_answer(&bench, copy_row(&bench, state, "a", "b"), "{'bytes':6,'sha256':'" HELLO "'}");
    free(from);
    free(to);
    bench_close(&bench);
}

static void another_content_is_never_overwritten(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    put(state, "b", "other\n");
    assert_refusal(&bench, copy_row(&bench, state, "a", "b"), BSC_ERR_EXISTS,
                   "is there already with another content");
    assert_holds(state, "b", "other\n");
    assert_refusal(&bench, copy_row(&bench, state, "gone", "c"), BSC_ERR_NOT_FOUND, "gone");
    assert_refusal(&bench, copy_row(&bench, state, "a", "gone/c"), BSC_ERR_NOT_FOUND, "gone");
    assert_int_equal(unit_entry_count(*state), 2);
    bench_close(&bench);
}

/* Puts another file in the place of the copy right before it gets its name. */
static void be_first(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    (void)call;
    if (kind == UNIT_SYS_LINK)
        put(arg, "b", "other\n");
}

static void what_came_to_be_there_meanwhile_is_not_replaced(void **state)
{
    struct lib_bench bench;
    struct unit_sys fault;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    unit_sys_init(&fault);
    fault.before = be_first;
    fault.before_arg = state;
    bench.env.sys = &fault.table;
    assert_refusal(&bench, copy_row(&bench, state, "a", "b"), BSC_ERR_EXISTS, "meanwhile");
    assert_holds(state, "b", "other\n");
    assert_int_equal(unit_entry_count(*state), 2);
    bench_close(&bench);
}

static void what_a_killed_copy_has_left_is_not_written_to(void **state)
{
    struct lib_bench bench;
    char *left = unit_path(*state, ".b.partial");
    char *other = unit_path(*state, "other");
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    put(state, "other", "other\n");
    assert_int_equal(link(other, left), 0);
    assert_answer(&bench, copy_row(&bench, state, "a", "b"), "{'bytes':6,'sha256':'" HELLO "'}");
    assert_holds(state, "other", "other\n");
    assert_int_equal(unit_entry_count(*state), 3);
    bench_close(&bench);
    free(other);
    free(left);
}

static void a_cancelled_copy_leaves_nothing_behind(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    atomic_store(&bench.cancel, true);
    assert_refusal(&bench, copy_row(&bench, state, "a", "b"), BSC_ERR_CANCELLED, "");
    assert_int_equal(unit_entry_count(*state), 1);
    bench_close(&bench);
}

/* Fails every system call of a copy, in turn: the target is then absent or whole. */
static void every_call_of_a_copy_may_fail(void **state)
{
    unsigned long n = 0;
    bool hit = true;
    for (n = 1; hit; n++) {
        struct lib_bench bench;
        struct unit_sys fault;
        char *to = unit_path(*state, "b");
        bench_open(&bench, state);
        put(state, "a", "hello\n");
        unlink(to);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, false);
        bench.env.sys = &fault.table;
        int fds = unit_fd_count();
        struct bsc_value *answer = copy_row(&bench, state, "a", "b");
        hit = fault.failed;
        assert_int_equal(unit_fd_count(), fds);
        if (answer == NULL)
            assert_true(hit && bench.err.sys_errno == EIO);
        char *found = unit_file_get(to, NULL);
        assert_true(found == NULL || strcmp(found, "hello\n") == 0);
        assert_true(answer == NULL || found != NULL);
        free(found);
        bsc_value_free(answer);
        free(to);
        bench_close(&bench);
    }
    assert_true(n > 12);
}

static void short_reads_and_writes_still_make_a_whole_copy(void **state)
{
    struct lib_bench bench;
    struct unit_sys fault;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    unit_sys_init(&fault);
    fault.length_max = 3;
    bench.env.sys = &fault.table;
    assert_answer(&bench, copy_row(&bench, state, "a", "b"), "{'bytes':6,'sha256':'" HELLO "'}");
    assert_holds(state, "b", "hello\n");
    bench_close(&bench);
}

/* Changes a byte of the copy right before it is synced, as a bad disk would. */
static void spoil(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    (void)call;
    if (kind != UNIT_SYS_FSYNC)
        return;
    int fd = open(arg, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        assert_int_equal(pwrite(fd, "j", 1, 0), 1);
        close(fd);
    }
}

static void a_copy_that_differs_from_its_source_is_found_out(void **state)
{
    struct lib_bench bench;
    struct unit_sys fault;
    bench_open(&bench, state);
    put(state, "a", "hello\n");
    char *partial = unit_path(*state, ".b.partial");
    unit_sys_init(&fault);
    fault.before = spoil;
    fault.before_arg = partial;
    bench.env.sys = &fault.table;
    assert_refusal(&bench, copy_row(&bench, state, "a", "b"), BSC_ERR_DAMAGED, "differs from it");
    assert_int_equal(unit_entry_count(*state), 1);
    free(partial);
    bench_close(&bench);
}

static void only_the_very_file_is_removed(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    put(state, "a", "other\n");
    assert_refusal(
        &bench,
        call_row(&bench, "file.remove", "{'path':'%s/a','sha256':'" HELLO "'}", (char *)*state),
        BSC_ERR_CONFLICT, "is not the file that was meant");
    assert_holds(state, "a", "other\n");
    put(state, "a", "hello\n");
    assert_answer(
        &bench,
        call_row(&bench, "file.remove", "{'path':'%s/a','sha256':'" HELLO "'}", (char *)*state),
        "{'removed':true}");
    assert_int_equal(unit_entry_count(*state), 0);
    assert_answer(
        &bench,
        call_row(&bench, "file.remove", "{'path':'%s/a','sha256':'" HELLO "'}", (char *)*state),
        "{'removed':false}");
    assert_refusal(
        &bench, call_row(&bench, "file.remove", "{'path':'%s/a','sha256':'ABC'}", (char *)*state),
        BSC_ERR_USAGE, "64 lower-case hexadecimal digits");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_state_of_a_file_is_its_length_and_digest),
        UNIT_IN_FOLDER(what_is_no_ordinary_file_is_refused),
        UNIT_IN_FOLDER(a_copy_has_the_bytes_and_the_rights),
        UNIT_IN_FOLDER(what_came_to_be_there_meanwhile_is_not_replaced),
        UNIT_IN_FOLDER(what_a_killed_copy_has_left_is_not_written_to),
        UNIT_IN_FOLDER(another_content_is_never_overwritten),
        UNIT_IN_FOLDER(a_cancelled_copy_leaves_nothing_behind),
        UNIT_IN_FOLDER(every_call_of_a_copy_may_fail),
        UNIT_IN_FOLDER(short_reads_and_writes_still_make_a_whole_copy),
        UNIT_IN_FOLDER(a_copy_that_differs_from_its_source_is_found_out),
        UNIT_IN_FOLDER(only_the_very_file_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
