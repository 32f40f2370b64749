/*
 * Child processes: an argument list, never a shell.
 */
#ifndef BSC_OS_PROCESS_H
#define BSC_OS_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct bsc_process_order {
    const char *const *argv;   /* borrowed, NULL-terminated; argv[0] is a path or found in PATH */
    const char *const *env;    /* borrowed, NULL-terminated; NULL gives a minimal environment
                                  (PATH, HOME, LANG=C.UTF-8) */
    const char *folder;        /* working folder; NULL keeps ours */
    int64_t timeout_ms;        /* 0 waits for ever */
    size_t output_max;         /* bytes kept of each stream; the rest is read and dropped */
    const atomic_bool *cancel; /* borrowed; NULL, or set to end the child early */
    int held_fd;               /* borrowed; a descriptor above 2 that the child shall hold open
                                  too, as its descriptor 3; 0 is none, and all others are closed */
    bool held_as_input;        /* it is the child's input as well, for programs that close what
                                  they do not know; it must have no bytes */
    const char *input;         /* borrowed; what the child reads, at most BSC_PROCESS_INPUT bytes;
                                  NULL is nothing. It counts more than held_as_input */
    size_t input_length;
    /* Called with what the child writes to standard error, as it comes; NULL, or on our thread. */
    void (*heard)(void *arg, const char *bytes, size_t length);
    void *heard_arg;
};

/* A pipe that nobody reads yet takes so much. */
enum { BSC_PROCESS_INPUT = 65536 };

struct bsc_process_result {
    int exit_status;    /* 0..255, or -1 when ended by a signal */
    int signal_number;  /* 0, or the signal that ended it */
    bool output_cut;    /* some output was dropped */
    struct bsc_buf out; /* standard output */
    struct bsc_buf err; /* standard error */
};

/* Starts the child in a session, and so a process group, of its own (it has no terminal) with
 * /dev/null as input, waits, and fills *result (owned by the caller, see release). A child that
 * outlives timeout or cancel is sent TERM, then KILL, group-wide; that gives BSC_ERR_TIMEOUT or
 * BSC_ERR_CANCELLED. Blocks: call it on a worker. False only when the child could not be started or
 * had to be ended. */
bool bsc_process_run(const struct bsc_process_order *order, struct bsc_process_result *result,
                     struct bsc_err *err);
void bsc_process_result_release(struct bsc_process_result *result);

/* Starts a child that goes on by itself (session of its own, output appended to `log_path` or
 * dropped when NULL) and returns its pid. It gets the minimal environment and none of our files. */
bool bsc_process_detach(const char *const *argv, const char *log_path, pid_t *ret_pid,
                        struct bsc_err *err);

/* Whether a process with this pid lives (a zombie does not). */
bool bsc_process_alive(pid_t pid);

/* Sends SIGTERM to the process if `is_it(arg, pid)` says that it is the one that is meant, and
 * waits up to `wait_ms` for its end, or until *cancel (borrowed, may be NULL) is set. A pid that
 * was given away again after it was looked at gets no signal. One that is gone already is a
 * success; one that is another program is BSC_ERR_CONFLICT, one that lives on BSC_ERR_TIMEOUT. */
bool bsc_process_stop(pid_t pid, bool (*is_it)(void *arg, pid_t pid), void *arg, int64_t wait_ms,
                      const atomic_bool *cancel, struct bsc_err *err);

/* As bsc_process_stop, for a process that somebody else has told to end: it gets no signal, and a
 * pid of another program is a success. */
bool bsc_process_await(pid_t pid, bool (*is_it)(void *arg, pid_t pid), void *arg, int64_t wait_ms,
                       const atomic_bool *cancel, struct bsc_err *err);

/* Puts up to `max` pids of this host's other processes that hold a lock on the file through their
 * own or an inherited descriptor into ret_pids, in ascending order, and returns how many. Processes
 * of other users are found by root only. */
size_t bsc_process_lock_holders(const char *path, pid_t *ret_pids, size_t max);

/* Puts up to `max` pids of this host's other processes that work in the folder or below it (their
 * current folder), by whatever path, into ret_pids, in ascending order, and returns how many.
 * Processes of other users are found by root only. */
size_t bsc_process_residents(const char *folder, pid_t *ret_pids, size_t max);

/* The first of the processes that work in a folder or below it, as above, and the first that has a
 * file in or below the other folder open to write to it; 0 for none. One look at all
 * processes costs less than two. */
struct bsc_process_users {
    pid_t resident;
    pid_t writer; /* looked for while there is no resident */
};
struct bsc_process_users bsc_process_users(const char *work, const char *log);

/* Sends `first_signal`, waits up to `wait_ms` for the end, then sends KILL and waits again; false
 * when the process still lives. A process that is already gone is a success. */
bool bsc_process_end(pid_t pid, int first_signal, int64_t wait_ms, struct bsc_err *err);

enum { BSC_PROCESS_USER = 256 };
/* Name of the user this process works as, or "uid N" where there is none; never empty. */
void bsc_process_user(char ret_name[BSC_PROCESS_USER]);

enum { BSC_PROCESS_HOST = 256 };
/* Name of the machine; empty where the system does not tell. */
void bsc_process_host(char ret_name[BSC_PROCESS_HOST]);

/* Makes this process, where it is root, work as the user who owns the folder, for good. */
bool bsc_process_become_owner(const char *folder, struct bsc_err *err);

/* Path of the running program's own file; returns owned. */
char *bsc_process_own_path(struct bsc_err *err);

#endif
