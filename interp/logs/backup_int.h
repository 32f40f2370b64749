/*
 * Taking a log backup inside a round that somebody else has begun. Private to the room.
 */
#ifndef BSC_LOGS_BACKUP_INT_H
#define BSC_LOGS_BACKUP_INT_H

#include "logs/backup.h"
#include "logs/primary_int.h"

/* As bsc_logs_backup_take, with the primary locked; order->guard does not matter. Takes the pin
 * away. */
bool bsc_logs_backup_take_locked(const struct bsc_logs_backup_order *order,
                                 struct bsc_logs_primary *primary, struct bsc_logs_backup *ret,
                                 struct bsc_err *err);

#endif
