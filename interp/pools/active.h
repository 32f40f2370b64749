/*
 * Which servers of a pool may be active: those in the data centre of the database that is primary,
 * or in one joined to it by a link marked low_latency, and no more than the pool's maximum (never
 * over 4 with driver lync).
 *
 * Pure functions over the normalised site map (site/site.h says what is in it). May include base
 * and value.
 */
#ifndef BSC_POOLS_ACTIVE_H
#define BSC_POOLS_ACTIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "value/value.h"

/* Whether the servers (list of texts) may be active while the primary is in the data centre. False
 * with BSC_ERR_REFUSED, naming server and data centre, or BSC_ERR_NOT_FOUND for unknown names. */
bool bsc_pools_active_check(const struct bsc_value *site, const char *pool, const char *data_centre,
                            const struct bsc_value *servers, struct bsc_err *err);

/* The most servers of the pool that may be active at once. */
int64_t bsc_pools_active_maximum(const struct bsc_value *site, const char *pool);

#endif
