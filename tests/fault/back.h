/*
 * What a rollback has left, and whether that may be so.
 */
#ifndef BSC_FAULT_BACK_H
#define BSC_FAULT_BACK_H

#include "fault.h"

/* After the last run was taken back from the state of the order: what was undone is as it was
 * before the run, and nothing was undone twice. One that is past its point of no return was
 * refused, and nothing was touched. */
void fault_back_judge(struct fault_bench *bench, const struct fault_order *order);

#endif
