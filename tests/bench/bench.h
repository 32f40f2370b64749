/*
 * What every benchmark needs: a clock, the median of its rounds, a way out.
 */
#ifndef BSC_BENCH_H
#define BSC_BENCH_H

#include <stddef.h>

#include "base/err.h"

/* Microseconds on a clock that only goes forward. */
double bench_now_us(void);

/* Sorts the figures. */
double bench_median(double *figures, size_t count);

/* Ends the program; `err` may be NULL. */
_Noreturn void bench_die(const char *what, const struct bsc_err *err);

#endif
