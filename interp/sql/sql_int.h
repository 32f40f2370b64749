/*
 * What the files of this room share. Private to it.
 */
#ifndef BSC_SQL_SQL_INT_H
#define BSC_SQL_SQL_INT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sql/calls_int.h"
#include "sql/sql.h"
#include "sql/watch_int.h"

enum { BSC_SQL_ASKED_MAX = 16 };

/* A text that the session was asked to run. */
struct bsc_sql_asked {
    char *text; /* owned; NULL for none */
    enum {
        BSC_SQL_ASKED_ONCE,
        BSC_SQL_ASKED_PREPARED,
        BSC_SQL_ASKED_PLAIN /* preparing it was refused */
    } state;
};

struct bsc_sql {
    const struct bsc_sql_calls *calls; /* borrowed */
    struct bsc_redactor *redactor;     /* borrowed, may be NULL */
    pthread_t owner;                   /* the only thread that may call in, but for cancelling */
    char *name;                        /* owned: the server, for messages */
    struct bsc_sql_handle env;
    struct bsc_sql_handle dbc;
    struct bsc_sql_handle spare; /* a statement that never runs; see bsc_sql_watch_begin */
    bool connected;
    bool reusable;
    bool read_only;
    bool mode_ro; /* SQLite itself was told to write nothing */
    bool is_sqlite;
    bool autocommit;
    char *file;  /* owned: the database file of SQLite, or NULL */
    char *aside; /* owned: the folder of the private copy, or NULL */
    char product[64];
    struct bsc_sql_watch *watch; /* owned */
    struct bsc_sql_asked asked[BSC_SQL_ASKED_MAX];
    size_t asked_next; /* the place to be used next */
};

/* diag.c */

/* Reads every diagnostic record of a handle, right after the call that made them. Each is appended
 * to `messages` (borrowed list, may be NULL). When `err` is not NULL it is filled from the first
 * record that is no mere warning, under the message `what`; without any record it still says that
 * `what` failed. */
void bsc_sql_diag_read(const struct bsc_sql *sql, struct bsc_sql_handle handle,
                       struct bsc_value *messages, const char *what, struct bsc_err *err);

/* sqlite.c: what is special about SQLite and its driver. */

/* Looks, before connecting, whether a database file is there (BSC_ERR_NOT_FOUND, or
 * BSC_ERR_UNREACHABLE when its folder is not there either), and whether a connection that reads
 * must be opened with mode=ro. */
bool bsc_sql_sqlite_inspect(const char *path, bool read_only, bool *ret_mode_ro,
                            struct bsc_err *err);

/* Refuses texts that reach past the database: into files of their own or into loaded code. */
bool bsc_sql_sqlite_screen(const char *text, bool read_only, struct bsc_err *err);

/* The driver knows one SQLSTATE for everything; this tells the codes of SQLite apart. */
void bsc_sql_sqlite_refine(const struct bsc_sql *sql, struct bsc_err *err);

/* Whether a writer of the connection's file is at work, or was killed at it: then whoever opens the
 * file in order to read, but may write, has to finish that. */
bool bsc_sql_sqlite_has_journal(const struct bsc_sql *sql);

/* Whether the failure means that another process held a lock, and a text is safe to run again: a
 * single statement that met a lock has done nothing. */
bool bsc_sql_sqlite_busy(const struct bsc_err *err);
bool bsc_sql_sqlite_single(const char *text);

/* Whether the count of changed rows that the driver reports belongs to this text. */
bool bsc_sql_sqlite_counts(const char *text);

/* string.c */

/* Appends to *out the connection string to use for the one that was given. For SQLite drivers that
 * is a string of our own: no creation of missing files, no long waiting for locks inside the driver
 * where it cannot be cancelled, synchronous commits. For PostgreSQL's it gives up a host of which
 * nothing has been heard for half a minute, unless the string itself says when. */
bool bsc_sql_string_tune(const char *string, bool read_only, bool *ret_mode_ro, struct bsc_buf *out,
                         struct bsc_err *err);

/* The database file that a string for SQLite names with its whole path; owned, NULL without. */
char *bsc_sql_string_file(const char *string);

/* aside.c: a private copy of a database file and its journal, for reading what a killed writer's
 * change hides while the file stays as it is. BSC_ERR_CONFLICT when somebody takes the change back
 * meanwhile. Returns the copy's path, owned, and its folder (owned, to be removed with all in it)
 * in *ret_folder; NULL on failure. */
char *bsc_sql_aside_make(const char *file, char **ret_folder, struct bsc_err *err);
void bsc_sql_aside_remove(const char *folder);

/* prepared.c: to parse and plan a query takes PostgreSQL longer than to answer it, so what a
 * session that only reads is asked again is prepared there. */

/* What to run instead of a text, owned; NULL to run it as it is. One that will be asked `often` is
 * prepared the first time. */
char *bsc_sql_prepared_text(struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                            bool often);

/* Whether that failed since it was prepared, and the text itself may not fail; from then on it is
 * run as it is. */
bool bsc_sql_prepared_refused(struct bsc_sql *sql, const char *text, const struct bsc_err *failure);

void bsc_sql_prepared_release(struct bsc_sql *sql);

/* bind.c: the values of parameters, in memory that stays where it is until the statement ended. */
struct bsc_sql_binding {
    size_t count;
    struct bsc_sql_bound *bound; /* owned array */
};

bool bsc_sql_bind(struct bsc_sql *sql, struct bsc_sql_handle statement,
                  const struct bsc_value *params, struct bsc_sql_binding *binding,
                  struct bsc_value *messages, struct bsc_err *err);
void bsc_sql_binding_release(struct bsc_sql_binding *binding);

/* fetch.c: one statement on its way through exec, fetch and drain. */
struct bsc_sql_job {
    struct bsc_sql *sql;             /* borrowed */
    struct bsc_sql_handle statement; /* owned, unless it is prepared */
    bool prepared;                   /* the statement is, and stays when the job has ended */
    const char *text;                /* borrowed */
    int64_t rows_left;
    int64_t bytes_left;
    const struct bsc_sql_limits *limits; /* borrowed */
    struct bsc_sql_result *result;       /* borrowed */
};

/* run.c: carries out the job and fills its result, which on failure is left released. */
bool bsc_sql_job_run(struct bsc_sql_job *job, const struct bsc_value *params, struct bsc_err *err);

/* Reads the result set that the statement stands on, if there is one, and adds it to the result. */
bool bsc_sql_fetch_set(struct bsc_sql_job *job, struct bsc_err *err);

#endif
