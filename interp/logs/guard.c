#include "logs/guard_int.h"

#include "base/mem.h"

struct bsc_logs_guard *bsc_logs_guard_open(const struct bsc_sys *sys, const char *db,
                                           struct bsc_err *err)
{
    struct bsc_logs_guard *guard = bsc_mem_new(1, sizeof *guard);
    if (bsc_logs_primary_open(&guard->primary, sys, db, false, err) &&
        bsc_logs_primary_pin(&guard->primary, err))
        return guard;
    bsc_logs_guard_close(guard);
    return NULL;
}

void bsc_logs_guard_close(struct bsc_logs_guard *guard)
{
    if (guard == NULL)
        return;
    bsc_logs_primary_close(&guard->primary);
    bsc_mem_free(guard);
}
