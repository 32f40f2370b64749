/*
 * Named placeholders in the text of a statement: ":name" becomes a question mark.
 *
 * What looks like one within a literal, a quoted name or a comment stays as it is, and so do the
 * casts and slices of PostgreSQL ("x::text", "a[1:2]"). May include base and os.
 */
#ifndef BSC_VALUE_PLACEHOLDERS_H
#define BSC_VALUE_PLACEHOLDERS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/value.h"

struct bsc_placeholders {
    struct bsc_buf sql;      /* owned: the text with a question mark for each placeholder */
    struct bsc_value *names; /* owned list of texts, one for each question mark, in order */
};

/* Only names of `known` (borrowed, NULL-terminated) may be used. BSC_ERR_INVALID names an unknown
 * one, or says that a question mark would be taken for a parameter; then nothing is owned. */
bool bsc_placeholders_parse(const char *text, const char *const *known,
                            struct bsc_placeholders *ret, struct bsc_err *err);

bool bsc_placeholders_has(const struct bsc_placeholders *found, const char *name);

/* Accepts a zeroed one. */
void bsc_placeholders_release(struct bsc_placeholders *found);

#endif
