/*
 * Records of a journal that are kept as they stand until it is known whether they count.
 *
 * May include every room to its left.
 */
#ifndef BSC_RUN_HELD_H
#define BSC_RUN_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "journal/reader.h"

/* One item may have made any number of changes; what is kept of it does not grow with that. */
enum { BSC_RUN_HELD_MAX = 1 << 20 };

struct bsc_run_held {
    struct bsc_buf bytes; /* owned: each record's kind, length and payload, one behind the other */
    bool has_change;      /* one of them is an intent */
};

void bsc_run_held_init(struct bsc_run_held *held);
void bsc_run_held_release(struct bsc_run_held *held);

bool bsc_run_held_is_empty(const struct bsc_run_held *held);
/* Whether it should take no more: it has BSC_RUN_HELD_MAX bytes, or more by the last record. */
bool bsc_run_held_is_full(const struct bsc_run_held *held);
void bsc_run_held_clear(struct bsc_run_held *held);

/* Copies kind and payload of the record; nothing else of it is kept. */
void bsc_run_held_add(struct bsc_run_held *held, const struct bsc_journal_record *record);

/* Gives each record, in order, to `seen` as the reader did, with kind and payload only. False, with
 * *err filled, when that fails. */
bool bsc_run_held_each(const struct bsc_run_held *held, bsc_journal_seen_fn seen, void *arg,
                       struct bsc_err *err);

#endif
