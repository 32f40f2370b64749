/*
 * A run stopped at every point, gone on with, stopped again at every point of that, and so on.
 */
#ifndef BSC_FAULT_CRASH_H
#define BSC_FAULT_CRASH_H

#include "fault.h"

/* Where a stopped run is led. */
enum fault_way { FAULT_WAY_ON, FAULT_WAY_BACK };

/* Tries each state that the failover can be stopped in, by the end of the process or of the power,
 * and of the resumes or rollbacks of every eighth of these each state that those can be stopped in;
 * of the first stops the part with the number `part`, from 0, of `parts`. A bench that is thorough
 * tries every second stop, and third ones, until there are no more. The bench has been prepared. */
void fault_crash_run(struct fault_bench *bench, enum fault_way way, unsigned long part,
                     unsigned long parts);

#endif
