#include "logs/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "os/files.h"

enum { HISTORY_MAX = 1 << 20, TIMELINE_DIGITS = 8 };

static const char upper_digits[] = "0123456789ABCDEF";

bool bsc_logs_history_named(const char *name, int64_t *ret_timeline)
{
    if (strspn(name, upper_digits) != TIMELINE_DIGITS ||
        strcmp(name + TIMELINE_DIGITS, ".history") != 0)
        return false;
    *ret_timeline = (int64_t)strtoull(name, NULL, 16);
    return true;
}

/* One number of up to eight digits; moves *at behind it. */
static bool take_number(const char **at, int base, int64_t *ret)
{
    static const size_t most = 10;
    size_t digits = strspn(*at, base == 16 ? "0123456789ABCDEFabcdef" : "0123456789");
    if (digits == 0 || digits > most)
        return false;
    *ret = (int64_t)strtoull(*at, NULL, base);
    *at += digits;
    return *ret <= UINT32_MAX;
}

/* "1<tab>0/39FFFE8<tab>why": the later line is of the later timeline. */
static bool take_line(const char *line, struct bsc_logs_history *history)
{
    int64_t parent = 0, high = 0, low = 0;
    line += strspn(line, " \t");
    if (strchr("#\r\n", *line) != NULL) /* or its end */
        return true;
    if (!take_number(&line, 10, &parent))
        return false;
    line += strspn(line, " \t");
    if (!take_number(&line, 16, &high) || *line++ != '/' || !take_number(&line, 16, &low) ||
        high > INT32_MAX || parent <= history->parent)
        return false;
    history->parent = parent;
    history->lsn = high << 32 | low;
    return true;
}

bool bsc_logs_history_take(const char *text, struct bsc_logs_history *history)
{
    while (*text != '\0') {
        if (!take_line(text, history))
            return false;
        text += strcspn(text, "\r\n");
        text += strspn(text, "\r\n");
    }
    return history->parent > 0 && history->parent < history->timeline;
}

bool bsc_logs_history_read(const struct bsc_sys *sys, const char *path,
                           struct bsc_logs_history *ret, struct bsc_err *err)
{
    struct bsc_buf text;
    const char *name = bsc_files_name_of(path);
    *ret = (struct bsc_logs_history){0};
    bsc_buf_init(&text);
    bool ok = bsc_files_read(sys, path, HISTORY_MAX, &text, err);
    if (ok &&
        (!bsc_logs_history_named(name, &ret->timeline) ||
         memchr(text.data, '\0', text.length) != NULL || !bsc_logs_history_take(text.data, ret)))
        ok = bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not the history of a timeline", name);
    bsc_buf_release(&text);
    return ok;
}
