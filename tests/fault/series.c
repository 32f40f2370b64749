#include "series.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "crash.h"
#include "disk.h"
#include "go.h"
#include "judge.h"
#include "likeness.h"
#include "os/files.h"
#include "others.h"
#include "predict.h"
#include "verbs.h"

/* Of the first stops of a course, the ones that are taken back too. */
enum { BACK_STRIDE = 4 };

static const struct fault_order undisturbed = {.kind = FAULT_NONE};

/* The course as it goes when nothing is in its way; what later attempts are held against. */
static void prepare(struct fault_bench *bench, const struct fault_course *course)
{
    if (course->after != NULL)
        prepare(bench, course->after);
    else if (course->scene != NULL)
        course->scene->make(bench);
    else
        fault_site_make(bench);
    fault_course_begin(bench, course);
    fault_session_begin(bench);
    fault_agents_begin(bench, course->agents);
    fault_go_run(bench, &undisturbed);
    fault_session_end(bench);
    fault_judge_end(bench, &undisturbed, "run");
    if (bench->result->code != 0)
        fault_complain(bench, &undisturbed, "run", "exit code %d", bench->result->code);
    fault_judge_between(bench, &undisturbed);
    fault_judge_done(bench, &undisturbed);
    fault_agents_end(bench);
    fault_tree_load(&bench->done, bench->site);
    fault_need(bench->failures == 0, "take", course->name);
}

/* The run is gone on with, or a second one finishes what the first one left; nothing disturbs it.
 */
static void finish(struct fault_bench *bench, const struct fault_order *order)
{
    bool resumes = order->resumes && fault_go_has_begun(bench);
    if (resumes)
        fault_go_resume(bench, &undisturbed);
    else
        fault_go_run(bench, &undisturbed);
    if (!bench->result->ended || bench->result->code != 0) {
        fault_complain(bench, order, resumes ? "resume" : "a second run", "exit code %d",
                       bench->result->code);
        return;
    }
    fault_judge_done(bench, order);
    if (resumes)
        fault_judge_once(bench, order);
}

static void note_state(void *arg, struct fault_state *state)
{
    struct fault_bench *bench = arg;
    fault_likeness_find(state);
    bench->is_news = fault_store_add(bench->store, state) || bench->is_news;
}

/* Whether the site has been left like this before, and was finished then. */
static bool is_known(struct fault_bench *bench)
{
    struct fault_store *contents = fault_store_new();
    struct fault_disk *disk = fault_disk_new(bench->site, contents);
    bench->is_news = false;
    fault_disk_states(disk, true, note_state, bench);
    fault_disk_free(disk);
    fault_store_free(contents);
    return !bench->is_news && !bench->thorough;
}

/* One disturbed failover from the beginning to the verdict; *ret_done says whether it succeeded all
 * the same. False when there was no such call. */
static bool attempt(struct fault_bench *bench, const struct fault_order *order, bool *ret_done)
{
    fault_tree_save(&bench->before, bench->site);
    fault_session_begin(bench);
    fault_go_run(bench, order);
    fault_session_end(bench);
    bool hit = bench->result->hit;
    *ret_done = bench->result->ended && bench->result->code == 0;
    if (hit) {
        bench->points++;
        fault_judge_end(bench, order, "run");
        fault_judge_between(bench, order);
        if (*ret_done)
            fault_judge_done(bench, order);
        else if (!fault_is_untouched(bench, &bench->before) && !is_known(bench))
            finish(bench, order);
    }
    fault_agents_end(bench);
    return hit;
}

/* While the primary answers nothing may be changed, whatever fails. */
static bool attempt_alive(struct fault_bench *bench, const struct fault_order *order)
{
    fault_tree_save(&bench->alive, bench->site);
    fault_go_run(bench, order);
    bool hit = bench->result->hit;
    bench->points += hit;
    fault_judge_end(bench, order, "run");
    if (bench->result->code == 0)
        fault_complain(bench, order, "run", "it failed over, and the primary is alive");
    if (!fault_is_untouched(bench, &bench->alive))
        fault_complain(bench, order, "run", "it changed the site, and the primary is alive");
    return hit;
}

static void run_alive(struct fault_bench *bench, unsigned long stride)
{
    struct fault_order order = {.kind = FAULT_SYS, .error = EIO};
    attempt_alive(bench, &undisturbed);
    unsigned long calls = bench->result->sys_calls;
    for (order.at = 1; order.at <= calls; order.at += stride)
        attempt_alive(bench, &order);
    order.sticky = true;
    for (order.at = 1; order.at <= calls; order.at += stride * 3)
        attempt_alive(bench, &order);
    printf("alive: %lu points of %lu calls\n", bench->points, calls);
}

/* Kinds of calls, one bit each. */
static unsigned long kinds_all(void)
{
    return ~0UL;
}

static unsigned long bit(enum unit_sys_kind kind)
{
    return 1UL << kind;
}

/* Calls after which the site may be another. */
static unsigned long kinds_changing(void)
{
    return bit(UNIT_SYS_WRITE) | bit(UNIT_SYS_PWRITE) | bit(UNIT_SYS_COPY_FILE_RANGE) |
           bit(UNIT_SYS_FSYNC) | bit(UNIT_SYS_FDATASYNC) | bit(UNIT_SYS_FTRUNCATE) |
           bit(UNIT_SYS_FALLOCATE) | bit(UNIT_SYS_RENAME) | bit(UNIT_SYS_LINK) |
           bit(UNIT_SYS_UNLINK) | bit(UNIT_SYS_MKDIR) | bit(UNIT_SYS_LOCK);
}

static unsigned long kinds_looking(void)
{
    return ~kinds_changing();
}

/* Opening an ordinary file waits for nothing, so no signal comes between. */
static unsigned long kinds_interruptible(void)
{
    return bit(UNIT_SYS_CLOSE) | bit(UNIT_SYS_READ) | bit(UNIT_SYS_WRITE) | bit(UNIT_SYS_PREAD) |
           bit(UNIT_SYS_PWRITE) | bit(UNIT_SYS_COPY_FILE_RANGE) | bit(UNIT_SYS_FALLOCATE) |
           bit(UNIT_SYS_FTRUNCATE);
}

/* Calls for which the system needs a descriptor. */
static unsigned long kinds_opening(void)
{
    return bit(UNIT_SYS_OPEN);
}

/* Calls for which the system may need memory. */
static unsigned long kinds_remembering(void)
{
    return bit(UNIT_SYS_OPEN) | bit(UNIT_SYS_STAT) | bit(UNIT_SYS_FSTAT) | bit(UNIT_SYS_MKDIR) |
           bit(UNIT_SYS_RENAME) | bit(UNIT_SYS_LINK) | bit(UNIT_SYS_UNLINK) | bit(UNIT_SYS_LOCK) |
           bit(UNIT_SYS_WRITE) | bit(UNIT_SYS_PWRITE) | bit(UNIT_SYS_COPY_FILE_RANGE) |
           bit(UNIT_SYS_STATVFS) | bit(UNIT_SYS_STATFS);
}

struct series {
    const char *name;
    struct fault_order order; /* without the call */
    unsigned long (*kinds)(void);
    unsigned long stride;
    bool succeeds; /* nobody may notice */
};

/* Where a process or the machine stops is crash.h's. */
static const struct series all_series[] = {
    {"files-changing", {.kind = FAULT_SYS, .error = EIO}, kinds_changing, 1, false},
    {"files-looking", {.kind = FAULT_SYS, .error = EIO}, kinds_looking, 13, false},
    {"files-sticky", {.kind = FAULT_SYS, .error = EIO, .sticky = true}, kinds_all, 13, false},
    {"files-full", {.kind = FAULT_SYS, .error = ENOSPC}, kinds_changing, 2, false},
    {"files-full-on",
     {.kind = FAULT_SYS, .error = ENOSPC, .sticky = true},
     kinds_changing,
     5,
     false},
    {"files-interrupted", {.kind = FAULT_SYS, .error = EINTR}, kinds_interruptible, 11, true},
    {"files-interrupted-on",
     {.kind = FAULT_SYS, .error = EINTR, .sticky = true},
     kinds_interruptible,
     23,
     true},
    {"files-descriptors", {.kind = FAULT_SYS, .error = EMFILE}, kinds_opening, 5, false},
    {"files-descriptors-on",
     {.kind = FAULT_SYS, .error = EMFILE, .sticky = true},
     kinds_opening,
     7,
     false},
    {"files-memory", {.kind = FAULT_SYS, .error = ENOMEM}, kinds_remembering, 17, false},
    {"files-memory-on",
     {.kind = FAULT_SYS, .error = ENOMEM, .sticky = true},
     kinds_remembering,
     29,
     false},
    {"resume-files", {.kind = FAULT_SYS, .error = EIO, .resumes = true}, kinds_changing, 4, false},
    {"resume-odbc", {.kind = FAULT_SQL, .sqlstate = "08S01", .resumes = true}, NULL, 4, false},
    {"odbc-once", {.kind = FAULT_SQL, .sqlstate = "HY000"}, NULL, 2, false},
    {"odbc-link", {.kind = FAULT_SQL, .sqlstate = "08S01"}, NULL, 6, false},
    {"odbc-sticky", {.kind = FAULT_SQL, .sqlstate = "08S01", .sticky = true}, NULL, 9, false},
};

static bool is_meant(const struct series *series, const unsigned char *kinds, unsigned long at)
{
    return series->kinds == NULL || (series->kinds() >> kinds[at - 1] & 1) != 0;
}

/* How often some things are looked at differs by a few calls from run to run, so the call may have
 * been of another kind than foreseen. */
static bool was_meant(const struct fault_bench *bench, const struct series *series)
{
    for (int kind = 0; kind < UNIT_SYS_KINDS; kind++) {
        if (strcmp(unit_sys_name((enum unit_sys_kind)kind), bench->failed) == 0)
            return (series->kinds() >> kind & 1) != 0;
    }
    return false;
}

static void run_one(struct fault_bench *bench, const struct series *series, unsigned long at)
{
    struct fault_order order = series->order;
    order.at = at;
    order.kinds = series->kinds != NULL && series->order.sticky ? series->kinds() : 0;
    bool done = false;
    bool hit = attempt(bench, &order, &done);
    if (hit && series->succeeds && was_meant(bench, series) && !done)
        fault_complain(bench, &order, "run", "it did not try again");
}

static void run_series(struct fault_bench *bench, const struct series *series, unsigned long from,
                       unsigned long to)
{
    unsigned long before = bench->points;
    unsigned char *kinds = bsc_mem_new(FAULT_CALLS_MAX, 1);
    memcpy(kinds, bench->result->kinds, FAULT_CALLS_MAX);
    unsigned long calls =
        series->order.kind == FAULT_SQL ? bench->result->sql_calls : bench->result->sys_calls;
    unsigned long stride = bench->thorough ? 1 : series->stride * FAULT_THINNING;
    unsigned long meant = 0;
    for (unsigned long at = from; at <= calls && at <= to; at++) {
        if (is_meant(series, kinds, at) && meant++ % stride == 0)
            run_one(bench, series, at);
    }
    bsc_mem_free(kinds);
    printf("%s: %lu of %lu calls tried\n", series->name, bench->points - before, meant);
}

static void run_predicted(struct fault_bench *bench, unsigned long stride)
{
    unsigned long calls = bench->result->sys_calls;
    unsigned char *kinds = bsc_mem_new(FAULT_CALLS_MAX, 1);
    memcpy(kinds, bench->result->kinds, FAULT_CALLS_MAX);
    fault_predict_run(bench, kinds, calls, kinds_changing(), stride);
    bsc_mem_free(kinds);
}

/* Whether ctest has an enumeration of a course that this runbook takes. */
static bool is_stopped(const char *runbook)
{
    static const char enumerated[] = " " FAULT_ENUMERATED " ";
    bool found = false;
    for (size_t i = 0; fault_courses[i] != NULL && !found; i++) {
        char *name = bsc_mem_format(" %s ", fault_courses[i]->name);
        found = strcmp(runbook, fault_courses[i]->runbook) == 0 && strstr(enumerated, name) != NULL;
        bsc_mem_free(name);
    }
    return found;
}

/* A runbook that is shipped is stopped everywhere. */
static void run_shipped(struct fault_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_files_list files = {0};
    fault_need(bsc_files_list(FAULT_RUNBOOKS, &files, &err), "list", FAULT_RUNBOOKS);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i], *end = strrchr(name, '.');
        bool runbook = end != NULL && strcmp(end, ".lua") == 0 && strstr(name, "_test.lua") == NULL;
        bench->points += runbook;
        if (runbook && !is_stopped(name))
            fault_complain(bench, &undisturbed, "run", "nothing stops %s anywhere", name);
    }
    bsc_files_list_release(&files);
}

/* Each first stop of every course; second stops of the failover. */
static bool run_crashes(struct fault_bench *bench, const char *name, unsigned long part,
                        unsigned long parts)
{
    const struct fault_course *course = fault_course_find(name);
    struct fault_crash_plan plan = {.name = name, .again = true, .part = part, .parts = parts};
    if (strcmp(name, "crash") == 0) {
        plan.on = true;
    } else if (strcmp(name, "back") == 0) {
        plan.back = 1;
    } else if (course != NULL) {
        plan.on = true;
        plan.back = BACK_STRIDE;
        plan.again = false;
    } else {
        return false;
    }
    prepare(bench, course != NULL ? course : fault_course_find("failover"));
    fault_crash_run(bench, &plan);
    return true;
}

bool fault_series_run(struct fault_bench *bench, const char *name, char **words)
{
    int64_t from = 1, to = FAULT_CALLS_MAX;
    if (words != NULL && words[0] != NULL) {
        fault_need(bsc_num_parse(words[0], strlen(words[0]), &from), "understand", words[0]);
        to = from;
        if (words[1] != NULL)
            fault_need(bsc_num_parse(words[1], strlen(words[1]), &to), "understand", words[1]);
    }
    for (size_t i = 0; i < sizeof all_series / sizeof all_series[0]; i++) {
        if (strcmp(all_series[i].name, name) != 0)
            continue;
        prepare(bench, fault_course_find("failover"));
        bench->store = fault_store_new();
        run_series(bench, &all_series[i], (unsigned long)from, (unsigned long)to);
        return true;
    }
    if (run_crashes(bench, name, (unsigned long)from - 1,
                    to == FAULT_CALLS_MAX ? 1 : (unsigned long)to))
        return true;
    prepare(bench, fault_course_find("failover"));
    if (strcmp(name, "verbs") == 0)
        fault_verbs_run(bench, bench->thorough ? 1 : 3 * FAULT_THINNING);
    else if (strcmp(name, "predicted") == 0)
        run_predicted(bench, bench->thorough ? 1 : 7 * FAULT_THINNING);
    else if (strcmp(name, "shipped") == 0)
        run_shipped(bench);
    else if (strcmp(name, "alive") == 0)
        run_alive(bench, bench->thorough ? 1 : FAULT_THINNING);
    else
        return false;
    return true;
}
