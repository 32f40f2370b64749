/*
 * What a guard is made of. Private to the room.
 */
#ifndef BSC_LOGS_GUARD_INT_H
#define BSC_LOGS_GUARD_INT_H

#include "logs/backup.h"
#include "logs/primary_int.h"

struct bsc_logs_guard {
    struct bsc_logs_primary primary;
};

#endif
