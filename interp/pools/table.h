/*
 * Pool driver `table`: a pool's state in a SQL table that applications read.
 *
 *     name TEXT PRIMARY KEY, state TEXT, active_servers TEXT, version INTEGER
 *
 * `active_servers` holds names, sorted, with commas between. Every change raises `version`, and
 * changes only the version it was decided on. This file makes statements and reads rows; it
 * performs nothing. May include base and value.
 */
#ifndef BSC_POOLS_TABLE_H
#define BSC_POOLS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/value.h"

struct bsc_pools_statement {
    struct bsc_buf sql;       /* owned: text with question marks */
    struct bsc_value *params; /* owned list, one for each question mark */
};

/* Accepts a zeroed statement. */
void bsc_pools_statement_release(struct bsc_pools_statement *statement);

/* What one version of a pool is like. */
struct bsc_pools_version {
    const char *state;                      /* borrowed */
    const struct bsc_value *active_servers; /* borrowed list of texts; ignored in `from` */
    int64_t version;                        /* ignored in `to` */
};

/* Reads one pool. `table` is an SQL name with an optional schema before a dot. */
void bsc_pools_table_read(const char *table, const char *pool, struct bsc_pools_statement *ret);

/* Changes the pool to `to` where its state and version still are those of `from`: one row, or none
 * when somebody else was first. */
void bsc_pools_table_swap(const char *table, const char *pool, const struct bsc_pools_version *from,
                          const struct bsc_pools_version *to, struct bsc_pools_statement *ret);

/* Facts {state, active_servers (sorted list), version} from the rows that the read statement gave
 * (a list of lists). Returns owned, NULL on failure: BSC_ERR_NOT_FOUND without a row,
 * BSC_ERR_INVALID for rows that no bascule wrote. */
struct bsc_value *bsc_pools_table_facts(const char *pool, const struct bsc_value *rows,
                                        struct bsc_err *err);

/* Whether it is a state that a pool can have: Normal or FailedOver. */
bool bsc_pools_state_known(const char *state);

#endif
