/*
 * What a rollback costs besides what it takes back, by the facts of the site as they are now.
 */
#ifndef BSC_RUN_CAVEATS_H
#define BSC_RUN_CAVEATS_H

#include "run/session.h"
#include "value/value.h"

/* Asks the items of a rollback (run/back.h), in their order, for the lines that the operator reads
 * before it begins; each line is told once. `facts` {id=facts} are those observed just now; others
 * are looked at. That something cannot be told is told: it keeps nobody from going back. All
 * arguments are borrowed; returns an owned list of texts. */
struct bsc_value *bsc_run_caveats(struct bsc_run_session *session, const struct bsc_value *items,
                                  const struct bsc_value *facts);

/* The note for the journal that they were shown: {kind, text, data}, owned; NULL without any. */
struct bsc_value *bsc_run_caveats_note(const struct bsc_value *caveats);

#endif
