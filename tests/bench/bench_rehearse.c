/*
 * What a rehearsal costs: all single faults and all pairs of the shipped failover, how the cost of
 * singles grows with the number of steps, and a plan for a site of many databases.
 *
 *     bench_rehearse BASCULE RUNBOOK [FOLDER]
 *
 * BASCULE is the program, RUNBOOK the failover to rehearse; FOLDER (default: the working folder) is
 * where a practice site is made. Times are medians of several rounds, and cover the search alone,
 * not the start of the program.
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
#include "os/files.h"
#include "os/tree.h"
#include "run/explore.h"
#include "run/plan.h"
#include "run/session.h"
#include "value/json.h"

enum { ROUNDS = 7, DATABASES = 10000 };

static void put(const char *path, const char *text, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_files_write(bsc_sys_real(), path, text, length, 0600, &err))
        bench_die(path, &err);
}

/* One command line of the program, which starts itself again for the lab's staff. */
static void bascule(char *const *words)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        execv(words[0], words);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        bench_die(words[1], NULL);
}

struct stage {
    struct bsc_run_session session;
    struct bsc_redactor *redactor;
    struct bsc_value *set;
    struct bsc_value *facts; /* owned */
};

static void stage_open(struct stage *stage, const char *runbook, const char *site,
                       struct bsc_value *facts)
{
    struct bsc_err err = BSC_ERR_INIT;
    memset(stage, 0, sizeof *stage);
    stage->redactor = bsc_redactor_new();
    stage->set = bsc_value_map();
    stage->facts = facts;
    const struct bsc_run_session_options options = {.sys = bsc_sys_real(),
                                                    .clock = bsc_clock_real(),
                                                    .redactor = stage->redactor,
                                                    .site_path = site,
                                                    .runbook_path = runbook,
                                                    .set = stage->set,
                                                    .look_only = true};
    if (!bsc_run_session_open(&stage->session, &options, &err))
        bench_die("cannot open the runbook", &err);
    if (bsc_value_count(bsc_run_session_errors(&stage->session)) > 0)
        bench_die(bsc_value_get_string(bsc_value_at(bsc_run_session_errors(&stage->session), 0),
                                       "message"),
                  NULL);
}

static void stage_close(struct stage *stage)
{
    bsc_run_session_close(&stage->session);
    bsc_value_free(stage->facts);
    bsc_value_free(stage->set);
    bsc_redactor_free(stage->redactor);
}

/* Milliseconds of one search; how many faults it tried goes to *ret_tried. */
static double explore(struct stage *stage, unsigned faults, int64_t *ret_tried)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_run_explore_order order = {
        .session = &stage->session, .facts = stage->facts, .faults = faults};
    double start = bench_now_us();
    struct bsc_value *verdict = bsc_run_explore(&order, &err);
    double spent = (bench_now_us() - start) / 1e3;
    if (verdict == NULL)
        bench_die("cannot explore", &err);
    *ret_tried = bsc_value_get_number(verdict, "tried", 0);
    bsc_value_free(verdict);
    return spent;
}

static double median_of(struct stage *stage, unsigned faults, int64_t *ret_tried)
{
    double spent[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        spent[i] = explore(stage, faults, ret_tried);
    return bench_median(spent, ROUNDS);
}

static struct bsc_value *read_facts(const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (!bsc_files_read(bsc_sys_real(), path, (size_t)1 << 30, &text, &err))
        bench_die(path, &err);
    struct bsc_value *facts = bsc_json_parse(path, text.data, text.length, &err);
    if (facts == NULL)
        bench_die(path, &err);
    bsc_buf_release(&text);
    return facts;
}

static void measure_failover(char *program, const char *folder, const char *runbook)
{
    char *lab = bsc_files_join(folder, "lab");
    char *site = bsc_files_join(folder, "lab/site.yaml");
    char *facts = bsc_files_join(folder, "facts.json");
    struct stage stage;
    int64_t tried = 0;
    bascule((char *[]){program, (char *)"lab", (char *)"new", lab, NULL});
    bascule((char *[]){program, (char *)"lab", (char *)"break", lab, (char *)"primary-site", NULL});
    bascule(
        (char *[]){program, (char *)"observe", (char *)"--site", site, (char *)"-o", facts, NULL});
    stage_open(&stage, runbook, site, read_facts(facts));
    for (unsigned faults = 1; faults <= BSC_RUN_FAULTS_MAX; faults++) {
        double spent = median_of(&stage, faults, &tried);
        printf("%s of the failover: %lld in %.1f ms, %.0f rehearsals/s\n",
               faults == 1 ? "single faults" : "pairs of faults", (long long)tried, spent,
               (double)tried / spent * 1e3);
    }
    stage_close(&stage);
    bascule((char *[]){program, (char *)"lab", (char *)"down", lab, NULL});
    bsc_mem_free(lab);
    bsc_mem_free(site);
    bsc_mem_free(facts);
}

static const char small_site[] = "site: bench\ndata_centres: { dc: { title: Bench } }\n"
                                 "servers: { s: { data_centre: dc, platform: sqlite, folder: ., "
                                 "connection: 'Driver=SQLite3' } }\n";

/* A runbook of so many independent steps, each with facts of its own. */
static void measure_steps(const char *folder, int steps)
{
    struct bsc_buf text;
    struct bsc_value *facts = bsc_value_map();
    struct stage stage;
    int64_t tried = 0;
    char *site = bsc_files_join(folder, "site.yaml");
    char *runbook = bsc_files_join(folder, "steps.lua");
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, "runbook 'steps' { summary = 'Many' }\n");
    for (int i = 0; i < steps; i++) {
        char *id = bsc_mem_format("sql:q%d", i);
        struct bsc_value *keys = bsc_value_map();
        bsc_value_set_int(keys, "rows", 3);
        bsc_value_set_bool(keys, "reachable", true);
        bsc_value_set(facts, id, keys);
        bsc_buf_printf(
            &text,
            "do local q = sql.facts 'q%d' { server = 's', file = 'q.db', query = 'SELECT "
            "1' }\nstep 'Step %d' { harmless = 'bench', sql.change { server = 's', "
            "file = 'q.db', statement = 'DELETE', becomes = { [q] = { rows = 0 } } } "
            "}\nend\n",
            i, i);
        bsc_mem_free(id);
    }
    put(site, small_site, sizeof small_site - 1);
    put(runbook, text.data, text.length);
    stage_open(&stage, runbook, site, facts);
    double spent = median_of(&stage, 1, &tried);
    printf("%5d steps: %lld single faults in %.1f ms, %.1f us each\n", steps, (long long)tried,
           spent, spent / (double)tried * 1e3);
    stage_close(&stage);
    bsc_buf_release(&text);
    bsc_mem_free(site);
    bsc_mem_free(runbook);
}

int main(int argc, char **argv)
{
    static const int steps[] = {10, 100, 1000};
    struct bsc_err err = BSC_ERR_INIT;
    struct rusage usage;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_rehearse BASCULE RUNBOOK [FOLDER]\n");
        return 2;
    }
    char *folder = bsc_mem_format("%s/bench_rehearse.XXXXXX", argc > 3 ? argv[3] : ".");
    if (mkdtemp(folder) == NULL)
        bench_die("cannot make a folder", NULL);
    char *real = bsc_files_real_path(folder, &err);
    measure_failover(argv[1], real, argv[2]);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        measure_steps(real, steps[i]);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld KiB\n", usage.ru_maxrss);
    bsc_tree_remove(bsc_sys_real(), real, &err);
    bsc_mem_free(folder);
    bsc_mem_free(real);
    return 0;
}
