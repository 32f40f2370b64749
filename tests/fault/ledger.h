/*
 * Three ledgers of one run: what was planned, what the journal says was made, and what the site
 * itself shows or has written down of it.
 */
#ifndef BSC_FAULT_LEDGER_H
#define BSC_FAULT_LEDGER_H

#include "fault.h"

/* After the last run has ended: all three tell of the same changes, each made once. What is
 * declared repeatable may have been made more often, and what was found to have happened by itself
 * less often. */
void fault_ledger_judge(struct fault_bench *bench, const struct fault_order *order);

#endif
