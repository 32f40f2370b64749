/*
 * A client of the pool, for courses that begin with a copy that is online.
 *
 * It commits forty messages once the copy that is to take over is there, and forty once the pool
 * has been closed: it was let in before. After each commit it notes in the loss check's ledger
 * what it was told of. It is quick, so that what a run finds is the same each time: it commits
 * when the run has next written to its journal.
 */
#ifndef BSC_FAULT_CLIENT_H
#define BSC_FAULT_CLIENT_H

#include "fault.h"

struct fault_client;

/* For the process of an attempt. */
struct fault_client *fault_client_new(const struct fault_bench *bench);
void fault_client_free(struct fault_client *client);

/* A call that has succeeded. */
void fault_client_look(struct fault_client *client, const struct unit_sys_call *call);

/* How many of its commits it was told of. */
size_t fault_client_told(const struct fault_bench *bench);

/* Fills bench->messages. */
void fault_client_begin(struct fault_bench *bench);
void fault_client_end(struct fault_bench *bench);

#endif
