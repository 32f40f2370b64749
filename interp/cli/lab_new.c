#include "cli/lab.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "lib/env.h"
#include "lib/row.h"
#include "logs/agent.h"
#include "logs/backup.h"
#include "logs/shipping.h"
#include "os/files.h"
#include "os/process.h"

enum {
    APPLIED_ROUNDS = 4,
    SHARED_ROUNDS = 6,
    COMMITS_PER_ROUND = 5,
    MESSAGES_PER_COMMIT = 30,
    MESSAGES_UNSHIPPED = 37,
    JOB_INTERVAL_MS = 900000
};

/* The first messages are made by one statement: 100,000 lines of talk in 40 rooms. */
static const char *const chat_schema[] = {
    "PRAGMA journal_mode=WAL",
    "PRAGMA wal_autocheckpoint=0",
    "CREATE TABLE tblRoom (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    "CREATE TABLE tblPrincipal (id INTEGER PRIMARY KEY, sip TEXT NOT NULL UNIQUE)",
    "CREATE TABLE tblChatMessage (id INTEGER PRIMARY KEY, room INTEGER NOT NULL REFERENCES tblRoom,"
    " author INTEGER NOT NULL REFERENCES tblPrincipal, sent TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX ixChatMessageRoom ON tblChatMessage (room, sent)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 40)"
    " INSERT INTO tblRoom SELECT i, 'room-' || i FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500)"
    " INSERT INTO tblPrincipal SELECT i, 'sip:user' || i || '@litware.example' FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000)"
    " INSERT INTO tblChatMessage SELECT i, 1 + i * 7 % 40, 1 + i * 13 % 500,"
    " strftime('%Y-%m-%dT%H:%M:%SZ', 1780000000 + i * 9, 'unixepoch'),"
    " 'Line ' || i || ' about ' || substr('the release, lunch, the on-call rota, a customer',"
    " 1 + i % 30, 18) FROM n",
    NULL};

static const char *const compliance_schema[] = {
    "CREATE TABLE tblComplianceData (entryID INTEGER PRIMARY KEY, eventType INTEGER NOT NULL,"
    " body TEXT NOT NULL)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 312)"
    " INSERT INTO tblComplianceData SELECT i, i % 5, 'not exported yet' FROM n",
    NULL};

static const char *const pool_schema[] = {
    "CREATE TABLE pool (name TEXT PRIMARY KEY, state TEXT NOT NULL, active_servers TEXT NOT NULL,"
    " version INTEGER NOT NULL)",
    "INSERT INTO pool VALUES ('chat', 'Normal', 'chat1,chat2', 1)", NULL};

static const char *const ledger_schema[] = {
    "PRAGMA journal_mode=WAL", "CREATE TABLE acknowledged (id INTEGER PRIMARY KEY)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000)"
    " INSERT INTO acknowledged SELECT i FROM n",
    NULL};

bool bsc_lab_database_make(const struct bsc_lab *lab, const char *name,
                           const char *const *statements, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_sql_open(lab, name, true, err);
    bool ok = sql != NULL && bsc_lab_sql_run(sql, statements, err);
    bsc_sql_close(sql);
    return ok;
}

bool bsc_lab_folders_make(const struct bsc_lab *lab, const char *const *folders,
                          struct bsc_err *err)
{
    for (; *folders != NULL; folders++) {
        char *path = bsc_lab_path(lab, *folders);
        bool ok = bsc_files_make_folder(lab->cli->sys, path, 0700, err);
        bsc_mem_free(path);
        if (!ok)
            return false;
    }
    char *mark = bsc_lab_path(lab, BSC_LAB_MARK);
    char *text = bsc_mem_format("%s\n", lab->kind->mark);
    bool ok = bsc_files_write(lab->cli->sys, mark, text, strlen(text), 0600, err);
    bsc_mem_free(text);
    bsc_mem_free(mark);
    return ok;
}

bool bsc_lab_ledger_make(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_database_make(lab, BSC_LAB_LEDGER, ledger_schema, err);
}

static bool make_databases(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_database_make(lab, BSC_LAB_PRIMARY, chat_schema, err) &&
           bsc_lab_database_make(lab, BSC_LAB_COMPLIANCE, compliance_schema, err) &&
           bsc_lab_database_make(lab, BSC_LAB_POOL, pool_schema, err) &&
           bsc_lab_ledger_make(lab, err);
}

bool bsc_lab_seed(const struct bsc_lab *lab, const char *copy, struct bsc_err *err)
{
    char *from = bsc_lab_path(lab, BSC_LAB_PRIMARY);
    char *to = bsc_lab_path(lab, copy);
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    int64_t lsn = 0;
    int64_t bytes = 0;
    struct bsc_logs_seed_order order = {.sys = lab->cli->sys,
                                        .clock = lab->cli->clock,
                                        .db = from,
                                        .share = share,
                                        .name = "mgc",
                                        .copy = to};
    bool ok = bsc_logs_seed(&order, &lsn, &bytes, err);
    bsc_mem_free(from);
    bsc_mem_free(to);
    bsc_mem_free(share);
    return ok;
}

bool bsc_lab_mirror(const struct bsc_lab *lab, const char *row, const char *principal,
                    const char *mirror, struct bsc_err *err)
{
    struct bsc_lib_env env = {0};
    struct bsc_value *args = bsc_value_map();
    struct bsc_value *result = NULL;
    char *from = bsc_lab_path(lab, principal);
    char *to = bsc_lab_path(lab, mirror);
    char *own = bsc_process_own_path(err);
    atomic_bool cancel = false;
    bsc_value_set_text(args, "principal", from);
    bsc_value_set_text(args, "mirror", to);
    bsc_lib_env_init(&env, NULL, lab->cli->redactor, own);
    env.sys = lab->cli->sys;
    struct bsc_lib_call call = {.env = &env, .args = args, .cancel = &cancel};
    bool ok = own != NULL && bsc_lib_find(row)->run(&call, &result, err);
    bsc_lib_env_release(&env);
    bsc_value_free(args);
    bsc_value_free(result);
    bsc_mem_free(from);
    bsc_mem_free(to);
    bsc_mem_free(own);
    return ok;
}

static bool begin_shipping(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *copy = bsc_lab_path(lab, BSC_LAB_SECONDARY);
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    char *copied = bsc_lab_path(lab, BSC_LAB_COPIED);
    struct bsc_logs_job job = {share, copied, JOB_INTERVAL_MS};
    bool ok =
        bsc_lab_seed(lab, BSC_LAB_SECONDARY, err) && bsc_logs_ship(lab->cli->sys, copy, &job, err);
    bsc_mem_free(copy);
    bsc_mem_free(share);
    bsc_mem_free(copied);
    return ok;
}

static bool take_backup(const struct bsc_lab *lab, struct bsc_logs_guard *guard,
                        struct bsc_err *err)
{
    char *db = bsc_lab_path(lab, BSC_LAB_PRIMARY);
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = lab->cli->sys,
                                          .clock = lab->cli->clock,
                                          .db = db,
                                          .share = share,
                                          .name = "mgc",
                                          .guard = guard};
    bool ok = bsc_logs_backup_take(&order, &backup, err);
    bsc_logs_backup_release(&backup);
    bsc_mem_free(db);
    bsc_mem_free(share);
    return ok;
}

struct history {
    const struct bsc_lab *lab;
    struct bsc_logs_guard *guard;
    struct bsc_sql *primary;
    struct bsc_sql *ledger;
};

static bool add_rounds(const struct history *h, int rounds, struct bsc_err *err)
{
    for (int i = 0; i < rounds * COMMITS_PER_ROUND; i++) {
        if (!bsc_lab_add_messages(h->primary, h->ledger, MESSAGES_PER_COMMIT, err))
            return false;
        if (i % COMMITS_PER_ROUND == COMMITS_PER_ROUND - 1 && !take_backup(h->lab, h->guard, err))
            return false;
    }
    return true;
}

static bool copy_and_apply(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *copy = bsc_lab_path(lab, BSC_LAB_SECONDARY);
    struct bsc_logs_agent_round round = {0};
    bool ok = bsc_logs_agent_copy_apply(lab->cli->sys, copy, NULL, &round, err);
    bsc_mem_free(copy);
    return ok;
}

/* Some backups are copied and applied, some lie on the share alone, and the last messages are in
 * no backup at all. */
static bool live_through(const struct history *h, struct bsc_err *err)
{
    return add_rounds(h, APPLIED_ROUNDS, err) && copy_and_apply(h->lab, err) &&
           add_rounds(h, SHARED_ROUNDS, err) &&
           bsc_lab_add_messages(h->primary, h->ledger, MESSAGES_UNSHIPPED, err);
}

static bool make_history(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct history h = {.lab = lab};
    char *db = bsc_lab_path(lab, BSC_LAB_PRIMARY);
    /* The guard comes first: whoever closes the database last would empty its log. */
    bool ok = bsc_logs_shipping_begin(lab->cli->sys, db, err) &&
              (h.guard = bsc_logs_guard_open(lab->cli->sys, db, err)) != NULL &&
              begin_shipping(lab, err);
    bsc_mem_free(db);
    if (ok)
        ok = (h.primary = bsc_lab_sql_open(lab, BSC_LAB_PRIMARY, false, err)) != NULL &&
             (h.ledger = bsc_lab_sql_open(lab, BSC_LAB_LEDGER, false, err)) != NULL;
    if (ok)
        ok = live_through(&h, err) &&
             bsc_lab_mirror(lab, "mirrors.install", BSC_LAB_PRIMARY, BSC_LAB_MIRROR, err);
    /* The processes that go on from here must have the database open before we let go of it. */
    if (ok)
        ok = bsc_lab_staff_start(lab, err);
    bsc_sql_close(h.primary);
    bsc_sql_close(h.ledger);
    bsc_logs_guard_close(h.guard);
    return ok;
}

bool bsc_lab_new(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const folders[] = {
        ".lab",         BSC_LAB_PIDS,  "dc1/sql1", "dc1/sql2",   "dc2/app", "dc2/sql4",
        BSC_LAB_COPIED, BSC_LAB_SHARE, "office",   BSC_LAB_LOST, NULL};
    if (!bsc_lab_folders_make(lab, folders, err) || !make_databases(lab, err) ||
        !make_history(lab, err) || !bsc_lab_site_write(lab, err))
        return false;
    bsc_cli_say(lab->cli,
                "practice site in %s\n"
                "  Atlanta (dc1)  sql1: chat database \"mgc\", primary; sql2: its mirror\n"
                "  Boston  (dc2)  sql3: log-shipped secondary; sql4: place for a new mirror\n"
                "  100,000 messages and more coming in; of the log backups, %d are applied on the\n"
                "  secondary, the others lie on the share, and the newest messages are in none\n",
                lab->folder, APPLIED_ROUNDS);
    return true;
}
