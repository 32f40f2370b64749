/*
 * The one strict decoder of UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. May
 * include libc only.
 */
#ifndef BSC_VALUE_UTF8_H
#define BSC_VALUE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length in bytes (1 to 4) of the character at the start of `bytes`, 0 when there is no valid one
 * within `length`. `ret_point`, when not NULL, receives the code point. */
size_t bsc_utf8_decode(const char *bytes, size_t length, uint32_t *ret_point);

#endif
