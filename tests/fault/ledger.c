#include "ledger.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/folder.h"
#include "journal/reader.h"
#include "judge.h"
#include "os/files.h"
#include "value/json.h"

/* How often each kind of change was made, as {row=number}. */
struct ledgers {
    struct bsc_value *plan;    /* owned */
    struct bsc_value *journal; /* owned */
    struct bsc_value *rows;    /* owned {effect=row} of the intents without an outcome */
};

static void count(struct bsc_value *ledger, const char *row)
{
    bsc_value_set_int(ledger, row, bsc_value_get_number(ledger, row, 0) + 1);
}

static struct bsc_value *read_json(const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    struct bsc_value *value = NULL;
    if (bsc_files_read(bsc_sys_real(), path, (size_t)1 << 24, &text, &err))
        value = bsc_json_parse(path, text.data, text.length, &err);
    bsc_buf_release(&text);
    return value;
}

static void take_plan(struct ledgers *ledgers, const struct bsc_value *plan)
{
    const struct bsc_value *items = bsc_value_get(plan, "items");
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *changes = bsc_value_get(bsc_value_at(items, i), "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++)
            count(ledgers->plan, fault_judge_row(bsc_value_at(changes, k)));
    }
}

static bool take_record(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct ledgers *ledgers = arg;
    char effect[32];
    if (record->kind != BSC_JOURNAL_INTENT && record->kind != BSC_JOURNAL_OUTCOME)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    (void)snprintf(effect, sizeof effect, "%lld",
                   (long long)bsc_value_get_number(payload, "effect", 0));
    const char *outcome = bsc_value_get_string(payload, "outcome");
    const char *row = bsc_value_get_string(ledgers->rows, effect);
    if (record->kind == BSC_JOURNAL_INTENT)
        bsc_value_set_text(ledgers->rows, effect, fault_judge_row(payload));
    else if (row != NULL && outcome != NULL && strcmp(outcome, "changed") == 0)
        count(ledgers->journal, row);
    bsc_value_free(payload);
    return true;
}

static bool is_there(const struct fault_bench *bench, const char *name)
{
    char *path = bsc_mem_format("%s/%s", bench->site, name);
    bool there = access(path, F_OK) == 0;
    bsc_mem_free(path);
    return there;
}

/* What is kept beside a copy: where it is, and on which recovery fork. Returns owned. */
static struct bsc_value *state_of(const struct fault_bench *bench, const char *name)
{
    char *path = bsc_mem_format("%s/%s.state", bench->site, name);
    struct bsc_value *state = read_json(path);
    bsc_mem_free(path);
    return state;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* The pool writes down each change of it by a trigger of its own. */
static int64_t pool_changes(const struct fault_bench *bench)
{
    char *told = fault_judge_ask(bench, "dc2/app/pool.db", "SELECT count(*) FROM told");
    int64_t changes = told != NULL ? (int64_t)strlen(told) : 0;
    if (told != NULL)
        (void)sscanf(told, "%ld", &changes);
    bsc_mem_free(told);
    return changes;
}

/* Where the other side ends, or ended before it was made anew and put aside. */
static int64_t handed_over(const struct fault_bench *bench)
{
    struct fault_tree now = {0};
    struct bsc_value *state = state_of(bench, bench->course->other);
    char *aside = bsc_mem_format("%s.before-", bench->course->other);
    fault_tree_load(&now, bench->site);
    for (size_t i = 0; i < now.count; i++) {
        const struct fault_file *file = &now.files[i];
        struct bsc_err err = BSC_ERR_INIT;
        const char *end = strrchr(file->name, '.');
        if (strncmp(file->name, aside, strlen(aside)) != 0 || strcmp(end, ".state") != 0)
            continue;
        bsc_value_free(state);
        state = bsc_json_parse(file->name, file->bytes, file->length, &err);
    }
    int64_t lsn = bsc_value_get_number(state, "lsn", 0);
    fault_tree_release(&now);
    bsc_value_free(state);
    bsc_mem_free(aside);
    return lsn;
}

/* How far the copy that is brought online is to come: where the other side ends, or up to what
 * the plan has of it; 0 where no number says so. */
static int64_t last_lsn(const struct fault_bench *bench, const struct bsc_value *plan)
{
    const struct bsc_value *items = bsc_value_get(plan, "items");
    int64_t lsn = 0;
    if (bench->course->other != NULL)
        return handed_over(bench);
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *changes = bsc_value_get(bsc_value_at(items, i), "changes");
        for (size_t k = 0; k < bsc_value_count(changes); k++) {
            const struct bsc_value *becomes = bsc_value_get(bsc_value_at(changes, k), "becomes");
            lsn =
                bsc_value_get_number(bsc_value_get(becomes, "database:mgc.secondary"), "lsn", lsn);
        }
    }
    return lsn;
}

/* What the sides of the site have written down of themselves. */
struct sides {
    struct bsc_value *online, *other, *mirror; /* owned; NULL where nothing is written */
    const char *fork;                          /* borrowed: of the copy that is online */
    const char *left;                          /* the one it has left */
    bool complete;                             /* it left it where it was to come to */
};

static void look(const struct fault_bench *bench, const struct bsc_value *plan, struct sides *ret)
{
    const struct fault_course *course = bench->course;
    ret->online = state_of(bench, course->online);
    ret->mirror = state_of(bench, course->mirror);
    ret->other = course->other != NULL ? state_of(bench, course->other) : NULL;
    const struct bsc_value *parting = bsc_value_get(ret->online, "parting");
    ret->fork = bsc_value_get_string(ret->online, "fork");
    ret->left = bsc_value_get_string(parting, "fork");
    ret->complete = bsc_value_get_number(parting, "lsn", 0) == last_lsn(bench, plan);
}

static void sides_release(struct sides *sides)
{
    bsc_value_free(sides->online);
    bsc_value_free(sides->other);
    bsc_value_free(sides->mirror);
}

/* How often the site itself shows that a change of this kind was made; -1: it does not say. */
static int64_t shown(const struct fault_bench *bench, const char *row, const struct sides *sides)
{
    const struct fault_course *course = bench->course;
    if (course->scene != NULL)
        return course->scene->shown(bench, row);
    if (same(row, "pools.update"))
        return pool_changes(bench) - course->pool_changes;
    if (same(row, "logs.unship"))
        return !is_there(bench, "dc2/sql3/mgc.db.shipping");
    if (same(row, "logs.ship_from"))
        return is_there(bench, "dc2/sql3/mgc.db.shipping");
    if (same(row, "logs.salvage"))
        return is_there(bench, "dc2/sql3/mgc.db.salvaged");
    if (same(row, "logs.apply") || same(row, "logs.catch_up"))
        return sides->complete ? 2 : 0;
    if (same(row, "logs.recover"))
        return sides->complete && !same(sides->fork, sides->left);
    if (same(row, "logs.seed"))
        return same(bsc_value_get_string(sides->online, "database_id"),
                    bsc_value_get_string(sides->other, "database_id"));
    if (same(row, "logs.hand_over"))
        return same(bsc_value_get_string(sides->other, "role"), "restoring");
    if (same(row, "mirrors.install"))
        return same(sides->fork, bsc_value_get_string(sides->mirror, "fork"));
    if (same(row, "mirrors.remove"))
        return !is_there(bench, course->removed);
    return -1;
}

static void compare(struct fault_bench *bench, const struct fault_order *order,
                    const struct ledgers *ledgers, const struct bsc_value *plan)
{
    struct sides sides = {0};
    if (bench->course->scene == NULL)
        look(bench, plan, &sides);
    for (size_t i = 0; i < bsc_value_count(ledgers->plan); i++) {
        const char *row = bsc_value_key_at(ledgers->plan, i);
        int64_t planned = bsc_value_get_number(ledgers->plan, row, 0);
        int64_t made = bsc_value_get_number(ledgers->journal, row, 0);
        int64_t shows = shown(bench, row, &sides);
        /* Sessions end by themselves, and who is made anew meanwhile need not catch up. */
        bool more = fault_judge_is_repeatable(row);
        bool less = same(row, "logs.end_sessions") || same(row, "logs.catch_up");
        bool right = (made == planned || (more && made > planned) || (less && made < planned)) &&
                     (shows < 0 || shows == planned);
        if (!right)
            fault_complain(bench, order, "resume",
                           "%s: %lld planned, %lld made, the site shows %lld", row,
                           (long long)planned, (long long)made, (long long)shows);
    }
    for (size_t i = 0; i < bsc_value_count(ledgers->journal); i++) {
        const char *row = bsc_value_key_at(ledgers->journal, i);
        if (bsc_value_get_number(ledgers->plan, row, 0) == 0)
            fault_complain(bench, order, "resume", "%s: made, and not planned", row);
    }
    sides_release(&sides);
}

void fault_ledger_judge(struct fault_bench *bench, const struct fault_order *order)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report = {0};
    struct bsc_journal_folder folder = {0};
    struct ledgers ledgers = {bsc_value_map(), bsc_value_map(), bsc_value_map()};
    struct bsc_value *plan = NULL;
    char *runs = bsc_mem_format("%s/runs", bench->site);
    if (bsc_journal_folder_find(bsc_sys_real(), runs, "last", &folder, &err)) {
        char *path = bsc_journal_folder_file(&folder, "plan.json");
        plan = read_json(path);
        bsc_mem_free(path);
        (void)bsc_journal_read(bsc_sys_real(), folder.journal, take_record, &ledgers, &report,
                               &err);
    }
    take_plan(&ledgers, plan);
    if (bsc_value_count(ledgers.plan) == 0)
        fault_complain(bench, order, "resume", "its plan cannot be read");
    compare(bench, order, &ledgers, plan);
    bsc_value_free(plan);
    bsc_value_free(ledgers.plan);
    bsc_value_free(ledgers.journal);
    bsc_value_free(ledgers.rows);
    bsc_journal_folder_release(&folder);
    bsc_mem_free(runs);
}
