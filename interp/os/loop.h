/*
 * The event loop of the main thread: timers, signals and answers from worker threads.
 *
 * Callbacks always run on the thread that calls bsc_loop_run, never inside the call that arranged
 * them. The loop owns its timers and workers; freeing it joins the workers.
 */
#ifndef BSC_OS_LOOP_H
#define BSC_OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct bsc_loop;
struct bsc_timer;
struct bsc_worker;

struct bsc_loop *bsc_loop_new(struct bsc_err *err);
/* Drops timers without calling them, finishes the jobs that were submitted and calls their done (so
 * that nothing they own is lost; what done submits is carried out too), then joins the workers. */
void bsc_loop_free(struct bsc_loop *loop);

/* Runs until bsc_loop_stop is called or nothing is left to wait for. A stop that comes before the
 * run ends it at once. */
void bsc_loop_run(struct bsc_loop *loop);
void bsc_loop_stop(struct bsc_loop *loop);

/* Calls `due(arg)` once after `delay_ms`. The timer frees itself after firing or on cancel. */
struct bsc_timer *bsc_timer_start(struct bsc_loop *loop, int64_t delay_ms, void (*due)(void *arg),
                                  void *arg);
void bsc_timer_cancel(struct bsc_timer *timer);

/* Calls `seen(arg, number)` on the loop for each SIGINT, SIGTERM or SIGHUP from now on. Watching
 * alone does not keep the loop running. SIGPIPE is ignored, and so is a SIGHUP that was ignored
 * before: nohup has said that the terminal does not matter. */
bool bsc_loop_watch_signals(struct bsc_loop *loop, void (*seen)(void *arg, int signal_number),
                            void *arg, struct bsc_err *err);

/*
 * A worker is one thread with a queue; jobs given to one worker run one after another on the same
 * thread, as ODBC connections need. `work(arg)` runs on the worker, then `done(arg)` on the loop.
 * A job under way keeps the loop running. Submit on the loop's thread only; `done` may be NULL.
 */
struct bsc_worker *bsc_worker_new(struct bsc_loop *loop, const char *name, struct bsc_err *err);
void bsc_worker_submit(struct bsc_worker *worker, void (*work)(void *arg), void (*done)(void *arg),
                       void *arg);

#endif
