/*
 * The pattern matcher that the search functions share. Private to this room.
 */
#ifndef BSC_VM_PATTERNS_INT_H
#define BSC_VM_PATTERNS_INT_H

#include <stddef.h>
#include <stdint.h>

#include "vm/vm_int.h"

enum { BSC_PATTERN_CAPTURES_MAX = 32 };

/* Lengths of captures that are not spans of text. */
enum { BSC_CAPTURE_OPEN = -1, BSC_CAPTURE_POSITION = -2 };

/* One search under way. It owns nothing; the texts belong to strings on the Lua stack. */
struct bsc_matcher {
    lua_State *L;
    const char *start; /* of the subject */
    const char *end;
    const char *pattern_end;
    int64_t steps; /* left */
    int depth;     /* left */
    int count;     /* of captures, finished or not */
    struct {
        const char *start;
        ptrdiff_t length;
    } captures[BSC_PATTERN_CAPTURES_MAX];
};

void bsc_matcher_init(struct bsc_matcher *m, lua_State *L, const char *subject, size_t length,
                      const char *pattern_end);
/* Where a match of the pattern from `p` on that begins at `s` ends, or NULL. */
BSC_RAISES const char *bsc_matcher_match(struct bsc_matcher *m, const char *s, const char *p);
/* Charges the steps that were taken since the last time. */
BSC_RAISES void bsc_matcher_settle(struct bsc_matcher *m);

#endif
