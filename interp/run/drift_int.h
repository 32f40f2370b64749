/*
 * What the files of drift have in common; for run/drift*.c only.
 */
#ifndef BSC_RUN_DRIFT_INT_H
#define BSC_RUN_DRIFT_INT_H

#include "value/value.h"

/* The lists `facts` and `steps` of a drift between two plans; returned owned. */
struct bsc_value *bsc_run_drift_facts(const struct bsc_value *then, const struct bsc_value *now,
                                      const struct bsc_value *schema);
struct bsc_value *bsc_run_drift_steps(const struct bsc_value *then, const struct bsc_value *now,
                                      const struct bsc_value *schema);

/* A copy of the value, or null for NULL; owned. */
struct bsc_value *bsc_run_drift_copy(const struct bsc_value *value);

/* Calls `found` for each key of either map, once, with its values in both (NULL: absent). */
void bsc_run_drift_each(const struct bsc_value *then, const struct bsc_value *now,
                        void (*found)(void *arg, const char *key, const struct bsc_value *then,
                                      const struct bsc_value *now),
                        void *arg);

#endif
