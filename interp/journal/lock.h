/*
 * One run at a time: the lock of a runs folder.
 *
 * It is an open-file-description lock on the file `lock`, so it ends with the last process that
 * holds the descriptor, however that process ended, and a child that inherits the descriptor keeps
 * it. The file says who holds it; that text is for people only. May include base, os and value.
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
 * is being done. Returns owned, NULL on failure: BSC_ERR_CONFLICT says who holds it since when. */
struct bsc_journal_lock *bsc_journal_lock_take(const struct bsc_sys *sys,
                                               const struct bsc_clock *clock, const char *runs,
                                               const char *run, struct bsc_err *err);

/* Accepts NULL. */
void bsc_journal_lock_free(struct bsc_journal_lock *lock);

/* The descriptor that a child must inherit to hold the lock too. */
int bsc_journal_lock_fd(const struct bsc_journal_lock *lock);

/* Says in the lock which run it is held for, once that has an id. False when it cannot be written;
 * the lock is held all the same. */
bool bsc_journal_lock_name(struct bsc_journal_lock *lock, const char *run, struct bsc_err *err);

/* Looks who holds the lock, without taking it even for a moment or opening anything for writing.
 * *ret_holder is NULL when nobody does, else an owned map {pid, host, since, run}, which is empty
 * while the holder is yet to say who it is. False when it cannot be told. */
bool bsc_journal_lock_look(const struct bsc_sys *sys, const char *runs,
                           struct bsc_value **ret_holder, struct bsc_err *err);

#endif
