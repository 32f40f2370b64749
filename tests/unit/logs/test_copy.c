#include "practice.h"

#include <errno.h>

#include "fault_sys.h"
#include "logs/copy.h"
#include "logs/format.h"

enum { FILES = 5, PAGE = 4096, PAGES = 140 };

struct stage {
    char *share;
    char *destination;
    struct bsc_logs_copy_file files[FILES]; /* texts owned */
    int64_t bytes;
};

static void write_backup(struct stage *stage, size_t i)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_logs_header header = {.database_id = "11111111111111111111111111111111",
                                     .fork = "22222222222222222222222222222222",
                                     .first_lsn = (int64_t)i,
                                     .last_lsn = (int64_t)i + 1,
                                     .db_pages = PAGES,
                                     .commits = 1,
                                     .time_ms = 1};
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[PAGE];
    char *hex = malloc(BSC_DIGEST_HEX);
    char *name = bsc_logs_format_name("mgc", header.last_lsn);
    assert_true(bsc_logs_writer_open(&writer, bsc_sys_real(), stage->share, name, PAGE, &err));
    for (uint32_t number = 1; number <= PAGES; number++) {
        memset(page, (int)(number + i), sizeof page);
        assert_true(bsc_logs_writer_page(&writer, number, page, &err));
    }
    assert_true(bsc_logs_writer_finish(&writer, &header, &err));
    bsc_logs_writer_release(&writer);
    bsc_digest_hex(header.digest, hex);
    stage->files[i] = (struct bsc_logs_copy_file){
        .name = name, .sha256 = hex, .bytes = bsc_logs_format_bytes(&header)};
    stage->bytes += stage->files[i].bytes;
}

static void open_stage(struct stage *stage, const char *folder)
{
    *stage = (struct stage){.share = unit_path(folder, "share"),
                            .destination = unit_path(folder, "to/copied")};
    assert_int_equal(mkdir(stage->share, 0700), 0);
    for (size_t i = 0; i < FILES; i++)
        write_backup(stage, i);
}

static void close_stage(struct stage *stage)
{
    for (size_t i = 0; i < FILES; i++) {
        free((char *)stage->files[i].name);
        free((char *)stage->files[i].sha256);
    }
    free(stage->share);
    free(stage->destination);
}

static struct bsc_logs_copy_order order_of(const struct stage *stage, const struct bsc_sys *sys)
{
    return (struct bsc_logs_copy_order){.sys = sys,
                                        .share = stage->share,
                                        .destination = stage->destination,
                                        .files = stage->files,
                                        .count = FILES};
}

static bool copy(const struct stage *stage, const struct bsc_sys *sys,
                 struct bsc_logs_copy_result *ret, struct bsc_err *err)
{
    const struct bsc_logs_copy_order order = order_of(stage, sys);
    *err = (struct bsc_err)BSC_ERR_INIT;
    return bsc_logs_copy(&order, ret, err);
}

static void copy_well(const struct stage *stage, size_t copied)
{
    struct bsc_logs_copy_result result;
    struct bsc_err err;
    if (!copy(stage, bsc_sys_real(), &result, &err))
        fail_msg("%s", err.message);
    assert_int_equal(result.copied, copied);
    assert_int_equal(result.kept, FILES - copied);
}

/* All files are there, the same as on the share, and nothing else. */
static void assert_copied(const struct stage *stage)
{
    assert_int_equal(unit_entry_count(stage->destination), FILES);
    for (size_t i = 0; i < FILES; i++) {
        char *from = unit_path(stage->share, stage->files[i].name);
        char *to = unit_path(stage->destination, stage->files[i].name);
        practice_assert_bytes(from, to);
        free(from);
        free(to);
    }
}

static void change_byte(const char *folder, const char *name, off_t at)
{
    char *path = unit_path(folder, name);
    int fd = open(path, O_RDWR);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
    free(path);
}

static void count_progress(void *arg, int64_t done, int64_t total)
{
    int64_t *seen = arg;
    assert_true(done > seen[0] && done <= total);
    seen[0] = done;
    seen[1] = total;
}

static void all_files_are_copied_and_then_kept(void **state)
{
    struct stage stage;
    struct bsc_logs_copy_result result;
    struct bsc_err err = BSC_ERR_INIT;
    int64_t seen[2] = {0, 0};
    open_stage(&stage, *state);
    struct bsc_logs_copy_order order = order_of(&stage, bsc_sys_real());
    order.progress = count_progress;
    order.progress_arg = seen;
    assert_true(bsc_logs_copy(&order, &result, &err));
    assert_int_equal(result.copied, FILES);
    assert_int_equal(result.bytes, stage.bytes);
    assert_int_equal(seen[0], stage.bytes);
    assert_int_equal(seen[1], stage.bytes);
    assert_copied(&stage);
    copy_well(&stage, 0);
    close_stage(&stage);
}

static void a_copy_that_is_not_right_is_made_anew(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    copy_well(&stage, FILES);
    change_byte(stage.destination, stage.files[1].name, 40000);
    char *path = unit_path(stage.destination, stage.files[3].name);
    assert_int_equal(truncate(path, 5000), 0);
    copy_well(&stage, 2);
    assert_copied(&stage);
    free(path);
    close_stage(&stage);
}

static void a_damaged_file_on_the_share_is_named_and_the_ones_before_it_stay(void **state)
{
    struct stage stage;
    struct bsc_logs_copy_result result;
    struct bsc_err err;
    open_stage(&stage, *state);
    change_byte(stage.share, stage.files[2].name, 400000);
    assert_false(copy(&stage, bsc_sys_real(), &result, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, stage.files[2].name));
    assert_int_equal(result.copied, 2);
    assert_int_equal(unit_entry_count(stage.destination), 2);
    close_stage(&stage);
}

static void another_file_than_the_planned_one_is_refused(void **state)
{
    struct stage stage;
    struct bsc_logs_copy_result result;
    struct bsc_err err;
    open_stage(&stage, *state);
    char *from = unit_path(stage.share, stage.files[0].name);
    char *to = unit_path(stage.share, stage.files[1].name);
    practice_copy_file(from, to);
    assert_false(copy(&stage, bsc_sys_real(), &result, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_int_equal(unlink(to), 0);
    assert_false(copy(&stage, bsc_sys_real(), &result, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(from);
    free(to);
    close_stage(&stage);
}

static void file_systems_that_cannot_copy_between_them_are_helped(void **state)
{
    const int reasons[] = {EXDEV, EINVAL, ENOSYS, EOPNOTSUPP};
    struct stage stage;
    open_stage(&stage, *state);
    for (size_t i = 0; i < 4; i++) {
        struct unit_sys fault;
        struct bsc_logs_copy_result result;
        struct bsc_err err;
        unit_sys_init(&fault);
        unit_sys_fail_kind(&fault, UNIT_SYS_COPY_FILE_RANGE, 1 + i, reasons[i], true);
        assert_true(copy(&stage, &fault.table, &result, &err));
        assert_true(fault.failed);
        assert_copied(&stage);
        for (size_t k = 0; k < FILES; k++) {
            char *path = unit_path(stage.destination, stage.files[k].name);
            assert_int_equal(unlink(path), 0);
            free(path);
        }
    }
    close_stage(&stage);
}

static void calls_that_move_little_are_repeated(void **state)
{
    struct stage stage;
    struct unit_sys fault;
    struct bsc_logs_copy_result result;
    struct bsc_err err;
    open_stage(&stage, *state);
    unit_sys_init(&fault);
    fault.length_max = 1777;
    assert_true(copy(&stage, &fault.table, &result, &err));
    assert_copied(&stage);
    close_stage(&stage);
}

static void a_full_device_is_said_and_nothing_half_is_left(void **state)
{
    struct stage stage;
    struct unit_sys fault;
    struct bsc_logs_copy_result result;
    struct bsc_err err;
    open_stage(&stage, *state);
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_COPY_FILE_RANGE, 4, ENOSPC, true);
    assert_false(copy(&stage, &fault.table, &result, &err));
    assert_int_equal(err.code, BSC_ERR_NO_SPACE);
    assert_non_null(strstr(err.message, ".blog"));
    assert_int_equal(unit_entry_count(stage.destination), (int)result.copied);
    copy_well(&stage, FILES - result.copied);
    assert_copied(&stage);
    close_stage(&stage);
}

static void cancelling_stops_and_leaves_nothing_half(void **state)
{
    struct stage stage;
    struct bsc_logs_copy_result result;
    struct bsc_err err = BSC_ERR_INIT;
    const atomic_bool cancel = true;
    open_stage(&stage, *state);
    struct bsc_logs_copy_order order = order_of(&stage, bsc_sys_real());
    order.cancel = &cancel;
    assert_false(bsc_logs_copy(&order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_int_equal(unit_entry_count(stage.destination), 0);
    close_stage(&stage);
}

/* What bears a final name is whole, whatever happened. */
static void assert_named_files_are_whole(const struct stage *stage)
{
    for (size_t i = 0; i < FILES; i++) {
        char *from = unit_path(stage->share, stage->files[i].name);
        char *to = unit_path(stage->destination, stage->files[i].name);
        if (access(to, F_OK) == 0)
            practice_assert_bytes(from, to);
        free(from);
        free(to);
    }
}

static void fail_every_call(const char *folder, bool sticky)
{
    for (unsigned long n = 1;; n++) {
        struct stage stage;
        struct unit_sys fault;
        struct bsc_logs_copy_result result;
        struct bsc_err err;
        char name[32];
        snprintf(name, sizeof name, "run-%lu", n);
        char *own = unit_path(folder, name);
        assert_int_equal(mkdir(own, 0700), 0);
        open_stage(&stage, own);
        int fds = unit_fd_count();
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, sticky);
        bool ok = copy(&stage, &fault.table, &result, &err);
        assert_int_equal(unit_fd_count(), fds);
        assert_named_files_are_whole(&stage);
        if (!ok && err.message[0] == '\0')
            fail_msg("call %lu (%s) failed without a message", n, unit_sys_name(fault.failed_kind));
        if (!ok)
            assert_true(
                bsc_logs_copy(&(struct bsc_logs_copy_order){.sys = bsc_sys_real(),
                                                            .share = stage.share,
                                                            .destination = stage.destination,
                                                            .files = stage.files,
                                                            .count = FILES},
                              &result, &err));
        assert_copied(&stage);
        close_stage(&stage);
        unit_folder_remove(own);
        if (!fault.failed)
            break;
    }
}

static void no_single_failing_call_leaves_a_wrong_copy(void **state)
{
    fail_every_call(*state, false);
}

static void no_moment_of_dying_leaves_a_wrong_copy(void **state)
{
    fail_every_call(*state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(all_files_are_copied_and_then_kept),
        UNIT_IN_FOLDER(a_copy_that_is_not_right_is_made_anew),
        UNIT_IN_FOLDER(a_damaged_file_on_the_share_is_named_and_the_ones_before_it_stay),
        UNIT_IN_FOLDER(another_file_than_the_planned_one_is_refused),
        UNIT_IN_FOLDER(file_systems_that_cannot_copy_between_them_are_helped),
        UNIT_IN_FOLDER(calls_that_move_little_are_repeated),
        UNIT_IN_FOLDER(a_full_device_is_said_and_nothing_half_is_left),
        UNIT_IN_FOLDER(cancelling_stops_and_leaves_nothing_half),
        UNIT_IN_FOLDER(no_single_failing_call_leaves_a_wrong_copy),
        UNIT_IN_FOLDER(no_moment_of_dying_leaves_a_wrong_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
