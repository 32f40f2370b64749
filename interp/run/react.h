/*
 * How the modelled site reacts to a change, with or without a fault: worked out once for each
 * change and each state of what it is about, then looked up.
 */
#ifndef BSC_RUN_REACT_H
#define BSC_RUN_REACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/atoms.h"
#include "run/fault.h"
#include "run/judge.h"
#include "run/script.h"
#include "value/value.h"

/* The facts of every resource as atoms, by the resource's number; 0 where nothing is known. */
struct bsc_run_facts {
    uint32_t *world;  /* how it is */
    uint32_t *belief; /* how the run last saw it */
};

struct bsc_run_reactor;

/* Borrows the schema, the facts ({id=facts}) with which everything begins, and the atoms for its
 * life. Returns owned. */
struct bsc_run_reactor *bsc_run_reactor_new(const struct bsc_value *schema,
                                            const struct bsc_value *facts,
                                            struct bsc_run_atoms *atoms);
void bsc_run_reactor_free(struct bsc_run_reactor *reactor);

/* The number of a resource, from 0, given when it is first asked for. */
uint32_t bsc_run_reactor_resource(struct bsc_run_reactor *reactor, const char *id);
size_t bsc_run_reactor_resources(const struct bsc_run_reactor *reactor);
const char *bsc_run_reactor_id(const struct bsc_run_reactor *reactor, uint32_t resource);

/* Its facts in the beginning, as an atom; 0 when nothing is known. */
uint32_t bsc_run_reactor_first(const struct bsc_run_reactor *reactor, uint32_t resource);

/* The resource that an effect is about. */
uint32_t bsc_run_reactor_about(struct bsc_run_reactor *reactor, const struct bsc_run_spot *spot);

/* Atom of what makes two changes the same one. */
uint32_t bsc_run_reactor_essence(struct bsc_run_reactor *reactor, const struct bsc_run_spot *spot);

/* What a change leads to. */
struct bsc_run_reaction {
    uint32_t answer;  /* atom: what the run is told */
    bool acts;        /* the world is another than before, or nobody can tell */
    bool succeeded;   /* the run is told that it was done */
    bool may_be_done; /* as far as the run and its journal can tell */
};

/* The reaction to the change of `spot`; changes the facts to what they are afterwards. */
struct bsc_run_reaction bsc_run_react(struct bsc_run_reactor *reactor,
                                      const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                                      struct bsc_run_facts *facts);

#endif
