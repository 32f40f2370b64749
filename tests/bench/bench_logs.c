/*
 * What shipping log backups costs: the verified, durable copy beside plain `cp` of the same files,
 * and applying beside a bare loop that writes the same pages with as many syncs.
 *
 *     bench_logs [FOLDER]
 *
 * FOLDER (default: the working folder) says which disk is measured. The two of a pair take turns,
 * so that a busy disk bothers both; every figure is the median of several rounds. `cp` makes
 * nothing durable, so both are shown with an fsync of each file and without.
 */
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#include "base/mem.h"
#include "logs/apply.h"
#include "logs/copy.h"
#include "logs/format.h"
#include "logs/state.h"
#include "os/files.h"

enum { ROUNDS = 7, FILES = 64, PAGE = 4096, DB_PAGES = 16384, FILE_PAGES = 512 };

extern char **environ;

struct bench {
    char *share;
    char *target;
    char *db;
    char *names[FILES];
    int64_t bytes;
    unsigned long random;
    struct bsc_sys counting;
    unsigned long syncs;
};

static void must(bool ok, const struct bsc_err *err)
{
    if (!ok)
        bench_die("cannot go on", err);
}

static unsigned long draw(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

static int counted_fsync(void *self, int fd)
{
    ((struct bench *)self)->syncs++;
    return fsync(fd);
}

static int counted_fdatasync(void *self, int fd)
{
    ((struct bench *)self)->syncs++;
    return fdatasync(fd);
}

/* A backup of FILE_PAGES pages spread over the database. */
static void write_backup(struct bench *bench, int index)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_logs_header header = {.database_id = "11111111111111111111111111111111",
                                     .fork = "22222222222222222222222222222222",
                                     .first_lsn = index,
                                     .last_lsn = index + 1,
                                     .db_pages = DB_PAGES,
                                     .commits = 1,
                                     .time_ms = 1};
    struct bsc_err err = BSC_ERR_INIT;
    unsigned long page[PAGE / sizeof(unsigned long)];
    const uint32_t stride = DB_PAGES / FILE_PAGES;
    bench->names[index] = bsc_logs_format_name("mgc", header.last_lsn);
    must(bsc_logs_writer_open(&writer, bsc_sys_real(), bench->share, bench->names[index], PAGE,
                              &err),
         &err);
    for (uint32_t i = 0; i < FILE_PAGES; i++) {
        uint32_t number = 2 + i * stride + (uint32_t)(draw(bench) % (stride - 2));
        for (size_t k = 0; k < sizeof page / sizeof page[0]; k++)
            page[k] = draw(bench);
        must(bsc_logs_writer_page(&writer, number, page, &err), &err);
    }
    must(bsc_logs_writer_finish(&writer, &header, &err), &err);
    bsc_logs_writer_release(&writer);
    bench->bytes += bsc_logs_format_bytes(&header);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void empty_target(struct bench *bench)
{
    nftw(bench->target, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(bench->target, 0700) != 0)
        perror(bench->target);
    sync();
}

static void forget(struct bench *bench, bool cold)
{
    for (int i = 0; i < FILES; i++) {
        char *path = bsc_files_join(bench->share, bench->names[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        char piece[65536];
        if (cold)
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        while (!cold && read(fd, piece, sizeof piece) > 0)
            continue;
        close(fd);
        bsc_mem_free(path);
    }
}

static double time_cp(struct bench *bench, bool synced)
{
    char *argv[FILES + 3] = {"cp"};
    int status = 0;
    pid_t pid = 0;
    for (int i = 0; i < FILES; i++)
        argv[i + 1] = bsc_files_join(bench->share, bench->names[i]);
    argv[FILES + 1] = bench->target;
    double begin = bench_now_us();
    if (posix_spawnp(&pid, "cp", NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 ||
        status != 0)
        exit(1);
    for (int i = 0; synced && i < FILES; i++) {
        char *path = bsc_files_join(bench->target, bench->names[i]);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fsync(fd) != 0)
            perror(path);
        close(fd);
        bsc_mem_free(path);
    }
    double seconds = (bench_now_us() - begin) / 1e6;
    for (int i = 0; i < FILES; i++)
        bsc_mem_free(argv[i + 1]);
    return seconds;
}

static int no_fsync(void *self, int fd)
{
    (void)self;
    (void)fd;
    return 0;
}

static double time_copy(struct bench *bench, bool synced)
{
    struct bsc_sys unsynced = *bsc_sys_real();
    struct bsc_logs_copy_file files[FILES];
    struct bsc_logs_copy_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    for (int i = 0; i < FILES; i++)
        files[i] = (struct bsc_logs_copy_file){.name = bench->names[i]};
    unsynced.fsync = no_fsync;
    const struct bsc_logs_copy_order order = {.sys = synced ? bsc_sys_real() : &unsynced,
                                              .share = bench->share,
                                              .destination = bench->target,
                                              .files = files,
                                              .count = FILES};
    double begin = bench_now_us();
    must(bsc_logs_copy(&order, &result, &err), &err);
    return (bench_now_us() - begin) / 1e6;
}

static double time_one(struct bench *bench, bool cold, int kind)
{
    empty_target(bench);
    forget(bench, cold);
    return kind < 2 ? time_copy(bench, kind == 0) : time_cp(bench, kind == 2);
}

static void bench_copy(struct bench *bench, bool cold)
{
    double seconds[4][ROUNDS];
    double rate[4];
    for (int i = 0; i < ROUNDS; i++)
        for (int kind = 0; kind < 4; kind++)
            seconds[kind][i] = time_one(bench, cold, kind);
    for (int kind = 0; kind < 4; kind++)
        rate[kind] = (double)bench->bytes / 1048576 / bench_median(seconds[kind], ROUNDS);
    const char *how = cold ? "cold" : "warm";
    printf("%s, durable:     copy %5.0f MiB/s, cp and fsync %5.0f MiB/s, ratio %.2f\n", how,
           rate[0], rate[2], rate[0] / rate[2]);
    printf("%s, not durable: copy %5.0f MiB/s, cp           %5.0f MiB/s, ratio %.2f\n", how,
           rate[1], rate[3], rate[1] / rate[3]);
    printf("%s, durable copy beside plain cp: ratio %.2f\n", how, rate[0] / rate[3]);
}

static void make_copy(struct bench *bench)
{
    struct bsc_logs_state state = {.database_id = "11111111111111111111111111111111",
                                   .fork = "22222222222222222222222222222222",
                                   .role = BSC_LOGS_RESTORING,
                                   .page_size = PAGE};
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[PAGE] = "SQLite format 3";
    int fd = open(bench->db, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    page[16] = PAGE >> 8;
    page[18] = page[19] = 3;
    for (off_t i = 0; i < DB_PAGES; i++) {
        if (pwrite(fd, page, sizeof page, i * PAGE) != PAGE)
            perror(bench->db);
        memset(page, 0, sizeof page);
    }
    if (fsync(fd) != 0 || close(fd) != 0)
        perror(bench->db);
    must(bsc_logs_state_save(bsc_sys_real(), bench->db, &state, &err), &err);
}

static double time_apply(struct bench *bench)
{
    struct bsc_logs_apply_file files[FILES];
    struct bsc_logs_apply_result result = {0};
    struct bsc_err err = BSC_ERR_INIT;
    for (int i = 0; i < FILES; i++)
        files[i] = (struct bsc_logs_apply_file){
            .name = bench->names[i], .first_lsn = i, .last_lsn = i + 1};
    const struct bsc_logs_apply_order order = {.sys = &bench->counting,
                                               .path = bench->db,
                                               .folder = bench->share,
                                               .files = files,
                                               .count = FILES};
    bench->syncs = 0;
    double begin = bench_now_us();
    must(bsc_logs_apply(&order, &result, &err), &err);
    return (bench_now_us() - begin) / 1e6;
}

static void write_pages(int fd, const unsigned char *bytes)
{
    const unsigned char *at = bytes + BSC_LOGS_FORMAT_HEADER;
    for (int i = 0; i < FILE_PAGES; i++, at += PAGE + 4) {
        off_t page = (off_t)at[0] | (off_t)at[1] << 8 | (off_t)at[2] << 16;
        if (pwrite(fd, at + 4, PAGE, (page - 1) * PAGE) != PAGE)
            perror("pwrite");
    }
}

static double time_bare(struct bench *bench)
{
    static unsigned char bytes[BSC_LOGS_FORMAT_HEADER + FILE_PAGES * (PAGE + 4)];
    int fd = open(bench->db, O_RDWR | O_CLOEXEC);
    unsigned long synced = 0;
    double begin = bench_now_us();
    for (int i = 0; i < FILES; i++) {
        char *path = bsc_files_join(bench->share, bench->names[i]);
        int from = open(path, O_RDONLY | O_CLOEXEC);
        if (read(from, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
            perror(path);
        close(from);
        bsc_mem_free(path);
        write_pages(fd, bytes);
        for (; synced < bench->syncs * (unsigned long)(i + 1) / FILES; synced++)
            if (fsync(fd) != 0)
                perror(bench->db);
    }
    double seconds = (bench_now_us() - begin) / 1e6;
    close(fd);
    return seconds;
}

static void bench_apply(struct bench *bench)
{
    double apply[ROUNDS], bare[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        make_copy(bench);
        forget(bench, false);
        apply[i] = time_apply(bench);
        make_copy(bench);
        forget(bench, false);
        bare[i] = time_bare(bench);
    }
    double mib = (double)bench->bytes / 1048576;
    double ours = bench_median(apply, ROUNDS), loop = bench_median(bare, ROUNDS);
    printf("apply: %.0f MiB/s, bare loop with the same %lu syncs %.0f MiB/s (ratio %.2f)\n",
           mib / ours, bench->syncs, mib / loop, loop / ours);
}

int main(int argc, char **argv)
{
    struct bench bench = {.random = 88172645463325252UL, .counting = *bsc_sys_real()};
    char *folder = bsc_mem_format("%s/bench-logs-XXXXXX", argc > 1 ? argv[1] : ".");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 1;
    }
    bench.counting.self = &bench;
    bench.counting.fsync = counted_fsync;
    bench.counting.fdatasync = counted_fdatasync;
    bench.share = bsc_files_join(folder, "share");
    bench.target = bsc_files_join(folder, "target");
    bench.db = bsc_files_join(folder, "copy.db");
    if (mkdir(bench.share, 0700) != 0)
        perror(bench.share);
    for (int i = 0; i < FILES; i++)
        write_backup(&bench, i);
    printf("%d log backups, %.0f MiB\n", FILES, (double)bench.bytes / 1048576);
    bench_copy(&bench, false);
    bench_copy(&bench, true);
    bench_apply(&bench);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; i < FILES; i++)
        bsc_mem_free(bench.names[i]);
    bsc_mem_free(bench.share);
    bsc_mem_free(bench.target);
    bsc_mem_free(bench.db);
    bsc_mem_free(folder);
    return 0;
}
