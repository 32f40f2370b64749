/*
 * One change on the real site, from intent to verdict.
 *
 *   planned? → intent (durable) → the row → outcome (durable) → observe → compare → verdict
 *
 * What a row reports is never taken for the truth: the verdict rests on what is observed
 * afterwards. A row that failed although its facts came true is `changed`; one that succeeded
 * although they did not is `diverged`.
 */
#ifndef BSC_RUN_CHANGE_H
#define BSC_RUN_CHANGE_H

#include <stdint.h>

#include "run/hands.h"
#include "run/live.h"
#include "run/record.h"
#include "value/value.h"

/* Carries out the `change` effect (borrowed until `done`). `change_count` (borrowed as long) counts
 * the changes that were begun. `done` takes the answer to the effect, {outcome, reason, error,
 * result, facts, others = {id=facts} as seen with them}; NULL means that the run cannot go on
 * (`err`, borrowed). */
void bsc_run_change(const struct bsc_run_live_options *with, const struct bsc_value *effect,
                    struct bsc_run_place at, int64_t *change_count, bsc_run_done done, void *arg);

#endif
