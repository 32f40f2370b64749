/*
 * What the library says of facts (stdlib/facts/schema.lua), as it is needed here.
 *
 * The schema is {kind={key={type, volatile, advances, identity, …}}}, borrowed by everything here.
 */
#ifndef BSC_RUN_SCHEMA_H
#define BSC_RUN_SCHEMA_H

#include <stdbool.h>

#include "value/value.h"

/* The keys of the resource's kind; NULL for a kind that has no schema. */
const struct bsc_value *bsc_run_schema_kind(const struct bsc_value *schema, const char *resource);

/* What is said of one fact; NULL when nothing is. */
const struct bsc_value *bsc_run_schema_fact(const struct bsc_value *schema, const char *resource,
                                            const char *key);

/* Whether the fact may have moved by itself since a plan was made. */
bool bsc_run_schema_moves(const struct bsc_value *schema, const char *resource, const char *key);

#endif
