/*
 * A user directory beside nothing else: the scene of the courses that move users.
 */
#ifndef BSC_FAULT_DIRECTORY_H
#define BSC_FAULT_DIRECTORY_H

#include "course.h"

#define FAULT_DIRECTORY "hq/directory.db"

/* What fault_directory_scene finds once everybody is moved, and when they were moved back. */
#define FAULT_DIRECTORY_MOVED "0 users and 0 others in the legacy pool, which is retired"
#define FAULT_DIRECTORY_BACK  "520 users and 5 others in the legacy pool, which is deployed"

/* More users than one batch, nearly all of them in the legacy pool. It keeps what each entry was in
 * the beginning, and a list of all changes. */
extern const struct fault_scene fault_directory_scene;

/* Everybody is in the new pool from here on. */
void fault_directory_move_all(struct fault_bench *bench);

#endif
