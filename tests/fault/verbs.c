#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "judge.h"
#include "value/json.h"

/* In the words %s is the site's folder, %o the file for the result, %r the shipped runbook. */
struct verb {
    const char *name;
    const char *words[8];
    bool writes; /* the result goes to a file */
    bool after;  /* on the site that has been failed over */
};

static const struct verb verbs[] = {
    {"observe", {"observe", "--site", "%s/site.yaml"}, false, false},
    {"observe -o", {"observe", "--site", "%s/site.yaml", "-o", "%o"}, true, false},
    {"plan -o", {"plan", "%r", "--site", "%s/site.yaml", "-o", "%o"}, true, false},
    {"check", {"check", "%r", "--site", "%s/site.yaml"}, false, false},
    {"audit verify", {"audit", "verify", "last", "--runs", "%s/runs"}, false, true},
    {"report -o", {"report", "last", "--runs", "%s/runs", "-o", "%o"}, true, true},
};

static char *meant_by(const struct fault_bench *bench, const char *word)
{
    if (strcmp(word, "%r") == 0)
        return bsc_mem_text(bench->runbook);
    if (strcmp(word, "%o") == 0)
        return bsc_mem_format("%s/result/file", bench->folder);
    if (strncmp(word, "%s", 2) == 0)
        return bsc_mem_format("%s%s", bench->site, word + 2);
    return bsc_mem_text(word);
}

static void run_verb(struct fault_bench *bench, const struct verb *verb,
                     const struct fault_order *order)
{
    char *words[9] = {NULL};
    for (size_t i = 0; i < 8 && verb->words[i] != NULL; i++)
        words[i] = meant_by(bench, verb->words[i]);
    fault_run(bench, order, (const char *const *)words);
    for (size_t i = 0; words[i] != NULL; i++)
        bsc_mem_free(words[i]);
}

/* Whether the result is there to its last byte. */
static bool is_whole(const struct fault_file *file)
{
    static const char end[] = "</html>\n";
    struct bsc_err err = BSC_ERR_INIT;
    if (file->length >= sizeof end - 1 &&
        memcmp(file->bytes + file->length - (sizeof end - 1), end, sizeof end - 1) == 0)
        return true;
    struct bsc_value *value = bsc_json_parse("result", file->bytes, file->length, &err);
    bsc_value_free(value);
    return value != NULL;
}

static void judge_result(struct fault_bench *bench, const struct verb *verb,
                         const struct fault_order *order)
{
    struct fault_tree folder = {0};
    char *path = bsc_mem_format("%s/result", bench->folder);
    fault_tree_load(&folder, path);
    const struct fault_file *file = fault_tree_find(&folder, "file");
    if (file != NULL && !is_whole(file))
        fault_complain(bench, order, verb->name, "the result is there in part");
    if (file == NULL && verb->writes && bench->result->ended && bench->result->code == 0)
        fault_complain(bench, order, verb->name, "it succeeded without a result");
    if (folder.count > (file != NULL) && !order->sticky)
        fault_complain(bench, order, verb->name, "%s was left behind", folder.files[0].name);
    fault_tree_release(&folder);
    fault_tree_remove(path);
    bsc_mem_free(path);
}

/* An error names what it is about: a path, a server or a resource. */
static void judge_words(struct fault_bench *bench, const struct verb *verb,
                        const struct fault_order *order)
{
    static const char *const places[] = {"/", "sql1", "sql2", "sql3", "sql4", "app", "pool:"};
    char *output = fault_output(bench);
    const char *error = strstr(output, "error: ");
    bool named = false;
    for (size_t i = 0; error != NULL && i < sizeof places / sizeof places[0]; i++)
        named = named || strstr(error, places[i]) != NULL;
    bool refused = strstr(output, "refused") != NULL;
    if (bench->result->code != 0 && !named && !refused)
        fault_complain(bench, order, verb->name, "exit code %d, and no error names what failed",
                       bench->result->code);
    bsc_mem_free(output);
}

static void note_difference(void *arg, const char *name, const struct fault_file *was,
                            const struct fault_file *is)
{
    (void)was;
    (void)is;
    *(const char **)arg = name;
}

static void judge_site(struct fault_bench *bench, const struct verb *verb,
                       const struct fault_order *order)
{
    struct fault_tree now = {0};
    const char *changed = NULL;
    fault_tree_load(&now, bench->site);
    fault_tree_compare(verb->after ? &bench->done : &bench->before, &now, note_difference,
                       &changed);
    if (changed != NULL) {
        fault_complain(bench, order, verb->name, "%s of the site has changed", changed);
        fault_tree_save(verb->after ? &bench->done : &bench->before, bench->site);
    }
    fault_tree_release(&now);
}

/* False when there was no such call. */
static bool attempt(struct fault_bench *bench, const struct verb *verb,
                    const struct fault_order *order)
{
    char *folder = bsc_mem_format("%s/result", bench->folder);
    fault_need(mkdir(folder, 0700) == 0, "make folder", folder);
    bsc_mem_free(folder);
    run_verb(bench, verb, order);
    bool hit = bench->result->hit;
    bench->points += hit;
    fault_judge_end(bench, order, verb->name);
    judge_words(bench, verb, order);
    judge_result(bench, verb, order);
    judge_site(bench, verb, order);
    return hit;
}

static void run_calls(struct fault_bench *bench, const struct verb *verb, struct fault_order order,
                      unsigned long calls, unsigned long stride)
{
    for (order.at = 1; order.at <= calls; order.at += stride)
        attempt(bench, verb, &order);
}

static void run_one(struct fault_bench *bench, const struct verb *verb, unsigned long stride)
{
    const struct fault_order undisturbed = {.kind = FAULT_NONE};
    unsigned long before = bench->points;
    fault_tree_save(verb->after ? &bench->done : &bench->before, bench->site);
    attempt(bench, verb, &undisturbed);
    if (bench->result->code != 0)
        fault_complain(bench, &undisturbed, verb->name, "exit code %d", bench->result->code);
    unsigned long files = bench->result->sys_calls, odbc = bench->result->sql_calls;
    struct fault_order order = {.kind = FAULT_SYS, .error = EIO};
    run_calls(bench, verb, order, files, stride);
    order.sticky = true;
    run_calls(bench, verb, order, files, stride * 3);
    order = (struct fault_order){.kind = FAULT_SQL, .sqlstate = "HY000"};
    run_calls(bench, verb, order, odbc, stride);
    order.sqlstate = "08S01";
    order.sticky = true;
    run_calls(bench, verb, order, odbc, stride * 3);
    printf("%s: %lu points of %lu file and %lu ODBC calls\n", verb->name, bench->points - before,
           files, odbc);
}

void fault_verbs_run(struct fault_bench *bench, unsigned long stride)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        run_one(bench, &verbs[i], stride);
}
