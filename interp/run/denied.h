/*
 * Questions to which somebody has said no, as a journal tells it.
 *
 * The last word of a person counts, until there is another: that nobody was there, that a terminal
 * was lost or that a signal came is no word. May include every room to its left.
 */
#ifndef BSC_RUN_DENIED_H
#define BSC_RUN_DENIED_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/reader.h"
#include "value/value.h"

/* What is read so far. */
struct bsc_run_denied {
    struct bsc_value *questions; /* owned {title={by, time, item}} */
    struct bsc_value *asked;     /* owned: the question that was put last, or NULL */
};

void bsc_run_denied_init(struct bsc_run_denied *denied);
/* Accepts a zeroed one. */
void bsc_run_denied_release(struct bsc_run_denied *denied);

/* Takes in a record of any kind. False when its payload is bad. */
bool bsc_run_denied_seen(struct bsc_run_denied *denied, const struct bsc_journal_record *record,
                         struct bsc_err *err);

/* The no to a question with this title, or to one of the item with this index; borrowed, NULL where
 * none stands. */
const struct bsc_value *bsc_run_denied_by_title(const struct bsc_run_denied *denied,
                                                const char *title);
const struct bsc_value *bsc_run_denied_by_item(const struct bsc_run_denied *denied, int64_t item);

/* "ann said no to this at 2026-11-21 00:01:06 UTC"; returns owned. */
char *bsc_run_denied_words(const struct bsc_value *no);

#endif
