/*
 * Copying from a transaction that is pinned already. Private to the room.
 */
#ifndef BSC_LOGS_CLONE_INT_H
#define BSC_LOGS_CLONE_INT_H

#include "logs/clone.h"
#include "logs/primary_int.h"

/* Copies what `from`'s pinned transaction sees into order->to and makes the content durable. */
bool bsc_logs_clone_pinned(const struct bsc_logs_clone_order *order, struct bsc_logs_primary *from,
                           uint32_t page_size, int64_t *ret_bytes, struct bsc_err *err);

#endif
