/*
 * Numbers from text and arithmetic that cannot wrap. May include libc only.
 */
#ifndef BSC_BASE_NUM_H
#define BSC_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a whole decimal integer; false when there is anything else or it does not fit. */
bool bsc_num_parse(const char *text, size_t length, int64_t *ret_number);

/* Reads a duration such as "250ms", "30s", "5m", "2h" or "1d" into milliseconds; false when the
 * unit is missing or the value does not fit. */
bool bsc_num_parse_duration(const char *text, size_t length, int64_t *ret_ms);

/* Reads a size such as "512", "64KiB", "10MiB" or "2GiB" into bytes. */
bool bsc_num_parse_size(const char *text, size_t length, int64_t *ret_bytes);

/* Both return false, and write nothing, when the result does not fit. */
bool bsc_num_add(int64_t a, int64_t b, int64_t *ret_sum);
bool bsc_num_multiply(int64_t a, int64_t b, int64_t *ret_product);

#endif
