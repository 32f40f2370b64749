/*
 * Asking a PostgreSQL server from within a row, and waiting for it. Private to the files of this
 * room.
 *
 * The connections stay open between two questions; whoever asks closes them in the end, so that
 * they do not count as sessions of the database.
 */
#ifndef BSC_LIB_PG_WAIT_INT_H
#define BSC_LIB_PG_WAIT_INT_H

#include "lib/env.h"
#include "lib/row.h"

struct bsc_lib_pg_asked {
    struct bsc_lib_call *call; /* borrowed, as all else */
    const char *server;
    const char *database;
};

/* Asks for one value; *ret_text is owned, "" for null and where there is no row. `about` takes the
 * place of a question mark; NULL where there is none. */
bool bsc_lib_pg_ask(const struct bsc_lib_pg_asked *asked, const char *sql, const char *about,
                    char **ret_text, struct bsc_err *err);

/* Carries out a statement. One that tidies up is not stopped by the operator. */
bool bsc_lib_pg_execute(const struct bsc_lib_pg_asked *asked, const char *sql, bool tidies,
                        struct bsc_err *err);

/* Asks until the answer is not "0": false after so many seconds, with `missed` in the message, or
 * when the call is to end. */
bool bsc_lib_pg_await(const struct bsc_lib_pg_asked *asked, const char *sql, const char *about,
                      int within_s, const char *missed, struct bsc_err *err);

#endif
