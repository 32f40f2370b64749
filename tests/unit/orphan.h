/*
 * A program that outlives the process that held the lock of a runs folder.
 */
#ifndef BSC_UNIT_ORPHAN_H
#define BSC_UNIT_ORPHAN_H

#include "unit.h"

#include <sys/wait.h>

#include "journal/lock.h"
#include "os/clock.h"
#include "os/sys.h"

/* Has nothing but its share, says so and waits to be killed. */
static inline _Noreturn void be_orphan(int share, int said)
{
    pid_t own = getpid();
    alarm(60);
    for (int fd = 3; fd < 256; fd++)
        if (fd != share && fd != said)
            close(fd);
    if (write(said, &own, sizeof own) != sizeof own)
        _exit(1);
    close(said);
    for (;;)
        pause();
}

/* Takes the lock for this run, starts a program with a share in it and is gone without a word. */
static inline _Noreturn void be_killed(const char *runs, const char *run, bool recalled, int said)
{
    struct bsc_err err = BSC_ERR_INIT;
    int share = -1;
    struct bsc_journal_lock *lock =
        bsc_journal_lock_take(bsc_sys_real(), bsc_clock_real(), runs, run, &err);
    if (lock == NULL || !bsc_journal_lock_lend(lock, &share, &err))
        _exit(1);
    if (fork() == 0)
        be_orphan(share, said);
    if (recalled)
        bsc_journal_lock_recall(lock, share);
    _exit(0);
}

/* Returns the pid of such a program, whose share may have been recalled. */
static inline pid_t orphan_start(const char *runs, const char *run, bool recalled)
{
    int said[2];
    pid_t orphan = 0;
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0)
        be_killed(runs, run, recalled, said[1]);
    assert_int_equal(read(said[0], &orphan, sizeof orphan), sizeof orphan);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(said[0]);
    close(said[1]);
    return orphan;
}

#endif
