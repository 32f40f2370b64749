/*
 * What reading PostgreSQL's log costs, beside pg_waldump over the same files.
 *
 *     bench_pg_log PROGRAMS FOLDER FILE
 *
 * PROGRAMS is the folder of PostgreSQL's programs, FOLDER one of log files of 16 MiB, FILE the name
 * of the first of them to read. All read to the end of the log: we record by record, we on all
 * processors for where it ends only, and pg_waldump, which only sums up what it finds (--stats),
 * the quickest that it can do. They take turns, everything is in memory from the second round on,
 * and every figure is the median.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

#include "base/mem.h"
#include "logs/pg_parts.h"

enum { ROUNDS = 7, SEGMENT = 16 << 20 };

extern char **environ;

/* A folder of log files, and from where on it is read. */
struct log {
    struct bsc_logs_pg_folder folder;
    struct bsc_logs_pg_order order;
};

static void log_aim(struct log *log, const char *folder, uint64_t first)
{
    log->folder = (struct bsc_logs_pg_folder){.path = folder};
    log->order = (struct bsc_logs_pg_order){.sys = bsc_sys_real(),
                                            .folders = &log->folder,
                                            .folder_count = 1,
                                            .timeline = 1,
                                            .segment = SEGMENT,
                                            .first_lsn = first,
                                            .find = true};
}

static double time_reader(const struct log *log, long *ret_records, uint64_t *ret_end)
{
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    double begin = bench_now_us();
    if (!bsc_logs_pg_open(&reader, &log->order, &err))
        bench_die("cannot read", &err);
    *ret_records = 0;
    while (bsc_logs_pg_next(&reader))
        ++*ret_records;
    *ret_end = reader.end_lsn;
    bsc_logs_pg_release(&reader);
    return (bench_now_us() - begin) / 1e6;
}

/* 0 where it is not read in parts. */
static double time_parts(const struct log *log, uint64_t end)
{
    struct bsc_logs_pg_reader reader;
    int64_t time_us = 0;
    double begin = bench_now_us();
    if (!bsc_logs_pg_parts_read(&log->order, (end - 1) / SEGMENT * SEGMENT, &reader, &time_us))
        return 0;
    bsc_logs_pg_release(&reader);
    return (bench_now_us() - begin) / 1e6;
}

static double time_waldump(const char *programs, const char *folder, uint64_t first)
{
    char *program = bsc_mem_format("%s/pg_waldump", programs);
    char *start = bsc_mem_format("%X/%X", (unsigned)(first >> 32), (unsigned)first);
    char *argv[] = {program, "--stats", "-p", (char *)folder, "-s", start, NULL};
    posix_spawn_file_actions_t quiet;
    int status = 0;
    pid_t pid = 0;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    double begin = bench_now_us();
    if (posix_spawn(&pid, program, &quiet, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) < 0)
        bench_die("pg_waldump cannot be started", NULL);
    double seconds = (bench_now_us() - begin) / 1e6;
    posix_spawn_file_actions_destroy(&quiet);
    bsc_mem_free(program);
    bsc_mem_free(start);
    return seconds;
}

int main(int argc, char **argv)
{
    double ours[ROUNDS], parts[ROUNDS], theirs[ROUNDS];
    struct log log;
    uint64_t end = 0;
    long records = 0;
    struct rusage usage;
    if (argc != 4 || strlen(argv[3]) != 24)
        bench_die("usage: bench_pg_log PROGRAMS FOLDER FILE", NULL);
    const uint64_t first = strtoull(argv[3] + 16, NULL, 16) * SEGMENT;
    log_aim(&log, argv[2], first);
    time_reader(&log, &records, &end);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = time_reader(&log, &records, &end);
        parts[i] = time_parts(&log, end);
        theirs[i] = time_waldump(argv[1], argv[2], first);
    }
    getrusage(RUSAGE_SELF, &usage);
    const double bytes = (double)(end - first), mine = bench_median(ours, ROUNDS),
                 all = bench_median(parts, ROUNDS), other = bench_median(theirs, ROUNDS);
    printf("%ld records, %.0f MB: %.0f MB/s, in parts %.0f MB/s, pg_waldump --stats %.0f MB/s "
           "(ratio %.1f), %ld KiB of memory\n",
           records, bytes / 1e6, bytes / 1e6 / mine, all > 0 ? bytes / 1e6 / all : 0.0,
           bytes / 1e6 / other, other / mine, usage.ru_maxrss);
    return 0;
}
