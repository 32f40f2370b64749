/*
 * What the rows of the table work with: the site, the redactor, the tables of calls and the open
 * database connections of one process.
 *
 * One environment serves every worker thread. The plain fields are set before the first row runs
 * and only read afterwards, but for the lock, which is there before the first row that changes
 * something. Connections are opened on the worker thread that asks for them and
 * belong to that thread; since a row's lane is its server, all work on one server meets on one
 * thread and shares its connections.
 */
#ifndef BSC_LIB_ENV_H
#define BSC_LIB_ENV_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/redact.h"
#include "os/clock.h"
#include "os/sys.h"
#include "sql/sql.h"

struct bsc_journal_lock;
struct bsc_site;
struct bsc_lib_links;
struct bsc_lib_silences;
struct bsc_lib_wal_memo;

struct bsc_lib_env {
    const struct bsc_site *site;           /* borrowed; NULL when rows may name no server */
    struct bsc_redactor *redactor;         /* borrowed; never NULL */
    const struct bsc_sys *sys;             /* borrowed; system calls of everything durable */
    const struct bsc_clock *clock;         /* borrowed */
    const struct bsc_sql_calls *sql_calls; /* borrowed; NULL is the real driver manager */
    const char *own_path;                  /* borrowed: path of the running program; may be NULL */
    const struct bsc_journal_lock *lock;   /* borrowed: of the run, in which the programs that it
                                              starts shall share; NULL where there is no run */
    const char *runs;                      /* borrowed: where the runs of the site are kept; may be
                                              NULL */
    const char *folder;                    /* borrowed: where programs are started; NULL: here */
    struct bsc_lib_links *links;           /* owned: the open connections */
    struct bsc_lib_wal_memo *wal_memo;     /* owned: what was read of log files */
    struct bsc_lib_silences *silences;     /* owned: which servers said nothing */
};

/* Sets up an environment with the real clock, system calls and ODBC calls, to be changed by the
 * caller before the first row runs. `site` may be NULL; all arguments are borrowed. */
void bsc_lib_env_init(struct bsc_lib_env *env, const struct bsc_site *site,
                      struct bsc_redactor *redactor, const char *own_path);

/* Closes what is still open. The worker threads must have ended. Accepts a zeroed environment. */
void bsc_lib_env_release(struct bsc_lib_env *env);

/* Which database to talk to. One of `file` and `database` may be given; the other is NULL. */
struct bsc_lib_target {
    const char *server;   /* borrowed: name of a server of the site */
    const char *file;     /* borrowed: database file, for platforms that have files */
    const char *database; /* borrowed: database name, for the other platforms */
    bool read_only;       /* a connection that can change nothing */
    bool aside;           /* see struct bsc_sql_options; closed after one statement */
    bool fleeting;        /* closed right after the statement, not kept for the next one */
};

/* Returns the calling thread's connection to a database, opened when there is none; borrowed, valid
 * until it is dropped or closed. NULL on failure. Waiting for a server that says nothing ends with
 * BSC_ERR_CANCELLED once *cancel (borrowed, may be NULL) is set; a login itself does not. */
struct bsc_sql *bsc_lib_env_connect(struct bsc_lib_env *env, const struct bsc_lib_target *target,
                                    const atomic_bool *cancel, struct bsc_err *err);

/* Runs a statement (see bsc_sql_run) over the calling thread's connection. A connection that the
 * statement wore out is closed at once, which also lets go of its locks. Where an old connection
 * turns out to be broken, a question is asked once more over a new one. */
bool bsc_lib_env_run(struct bsc_lib_env *env, const struct bsc_lib_target *target, const char *text,
                     const struct bsc_value *params, const struct bsc_sql_limits *limits,
                     struct bsc_sql_result *ret, struct bsc_err *err);

/* Closes one connection, so that the next call opens a fresh one: for connections that broke. */
void bsc_lib_env_drop(struct bsc_lib_env *env, struct bsc_sql *sql);

/* Closes every connection that the calling thread opened. */
void bsc_lib_env_close_connections(struct bsc_lib_env *env);

/* Cancels every statement that is running now. Callable from any thread at any time. */
void bsc_lib_env_cancel(struct bsc_lib_env *env);

#endif
