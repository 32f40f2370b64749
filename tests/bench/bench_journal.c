/*
 * What a journal costs: appending with and without durability beside a bare write + fdatasync of
 * the same bytes, and verifying a long one.
 *
 *     bench_journal [FOLDER] [RECORDS]
 *
 * FOLDER (default: the working folder) says which disk is measured; RECORDS (default 1,000,000) how
 * long the journal to verify is. Every figure is the median of several rounds; a journal and its
 * bare counterpart take turns, so that a busy disk bothers both.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "journal/journal.h"
#include "os/files.h"

enum { ROUNDS = 7, SYNCED = 200, UNSYNCED = 20000, RECORD_BYTES = 512 };

static double cpu_us(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

/* An intent whose line is about RECORD_BYTES long. */
static struct bsc_value *payload_make(void)
{
    struct bsc_value *payload = bsc_value_map(), *args = bsc_value_map();
    struct bsc_value *becomes = bsc_value_map(), *before = bsc_value_map();
    bsc_value_set_int(payload, "effect", 17);
    bsc_value_set_int(payload, "action", 1);
    bsc_value_set_int(payload, "item", 4);
    bsc_value_set_text(payload, "resource", "pool:chat");
    bsc_value_set_text(
        payload, "statement",
        "UPDATE \"pool\" SET state = 'FailedOver' WHERE name = 'chat' AND version = 7");
    bsc_value_set_text(payload, "row", "pools.update");
    bsc_value_set_text(args, "pool", "chat");
    bsc_value_set_text(args, "server", "app");
    bsc_value_set(payload, "args", args);
    bsc_value_set_text(becomes, "state", "FailedOver");
    bsc_value_set(payload, "becomes", becomes);
    bsc_value_set_text(before, "state", "Normal");
    bsc_value_set(payload, "before", before);
    return payload;
}

static struct bsc_journal *journal_make(const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_journal_options options = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .path = path, .force = true};
    unlink(path);
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    if (journal == NULL)
        bench_die(path, &err);
    return journal;
}

/* Appends `count` records; returns wall or processor time of one, in microseconds. */
static double journal_round(const char *path, const struct bsc_value *payload, int count,
                            bool durable, double (*clock)(void), size_t *ret_bytes)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal *journal = journal_make(path);
    double start = clock();
    for (int i = 0; i < count; i++)
        if (!bsc_journal_append(journal, BSC_JOURNAL_INTENT, payload, durable, &err))
            bench_die(path, &err);
    double each = (clock() - start) / count;
    *ret_bytes = (size_t)bsc_journal_bytes(journal) / (size_t)count;
    if (!bsc_journal_close(journal, &err))
        bench_die(path, &err);
    return each;
}

/* The same number of bytes with nothing but the system calls. */
static double bare_round(const char *path, size_t bytes, int count, bool durable,
                         double (*clock)(void))
{
    char *block = bsc_mem_new(bytes, 1);
    memset(block, 'x', bytes);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    double start = clock();
    for (int i = 0; i < count; i++)
        if (write(fd, block, bytes) != (ssize_t)bytes || (durable && fdatasync(fd) != 0))
            abort();
    double each = (clock() - start) / count;
    close(fd);
    bsc_mem_free(block);
    return each;
}

static void append_bench(const char *name, const char *path, const char *bare_path,
                         const struct bsc_value *payload, int count, bool durable,
                         double (*clock)(void))
{
    double ours[ROUNDS], bare[ROUNDS];
    size_t bytes = 0;
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = journal_round(path, payload, count, durable, clock, &bytes);
        bare[i] = bare_round(bare_path, bytes, count, durable, clock);
    }
    double mine = bench_median(ours, ROUNDS), theirs = bench_median(bare, ROUNDS);
    printf("%-34s %9.2f us   bare %9.2f us   ratio %5.2f   (%zu bytes)\n", name, mine, theirs,
           mine / theirs, bytes);
    unlink(path);
    unlink(bare_path);
}

static void verify_bench(const char *path, const struct bsc_value *payload, int count)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    double figures[ROUNDS];
    size_t bytes = 0;
    journal_round(path, payload, count, false, bench_now_us, &bytes);
    for (int i = 0; i < ROUNDS; i++) {
        double start = bench_now_us();
        if (!bsc_journal_verify(bsc_sys_real(), path, &report, &err))
            bench_die(path, &err);
        figures[i] = (bench_now_us() - start) / 1e6;
    }
    if (report.records != count || report.fault != BSC_JOURNAL_FAULT_NONE) {
        bsc_journal_report_err(path, &report, &err);
        bench_die(path, &err);
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("verify %d records of %zu bytes: %.3f s, resident %ld KiB at most\n", count, bytes,
           bench_median(figures, ROUNDS), use.ru_maxrss);
    unlink(path);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";
    int64_t count = 1000000;
    if (argc > 2 &&
        (!bsc_num_parse(argv[2], strlen(argv[2]), &count) || count < 1 || count > INT32_MAX)) {
        fputs("usage: bench_journal [FOLDER] [RECORDS]\n", stderr);
        return 2;
    }
    char *path = bsc_files_join(folder, "bench-journal.jsonl");
    char *bare = bsc_files_join(folder, "bench-bare.jsonl");
    struct bsc_value *payload = payload_make();
    append_bench("append, durable (wall)", path, bare, payload, SYNCED, true, bench_now_us);
    append_bench("append, not synced (processor)", path, bare, payload, UNSYNCED, false, cpu_us);
    verify_bench(path, payload, (int)count);
    bsc_value_free(payload);
    bsc_mem_free(path);
    bsc_mem_free(bare);
    return 0;
}
