/*
 * The two clocks: wall time for records, monotonic time for durations and deadlines. Real or, in
 * tests, told what to say.
 */
#ifndef BSC_OS_CLOCK_H
#define BSC_OS_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bsc_clock {
    void *self;                     /* borrowed */
    int64_t (*wall_ms)(void *self); /* milliseconds since 1970-01-01 UTC */
    int64_t (*mono_us)(void *self); /* microseconds since some fixed point */
};

const struct bsc_clock *bsc_clock_real(void);

enum { BSC_CLOCK_TEXT = 25 };
/* Writes "2026-11-20T23:05:01.042Z". */
void bsc_clock_format(int64_t wall_ms, char ret_text[BSC_CLOCK_TEXT]);

/* The other way round; false when the text is of any other form. */
bool bsc_clock_parse(const char *text, int64_t *ret_wall_ms);

/* Blocks the calling thread for `ms`, or until *cancel (borrowed, may be NULL) is set; returns
 * whether the whole time has passed. For workers: on the loop's thread use bsc_timer_start. */
bool bsc_clock_pause(int64_t ms, const atomic_bool *cancel);

#endif
