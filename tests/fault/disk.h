/*
 * The disk under a running command line: what is on it for good, and what a loss of power would
 * take.
 *
 * A file's bytes are there for good once the file was synced, a name once its folder was. Names are
 * made, moved and removed for good in the order in which that was asked for, as file systems with a
 * log of their names do. All of this is known from the calls of the table. What changes without a
 * call is the work of the database engine or of a mirror's agent: the engine syncs by itself, and
 * that it does so rightly is taken for granted here.
 */
#ifndef BSC_FAULT_DISK_H
#define BSC_FAULT_DISK_H

#include "../unit/fault_sys.h"
#include "store.h"

struct fault_disk;

/* Takes all that is in the folder now for being there for good; the store is borrowed. */
struct fault_disk *fault_disk_new(const char *folder, struct fault_store *store);
void fault_disk_free(struct fault_disk *disk);

/* A call that has succeeded; takes in what it has changed. */
void fault_disk_note(struct fault_disk *disk, const struct unit_sys_call *call);

/* Looks what the folder holds; whether that is other than what is known, which it is only by what
 * was done without a call. */
bool fault_disk_look(struct fault_disk *disk);

/* What could be left if everything stopped now: hands out the state as it is, then, where anything
 * could be lost, the state with all of that lost and, with `parts`, those with parts of it. The
 * entries are borrowed for the call. */
void fault_disk_states(struct fault_disk *disk, bool parts,
                       void (*seen)(void *arg, struct fault_state *state), void *arg);

#endif
