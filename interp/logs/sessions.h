/*
 * Who has a database file open, and how to make them leave.
 *
 * SQLite has no server to ask. A session is a process other than ours that has the very file (same
 * device and inode) among its descriptors or holds a lock on it. What the system hides from an
 * unprivileged caller is found through the lock table only, which names the pid of every holder.
 */
#ifndef BSC_LOGS_SESSIONS_H
#define BSC_LOGS_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "os/sys.h"

enum { BSC_LOGS_PROGRAM_TEXT = 64 };

struct bsc_logs_session {
    pid_t pid;
    char program[BSC_LOGS_PROGRAM_TEXT]; /* the program's name, "?" when it cannot be known */
};

struct bsc_logs_sessions {
    struct bsc_logs_session *items; /* owned, in order of pid */
    size_t count;
};

/* Fills *ret with the sessions on the file at `path`; none when there is no such file. Release it
 * afterwards. */
bool bsc_logs_sessions_find(const struct bsc_sys *sys, const char *path,
                            struct bsc_logs_sessions *ret, struct bsc_err *err);
void bsc_logs_sessions_release(struct bsc_logs_sessions *sessions);

/* Whether this process itself has the file open. */
bool bsc_logs_sessions_ours(const struct bsc_sys *sys, const char *path);

/* Sets *err to CONFLICT with the pids and programs: "…: open in 4711 (sqlite3), 4712 (python3)".
 * Returns false. */
bool bsc_logs_sessions_refuse(const struct bsc_logs_sessions *sessions, const char *path,
                              struct bsc_err *err);

/* Ends those of the `pids` that still have this very file open: TERM, up to two seconds, KILL. A
 * process is pinned before it is looked at, so that a reused pid is never hit; our own pid is
 * refused. Then proves that none of them is left, else CONFLICT. *ret_ended counts the ended. */
bool bsc_logs_sessions_end(const struct bsc_sys *sys, const char *path, const pid_t *pids,
                           size_t count, size_t *ret_ended, struct bsc_err *err);

#endif
