/*
 * What an attempt has left behind, and whether that may be so.
 */
#ifndef BSC_FAULT_JUDGE_H
#define BSC_FAULT_JUDGE_H

#include <stdbool.h>

#include "fault.h"
#include "value/value.h"

/* All messages of a copy in their order as one owned text, read from a copy of the files in
 * bench->scratch; `closed` opens one that keeps clients out. NULL, with *ret_why, when it is not a
 * sound database. */
char *fault_messages(const struct fault_bench *bench, const char *name, bool closed,
                     const char **ret_why);

/* The first column of the first row, owned, likewise; NULL when it gives none. */
char *fault_judge_ask(const struct fault_bench *bench, const char *name, const char *sql);

/* The pool's state, active servers and version, owned; NULL when it cannot be read. */
char *fault_judge_pool(const struct fault_bench *bench);

/* Whether a program could open the copy and write to it. */
bool fault_judge_is_open(const struct fault_bench *bench, const char *name);

/* Whether a file has a name of something that is not finished, under which nobody looks for it. */
bool fault_judge_is_temporary(const char *name);

/* The row of a change of a plan or of an intent; a backup of a directory stands for itself, so that
 * it is told from other statements. Borrowed from the change; NULL when it has none. */
const char *fault_judge_row(const struct bsc_value *change);

/* Whether what a row makes may be made once more: a mirror that nobody has fed since it was cloned
 * must be cloned anew, one whose agent has ended is given another, what goes on may have gone on
 * since it was caught up with, and a backup too many hurts nobody. */
bool fault_judge_is_repeatable(const char *row);

/* In the end the copy is open or closed and has all messages, those of at least so many commits of
 * the client among them. */
void fault_judge_copy(struct fault_bench *bench, const struct fault_order *order, const char *name,
                      bool open, size_t least);

/* Whether the site is as it was then, the folder of the runs aside. */
bool fault_is_untouched(const struct fault_bench *bench, const struct fault_tree *then);

/* After any attempt: the journal verifies as far as it goes, nothing has changed that the journal
 * does not know of, at most one copy is writable, and one that can be opened is whole. */
void fault_judge_between(struct fault_bench *bench, const struct fault_order *order);

/* After an attempt that says it succeeded: the course is complete. */
void fault_judge_done(struct fault_bench *bench, const struct fault_order *order);

/* After a run that was gone on with: its journal is whole and ends, and says of no change twice
 * that it was made. */
void fault_judge_once(struct fault_bench *bench, const struct fault_order *order);

/* How the last command line ended: it did end, with a code that is known, and said why. */
void fault_judge_end(struct fault_bench *bench, const struct fault_order *order, const char *verb);

#endif
