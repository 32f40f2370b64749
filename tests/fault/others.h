/*
 * Whoever else is at work on the site: a program that has a copy open, and the agents of mirrors.
 */
#ifndef BSC_FAULT_OTHERS_H
#define BSC_FAULT_OTHERS_H

#include <stdbool.h>

#include "fault.h"

/* A program that has a copy open, if the course begins with one; the run ends it. */
void fault_session_begin(struct fault_bench *bench);
void fault_session_end(struct fault_bench *bench);

/* The agents of mirrors, one bit each. */
enum fault_agent { FAULT_BOSTON = 1, FAULT_ATLANTA = 2 };

/* Each holds its principal's log afterwards, or has ended. */
void fault_agents_begin(const struct fault_bench *bench, unsigned agents);
/* Ends the agents that an attempt may have left. */
void fault_agents_end(const struct fault_bench *bench);

/* Those that are alive, all of which are children of the process `parent`. */
unsigned fault_agents_of(int parent);
/* Those of `agents` that are written down in files of the state. */
unsigned fault_agents_written(const struct fault_state *state, unsigned agents);

#endif
