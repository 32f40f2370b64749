/*
 * A run stopped at every point, gone on with, stopped again at every point of that, and so on.
 */
#ifndef BSC_FAULT_CRASH_H
#define BSC_FAULT_CRASH_H

#include "fault.h"

struct fault_crash_plan {
    const char *name;
    bool on;                   /* each stopped run is gone on with */
    unsigned long back;        /* every how many-th is taken back; 0: none */
    bool again;                /* what that passes through is tried too */
    unsigned long part, parts; /* of the first stops: the part with this number, from 0 */
};

/* Tries each state that the course can be stopped in, by the end of the process or of the power;
 * and again, of the resumes and of every eighth rollback, each state that those can be stopped in.
 * A bench that is thorough tries every second stop, and third ones, until there are no more. The
 * bench has been prepared. */
void fault_crash_run(struct fault_bench *bench, const struct fault_crash_plan *plan);

#endif
