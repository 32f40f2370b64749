/*
 * The model of the site: facts by resource, and the effects of changes on them.
 *
 * The twin answers from a model; the live world keeps one beside the real site to know what each
 * change should have made true.
 */
#ifndef BSC_RUN_MODEL_H
#define BSC_RUN_MODEL_H

#include <stdbool.h>

#include "base/buf.h"
#include "value/value.h"

struct bsc_run_model;

/* Borrows the schema ({kind={key={volatile…}}}) for its life, takes the facts ({id={key=value}}).
 * Returns owned. */
struct bsc_run_model *bsc_run_model_new(const struct bsc_value *schema, struct bsc_value *facts);
void bsc_run_model_free(struct bsc_run_model *model);

/* Borrowed; NULL when the resource was never observed. */
const struct bsc_value *bsc_run_model_facts(const struct bsc_run_model *model,
                                            const char *resource);
const struct bsc_value *bsc_run_model_all(const struct bsc_run_model *model);

/* Replaces what is known of a resource; takes the facts. */
void bsc_run_model_put(struct bsc_run_model *model, const char *resource, struct bsc_value *facts);

/* From now on keeps very long volatile lists in brief (run/brief.h): where every resource is
 * observed anew before it is used they only take room. A failed change that foretold such a list
 * is judged by its other facts. */
void bsc_run_model_travel_light(struct bsc_run_model *model);

/* Lets a change act: `becomes` is {id={key=value}}, borrowed. */
void bsc_run_model_apply(struct bsc_run_model *model, const struct bsc_value *becomes);

/* Lets the change of an effect act. One that is assumed to work may have changed anything about its
 * own resource: the facts of that are unknown from then on. What a resource with a schema is, such
 * as a copy of a database, only primitives change that say so. */
void bsc_run_model_act(struct bsc_run_model *model, const struct bsc_value *effect);

/* The present values of just the keys that `becomes` would set; returns owned. */
struct bsc_value *bsc_run_model_present(const struct bsc_run_model *model,
                                        const struct bsc_value *becomes);

/* Whether a fact is one that is seen only afterwards. */
bool bsc_run_model_is_unknown(const struct bsc_value *fact);

/* Whether two facts say the same. A prediction of `$unknown` equals anything; null and absent are
 * one; an empty list and an empty map look alike to Lua. */
bool bsc_run_model_same(const struct bsc_value *predicted, const struct bsc_value *observed);

/* Whether a fact stays as it is unless somebody changes it: the schema has it and does not call it
 * volatile. Every fact of a kind without a schema does. */
bool bsc_run_model_steady(const struct bsc_run_model *model, const char *resource, const char *key);

/* Whether observed facts are as the model says, outside what the schema calls volatile. A resource
 * of a kind without a schema is compared only in the keys of `only` (may be NULL: no keys). Appends
 * each difference to *ret_text (may be NULL) as `id: key is X, predicted Y`. */
bool bsc_run_model_agrees(const struct bsc_run_model *model, const char *resource,
                          const struct bsc_value *observed, const struct bsc_value *only,
                          struct bsc_buf *ret_text);

#endif
