/*
 * A log backup of a chain as one line of text, which is how ten thousand of them travel between
 * facts, plan and rows:
 *
 *   1554 1939 381296 <SHA-256 of the header> 2026-…Z copied mgc_00000000000000001939.blog
 *
 * first LSN, last LSN, bytes, digest, time of the last commit, whether it is in the destination
 * folder ("copied") or only on the share ("missing"), and the name, which may have blanks. "-"
 * stands for what is not known yet: size, digest and time of a tail that is still to be salvaged.
 */
#ifndef BSC_LOGS_LINE_H
#define BSC_LOGS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/clock.h"
#include "value/digest.h"
#include "value/value.h"

enum { BSC_LOGS_LINE_NAME = 256 };

struct bsc_logs_line {
    char name[BSC_LOGS_LINE_NAME];
    int64_t first_lsn;
    int64_t last_lsn;
    int64_t bytes;               /* 0 when not known */
    char digest[BSC_DIGEST_HEX]; /* empty when not known */
    char time[BSC_CLOCK_TEXT];   /* empty when not known */
    bool copied;
};

/* Returns owned. */
struct bsc_value *bsc_logs_line_value(const struct bsc_logs_line *line);

/* BSC_ERR_INVALID quotes a text that is no such line, or whose name leaves its folder. */
bool bsc_logs_line_read(const char *text, struct bsc_logs_line *ret, struct bsc_err *err);

/* Reads a list of such texts into an owned array. Values of another kind are BSC_ERR_INVALID. */
bool bsc_logs_line_read_all(const struct bsc_value *list, struct bsc_logs_line **ret_lines,
                            struct bsc_err *err);

#endif
