/*
 * Recognises canonical JSON (value/json.h) without building anything of it.
 *
 * Private to the room. May include libc only.
 */
#ifndef BSC_JOURNAL_CANONICAL_INT_H
#define BSC_JOURNAL_CANONICAL_INT_H

#include <stdbool.h>
#include <stddef.h>

/* Deepest nesting of lists and maps that a record may have. */
enum { BSC_JOURNAL_DEPTH_MAX = 60 };

/* Whether the bytes are exactly one map in canonical form: no blanks, keys sorted by bytes and
 * unique, integers of 64 bits in decimal, the one escape that each character has, valid UTF-8. */
bool bsc_journal_canonical_map(const char *bytes, size_t length);

#endif
