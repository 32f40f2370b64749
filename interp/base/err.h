/*
 * The error object that every room returns.
 *
 * A function that can fail returns bool and takes `struct bsc_err *err` last: true means success
 * and *err is untouched, false means *err is filled. The object has a fixed size and lives on the
 * caller's stack, so that running out of memory can be reported too. It owns nothing.
 *
 * This header may include libc only.
 */
#ifndef BSC_BASE_ERR_H
#define BSC_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* Stable names of what went wrong; programs match on them, people read the message. */
#define BSC_ERR_CODES(X)                                                                           \
    X(NONE, "none", "no error")                                                                    \
    X(USAGE, "usage", "the command line or a call was wrong")                                      \
    X(INVALID, "invalid", "an input file or value is not valid")                                   \
    X(NOT_FOUND, "not_found", "a named thing does not exist")                                      \
    X(EXISTS, "exists", "a thing that must not exist is already there")                            \
    X(DENIED, "denied", "permission was refused by the system")                                    \
    X(IO, "io", "reading or writing failed")                                                       \
    X(NO_SPACE, "no_space", "the device or quota is full")                                         \
    X(DAMAGED, "damaged", "data does not match its checksum or format")                            \
    X(CONFLICT, "conflict", "somebody else holds or changed the thing")                            \
    X(REFUSED, "refused", "a rule of the procedure forbids it")                                    \
    X(UNSETTLED, "unsettled", "a writer was killed and its change has not been taken back")        \
    X(UNREACHABLE, "unreachable", "a server or folder does not answer")                            \
    X(SQL, "sql", "the database refused a statement")                                              \
    X(SCRIPT, "script", "Lua code raised an error")                                                \
    X(LIMIT, "limit", "a budget or size limit was reached")                                        \
    X(TIMEOUT, "timeout", "no answer within the time allowed")                                     \
    X(CANCELLED, "cancelled", "the operator cancelled it")                                         \
    X(UNKNOWN, "unknown", "it is not known whether the effect happened")                           \
    X(PENDING, "pending", "it was ordered, and may still happen")                                  \
    X(UNSUPPORTED, "unsupported", "the platform cannot do this")

enum bsc_err_code {
#define BSC_ERR_ENUM(id, name, text) BSC_ERR_##id,
    BSC_ERR_CODES(BSC_ERR_ENUM)
#undef BSC_ERR_ENUM
};

/* Whether trying the same thing again may help. */
enum bsc_err_retry { BSC_RETRY_UNKNOWN, BSC_RETRY_YES, BSC_RETRY_NO };

struct bsc_err {
    enum bsc_err_code code;
    enum bsc_err_retry retryable;
    char sqlstate[6];  /* five characters of SQLSTATE, or empty */
    int native;        /* the driver's own error number, or 0 */
    int sys_errno;     /* errno at the time, or 0 */
    char where[256];   /* file:line:column of the input that is to blame, or empty */
    char message[512]; /* primary message: lower case, no full stop */
    char detail[512];  /* further facts as sentences, or empty */
    char hint[256];    /* what to do about it, as a sentence, or empty */
    char cause[512];   /* the message of the error underneath, or empty */
};

/* An error object that says nothing has failed. */
#define BSC_ERR_INIT                                                                               \
    {                                                                                              \
        0                                                                                          \
    }

/* Fills *err with a code and a printf-style primary message, forgetting what it held. Returns
 * false, so that `return bsc_err_set(...)` reads well. */
bool bsc_err_set(struct bsc_err *err, enum bsc_err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As bsc_err_set, for a failed system call: appends the text of `sys_errno` to the message and
 * chooses the code from it (ENOSPC, EACCES, ENOENT…). Returns false. */
bool bsc_err_sys(struct bsc_err *err, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a new primary message above the present one, which becomes the cause. Keeps code,
 * SQLSTATE, native, where and hint. Returns false. */
bool bsc_err_wrap(struct bsc_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds what to do about it. Returns false. */
bool bsc_err_hint(struct bsc_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds further facts. Returns false. */
bool bsc_err_detail(struct bsc_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says which place of which input is to blame; line and column count from 1, 0 leaves them out.
 * Returns false. */
bool bsc_err_at(struct bsc_err *err, const char *file, unsigned line, unsigned column);

/* The stable name of a code ("not_found"); never NULL. */
const char *bsc_err_name(enum bsc_err_code code);

/* The code of a stable name; BSC_ERR_NONE when there is no such name. */
enum bsc_err_code bsc_err_code_of(const char *name);

/* Ends the process with a message: for our own mistakes only, never for what the world does. */
#define BSC_BUG_ON(condition)                                                                      \
    do {                                                                                           \
        if (condition)                                                                             \
            bsc_bug(__FILE__, __LINE__, #condition);                                               \
    } while (0)

_Noreturn void bsc_bug(const char *file, int line, const char *condition);

#endif
