/*
 * Looks a secret up where its reference says: in the environment, in a file that only its owner can
 * read, or in the output of a command.
 *
 * The value is handed to the redactor before anything else is done with it, never appears in an
 * error, and is overwritten on release. May include base and os.
 */
#ifndef BSC_SITE_SECRET_H
#define BSC_SITE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/redact.h"
#include "os/sys.h"

enum { BSC_SECRET_MAX = 65536 };

struct bsc_secret {
    char *text; /* owned; NUL-terminated, no NUL inside; NULL after release */
    size_t capacity;
};

/* `reference`: "env:NAME", "file:PATH" (relative to `folder`) or "command:PROGRAM ARGUMENTS", also
 * with the argument list as JSON: command:["pass","show","x"]. A command has ten seconds. Blocks:
 * call it on a worker. */
bool bsc_secret_resolve(const struct bsc_sys *sys, const char *folder, const char *reference,
                        struct bsc_redactor *redactor, struct bsc_secret *ret_secret,
                        struct bsc_err *err);

/* Overwrites and frees; accepts a zeroed secret. */
void bsc_secret_release(struct bsc_secret *secret);

#endif
