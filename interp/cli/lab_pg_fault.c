#include "cli/lab_pg.h"

/* Both servers lose their power; HAProxy stands at the clients' and finds nobody. */
static bool lose_site(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_pg_server_crash(moves->lab, BSC_LAB_PG_PRIMARY, err) &&
           bsc_lab_pg_server_crash(moves->lab, BSC_LAB_PG_MIRROR, err) &&
           bsc_lab_move(moves, "dc1", BSC_LAB_LOST "/dc1", err);
}

static bool lose_server(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return lose_site(moves, err) &&
           bsc_lab_move(moves, BSC_LAB_LOST "/dc1/sql1", "rescued/sql1", err);
}

static bool lose_haproxy(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_staff_dismiss(moves->lab, "haproxy", err);
}

static const struct bsc_lab_fault faults[] = {
    {"primary-site", lose_site, "Atlanta (dc1) is gone: primary, mirror and front ends"},
    {"primary-server", lose_server,
     "Atlanta (dc1) is gone, but sql1's disk was rescued and can be read in rescued/sql1"},
    {"haproxy-down", lose_haproxy,
     "HAProxy is down: clients reach no database, and all of them run"},
    {0},
};

/* A secondary that takes no log files any more has been brought online. */
static bool failed_over(const struct bsc_lab *lab, bool *ret, struct bsc_err *err)
{
    int64_t restoring = 1;
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_sql *sql = bsc_lab_pg_open(lab, BSC_LAB_PG_SECONDARY, "mgc", &reason);
    bool ok =
        sql == NULL || bsc_lab_sql_number(sql, "SELECT pg_is_in_recovery()::int", &restoring, err);
    bsc_sql_close(sql);
    *ret = restoring == 0;
    return ok;
}

/* In this order: a mirror that does not find its principal at once waits for seconds. */
static bool restart(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const servers[] = {BSC_LAB_PG_PRIMARY, BSC_LAB_PG_MIRROR,
                                          BSC_LAB_PG_SECONDARY};
    enum { COUNT = sizeof servers / sizeof servers[0] };
    struct bsc_lab_pg_programs programs = {0};
    bool over = false;
    bool ok = bsc_lab_pg_programs_find(lab, &programs, err);
    for (size_t i = 0; ok && i < COUNT; i++) {
        if (!bsc_lab_pg_server_alive(lab, servers[i]))
            ok = bsc_lab_pg_server_start(lab, &programs, servers[i], NULL, err) &&
                 bsc_lab_pg_server_await(lab, servers[i], err);
    }
    ok = ok && failed_over(lab, &over, err) &&
         (over ? bsc_lab_pg_staff_return(lab, &programs, err)
               : bsc_lab_pg_staff_start(lab, &programs, err));
    bsc_lab_pg_programs_release(&programs);
    return ok;
}

const struct bsc_lab_kind bsc_lab_postgresql = {
    .platform = "postgresql",
    .faults = faults,
    .make = bsc_lab_pg_new,
    .work = bsc_lab_pg_work,
    .failed_over = failed_over,
    .fence = bsc_lab_pg_fence,
    .restart = restart,
    .end = bsc_lab_pg_end,
    .gather = bsc_lab_pg_gather,
};
