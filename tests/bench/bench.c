#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_median(double *figures, size_t count)
{
    qsort(figures, count, sizeof *figures, compare);
    return figures[count / 2];
}

void bench_die(const char *what, const struct bsc_err *err)
{
    fprintf(stderr, "%s: %s: %s %s\n", program_invocation_short_name, what,
            err != NULL ? err->message : "", err != NULL ? err->cause : "");
    exit(1);
}
