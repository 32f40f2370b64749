#include "unit.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "fault_sys.h"
#include "logs/history.h"
#include "logs/segments.h"
#include "os/files.h"

enum {
    SEGMENT = 1 << 20,
    PAGE = 8192,
    AT_MAGIC = 0,
    AT_TIMELINE = 4,
    AT_ADDRESS = 8,
    AT_SYSTEM_ID = 24
};

static const uint64_t system_id = 0x1122334455667788;
static const char first_name[] = "00000001000000000000000A";
static const char second_name[] = "00000001000000000000000B";

struct stage {
    char *share;       /* owned */
    char *destination; /* owned */
    struct bsc_logs_segments_order order;
    int handed_over;
    int64_t first_lsn; /* of the file that was handed over last */
    int64_t done;      /* of the last report */
};

static void set(unsigned char *at, uint64_t value, size_t length)
{
    memcpy(at, &value, length);
}

/* A log file that was closed after some of its pages; returns owned. */
static unsigned char *make_segment(uint64_t number, size_t pages)
{
    unsigned char *bytes = calloc(1, SEGMENT);
    assert_non_null(bytes);
    for (size_t i = 0; i < pages; i++) {
        unsigned char *page = bytes + i * PAGE;
        memset(page, (int)(number + i), PAGE);
        memset(page, 0, 40);
        set(page + AT_MAGIC, 0xD110, 2);
        set(page + AT_MAGIC + 2, i == 0 ? 2 : 0, 2);
        set(page + AT_TIMELINE, 1, 4);
        set(page + AT_ADDRESS, number * SEGMENT + i * PAGE, 8);
    }
    set(bytes + AT_SYSTEM_ID, system_id, 8);
    set(bytes + 32, SEGMENT, 4);
    set(bytes + 36, PAGE, 4);
    return bytes;
}

static void put(const char *folder, const char *name, const void *bytes, size_t length)
{
    char *path = unit_path(folder, name);
    unit_file_put(path, bytes, length);
    free(path);
}

static void put_segment(const char *folder, const char *name, uint64_t number, size_t pages)
{
    unsigned char *bytes = make_segment(number, pages);
    put(folder, name, bytes, SEGMENT);
    free(bytes);
}

static void count(void *arg, int64_t first_lsn)
{
    struct stage *stage = arg;
    stage->handed_over++;
    stage->first_lsn = first_lsn;
}

static void report(void *arg, int64_t done, int64_t total)
{
    struct stage *stage = arg;
    assert_true(done > stage->done && done <= total);
    stage->done = done;
}

static void open_stage(struct stage *stage, const char *folder)
{
    static const char *const names[] = {first_name, second_name};
    *stage = (struct stage){.share = unit_path(folder, "share"),
                            .destination = unit_path(folder, "copied")};
    assert_int_equal(mkdir(stage->share, 0700), 0);
    assert_int_equal(mkdir(stage->destination, 0700), 0);
    put_segment(stage->share, first_name, 10, SEGMENT / PAGE);
    put_segment(stage->share, second_name, 11, 3);
    stage->order = (struct bsc_logs_segments_order){.sys = bsc_sys_real(),
                                                    .share = stage->share,
                                                    .destination = stage->destination,
                                                    .names = names,
                                                    .count = 2,
                                                    .segment_bytes = SEGMENT,
                                                    .system_id = system_id,
                                                    .progress = report,
                                                    .progress_arg = stage,
                                                    .handed_over = count,
                                                    .handed_over_arg = stage};
}

static void close_stage(struct stage *stage)
{
    free(stage->share);
    free(stage->destination);
}

static void assert_same(const struct stage *stage, const char *name)
{
    size_t length = 0, there_length = 0;
    char *from = unit_path(stage->share, name), *to = unit_path(stage->destination, name);
    char *bytes = unit_file_get(from, &length), *there = unit_file_get(to, &there_length);
    assert_non_null(there);
    assert_int_equal(there_length, length);
    assert_memory_equal(there, bytes, length);
    free(from);
    free(to);
    free(bytes);
    free(there);
}

static bool is_there(const struct stage *stage, const char *name)
{
    char *path = unit_path(stage->destination, name);
    bool there = bsc_files_exists(bsc_sys_real(), path);
    free(path);
    return there;
}

static void each_log_file_is_handed_over_by_itself(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(result.copied, 2);
    assert_int_equal(result.bytes, 2 * SEGMENT);
    assert_int_equal(stage.handed_over, 2);
    assert_int_equal(stage.first_lsn, 11 * SEGMENT);
    assert_int_equal(stage.done, 2 * SEGMENT);
    assert_same(&stage, first_name);
    assert_same(&stage, second_name);
    assert_int_equal(unit_entry_count(stage.destination), 2);
    stage.done = 0;
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(result.kept, 2);
    assert_int_equal(stage.handed_over, 2);
    close_stage(&stage);
}

static void a_piece_of_a_file_is_replaced_and_another_file_is_not(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    put(stage.destination, first_name, "piece", 5);
    put(stage.destination, ".00000001000000000000000A.partial", "piece", 5);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_same(&stage, first_name);
    put_segment(stage.destination, second_name, 11, 4);
    stage.done = 0;
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "is there already with other bytes"));
    close_stage(&stage);
}

/* One byte of the first log file is another. */
static void expect_damage(struct stage *stage, size_t at, unsigned char byte, const char *part)
{
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char *bytes = make_segment(10, 3);
    bytes[at] = byte;
    put(stage->share, first_name, bytes, SEGMENT);
    free(bytes);
    stage->done = 0;
    assert_false(bsc_logs_segments_copy(&stage->order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    if (strstr(err.message, part) == NULL || strstr(err.message, first_name) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    assert_int_equal(unit_entry_count(stage->destination), 0);
}

static void what_its_pages_do_not_bear_out_is_never_named(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    expect_damage(&stage, 2, 0, "0/A00000: it does not begin like a log file");
    expect_damage(&stage, 36, 1, "its first page is not that of such a log file");
    expect_damage(&stage, 32, 1, "its first page is not that of such a log file");
    expect_damage(&stage, AT_SYSTEM_ID, 1, "it is of another database system");
    expect_damage(&stage, PAGE + AT_MAGIC, 1, "0/A02000: no page begins here");
    expect_damage(&stage, PAGE + AT_ADDRESS, 1, "the page here is of another place");
    expect_damage(&stage, PAGE + AT_TIMELINE, 2, "the page here is of another timeline");
    expect_damage(&stage, SEGMENT - 1, 7, "0/AFE000: bytes follow behind its end");
    assert_int_equal(stage.handed_over, 0);
    close_stage(&stage);
}

static void bytes_behind_the_end_of_the_log_are_damage(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    unsigned char *bytes = make_segment(10, SEGMENT / PAGE);
    memset(bytes + 5 * PAGE, 0, PAGE);
    put(stage.share, first_name, bytes, SEGMENT);
    free(bytes);
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_non_null(strstr(err.message, "bytes follow behind its end"));
    close_stage(&stage);
}

static void only_names_that_a_standby_asks_for_are_copied(void **state)
{
    static const char *const wrong[] = {"00000001000000000000000A.partial",
                                        "00000001000000000000000a",
                                        "0000000100000000FFFFFFFF",
                                        "00000001000000000000000A.00000028.backup",
                                        "../secret",
                                        "",
                                        "1.history"};
    struct stage stage;
    struct bsc_logs_segments_result result;
    open_stage(&stage, *state);
    stage.order.count = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        stage.order.names = &wrong[i];
        assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
    close_stage(&stage);
}

static void a_log_file_of_another_length_or_gone_is_named(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    put(stage.share, second_name, "short", 5);
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, "has 5 bytes instead of 1048576"));
    assert_int_equal(result.copied, 1);
    char *path = unit_path(stage.share, second_name);
    assert_int_equal(remove(path), 0);
    stage.done = 0;
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(path);
    close_stage(&stage);
}

static void the_operator_can_stop_it(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    atomic_bool cancel = true;
    open_stage(&stage, *state);
    stage.order.cancel = &cancel;
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_int_equal(unit_entry_count(stage.destination), 0);
    close_stage(&stage);
}

/* Whatever call fails, what has a name is whole, and doing it again completes it. */
static void no_failure_leaves_a_piece_under_a_name(void **state)
{
    struct stage stage;
    struct unit_sys fault;
    struct bsc_logs_segments_result result;
    open_stage(&stage, *state);
    stage.order.progress = NULL;
    int before = unit_fd_count();
    for (unsigned long n = 1;; n++) {
        struct bsc_err err = BSC_ERR_INIT;
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, false);
        stage.order.sys = &fault.table;
        bool ok = bsc_logs_segments_copy(&stage.order, &result, &err);
        if (!fault.failed)
            break;
        assert_int_equal(ok, err.code == BSC_ERR_NONE);
        if (is_there(&stage, first_name))
            assert_same(&stage, first_name);
        if (is_there(&stage, second_name))
            assert_same(&stage, second_name);
        stage.order.sys = bsc_sys_real();
        err = (struct bsc_err)BSC_ERR_INIT;
        assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
        char *first = unit_path(stage.destination, first_name);
        char *second = unit_path(stage.destination, second_name);
        assert_int_equal(remove(first), 0);
        assert_int_equal(remove(second), 0);
        free(first);
        free(second);
        assert_int_equal(unit_entry_count(stage.destination), 0);
    }
    assert_int_equal(unit_fd_count(), before);
    close_stage(&stage);
}

static void histories_are_copied_and_read(void **state)
{
    static const char text[] = "1\t0/39FFFE8\tno recovery target specified\n\n"
                               "2\tA/1000028\tbefore 2026-11-21\n";
    static const char *const names[] = {"00000003.history"};
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_logs_history history;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    stage.order.names = names;
    stage.order.count = 1;
    put(stage.share, names[0], text, sizeof text - 1);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_same(&stage, names[0]);
    assert_int_equal(stage.first_lsn, -1);
    char *path = unit_path(stage.destination, names[0]);
    assert_true(bsc_logs_history_read(bsc_sys_real(), path, &history, &err));
    assert_int_equal(history.timeline, 3);
    assert_int_equal(history.parent, 2);
    assert_int_equal(history.lsn, 0xA01000028);
    free(path);
    close_stage(&stage);
}

static void what_is_no_history_is_damaged(void **state)
{
    static const char *const texts[] = {"",
                                        "hello\n",
                                        "1\n",
                                        "3\t0/1\tits own parent\n",
                                        "1\t0-1\tno LSN\n",
                                        "2\t0/2\n1\t0/1\tbackwards\n",
                                        "1\t123456789012/1\tlong\n"};
    struct bsc_logs_history history;
    char *path = unit_path(*state, "00000003.history");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        unit_file_put(path, texts[i], strlen(texts[i]));
        if (bsc_logs_history_read(bsc_sys_real(), path, &history, &err))
            fail_msg("\"%s\" is taken for a history", texts[i]);
        assert_int_equal(err.code, BSC_ERR_DAMAGED);
    }
    free(path);
}

static void what_lies_under_the_name_of_a_piece_is_never_written_to(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    put_segment(stage.share, first_name, 10, 2);
    put_segment(stage.share, second_name, 11, 2);
    char *treasure = unit_path(*state, "treasure");
    char *symbolic = unit_path(stage.destination, ".00000001000000000000000A.partial");
    char *hard = unit_path(stage.destination, ".00000001000000000000000B.partial");
    unit_file_put(treasure, "gold", 4);
    assert_int_equal(symlink(treasure, symbolic), 0);
    assert_int_equal(link(treasure, hard), 0);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    char *text = unit_file_get(treasure, NULL);
    assert_string_equal(text, "gold");
    struct stat found = {0};
    assert_int_equal(stat(treasure, &found), 0);
    assert_int_equal(found.st_nlink, 1);
    assert_int_equal(found.st_uid, geteuid());
    free(text);
    free(hard);
    free(symbolic);
    free(treasure);
    close_stage(&stage);
}

static void put_text(const char *folder, const char *name, const char *text)
{
    put(folder, name, text, strlen(text));
}

/* A file of a server's own folder is its own only where it says so; any other has the name of a log
 * file and what is left of an older one. */
static void a_file_in_the_servers_own_folder_is_marked(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    char *marks = unit_path(stage.destination, "archive_status");
    assert_int_equal(mkdir(marks, 0700), 0);
    stage.order.marks = marks;
    stage.order.mark = "done";
    put_segment(stage.destination, first_name, 3, SEGMENT / PAGE);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(result.copied, 2);
    assert_same(&stage, first_name);
    assert_same(&stage, second_name);
    char *mark = unit_path(marks, "00000001000000000000000A.done");
    assert_true(bsc_files_exists(bsc_sys_real(), mark));
    assert_int_equal(unit_entry_count(marks), 2);

    stage.done = 0;
    unlink(mark);
    assert_true(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(result.copied, 1);
    assert_int_equal(result.kept, 1);
    assert_true(bsc_files_exists(bsc_sys_real(), mark));

    stage.done = 0;
    put_segment(stage.destination, first_name, 3, SEGMENT / PAGE);
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    free(mark);
    free(marks);
    close_stage(&stage);
}

static void a_note_that_cannot_be_made_is_an_error(void **state)
{
    struct stage stage;
    struct bsc_logs_segments_result result;
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    char *marks = unit_path(stage.destination, "archive_status");
    put_text(stage.destination, "archive_status", "no folder");
    stage.order.marks = marks;
    stage.order.mark = "done";
    assert_false(bsc_logs_segments_copy(&stage.order, &result, &err));
    assert_non_null(strstr(err.message, "cannot make the note"));
    assert_int_equal(stage.handed_over, 0);
    free(marks);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(each_log_file_is_handed_over_by_itself),
        UNIT_IN_FOLDER(a_piece_of_a_file_is_replaced_and_another_file_is_not),
        UNIT_IN_FOLDER(what_its_pages_do_not_bear_out_is_never_named),
        UNIT_IN_FOLDER(bytes_behind_the_end_of_the_log_are_damage),
        UNIT_IN_FOLDER(only_names_that_a_standby_asks_for_are_copied),
        UNIT_IN_FOLDER(a_log_file_of_another_length_or_gone_is_named),
        UNIT_IN_FOLDER(the_operator_can_stop_it),
        UNIT_IN_FOLDER(no_failure_leaves_a_piece_under_a_name),
        UNIT_IN_FOLDER(what_lies_under_the_name_of_a_piece_is_never_written_to),
        UNIT_IN_FOLDER(a_file_in_the_servers_own_folder_is_marked),
        UNIT_IN_FOLDER(a_note_that_cannot_be_made_is_an_error),
        UNIT_IN_FOLDER(histories_are_copied_and_read),
        UNIT_IN_FOLDER(what_is_no_history_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
