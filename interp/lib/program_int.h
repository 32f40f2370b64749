/*
 * Running a program for a row: here or over ssh, as another user or as we are, with a share in the
 * run's lock where it changes something. Private to the files of this room.
 */
#ifndef BSC_LIB_PROGRAM_INT_H
#define BSC_LIB_PROGRAM_INT_H

#include "lib/env.h"
#include "lib/row.h"
#include "os/process.h"

enum { BSC_LIB_PROGRAM_WORDS = 1000 };

struct bsc_lib_program {
    const char *const *argv; /* borrowed, NULL-terminated, BSC_LIB_PROGRAM_WORDS at the most */
    const char *host;        /* borrowed: where to run it over ssh; NULL is here */
    const char *user;        /* borrowed: as whom it works here, where we are root; NULL: as we do.
                                It then has no other environment than that user's */
    const char *input;       /* borrowed text that it reads; NULL is nothing */
    bool changes;            /* it has a share in the run's lock while it is at work */
    bool leaves;             /* it leaves a server behind, which would keep a share for good should
                                we be killed before it is taken back: it gets none */
    bool uncancelled;        /* it is to run although the operator wants to stop: for tidying up */
    int64_t timeout_ms;      /* 0: until the call's deadline */
    /* What it writes to standard error, as it comes; may be NULL. Not redacted. */
    void (*heard)(void *arg, const char *bytes, size_t length);
    void *heard_arg;
};

/* Runs it to its end (see bsc_process_run); what is kept of its output, 64 KiB of each stream, has
 * no secret in it. The caller releases *result in any case. */
bool bsc_lib_program_run(const struct bsc_lib_call *call, const struct bsc_lib_program *program,
                         struct bsc_process_result *result, struct bsc_err *err);

/* The exit code as a shell would give it: a signal counts from 128. */
int64_t bsc_lib_program_exit(const struct bsc_process_result *result);

/* Whether it was ssh itself that failed: the program may have run or not. */
bool bsc_lib_program_lost(const struct bsc_lib_program *program,
                          const struct bsc_process_result *result);

/* Runs the call's argument "argv", on its "host" and within its "timeout_ms" where it has them. One
 * that only looks has an `expected` below 0: any exit code will do. *ret is what command.run
 * returns, owned. Errors: BSC_ERR_USAGE, IO for another exit code, UNREACHABLE and UNKNOWN of ssh,
 * TIMEOUT, CANCELLED. */
bool bsc_lib_command_perform(struct bsc_lib_call *call, int64_t expected, struct bsc_value **ret,
                             struct bsc_err *err);

/* The last line of a text, without its end; borrowed, not terminated. */
const char *bsc_lib_program_last_line(const struct bsc_buf *text, size_t *ret_length);

#endif
