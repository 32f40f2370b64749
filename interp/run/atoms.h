/*
 * Values told apart by number: equal values get the same one. For a search that compares and keeps
 * states of the site a million times, where comparing the values themselves would be the search.
 */
#ifndef BSC_RUN_ATOMS_H
#define BSC_RUN_ATOMS_H

#include <stddef.h>
#include <stdint.h>

#include "value/value.h"

struct bsc_run_atoms;

/* Returns owned. */
struct bsc_run_atoms *bsc_run_atoms_new(void);
void bsc_run_atoms_free(struct bsc_run_atoms *atoms);

/* The number of a value (taken), from 1 up. */
uint32_t bsc_run_atoms_add(struct bsc_run_atoms *atoms, struct bsc_value *value);
uint32_t bsc_run_atoms_add_text(struct bsc_run_atoms *atoms, const char *text);

/* The value of a number, borrowed until the end; NULL for 0, which stands for no value. */
const struct bsc_value *bsc_run_atoms_get(const struct bsc_run_atoms *atoms, uint32_t atom);

/* How many there are. */
size_t bsc_run_atoms_count(const struct bsc_run_atoms *atoms);

/* A hash of some bytes, going on from `seed`: for tables in memory, never for proof. */
uint64_t bsc_run_atoms_hash(uint64_t seed, const void *bytes, size_t length);

#endif
