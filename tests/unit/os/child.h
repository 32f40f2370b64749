/*
 * A child for tests that look at other processes.
 */
#ifndef BSC_UNIT_CHILD_H
#define BSC_UNIT_CHILD_H

#include "unit.h"

#include <sys/types.h>

/* Starts a child that waits for a signal once `begin(arg)`, which says whether it went well, is
 * done; returns its pid then. */
static inline pid_t child_begin(bool (*begin)(const void *arg), const void *arg)
{
    int ends[2] = {-1, -1};
    char ready = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!begin(arg) || write(ends[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

#endif
