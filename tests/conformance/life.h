/*
 * The past of the database that the cases are about: its primary lives, takes log backups and has
 * a secondary; each moment worth beginning at is kept in memory.
 */
#ifndef BSC_CONFORM_LIFE_H
#define BSC_CONFORM_LIFE_H

#include "conform.h"

struct conform_life;

/* Lives in bench->site. Returns owned. */
struct conform_life *conform_life_new(const struct conform_bench *bench);
void conform_life_free(struct conform_life *life);

/* The site after `backups` log backups (0 to 5, or 70), none of them copied or applied, with
 * commits after the last one or without. Borrowed. */
const struct fault_tree *conform_life_at(struct conform_life *life, unsigned backups, bool tail);

#endif
