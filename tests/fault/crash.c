#include "crash.h"

#include <stdio.h>
#include <string.h>

#include "back.h"
#include "go.h"
#include "judge.h"
#include "ledger.h"
#include "others.h"

enum { SECONDS_BACK = 8 };

/* Where a stopped run is led. */
enum fault_way { FAULT_WAY_ON, FAULT_WAY_BACK };

struct tally {
    const struct fault_crash_plan *plan;
    unsigned long sys_calls, sql_calls; /* of all command lines that were watched */
    unsigned long watched;
    unsigned long back;    /* of first stops, taken back */
    unsigned long anew;    /* stopped before anything was recorded, so done by a new run */
    unsigned long refused; /* not taken back: beyond the point of no return */
};

static void count(struct fault_bench *bench, struct tally *tally)
{
    tally->sys_calls += bench->result->sys_calls;
    tally->sql_calls += bench->result->sql_calls;
    tally->watched++;
}

/* The course as it goes, each state that it passes through kept. */
static void begin(struct fault_bench *bench, struct tally *tally)
{
    const struct fault_order order = {.kind = FAULT_NONE, .watched = true};
    bench->store = fault_store_new();
    fault_tree_save(&bench->before, bench->site);
    fault_session_begin(bench);
    fault_agents_begin(bench, bench->course->agents);
    fault_go_run(bench, &order);
    fault_session_end(bench);
    if (!bench->result->ended || bench->result->code != 0)
        fault_complain(bench, &order, "run", "it cannot be watched");
    fault_judge_done(bench, &order);
    fault_agents_end(bench);
    count(bench, tally);
}

static void set_up(struct fault_bench *bench, const struct fault_state *state)
{
    fault_state_put(state, bench->site);
    memset(bench->result, 0, sizeof *bench->result);
    if (state->session)
        fault_session_begin(bench);
    fault_agents_begin(bench, state->agents);
}

static void judge_on(struct fault_bench *bench, const struct fault_order *order, bool resumed)
{
    const char *verb = resumed ? "resume" : "run";
    fault_judge_end(bench, order, verb);
    if (!bench->result->ended || bench->result->code != 0) {
        fault_complain(bench, order, verb, "exit code %d", bench->result->code);
        return;
    }
    fault_judge_done(bench, order);
    fault_ledger_judge(bench, order);
    if (resumed)
        fault_judge_once(bench, order);
}

/* Whether what it passes through is kept, to be a second stop: forwards of every first one, back of
 * every eighth, and where everything is slow of none. A bench that has the time keeps all, and
 * third ones and so on. */
static bool is_watched(const struct fault_bench *bench, const struct fault_state *from,
                       enum fault_way way, struct tally *tally)
{
    if (!tally->plan->again || bench->thorough)
        return tally->plan->again;
    bool chosen = way == FAULT_WAY_ON || tally->back++ % SECONDS_BACK == 0;
    return from->before == NULL && chosen && !FAULT_SANITIZED;
}

static void go_on(struct fault_bench *bench, struct fault_order *order, struct tally *tally)
{
    bool resumes = fault_go_has_begun(bench);
    order->watched = resumes && is_watched(bench, order->from, FAULT_WAY_ON, tally);
    if (resumes)
        fault_go_resume(bench, order);
    else
        fault_go_run(bench, order);
    fault_session_end(bench);
    judge_on(bench, order, resumes);
    if (order->watched)
        count(bench, tally);
    tally->anew += !resumes;
    bench->points++;
}

/* What has not begun has nothing to take back. */
static void go_back(struct fault_bench *bench, struct fault_order *order, struct tally *tally)
{
    if (fault_go_has_begun(bench)) {
        order->watched = is_watched(bench, order->from, FAULT_WAY_BACK, tally);
        fault_go_back(bench, order);
        tally->refused += bench->result->code == 3;
        fault_back_judge(bench, order);
        if (order->watched)
            count(bench, tally);
        bench->points++;
    }
    fault_session_end(bench);
}

static void try(struct fault_bench *bench, enum fault_way way, const struct fault_state *state,
                struct tally *tally)
{
    struct fault_order order = {.kind = FAULT_STOP, .from = state};
    set_up(bench, state);
    if (way == FAULT_WAY_ON) {
        fault_judge_between(bench, &order);
        go_on(bench, &order, tally);
    } else {
        go_back(bench, &order, tally);
    }
    fault_agents_end(bench);
}

/* Whether the run has gone so far that another course tries all that follows. */
static bool is_elsewhere(const struct fault_bench *bench, const struct fault_state *state)
{
    const char *until = bench->course->until;
    bool found = false;
    for (size_t i = 0; i < state->count && until != NULL && !found; i++) {
        const struct fault_entry *entry = &state->entries[i];
        const char *slash = strrchr(entry->name, '/');
        found = slash != NULL && strcmp(slash, "/journal.jsonl") == 0 && entry->blob != NULL &&
                memmem(entry->blob->bytes, entry->blob->length, until, strlen(until)) != NULL;
    }
    return found;
}

static void try_both(struct fault_bench *bench, size_t index, struct tally *tally)
{
    const struct fault_crash_plan *plan = tally->plan;
    const struct fault_state *state = fault_store_at(bench->store, index);
    unsigned long stride = bench->thorough ? 1 : bench->course->stride;
    unsigned long back = bench->thorough && plan->back > 0 ? 1 : plan->back;
    if (index % stride != 0 || (is_elsewhere(bench, state) && !bench->thorough))
        return;
    if (plan->on)
        try(bench, FAULT_WAY_ON, state, tally);
    if (back > 0 && index / stride % back == 0)
        try(bench, FAULT_WAY_BACK, state, tally);
}

static void show(const struct fault_bench *bench, const struct tally *tally)
{
    printf(
        "%s: stopped before and after each of %lu calls and %lu ODBC calls of %lu command lines"
        ", with nothing, some or all of what was not synced lost: %zu disks, %zu of them unlike\n",
        tally->plan->name, tally->sys_calls, tally->sql_calls, tally->watched,
        fault_store_offered(bench->store), fault_store_count(bench->store));
    printf("%lu ways on and back tried here: %lu by a new run, %lu refused\n", bench->points,
           tally->anew, tally->refused);
}

void fault_crash_run(struct fault_bench *bench, const struct fault_crash_plan *plan)
{
    struct tally tally = {.plan = plan};
    begin(bench, &tally);
    size_t first = fault_store_count(bench->store);
    size_t from = first * plan->part / plan->parts, to = first * (plan->part + 1) / plan->parts;
    for (size_t i = 0; i < fault_store_count(bench->store); i++) {
        if (i >= first || (i >= from && i < to))
            try_both(bench, i, &tally);
    }
    show(bench, &tally);
}
