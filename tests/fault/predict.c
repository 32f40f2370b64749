#include "predict.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "journal/reader.h"
#include "os/files.h"
#include "os/sys.h"
#include "others.h"
#include "run/explore.h"
#include "run/model.h"
#include "run/session.h"
#include "value/json.h"

/* How far the journal of a killed run goes. */
struct progress {
    int64_t intents;
    int64_t outcomes;
};

struct oracle {
    struct fault_bench *bench; /* borrowed */
    struct bsc_run_session session;
    struct bsc_redactor *redactor;
    struct bsc_value *facts;   /* owned: of the broken site */
    struct bsc_value *changes; /* owned: of the undisturbed run, as the explorer has them */
    unsigned long in_part;     /* kills that left half a change, of the kind that goes on */
};

static const struct fault_order undisturbed = {.kind = FAULT_NONE};

static struct bsc_value *observe(struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    char *file = bsc_mem_format("%s/facts.json", bench->folder);
    const char *const words[] = {"observe", "--site", site, "-o", file, NULL};
    fault_run(bench, &undisturbed, words);
    bsc_buf_init(&text);
    fault_need(bsc_files_read(bsc_sys_real(), file, (size_t)1 << 24, &text, &err), "read", file);
    struct bsc_value *facts = bsc_json_parse(file, text.data, text.length, &err);
    fault_need(facts != NULL, "understand", file);
    bsc_buf_release(&text);
    bsc_mem_free(file);
    bsc_mem_free(site);
    return facts;
}

static struct bsc_value *explore(struct oracle *oracle, const char *only)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_run_explore_order order = {.session = &oracle->session,
                                                .facts = oracle->facts,
                                                .faults = only != NULL ? 1 : 0,
                                                .only = only};
    struct bsc_value *verdict = bsc_run_explore(&order, &err);
    fault_need(verdict != NULL, "explore", err.message);
    return verdict;
}

static void oracle_open(struct oracle *oracle, struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    oracle->bench = bench;
    oracle->redactor = bsc_redactor_new();
    const struct bsc_run_session_options options = {.sys = bsc_sys_real(),
                                                    .clock = bsc_clock_real(),
                                                    .redactor = oracle->redactor,
                                                    .site_path = site,
                                                    .runbook_path = bench->runbook,
                                                    .look_only = true};
    fault_tree_save(&bench->before, bench->site);
    fault_session_begin(bench);
    oracle->facts = observe(bench);
    fault_session_end(bench);
    fault_need(bsc_run_session_open(&oracle->session, &options, &err), "open", err.message);
    struct bsc_value *verdict = explore(oracle, NULL);
    oracle->changes = bsc_value_take(verdict, "changes");
    bsc_value_free(verdict);
    bsc_mem_free(site);
}

static void oracle_close(struct oracle *oracle)
{
    bsc_run_session_close(&oracle->session);
    bsc_redactor_free(oracle->redactor);
    bsc_value_free(oracle->facts);
    bsc_value_free(oracle->changes);
}

/* The facts foretold for a kill at the change with this number, from 1. Returns owned. */
static struct bsc_value *foretold(struct oracle *oracle, int64_t change, const char *fault)
{
    const struct bsc_value *at =
        bsc_value_get(bsc_value_at(oracle->changes, (size_t)change - 1), "at");
    char *only = bsc_mem_format("%s:%s", bsc_value_string(at), fault);
    struct bsc_value *verdict = explore(oracle, only);
    struct bsc_value *left = bsc_value_take(verdict, "left");
    bsc_value_free(verdict);
    bsc_mem_free(only);
    return left;
}

/* Appends what differs, outside of what moves by itself. */
static bool agrees(const struct oracle *oracle, struct bsc_value *wanted,
                   const struct bsc_value *found, struct bsc_buf *ret_text)
{
    bool same = true;
    struct bsc_run_model *model = bsc_run_model_new(oracle->session.schema, wanted);
    for (size_t i = 0; i < bsc_value_count(oracle->facts); i++) {
        const char *id = bsc_value_key_at(oracle->facts, i);
        same = bsc_run_model_agrees(model, id, bsc_value_get(found, id), NULL, ret_text) && same;
    }
    bsc_run_model_free(model);
    return same;
}

static bool count_record(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct progress *progress = arg;
    (void)err;
    progress->intents += record->kind == BSC_JOURNAL_INTENT;
    progress->outcomes += record->kind == BSC_JOURNAL_OUTCOME;
    return true;
}

/* A run that was killed early has no journal, and has done nothing. */
static struct progress progress_of(const struct fault_bench *bench)
{
    struct progress progress = {0};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list runs = {0};
    char *folder = bsc_mem_format("%s/runs", bench->site);
    if (bsc_files_list(folder, &runs, &err)) {
        for (size_t i = 0; i < runs.count; i++) {
            char *path = bsc_mem_format("%s/%s/journal.jsonl", folder, runs.names[i]);
            struct bsc_journal_report report = {0};
            (void)bsc_journal_read(bsc_sys_real(), path, count_record, &progress, &report, &err);
            bsc_mem_free(path);
        }
    }
    bsc_files_list_release(&runs);
    bsc_mem_free(folder);
    return progress;
}

/* Changes of several files: they can stop between two, and go on there when done again. */
static bool goes_on(const struct oracle *oracle, int64_t change)
{
    static const char *const words[] = {"copy ", "apply ", "bring "};
    const char *statement =
        bsc_value_get_string(bsc_value_at(oracle->changes, (size_t)change - 1), "statement");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(statement, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}

static void judge(struct oracle *oracle, const struct fault_order *order)
{
    struct fault_bench *bench = oracle->bench;
    struct progress progress = progress_of(bench);
    struct bsc_value *found = observe(bench);
    struct bsc_buf before, after;
    bsc_buf_init(&before);
    bsc_buf_init(&after);
    bool under_way = progress.intents > progress.outcomes;
    bool same =
        progress.intents == 0 && agrees(oracle, bsc_value_copy(oracle->facts), found, &after);
    if (under_way)
        same = agrees(oracle, foretold(oracle, progress.intents, "killed-after-intent"), found,
                      &before) ||
               agrees(oracle, foretold(oracle, progress.intents, "killed-after-effect"), found,
                      &after);
    else if (progress.intents > 0)
        same = agrees(oracle, foretold(oracle, progress.intents, "killed-after-outcome"), found,
                      &after);
    if (!same && under_way && goes_on(oracle, progress.intents))
        oracle->in_part++;
    else if (!same)
        fault_complain(bench, order, "run", "change %lld %s, the site is not as foretold: %s / %s",
                       (long long)progress.intents, under_way ? "under way" : "done", before.data,
                       after.data);
    bsc_buf_release(&before);
    bsc_buf_release(&after);
    bsc_value_free(found);
}

static void attempt(struct oracle *oracle, unsigned long at)
{
    struct fault_bench *bench = oracle->bench;
    const struct fault_order order = {.kind = FAULT_KILL, .at = at};
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    const char *const words[] = {"run", bench->runbook, "--site", site, "--yes", NULL};
    fault_tree_save(&bench->before, bench->site);
    fault_session_begin(bench);
    fault_run(bench, &order, words);
    fault_session_end(bench);
    if (bench->result->hit) {
        bench->points++;
        judge(oracle, &order);
    }
    fault_agents_end(bench);
    bsc_mem_free(site);
}

void fault_predict_run(struct fault_bench *bench, const unsigned char *kinds, unsigned long calls,
                       unsigned long changing, unsigned long stride)
{
    struct oracle oracle = {0};
    unsigned long meant = 0;
    oracle_open(&oracle, bench);
    for (unsigned long at = 1; at <= calls; at++) {
        if ((changing >> kinds[at - 1] & 1) != 0 && meant++ % stride == 0)
            attempt(&oracle, at);
    }
    printf("predicted: killed at %lu of %lu calls, %lu of them within a change that goes on\n",
           bench->points, meant, oracle.in_part);
    oracle_close(&oracle);
}
