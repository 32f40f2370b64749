/*
 * Values without secrets.
 */
#ifndef BSC_VALUE_SCRUB_H
#define BSC_VALUE_SCRUB_H

#include "base/buf.h"
#include "base/redact.h"
#include "value/value.h"

/* Appends the value as canonical JSON in which no secret that `redactor` knows can be read. What
 * comes out is JSON, whatever the secret is: a number that holds one becomes a text. `redactor` is
 * borrowed; NULL knows no secret. *out must be empty. */
void bsc_scrub_canonical(struct bsc_redactor *redactor, const struct bsc_value *value,
                         struct bsc_buf *out);

#endif
