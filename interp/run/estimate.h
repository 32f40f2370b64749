/*
 * How long a live run will still take, where that can be told honestly: by an earlier run that did
 * the same. May include every room to its left.
 */
#ifndef BSC_RUN_ESTIMATE_H
#define BSC_RUN_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/folder.h"
#include "os/sys.h"
#include "run/standing.h"

/*
 * The time that the remaining items took in the newest earlier run that can be compared: it was
 * done in one go, with the same runbook, site file and parameters; the items that have ended now
 * ended as they did then; and the plan foretells for the others what they became then. The time
 * that a question waited for its answer does not count.
 *
 * False when there is no such run, while a question waits, and once the item under way has taken
 * longer than it did then. *ret_like is the other run's id, owned.
 */
bool bsc_run_estimate(const struct bsc_sys *sys, const struct bsc_journal_folder *folder,
                      const struct bsc_run_standing *standing, int64_t now_ms, int64_t *ret_left_ms,
                      char **ret_like);

#endif
