#include "cli/lab_mig.h"

#define LEGACY "'" BSC_LAB_MIG_LEGACY "'"
#define NEW    "'" BSC_LAB_MIG_NEW "'"

/* Whom a fault may meet. */
#define SOMEBODY "pool = " LEGACY " AND sip LIKE 'sip:user%'"

/* Whoever goes is taken from the list first and from the pool then, and whoever comes the other
 * way round: a user who works here has a home at every moment. */
static const char *const vanish[] = {
    "INSERT INTO departed SELECT sip, pool FROM homes WHERE sip = (SELECT max(sip) FROM homes"
    " WHERE " SOMEBODY ")",
    "DELETE FROM users WHERE sip IN (SELECT sip FROM departed)",
    "DELETE FROM homes WHERE sip IN (SELECT sip FROM departed)", NULL};

/* A pool that is retired takes nobody back. */
static const char *const reappear[] = {
    "INSERT INTO homes SELECT d.sip, CASE p.state WHEN 'retired' THEN " NEW " ELSE d.pool END"
    " FROM departed d JOIN pools p ON p.name = d.pool"
    " WHERE NOT EXISTS (SELECT 1 FROM homes h WHERE h.sip = d.sip)",
    "INSERT INTO users SELECT sip FROM departed d"
    " WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.sip = d.sip)",
    "DELETE FROM departed", NULL};

#define NEWCOMER "'sip:newcomer@litware.example'"

static const char *const join[] = {"INSERT INTO homes VALUES (" NEWCOMER ", " LEGACY ")",
                                   "INSERT INTO users VALUES (" NEWCOMER ")", NULL};
static const char *const unjoin[] = {"DELETE FROM users WHERE sip = " NEWCOMER,
                                     "DELETE FROM homes WHERE sip = " NEWCOMER, NULL};

static const char *const choose_locked[] = {
    "INSERT INTO locked SELECT sip FROM homes WHERE " SOMEBODY " ORDER BY sip LIMIT 1", NULL};
static const char *const forget_locked[] = {"DELETE FROM locked", NULL};

static const char *const stop_service[] = {
    "UPDATE services SET state = 'stopped' WHERE pool = " NEW " AND name = 'im'", NULL};
static const char *const start_service[] = {
    "UPDATE services SET state = 'running' WHERE pool = " NEW " AND name = 'im'", NULL};
static const char *const stop_replication[] = {"UPDATE pools SET replicated = 0 WHERE name = " NEW,
                                               NULL};
static const char *const replicate[] = {"UPDATE pools SET replicated = 1 WHERE name = " NEW, NULL};
static const char *const close_route[] = {
    "UPDATE routes SET state = 'down' WHERE from_pool = " LEGACY " AND to_pool = " NEW, NULL};
static const char *const open_route[] = {
    "UPDATE routes SET state = 'up' WHERE from_pool = " LEGACY " AND to_pool = " NEW, NULL};

/* A directory that was taken down is needed for a repair. */
static bool tell(const struct bsc_lab *lab, const char *const *first, const char *const *second,
                 struct bsc_err *err)
{
    if (!lab->kind->directory->start(lab, err))
        return false;
    struct bsc_sql *sql = bsc_lab_mig_open(lab, err);
    bool ok = sql != NULL && bsc_lab_mig_run(lab, sql, first, err) &&
              (second == NULL || bsc_lab_mig_run(lab, sql, second, err));
    bsc_sql_close(sql);
    return ok;
}

static bool make(struct bsc_lab_moves *moves, const char *const *statements, struct bsc_err *err)
{
    return bsc_lab_note_mend(moves, err) && tell(moves->lab, statements, NULL, err);
}

static bool can_meet_somebody(const struct bsc_lab *lab, struct bsc_err *err)
{
    int64_t users = 0;
    struct bsc_sql *sql = lab->kind->directory->start(lab, err) ? bsc_lab_mig_open(lab, err) : NULL;
    bool ok = sql != NULL &&
              bsc_lab_sql_number(sql, "SELECT count(*) FROM homes WHERE " SOMEBODY, &users, err);
    bsc_sql_close(sql);
    if (!ok || users > 0)
        return ok;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "nobody is left in the legacy pool whom this could happen to");
    return bsc_lab_hint(err, "status", lab->folder, "shows who is where");
}

/* Tells whom it has met: the one name in a table. */
static bool tell_whom(const struct bsc_lab *lab, const char *statement, struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    struct bsc_sql *sql = bsc_lab_mig_open(lab, err);
    const struct bsc_value *rows =
        sql != NULL ? bsc_lab_sql_ask(sql, statement, NULL, &result, err) : NULL;
    const char *name = bsc_value_string(bsc_value_at(bsc_value_at(rows, 0), 0));
    bool ok = rows != NULL;
    if (ok)
        bsc_cli_say(lab->cli, "%s\n", name != NULL ? name : "nobody is left in the legacy pool");
    bsc_sql_result_release(&result);
    bsc_sql_close(sql);
    return ok;
}

static bool lock_user(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, choose_locked, err) &&
           tell(moves->lab, moves->lab->kind->directory->lock, NULL, err) &&
           tell_whom(moves->lab, "SELECT sip FROM locked", err);
}

static bool unlock_user(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, lab->kind->directory->unlock, forget_locked, err);
}

static bool lose_user(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, vanish, err) && tell_whom(moves->lab, "SELECT sip FROM departed", err);
}

static bool take_user_back(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, reappear, NULL, err);
}

static bool let_join(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, join, err);
}

static bool let_leave(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, unjoin, NULL, err);
}

static bool lose_service(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, stop_service, err) && bsc_lab_mig_clients_renew(moves->lab, err);
}

static bool mend_service(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, start_service, NULL, err) && bsc_lab_mig_clients_renew(lab, err);
}

static bool lose_replication(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, stop_replication, err);
}

static bool mend_replication(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, replicate, NULL, err);
}

static bool lose_route(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    return make(moves, close_route, err) && bsc_lab_mig_clients_renew(moves->lab, err);
}

static bool mend_route(const struct bsc_lab *lab, struct bsc_err *err)
{
    return tell(lab, open_route, NULL, err) && bsc_lab_mig_clients_renew(lab, err);
}

const struct bsc_lab_fault bsc_lab_mig_faults[] = {
    {"user-locked", lock_user, "the directory refuses to move this user", BSC_LAB_FAULT_ALONE,
     can_meet_somebody, unlock_user},
    {"user-vanished", lose_user, "this user has left the company", BSC_LAB_FAULT_ALONE,
     can_meet_somebody, take_user_back},
    {"user-joins", let_join, "sip:newcomer@litware.example has joined, in the legacy pool",
     BSC_LAB_FAULT_ALONE, NULL, let_leave},
    {"service-down", lose_service, "the service im of the new pool is stopped", BSC_LAB_FAULT_ALONE,
     NULL, mend_service},
    {"not-replicated", lose_replication, "the new pool does not have the newest configuration",
     BSC_LAB_FAULT_ALONE, NULL, mend_replication},
    {"route-down", lose_route, "nothing gets from the legacy pool to the new one",
     BSC_LAB_FAULT_ALONE, NULL, mend_route},
    {0},
};
