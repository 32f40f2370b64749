/*
 * Threads that do one thing together while the thread that started them does another.
 *
 * For work that has to be done several times at once within one job of a worker (os/loop.h). What
 * they share they guard themselves. May include base.
 */
#ifndef BSC_OS_CREW_H
#define BSC_OS_CREW_H

#include <stddef.h>

#include "base/err.h"

struct bsc_crew;

/* Starts up to `count` threads that each call work(arg) once: as many as the system gives, one at
 * the least. Signals of the process go to none of them. Returns owned, NULL on failure. */
struct bsc_crew *bsc_crew_start(size_t count, void (*work)(void *arg), void *arg,
                                struct bsc_err *err);

/* How many were started. */
size_t bsc_crew_size(const struct bsc_crew *crew);

/* Waits until work has returned on each of them, and frees the crew. Accepts NULL. */
void bsc_crew_join(struct bsc_crew *crew);

#endif
