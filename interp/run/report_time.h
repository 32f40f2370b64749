/*
 * Where the time of a run went, as a part of its report.
 */
#ifndef BSC_RUN_REPORT_TIME_H
#define BSC_RUN_REPORT_TIME_H

#include "base/buf.h"
#include "run/story.h"

/* Appends a table with a row for each item whose time was measured, and their sum; nothing where
 * none was. What was spent neither on rows, nor on waiting, nor on the journal's disk is the
 * interpreter's own. */
void bsc_run_report_times(struct bsc_buf *out, const struct bsc_run_story *story);

#endif
