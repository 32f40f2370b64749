/*
 * Connections to databases, and statements run over them.
 *
 * A connection belongs to the thread that opened it; every function but bsc_sql_cancel must be
 * called on that thread (a wrong thread is our own mistake and ends the process). Statements run in
 * autocommit. Results are drained to the end, since some servers finish the work only then, and
 * every diagnostic record on the way is kept.
 *
 * Errors: BSC_ERR_UNREACHABLE (SQLSTATE 08xxx), BSC_ERR_DENIED (28000), BSC_ERR_TIMEOUT,
 * BSC_ERR_CANCELLED, BSC_ERR_LIMIT, BSC_ERR_UNSETTLED (a reader of SQLite would have to write
 * first: open it aside), BSC_ERR_SQL for what else the database refuses;
 * `err.sqlstate`, `err.native` and `err.retryable` are filled.
 */
#ifndef BSC_SQL_SQL_H
#define BSC_SQL_SQL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/redact.h"
#include "value/value.h"

struct bsc_sql;
struct bsc_sql_calls; /* a table of ODBC calls; only tests know another than the real one */

struct bsc_sql_options {
    const char *name;                  /* borrowed during the call: the server, for messages */
    const char *connection;            /* borrowed during the call, never kept, never shown */
    bool read_only;                    /* a connection that can change nothing */
    bool aside;                        /* with read_only: on a private copy of an SQLite file, in
                                          which the change of a killed writer has been taken back */
    int64_t login_timeout_ms;          /* 0 is 15 seconds; rounded up to whole seconds */
    struct bsc_redactor *redactor;     /* borrowed, outlives the connection; NULL for none: drivers
                                          quote connection strings in their messages */
    const struct bsc_sql_calls *calls; /* borrowed, outlives the connection; NULL is the real one */
};

/* Returns owned; NULL on failure. Refuses (BSC_ERR_REFUSED) to work while the driver manager pools
 * connections or traces, since the first hands out other people's settings and the second writes
 * secrets to a file. */
struct bsc_sql *bsc_sql_open(const struct bsc_sql_options *options, struct bsc_err *err);

/* Accepts NULL. */
void bsc_sql_close(struct bsc_sql *sql);

/* Makes the calling thread the owner. Only when the former owner has ended, or will not use the
 * connection again. */
void bsc_sql_adopt(struct bsc_sql *sql);

/* False when the connection broke under a statement, when a statement that failed or was cancelled
 * may have left traces (an open transaction, a late cancel), or when reading over it would finish
 * somebody else's work by now: close it and open another. */
bool bsc_sql_reusable(const struct bsc_sql *sql);

/* Whether an error says that the server has let go of the connection, or takes none for now. */
bool bsc_sql_lost(const struct bsc_err *err);

/* The product at the other end, as it calls itself ("SQLite", "PostgreSQL"); borrowed. */
const char *bsc_sql_product(const struct bsc_sql *sql);

struct bsc_sql_limits {
    int64_t rows_max;          /* over all result sets; 0 is 10,000 */
    bool cut;                  /* more rows than that are left unread, instead of being an error */
    int64_t bytes_max;         /* over all values; 0 is 64 MiB */
    int64_t timeout_ms;        /* 0 waits for ever */
    const atomic_bool *cancel; /* borrowed; NULL, or set by any thread to cancel the statement */
    bool often;                /* it will be asked again, which is worth preparing for */
};

struct bsc_sql_result {
    struct bsc_value *sets;     /* owned list of {columns: list of text, rows: list of lists} */
    struct bsc_value *messages; /* owned list of {sqlstate: text, native: int, text: text} */
    int64_t affected;           /* rows inserted, changed or deleted by all statements together */
};

/* Runs a statement with parameters `params` (borrowed list of null, bool, int and text; NULL for
 * none) in the places of its question marks. On success fills *ret, which the caller releases; on
 * failure leaves it released. Values come back as null, int (all integer types and bits) and text
 * (all else; decimals and floating-point numbers in digits, binary values in hexadecimal). */
bool bsc_sql_run(struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                 const struct bsc_sql_limits *limits, struct bsc_sql_result *ret,
                 struct bsc_err *err);

/* Accepts a zeroed result. */
void bsc_sql_result_release(struct bsc_sql_result *result);

/* A statement that is run many times over one connection, before which it must be freed. */
struct bsc_sql_statement;

/* Returns owned; NULL on failure. */
struct bsc_sql_statement *bsc_sql_statement_new(struct bsc_sql *sql, const char *text,
                                                struct bsc_err *err);
void bsc_sql_statement_free(struct bsc_sql_statement *prepared); /* accepts NULL */

/* As bsc_sql_run; but one that fails does not wear the connection out: whoever has begun a
 * transaction ends it. */
bool bsc_sql_statement_run(struct bsc_sql_statement *prepared, const struct bsc_value *params,
                           const struct bsc_sql_limits *limits, struct bsc_sql_result *ret,
                           struct bsc_err *err);

/* Begins a transaction; on SQLite with the lock of a writer, so that no statement within waits for
 * one. A connection is not reusable once one of these has failed. */
bool bsc_sql_begin(struct bsc_sql *sql, const struct bsc_sql_limits *limits, struct bsc_err *err);
bool bsc_sql_commit(struct bsc_sql *sql, const struct bsc_sql_limits *limits, struct bsc_err *err);
bool bsc_sql_roll_back(struct bsc_sql *sql, struct bsc_err *err);

/* For a stretch of many short statements, of which each shall cost little: while it is on, time
 * limits are kept to some 20 ms. */
void bsc_sql_stay_awake(struct bsc_sql *sql, bool awake);

/* Cancels the statement that is running, if there is one. Callable from any thread as long as the
 * connection is not being closed. */
void bsc_sql_cancel(struct bsc_sql *sql);

#endif
