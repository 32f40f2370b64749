/*
 * What stands for a value that is not there: {"$entries": N} for a list of N entries, and
 * {"$unknown": what it will be} for one that is known only afterwards.
 *
 * A backlog of thousands of log backups would bury a page and, held at several places at once,
 * multiply the memory of a run.
 */
#ifndef BSC_RUN_BRIEF_H
#define BSC_RUN_BRIEF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "value/value.h"

/* How many entries of a list people are shown. */
enum { BSC_RUN_BRIEF_SHOWN = 32 };

/* Of the facts {key=value}, puts each list that is longer than `entries_max` in brief, where
 * `chosen(arg, key)` agrees; NULL agrees always. */
void bsc_run_brief_facts(struct bsc_value *facts, size_t entries_max,
                         bool (*chosen)(const void *arg, const char *key), const void *arg);

/* Whether the value only says how long a list was. */
bool bsc_run_brief_is(const struct bsc_value *value);

/* Appends "(N entries)" for a value in brief or a list longer than what is shown, "unknown<lsn>"
 * for one that will be an LSN; false, and nothing, for any other. */
bool bsc_run_brief_add(const struct bsc_value *value, struct bsc_buf *out);

#endif
