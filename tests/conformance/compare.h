/*
 * What differs between the two sides of a case.
 */
#ifndef BSC_CONFORM_COMPARE_H
#define BSC_CONFORM_COMPARE_H

#include "act.h"

/* Appends one line for each difference; none when the sides agree. With `unseen` the real platform
 * may have stopped where the twin could not know it. */
void conform_compare(const struct conform_sides *sides, bool unseen, struct bsc_buf *text);

/* The same of taking it back. */
void conform_compare_undo(const struct conform_sides *sides, struct bsc_buf *text);

/* Outcome, reason and statements of both sides, for people. */
void conform_tell(const struct conform_sides *sides, struct bsc_buf *text);

#endif
