/*
 * A scenario: a small YAML or JSON file that says where a rehearsal begins.
 *
 *   facts: facts.json                          recorded facts; left out: the site is observed
 *   change:                                    laid over them
 *     log_backups:mgc.secondary: { share_readable: false }
 *   set: { database: mgc }                     parameters of the runbook
 *   faults: pairs                              how much goes wrong: none, single or pairs
 *
 * Each key may be left out. Mistakes are told with line and column.
 */
#ifndef BSC_RUN_SCENARIO_H
#define BSC_RUN_SCENARIO_H

#include <stdbool.h>

#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

struct bsc_run_scenario {
    const char *path;         /* borrowed: of the scenario itself */
    struct bsc_value *source; /* owned: the file as it is written, with places */
    char *facts;              /* owned: where the recorded facts are; NULL: nowhere */
    const char *faults;       /* borrowed from source; NULL when it does not say */
    struct bsc_value *set;    /* owned: {name=text} */
};

/* Reads the file and sees that it is of this form; release *ret in any case. `path` is borrowed. */
bool bsc_run_scenario_read(const struct bsc_sys *sys, const char *path,
                           struct bsc_run_scenario *ret, struct bsc_err *err);
void bsc_run_scenario_release(struct bsc_run_scenario *scenario);

/* Sees that the session's runbook, which may have errors, has the parameters that are set. */
bool bsc_run_scenario_suits(const struct bsc_run_scenario *scenario,
                            const struct bsc_run_session *session, struct bsc_err *err);

/* Lays the scenario's facts over facts ({id=facts}) of the session's site, which stay as they are
 * on failure. Returns the ids of the resources laid over that the runbook does not speak of, owned;
 * NULL when a resource is not known or a fact is against the schema. */
struct bsc_value *bsc_run_scenario_lay(const struct bsc_run_scenario *scenario,
                                       struct bsc_run_session *session, struct bsc_value *facts,
                                       struct bsc_err *err);

/* Puts the blame for recorded facts that cannot be had on the line that names them. False. */
bool bsc_run_scenario_blame(const struct bsc_run_scenario *scenario, struct bsc_err *err);

/* How many faults a word stands for; false for a word that is none of the three. */
bool bsc_run_scenario_faults(const char *word, unsigned *ret);

#endif
