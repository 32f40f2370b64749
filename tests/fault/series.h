/*
 * The series of attempts: which command lines, which calls, which failures.
 */
#ifndef BSC_FAULT_SERIES_H
#define BSC_FAULT_SERIES_H

#include <stdbool.h>

#include "fault.h"

/* Runs the series of this name; `words`, NULL or ended by NULL, can pick the first and the last
 * call. False when there is no such series. */
bool fault_series_run(struct fault_bench *bench, const char *name, char **words);

#endif
