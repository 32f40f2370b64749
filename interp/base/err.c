#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MAX = 512 }; /* bytes of the largest text field */

/* Cuts a text to `size` bytes with its NUL. A cut text ends in "..." so that nobody takes it for
 * whole, and never inside a character. */
static void put(char *field, size_t size, const char *text, size_t length)
{
    bool whole = length < size;
    size_t kept = whole ? length : size - 4;
    while (!whole && kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80)
        kept--;
    memcpy(field, text, kept);
    memcpy(field + kept, whole ? "" : "...", whole ? 1 : 4);
}

/* Formats by way of a copy: the arguments may point into the very error that is being filled. */
static void format_into(char *field, size_t size, const char *format, va_list args)
{
    char text[FIELD_MAX + 1] = {0};
    int length = vsnprintf(text, sizeof text, format, args);
    if (length > FIELD_MAX)
        length = FIELD_MAX;
    put(field, size, text, length < 0 ? 0 : (size_t)length);
}

bool bsc_err_set(struct bsc_err *err, enum bsc_err_code code, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    format_into(message, sizeof message, format, args);
    va_end(args);
    memset(err, 0, sizeof *err);
    err->code = code;
    memcpy(err->message, message, sizeof message);
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
    char reason[128] = {0};
    va_list args;
    va_start(args, format);
    /* Leaves room for the reason, which is worth more than the end of a long path. */
    format_into(what, sizeof what - sizeof reason, format, args);
    va_end(args);
    const char *text = strerror_r(sys_errno, reason, sizeof reason);
    bsc_err_set(err, code_of_errno(sys_errno), "%s: %.120s", what, text);
    err->sys_errno = sys_errno;
    return false;
}

bool bsc_err_wrap(struct bsc_err *err, const char *format, ...)
{
    char above[sizeof err->message];
    va_list args;
    va_start(args, format);
    format_into(above, sizeof above, format, args);
    va_end(args);
    if (err->cause[0] == '\0') {
        memcpy(err->cause, err->message, sizeof err->cause);
    } else {
        char below[sizeof err->message + sizeof err->cause + 2];
        int length = snprintf(below, sizeof below, "%s: %s", err->message, err->cause);
        put(err->cause, sizeof err->cause, below, (size_t)length);
    }
    memcpy(err->message, above, sizeof above);
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

/* Of a path that is too long the end is kept: it is what tells files apart, and the line number
 * after it must not be lost. */
bool bsc_err_at(struct bsc_err *err, const char *file, unsigned line, unsigned column)
{
    const size_t file_max = sizeof err->where - 32;
    size_t length = strlen(file);
    const char *dots = length > file_max ? "..." : "";
    if (length > file_max)
        file += length - file_max;
    int kept = (int)file_max;
    if (line == 0)
        snprintf(err->where, sizeof err->where, "%s%.*s", dots, kept, file);
    else if (column == 0)
        snprintf(err->where, sizeof err->where, "%s%.*s:%u", dots, kept, file, line);
    else
        snprintf(err->where, sizeof err->where, "%s%.*s:%u:%u", dots, kept, file, line, column);
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
