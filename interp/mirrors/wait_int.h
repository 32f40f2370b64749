/*
 * Looking again and again at how far a copy has come. Private to the room.
 */
#ifndef BSC_MIRRORS_WAIT_INT_H
#define BSC_MIRRORS_WAIT_INT_H

#include <stdint.h>

#include "mirrors/engine.h"

/* Milliseconds since some fixed point. */
int64_t bsc_mirrors_now_ms(void);
/* Waits a few milliseconds. */
void bsc_mirrors_pause(void);

/* The LSN of a copy, -1 while it is not known. */
int64_t bsc_mirrors_lsn_of(const struct bsc_mirrors_engine *engine, const char *path);

#endif
