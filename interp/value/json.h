/*
 * JSON in, canonical JSON out.
 *
 * Canonical: UTF-8, object keys sorted by bytes, no blanks, integers in decimal, no floating-point
 * numbers, control characters escaped; the same value always gives the same bytes, so that digests
 * and signatures can be taken of them.
 */
#ifndef BSC_VALUE_JSON_H
#define BSC_VALUE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/value.h"

/* Returns owned, NULL on failure (BSC_ERR_INVALID with line and column of `name`). Duplicate keys,
 * floating-point numbers, depth over 64 and bad UTF-8 are refused. */
struct bsc_value *bsc_json_parse(const char *name, const char *text, size_t length,
                                 struct bsc_err *err);

/* Where a member of the outermost map stands in its text: from its key on, and with the comma
 * behind it or, of the last one, before it. Without that piece the rest is a map as before. */
struct bsc_json_piece {
    size_t at;
    size_t length; /* 0: there is no such member */
};

/* Finds the first member with this key, which has no escapes. Of a text that is not JSON it finds
 * something or nothing: whoever asks knows by other means, or parses what is left. */
struct bsc_json_piece bsc_json_find(const char *text, size_t length, const char *key);

/* Appends the canonical form. Bytes that are not UTF-8 are written as U+FFFD. */
void bsc_json_canonical(const struct bsc_value *value, struct bsc_buf *out);

/* Takes the next bytes of a text that is made piece by piece; false ends it. */
struct bsc_json_sink {
    void *self; /* borrowed */
    bool (*take)(void *self, const char *bytes, size_t length);
};

/* The canonical form in pieces, for values whose text would be large. False when the sink refused
 * a piece. */
bool bsc_json_canonical_to(const struct bsc_value *value, const struct bsc_json_sink *sink);

#endif
