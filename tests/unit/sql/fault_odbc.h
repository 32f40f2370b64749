/*
 * ODBC calls that fail on demand: the real ones, but the Nth gives an error instead of doing its
 * work. Calls that give something back (free a handle, disconnect) do their work and then say that
 * it failed, as close(2) would. SQLCancel is not counted: it comes from another thread.
 */
#ifndef BSC_FAULT_ODBC_H
#define BSC_FAULT_ODBC_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sql/calls_int.h"

struct fault_odbc {
    struct bsc_sql_calls calls;                  /* give this to bsc_sql_options */
    int fail_at;                                 /* which call fails, from 1; 0 is none */
    bool sticky;                                 /* all later ones fail as well */
    int count;                                   /* calls so far */
    bool hit;                                    /* the failure happened */
    const char *failed;                          /* name of the call that failed first */
    char sqlstate[6];                            /* of the injected record; "HY000" at first */
    SQLINTEGER native;                           /* of the injected record */
    SQLHANDLE failed_handle;                     /* where the injected record is to be found */
    int deaf_to;                                 /* so many calls of SQLCancel have no effect */
    void (*before)(void *arg, const char *name); /* NULL, or called before each call */
    void *before_arg;                            /* borrowed */
    atomic_int cancels;                          /* calls of SQLCancel */
};

void fault_odbc_init(struct fault_odbc *fault);

/* Starts over: counts from nothing and fails the call with this number. */
void fault_odbc_arm(struct fault_odbc *fault, int fail_at, bool sticky);

#endif
