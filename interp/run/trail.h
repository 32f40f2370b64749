/*
 * The way back that a journal leaves: what a rollback has to take back, and what stays (see
 * run/past.h), as it is read.
 */
#ifndef BSC_RUN_TRAIL_H
#define BSC_RUN_TRAIL_H

#include <stddef.h>

#include "run/past.h"
#include "value/value.h"

/* A change was made, or may have been. The first one of an action carries its undo, if it has one;
 * what comes after it adds nothing. The intent is borrowed. */
void bsc_run_trail_leave(struct bsc_run_past *past, const struct bsc_value *intent);

/* As far as facts tell, a change was not made. What would put right what it left half done need not
 * show in them, and looks by itself whether there is anything to do. */
void bsc_run_trail_leave_mends(struct bsc_run_past *past, const struct bsc_value *intent);

/* So many of the last entries were taken back. */
void bsc_run_trail_shorten(struct bsc_run_past *past, size_t taken_back);

#endif
