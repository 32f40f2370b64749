/*
 * When two states of a disk are taken for the same.
 *
 * A run can be stopped at thousands of points, gone on with, and stopped again, and most of what is
 * left then differs in nothing that anybody who goes on could notice: in times and durations,
 * process ids and hashes, in salts that the database engine draws, in how many processes had the
 * run in hand, in how an item that has ended came to its end, in what was seen of one that has not
 * before it was taken up again, in changes that were found not to have been made, and in leases, of
 * which the run had all. Two states that differ in nothing else are alike, and one of them is
 * tried.
 *
 * That the last five make no difference is what these tests take for granted beyond what they try.
 */
#ifndef BSC_FAULT_LIKENESS_H
#define BSC_FAULT_LIKENESS_H

#include "store.h"

void fault_likeness_find(struct fault_state *state);

#endif
