#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes a formatted text that may be cut; a cut text ends in "..." so that nobody takes it for
 * whole. */
static void format_into(char *text, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(text, size, format, args);
    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= size)
        memcpy(text + size - 4, "...", 4);
}

bool bsc_err_set(struct bsc_err *err, enum bsc_err_code code, const char *format, ...)
{
    va_list args;
    memset(err, 0, sizeof *err);
    err->code = code;
    va_start(args, format);
    format_into(err->message, sizeof err->message, format, args);
    va_end(args);
    return false;
}

static enum bsc_err_code code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
        return BSC_ERR_NOT_FOUND;
    case EEXIST:
        return BSC_ERR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return BSC_ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return BSC_ERR_NO_SPACE;
    case ETIMEDOUT:
        return BSC_ERR_TIMEOUT;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return BSC_ERR_UNREACHABLE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return BSC_ERR_LIMIT;
    default:
        return BSC_ERR_IO;
    }
}

bool bsc_err_sys(struct bsc_err *err, int sys_errno, const char *format, ...)
{
    char what[sizeof err->message];
    va_list args;
    va_start(args, format);
    format_into(what, sizeof what, format, args);
    va_end(args);
    bsc_err_set(err, code_of_errno(sys_errno), "%s: %s", what, strerror(sys_errno));
    err->sys_errno = sys_errno;
    return false;
}

bool bsc_err_wrap(struct bsc_err *err, const char *format, ...)
{
    char below[sizeof err->cause];
    va_list args;
    if (err->cause[0] != '\0')
        snprintf(below, sizeof below, "%.250s: %.250s", err->message, err->cause);
    else
        snprintf(below, sizeof below, "%s", err->message);
    memcpy(err->cause, below, sizeof below);
    va_start(args, format);
    format_into(err->message, sizeof err->message, format, args);
    va_end(args);
    return false;
}

bool bsc_err_hint(struct bsc_err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return false;
}

bool bsc_err_detail(struct bsc_err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(err->detail, sizeof err->detail, format, args);
    va_end(args);
    return false;
}

bool bsc_err_at(struct bsc_err *err, const char *file, unsigned line, unsigned column)
{
    if (line == 0)
        snprintf(err->where, sizeof err->where, "%s", file);
    else if (column == 0)
        snprintf(err->where, sizeof err->where, "%s:%u", file, line);
    else
        snprintf(err->where, sizeof err->where, "%s:%u:%u", file, line, column);
    return false;
}

const char *bsc_err_name(enum bsc_err_code code)
{
    switch (code) {
#define BSC_ERR_NAME(id, name, text)                                                               \
    case BSC_ERR_##id:                                                                             \
        return name;
        BSC_ERR_CODES(BSC_ERR_NAME)
#undef BSC_ERR_NAME
    }
    return "unknown";
}

enum bsc_err_code bsc_err_code_of(const char *name)
{
#define BSC_ERR_MATCH(id, text, meaning)                                                           \
    if (strcmp(name, text) == 0)                                                                   \
        return BSC_ERR_##id;
    BSC_ERR_CODES(BSC_ERR_MATCH)
#undef BSC_ERR_MATCH
    return BSC_ERR_NONE;
}

_Noreturn void bsc_bug(const char *file, int line, const char *condition)
{
    fprintf(stderr, "bascule: internal error at %s:%d: %s\n", file, line, condition);
    abort();
}
