/*
 * A run stopped at every point, gone on with, stopped again at every point of that, and so on.
 */
#ifndef BSC_FAULT_CRASH_H
#define BSC_FAULT_CRASH_H

#include "fault.h"

/* Where a stopped run is led. */
enum fault_way { FAULT_WAY_ON, FAULT_WAY_BACK };

/* Tries each state that the failover can be stopped in, by the end of the process or of the power,
 * and each that the resume or the rollback of such a one can be stopped in; of those of the first
 * stop the part with the number `part`, from 0, of `parts`. A bench that is thorough tries those of
 * a third stop too, and so on until there are no more. The bench has been prepared. */
void fault_crash_run(struct fault_bench *bench, enum fault_way way, unsigned long part,
                     unsigned long parts);

#endif
