/*
 * Watches a command line and keeps each state of the disk in which it could be stopped.
 *
 * It looks before and after every call of the table of system calls, and around every ODBC call
 * that can change something. What other calls leave on the disk is what was there before them.
 */
#ifndef BSC_FAULT_WATCH_H
#define BSC_FAULT_WATCH_H

#include "disk.h"
#include "fault.h"

struct fault_watch;

/* For the process of an attempt, whose site is as `order` has it. */
struct fault_watch *fault_watch_new(const struct fault_bench *bench,
                                    const struct fault_order *order);
void fault_watch_free(struct fault_watch *watch);

/* Any thread may say so. */
void fault_watch_before(struct fault_watch *watch, enum unit_sys_kind kind);
void fault_watch_after(struct fault_watch *watch, const struct unit_sys_call *call);
void fault_watch_sql(struct fault_watch *watch, const char *name);

#endif
