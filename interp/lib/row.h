/*
 * The table of what the host can do for Lua: one row for each primitive.
 *
 * A row is a plain C function over values: arguments in, one call down, results out. It never sees
 * a Lua state, runs on a worker thread, and may block. READ rows only look; WRITE rows change the
 * world and are carried out by the live world alone, between the intent and the outcome in the
 * journal. The same rows make the reference page.
 */
#ifndef BSC_LIB_ROW_H
#define BSC_LIB_ROW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/records.h"
#include "os/clock.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_lib_env; /* see lib/env.h */

enum bsc_lib_effect { BSC_LIB_READ, BSC_LIB_WRITE };

/* The journal of the run, to which the thread of the row alone adds while the row is at work. */
struct bsc_lib_log {
    bool (*record)(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload,
                   bool durable, struct bsc_err *err);
    void *arg;        /* borrowed, as all else */
    const char *path; /* where it is */
    int64_t effect;   /* number of the change, and its place in the run */
    int64_t item;
    int64_t action;
};

struct bsc_lib_call {
    struct bsc_lib_env *env;      /* borrowed: site, connections, tables of calls */
    const struct bsc_value *args; /* borrowed map */
    const atomic_bool *cancel;    /* borrowed: set when the operator wants to stop */
    int64_t deadline_us;          /* monotonic time after which to give up; 0 is never */
    /* Any thread; `unit` is borrowed during the call. */
    void (*progress)(void *arg, int64_t done, int64_t total, const char *unit);
    void (*alive)(void *arg);      /* as `progress`, where there is nothing to count */
    void *progress_arg;            /* of both */
    const struct bsc_lib_log *log; /* borrowed; NULL for rows that look, and without a run */
};

/* Returns true and an owned value in *ret, or false and *err. */
typedef bool (*bsc_lib_fn)(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err);

struct bsc_lib_row {
    const char *name; /* "logs.apply" */
    enum bsc_lib_effect effect;
    bsc_lib_fn run;
    bool resumes;       /* carried out again after a part of it was done, it does the rest */
    const char *lane;   /* argument whose text names the worker thread ("server"), or NULL
                           for the common one */
    const char *args;   /* "path: text, files: list" */
    const char *result; /* "map {applied: int, lsn: int}" */
    const char *doc;    /* one sentence */
};

/* NULL when there is no such row. */
const struct bsc_lib_row *bsc_lib_find(const char *name);
/* All rows in order of name. */
const struct bsc_lib_row *const *bsc_lib_rows(size_t *ret_count);

#endif
