#include "go.h"

#include "base/mem.h"
#include "journal/folder.h"
#include "journal/reader.h"

void fault_go_run(struct fault_bench *bench, const struct fault_order *order)
{
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    const char *set = bench->course->set;
    const char *const words[] = {
        "run", bench->runbook, "--site", site, "--yes", set != NULL ? "--set" : NULL, set, NULL};
    fault_run(bench, order, words);
    bsc_mem_free(site);
}

static void go_on(struct fault_bench *bench, const struct fault_order *order, const char *verb)
{
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    const char *const words[] = {verb, "last", "--site", site, "--yes", NULL};
    fault_run(bench, order, words);
    bsc_mem_free(site);
}

void fault_go_resume(struct fault_bench *bench, const struct fault_order *order)
{
    go_on(bench, order, "resume");
}

void fault_go_back(struct fault_bench *bench, const struct fault_order *order)
{
    go_on(bench, order, "rollback");
}

bool fault_go_has_begun(const struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report = {0};
    struct bsc_journal_folder folder = {0};
    char *runs = bsc_mem_format("%s/runs", bench->site);
    bool begun = bsc_journal_folder_find(bsc_sys_real(), runs, "last", &folder, &err) &&
                 bsc_journal_verify(bsc_sys_real(), folder.journal, &report, &err) &&
                 report.records > 0;
    bsc_journal_folder_release(&folder);
    bsc_mem_free(runs);
    return begun;
}
