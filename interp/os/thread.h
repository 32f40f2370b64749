/*
 * Threads that no signal of the process disturbs: those are for the thread that waits for them.
 */
#ifndef BSC_OS_THREAD_H
#define BSC_OS_THREAD_H

#include <pthread.h>

/* Begins a thread with all signals blocked, to be ended by pthread_join. Returns 0 or an errno. */
int bsc_thread_begin(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);

#endif
