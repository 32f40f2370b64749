/*
 * Ending a mirror.
 */
#ifndef BSC_MIRRORS_REMOVE_H
#define BSC_MIRRORS_REMOVE_H

#include <stdbool.h>

#include "base/err.h"
#include "mirrors/engine.h"
#include "os/sys.h"

/* Ends the mirror's agent and renames the mirror aside with everything that belongs to it. One that
 * is not there is fine. CONFLICT naming the processes when others use it. */
bool bsc_mirrors_remove(const struct bsc_sys *sys, const struct bsc_mirrors_engine *engine,
                        const char *mirror, struct bsc_err *err);

#endif
