/*
 * The command lines that a run is begun, gone on with and taken back by.
 */
#ifndef BSC_FAULT_GO_H
#define BSC_FAULT_GO_H

#include "fault.h"

void fault_go_run(struct fault_bench *bench, const struct fault_order *order);
void fault_go_resume(struct fault_bench *bench, const struct fault_order *order);
void fault_go_back(struct fault_bench *bench, const struct fault_order *order);

/* Whether the last run has left a journal that says anything. */
bool fault_go_has_begun(const struct fault_bench *bench);

#endif
