/*
 * YAML in: the strict subset that a site file is written in.
 *
 * Built from libyaml's event stream with our own limits (1 MiB, depth 64, 100,000 nodes).
 * Anchors, aliases, tags, merge keys, several documents, duplicate or non-scalar keys and
 * ambiguous plain scalars (yes, on, ~, 1e3, 010, 1:30) are refused with file:line:column. Plain
 * `true`/`false` become bool, plain decimal integers int, an empty value null, all else text.
 * Every value and key carries its place.
 */
#ifndef BSC_VALUE_YAML_H
#define BSC_VALUE_YAML_H

#include <stddef.h>

#include "base/err.h"
#include "value/value.h"

/* Returns owned, NULL on failure. `name` is the file's name for messages. */
struct bsc_value *bsc_yaml_parse(const char *name, const char *text, size_t length,
                                 struct bsc_err *err);

#endif
