/*
 * Whether log files can be put straight into a standby's own pg_wal. Private to the files of this
 * room.
 *
 * A standby fetches each log file by its restore_command, a copy of a copy; one that lies in its
 * pg_wal it replays as it is. That folder is nobody else's business, so it has to be proved that it
 * belongs to the very server that answers.
 */
#ifndef BSC_LIB_WAL_WAY_INT_H
#define BSC_LIB_WAL_WAY_INT_H

#include "lib/standby_int.h"

struct bsc_lib_wal_way {
    char *folder; /* owned: pg_wal */
    char *marks;  /* owned: where it notes what it need not archive */
    char *mark;   /* owned: what ends the name of such a note */
    char *why;    /* owned: why there is no such way; NULL where there is */
};

/* Looks whether the data folder is the one that the standby works in, and whether there is room for
 * twice the bytes: a server whose pg_wal is full goes down. */
void bsc_lib_wal_way_find(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                          const char *data, int64_t bytes, struct bsc_lib_wal_way *ret);

void bsc_lib_wal_way_release(struct bsc_lib_wal_way *way);

#endif
