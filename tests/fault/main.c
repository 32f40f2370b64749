#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "alone.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "client.h"
#include "fault.h"
#include "judge.h"
#include "series.h"

/* The program is started again by itself as the agent of a mirror, like bascule. */
static int be_agent(int argc, char **argv)
{
    struct bsc_cli cli = {.sys = bsc_sys_real(),
                          .clock = bsc_clock_real(),
                          .redactor = bsc_redactor_new(),
                          .in = stdin,
                          .out = stdout,
                          .err = stderr};
    int code = bsc_cli_main(&cli, argc, argv);
    bsc_redactor_free(cli.redactor);
    return code;
}

/* In memory where possible: a few thousand sites are made and removed. */
static char *make_work_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char *folder = bsc_mem_format("%s/bascule-fault-XXXXXX", base);
    fault_need(mkdtemp(folder) != NULL, "make folder", folder);
    return folder;
}

static void bench_open(struct fault_bench *bench)
{
    *bench = (struct fault_bench){.folder = make_work_folder(),
                                  .wall_ms = bsc_clock_real()->wall_ms(NULL),
                                  .thorough = getenv("BSC_FAULT_ALL") != NULL};
    bench->site = bsc_mem_format("%s/site", bench->folder);
    bench->output = bsc_mem_format("%s/output", bench->folder);
    bench->scratch = bsc_mem_format("%s/scratch", bench->folder);
    bench->no_locks = bsc_mem_format("%s/no_locks", bench->folder);
    FILE *no_locks = fopen(bench->no_locks, "we");
    fault_need(no_locks != NULL && fclose(no_locks) == 0, "make", bench->no_locks);
    fault_client_begin(bench);
    bench->result = mmap(NULL, sizeof *bench->result, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fault_need(bench->result != MAP_FAILED, "map", "the result");
}

static void bench_close(struct fault_bench *bench)
{
    fault_tree_remove(bench->folder);
    fault_tree_release(&bench->before);
    fault_tree_release(&bench->alive);
    fault_tree_release(&bench->done);
    fault_store_free(bench->store);
    (void)munmap(bench->result, sizeof *bench->result);
    bsc_mem_free(bench->folder);
    bsc_mem_free(bench->site);
    bsc_mem_free(bench->output);
    bsc_mem_free(bench->scratch);
    bsc_mem_free(bench->no_locks);
    bsc_mem_free(bench->runbook);
    fault_client_end(bench);
}

int main(int argc, char **argv)
{
    struct fault_bench bench;
    if (argc > 1 && strcmp(argv[1], "agent") == 0)
        return be_agent(argc, argv);
    /* The agents that are started become children of ours, which can be waited for. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    bench_open(&bench);
    fault_alone_begin(bench.folder);
    bool known = fault_series_run(&bench, argc > 1 ? argv[1] : "", argc > 2 ? argv + 2 : NULL);
    printf("%lu points tried, %lu findings\n", bench.points, bench.failures);
    bool ok = known && bench.failures == 0;
    bench_close(&bench);
    return ok ? 0 : 1;
}
