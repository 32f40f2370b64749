#include "cli/lab_mig.h"
#include "cli/lab_worker.h"

enum {
    PAUSE_MS_MIN = 20,
    PAUSES_EACH_LOOK = 4, /* a look takes at most a fifth of the time */
};

struct observer {
    struct bsc_sql *directory; /* NULL while it cannot be reached */
    struct bsc_sql *looks;
};

/* One statement sees one moment. */
static const char look[] = "SELECT u.sip, count(h.pool) FROM users u LEFT JOIN homes h"
                           " ON h.sip = u.sip GROUP BY u.sip HAVING count(h.pool) <> 1 LIMIT 100";

static bool keep_look(struct observer *o, bool blind, struct bsc_err *err)
{
    static const char *const blindly[] = {"UPDATE looks SET blind = blind + 1", NULL};
    static const char *const seeing[] = {
        "UPDATE looks SET count = count + 1, last = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", NULL};
    return bsc_lab_sql_run(o->looks, blind ? blindly : seeing, err);
}

/* Each user once, for it may last. */
static bool keep_violation(struct observer *o, const struct bsc_value *row, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    struct bsc_sql_result result = {0};
    bool ok = bsc_sql_run(o->looks,
                          "INSERT INTO violations (sip, pools) VALUES (?, ?)"
                          " ON CONFLICT DO UPDATE SET last = excluded.last",
                          row, &limits, &result, err);
    bsc_sql_result_release(&result);
    return ok;
}

/* What cannot be seen is no violation, but it is not a look either. */
static bool look_once(struct bsc_lab_worker *w)
{
    struct observer *o = w->own;
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    if (o->directory == NULL)
        o->directory = bsc_lab_mig_open(w->lab, &reason);
    const struct bsc_value *rows =
        o->directory != NULL ? bsc_lab_sql_ask(o->directory, look, NULL, &result, &reason) : NULL;
    bool ok = keep_look(o, rows == NULL, w->err);
    for (size_t i = 0; ok && i < bsc_value_count(rows); i++)
        ok = keep_violation(o, bsc_value_at(rows, i), w->err);
    if (rows == NULL) {
        bsc_sql_close(o->directory);
        o->directory = NULL;
    }
    bsc_sql_result_release(&result);
    return ok;
}

static bool watch_round(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    const struct bsc_clock *clock = w->lab->cli->clock;
    int64_t begun = clock->mono_us(clock->self);
    bool ok = look_once(w);
    *ret_pause_ms = (clock->mono_us(clock->self) - begun) * PAUSES_EACH_LOOK / 1000;
    if (*ret_pause_ms < PAUSE_MS_MIN)
        *ret_pause_ms = PAUSE_MS_MIN;
    return ok;
}

bool bsc_lab_mig_watch(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct observer o = {0};
    struct bsc_lab_worker w = {.lab = lab, .round = watch_round, .err = err, .own = &o};
    o.looks = bsc_lab_sql_open(lab, BSC_LAB_MIG_LOOKS, false, err);
    bool ok = o.looks != NULL && bsc_lab_worker_go_on(&w, BSC_LAB_MIG_OBSERVER);
    bsc_sql_close(o.directory);
    bsc_sql_close(o.looks);
    return ok;
}
