/*
 * What an effect must have before any world answers it.
 */
#ifndef BSC_RUN_EFFECT_H
#define BSC_RUN_EFFECT_H

#include "base/err.h"
#include "lib/row.h"
#include "value/value.h"

/* The WRITE row of a `change` effect; NULL (BSC_ERR_SCRIPT) when the effect names none or lacks its
 * resource, statement or arguments, so that it could neither be shown, recorded nor performed. */
const struct bsc_lib_row *bsc_run_effect_row(const struct bsc_value *effect, struct bsc_err *err);

/* The ids of what a change is about, its own first, and of all that it foretells something of, each
 * once: what is looked at to tell whether it was made. Returns an owned list. */
struct bsc_value *bsc_run_effect_resources(const struct bsc_value *effect);

/* What the row of a change is given, of an effect or of its intent: its arguments, and those that
 * bind it to what was looked at. Returns an owned map. */
struct bsc_value *bsc_run_effect_args(const struct bsc_value *effect);

/* What a change does, without what is expected of it: two changes with the same essence are the
 * same one. Returns owned. */
struct bsc_value *bsc_run_effect_essence(const struct bsc_value *effect);

#endif
