/*
 * The watch over a running statement: a thread that cancels it when its time is up or when somebody
 * wants it cancelled. Drivers' own timeouts are not to be trusted: some count only while the
 * network is silent. Private to this room.
 */
#ifndef BSC_SQL_WATCH_INT_H
#define BSC_SQL_WATCH_INT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sql/calls_int.h"

struct bsc_sql_watch;

/* `calls` is borrowed and must outlive the watch. NULL when the thread cannot be started. */
struct bsc_sql_watch *bsc_sql_watch_new(const struct bsc_sql_calls *calls, struct bsc_err *err);
void bsc_sql_watch_free(struct bsc_sql_watch *watch); /* accepts NULL */

/* From now on the statement is watched. SQLCancel is called on `target`: the running statement or,
 * for drivers whose SQLCancel tears down results under the running thread, another statement of the
 * same connection. Until bsc_sql_watch_end returns the target must stay allocated. */
void bsc_sql_watch_begin(struct bsc_sql_watch *watch, struct bsc_sql_handle target,
                         int64_t timeout_ms, const atomic_bool *cancel);

/* For a stretch of many short statements: while it is on, the watch looks by itself every now and
 * then, instead of being woken for each of them. */
void bsc_sql_watch_stay_awake(struct bsc_sql_watch *watch, bool awake);

/* Ends the watch; nothing is cancelled after it returns. Returns BSC_ERR_NONE, or BSC_ERR_TIMEOUT
 * or BSC_ERR_CANCELLED when the statement was told to stop. */
enum bsc_err_code bsc_sql_watch_end(struct bsc_sql_watch *watch);

/* The same answer while the watch goes on. */
enum bsc_err_code bsc_sql_watch_verdict(struct bsc_sql_watch *watch);

/* Wants the watched statement cancelled; without one it does nothing. Any thread, never waits. */
void bsc_sql_watch_cancel(struct bsc_sql_watch *watch);

#endif
