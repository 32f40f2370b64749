/*
 * What the fault explorer foretells for a run that is killed, against what is there when the real
 * program is killed.
 */
#ifndef BSC_FAULT_PREDICT_H
#define BSC_FAULT_PREDICT_H

#include "fault.h"

/* Kills the failover before every `stride`-th call that changes something. */
void fault_predict_run(struct fault_bench *bench, const unsigned char *kinds, unsigned long calls,
                       unsigned long changing, unsigned long stride);

#endif
