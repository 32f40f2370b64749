#include "base/mem.h"
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

/* Without its mirror the primary answers, and confirms nothing any more. A writer who waits for
 * that could not be ended in good order. */
static bool lose_mirror(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_staff_dismiss(moves->lab, "writer", err) &&
           bsc_lab_pg_server_crash(moves->lab, BSC_LAB_PG_MIRROR, err) &&
           bsc_lab_move(moves, BSC_LAB_PG_MIRROR, BSC_LAB_LOST "/dc1-sql2", err);
}

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

/* Of a secondary that was brought online there is no replay to be paused, and its own log files are
 * of the very timeline that the old mirror would begin elsewhere: the share would have to take
 * both.
 */
static bool has_standby(const struct bsc_lab *lab, struct bsc_err *err)
{
    bool over = false;
    if (!failed_over(lab, &over, err))
        return false;
    return !over || bsc_err_set(err, BSC_ERR_REFUSED,
                                "sql3 has been brought online: only before that can this go wrong");
}

/* A standby that was killed or brought online has forgotten that it was paused. */
static bool tell_standby(const struct bsc_lab *lab, const char *statement, struct bsc_err *err)
{
    const char *const statements[] = {statement, NULL};
    int64_t restoring = 0;
    struct bsc_sql *sql = bsc_lab_pg_open(lab, BSC_LAB_PG_SECONDARY, "mgc", err);
    bool ok = sql != NULL &&
              bsc_lab_sql_number(sql, "SELECT pg_is_in_recovery()::int", &restoring, err) &&
              (restoring == 0 || bsc_lab_sql_run(sql, statements, err));
    bsc_sql_close(sql);
    return ok;
}

static bool pause_standby(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_note_mend(moves, err) &&
           tell_standby(moves->lab, "SELECT pg_wal_replay_pause()", err);
}

static bool resume_standby(const struct bsc_lab *lab, struct bsc_err *err)
{
    return !bsc_lab_pg_server_alive(lab, BSC_LAB_PG_SECONDARY) ||
           tell_standby(lab, "SELECT pg_wal_replay_resume()", err);
}

static bool slow_share(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_note_mend(moves, err) &&
           bsc_lab_staff_hire(moves->lab, BSC_LAB_PG_SLOW_SHARE, err);
}

static bool quicken_share(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_dismiss(lab, BSC_LAB_PG_SLOW_SHARE, err);
}

static bool kill_secondary(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_note_mend(moves, err) &&
           bsc_lab_pg_server_crash(moves->lab, BSC_LAB_PG_SECONDARY, err);
}

static bool start_secondary(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_pg_programs programs = {0};
    bool ok = bsc_lab_pg_server_alive(lab, BSC_LAB_PG_SECONDARY) ||
              (bsc_lab_pg_programs_find(lab, &programs, err) &&
               bsc_lab_pg_server_start(lab, &programs, BSC_LAB_PG_SECONDARY, NULL, err) &&
               bsc_lab_pg_server_await(lab, BSC_LAB_PG_SECONDARY, err));
    bsc_lab_pg_programs_release(&programs);
    return ok;
}

static bool lose_haproxy(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return bsc_lab_note_mend(moves, err) && bsc_lab_staff_dismiss(moves->lab, "haproxy", err);
}

static bool start_haproxy(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_pg_programs programs = {0};
    bool ok =
        bsc_lab_staff_alive(lab, "haproxy") || (bsc_lab_pg_programs_find(lab, &programs, err) &&
                                                bsc_lab_pg_haproxy_start(lab, &programs, err));
    bsc_lab_pg_programs_release(&programs);
    return ok;
}

/* The first is what the others are added to. */
static const struct bsc_lab_fault faults[] = {
    {"primary-site", lose_site, "Atlanta (dc1) is gone: primary, mirror and front ends",
     BSC_LAB_FAULT_LOSS, NULL, NULL},
    {"primary-server", lose_server,
     "Atlanta (dc1) is gone, but sql1's disk was rescued and can be read in rescued/sql1",
     BSC_LAB_FAULT_LOSS, NULL, NULL},
    {"primary-alive", lose_mirror,
     "sql2 is gone, and sql1 confirms nothing to clients any more, but it answers",
     BSC_LAB_FAULT_LOSS, NULL, NULL},
    {"gap", bsc_lab_pg_lose_log, "a log file is missing on the share", BSC_LAB_FAULT_ADDED, NULL,
     NULL},
    {"damaged-backup", bsc_lab_pg_damage_log, "a log file on the share is damaged",
     BSC_LAB_FAULT_ADDED, NULL, NULL},
    {"foreign-fork", bsc_lab_pg_mix_timelines,
     "the old mirror was brought online elsewhere, and its log files go to the share",
     BSC_LAB_FAULT_ADDED, has_standby, NULL},
    {"standby-paused", pause_standby, "replay is paused on sql3", BSC_LAB_FAULT_ADDED, has_standby,
     resume_standby},
    {"slow-share", slow_share, "each log file on the share takes 300 ms to be opened",
     BSC_LAB_FAULT_ADDED, bsc_lab_pg_share_can_be_slow, quicken_share},
    {"disk-full", bsc_lab_pg_disk_fill, "the disk of dc2/sql3/copied is full", BSC_LAB_FAULT_ADDED,
     bsc_lab_pg_disk_can_fill, bsc_lab_pg_disk_free},
    {"secondary-down", kill_secondary, "all processes of sql3 were killed", BSC_LAB_FAULT_ALONE,
     NULL, start_secondary},
    {"haproxy-down", lose_haproxy,
     "HAProxy is down: clients reach no database, and all of them run", BSC_LAB_FAULT_ALONE, NULL,
     start_haproxy},
    {0},
};

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
    .scenario = BSC_LAB_FAILOVER,
    .platform = "postgresql",
    .mark = "postgresql",
    .faults = faults,
    .make = bsc_lab_pg_new,
    .work = bsc_lab_pg_work,
    .failed_over = failed_over,
    .fence = bsc_lab_pg_fence,
    .restart = restart,
    .end = bsc_lab_pg_end,
    .gather = bsc_lab_pg_gather,
    .show = bsc_lab_copies_show,
};
