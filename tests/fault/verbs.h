/*
 * The verbs that only look, with every call failing once.
 */
#ifndef BSC_FAULT_VERBS_H
#define BSC_FAULT_VERBS_H

#include "fault.h"

/* Each verb in turn; every `stride`-th call. The bench has been prepared: its last run was the
 * undisturbed failover. */
void fault_verbs_run(struct fault_bench *bench, unsigned long stride);

#endif
