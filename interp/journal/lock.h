/*
 * One run at a time: the lock of a runs folder.
 *
 * It is an open-file-description lock on the file `lock`, so it ends with its process, however that
 * ended. The file says who holds it; that text is for people only.
 *
 * A program that a run starts may outlive the run's process. While it is at work it holds a shared
 * lock of its own on the file `lock.lent`, which is lent for as long as the run waits for it: what
 * it leaves behind when it has ended, such as a server, holds nothing any more. Nobody takes the
 * lock of the folder while any of it is still lent. May include base, os and value.
 */
#ifndef BSC_JOURNAL_LOCK_H
#define BSC_JOURNAL_LOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "os/clock.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_journal_lock;

/* Takes the lock of a runs folder, which is made when missing. `run` is the run's id, or what else
 * is being done. Returns owned, NULL on failure: BSC_ERR_CONFLICT says who holds it since when, or
 * which programs outlive the process that held it. */
struct bsc_journal_lock *bsc_journal_lock_take(const struct bsc_sys *sys,
                                               const struct bsc_clock *clock, const char *runs,
                                               const char *run, struct bsc_err *err);

/* Accepts NULL. */
void bsc_journal_lock_free(struct bsc_journal_lock *lock);

/* Opens the descriptor that a program must inherit to hold its share. It has no bytes to read. From
 * any thread. The caller recalls it when the program has ended. */
bool bsc_journal_lock_lend(const struct bsc_journal_lock *lock, int *ret_fd, struct bsc_err *err);
/* Takes the share back, from whoever has inherited it, and closes the descriptor. */
void bsc_journal_lock_recall(const struct bsc_journal_lock *lock, int fd);

/* Says in the lock which run it is held for, once that has an id. False when it cannot be written;
 * the lock is held all the same. */
bool bsc_journal_lock_name(struct bsc_journal_lock *lock, const char *run, struct bsc_err *err);

/* Looks who holds the lock, without taking it even for a moment or opening anything for writing.
 * *ret_holder is NULL when nobody does, else an owned map {pid, host, since, run}, which is empty
 * while the holder is yet to say who it is. With `orphans`, a list of pids, that process is gone,
 * and these programs of it still hold their share; the list is empty where they cannot be found.
 * False when it cannot be told. */
bool bsc_journal_lock_look(const struct bsc_sys *sys, const char *runs,
                           struct bsc_value **ret_holder, struct bsc_err *err);

/* Whether the lock in this file of a runs folder is held, by a process or by a program that
 * outlives one: 1, 0, or -1 where that cannot be told, as when the file is not there. */
int bsc_journal_lock_is_held(const struct bsc_sys *sys, const char *path);

#endif
