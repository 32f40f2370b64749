/*
 * Command lines in processes of their own, which end before one of their calls to the system, as if
 * they were killed there.
 */
#ifndef BSC_UNIT_CUT_OFF_H
#define BSC_UNIT_CUT_OFF_H

#include <sys/wait.h>

#include "cli_unit.h"
#include "fault_sys.h"

enum { ENDED_EARLY = 99 };

static inline void put(const char *folder, const char *name, const char *text)
{
    char *path = unit_path(folder, name);
    unit_file_put(path, text, strlen(text));
    free(path);
}

static inline bool has(const char *folder, const char *name)
{
    char *path = unit_path(folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static inline void shell(const char *command, const char *folder)
{
    char *whole = bsc_mem_format("cd '%s' && %s", folder, command);
    assert_int_equal(system(whole), 0);
    bsc_mem_free(whole);
}

static inline void end_here(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    (void)kind;
    if (call == *(const unsigned long *)arg)
        _exit(ENDED_EARLY);
}

/* Lets the process end before that call, from 1; 0: none. Borrows all for the desk's life. */
static inline void cut_off(struct desk *desk, struct unit_sys *sys, unsigned long *at)
{
    unit_sys_init(sys);
    sys->before = end_here;
    sys->before_arg = at;
    desk->cli.sys = &sys->table;
}

/* What `deed` returns, in a process of its own, or ENDED_EARLY. */
static inline int apart(int (*deed)(void *arg), void *arg)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(deed(arg));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif
