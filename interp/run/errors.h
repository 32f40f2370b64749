/*
 * Errors as values: what Lua, the journal and JSON output see of an error object.
 */
#ifndef BSC_RUN_ERRORS_H
#define BSC_RUN_ERRORS_H

#include "base/err.h"
#include "value/value.h"

/* {code, message} and, when known, where, detail, hint, cause, sqlstate, native. Returns owned. */
struct bsc_value *bsc_run_error_value(const struct bsc_err *err);

/* The result of an item that an error ended: `interrupted` when the operator stopped it, else
 * `failed`, with the error as its reason. Returns owned. */
struct bsc_value *bsc_run_error_result(const struct bsc_err *err);

#endif
