#include "lib_fixture.h"

#include <errno.h>

#include "../logs/pg_cluster.h"

enum { SEGMENT = 1 << 20, PAGE = 8192 };

/* What pg_waldump tells of the log: the places of its first and its last record, and the time of
 * the last end of a transaction. */
struct told {
    char first[64];
    char last[64];
    char time[64];
};

static void read_line(const struct pg_cluster *cluster, const char *name, char *ret, size_t size)
{
    char *path = unit_path(cluster->folder, name);
    char *text = unit_file_get(path, NULL);
    assert_non_null(text);
    snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    free(path);
}

static void ask_waldump(const struct pg_cluster *cluster, struct told *told)
{
    pg_shell("cd %s && first=$(ls data/pg_wal | grep -E '^[0-9A-F]{24}$' | head -n 1) && "
             "%s/pg_waldump -p data/pg_wal -s 0/${first#?????????????????????}00000 "
             "2>/dev/null >log; "
             "sed -n 's/.*lsn: \\([^,]*\\),.*/\\1/p' log | tail -n 1 >last; "
             "sed -n 's/.*desc: \\(COMMIT\\|ABORT\\) \\([0-9-]* [0-9:.]*\\).*/\\2/p' log | "
             "tail -n 1 >time; sed -n 's/.*lsn: \\([^,]*\\),.*/\\1/p' log | head -n 1 >first",
             cluster->folder, cluster->programs);
    read_line(cluster, "first", told->first, sizeof told->first);
    read_line(cluster, "last", told->last, sizeof told->last);
    read_line(cluster, "time", told->time, sizeof told->time);
}

static int64_t lsn_of(const char *text)
{
    char *slash = NULL;
    unsigned long long high = strtoull(text, &slash, 16);
    assert_int_equal(*slash, '/');
    return (int64_t)(high << 32 | strtoull(slash + 1, NULL, 16));
}

static void put_statements(struct pg_cluster *cluster)
{
    pg_cluster_make(cluster);
    pg_run(cluster, false,
           "CREATE TABLE t (n int, text text);\n\n"
           "INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 4000) n;\n\n" PG_FILL
           "INSERT INTO t VALUES (-1, 'last');\n\n"
           "SELECT pg_sleep(0.02);\n\n"
           "BEGIN; INSERT INTO t VALUES (-2, 'taken back'); ROLLBACK;\n\n");
}

/* What those wrote, and what pg_waldump tells of it. */
static void write_log(void **state, struct lib_bench *bench, struct pg_cluster *cluster,
                      struct told *told)
{
    bench_open(bench, state);
    put_statements(cluster);
    ask_waldump(cluster, told);
}

static struct bsc_value *ask_end(struct lib_bench *bench, const struct pg_cluster *cluster,
                                 int64_t lsn, int64_t last_file, bool all)
{
    return call_row(bench, "wal.end",
                    "{'folders':['%s'],'timeline':1,'segment':%d,'lsn':%lld,'last_file':%lld,"
                    "'all':%s}",
                    cluster->wal, SEGMENT, (long long)lsn, (long long)last_file,
                    all ? "true" : "false");
}

/* The server ends a statement's transaction in UTC milliseconds; pg_waldump tells more digits. */
static void assert_time(const char *told, const char *time)
{
    if (memcmp(time, told, 10) != 0 || memcmp(time + 11, told + 11, 12) != 0)
        fail_msg("%s is not %s", time, told);
}

static void the_end_of_the_log_is_the_same_from_everywhere(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    write_log(state, &bench, &cluster, &told);
    int64_t last = lsn_of(told.last), begin = lsn_of(told.first), from = 0;
    for (int64_t file = last / SEGMENT * SEGMENT; file > begin - SEGMENT; file -= SEGMENT) {
        struct bsc_value *end = ask_end(&bench, &cluster, begin, file, file < begin);
        if (end == NULL)
            fail_msg("%s", bench.err.message);
        assert_true(bsc_value_get_truth(end, "whole"));
        assert_true(bsc_value_get_number(end, "lsn", 0) > last);
        assert_true(from == 0 || from == bsc_value_get_number(end, "lsn", 0));
        from = bsc_value_get_number(end, "lsn", 0);
        assert_time(told.time, bsc_value_get_string(end, "time"));
        bsc_value_free(end);
    }
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

/* Zeroes a file of the log from one place in it to another. */
static void zero(const struct pg_cluster *cluster, int64_t lsn, int64_t upto)
{
    char name[32];
    snprintf(name, sizeof name, "%08X%08X%08X", 1U, (unsigned)(lsn >> 32),
             (unsigned)((uint64_t)lsn % (UINT64_C(1) << 32) / SEGMENT));
    pg_shell("dd if=/dev/zero of=%s/%s bs=8 seek=%lld count=%lld conv=notrunc status=none",
             cluster->wal, name, (long long)(lsn % SEGMENT / 8), (long long)((upto - lsn) / 8));
}

static void assert_end(struct lib_bench *bench, const struct pg_cluster *cluster, int64_t begin,
                       int64_t last_file, bool whole, bool zeros)
{
    struct bsc_value *end = ask_end(bench, cluster, begin, last_file, true);
    assert_non_null(end);
    assert_int_equal(bsc_value_get_truth(end, "whole"), whole);
    assert_int_equal(bsc_value_get_truth(end, "zeros"), zeros);
    assert_true((*bsc_value_get_string(end, "reason") == '\0') == (whole && !zeros));
    bsc_value_free(end);
}

static void zeros_are_an_end_behind_the_last_record_only(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    write_log(state, &bench, &cluster, &told);
    int64_t last = lsn_of(told.last), begin = lsn_of(told.first);
    int64_t last_file = last / SEGMENT * SEGMENT, middle = last_file - SEGMENT / 2;
    assert_true(middle > begin);
    /* Within the last file, with whole records behind. */
    pg_shell("cp -r %s %s/kept", cluster.wal, cluster.folder);
    zero(&cluster, last_file + PAGE, last_file + (int64_t)2 * PAGE);
    assert_true(last > last_file + (int64_t)4 * PAGE);
    assert_end(&bench, &cluster, begin, last_file, false, false);
    pg_shell("rm -r %s && mv %s/kept %s", cluster.wal, cluster.folder, cluster.wal);
    zero(&cluster, last, last_file + SEGMENT);
    assert_end(&bench, &cluster, begin, last_file, true, true);
    zero(&cluster, middle, last_file);
    assert_end(&bench, &cluster, begin, last_file, false, false);
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

/* The operator wants an end once the pages behind the last record are looked at: of these only
 * their beginnings are read. */
struct stopper {
    struct bsc_sys sys;
    atomic_bool *cancel;
};

static ssize_t stopping_pread(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    struct stopper *stopper = self;
    if (length == 16)
        atomic_store(stopper->cancel, true);
    return pread(fd, bytes, length, offset);
}

static void a_log_that_was_not_read_to_its_end_is_not_whole(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    write_log(state, &bench, &cluster, &told);
    int64_t last = lsn_of(told.last), begin = lsn_of(told.first);
    int64_t last_file = last / SEGMENT * SEGMENT;
    zero(&cluster, last, last_file + SEGMENT);
    struct stopper stopper = {.sys = *bsc_sys_real(), .cancel = &bench.cancel};
    stopper.sys.self = &stopper;
    stopper.sys.pread = stopping_pread;
    bench.env.sys = &stopper.sys;
    for (int all = 0; all < 2; all++) {
        atomic_store(&bench.cancel, false);
        assert_refusal(&bench, ask_end(&bench, &cluster, begin, last_file, all == 1),
                       BSC_ERR_CANCELLED, "was cancelled");
    }
    atomic_store(&bench.cancel, false);
    bench.env.sys = bsc_sys_real();
    assert_end(&bench, &cluster, begin, last_file, true, true);
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

/* What was read of files, by a system that is else as it is. */
static ssize_t counted_pread(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    ssize_t got = pread(fd, bytes, length, offset);
    *(int64_t *)self += got > 0 ? got : 0;
    return got;
}

static void a_long_transaction_is_read_back_over_once(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    int64_t bytes = 0;
    struct bsc_sys counting = *bsc_sys_real();
    counting.self = &bytes;
    counting.pread = counted_pread;
    bench_open(&bench, state);
    bench.env.sys = &counting;
    pg_cluster_make(&cluster);
    pg_run(&cluster, false,
           "CREATE TABLE t (n int, text text);\n\n"
           "BEGIN; INSERT INTO t SELECT n, repeat('x', 500) FROM generate_series(1, 40000) n;\n\n");
    ask_waldump(&cluster, &told);
    int64_t last = lsn_of(told.last), begin = lsn_of(told.first);
    assert_true(last - begin > (int64_t)16 * SEGMENT);
    struct bsc_value *all = ask_end(&bench, &cluster, begin, begin, true);
    int64_t once = bytes;
    struct bsc_value *end = ask_end(&bench, &cluster, begin, last / SEGMENT * SEGMENT, false);
    assert_non_null(all);
    assert_non_null(end);
    assert_string_equal(bsc_value_get_string(all, "time"), bsc_value_get_string(end, "time"));
    assert_int_equal(bsc_value_get_number(all, "lsn", 0), bsc_value_get_number(end, "lsn", 1));
    /* A record that goes on in the next file is read with it. */
    assert_true(once > 0);
    assert_true(bytes - once < 4 * once);
    bsc_value_free(all);
    bsc_value_free(end);
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

/* A byte in the middle of a file is another, or what it was before. */
static void flip(const char *folder, const char *name)
{
    char *path = unit_path(folder, name);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    assert_int_equal(length, SEGMENT);
    bytes[SEGMENT / 2] ^= 1;
    unit_file_put(path, bytes, length);
    free(bytes);
    free(path);
}

/* Which of the copied file and that of the share it says is to be taken. */
static void assert_compared(struct lib_bench *bench, const struct pg_cluster *cluster,
                            const char *name, const char *mark, const char *verdict)
{
    struct bsc_value *found =
        call_row(bench, "wal.compare",
                 "{'share':'%s','destination':'%s/copied','files':['%s'],'segment':%d,'lsn':0,"
                 "'known':{'%s':'%s'}}",
                 cluster->wal, cluster->folder, name, SEGMENT, name, mark);
    if (found == NULL)
        fail_msg("%s", bench->err.message);
    const struct bsc_value *shared = bsc_value_get(found, "shared");
    const char *now = bsc_value_get_string(bsc_value_get(found, "same"), name);
    assert_int_equal(bsc_value_count(shared), strcmp(verdict, "share") == 0);
    assert_int_equal(now != NULL, strcmp(verdict, "same") == 0);
    bsc_value_free(found);
}

static void of_two_files_the_one_that_leads_farther_is_to_be_taken(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    char name[32];
    write_log(state, &bench, &cluster, &told);
    pg_shell("cp -r %s %s/copied", cluster.wal, cluster.folder);
    char *copied = unit_path(cluster.folder, "copied");
    snprintf(name, sizeof name, "00000001%016llX",
             (unsigned long long)(lsn_of(told.last) / SEGMENT - 1));
    assert_compared(&bench, &cluster, name, "", "same");
    flip(copied, name);
    assert_compared(&bench, &cluster, name, "", "share");
    struct bsc_value *found =
        call_row(&bench, "wal.compare",
                 "{'share':'%s','destination':'%s','files':['0000000100000FFF00000000','%s'],"
                 "'segment':%d,'lsn':0}",
                 cluster.wal, copied, name, SEGMENT);
    assert_int_equal(bsc_value_count(bsc_value_get(found, "shared")), 1);
    bsc_value_free(found);
    flip(copied, name);
    flip(cluster.wal, name);
    assert_compared(&bench, &cluster, name, "", "copy");
    flip(copied, name);
    assert_compared(&bench, &cluster, name, "", "same");
    assert_refusal(&bench,
                   call_row(&bench, "wal.compare",
                            "{'share':'/','destination':'/','files':['../x'],'segment':%d,"
                            "'lsn':0}",
                            SEGMENT),
                   BSC_ERR_USAGE, "must be names of log files");
    free(copied);
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

static void arguments_that_mean_nothing_are_refused(void **state)
{
    struct lib_bench bench;
    bench_open(&bench, state);
    assert_refusal(&bench,
                   call_row(&bench, "wal.end",
                            "{'folders':[],'timeline':1,'segment':1048576,'lsn':0,'last_file':0}"),
                   BSC_ERR_USAGE, "must name 1 to 4 folders");
    assert_refusal(&bench,
                   call_row(&bench, "wal.end",
                            "{'folders':['/'],'timeline':0,'segment':1,'lsn':0,'last_file':0}"),
                   BSC_ERR_USAGE, "no such timeline or segment size");
    assert_refusal(
        &bench, call_row(&bench, "wal.history", "{'path':'%s/00000002.history'}", (char *)*state),
        BSC_ERR_NOT_FOUND, "00000002.history");
    assert_refusal(&bench,
                   call_row(&bench, "standby.set",
                            "{'server':'sql1','database':'d','name':'a b','value':'x'}"),
                   BSC_ERR_USAGE, "is not the name of a setting");
    bench_close(&bench);
}

static int64_t a_minute_later(void *self)
{
    (void)self;
    return bsc_clock_real()->wall_ms(bsc_clock_real()->self) + 60000;
}

static int64_t a_minute_before(void *self)
{
    (void)self;
    return bsc_clock_real()->wall_ms(bsc_clock_real()->self) - 60000;
}

static ssize_t cannot_read(void *self, int fd, void *bytes, size_t length, off_t offset)
{
    (void)self, (void)fd, (void)bytes, (void)length, (void)offset;
    errno = EIO;
    return -1;
}

/* What a question says of the log is whole; a row that has to read it says so, or fails. */
static bool is_whole(struct lib_bench *bench, const struct pg_cluster *cluster, int64_t begin)
{
    struct bsc_value *end = ask_end(bench, cluster, begin, begin, true);
    bool whole = end != NULL && bsc_value_get_truth(end, "whole");
    bsc_value_free(end);
    return whole;
}

static void what_was_read_is_kept_while_the_files_are_the_same(void **state)
{
    struct lib_bench bench;
    struct pg_cluster cluster;
    struct told told;
    struct bsc_sys sys = *bsc_sys_real();
    struct bsc_clock clock = *bsc_clock_real();
    write_log(state, &bench, &cluster, &told);
    int64_t begin = lsn_of(told.first);
    bench.env.sys = &sys;
    clock.wall_ms = a_minute_before;
    bench.env.clock = &clock;
    assert_true(is_whole(&bench, &cluster, begin));
    sys.pread = cannot_read;
    assert_false(is_whole(&bench, &cluster, begin)); /* the files were changed a moment ago */

    sys.pread = bsc_sys_real()->pread;
    clock.wall_ms = a_minute_later;
    assert_true(is_whole(&bench, &cluster, begin));
    sys.pread = cannot_read;
    assert_true(is_whole(&bench, &cluster, begin));
    pg_shell("touch %s/*", cluster.wal);
    assert_false(is_whole(&bench, &cluster, begin));
    pg_cluster_remove(&cluster);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_end_of_the_log_is_the_same_from_everywhere),
        UNIT_IN_FOLDER(zeros_are_an_end_behind_the_last_record_only),
        UNIT_IN_FOLDER(a_log_that_was_not_read_to_its_end_is_not_whole),
        UNIT_IN_FOLDER(a_long_transaction_is_read_back_over_once),
        UNIT_IN_FOLDER(of_two_files_the_one_that_leads_farther_is_to_be_taken),
        UNIT_IN_FOLDER(what_was_read_is_kept_while_the_files_are_the_same),
        UNIT_IN_FOLDER(arguments_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
