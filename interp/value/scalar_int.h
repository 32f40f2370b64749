/*
 * What a plain YAML scalar means: private to the YAML reader.
 *
 * YAML 1.1, 1.2 and the readers in use disagree about `no`, `010`, `1:30` or `1e3`. Whatever two
 * of them could read differently is refused, with what to write instead.
 */
#ifndef BSC_VALUE_SCALAR_INT_H
#define BSC_VALUE_SCALAR_INT_H

#include <stdbool.h>
#include <stddef.h>

/* NULL when the scalar has one meaning only; otherwise a sentence that says what to write. */
const char *bsc_scalar_ambiguity(const char *text, size_t length);

/* Whether the text is a decimal integer as bsc_num_parse wants it: no sign but a minus, no leading
 * zero, digits only. */
bool bsc_scalar_is_integer(const char *text, size_t length);

#endif
