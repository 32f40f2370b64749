/*
 * Reading a row's arguments, with errors that say which argument is wrong and how.
 *
 * Each reader takes the args map (or any map inside it) and a key, writes *ret_… on success only,
 * and fills *err with BSC_ERR_USAGE otherwise. A null entry reads as absent. Texts are borrowed
 * from the map. The `_or` readers give the fallback when the entry is absent.
 */
#ifndef BSC_LIB_ARGS_H
#define BSC_LIB_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "lib/row.h"
#include "value/value.h"

/* Texts: not empty, without NUL bytes. */
bool bsc_lib_args_text(const struct bsc_value *args, const char *key, const char **ret_text,
                       struct bsc_err *err);
bool bsc_lib_args_text_or(const struct bsc_value *args, const char *key, const char *fallback,
                          const char **ret_text, struct bsc_err *err);

/* Paths: texts that begin with a slash. */
bool bsc_lib_args_path(const struct bsc_value *args, const char *key, const char **ret_path,
                       struct bsc_err *err);
bool bsc_lib_args_path_or(const struct bsc_value *args, const char *key, const char *fallback,
                          const char **ret_path, struct bsc_err *err);

/* File names: texts without a slash, neither "." nor "..", so that they stay in their folder. */
bool bsc_lib_args_file_name(const struct bsc_value *args, const char *key, const char **ret_name,
                            struct bsc_err *err);

/* SHA-256: 64 lower-case hexadecimal digits. */
bool bsc_lib_args_sha256(const struct bsc_value *args, const char *key, const char **ret_hex,
                         struct bsc_err *err);

/* Counts, sizes, LSNs: integers of 0 and above. */
bool bsc_lib_args_count(const struct bsc_value *args, const char *key, int64_t *ret_count,
                        struct bsc_err *err);
bool bsc_lib_args_count_or(const struct bsc_value *args, const char *key, int64_t fallback,
                           int64_t *ret_count, struct bsc_err *err);

bool bsc_lib_args_bool_or(const struct bsc_value *args, const char *key, bool fallback,
                          bool *ret_truth, struct bsc_err *err);

/* Lists, borrowed. An empty map reads as an empty list: the two look alike in Lua. */
bool bsc_lib_args_list(const struct bsc_value *args, const char *key,
                       const struct bsc_value **ret_list, struct bsc_err *err);
/* Gives NULL when absent, which counts as empty. */
bool bsc_lib_args_list_or(const struct bsc_value *args, const char *key,
                          const struct bsc_value **ret_list, struct bsc_err *err);

/* Refuses arguments that the comma-separated description of the row ("path: text, files: list?")
 * does not name, so that a misspelt optional argument is not ignored in silence. */
bool bsc_lib_args_known(const struct bsc_value *args, const char *described, struct bsc_err *err);

/* For long work, between two pieces of it: false with BSC_ERR_CANCELLED or BSC_ERR_TIMEOUT when the
 * operator or the deadline wants an end. */
bool bsc_lib_call_continue(const struct bsc_lib_call *call, struct bsc_err *err);

/* Milliseconds left until the call's deadline: 0 when there is none, at least 1 otherwise. */
int64_t bsc_lib_call_left_ms(const struct bsc_lib_call *call);

/* Reports progress when somebody listens. */
void bsc_lib_call_progress(const struct bsc_lib_call *call, int64_t done, int64_t total,
                           const char *unit);

/* Says that something was heard of what the row works with: a row that says nothing for long is
 * shown as one that waits, and given up soon after it was told to end. */
void bsc_lib_call_alive(const struct bsc_lib_call *call);

#endif
