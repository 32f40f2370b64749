/*
 * Other processes that have files of the site open.
 */
#ifndef BSC_CONFORM_HOLD_H
#define BSC_CONFORM_HOLD_H

#include "conform.h"

/* Starts a process that has the file open when this returns; with `sql` through SQLite, having
 * performed that. It ends with us at the latest. */
void conform_hold(const struct conform_scene *scene, const char *name, const char *sql);

void conform_holders_end(struct conform_holders *holders);

/* Ends the agents that keep mirrors of the site up to date, and takes leave of every process that
 * was left to us. */
void conform_agents_end(const struct conform_bench *bench);

#endif
