/*
 * A database file held against everybody.
 *
 * SQLite's locks are POSIX record locks on a few bytes at 0x40000000 of the database file; a lock
 * of the whole file that belongs to an open file description covers those bytes too and conflicts
 * with them. While it is held no SQLite client gets past its first lock; it is lost only with the
 * descriptor, so that a killed process leaves nothing behind.
 */
#ifndef BSC_LOGS_EXCLUSIVE_H
#define BSC_LOGS_EXCLUSIVE_H

#include <stdbool.h>

#include "base/err.h"
#include "os/sys.h"

/* Opens an existing database for reading and writing and locks it. CONFLICT, naming the processes,
 * when anyone has it locked, and also when this very process has it open: closing a descriptor
 * would drop the locks of its SQLite connections. On success *ret_fd is owned. */
bool bsc_logs_exclusive_open(const struct bsc_sys *sys, const char *path, int *ret_fd,
                             struct bsc_err *err);

/* CONFLICT, naming the processes, when anyone else has the locked file open without using it now.
 * They may go on reading as soon as the lock is given back, with what they read before. */
bool bsc_logs_exclusive_alone(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

/* Accepts -1. */
void bsc_logs_exclusive_close(const struct bsc_sys *sys, int fd);

#endif
