/*
 * What the interpreter costs: time to the first step, cost of one change with its two journal
 * syncs and without, memory of a run with many log backups.
 *
 *     bench_run BASCULE [FOLDER] [LOG_BACKUPS]
 *
 * BASCULE is the program to measure; FOLDER (default: the working folder) says on which disk;
 * LOG_BACKUPS (default 10,000) how many wait for the failover whose memory is measured. Each figure
 * is the median of several rounds; what is compared takes turns.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#include "base/mem.h"
#include "base/num.h"
#include "cli/cli.h"
#include "journal/folder.h"
#include "logs/backup.h"
#include "logs/shipping.h"
#include "os/files.h"
#include "os/tree.h"

#include <sqlite3.h>

enum { ROUNDS = 7, CHANGES = 1000, RECORD_BYTES = 600, DAY_MS = 24 * 60 * 60 * 1000 };

static void put(const char *folder, const char *name, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_files_join(folder, name);
    if (!bsc_files_write(bsc_sys_real(), path, text, strlen(text), 0600, &err))
        bench_die(name, &err);
    bsc_mem_free(path);
}

/* A change that costs the world next to nothing: a file that is not there is not removed. Its
 * folder is synced all the same, by fsync, which is not the interpreter's cost and is left out
 * below; the journal uses fdatasync. */
static const char primitive[] =
    "return primitive {\n"
    "  args = { { 'path', 'text' }, { 'times', 'integer' } },\n"
    "  resource = function(a) return 'file:' .. a.path end,\n"
    "  changes = function(a)\n"
    "    local done = 0\n"
    "    return function()\n"
    "      done = done + 1\n"
    "      return done <= a.times and { statement = 'touch nothing, time ' .. done,\n"
    "        row = 'file.remove', args = { path = a.path, sha256 = ('0'):rep(64) },\n"
    "        becomes = { exists = false } } or nil\n"
    "    end\n"
    "  end,\n"
    "  harmless = 'nothing is changed',\n"
    "}\n";

static const char site[] = "site: bench\ndata_centres:\n  dc: { title: Bench }\n"
                           "servers:\n  s: { data_centre: dc }\n";

static void put_runbook(const char *folder, const char *name, int steps, int changes)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, "runbook 'bench' { summary = 'Costs' }\nlocal idle = require 'idle'\n");
    for (int i = 0; i < steps; i++)
        bsc_buf_printf(&text, "step 'Step %d' { idle('%s/absent-%d', %d) }\n", i, folder, i,
                       changes);
    put(folder, name, text.data);
    bsc_buf_release(&text);
}

static int no_sync(void *self, int fd)
{
    (void)self;
    (void)fd;
    return 0;
}

/* Milliseconds of the day in the time that ends a journal line. */
static double time_of(const char *line)
{
    enum { FROM_END = sizeof "THH:MM:SS.mmmZ\"}" - 1 };
    unsigned hours = 0, minutes = 0, seconds = 0, ms = 0;
    const char *time = line + strcspn(line, "\n") - FROM_END;
    if (sscanf(time, "T%2u:%2u:%2u.%3uZ", &hours, &minutes, &seconds, &ms) != 4)
        bench_die("a journal line has no time", NULL);
    return ((hours * 60.0 + minutes) * 60.0 + seconds) * 1000.0 + ms;
}

/* How long the newest run took between its first record and its last: neither planning nor the
 * report is in it. */
static double executed_us(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_folder run = {0};
    struct bsc_buf text;
    char *runs = bsc_files_join(folder, "runs");
    bsc_buf_init(&text);
    if (!bsc_journal_folder_find(bsc_sys_real(), runs, "last", &run, &err) ||
        !bsc_files_read(bsc_sys_real(), run.journal, (size_t)1 << 30, &text, &err))
        bench_die("cannot read the journal", &err);
    if (text.length == 0)
        bench_die("the journal is empty", NULL);
    text.data[text.length - 1] = '\0';
    const char *last = strrchr(text.data, '\n');
    double spent = time_of(last != NULL ? last + 1 : text.data) - time_of(text.data);
    spent += spent < 0 ? DAY_MS : 0; /* midnight came between */
    bsc_buf_release(&text);
    bsc_journal_folder_release(&run);
    bsc_mem_free(runs);
    return spent * 1000;
}

/* Runs a runbook in this process; returns how long its execution took. */
static double run_inside(const char *folder, const char *runbook, bool sync)
{
    struct bsc_sys sys = *bsc_sys_real();
    sys.fsync = no_sync;
    if (!sync)
        sys.fdatasync = no_sync;
    struct bsc_cli cli = {.sys = &sys, .clock = bsc_clock_real(), .json = true};
    char *path = bsc_files_join(folder, runbook);
    char *site_path = bsc_files_join(folder, "site.yaml");
    char *argv[] = {"bascule", "run", path, "--site", site_path, "--yes", "--json", NULL};
    cli.redactor = bsc_redactor_new();
    cli.in = stdin;
    cli.out = fopen("/dev/null", "w");
    cli.err = stderr;
    int code = bsc_cli_main(&cli, 7, argv);
    fclose(cli.out);
    bsc_redactor_free(cli.redactor);
    bsc_mem_free(path);
    bsc_mem_free(site_path);
    if (code != 0)
        bench_die("the run failed", NULL);
    return executed_us(folder);
}

/* The bare cost of what a change must do: two records appended and synced. */
static double two_syncs(const char *folder)
{
    char record[RECORD_BYTES];
    char *path = bsc_files_join(folder, "bare");
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_APPEND, 0600);
    memset(record, 'x', sizeof record);
    double start = bench_now_us();
    for (int i = 0; i < CHANGES * 2; i++) {
        if (write(fd, record, sizeof record) != (ssize_t)sizeof record || fdatasync(fd) != 0)
            bench_die("cannot write", NULL);
    }
    double spent = bench_now_us() - start;
    close(fd);
    unlink(path);
    bsc_mem_free(path);
    return spent / CHANGES;
}

static double per_change(const char *folder, bool sync)
{
    double one = run_inside(folder, "one.lua", sync);
    return (run_inside(folder, "many.lua", sync) - one) / (CHANGES - 1);
}

static void measure_changes(const char *folder)
{
    double bare[ROUNDS], synced[ROUNDS], free_of_sync[ROUNDS], ratio[ROUNDS];
    put_runbook(folder, "one.lua", 1, 1);
    put_runbook(folder, "many.lua", 1, CHANGES);
    for (int i = 0; i < ROUNDS; i++) {
        double before = two_syncs(folder);
        synced[i] = per_change(folder, true);
        bare[i] = (before + two_syncs(folder)) / 2;
        ratio[i] = synced[i] / bare[i];
        free_of_sync[i] = per_change(folder, false);
    }
    printf("one change, journal synced   %8.1f us, two bare syncs %8.1f us, ratio %.2f\n",
           bench_median(synced, ROUNDS), bench_median(bare, ROUNDS), bench_median(ratio, ROUNDS));
    printf("one change, sync is nothing  %8.1f us\n", bench_median(free_of_sync, ROUNDS));
}

/* The peak so far of a process; what wait4 reports includes ours, from before the exec. */
static long peak_kib(pid_t pid)
{
    char line[256];
    long kib = 0;
    char *path = bsc_mem_format("/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmHWM: %ld", &kib);
    if (status != NULL)
        fclose(status);
    bsc_mem_free(path);
    return kib;
}

/* Starts the program as a user would; returns the time until it ended, peak memory in *ret_kib. */
static double spawn(char *const *argv, long *ret_kib)
{
    int status = 0;
    double start = bench_now_us();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execv(argv[0], argv);
        _exit(127);
    }
    *ret_kib = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        long kib = peak_kib(pid);
        *ret_kib = kib > 0 ? kib : *ret_kib;
        bsc_clock_pause(1, NULL);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_die("the program failed", NULL);
    return bench_now_us() - start;
}

/* The plan is everything up to the first step, and performs all steps on the twin besides. */
static void measure_start(const char *program, const char *folder)
{
    double plan[ROUNDS];
    long kib = 0;
    put_runbook(folder, "ten.lua", 10, 1);
    char *path = bsc_files_join(folder, "ten.lua");
    char *site_path = bsc_files_join(folder, "site.yaml");
    char *argv[] = {(char *)program, "plan", path, "--site", site_path, NULL};
    for (int i = 0; i < ROUNDS; i++)
        plan[i] = spawn(argv, &kib);
    printf("start-up, load, observe and plan of 10 steps, whole process  %.1f ms, peak %ld KiB\n",
           bench_median(plan, ROUNDS) / 1000, kib);
    bsc_mem_free(path);
    bsc_mem_free(site_path);
}

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        bench_die(sqlite3_errmsg(db), NULL);
}

static const char failover_site[] =
    "site: bench\ndata_centres:\n  a: { title: A }\n  b: { title: B }\n"
    "servers:\n"
    "  p: { data_centre: a, platform: sqlite, folder: p, connection: 'Driver=SQLite3' }\n"
    "  s: { data_centre: b, platform: sqlite, folder: s, connection: 'Driver=SQLite3' }\n"
    "databases:\n"
    "  d:\n"
    "    primary: { server: p, file: d.db }\n"
    "    secondary: { server: s, file: d.db }\n"
    "    log_shipping: { share: share, destination: s/copied }\n";

static const char failover_runbook[] =
    "runbook 'bench' { summary = 'Many', params = { database = param.database() } }\n"
    "local db = params.database\n"
    "step 'Remove log shipping' { log_shipping.remove(db.secondary) }\n"
    "step 'Copy' { log_backups.copy(db.secondary) }\n"
    "step 'Apply' { log_backups.apply(db.secondary) }\n"
    "step 'Recover' { database.recover(db.secondary), point_of_no_return = true }\n";

struct shipped {
    struct bsc_sys sys;
    char *db, *copy, *share, *copied;
};

static void make_backups(const struct shipped *s, int count)
{
    struct bsc_err err = BSC_ERR_INIT;
    sqlite3 *db = NULL;
    sqlite3_open(s->db, &db);
    execute(db, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=OFF;"
                "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    struct bsc_logs_job job = {s->share, s->copied, 60000};
    struct bsc_logs_seed_order seed = {.sys = &s->sys,
                                       .clock = bsc_clock_real(),
                                       .db = s->db,
                                       .share = s->share,
                                       .name = "d",
                                       .copy = s->copy};
    int64_t lsn = 0, bytes = 0;
    if (!bsc_logs_shipping_begin(&s->sys, s->db, &err) ||
        !bsc_logs_seed(&seed, &lsn, &bytes, &err) || !bsc_logs_ship(&s->sys, s->copy, &job, &err))
        bench_die("cannot ship", &err);
    struct bsc_logs_guard *guard = bsc_logs_guard_open(&s->sys, s->db, &err);
    for (int i = 0; i < count; i++) {
        struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
        struct bsc_logs_backup_order order = {.sys = &s->sys,
                                              .clock = bsc_clock_real(),
                                              .db = s->db,
                                              .share = s->share,
                                              .name = "d",
                                              .guard = guard};
        execute(db, "INSERT INTO t(b) VALUES (hex(randomblob(40)))");
        if (!bsc_logs_backup_take(&order, &backup, &err))
            bench_die("cannot take a log backup", &err);
        bsc_logs_backup_release(&backup);
    }
    sqlite3_close(db);
    bsc_logs_guard_close(guard);
}

static void measure_memory(const char *program, const char *folder, int count)
{
    struct bsc_err err = BSC_ERR_INIT;
    static const char *const folders[] = {"many/p", "many/s/copied", "many/share"};
    for (size_t i = 0; i < 3; i++) {
        char *path = bsc_files_join(folder, folders[i]);
        if (!bsc_files_make_folder(bsc_sys_real(), path, 0700, &err))
            bench_die("cannot make a folder", &err);
        bsc_mem_free(path);
    }
    struct shipped s = {*bsc_sys_real(), bsc_files_join(folder, "many/p/d.db"),
                        bsc_files_join(folder, "many/s/d.db"), bsc_files_join(folder, "many/share"),
                        bsc_files_join(folder, "many/s/copied")};
    s.sys.fsync = no_sync;
    s.sys.fdatasync = no_sync;
    make_backups(&s, count);
    unlink(s.db);
    put(folder, "many/site.yaml", failover_site);
    put(folder, "many/many.lua", failover_runbook);
    char *path = bsc_files_join(folder, "many/many.lua");
    char *site_path = bsc_files_join(folder, "many/site.yaml");
    char *plan[] = {(char *)program, "plan", path, "--site", site_path, NULL};
    char *run[] = {(char *)program, "run", path, "--site", site_path, "--yes", NULL};
    long plan_kib = 0, run_kib = 0;
    double plan_us = spawn(plan, &plan_kib);
    double run_us = spawn(run, &run_kib);
    printf("%d log backups: plan %.2f s, peak %ld KiB; run %.2f s, peak %ld KiB\n", count,
           plan_us / 1e6, plan_kib, run_us / 1e6, run_kib);
    bsc_mem_free(path);
    bsc_mem_free(site_path);
    bsc_mem_free(s.db);
    bsc_mem_free(s.copy);
    bsc_mem_free(s.share);
    bsc_mem_free(s.copied);
}

int main(int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_run BASCULE [FOLDER] [LOG_BACKUPS]\n");
        return 2;
    }
    char *folder = bsc_mem_format("%s/bench_run.XXXXXX", argc > 2 ? argv[2] : ".");
    if (mkdtemp(folder) == NULL)
        bench_die("cannot make a folder", NULL);
    char *real = bsc_files_real_path(folder, &err);
    put(real, "site.yaml", site);
    put(real, "idle.lua", primitive);
    measure_start(argv[1], real);
    measure_changes(real);
    int64_t backups = 10000;
    if (argc > 3 && !bsc_num_parse(argv[3], strlen(argv[3]), &backups))
        bench_die("the number of log backups makes no sense", NULL);
    measure_memory(argv[1], real, (int)backups);
    bsc_tree_remove(bsc_sys_real(), real, &err);
    bsc_mem_free(folder);
    bsc_mem_free(real);
    return 0;
}
