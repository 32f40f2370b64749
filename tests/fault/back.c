#include "back.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client.h"
#include "journal/folder.h"
#include "journal/reader.h"
#include "judge.h"
#include "others.h"
#include "value/value.h"

/* Of the last run's journal. */
struct trail {
    const struct fault_course *course; /* borrowed */
    bool beyond;                       /* the point of no return was begun */
    bool back;                         /* a rollback was begun */
    struct bsc_value *intents;         /* owned {effect=statement} of the rollback */
    struct bsc_value *times;           /* owned {statement=how often it was made} */
};

static void take_change(struct trail *trail, const struct bsc_journal_record *record,
                        const struct bsc_value *payload)
{
    char effect[32];
    (void)snprintf(effect, sizeof effect, "%lld",
                   (long long)bsc_value_get_number(payload, "effect", 0));
    const char *outcome = bsc_value_get_string(payload, "outcome");
    const char *statement = bsc_value_get_string(trail->intents, effect);
    if (record->kind == BSC_JOURNAL_INTENT && trail->back)
        bsc_value_set_text(trail->intents, effect, bsc_value_get_string(payload, "statement"));
    else if (record->kind == BSC_JOURNAL_OUTCOME && statement != NULL && outcome != NULL &&
             strcmp(outcome, "changed") == 0)
        bsc_value_set_int(trail->times, statement,
                          bsc_value_get_number(trail->times, statement, 0) + 1);
}

static bool begins(const char *text, const char *with)
{
    return text != NULL && with != NULL && strncmp(text, with, strlen(with)) == 0;
}

static bool take_record(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct trail *trail = arg;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    const char *mode = bsc_value_get_string(payload, "mode");
    const char *beyond = trail->course->beyond;
    trail->back = trail->back || (record->kind == BSC_JOURNAL_RUN_BEGIN &&
                                  strcmp(mode != NULL ? mode : "", "rollback") == 0);
    trail->beyond = trail->beyond || (record->kind == BSC_JOURNAL_INTENT &&
                                      (begins(bsc_value_get_string(payload, "row"), beyond) ||
                                       begins(bsc_value_get_string(payload, "statement"), beyond)));
    take_change(trail, record, payload);
    bsc_value_free(payload);
    return true;
}

static void read_trail(struct fault_bench *bench, const struct fault_order *order,
                       struct trail *ret)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report = {0};
    struct bsc_journal_folder folder = {0};
    char *runs = bsc_mem_format("%s/runs", bench->site);
    *ret = (struct trail){
        .course = bench->course, .intents = bsc_value_map(), .times = bsc_value_map()};
    bool read = bsc_journal_folder_find(bsc_sys_real(), runs, "last", &folder, &err) &&
                bsc_journal_read(bsc_sys_real(), folder.journal, take_record, ret, &report, &err);
    if (!read || report.state == BSC_JOURNAL_DAMAGED ||
        (bench->result->code == 0 && report.state != BSC_JOURNAL_ENDED))
        fault_complain(bench, order, "rollback", "its journal is %s %s",
                       bsc_journal_state_name(report.state), err.message);
    bsc_journal_folder_release(&folder);
    bsc_mem_free(runs);
}

/* What a process that was killed had not finished has a name of its own, and hurts nobody. */
static bool is_undone(const struct fault_course *course, const char *name)
{
    return !fault_course_lasts(course, name) && !fault_judge_is_temporary(name);
}

struct names {
    struct fault_bench *bench;
    const struct fault_order *order;
};

static void check_file(void *arg, const char *name, const struct fault_file *was,
                       const struct fault_file *is)
{
    const struct names *names = arg;
    if (is_undone(names->bench->course, name))
        fault_complain(names->bench, names->order, "rollback", "in the end %s %s", name,
                       was == NULL  ? "is there"
                       : is == NULL ? "is missing"
                                    : "is not as it was");
}

static void judge_files(struct fault_bench *bench, const struct fault_order *order)
{
    struct fault_tree now = {0};
    struct names names = {bench, order};
    fault_tree_load(&now, bench->site);
    fault_tree_compare(&bench->before, &now, check_file, &names);
    fault_tree_release(&now);
}

/* Its version goes on. */
static void judge_pool(struct fault_bench *bench, const struct fault_order *order)
{
    const char *before = bench->course->pool_before;
    size_t length = (size_t)(strrchr(before, ' ') - before) + 1;
    char *pool = fault_judge_pool(bench);
    if (pool == NULL || strncmp(pool, before, length) != 0)
        fault_complain(bench, order, "rollback", "it was taken back, and the pool is %s",
                       pool == NULL ? "lost" : pool);
    bsc_mem_free(pool);
}

/* The copy that was online is so again, with the mirror that it had, which is given what comes in.
 */
static void judge_other(struct fault_bench *bench, const struct fault_order *order)
{
    const struct fault_course *course = bench->course;
    fault_judge_copy(bench, order, course->other, true, fault_client_told(bench));
    fault_judge_copy(bench, order, course->removed, false, 0);
    if (fault_agents_of(getpid()) != course->agents)
        fault_complain(bench, order, "rollback", "it was taken back, and a mirror is not fed");
}

static void judge_chat(struct fault_bench *bench, const struct fault_order *order)
{
    judge_pool(bench, order);
    if (fault_judge_is_open(bench, bench->course->online))
        fault_complain(bench, order, "rollback", "it was taken back, and the copy is online");
    if (bench->course->other != NULL)
        judge_other(bench, order);
}

static void judge_site(struct fault_bench *bench, const struct fault_order *order)
{
    judge_files(bench, order);
    if (bench->course->scene != NULL)
        bench->course->scene->judge_back(bench, order);
    else
        judge_chat(bench, order);
    fault_judge_between(bench, order);
}

static void judge_refused(struct fault_bench *bench, const struct fault_order *order)
{
    struct fault_store *store = bench->store;
    struct fault_tree now = {0};
    fault_tree_load(&now, bench->site);
    for (size_t i = 0; i < order->from->count; i++) {
        const struct fault_entry *entry = &order->from->entries[i];
        const struct fault_file *file = fault_tree_find(&now, entry->name);
        bool same =
            file != NULL && (entry->blob == NULL ||
                             fault_store_blob(store, file->bytes, file->length) == entry->blob);
        /* The journal, what the agent of the mirror does, and what readers leave. */
        bool may = strncmp(entry->name, "runs", 4) == 0 || strstr(entry->name, ".db-") != NULL ||
                   strstr(entry->name, "sql4/") != NULL || strstr(entry->name, "sql2/") != NULL;
        if (!same && !may)
            fault_complain(bench, order, "rollback", "it was refused, and %s has changed",
                           entry->name);
    }
    fault_tree_release(&now);
}

void fault_back_judge(struct fault_bench *bench, const struct fault_order *order)
{
    struct trail trail;
    fault_judge_end(bench, order, "rollback");
    read_trail(bench, order, &trail);
    int code = bench->result->code;
    /* Whether the point of no return has had any effect is found out by looking. */
    if (bench->result->ended && code != 0 && (code != 3 || !trail.beyond))
        fault_complain(bench, order, "rollback", "exit code %d", code);
    else if (code != 0)
        judge_refused(bench, order);
    else
        judge_site(bench, order);
    for (size_t i = 0; i < bsc_value_count(trail.times); i++) {
        if (bsc_value_number(bsc_value_item_at(trail.times, i), 0) > 1)
            fault_complain(bench, order, "rollback", "it was undone twice: %s",
                           bsc_value_key_at(trail.times, i));
    }
    bsc_value_free(trail.intents);
    bsc_value_free(trail.times);
}
